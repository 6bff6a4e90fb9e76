//! Calling Meta.

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

use crate::answer::{self, CallError, NoAnswer, NotSent};
use crate::inbound::wa_id;
use crate::json::{Fields, Object};
use crate::outgoing::Outgoing;

/// Calls the Cloud API with one access token. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    version: String,
    authorization: HeaderValue,
    limits: TimeLimits,
}

/// How long a client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// For a connection. Shorter than the others, since who waits for a connection has sent nothing.
    pub connection: Duration,
    /// For the whole of an answer.
    pub answer: Duration,
    /// For the whole of a file, either way.
    pub file: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        let [connection, answer, file] = [10, 30, 300].map(Duration::from_secs);
        Self { connection, answer, file }
    }
}

/// Settings that make no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// The base URL has other parts than scheme, host, port and path, or is none.
    #[error("the API's address is no URL like https://graph.facebook.com")]
    Url,
    /// The token would be sent readable to another machine.
    #[error("the API's address must be https, unless it is on this machine")]
    NoTls,
    /// The version is not of Meta's form.
    #[error("the API's version is none like v25.0")]
    Version,
    /// The token is empty, or has characters that no token has.
    #[error("the access token is empty or has characters that no token has")]
    Token,
    /// TLS cannot be begun: no certificates to trust were found.
    #[error("TLS cannot be begun: the system has no certificates that are trusted")]
    Tls,
}

/// A message that Meta took. Whether it arrives, a webhook tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Meta's id of the message: personal data, since it holds the number.
    pub wamid: String,
    /// The guest's WhatsApp id, which may differ from the number that it was sent to.
    pub wa_id: Option<String>,
    /// The guest's business-scoped id.
    pub bsuid: Option<String>,
}

/// What Meta says about a number of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberInfo {
    /// As it is written for people.
    pub display_phone_number: Option<String>,
    /// The name that guests see.
    pub verified_name: Option<String>,
    /// How content guests are: `GREEN`, `YELLOW`, `RED`.
    pub quality_rating: Option<String>,
}

/// A connection that nobody uses is given up before Meta closes it: what is sent while it closes gets
/// no answer.
const IDLE: Duration = Duration::from_secs(15);

impl Client {
    /// A client of the API at this address (`https://graph.facebook.com`) in this version (`v25.0`), with
    /// this token and the usual time limits.
    ///
    /// # Errors
    /// [`BadSettings`], which shows none of them.
    pub fn new(base_url: &str, version: &str, token: &str) -> Result<Self, BadSettings> {
        Self::with_limits(base_url, version, token, TimeLimits::default())
    }

    /// The same with other time limits.
    ///
    /// # Errors
    /// [`BadSettings`], which shows none of them.
    pub fn with_limits(base_url: &str, version: &str, token: &str, limits: TimeLimits) -> Result<Self, BadSettings> {
        let base = base_url.trim().parse().map_err(|_| BadSettings::Url).and_then(checked_base)?;
        if !is_version(version) {
            return Err(BadSettings::Version);
        }
        let is_token = !token.is_empty() && token.bytes().all(|it| it.is_ascii_graphic());
        let authorization = is_token.then(|| HeaderValue::from_str(&format!("Bearer {token}")).ok()).flatten();
        let mut authorization = authorization.ok_or(BadSettings::Token)?;
        authorization.set_sensitive(true);
        let http = http(&base, limits)?;
        Ok(Self { http, base, version: version.to_owned(), authorization, limits })
    }

    /// Sends a message from this number of ours. Its answer is awaited for as long as any other's, or up to this
    /// limit, where that is shorter.
    ///
    /// # Errors
    /// [`CallError`]. After [`CallError::NoAnswer`] it may have been sent: do not send it again, but wait
    /// for a status with its callback.
    pub async fn send(
        &self,
        phone_number_id: &str,
        message: &Outgoing,
        limit: Duration,
    ) -> Result<Accepted, CallError> {
        let body = message.json().map_err(|why| NotSent::NoCall(why.0))?;
        let answer = self.post(phone_number_id, &body, limit).await?;
        accepted(&answer).ok_or(NoAnswer::NotUnderstood { status: 200 }.into())
    }

    /// Shows the guest that this message of theirs, and all before it, were read. Does nothing else, and
    /// may be left out.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn mark_read(&self, phone_number_id: &str, wamid: &str) -> Result<(), CallError> {
        let body = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": wamid });
        self.post(phone_number_id, &body, self.limits.answer).await.map(|_| ())
    }

    /// What Meta says about this number of ours; that it says anything shows that address, version,
    /// token and number are right.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn check(&self, phone_number_id: &str) -> Result<NumberInfo, CallError> {
        let mut url = self.url(&[phone_number_id])?;
        url.set_query(Some("fields=display_phone_number,verified_name,quality_rating"));
        let answer = self.exchange(self.http.get(url).timeout(self.limits.answer)).await?;
        let text = |name| answer.as_object().and_then(|it| it.text(name));
        Ok(NumberInfo {
            display_phone_number: text("display_phone_number"),
            verified_name: text("verified_name"),
            quality_rating: text("quality_rating"),
        })
    }

    async fn post(&self, phone_number_id: &str, body: &Value, limit: Duration) -> Result<Value, CallError> {
        let url = self.url(&[phone_number_id, "messages"])?;
        self.exchange(self.http.post(url).json(body).timeout(limit.min(self.limits.answer))).await
    }

    /// Makes a call to the API itself and reads its answer.
    pub(crate) async fn exchange(&self, request: RequestBuilder) -> Result<Value, CallError> {
        let response = request.header(AUTHORIZATION, self.authorization.clone()).send().await?;
        answer::read(response).await
    }

    /// The address of these parts, each of which is an id or a word.
    pub(crate) fn url(&self, parts: &[&str]) -> Result<Url, NotSent> {
        let is_id =
            |it: &&str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it));
        if !parts.iter().all(is_id) {
            return Err(NotSent::NoCall("an id that cannot be one"));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| NotSent::NoCall("no address"))?
            .pop_if_empty()
            .push(&self.version)
            .extend(parts);
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

    pub(crate) fn limits(&self) -> TimeLimits {
        self.limits
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What calls this address. Redirects are not followed.
pub(crate) fn http(base: &Url, limits: TimeLimits) -> Result<reqwest::Client, BadSettings> {
    // TLS's arithmetic, for the whole process; whoever was first has chosen it.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("message-manager/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // A call is made again by who knows what it does.
            .retry(retry::never())
            .connect_timeout(limits.connection)
            .pool_idle_timeout(IDLE)
    };
    let is_local = base.scheme() == "http";
    // What is on this machine is not behind a proxy, and a machine without certificates may have it.
    let built = if is_local { builder().no_proxy().build() } else { builder().build() };
    let built = if is_local { built.or_else(|_| builder().no_proxy().tls_certs_only([]).build()) } else { built };
    built.map_err(|_| BadSettings::Tls)
}

/// An address that a token may be sent to.
fn checked_base(base: Url) -> Result<Url, BadSettings> {
    let is_local = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(it)) => IpAddr::from(it).is_loopback(),
        Some(Host::Ipv6(it)) => IpAddr::from(it).is_loopback(),
        None => return Err(BadSettings::Url),
    };
    let is_plain = base.query().is_none() && base.fragment().is_none();
    if !is_plain || !base.username().is_empty() || base.password().is_some() {
        return Err(BadSettings::Url);
    }
    match base.scheme() {
        "https" => Ok(base),
        "http" if is_local => Ok(base),
        "http" => Err(BadSettings::NoTls),
        _ => Err(BadSettings::Url),
    }
}

/// Whether it is like `v25.0`.
fn is_version(version: &str) -> bool {
    let is_number = |it: &str| (1..=3).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit());
    let parts = version.strip_prefix('v').and_then(|it| it.split_once('.'));
    parts.is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

fn accepted(answer: &Value) -> Option<Accepted> {
    let answer: &Object = answer.as_object()?;
    let wamid = answer.objects("messages").find_map(|it| it.id("id"))?;
    let contact = answer.objects("contacts").next();
    let (wa_id, bsuid) = (contact.and_then(|it| wa_id(it, "wa_id")), contact.and_then(|it| it.id("user_id")));
    Some(Accepted { wamid, wa_id, bsuid })
}

#[cfg(test)]
mod tests;
