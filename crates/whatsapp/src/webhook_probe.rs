//! Checks for `doctor`: calls our own webhook as Meta would, and compares the clocks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Response, header::DATE};
use url::Url;

use crate::client::{ClientTimeouts, CloudApiClient, build_http_client};
use crate::response::{CallError, NotSent};

/// Timeout of the probe of our webhook. It is longer than Meta's timeout for webhook calls.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_CHALLENGE_BYTES: usize = 4096;

/// The outcome of [`probe_webhook`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookProbeResult {
    /// The webhook returned the challenge, as Meta requires.
    Verified,
    WrongResponse {
        status: u16,
    },
    UntrustedCertificate,
    /// The webhook did not respond, for this cause. Meta may reach the webhook nevertheless: many networks forbid the
    /// route from inside.
    Unreachable(String),
}

/// Sends the subscription request of Meta to our webhook, such as `https://desk.example.com/webhooks/whatsapp/`.
/// Redirects are not followed, as Meta does not follow them.
pub async fn probe_webhook(address: &str, verify_token: &str, challenge: &str) -> WebhookProbeResult {
    let Ok(mut url) = Url::parse(address) else { return WebhookProbeResult::Unreachable("it is no URL".to_owned()) };
    url.query_pairs_mut().append_pair("hub.mode", "subscribe").append_pair("hub.challenge", challenge);
    url.query_pairs_mut().append_pair("hub.verify_token", verify_token);
    match get(url).await {
        Ok(response) if response.status() == 200 => {
            let is_verified = read_short_body(response).await.is_some_and(|body| body == challenge.as_bytes());
            if is_verified { WebhookProbeResult::Verified } else { WebhookProbeResult::WrongResponse { status: 200 } }
        }
        Ok(response) => WebhookProbeResult::WrongResponse { status: response.status().as_u16() },
        Err(CallError::NotSent(NotSent::NoConnection(cause))) if cause.contains("certificate") => {
            WebhookProbeResult::UntrustedCertificate
        }
        // Only the cause of the failed connection is reported, because the URL contains the verify token.
        Err(CallError::NotSent(NotSent::NoConnection(cause))) => WebhookProbeResult::Unreachable(cause),
        Err(error) => WebhookProbeResult::Unreachable(error.to_string()),
    }
}

async fn get(url: Url) -> Result<Response, CallError> {
    let timeouts = ClientTimeouts { connect: PROBE_TIMEOUT, response: PROBE_TIMEOUT, file_transfer: PROBE_TIMEOUT };
    let http = build_http_client(&url, timeouts)
        .map_err(|_| NotSent::InvalidRequest("this machine has no trusted certificates"))?;
    Ok(http.get(url).timeout(PROBE_TIMEOUT).send().await?)
}

/// Reads the body of the webhook's response. Returns `None` if it is longer than any challenge, or the connection
/// breaks.
async fn read_short_body(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_CHALLENGE_BYTES {
            return None;
        }
    }
    Some(body)
}

impl CloudApiClient {
    /// Returns the time of the API in whole seconds, if its response has the header `Date`. Needs no valid token.
    pub async fn server_time(&self) -> Result<Option<DateTime<Utc>>, CallError> {
        let response = self.http().get(self.base().clone()).timeout(self.timeouts().response).send().await?;
        let date = response.headers().get(DATE).and_then(|it| it.to_str().ok());
        let time = date.and_then(|it| DateTime::parse_from_rfc2822(it).ok());
        Ok(time.map(|it| it.to_utc()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Starts a server that sends this response once. Returns its address.
    async fn serve_once(response: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(response.as_bytes()).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn only_the_challenge_verifies_a_webhook() {
        for (response, result) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", WebhookProbeResult::Verified),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc\n", WebhookProbeResult::WrongResponse { status: 200 }),
            ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", WebhookProbeResult::WrongResponse { status: 403 }),
            (
                "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
                WebhookProbeResult::WrongResponse { status: 301 },
            ),
        ] {
            assert_eq!(probe_webhook(&serve_once(response).await, "t", "abc").await, result);
        }
    }

    #[tokio::test]
    async fn the_cause_does_not_contain_the_token() {
        // Port 9, the discard port, has no listener.
        for address in ["http://127.0.0.1:9/webhooks/whatsapp/", "no address"] {
            match probe_webhook(address, "hunter2", "abc").await {
                WebhookProbeResult::Unreachable(cause) => {
                    assert!(!cause.is_empty() && !cause.contains("hunter2"), "{cause}")
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn the_server_time_is_the_date_of_the_response() {
        let response = "HTTP/1.1 400 Bad Request\r\nDate: Wed, 25 Nov 2026 16:00:15 GMT\r\nContent-Length: 0\r\n\r\n";
        let client = CloudApiClient::new(&serve_once(response).await, "v25.0", "t").unwrap();
        let at = client.server_time().await.unwrap().unwrap();
        assert_eq!(at.to_rfc3339(), "2026-11-25T16:00:15+00:00");
        let client = CloudApiClient::new(&serve_once("HTTP/1.1 204 No Content\r\n\r\n").await, "v25.0", "t").unwrap();
        assert_eq!(client.server_time().await.unwrap(), None);
    }
}
