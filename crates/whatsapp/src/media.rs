//! Files, both ways.

use bytes::Bytes;
use reqwest::{
    Response, StatusCode,
    header::{AUTHORIZATION, LOCATION},
    multipart::{Form, Part},
};
use sha2::{Digest, Sha256};
use url::{Host, Url};

use crate::Client;
use crate::answer::{self, CallError, NoAnswer, NotSent};
use crate::content::mime_type;
use crate::json::{Fields, sha256};

/// Where a file is, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaInfo {
    /// Where: good for five minutes.
    pub url: String,
    /// Its MIME type in lower case, without parameters.
    pub mime_type: String,
    /// The SHA-256 of its bytes.
    pub sha256: Option<[u8; 32]>,
    /// How many bytes it has.
    pub size: Option<u64>,
}

/// Why a file is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// Its address, or one that it was moved to, is neither Meta's nor that of the API.
    #[error("a file at an address that is not Meta's")]
    ForeignAddress,
    /// It has more bytes than are wanted.
    #[error("a file of more than {most} bytes")]
    TooLarge {
        /// How many are wanted.
        most: u64,
    },
    /// Nothing is there any more: look it up again.
    #[error("the file's address is no longer good")]
    Gone,
    /// The call did not succeed; it may be made again.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Whose files are fetched: all hosts below these domains.
const META_DOMAINS: [&str; 3] = ["fbsbx.com", "fbcdn.net", "whatsapp.net"];
const META_HOST: &str = "graph.facebook.com";
const MOST_REDIRECTS: usize = 3;

/// A file that is being fetched, chunk by chunk.
#[derive(Debug)]
pub struct Download {
    response: Response,
    most: u64,
    /// Bytes so far.
    read: u64,
    digest: Sha256,
}

impl Client {
    /// Where a file is: of a guest's message, or one that was uploaded.
    ///
    /// # Errors
    /// [`CallError`]; Meta refuses an id that is too old by code 100.
    pub async fn media(&self, id: &str) -> Result<MediaInfo, CallError> {
        let url = self.url(&[id])?;
        let answer = self.exchange(self.http().get(url).timeout(self.limits().answer)).await?;
        let read = answer.as_object().and_then(|it| {
            Some(MediaInfo {
                url: it.text("url")?,
                mime_type: mime_type(it.text("mime_type")),
                sha256: it.text("sha256").as_deref().and_then(sha256),
                size: it.integer("file_size").and_then(|it| it.try_into().ok()),
            })
        });
        read.ok_or(NoAnswer::NotUnderstood { status: 200 }.into())
    }

    /// Begins to fetch a file of at most so many bytes from an address that Meta told. The token goes to
    /// the hosts of Meta and of the API only, and not along when a file was moved to another of them.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn download(&self, url: &str, most: u64) -> Result<Download, MediaError> {
        let mut url = url.parse().ok().filter(|it| self.is_allowed(it)).ok_or(MediaError::ForeignAddress)?;
        let mut authorized = true;
        let mut moved = 0;
        loop {
            let mut request = self.http().get(url.clone()).timeout(self.limits().file);
            if authorized {
                request = request.header(AUTHORIZATION, self.authorization());
            }
            let response = request.send().await.map_err(CallError::from)?;
            // Who is sent on and on gets no file: a redirect is no answer.
            if !response.status().is_redirection() || moved == MOST_REDIRECTS {
                return Download::begin(response, most).await;
            }
            moved += 1;
            let place = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
            let next = place.and_then(|it| url.join(it).ok()).filter(|it| self.is_allowed(it));
            let next = next.ok_or(MediaError::ForeignAddress)?;
            authorized &= next.origin() == url.origin();
            url = next;
        }
    }

    /// Uploads a file for this number of ours, to send it by the id that is answered, within 30 days.
    ///
    /// # Errors
    /// [`CallError`]; it may always be done again.
    pub async fn upload(
        &self,
        phone_number_id: &str,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<String, CallError> {
        let url = self.url(&[phone_number_id, "media"])?;
        let file = Part::bytes(bytes).file_name(name.to_owned()).mime_str(content_type);
        let file = file.map_err(|_| NotSent::NoCall("a content type that cannot be one"))?;
        let form = Form::new().text("messaging_product", "whatsapp").text("type", content_type.to_owned());
        let request = self.http().post(url).multipart(form.part("file", file)).timeout(self.limits().file);
        let answer = self.exchange(request).await?;
        answer.as_object().and_then(|it| it.id("id")).ok_or(NoAnswer::NotUnderstood { status: 200 }.into())
    }

    /// Whether files are fetched from there. The address comes from outside: it must not lead us, and the
    /// token even less, to whatever else can be reached from here.
    fn is_allowed(&self, url: &Url) -> bool {
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        let is_metas = |host: &str| {
            let is_below =
                |domain: &&str| host.strip_suffix(*domain).is_some_and(|it| it.ends_with('.') && it.len() > 1);
            host == META_HOST || META_DOMAINS.iter().any(is_below)
        };
        let is_meta = matches!(url.host(), Some(Host::Domain(host)) if is_metas(host));
        url.origin() == self.base().origin() || (is_meta && url.scheme() == "https" && url.port().is_none())
    }
}

impl Download {
    async fn begin(response: Response, most: u64) -> Result<Self, MediaError> {
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(MediaError::Gone),
            status => {
                // What is no error of Meta's is no file either.
                let not_understood = NoAnswer::NotUnderstood { status: status.as_u16() };
                return Err(answer::read(response).await.err().unwrap_or(not_understood.into()).into());
            }
        }
        if response.content_length().is_some_and(|it| it > most) {
            return Err(MediaError::TooLarge { most });
        }
        Ok(Self { response, most, read: 0, digest: Sha256::new() })
    }

    /// The next bytes; none at the end. All that is in memory at a time is one chunk, some hundred KiB at
    /// most.
    ///
    /// # Errors
    /// [`MediaError`]; what was fetched so far is then worth nothing.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, MediaError> {
        let chunk = self.response.chunk().await.map_err(answer::unread)?;
        if let Some(chunk) = &chunk {
            self.read = self.read.saturating_add(chunk.len() as u64);
            if self.read > self.most {
                return Err(MediaError::TooLarge { most: self.most });
            }
            self.digest.update(chunk);
        }
        Ok(chunk)
    }

    /// The SHA-256 of all chunks so far, to be compared with what Meta says.
    pub fn sha256(self) -> [u8; 32] {
        self.digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_fetched_from_metas_hosts_and_the_apis_own_only() {
        let client = Client::new("http://127.0.0.1:9000/graph", "v25.0", "token").unwrap();
        let is_allowed = |url: &str| client.is_allowed(&url.parse().unwrap());
        for good in [
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=9",
            "https://scontent.xx.fbcdn.net/v/a",
            "https://graph.facebook.com/v25.0/9",
            "https://mmg.whatsapp.net:443/a",
            "http://127.0.0.1:9000/elsewhere",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in [
            "http://lookaside.fbsbx.com/a",
            "https://lookaside.fbsbx.com:8443/a",
            "https://fbsbx.com.example.com/a",
            "https://evilfbsbx.com/a",
            "https://fbsbx.com/a",
            "https://lookaside.fbsbx.com@example.com/a",
            "https://user@lookaside.fbsbx.com/a",
            "https://:pass@lookaside.fbsbx.com/a",
            "https://www.facebook.com/a",
            "https://x.graph.facebook.com/a",
            "http://127.0.0.1:9001/a",
            "https://127.0.0.1:9000/a",
            "http://localhost:9000/a",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            "data:text/plain,a",
        ] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
