//! Lenient parsing of Meta's JSON: one level at a time, and with repair of lone surrogates.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

pub(crate) type JsonObject = Map<String, Value>;

/// Parses the members of a JSON object that `T` names. If they are `&RawValue`s, nothing inside them is looked at: an
/// error there does not matter, and deep nesting needs no stack.
pub(crate) fn parse_shallow<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    // Anything but an object is refused here, because serde also accepts an array for a struct.
    if json.trim_start().starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

/// Returns the elements of a JSON array as raw JSON.
pub(crate) fn parse_elements(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

/// Parses a whole JSON value. Lone surrogates are replaced.
pub(crate) fn parse_value(json: &str) -> Option<Value> {
    serde_json::from_str(json).ok().or_else(|| match replace_lone_surrogates(json) {
        Cow::Owned(repaired) => serde_json::from_str(&repaired).ok(),
        Cow::Borrowed(_) => None,
    })
}

/// Parses a whole JSON object. Lone surrogates are replaced.
pub(crate) fn parse_object(json: &str) -> Option<JsonObject> {
    match parse_value(json)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Replaces escaped surrogates that have no other half by U+FFFD. They occur if a sender truncated a text inside an
/// emoji; serde_json would refuse the whole message.
fn replace_lone_surrogates(json: &str) -> Cow<'_, str> {
    let mut repaired = String::new();
    let mut rest = json;
    let mut scanned = 0;
    while let Some(backslash) = rest[scanned..].find('\\').map(|it| it + scanned) {
        match (unicode_escape(rest, backslash), unicode_escape(rest, backslash + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => scanned = backslash + 12,
            (Some(0xd800..=0xdfff), _) => {
                repaired.push_str(&rest[..backslash]);
                repaired.push_str(r"\ufffd");
                (rest, scanned) = (&rest[backslash + 6..], 0);
            }
            // Skips an escape sequence. In valid JSON the character after a backslash is ASCII.
            _ => scanned = backslash + if rest.is_char_boundary(backslash + 2) { 2 } else { 1 },
        }
    }
    if repaired.is_empty() { Cow::Borrowed(json) } else { Cow::Owned(repaired + rest) }
}

/// Returns the UTF-16 unit of the `\uXXXX` that begins at this index.
fn unicode_escape(json: &str, index: usize) -> Option<u16> {
    let digits = json.get(index..index + 6)?.strip_prefix(r"\u")?;
    digits.bytes().all(|it| it.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_lone_surrogates_are_replaced() {
        for (json, repaired) in [
            (r#""a\ud83db""#, r#""a\ufffdb""#),
            (r#""\ude42\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude42""#, r#""\ufffd\ud83d\ude42""#),
            (r#""\uD83D\n""#, r#""\ufffd\n""#),
            (r#""\\ud83d \ud83d""#, r#""\\ud83d \ufffd""#),
        ] {
            assert_eq!(replace_lone_surrogates(json), repaired);
            assert!(parse_value(json).is_some());
        }
        for unchanged in [r#""\ud83d\ude42 \\ud83d \u00e4 \"""#, "{}", r"\", r"\u", r"\ud83", r"\ä", r"\uäää"] {
            assert!(matches!(replace_lone_surrogates(unchanged), Cow::Borrowed(_)), "{unchanged}");
        }
        assert_eq!(parse_value(r#""\ud83d"#), None);
    }

    proptest! {
        #[test]
        fn a_repaired_text_has_no_lone_surrogate(json in r#"(\PC|\\|\\u[dD][89a-fA-F][0-9a-f]{0,2}){0,40}"#) {
            let repaired = replace_lone_surrogates(&json);
            prop_assert!(matches!(replace_lone_surrogates(&repaired), Cow::Borrowed(_)));
        }
    }
}
