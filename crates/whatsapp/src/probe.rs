//! Looking whether a set-up works: what Meta would find at a webhook's address, and what time it is there.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Response, header::DATE};
use url::Url;

use crate::answer::{CallError, NotSent};
use crate::client::{self, Client, TimeLimits};

/// How long a webhook may take to be reached and to answer: longer than Meta waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// No challenge is longer.
const MOST_BYTES: usize = 4096;

/// What was found at a webhook's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// It answers as Meta wants it.
    Verified,
    /// It answers, and not so.
    Other {
        /// With this HTTP status.
        status: u16,
    },
    /// Its certificate is not one that is trusted.
    Untrusted,
    /// It was not reached from here, or gave no answer: why. It may be reached from elsewhere.
    NotReached(String),
}

/// Asks a webhook (`https://desk.example.com/webhooks/whatsapp/`) what Meta asks it when it is set up.
/// Redirects are not followed: Meta follows none.
pub async fn ask_webhook(address: &str, verify_token: &str, challenge: &str) -> WebhookAnswer {
    let Ok(mut url) = Url::parse(address) else { return WebhookAnswer::NotReached("it is no URL".to_owned()) };
    url.query_pairs_mut().append_pair("hub.mode", "subscribe").append_pair("hub.challenge", challenge);
    url.query_pairs_mut().append_pair("hub.verify_token", verify_token);
    match get(url).await {
        Ok(response) if response.status() == 200 => {
            let is_it = begins(response).await.is_some_and(|body| body == challenge.as_bytes());
            if is_it { WebhookAnswer::Verified } else { WebhookAnswer::Other { status: 200 } }
        }
        Ok(response) => WebhookAnswer::Other { status: response.status().as_u16() },
        Err(CallError::NotSent(NotSent::NoConnection(cause))) if cause.contains("certificate") => {
            WebhookAnswer::Untrusted
        }
        // Without the address, which has the token in it.
        Err(CallError::NotSent(NotSent::NoConnection(cause))) => WebhookAnswer::NotReached(cause),
        Err(error) => WebhookAnswer::NotReached(error.to_string()),
    }
}

async fn get(url: Url) -> Result<Response, CallError> {
    let limits = TimeLimits { connection: PATIENCE, answer: PATIENCE, file: PATIENCE };
    let http = client::http(&url, limits).map_err(|_| NotSent::NoCall("this machine has no certificates to trust"))?;
    Ok(http.get(url).timeout(PATIENCE).send().await?)
}

/// The body, where it is short.
async fn begins(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return None;
        }
    }
    Some(body)
}

impl Client {
    /// The time at the API, to the second; `None` where it does not tell. Needs no token.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn time(&self) -> Result<Option<DateTime<Utc>>, CallError> {
        let response = self.http().get(self.base().clone()).timeout(self.limits().answer).send().await?;
        let date = response.headers().get(DATE).and_then(|it| it.to_str().ok());
        let at = date.and_then(|it| DateTime::parse_from_rfc2822(it).ok());
        Ok(at.map(|it| it.to_utc()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// An address that answers once with this.
    async fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn what_a_webhook_answers_is_told() {
        for (answer, found) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", WebhookAnswer::Verified),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc\n", WebhookAnswer::Other { status: 200 }),
            ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", WebhookAnswer::Other { status: 403 }),
            ("HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", WebhookAnswer::Other { status: 301 }),
        ] {
            assert_eq!(ask_webhook(&answering(answer).await, "t", "abc").await, found);
        }
    }

    #[tokio::test]
    async fn who_is_not_reached_is_not_shown_with_the_token() {
        // The discard port: nobody listens there.
        for address in ["http://127.0.0.1:9/webhooks/whatsapp/", "no address"] {
            match ask_webhook(address, "hunter2", "abc").await {
                WebhookAnswer::NotReached(why) => assert!(!why.is_empty() && !why.contains("hunter2"), "{why}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn the_time_is_that_of_the_answer() {
        let answer = "HTTP/1.1 400 Bad Request\r\nDate: Wed, 25 Nov 2026 16:00:15 GMT\r\nContent-Length: 0\r\n\r\n";
        let client = Client::new(&answering(answer).await, "v25.0", "t").unwrap();
        let at = client.time().await.unwrap().unwrap();
        assert_eq!(at.to_rfc3339(), "2026-11-25T16:00:15+00:00");
        let client = Client::new(&answering("HTTP/1.1 204 No Content\r\n\r\n").await, "v25.0", "t").unwrap();
        assert_eq!(client.time().await.unwrap(), None);
    }
}
