//! Media files: uploads of the product, and files of guests.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    bounded_map::BoundedMap,
    clock::{DAY, MINUTE, Millis, SECOND},
    graph_error::GraphError,
};

const UPLOAD_LIFETIME: Millis = 30 * DAY;
const GUEST_FILE_LIFETIME: Millis = 7 * DAY;
const URL_LIFETIME: Millis = 5 * MINUTE;
/// Maximum number of stored files, and of download URLs.
const MAX_FILES: usize = 20_000;
/// Maximum size of all stored files together. The oldest files are removed first.
const MAX_TOTAL_BYTES: usize = 512 * 1024 * 1024;
const MIB: usize = 1024 * 1024;
/// The size of the largest file that guests and the product can send.
pub(crate) const MAX_FILE_BYTES: usize = 100 * MIB;
const FIRST_MEDIA_ID: u64 = 900_000_000_000_001;
/// The example image of guests: a PNG of one pixel, in base64.
const EXAMPLE_PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub(crate) struct StoredFile {
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
    sha256: [u8; 32],
    phone_number_id: String,
    expires: Millis,
}

/// A request for the file of a guest's message. All fields are optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GuestMedia {
    mime_type: Option<String>,
    /// The content of the guest's file in base64.
    base64: Option<String>,
    /// The size in bytes of generated content, if there is no `base64`.
    size: Option<usize>,
    caption: Option<String>,
    filename: Option<String>,
    /// `true` to report the SHA-256 of other content than that of the file.
    wrong_sha256: bool,
}

pub(crate) struct MediaStore {
    files: BoundedMap<String, StoredFile>,
    /// Media id and expiry of each download URL. The key is the `hash` in the URL.
    urls: BoundedMap<String, (String, Millis)>,
    next_id: u64,
    total_bytes: usize,
}

impl MediaStore {
    pub(crate) fn new() -> Self {
        Self {
            files: BoundedMap::new(MAX_FILES),
            urls: BoundedMap::new(MAX_FILES),
            next_id: FIRST_MEDIA_ID,
            total_bytes: 0,
        }
    }

    /// Stores an upload, and returns its media id. Fails if the type or size of the file is not allowed.
    pub(crate) fn add_upload(
        &mut self,
        phone_number_id: &str,
        mime: &str,
        bytes: Bytes,
        now: Millis,
    ) -> Result<String, GraphError> {
        let Some((_, max_bytes)) = kind_and_limit(mime) else {
            return Err(GraphError::parameter(format!(
                "Param file must be a file of an allowed type; it is {mime:?}."
            )));
        };
        if bytes.is_empty() || bytes.len() > max_bytes {
            let details = format!("The file has {} bytes; allowed are 1 to {max_bytes} for {mime}.", bytes.len());
            return Err(GraphError::new(131053, details));
        }
        Ok(self.insert(phone_number_id, mime, bytes, now + UPLOAD_LIFETIME))
    }

    fn insert(&mut self, phone_number_id: &str, mime: &str, bytes: Bytes, expires: Millis) -> String {
        let id = self.next_id.to_string();
        self.next_id += 1;
        self.total_bytes += bytes.len();
        while self.total_bytes > MAX_TOTAL_BYTES
            && let Some(oldest) = self.files.pop_oldest()
        {
            self.total_bytes -= oldest.bytes.len();
        }
        let sha256 = Sha256::digest(&bytes).into();
        let phone_number_id = phone_number_id.to_owned();
        let file = StoredFile { mime: mime.to_owned(), bytes, sha256, phone_number_id, expires };
        self.files.insert(id.clone(), file);
        id
    }

    fn find(&self, id: &str, now: Millis) -> Option<&StoredFile> {
        self.files.get(id).filter(|file| now < file.expires)
    }

    /// Returns `true` if the file's type fits the message type. Fails if the phone number has no such file.
    pub(crate) fn is_sendable_as(
        &self,
        id: &str,
        phone_number_id: &str,
        message_type: &str,
        now: Millis,
    ) -> Result<bool, GraphError> {
        let file = self.find(id, now).filter(|file| file.phone_number_id == phone_number_id);
        let file = file.ok_or_else(|| GraphError::value(format!("{message_type}.id: there is no such media")))?;
        let kind = kind_and_limit(&file.mime).map(|(kind, _)| kind);
        Ok(kind.is_some_and(|kind| kind == message_type || message_type == "document"))
    }

    /// Deletes a file. Returns `false` if there is no such file.
    pub(crate) fn delete(&mut self, id: &str) -> bool {
        let removed = self.files.remove(id);
        self.total_bytes -= removed.as_ref().map_or(0, |file| file.bytes.len());
        removed.is_some()
    }

    /// Returns the JSON of a file look-up, with a new download URL that is valid for five minutes.
    pub(crate) fn look_up(
        &mut self,
        id: &str,
        phone_number_id: Option<&str>,
        base: &str,
        now: Millis,
    ) -> Option<Value> {
        let file = self.find(id, now).filter(|file| phone_number_id.is_none_or(|it| it == file.phone_number_id))?;
        let (mime, sha256, size) = (file.mime.clone(), hex::encode(file.sha256), file.bytes.len());
        Some(json!({
            "messaging_product": "whatsapp",
            "url": self.new_url(id, base, now),
            "mime_type": mime,
            "sha256": sha256,
            "file_size": size.to_string(),
            "id": id,
        }))
    }

    fn new_url(&mut self, id: &str, base: &str, now: Millis) -> String {
        let (hash, expires) = (format!("{:016x}", rand::random::<u64>()), now + URL_LIFETIME);
        self.urls.insert(hash.clone(), (id.to_owned(), expires));
        format!("{base}/whatsapp_business/attachments/?mid={id}&ext={}&hash={hash}", expires / SECOND)
    }

    /// Returns the file of a download URL, or `None` if the URL has expired.
    pub(crate) fn find_by_url_hash(&self, hash: &str, now: Millis) -> Option<&StoredFile> {
        let (id, _) = self.urls.get(hash).filter(|(_, expires)| now < *expires)?;
        self.find(id, now)
    }

    /// Stores a guest's file, and returns the content object of the message. With `base` that object has a download
    /// URL.
    pub(crate) fn add_guest_file(
        &mut self,
        kind: &str,
        media: GuestMedia,
        phone_number_id: &str,
        base: Option<&str>,
        now: Millis,
    ) -> Result<Map<String, Value>, String> {
        let (mime, example) = example_file(kind);
        let bytes = match (media.base64, media.size) {
            (Some(text), _) => Bytes::from(BASE64_STANDARD.decode(text).map_err(|error| error.to_string())?),
            (None, Some(size)) if size > MAX_FILE_BYTES => {
                return Err(format!("a guest's file has {MAX_FILE_BYTES} bytes at most"));
            }
            (None, Some(size)) => Bytes::from(vec![b'x'; size]),
            (None, None) => example,
        };
        let mime = media.mime_type.unwrap_or_else(|| mime.to_owned());
        let digest = if media.wrong_sha256 { Sha256::digest(b"another") } else { Sha256::digest(&bytes) };
        let id = self.insert(phone_number_id, &mime, bytes, now + GUEST_FILE_LIFETIME);
        let mut content = Map::new();
        content.insert("mime_type".to_owned(), mime.into());
        content.insert("sha256".to_owned(), BASE64_STANDARD.encode(digest).into());
        if let Some(base) = base {
            content.insert("url".to_owned(), self.new_url(&id, base, now).into());
        }
        content.insert("id".to_owned(), id.into());
        let filename = media.filename.or_else(|| (kind == "document").then(|| "voucher.pdf".to_owned()));
        for (key, value) in [("caption", media.caption), ("filename", filename)] {
            if let Some(value) = value {
                content.insert(key.to_owned(), value.into());
            }
        }
        match kind {
            "audio" => drop(content.insert("voice".to_owned(), true.into())),
            "sticker" => drop(content.insert("animated".to_owned(), false.into())),
            _ => {}
        }
        Ok(content)
    }
}

/// Returns the message type and the size limit for a MIME type.
fn kind_and_limit(mime: &str) -> Option<(&'static str, usize)> {
    let essence = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "image/jpeg" | "image/png" => ("image", 5 * MIB),
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" => ("audio", 16 * MIB),
        "video/mp4" | "video/3gpp" => ("video", 16 * MIB),
        "image/webp" => ("sticker", 500 * 1024),
        "text/plain"
        | "application/pdf"
        | "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint"
        | "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        | "application/vnd.openxmlformats-officedocument.presentationml.presentation" => ("document", MAX_FILE_BYTES),
        _ => return None,
    })
}

/// Returns the MIME type and content of an example file, for a guest's message whose request gives no content.
fn example_file(kind: &str) -> (&'static str, Bytes) {
    match kind {
        "audio" => ("audio/ogg; codecs=opus", Bytes::from_static(b"OggS made up")),
        "video" => ("video/mp4", Bytes::from_static(b"\0\0\0\x18ftypmp42 made up")),
        "sticker" => ("image/webp", Bytes::from_static(b"RIFF\0\0\0\0WEBP made up")),
        "document" => ("application/pdf", Bytes::from_static(b"%PDF-1.4 made up")),
        _ => ("image/png", Bytes::from(BASE64_STANDARD.decode(EXAMPLE_PNG).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_files_expire() {
        let mut media = MediaStore::new();
        let id = media.add_upload("n", "image/png", Bytes::from_static(b"x"), 0).unwrap();
        let info = media.look_up(&id, Some("n"), "http://h", 0).unwrap();
        let hash = info["url"].as_str().unwrap().rsplit('=').next().unwrap().to_owned();
        assert!(media.find_by_url_hash(&hash, URL_LIFETIME - 1).is_some());
        assert!(media.find_by_url_hash(&hash, URL_LIFETIME).is_none());
        assert!(media.find(&id, 30 * DAY - 1).is_some() && media.find(&id, 30 * DAY).is_none());
        assert!(media.look_up(&id, Some("m"), "http://h", 0).is_none());
        let content = media.add_guest_file("image", GuestMedia::default(), "n", None, 0).unwrap();
        let id = content["id"].as_str().unwrap();
        assert!(media.find(id, 7 * DAY - 1).is_some() && media.find(id, 7 * DAY).is_none());
    }

    #[test]
    fn types_and_sizes_are_limited() {
        let mut media = MediaStore::new();
        let mut code = |mime: &str, size| media.add_upload("n", mime, vec![0; size].into(), 0).err().map(|it| it.code);
        assert_eq!(code("audio/ogg; codecs=opus", 10), None);
        assert_eq!(code("image/png", 5 * MIB), None);
        assert_eq!(code("image/png", 5 * MIB + 1), Some(131053));
        assert_eq!(code("image/gif", 10), Some(100));
        assert_eq!(code("text/plain", 0), Some(131053));
        let id = media.add_upload("n", "image/png", Bytes::from_static(b"x"), 0).unwrap();
        assert_eq!(media.is_sendable_as(&id, "n", "image", 1), Ok(true));
        assert_eq!(media.is_sendable_as(&id, "n", "audio", 1), Ok(false));
        assert!(
            media.is_sendable_as(&id, "m", "image", 1).is_err() && media.is_sendable_as("1", "n", "image", 1).is_err()
        );
        assert!(media.delete(&id) && !media.delete(&id));
    }
}
