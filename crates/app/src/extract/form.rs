//! The parts of a form (`multipart/form-data`), as slices of its body: a library would copy a file to take it out.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ContentDisposition, HeaderValue};
use bytes::Bytes;
use memchr::memmem;
use mime::Mime;

/// The most headers of a part: three are known.
const MOST_HEADERS: usize = 16;
const LINE_END: &[u8] = b"\r\n";

/// A part of a form.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The name of its field; empty if it has none.
    pub name: String,
    /// What the file is called.
    pub filename: Option<String>,
    /// Its media type in lower case, without parameters.
    pub content_type: Option<String>,
    /// What it holds.
    pub bytes: Bytes,
}

/// Why a form cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadForm {
    /// It is not one.
    #[error("This is no readable form.")]
    Unreadable,
    /// A part, and so the form, has no end.
    #[error("This part of the form does not end.")]
    Endless,
}

/// The parts of a form, one after another. Nothing comes after an error.
pub struct Parts {
    /// What separates parts: a line end, two dashes and the boundary.
    delimiter: Vec<u8>,
    rest: Bytes,
    is_over: bool,
}

impl Parts {
    /// Those of a body with this `Content-Type`.
    ///
    /// # Errors
    /// [`BadForm`] if there is no boundary, or the body does not contain it.
    pub fn new(content_type: &HeaderValue, body: Bytes) -> Result<Self, BadForm> {
        let mime: Option<Mime> = content_type.to_str().ok().and_then(|it| it.parse().ok());
        let boundary = mime.as_ref().and_then(|it| it.get_param(mime::BOUNDARY)).ok_or(BadForm::Unreadable)?;
        let delimiter = [b"\r\n--", boundary.as_str().as_bytes()].concat();
        let mut parts = Self { delimiter, rest: body, is_over: false };
        let first = &parts.delimiter[LINE_END.len()..];
        let begin = if parts.rest.starts_with(first) {
            first.len()
        } else {
            parts.next_delimiter().ok_or(BadForm::Unreadable)? + parts.delimiter.len()
        };
        parts.rest = parts.rest.slice(begin..);
        Ok(parts)
    }

    /// Where the next line begins that is a delimiter, and not only looks like one at first.
    fn next_delimiter(&self) -> Option<usize> {
        let is_line = |at: &usize| {
            let rest = &self.rest[at + self.delimiter.len()..];
            rest.starts_with(b"--") || rest.trim_ascii_start().len() < rest.len()
        };
        memmem::find_iter(&self.rest, &self.delimiter).find(is_line)
    }

    fn read_next(&mut self) -> Result<Option<Part>, BadForm> {
        if self.rest.starts_with(b"--") {
            return Ok(None);
        }
        let line_end = memmem::find(&self.rest, LINE_END).ok_or(BadForm::Endless)?;
        if !self.rest[..line_end].trim_ascii().is_empty() {
            return Err(BadForm::Unreadable);
        }
        self.rest = self.rest.slice(line_end + LINE_END.len()..);
        let (mut part, head) = part_of(&self.rest)?;
        // An empty part may end with the line end that ends its head.
        self.rest = self.rest.slice(head - LINE_END.len()..);
        let end = self.next_delimiter().ok_or(BadForm::Endless)?;
        part.bytes = self.rest.slice(LINE_END.len().min(end)..end);
        self.rest = self.rest.slice(end + self.delimiter.len()..);
        Ok(Some(part))
    }
}

impl Iterator for Parts {
    type Item = Result<Part, BadForm>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.read_next();
        self.is_over = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// A part without its bytes, from its head, and where the head ends.
fn part_of(text: &[u8]) -> Result<(Part, usize), BadForm> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let parsed = httparse::parse_headers(text, &mut headers).map_err(|_| BadForm::Unreadable)?;
    let httparse::Status::Complete((end, headers)) = parsed else { return Err(BadForm::Endless) };
    let value = |name: &str| {
        let header = headers.iter().find(|it| it.name.eq_ignore_ascii_case(name))?;
        HeaderValue::from_bytes(header.value).ok()
    };
    let disposition = value(CONTENT_DISPOSITION.as_str()).and_then(|it| ContentDisposition::from_raw(&it).ok());
    let name = disposition.as_ref().and_then(ContentDisposition::get_name).unwrap_or_default().to_owned();
    let content_type: Option<Mime> = value(CONTENT_TYPE.as_str()).and_then(|it| it.to_str().ok()?.parse().ok());
    let part = Part {
        name,
        filename: disposition.as_ref().and_then(filename),
        content_type: content_type.map(|it| it.essence_str().to_ascii_lowercase()),
        bytes: Bytes::new(),
    };
    Ok((part, end))
}

/// What a file is called: `filename*`, which may have any characters, counts before `filename`.
fn filename(disposition: &ContentDisposition) -> Option<String> {
    let extended = disposition.get_filename_ext().and_then(|it| String::from_utf8(it.value.clone()).ok());
    extended.or_else(|| disposition.get_filename().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "multipart/form-data; boundary=x";

    fn read(content_type: &'static str, body: &str) -> Result<Vec<Part>, BadForm> {
        Parts::new(&HeaderValue::from_static(content_type), Bytes::copy_from_slice(body.as_bytes()))?.collect()
    }

    fn contents(body: &str) -> Vec<(String, String)> {
        let text = |it: Part| (it.name, String::from_utf8(it.bytes.to_vec()).unwrap());
        read(FORM, body).unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn a_form_has_parts() {
        let parts = read(
            "Multipart/Form-Data; boundary=\"x y\"",
            "preamble\r\n--x y\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\\\"b.csv\"\r\n\
             Content-Type: Text/CSV; charset=utf-8\r\n\r\na\r\n--x yz\r\n\r\n--x y \r\n\
             Content-Disposition: form-data; name=text; filename=a; filename*=UTF-8''%C3%A4\r\n\r\n\r\n--x y--\r\nend",
        )
        .unwrap();
        let file = Part {
            name: "file".to_owned(),
            filename: Some("a\"b.csv".to_owned()),
            content_type: Some("text/csv".to_owned()),
            bytes: Bytes::from_static(b"a\r\n--x yz\r\n"),
        };
        assert_eq!(parts[0], file);
        assert_eq!((parts[1].filename.as_deref(), parts[1].bytes.len(), parts.len()), (Some("ä"), 0, 2));
    }

    #[test]
    fn parts_may_be_empty_or_without_a_head() {
        let one = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
        let named = "--x\r\nContent-Disposition: form-data; name=a\r\n";
        assert_eq!(contents(&format!("{named}\r\n\r\n--x--")), one("a", ""));
        assert_eq!(contents(&format!("{named}\r\n--x--")), one("a", ""));
        assert_eq!(contents("--x\r\n\r\ntext\r\n--x--"), one("", "text"));
        assert_eq!(contents("--x--\r\n"), []);
    }

    #[test]
    fn what_is_no_form_or_has_no_end_is_told_apart() {
        let body = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\ntext\r\n--x--";
        assert_eq!(read(FORM, &body[..body.len() - 2]), Err(BadForm::Endless));
        for cut in 4..body.len() - 2 {
            assert_eq!(read(FORM, &body[..cut]), Err(BadForm::Endless), "{cut}");
        }
        for (content_type, body) in [
            ("multipart/form-data", body),
            ("multipart/form-data; boundary=y", body),
            (FORM, ""),
            (FORM, "--x words\r\n\r\n\r\n--x--"),
            (FORM, "--x\r\nno header\r\n\r\n\r\n--x--"),
        ] {
            assert_eq!(read(content_type, body), Err(BadForm::Unreadable), "{content_type}: {body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_form_makes_it_panic(body in "(--x(--)?|(\r\n)+|Content-Disposition: form-data; name=file|[- x]|\\PC){0,14}") {
            let _ = read(FORM, &body).is_ok();
        }

        #[test]
        fn what_was_put_in_comes_out(all in proptest::collection::vec("(\r\n--?|x|\\PC){0,9}", 0..4)) {
            let boundary = "zz9";
            let part = |text: &String| format!("--{boundary}\r\nContent-Disposition: form-data; name=a\r\n\r\n{text}\r\n");
            let body = all.iter().map(part).collect::<String>() + "--zz9--\r\n";
            let read = read("multipart/form-data; boundary=zz9", &body).unwrap();
            let read: Vec<&[u8]> = read.iter().map(|it| it.bytes.as_ref()).collect();
            proptest::prop_assert_eq!(read, all.iter().map(String::as_bytes).collect::<Vec<_>>());
        }
    }
}
