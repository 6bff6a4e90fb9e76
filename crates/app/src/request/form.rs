//! Multipart form parser (`multipart/form-data`). Parts are slices of the body; a library would copy every file.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ContentDisposition, HeaderValue};
use bytes::Bytes;
use memchr::memmem;
use mime::Mime;

/// The maximum number of headers in one part of a multipart form. Browsers send at most three.
const MAX_PART_HEADERS: usize = 16;
const CRLF: &[u8] = b"\r\n";

#[derive(Debug, PartialEq, Eq)]
pub struct FormPart {
    /// The name of the form field; empty if the part has no name.
    pub name: String,
    pub filename: Option<String>,
    /// The media type of the part in lower case, without parameters.
    pub content_type: Option<String>,
    pub bytes: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error("The form cannot be read.")]
    Unreadable,
    /// The closing delimiter of the multipart form is missing.
    #[error("The form ends within a part.")]
    Unterminated,
}

/// Iterator over the parts of a multipart form. It ends after the first error.
pub struct FormParts {
    /// The delimiter between parts of the form: CRLF, two dashes and the boundary.
    delimiter: Vec<u8>,
    rest: Bytes,
    is_finished: bool,
}

impl FormParts {
    /// Starts to parse a multipart form. Fails if `Content-Type` has no boundary, or the body does not contain it.
    pub fn new(content_type: &HeaderValue, body: Bytes) -> Result<Self, FormError> {
        let mime: Option<Mime> = content_type.to_str().ok().and_then(|it| it.parse().ok());
        let boundary = mime.as_ref().and_then(|it| it.get_param(mime::BOUNDARY)).ok_or(FormError::Unreadable)?;
        let delimiter = [b"\r\n--", boundary.as_str().as_bytes()].concat();
        let mut parts = Self { delimiter, rest: body, is_finished: false };
        let first = &parts.delimiter[CRLF.len()..];
        let start = if parts.rest.starts_with(first) {
            first.len()
        } else {
            parts.find_delimiter().ok_or(FormError::Unreadable)? + parts.delimiter.len()
        };
        parts.rest = parts.rest.slice(start..);
        Ok(parts)
    }

    /// Finds the next delimiter line in the form. A line that only begins like the delimiter is content of the part.
    fn find_delimiter(&self) -> Option<usize> {
        let is_delimiter = |at: &usize| {
            let rest = &self.rest[at + self.delimiter.len()..];
            rest.starts_with(b"--") || rest.trim_ascii_start().len() < rest.len()
        };
        memmem::find_iter(&self.rest, &self.delimiter).find(is_delimiter)
    }

    fn read_next(&mut self) -> Result<Option<FormPart>, FormError> {
        if self.rest.starts_with(b"--") {
            return Ok(None);
        }
        let line_end = memmem::find(&self.rest, CRLF).ok_or(FormError::Unterminated)?;
        if !self.rest[..line_end].trim_ascii().is_empty() {
            return Err(FormError::Unreadable);
        }
        self.rest = self.rest.slice(line_end + CRLF.len()..);
        let (mut part, head_bytes) = parse_part_head(&self.rest)?;
        // If a part is empty, its delimiter may begin with the CRLF that ends the headers of the part.
        self.rest = self.rest.slice(head_bytes - CRLF.len()..);
        let end = self.find_delimiter().ok_or(FormError::Unterminated)?;
        part.bytes = self.rest.slice(CRLF.len().min(end)..end);
        self.rest = self.rest.slice(end + self.delimiter.len()..);
        Ok(Some(part))
    }
}

impl Iterator for FormParts {
    type Item = Result<FormPart, FormError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_finished {
            return None;
        }
        let next = self.read_next();
        self.is_finished = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// Parses the headers of one part of a form. Returns the part without its content, and the length of the headers.
fn parse_part_head(text: &[u8]) -> Result<(FormPart, usize), FormError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_PART_HEADERS];
    let parsed = httparse::parse_headers(text, &mut headers).map_err(|_| FormError::Unreadable)?;
    let httparse::Status::Complete((head_bytes, headers)) = parsed else { return Err(FormError::Unterminated) };
    let value = |name: &str| {
        let header = headers.iter().find(|it| it.name.eq_ignore_ascii_case(name))?;
        HeaderValue::from_bytes(header.value).ok()
    };
    let disposition = value(CONTENT_DISPOSITION.as_str()).and_then(|it| ContentDisposition::from_raw(&it).ok());
    let name = disposition.as_ref().and_then(ContentDisposition::get_name).unwrap_or_default().to_owned();
    let content_type: Option<Mime> = value(CONTENT_TYPE.as_str()).and_then(|it| it.to_str().ok()?.parse().ok());
    let part = FormPart {
        name,
        filename: disposition.as_ref().and_then(filename),
        content_type: content_type.map(|it| it.essence_str().to_ascii_lowercase()),
        bytes: Bytes::new(),
    };
    Ok((part, head_bytes))
}

/// The name of an uploaded file in `Content-Disposition`. `filename*` takes precedence over `filename` because it can
/// contain all characters.
fn filename(disposition: &ContentDisposition) -> Option<String> {
    let extended = disposition.get_filename_ext().and_then(|it| String::from_utf8(it.value.clone()).ok());
    extended.or_else(|| disposition.get_filename().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "multipart/form-data; boundary=x";

    fn read(content_type: &'static str, body: &str) -> Result<Vec<FormPart>, FormError> {
        FormParts::new(&HeaderValue::from_static(content_type), Bytes::copy_from_slice(body.as_bytes()))?.collect()
    }

    fn names_and_texts(body: &str) -> Vec<(String, String)> {
        let text = |it: FormPart| (it.name, String::from_utf8(it.bytes.to_vec()).unwrap());
        read(FORM, body).unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn parts_have_names_types_and_bytes() {
        let parts = read(
            "Multipart/Form-Data; boundary=\"x y\"",
            "preamble\r\n--x y\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\\\"b.csv\"\r\n\
             Content-Type: Text/CSV; charset=utf-8\r\n\r\na\r\n--x yz\r\n\r\n--x y \r\n\
             Content-Disposition: form-data; name=text; filename=a; filename*=UTF-8''%C3%A4\r\n\r\n\r\n--x y--\r\nend",
        )
        .unwrap();
        let file = FormPart {
            name: "file".to_owned(),
            filename: Some("a\"b.csv".to_owned()),
            content_type: Some("text/csv".to_owned()),
            bytes: Bytes::from_static(b"a\r\n--x yz\r\n"),
        };
        assert_eq!(parts[0], file);
        assert_eq!((parts[1].filename.as_deref(), parts[1].bytes.len(), parts.len()), (Some("ä"), 0, 2));
    }

    #[test]
    fn a_part_may_be_empty_or_have_no_headers() {
        let one = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
        let named = "--x\r\nContent-Disposition: form-data; name=a\r\n";
        assert_eq!(names_and_texts(&format!("{named}\r\n\r\n--x--")), one("a", ""));
        assert_eq!(names_and_texts(&format!("{named}\r\n--x--")), one("a", ""));
        assert_eq!(names_and_texts("--x\r\n\r\ntext\r\n--x--"), one("", "text"));
        assert_eq!(names_and_texts("--x--\r\n"), []);
    }

    #[test]
    fn an_unreadable_form_differs_from_an_unterminated_one() {
        let body = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\ntext\r\n--x--";
        assert_eq!(read(FORM, &body[..body.len() - 2]), Err(FormError::Unterminated));
        for cut in 4..body.len() - 2 {
            assert_eq!(read(FORM, &body[..cut]), Err(FormError::Unterminated), "{cut}");
        }
        for (content_type, body) in [
            ("multipart/form-data", body),
            ("multipart/form-data; boundary=y", body),
            (FORM, ""),
            (FORM, "--x words\r\n\r\n\r\n--x--"),
            (FORM, "--x\r\nno header\r\n\r\n\r\n--x--"),
        ] {
            assert_eq!(read(content_type, body), Err(FormError::Unreadable), "{content_type}: {body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_form_panics(body in "(--x(--)?|(\r\n)+|Content-Disposition: form-data; name=file|[- x]|\\PC){0,14}") {
            let _ = read(FORM, &body).is_ok();
        }

        #[test]
        fn parts_are_read_as_they_were_written(contents in proptest::collection::vec("(\r\n--?|x|\\PC){0,9}", 0..4)) {
            let boundary = "zz9";
            let part = |text: &String| format!("--{boundary}\r\nContent-Disposition: form-data; name=a\r\n\r\n{text}\r\n");
            let body = contents.iter().map(part).collect::<String>() + "--zz9--\r\n";
            let read = read("multipart/form-data; boundary=zz9", &body).unwrap();
            let read: Vec<&[u8]> = read.iter().map(|it| it.bytes.as_ref()).collect();
            proptest::prop_assert_eq!(read, contents.iter().map(String::as_bytes).collect::<Vec<_>>());
        }
    }
}
