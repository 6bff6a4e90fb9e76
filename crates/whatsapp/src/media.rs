//! Upload and download of media files.

use bytes::Bytes;
use reqwest::{
    Response, StatusCode,
    header::{AUTHORIZATION, LOCATION},
    multipart::{Form, Part},
};
use sha2::{Digest, Sha256};
use url::{Host, Url};

use crate::client::CloudApiClient;
use crate::content::normalize_mime_type;
use crate::json_fields::JsonFields;
use crate::response::{self, CallError, NoResponse, NotSent};

/// Meta's record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaInfo {
    /// The download URL of the file, valid for five minutes.
    pub url: String,
    /// The MIME type of the file in lower case, without parameters.
    pub mime_type: String,
    pub sha256: Option<[u8; 32]>,
    /// The size of the file in bytes.
    pub size: Option<u64>,
}

/// The reason why the download of a file failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The download URL, or the target of a redirect, belongs neither to Meta nor to the configured API.
    #[error("the file's address is not Meta's")]
    ForeignAddress,
    #[error("the file has more than {max_bytes} bytes")]
    TooLarge { max_bytes: u64 },
    /// The download URL has expired. Look up the file again for another URL.
    #[error("the file's address has expired")]
    Gone,
    /// The download request failed. Downloads can always be retried.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Files are downloaded from all hosts below these domains.
const META_DOMAINS: [&str; 3] = ["fbsbx.com", "fbcdn.net", "whatsapp.net"];
const META_HOST: &str = "graph.facebook.com";
const MAX_REDIRECTS: usize = 3;

/// A running download of a file. It is read chunk by chunk, and cancelled on drop.
#[derive(Debug)]
pub struct MediaDownload {
    response: Response,
    max_bytes: u64,
    received_bytes: u64,
    digest: Sha256,
}

impl CloudApiClient {
    /// Looks up a file of a guest's message, or an uploaded file, by its media id. Meta rejects expired ids with code
    /// 100.
    pub async fn media_info(&self, id: &str) -> Result<MediaInfo, CallError> {
        let url = self.url(&[id])?;
        let response = self.call(self.http().get(url).timeout(self.timeouts().response)).await?;
        let info = response.as_object().and_then(|fields| {
            Some(MediaInfo {
                url: fields.text("url")?,
                mime_type: normalize_mime_type(fields.text("mime_type")),
                sha256: fields.sha256("sha256"),
                size: fields.integer("file_size").and_then(|it| it.try_into().ok()),
            })
        });
        info.ok_or(NoResponse::InvalidResponse { status: 200 }.into())
    }

    /// Starts the download of a file from a URL that Meta sent. The token is sent only to hosts of Meta and of the
    /// configured API, and is dropped on a redirect to another host.
    pub async fn download(&self, url: &str, max_bytes: u64) -> Result<MediaDownload, MediaError> {
        let mut url = url.parse().ok().filter(|it| self.is_download_allowed(it)).ok_or(MediaError::ForeignAddress)?;
        let mut is_authorized = true;
        let mut redirects = 0;
        loop {
            let mut request = self.http().get(url.clone()).timeout(self.timeouts().file_transfer);
            if is_authorized {
                request = request.header(AUTHORIZATION, self.authorization());
            }
            let response = request.send().await.map_err(CallError::from)?;
            // A redirect beyond the limit is not followed: it is treated as the response, which then is no file.
            if !response.status().is_redirection() || redirects == MAX_REDIRECTS {
                return MediaDownload::start(response, max_bytes).await;
            }
            redirects += 1;
            let location = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
            let next = location.and_then(|it| url.join(it).ok()).filter(|it| self.is_download_allowed(it));
            let next = next.ok_or(MediaError::ForeignAddress)?;
            is_authorized &= next.origin() == url.origin();
            url = next;
        }
    }

    /// Uploads a file for a WhatsApp number. Returns the media id, valid for 30 days. Uploads can always be retried.
    pub async fn upload(
        &self,
        phone_number_id: &str,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<String, CallError> {
        let url = self.url(&[phone_number_id, "media"])?;
        let file = Part::bytes(bytes).file_name(name.to_owned()).mime_str(content_type);
        let file = file.map_err(|_| NotSent::InvalidRequest("an invalid content type"))?;
        let form = Form::new().text("messaging_product", "whatsapp").text("type", content_type.to_owned());
        let request = self.http().post(url).multipart(form.part("file", file)).timeout(self.timeouts().file_transfer);
        let response = self.call(request).await?;
        response.as_object().and_then(|it| it.id("id")).ok_or(NoResponse::InvalidResponse { status: 200 }.into())
    }

    /// Returns `true` if files may be downloaded from this URL. The URL comes from outside, so it must not lead the
    /// server, and the token, to another service of the local network (server-side request forgery).
    fn is_download_allowed(&self, url: &Url) -> bool {
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        let is_meta_host = |host: &str| {
            let is_below =
                |domain: &&str| host.strip_suffix(*domain).is_some_and(|it| it.ends_with('.') && it.len() > 1);
            host == META_HOST || META_DOMAINS.iter().any(is_below)
        };
        let is_meta = matches!(url.host(), Some(Host::Domain(host)) if is_meta_host(host));
        url.origin() == self.base().origin() || (is_meta && url.scheme() == "https" && url.port().is_none())
    }
}

impl MediaDownload {
    async fn start(response: Response, max_bytes: u64) -> Result<Self, MediaError> {
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(MediaError::Gone),
            status => {
                // A response with another status is never the file, even if its JSON contains no error of Meta.
                let invalid_response = NoResponse::InvalidResponse { status: status.as_u16() };
                return Err(response::read_json(response).await.err().unwrap_or(invalid_response.into()).into());
            }
        }
        if response.content_length().is_some_and(|it| it > max_bytes) {
            return Err(MediaError::TooLarge { max_bytes });
        }
        Ok(Self { response, max_bytes, received_bytes: 0, digest: Sha256::new() })
    }

    /// Returns the next bytes of the file, or `None` at its end. A chunk has a few hundred KiB at most. After an error
    /// all earlier chunks are invalid.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, MediaError> {
        let chunk = self.response.chunk().await.map_err(response::body_error)?;
        if let Some(chunk) = &chunk {
            self.received_bytes = self.received_bytes.saturating_add(chunk.len() as u64);
            if self.received_bytes > self.max_bytes {
                return Err(MediaError::TooLarge { max_bytes: self.max_bytes });
            }
            self.digest.update(chunk);
        }
        Ok(chunk)
    }

    /// Returns the SHA-256 of all downloaded chunks, for comparison with [`MediaInfo::sha256`].
    pub fn sha256(self) -> [u8; 32] {
        self.digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_downloaded_only_from_hosts_of_meta_and_the_api() {
        let client = CloudApiClient::new("http://127.0.0.1:9000/graph", "v25.0", "token").unwrap();
        let is_allowed = |url: &str| client.is_download_allowed(&url.parse().unwrap());
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
