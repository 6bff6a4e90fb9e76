//! Files: those that the product uploads, and those that guests send.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    bounded::BoundedMap,
    clock::{DAY, MINUTE, Millis, SECOND},
    errors::ApiError,
    escape::hex,
};

const FOR_UPLOADED: Millis = 30 * DAY;
const FOR_INBOUND: Millis = 7 * DAY;
const FOR_URL: Millis = 5 * MINUTE;
/// Files and addresses that are remembered.
const MOST: usize = 20_000;
/// Bytes of all files together.
const MOST_BYTES: usize = 512 * 1024 * 1024;
const MIB: usize = 1024 * 1024;
/// The largest that a guest can send, and the largest of all.
pub(crate) const LARGEST: usize = 100 * MIB;
/// The first id.
const FIRST: u64 = 900_000_000_000_001;
/// A picture of one point.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A file.
pub(crate) struct File {
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
    sha256: [u8; 32],
    /// To which number it belongs.
    number: String,
    expires: Millis,
}

/// What a guest sends along; all of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sent {
    mime_type: Option<String>,
    /// The bytes, or how many there are to be.
    base64: Option<String>,
    size: Option<usize>,
    caption: Option<String>,
    filename: Option<String>,
    /// Whether the hash that is told is another's.
    wrong_sha256: bool,
}

/// All files.
pub(crate) struct Media {
    files: BoundedMap<String, File>,
    /// Addresses that were given out: of which file, and until when.
    urls: BoundedMap<String, (String, Millis)>,
    next: u64,
    held: usize,
}

impl Media {
    pub(crate) fn new() -> Self {
        Self { files: BoundedMap::new(MOST), urls: BoundedMap::new(MOST), next: FIRST, held: 0 }
    }

    /// Takes a file that is uploaded; its id.
    pub(crate) fn upload(&mut self, number: &str, mime: &str, bytes: Bytes, now: Millis) -> Result<String, ApiError> {
        let Some((_, most)) = kind(mime) else {
            return Err(ApiError::parameter(format!("Param file must be a file of an allowed type; it is {mime:?}.")));
        };
        if bytes.is_empty() || bytes.len() > most {
            let details = format!("The file has {} bytes; allowed are 1 to {most} for {mime}.", bytes.len());
            return Err(ApiError::new(131053, details));
        }
        Ok(self.put(number, mime, bytes, now + FOR_UPLOADED))
    }

    fn put(&mut self, number: &str, mime: &str, bytes: Bytes, expires: Millis) -> String {
        let id = self.next.to_string();
        self.next += 1;
        self.held += bytes.len();
        while self.held > MOST_BYTES
            && let Some(oldest) = self.files.pop_oldest()
        {
            self.held -= oldest.bytes.len();
        }
        let sha256 = Sha256::digest(&bytes).into();
        let file = File { mime: mime.to_owned(), bytes, sha256, number: number.to_owned(), expires };
        self.files.insert(id.clone(), file);
        id
    }

    pub(crate) fn get(&self, id: &str, now: Millis) -> Option<&File> {
        self.files.get(id).filter(|file| now < file.expires)
    }

    /// A file that is about to be sent; whether it may be, as what it is to be sent.
    pub(crate) fn fits(&self, id: &str, number: &str, wanted: &str, now: Millis) -> Result<bool, ApiError> {
        let file = self.get(id, now).filter(|file| file.number == number);
        let file = file.ok_or_else(|| ApiError::value(format!("{wanted}.id: there is no such media")))?;
        Ok(kind(&file.mime).is_some_and(|(kind, _)| kind == wanted || wanted == "document"))
    }

    pub(crate) fn delete(&mut self, id: &str) -> bool {
        let removed = self.files.remove(id);
        self.held -= removed.as_ref().map_or(0, |file| file.bytes.len());
        removed.is_some()
    }

    /// What is told of a file, with an address that is good for five minutes.
    pub(crate) fn look_up(&mut self, id: &str, number: Option<&str>, base: &str, now: Millis) -> Option<Value> {
        let file = self.get(id, now).filter(|file| number.is_none_or(|it| it == file.number))?;
        let (mime, sha256, size) = (file.mime.clone(), hex(&file.sha256), file.bytes.len());
        Some(json!({
            "messaging_product": "whatsapp",
            "url": self.url(id, base, now),
            "mime_type": mime,
            "sha256": sha256,
            "file_size": size.to_string(),
            "id": id,
        }))
    }

    fn url(&mut self, id: &str, base: &str, now: Millis) -> String {
        let (hash, expires) = (format!("{:016x}", rand::random::<u64>()), now + FOR_URL);
        self.urls.insert(hash.clone(), (id.to_owned(), expires));
        format!("{base}/whatsapp_business/attachments/?mid={id}&ext={}&hash={hash}", expires / SECOND)
    }

    /// The file at an address.
    pub(crate) fn at_url(&self, hash: &str, now: Millis) -> Option<&File> {
        let (id, _) = self.urls.get(hash).filter(|(_, expires)| now < *expires)?;
        self.get(id, now)
    }

    /// A file of a guest, and what a message of that type tells of it.
    pub(crate) fn sent_by_guest(
        &mut self,
        kind: &str,
        sent: Sent,
        number: &str,
        base: Option<&str>,
        now: Millis,
    ) -> Result<Map<String, Value>, String> {
        let (mime, example) = example(kind);
        let bytes = match (sent.base64, sent.size) {
            (Some(text), _) => Bytes::from(BASE64_STANDARD.decode(text).map_err(|error| error.to_string())?),
            (None, Some(size)) if size > LARGEST => return Err(format!("a guest's file has {LARGEST} bytes at most")),
            (None, Some(size)) => Bytes::from(vec![b'x'; size]),
            (None, None) => example,
        };
        let mime = sent.mime_type.unwrap_or_else(|| mime.to_owned());
        let told = if sent.wrong_sha256 { Sha256::digest(b"another") } else { Sha256::digest(&bytes) };
        let id = self.put(number, &mime, bytes, now + FOR_INBOUND);
        let mut body = Map::new();
        body.insert("mime_type".to_owned(), mime.into());
        body.insert("sha256".to_owned(), BASE64_STANDARD.encode(told).into());
        if let Some(base) = base {
            body.insert("url".to_owned(), self.url(&id, base, now).into());
        }
        body.insert("id".to_owned(), id.into());
        let filename = sent.filename.or_else(|| (kind == "document").then(|| "voucher.pdf".to_owned()));
        for (key, value) in [("caption", sent.caption), ("filename", filename)] {
            if let Some(value) = value {
                body.insert(key.to_owned(), value.into());
            }
        }
        match kind {
            "audio" => drop(body.insert("voice".to_owned(), true.into())),
            "sticker" => drop(body.insert("animated".to_owned(), false.into())),
            _ => {}
        }
        Ok(body)
    }
}

/// As what a file of a type is sent, and how large it may be.
fn kind(mime: &str) -> Option<(&'static str, usize)> {
    let bare = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match bare.as_str() {
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
        | "application/vnd.openxmlformats-officedocument.presentationml.presentation" => ("document", LARGEST),
        _ => return None,
    })
}

/// What a guest sends who was not told what.
fn example(kind: &str) -> (&'static str, Bytes) {
    match kind {
        "audio" => ("audio/ogg; codecs=opus", Bytes::from_static(b"OggS made up")),
        "video" => ("video/mp4", Bytes::from_static(b"\0\0\0\x18ftypmp42 made up")),
        "sticker" => ("image/webp", Bytes::from_static(b"RIFF\0\0\0\0WEBP made up")),
        "document" => ("application/pdf", Bytes::from_static(b"%PDF-1.4 made up")),
        _ => ("image/png", Bytes::from(BASE64_STANDARD.decode(PICTURE).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_good_for_five_minutes_and_a_file_for_its_days() {
        let mut media = Media::new();
        let id = media.upload("n", "image/png", Bytes::from_static(b"x"), 0).unwrap();
        let told = media.look_up(&id, Some("n"), "http://h", 0).unwrap();
        let hash = told["url"].as_str().unwrap().rsplit('=').next().unwrap().to_owned();
        assert!(media.at_url(&hash, FOR_URL - 1).is_some());
        assert!(media.at_url(&hash, FOR_URL).is_none());
        assert!(media.get(&id, 30 * DAY - 1).is_some() && media.get(&id, 30 * DAY).is_none());
        assert!(media.look_up(&id, Some("m"), "http://h", 0).is_none());
        let sent = media.sent_by_guest("image", Sent::default(), "n", None, 0).unwrap();
        let id = sent["id"].as_str().unwrap();
        assert!(media.get(id, 7 * DAY - 1).is_some() && media.get(id, 7 * DAY).is_none());
    }

    #[test]
    fn types_and_sizes_are_kept() {
        let mut media = Media::new();
        let mut code = |mime: &str, size| media.upload("n", mime, vec![0; size].into(), 0).err().map(|it| it.code);
        assert_eq!(code("audio/ogg; codecs=opus", 10), None);
        assert_eq!(code("image/png", 5 * MIB), None);
        assert_eq!(code("image/png", 5 * MIB + 1), Some(131053));
        assert_eq!(code("image/gif", 10), Some(100));
        assert_eq!(code("text/plain", 0), Some(131053));
        let id = media.upload("n", "image/png", Bytes::from_static(b"x"), 0).unwrap();
        assert_eq!(media.fits(&id, "n", "image", 1), Ok(true));
        assert_eq!(media.fits(&id, "n", "audio", 1), Ok(false));
        assert!(media.fits(&id, "m", "image", 1).is_err() && media.fits("1", "n", "image", 1).is_err());
        assert!(media.delete(&id) && !media.delete(&id));
    }
}
