//! What a request brings along, and what it wants.

use std::pin::Pin;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use bytes::Bytes;
use desk::OutgoingFile;
use domain::{MessageText, Name};
use wire::Input;

use super::{
    body_reader::{BodyError, read_body},
    form::{BadForm, Parts},
};
use crate::problem::Problem;

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";

/// The most bytes of a body, where an address does not say otherwise.
const MOST: usize = 256 * 1024;

const NO_FILE: &str = "The form has no part `file`.";
const SEVERAL_FILES: &str = "Please send one file at a time.";

/// The most bytes of a file to send.
const MOST_FILE: usize = 16 * 1024 * 1024;

/// The most bytes of a body, as an address says it of itself: data of its resource.
#[derive(Clone, Copy, Debug)]
pub struct MostBytes(pub usize);

/// A body, read as far as it may be, and the headers that say what it is and what is wanted.
pub struct Sent {
    /// What has come whole; of other bodies only one that is too large is kept in mind.
    bytes: Result<Bytes, BodyError>,
    content_type: Option<HeaderValue>,
    wants_json: bool,
}

impl Sent {
    /// Reads it. What has come is not judged yet.
    ///
    /// # Errors
    /// A [`BodyError`] where the body has not come, which says nothing of the request.
    pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, BodyError> {
        let headers = request.headers();
        let wants_json = wants_json(headers.get_all(ACCEPT).filter_map(|it| it.to_str().ok()));
        let most = request.app_data::<MostBytes>().map_or(MOST, |most| most.0);
        let content_type = headers.get(CONTENT_TYPE).cloned();
        let bytes = match read_body(request, payload, most).await {
            Err(error @ (BodyError::Incomplete | BodyError::TimedOut | BodyError::NoMemory)) => {
                return Err(error);
            }
            bytes => bytes,
        };
        Ok(Self { bytes, content_type, wants_json })
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.bytes.as_ref().is_ok_and(Bytes::is_empty)
    }

    /// Checks that an answer in JSON is wanted.
    ///
    /// # Errors
    /// [`Problem`]: 406.
    pub fn wants_json(&self) -> Result<(), Problem> {
        if self.wants_json { Ok(()) } else { Err(Problem::not_acceptable()) }
    }

    /// The body as it is.
    ///
    /// # Errors
    /// [`Problem`]: 413.
    pub fn bytes(&self) -> Result<&Bytes, Problem> {
        Ok(self.bytes.as_ref().map_err(|it| *it)?)
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`Problem`]: 413, 415, 400.
    pub fn json<T: Input>(&self) -> Result<T, Problem> {
        if !self.bytes()?.is_empty() && !self.is(JSON) {
            return Err(Problem::unsupported_media_type(JSON));
        }
        self.parsed()
    }

    /// Reads the body as JSON, whatever it is said to be.
    ///
    /// # Errors
    /// [`Problem`]: 413, 400.
    pub fn parsed<T: Input>(&self) -> Result<T, Problem> {
        Ok(wire::parse(self.bytes()?)?)
    }

    /// Reads the body as a file: all of it, where it is of this media type, or the part `file` of a form.
    ///
    /// # Errors
    /// [`Problem`]: 413, 415, 400.
    pub fn file(&self, media: &str) -> Result<Bytes, Problem> {
        let bytes = self.bytes()?;
        match &self.content_type {
            Some(_) if self.is(media) => Ok(bytes.clone()),
            Some(content_type) if self.is(FORM) => only_file(content_type, bytes.clone()),
            _ => Err(Problem::unsupported_media_type(&format!("{media} or {FORM}"))),
        }
    }

    /// Reads the body as a form with a file to send.
    ///
    /// # Errors
    /// [`Problem`]: 413, 415, 400.
    pub fn upload(&self) -> Result<OutgoingFile, Problem> {
        let bytes = self.bytes()?;
        match &self.content_type {
            Some(content_type) if self.is(FORM) => upload(content_type, bytes.clone()),
            _ => Err(Problem::unsupported_media_type(FORM)),
        }
    }

    fn is(&self, media: &str) -> bool {
        let told = self.content_type.as_ref().and_then(|it| it.to_str().ok());
        told.is_some_and(|it| media_type(it).eq_ignore_ascii_case(media))
    }
}

impl FromRequest for Sent {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { Ok(Self::read(&request, payload).await?) })
    }
}

/// The part `file` of a form: there may be one.
fn only_file(content_type: &HeaderValue, form: Bytes) -> Result<Bytes, Problem> {
    let mut file = None;
    for part in Parts::new(content_type, form)? {
        let part = part?;
        if part.name == "file" && file.replace(part.bytes).is_some() {
            return Err(Problem::invalid("file", SEVERAL_FILES));
        }
    }
    file.ok_or_else(|| Problem::invalid("file", NO_FILE))
}

/// A file to send: its part, and what is said with it.
fn upload(content_type: &HeaderValue, form: Bytes) -> Result<OutgoingFile, Problem> {
    let (mut file, mut text) = (None, None);
    for part in Parts::new(content_type, form)? {
        let part = part?;
        match part.name.as_str() {
            "file" if file.is_some() => return Err(Problem::invalid("file", SEVERAL_FILES)),
            "file" => file = Some(part),
            "text" if text.is_some() => return Err(Problem::invalid("text", "Please give one `text`.")),
            "text" => text = Some(part.bytes),
            _ => {}
        }
    }
    let file = file.ok_or_else(|| Problem::invalid("file", NO_FILE))?;
    if file.bytes.is_empty() {
        return Err(Problem::invalid("file", "This file is empty."));
    }
    if file.bytes.len() > MOST_FILE {
        return Err(Problem::too_large(MOST_FILE));
    }
    let name = file.filename.as_deref().map(str::trim).filter(|it| !it.is_empty()).unwrap_or("file");
    let name = Name::parse(name).map_err(|error| Problem::invalid("file", error.to_string()))?;
    let content_type = file.content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    let text = text.as_deref().map_or(Ok(None), text_with_file)?;
    Ok(OutgoingFile { name: name.to_string(), content_type, bytes: file.bytes, text })
}

/// What is said with a file; nothing where the part is empty.
fn text_with_file(bytes: &[u8]) -> Result<Option<MessageText>, Problem> {
    let text = str::from_utf8(bytes).map_err(|_| Problem::invalid("text", "This text is not UTF-8."))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    MessageText::parse(text).map(Some).map_err(|error| Problem::invalid("text", error.to_string()))
}

impl From<BadForm> for Problem {
    fn from(error: BadForm) -> Self {
        Self::invalid("file", error.to_string())
    }
}

/// Without its parameters.
fn media_type(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

/// Whether one of the ranges lets JSON or its problems through. No range at all wants anything.
fn wants_json<'a>(accept: impl Iterator<Item = &'a str>) -> bool {
    let ranges: Vec<&str> = accept.flat_map(|it| it.split(',')).map(str::trim).filter(|it| !it.is_empty()).collect();
    ranges.is_empty() || ranges.iter().any(|range| covers_json(range) && !is_refused(range))
}

fn covers_json(range: &str) -> bool {
    ["*/*", "application/*", "application/json", "application/problem+json"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(media_type(range)))
}

/// A quality of 0 says: anything but this.
fn is_refused(range: &str) -> bool {
    range
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| name.trim().eq_ignore_ascii_case("q") && value.trim().parse() == Ok(0.0_f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_must_be_wanted() {
        for good in [
            "*/*",
            "application/*",
            "application/json; charset=utf-8",
            "text/html, application/json;q=0.1",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "Application/Problem+JSON",
            "",
        ] {
            assert!(wants_json([good].into_iter()), "{good}");
        }
        assert!(wants_json([].into_iter()));
        assert!(wants_json(["text/html", "application/json"].into_iter()));
        for bad in ["text/html", "image/*", "application/xml;q=0.9", "application/json;q=0", "*/*; q=0.000"] {
            assert!(!wants_json([bad].into_iter()), "{bad}");
        }
    }

    fn sent(content_type: &str, body: &str) -> Sent {
        let content_type = HeaderValue::from_str(content_type).ok();
        Sent { bytes: Ok(Bytes::copy_from_slice(body.as_bytes())), content_type, wants_json: true }
    }

    #[test]
    fn json_must_be_sent() {
        for good in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert!(sent(good, "{}").json::<wire::Nothing>().is_ok(), "{good}");
        }
        for bad in ["text/plain", "application/jsonx", "application/problem+json", "nonsense", ""] {
            assert!(sent(bad, "{}").json::<wire::Nothing>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_is_the_body_or_a_part_of_it() {
        let form = "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"stays.csv\"\r\n\
                    Content-Type: text/csv\r\n\r\na,b\r\n1,2\r\n--x--\r\n";
        let read = |content_type: &str, body: &str| sent(content_type, body).file("text/csv");
        assert_eq!(read("text/csv; charset=utf-8", "a,b").unwrap(), "a,b");
        assert_eq!(read("multipart/form-data; boundary=x", form).unwrap(), "a,b\r\n1,2");
        assert_eq!(read("Multipart/Form-Data; boundary=\"x\"", form).unwrap(), "a,b\r\n1,2");
        for (bad, body) in [
            ("multipart/form-data", form),
            ("multipart/form-data; boundary=y", form),
            ("multipart/form-data; boundary=x", ""),
            ("multipart/form-data; boundary=x", &form[..form.len() - 20]),
            ("multipart/form-data; boundary=x", &form.replace("\"file\"", "\"other\"")),
            ("multipart/form-data; boundary=x", &form.replace("\"note\"", "\"file\"")),
            ("application/json", "{}"),
            ("", "a,b"),
        ] {
            assert!(read(bad, body).is_err(), "{bad}: {body}");
        }
    }
}
