//! HTTP client of the Cloud API: sends messages, marks messages as read, queries a phone number.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::{
    RequestBuilder,
    header::{AUTHORIZATION, HeaderValue},
    redirect, retry,
};
use serde_json::{Value, json};
use url::{Host, Url};

use crate::json_fields::JsonFields;
use crate::outgoing::OutgoingMessage;
use crate::response::{self, CallError, NoResponse, NotSent};

/// Unused connections are closed after this time. It is below Meta's idle timeout, because a request sent on a
/// connection that Meta is closing gets no response.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// A client of the Cloud API with one access token. Clones are cheap and share their connections.
///
/// It never retries and never follows redirects: the caller decides, because a repeated send may reach the guest twice.
#[derive(Clone)]
pub struct CloudApiClient {
    http: reqwest::Client,
    base: Url,
    version: String,
    authorization: HeaderValue,
    timeouts: ClientTimeouts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTimeouts {
    /// Timeout for opening a connection. Shorter than the others, because a request without a connection can be retried
    /// safely.
    pub connect: Duration,
    /// Timeout for a request with its whole response.
    pub response: Duration,
    /// Timeout for the upload or download of a file.
    pub file_transfer: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        let [connect, response, file_transfer] = [10, 30, 300].map(Duration::from_secs);
        Self { connect, response, file_transfer }
    }
}

/// Settings from which no API client can be built. The texts contain no setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientConfigError {
    /// The API's address is no URL, or has user, query or fragment.
    #[error("the API's address is no URL like https://graph.facebook.com")]
    Url,
    /// The API's address is not https: the token would be sent to another machine without encryption.
    #[error("the API's address must be https, unless it is on this machine")]
    NoTls,
    #[error("the API's version is none like v25.0")]
    Version,
    #[error("the access token is empty or has characters that no token has")]
    Token,
    #[error("TLS is not possible: the system has no trusted certificates")]
    Tls,
}

/// A message that Meta accepted. Receipts report whether it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedMessage {
    /// Meta's id of the accepted message. It is personal data, because it contains the phone number.
    pub wamid: String,
    /// The guest's WhatsApp id, which may differ from the address that the message was sent to.
    pub wa_id: Option<String>,
    /// The guest's business-scoped id.
    pub bsuid: Option<String>,
}

/// Meta's record of a phone number of the hotel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumberInfo {
    /// The phone number with separators, such as `+44 20 7946 0000`.
    pub display_phone_number: Option<String>,
    /// The verified name of the phone number, which guests see in WhatsApp.
    pub verified_name: Option<String>,
    /// Meta's quality rating of the phone number: `GREEN`, `YELLOW` or `RED`.
    pub quality_rating: Option<String>,
}

impl CloudApiClient {
    /// Creates a client with the default timeouts. `base_url` is like `https://graph.facebook.com`, `version` like
    /// `v25.0`.
    pub fn new(base_url: &str, version: &str, token: &str) -> Result<Self, ClientConfigError> {
        Self::with_timeouts(base_url, version, token, ClientTimeouts::default())
    }

    pub fn with_timeouts(
        base_url: &str,
        version: &str,
        token: &str,
        timeouts: ClientTimeouts,
    ) -> Result<Self, ClientConfigError> {
        let base = base_url.trim().parse().map_err(|_| ClientConfigError::Url).and_then(validate_base_url)?;
        if !is_version(version) {
            return Err(ClientConfigError::Version);
        }
        let is_token = !token.is_empty() && token.bytes().all(|it| it.is_ascii_graphic());
        let authorization = is_token.then(|| HeaderValue::from_str(&format!("Bearer {token}")).ok()).flatten();
        let mut authorization = authorization.ok_or(ClientConfigError::Token)?;
        authorization.set_sensitive(true);
        let http = build_http_client(&base, timeouts)?;
        Ok(Self { http, base, version: version.to_owned(), authorization, timeouts })
    }

    /// Sends a message from the WhatsApp number `phone_number_id`. `timeout` shortens the timeout of the client.
    ///
    /// After [`CallError::NoResponse`] the message may have been sent: do not send it again, but wait for a receipt
    /// with the message's callback id.
    pub async fn send(
        &self,
        phone_number_id: &str,
        message: &OutgoingMessage,
        timeout: Duration,
    ) -> Result<AcceptedMessage, CallError> {
        let body = message.json().map_err(|error| NotSent::InvalidRequest(error.0))?;
        let response = self.post_message(phone_number_id, &body, timeout).await?;
        parse_accepted(&response).ok_or(NoResponse::InvalidResponse { status: 200 }.into())
    }

    /// Marks a guest's message as read: shows the guest that this message and all before it were read.
    pub async fn mark_read(&self, phone_number_id: &str, wamid: &str) -> Result<(), CallError> {
        let body = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": wamid });
        self.post_message(phone_number_id, &body, self.timeouts.response).await.map(|_| ())
    }

    /// Queries a phone number. Success proves that address, version, token and number are correct.
    pub async fn phone_number_info(&self, phone_number_id: &str) -> Result<PhoneNumberInfo, CallError> {
        let mut url = self.url(&[phone_number_id])?;
        url.set_query(Some("fields=display_phone_number,verified_name,quality_rating"));
        let response = self.call(self.http.get(url).timeout(self.timeouts.response)).await?;
        let text = |name| response.as_object().and_then(|it| it.text(name));
        Ok(PhoneNumberInfo {
            display_phone_number: text("display_phone_number"),
            verified_name: text("verified_name"),
            quality_rating: text("quality_rating"),
        })
    }

    async fn post_message(&self, phone_number_id: &str, body: &Value, timeout: Duration) -> Result<Value, CallError> {
        let url = self.url(&[phone_number_id, "messages"])?;
        self.call(self.http.post(url).json(body).timeout(timeout.min(self.timeouts.response))).await
    }

    /// Sends an authorized request and reads the JSON of the response.
    pub(crate) async fn call(&self, request: RequestBuilder) -> Result<Value, CallError> {
        let response = request.header(AUTHORIZATION, self.authorization.clone()).send().await?;
        response::read_json(response).await
    }

    /// Returns the API's URL with these path segments. Fails if a segment has other characters than an id.
    pub(crate) fn url(&self, segments: &[&str]) -> Result<Url, NotSent> {
        let is_id =
            |it: &&str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it));
        if !segments.iter().all(is_id) {
            return Err(NotSent::InvalidRequest("an id with invalid characters"));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| NotSent::InvalidRequest("the API's address has no path"))?
            .pop_if_empty()
            .push(&self.version)
            .extend(segments);
        Ok(url)
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    pub(crate) fn timeouts(&self) -> ClientTimeouts {
        self.timeouts
    }
}

impl fmt::Debug for CloudApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudApiClient")
            .field("base", &self.base.as_str())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Builds an HTTP client for this base URL, without redirects and retries.
pub(crate) fn build_http_client(base: &Url, timeouts: ClientTimeouts) -> Result<reqwest::Client, ClientConfigError> {
    // Selects the TLS provider of the process. Fails if a TLS provider is already selected, which is fine.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("message-manager/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .connect_timeout(timeouts.connect)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
    };
    let is_local = base.scheme() == "http";
    // An API on this machine is not behind a proxy, and needs no trusted certificates.
    let client = if is_local { builder().no_proxy().build() } else { builder().build() };
    let client = if is_local { client.or_else(|_| builder().no_proxy().tls_certs_only([]).build()) } else { client };
    client.map_err(|_| ClientConfigError::Tls)
}

/// Accepts only a URL to which the token can be sent safely: https, or http on this machine.
fn validate_base_url(base: Url) -> Result<Url, ClientConfigError> {
    let is_local = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(it)) => IpAddr::from(it).is_loopback(),
        Some(Host::Ipv6(it)) => IpAddr::from(it).is_loopback(),
        None => return Err(ClientConfigError::Url),
    };
    let is_plain = base.query().is_none() && base.fragment().is_none();
    if !is_plain || !base.username().is_empty() || base.password().is_some() {
        return Err(ClientConfigError::Url);
    }
    match base.scheme() {
        "https" => Ok(base),
        "http" if is_local => Ok(base),
        "http" => Err(ClientConfigError::NoTls),
        _ => Err(ClientConfigError::Url),
    }
}

/// Returns `true` for a version like `v25.0`.
fn is_version(version: &str) -> bool {
    let is_number = |it: &str| (1..=3).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit());
    let parts = version.strip_prefix('v').and_then(|it| it.split_once('.'));
    parts.is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

fn parse_accepted(response: &Value) -> Option<AcceptedMessage> {
    let response = response.as_object()?;
    let wamid = response.objects("messages").find_map(|it| it.id("id"))?;
    let contact = response.objects("contacts").next();
    let wa_id = contact.and_then(|it| it.wa_id("wa_id"));
    let bsuid = contact.and_then(|it| it.id("user_id"));
    Some(AcceptedMessage { wamid, wa_id, bsuid })
}

#[cfg(test)]
mod tests;
