//! What a request brings along, and what it wants.

use std::pin::Pin;

use actix_multipart::Multipart;
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use bytes::{Bytes, BytesMut};
use desk::OutgoingFile;
use domain::{MessageText, Name};
use futures_util::{StreamExt, stream};
use wire::Input;

use crate::problem::Problem;

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";

/// The most bytes of a body, where an address does not say otherwise.
const MOST: usize = 256 * 1024;

/// The most bytes of a file to send.
const MOST_FILE: usize = 16 * 1024 * 1024;

/// So many bytes of a body that is too large are taken in all the same: a client that is still
/// writing would otherwise see its connection cut, and no answer.
const DRAINED: usize = 8 * 1024 * 1024;

/// The most bytes of a body, as an address says it of itself: data of its resource.
#[derive(Clone, Copy, Debug)]
pub struct MostBytes(pub usize);

/// A body, read as far as it may be, and the headers that say what it is and what is wanted.
pub struct Sent {
    bytes: Result<Bytes, TooLarge>,
    content_type: Option<HeaderValue>,
    wants_json: bool,
}

#[derive(Clone, Copy)]
struct TooLarge {
    most: usize,
}

impl From<TooLarge> for Problem {
    fn from(it: TooLarge) -> Self {
        Self::too_large(it.most)
    }
}

impl Sent {
    /// Reads it. Nothing is refused yet.
    pub async fn read(request: &HttpRequest, payload: Payload) -> Self {
        let headers = request.headers();
        let wants_json = wants_json(headers.get_all(ACCEPT).filter_map(|it| it.to_str().ok()));
        let most = request.app_data::<MostBytes>().map_or(MOST, |most| most.0);
        let content_type = headers.get(CONTENT_TYPE).cloned();
        Self { bytes: read(payload, most).await, content_type, wants_json }
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
    pub async fn file(&self, media: &str) -> Result<Bytes, Problem> {
        let bytes = self.bytes()?;
        match &self.content_type {
            Some(_) if self.is(media) => Ok(bytes.clone()),
            Some(content_type) if self.is(FORM) => part(content_type, bytes.clone(), "file").await,
            _ => Err(Problem::unsupported_media_type(&format!("{media} or {FORM}"))),
        }
    }

    /// Reads the body as a form with a file to send.
    ///
    /// # Errors
    /// [`Problem`]: 413, 415, 400.
    pub async fn upload(&self) -> Result<OutgoingFile, Problem> {
        let bytes = self.bytes()?;
        match &self.content_type {
            Some(content_type) if self.is(FORM) => upload(content_type, bytes.clone()).await,
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
        Box::pin(async move { Ok(Self::read(&request, payload).await) })
    }
}

async fn read(mut payload: Payload, most: usize) -> Result<Bytes, TooLarge> {
    let (mut body, mut size) = (BytesMut::new(), 0);
    while let Some(Ok(chunk)) = payload.next().await {
        size += chunk.len();
        if size <= most {
            body.extend_from_slice(&chunk);
        } else if size > DRAINED.max(most) {
            break;
        }
    }
    if size > most { Err(TooLarge { most }) } else { Ok(body.freeze()) }
}

/// The parts of a form.
fn parts(content_type: &HeaderValue, form: Bytes) -> Multipart {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, content_type.clone());
    Multipart::new(&headers, stream::iter([Ok(form)]))
}

/// The part of a form that has this name.
async fn part(content_type: &HeaderValue, form: Bytes, name: &str) -> Result<Bytes, Problem> {
    // No part is larger than the whole.
    let most = form.len();
    let mut parts = parts(content_type, form);
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(|_| Problem::invalid(name, "This is no readable form."))?;
        if part.name() != Some(name) {
            continue;
        }
        if let Ok(Ok(bytes)) = part.bytes(most).await {
            return Ok(bytes);
        }
        return Err(Problem::invalid(name, "This part of the form does not end."));
    }
    Err(Problem::invalid(name, format!("The form has no part `{name}`.")))
}

/// A file to send: its part, and what is said with it.
async fn upload(content_type: &HeaderValue, form: Bytes) -> Result<OutgoingFile, Problem> {
    // No part is larger than the whole.
    let most = form.len();
    let mut parts = parts(content_type, form);
    let (mut file, mut text) = (None, None);
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(|_| Problem::invalid("file", "This is no readable form."))?;
        let which = part.name().unwrap_or_default().to_owned();
        let name = part.content_disposition().and_then(|it| it.get_filename()).map(str::to_owned);
        let media = part.content_type().map(|it| it.essence_str().to_ascii_lowercase());
        let Ok(Ok(bytes)) = part.bytes(most).await else {
            return Err(Problem::invalid("file", "This part of the form does not end."));
        };
        match which.as_str() {
            "file" => file = Some((name, media, bytes)),
            "text" => text = Some(bytes),
            _ => {}
        }
    }
    let (name, media, bytes) = file.ok_or_else(|| Problem::invalid("file", "The form has no part `file`."))?;
    if bytes.is_empty() {
        return Err(Problem::invalid("file", "This file is empty."));
    }
    if bytes.len() > MOST_FILE {
        return Err(Problem::too_large(MOST_FILE));
    }
    let text = text.map(|it| MessageText::parse(&String::from_utf8_lossy(&it))).transpose();
    let text = text.map_err(|error| Problem::invalid("text", error.to_string()))?;
    let name = name.as_deref().map(str::trim).filter(|it| !it.is_empty()).unwrap_or("file");
    let name = Name::parse(name).map_err(|error| Problem::invalid("file", error.to_string()))?;
    let content_type = media.unwrap_or_else(|| "application/octet-stream".to_owned());
    Ok(OutgoingFile { name: name.to_string(), content_type, bytes, text })
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

    #[actix_web::test]
    async fn a_file_is_the_body_or_a_part_of_it() {
        let form = "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"stays.csv\"\r\n\
                    Content-Type: text/csv\r\n\r\na,b\r\n1,2\r\n--x--\r\n";
        let read = async |content_type: &str, body: &str| sent(content_type, body).file("text/csv").await;
        assert_eq!(read("text/csv; charset=utf-8", "a,b").await.unwrap(), "a,b");
        assert_eq!(read("multipart/form-data; boundary=x", form).await.unwrap(), "a,b\r\n1,2");
        assert_eq!(read("Multipart/Form-Data; boundary=\"x\"", form).await.unwrap(), "a,b\r\n1,2");
        for (bad, body) in [
            ("multipart/form-data", form),
            ("multipart/form-data; boundary=y", form),
            ("multipart/form-data; boundary=x", ""),
            ("multipart/form-data; boundary=x", &form[..form.len() - 20]),
            ("multipart/form-data; boundary=x", &form.replace("\"file\"", "\"other\"")),
            ("application/json", "{}"),
            ("", "a,b"),
        ] {
            assert!(read(bad, body).await.is_err(), "{bad}: {body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_form_makes_it_panic(body in "(--x(\r\n)?|Content-Disposition: form-data; name=file|\r\n|\\PC){0,12}") {
            let read = async { sent("multipart/form-data; boundary=x", &body).file("text/csv").await.is_ok() };
            let _ = actix_web::rt::System::new().block_on(read);
        }
    }
}
