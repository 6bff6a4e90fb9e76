//! Range requests: which bytes of a file a client asks for (`Range`, `If-Range`).

use std::ops::Range;

use actix_web::http::header::{HeaderMap, IF_RANGE, RANGE};

/// The bytes that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedBytes {
    Whole,
    /// A part of the file, not empty.
    Part(Range<u64>),
    /// The file has none of the bytes.
    Unsatisfiable,
}

/// Reads which bytes of a file of this size and entity tag (with its quotes) are asked for.
///
/// A malformed range, several ranges, and a range of another version of the file mean the whole file: a client that asks
/// for a part has to accept it.
pub fn requested_bytes(headers: &HeaderMap, size: u64, etag: &str) -> RequestedBytes {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    let is_same_version = !headers.contains_key(IF_RANGE) || text(IF_RANGE) == Some(etag);
    let range = text(RANGE).filter(|_| is_same_version).and_then(|it| it.strip_prefix("bytes=")).and_then(parse);
    let Some((first, last)) = range else { return RequestedBytes::Whole };
    let part = match (first, last) {
        (Some(first), last) => first..last.map_or(size, |it| it.saturating_add(1).min(size)),
        (None, last) => size.saturating_sub(last.unwrap_or_default())..size,
    };
    if part.is_empty() { RequestedBytes::Unsatisfiable } else { RequestedBytes::Part(part) }
}

/// Parses `first-last`, `first-` or `-length`. Returns `None` if the text is none of these, or if the last byte precedes
/// the first one.
fn parse(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let number = |text: &str| match text {
        "" => Some(None),
        digits if digits.bytes().all(|it| it.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    };
    let (first, last) = text.trim().split_once('-')?;
    match (number(first)?, number(last)?) {
        (None, None) => None,
        (Some(first), Some(last)) if last < first => None,
        range => Some(range),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn requested(range: &str, size: u64) -> RequestedBytes {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(range).unwrap());
        requested_bytes(&headers, size, "\"a\"")
    }

    #[test]
    fn one_range_is_served() {
        for (range, part) in [
            ("bytes=0-", 0..10),
            ("bytes=0-0", 0..1),
            ("bytes=2-5", 2..6),
            ("bytes=9-99", 9..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=0-18446744073709551615", 0..10),
        ] {
            assert_eq!(requested(range, 10), RequestedBytes::Part(part), "{range}");
        }
        for range in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(requested(range, 10), RequestedBytes::Unsatisfiable, "{range}");
        }
        for range in ["bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "bytes=a-b", "bytes=+1-2", "items=0-1", "0-1"]
        {
            assert_eq!(requested(range, 10), RequestedBytes::Whole, "{range}");
        }
        assert_eq!(requested("bytes=0-", 0), RequestedBytes::Unsatisfiable);
    }

    #[test]
    fn a_range_of_another_version_is_not_served() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=1-2"));
        for (condition, expected) in [
            ("\"a\"", RequestedBytes::Part(1..3)),
            ("\"b\"", RequestedBytes::Whole),
            ("W/\"a\"", RequestedBytes::Whole),
            ("Mon, 30 Nov 2026 00:00:00 GMT", RequestedBytes::Whole),
        ] {
            headers.insert(IF_RANGE, HeaderValue::from_static(condition));
            assert_eq!(requested_bytes(&headers, 10, "\"a\""), expected, "{condition}");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_file(range in "bytes=[0-9-]{0,24}|[ -~]{0,12}", size in any::<u64>()) {
            if let RequestedBytes::Part(part) = requested(&range, size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
