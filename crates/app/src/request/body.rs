//! Request body and content negotiation (`Content-Type`, `Accept`).

use std::pin::Pin;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use bytes::Bytes;
use desk::reply::OutgoingFile;
use domain::{MessageId, MessageText, Name, text::clean_file_name};
use wire::JsonBody;

use crate::{
    problem::Problem,
    request::{
        body_reader::{ReadBodyError, read_body},
        form::{FormError, FormParts},
        path_id::parse_id,
    },
};

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";

const DEFAULT_MAX_BODY_BYTES: usize = 256 * 1024;
/// The size limit of a file that staff send to a guest.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

const MISSING_FILE: &str = "The form has no part `file`.";
const SEVERAL_FILES: &str = "Please send one file at a time.";

/// Router data of a path whose size limit of request bodies is not [`DEFAULT_MAX_BODY_BYTES`].
#[derive(Clone, Copy, Debug)]
pub struct MaxBodyBytes(pub usize);

/// A complete request body with the headers that describe it. Only a handler parses it.
pub struct RequestBody {
    /// The received body, or [`ReadBodyError::TooLarge`]; other errors of reading end the request at once.
    bytes: Result<Bytes, ReadBodyError>,
    content_type: Option<HeaderValue>,
    accepts_json: bool,
}

impl RequestBody {
    /// Reads the body of a request. Fails if it does not arrive completely. A body that is too large fails later, when
    /// it is parsed, so that 404 and 406 do not depend on the body.
    pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, ReadBodyError> {
        let headers = request.headers();
        let accepts_json = accepts_json(headers.get_all(ACCEPT).filter_map(|it| it.to_str().ok()));
        let max_bytes = request.app_data::<MaxBodyBytes>().map_or(DEFAULT_MAX_BODY_BYTES, |limit| limit.0);
        let content_type = headers.get(CONTENT_TYPE).cloned();
        let bytes = match read_body(request, payload, max_bytes).await {
            Err(error @ (ReadBodyError::Incomplete | ReadBodyError::TimedOut | ReadBodyError::NoMemory)) => {
                return Err(error);
            }
            bytes => bytes,
        };
        Ok(Self { bytes, content_type, accepts_json })
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.as_ref().is_ok_and(Bytes::is_empty)
    }

    /// Fails with 406 if the client does not accept JSON.
    pub fn require_json_accepted(&self) -> Result<(), Problem> {
        if self.accepts_json { Ok(()) } else { Err(Problem::not_acceptable()) }
    }

    /// The request body, not parsed. Fails with 413 if it is too large.
    pub fn bytes(&self) -> Result<&Bytes, Problem> {
        Ok(self.bytes.as_ref().map_err(|it| *it)?)
    }

    /// Parses a JSON body. Fails with 413, 415 or 400.
    pub fn json<T: JsonBody>(&self) -> Result<T, Problem> {
        let bytes = self.bytes()?;
        if !bytes.is_empty() && !self.has_type(JSON) {
            return Err(Problem::unsupported_media_type(JSON));
        }
        Ok(wire::parse_body(bytes)?)
    }

    /// Returns the file in the request body: the whole body if it is of this media type, or the part `file` of a
    /// multipart form. Fails with 413, 415 or 400.
    pub fn file(&self, media_type: &str) -> Result<Bytes, Problem> {
        let bytes = self.bytes()?;
        match &self.content_type {
            Some(_) if self.has_type(media_type) => Ok(bytes.clone()),
            Some(content_type) if self.has_type(FORM) => single_file(content_type, bytes.clone()),
            _ => Err(Problem::unsupported_media_type(&format!("{media_type} or {FORM}"))),
        }
    }

    /// Parses a form with a file to send to a guest. Fails with 413, 415 or 400.
    pub fn upload(&self) -> Result<OutgoingFile, Problem> {
        let bytes = self.bytes()?;
        match &self.content_type {
            Some(content_type) if self.has_type(FORM) => parse_upload(content_type, bytes.clone()),
            _ => Err(Problem::unsupported_media_type(FORM)),
        }
    }

    fn has_type(&self, expected: &str) -> bool {
        let content_type = self.content_type.as_ref().and_then(|it| it.to_str().ok());
        content_type.is_some_and(|it| media_type(it).eq_ignore_ascii_case(expected))
    }
}

impl FromRequest for RequestBody {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { Ok(Self::read(&request, payload).await?) })
    }
}

/// Returns the part `file` of a multipart form. Fails with 400 if there is none or more than one.
fn single_file(content_type: &HeaderValue, form: Bytes) -> Result<Bytes, Problem> {
    let mut file = None;
    for part in FormParts::new(content_type, form)? {
        let part = part?;
        if part.name == "file" && file.replace(part.bytes).is_some() {
            return Err(Problem::invalid("file", SEVERAL_FILES));
        }
    }
    file.ok_or_else(|| Problem::invalid("file", MISSING_FILE))
}

fn parse_upload(content_type: &HeaderValue, form: Bytes) -> Result<OutgoingFile, Problem> {
    let (mut file, mut text, mut reply_to, mut clears_draft) = (None, None, None, false);
    for part in FormParts::new(content_type, form)? {
        let part = part?;
        match part.name.as_str() {
            "clears_draft" => clears_draft = parse_flag("clears_draft", &part.bytes)?,
            "file" if file.is_some() => return Err(Problem::invalid("file", SEVERAL_FILES)),
            "file" => file = Some(part),
            "text" if text.is_some() => return Err(Problem::invalid("text", "Please give one `text`.")),
            "text" => text = Some(part.bytes),
            "reply_to" => reply_to = parse_message_id("reply_to", &part.bytes)?,
            _ => {}
        }
    }
    let file = file.ok_or_else(|| Problem::invalid("file", MISSING_FILE))?;
    if file.bytes.is_empty() {
        return Err(Problem::invalid("file", "This file is empty."));
    }
    if file.bytes.len() > MAX_FILE_BYTES {
        return Err(Problem::too_large(MAX_FILE_BYTES));
    }
    let name = file.filename.as_deref().map(clean_file_name).filter(|it| !it.is_empty());
    let name =
        Name::parse(name.as_deref().unwrap_or("file")).map_err(|error| Problem::invalid("file", error.to_string()))?;
    let content_type = file.content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    let text = text.as_deref().map_or(Ok(None), parse_caption)?;
    Ok(OutgoingFile { name: name.to_string(), content_type, bytes: file.bytes, text, reply_to, clears_draft })
}

/// Parses the caption of an uploaded file (part `text` of the form). Returns `None` if the part is empty.
fn parse_caption(bytes: &[u8]) -> Result<Option<MessageText>, Problem> {
    let text = str::from_utf8(bytes).map_err(|_| Problem::invalid("text", "This text is not UTF-8."))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    MessageText::parse(text).map(Some).map_err(|error| Problem::invalid("text", error.to_string()))
}

/// Parses a part of a form that is `true` or `false`.
fn parse_flag(name: &str, bytes: &[u8]) -> Result<bool, Problem> {
    match bytes.trim_ascii() {
        b"true" => Ok(true),
        b"false" | b"" => Ok(false),
        _ => Err(Problem::invalid(name, "Please give `true` or `false`.")),
    }
}

/// Parses a part of a form that is the id of a message. Returns `None` if the part is empty.
fn parse_message_id(name: &str, bytes: &[u8]) -> Result<Option<MessageId>, Problem> {
    let text = str::from_utf8(bytes).unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    let id = parse_id(text).map(MessageId);
    id.map(Some).ok_or_else(|| Problem::invalid(name, "This must be a positive whole number."))
}

impl From<FormError> for Problem {
    fn from(error: FormError) -> Self {
        Self::invalid("file", error.to_string())
    }
}

/// The media type in a `Content-Type` or `Accept` value, without parameters.
fn media_type(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

/// Whether one of the media ranges in `Accept` includes `application/json` or `application/problem+json`. Without a
/// range every type is accepted.
fn accepts_json<'a>(accept: impl Iterator<Item = &'a str>) -> bool {
    let ranges: Vec<&str> = accept.flat_map(|it| it.split(',')).map(str::trim).filter(|it| !it.is_empty()).collect();
    ranges.is_empty() || ranges.iter().any(|range| includes_json(range) && !has_zero_quality(range))
}

/// Whether a client that accepts these types asks for CSV: it names `text/csv`, and JSON not at all or later.
pub fn prefers_csv<'a>(accept: impl Iterator<Item = &'a str>) -> bool {
    let ranges = accept.flat_map(|it| it.split(',')).map(str::trim);
    let named = ranges.filter(|range| !has_zero_quality(range)).find_map(|range| match media_type(range) {
        it if it.eq_ignore_ascii_case("text/csv") || it.eq_ignore_ascii_case("text/*") => Some(true),
        it if it.eq_ignore_ascii_case("application/json") => Some(false),
        _ => None,
    });
    named.unwrap_or_default()
}

fn includes_json(range: &str) -> bool {
    ["*/*", "application/*", "application/json", "application/problem+json"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(media_type(range)))
}

/// Whether a media range in `Accept` has the quality 0 (`q=0`), which excludes it.
fn has_zero_quality(range: &str) -> bool {
    range
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| name.trim().eq_ignore_ascii_case("q") && value.trim().parse() == Ok(0.0_f32))
}

#[cfg(test)]
mod tests {
    use wire::request::EmptyBody;

    use super::*;

    #[test]
    fn accept_ranges_must_include_json() {
        for good in [
            "*/*",
            "application/*",
            "application/json; charset=utf-8",
            "text/html, application/json;q=0.1",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "Application/Problem+JSON",
            "",
        ] {
            assert!(accepts_json([good].into_iter()), "{good}");
        }
        assert!(accepts_json([].into_iter()));
        assert!(accepts_json(["text/html", "application/json"].into_iter()));
        for bad in ["text/html", "image/*", "application/xml;q=0.9", "application/json;q=0", "*/*; q=0.000"] {
            assert!(!accepts_json([bad].into_iter()), "{bad}");
        }
    }

    fn body(content_type: &str, body: &str) -> RequestBody {
        let content_type = HeaderValue::from_str(content_type).ok();
        RequestBody { bytes: Ok(Bytes::copy_from_slice(body.as_bytes())), content_type, accepts_json: true }
    }

    #[test]
    fn a_json_body_must_have_the_media_type_of_json() {
        for good in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert!(body(good, "{}").json::<EmptyBody>().is_ok(), "{good}");
        }
        for bad in ["text/plain", "application/jsonx", "application/problem+json", "nonsense", ""] {
            assert!(body(bad, "{}").json::<EmptyBody>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_is_the_whole_body_or_a_part_of_a_form() {
        let form = "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"stays.csv\"\r\n\
                    Content-Type: text/csv\r\n\r\na,b\r\n1,2\r\n--x--\r\n";
        let read = |content_type: &str, text: &str| body(content_type, text).file("text/csv");
        assert_eq!(read("text/csv; charset=utf-8", "a,b").unwrap(), "a,b");
        assert_eq!(read("multipart/form-data; boundary=x", form).unwrap(), "a,b\r\n1,2");
        assert_eq!(read("Multipart/Form-Data; boundary=\"x\"", form).unwrap(), "a,b\r\n1,2");
        for (bad, text) in [
            ("multipart/form-data", form),
            ("multipart/form-data; boundary=y", form),
            ("multipart/form-data; boundary=x", ""),
            ("multipart/form-data; boundary=x", &form[..form.len() - 20]),
            ("multipart/form-data; boundary=x", &form.replace("\"file\"", "\"other\"")),
            ("multipart/form-data; boundary=x", &form.replace("\"note\"", "\"file\"")),
            ("application/json", "{}"),
            ("", "a,b"),
        ] {
            assert!(read(bad, text).is_err(), "{bad}: {text}");
        }
    }
}
