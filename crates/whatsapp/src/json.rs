//! Reading JSON that others write: what is missing, or is not what was expected, is none.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Value, value::RawValue};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// The parts of an object as they were written, whatever is wrong within them. However deep they
/// are nested, reading them takes no stack.
pub(crate) fn parts(json: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(json).ok()
}

/// The elements of an array as they were written.
pub(crate) fn elements(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

/// A value, in which halves of characters were mended.
pub(crate) fn value(json: &str) -> Option<Value> {
    serde_json::from_str(json).ok().or_else(|| match mended(json) {
        Cow::Owned(mended) => serde_json::from_str(&mended).ok(),
        Cow::Borrowed(_) => None,
    })
}

/// An object, in which halves of characters were mended.
pub(crate) fn object(json: &str) -> Option<Object> {
    match value(json)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// JSON where U+FFFD stands for each surrogate without its other half. Who cuts a text in the middle
/// of an emoji writes such, and for its sake nobody's message is to be refused.
fn mended(json: &str) -> Cow<'_, str> {
    let mut whole = String::new();
    let mut rest = json;
    let mut kept = 0;
    while let Some(at) = rest[kept..].find('\\').map(|at| at + kept) {
        match (escaped(rest, at), escaped(rest, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => kept = at + 12,
            (Some(0xd800..=0xdfff), _) => {
                whole.push_str(&rest[..at]);
                whole.push_str(r"\ufffd");
                (rest, kept) = (&rest[at + 6..], 0);
            }
            // The character after a backslash is ASCII in all that is JSON.
            _ => kept = at + if rest.is_char_boundary(at + 2) { 2 } else { 1 },
        }
    }
    if whole.is_empty() { Cow::Borrowed(json) } else { Cow::Owned(whole + rest) }
}

/// What `\u` and four digits of hex at this place stand for.
fn escaped(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(r"\u")?;
    digits.bytes().all(|it| it.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

/// How the fields of an object are read.
pub(crate) trait Fields {
    /// A string, without the NULs that are in it.
    fn string(&self, name: &str) -> Option<String>;

    /// A string that says something: trimmed, and not empty.
    fn text(&self, name: &str) -> Option<String>;

    /// An id: a string that says something and has no control character, or a number.
    fn id(&self, name: &str) -> Option<String>;

    /// A whole number, also one written as a string.
    fn integer(&self, name: &str) -> Option<i64>;

    /// A finite number, also one written as a string.
    fn number(&self, name: &str) -> Option<f64>;

    /// Whether it is true.
    fn is_true(&self, name: &str) -> bool;

    /// An object.
    fn object(&self, name: &str) -> Option<&Object>;

    /// The objects of an array; none where there is no array.
    fn objects(&self, name: &str) -> impl Iterator<Item = &Object>;
}

impl Fields for Object {
    fn string(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.as_str()?.replace('\0', ""))
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.string(name)?;
        let trimmed = text.trim();
        if trimmed.is_empty() { None } else { Some(trimmed.to_owned()) }
    }

    fn id(&self, name: &str) -> Option<String> {
        let id = match self.get(name)? {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_owned(),
            _ => return None,
        };
        if id.is_empty() || id.len() > MOST_ID_BYTES || id.contains(char::is_control) { None } else { Some(id) }
    }

    fn integer(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
    }

    fn number(&self, name: &str) -> Option<f64> {
        let value = self.get(name)?;
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        number.filter(|it| it.is_finite())
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
    }

    fn object(&self, name: &str) -> Option<&Object> {
        self.get(name)?.as_object()
    }

    fn objects(&self, name: &str) -> impl Iterator<Item = &Object> {
        self.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
    }
}

/// No id of Meta's comes near it.
const MOST_ID_BYTES: usize = 1024;

/// A SHA-256 in base64, with or without its padding, or in hex. Meta writes now one, now the other.
pub(crate) fn sha256(text: &str) -> Option<[u8; 32]> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let text = text.trim();
    if text.len() == 64 {
        let pairs = text.as_bytes().as_chunks::<2>().0.iter().map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()))?;
            u8::from_str_radix(pair, 16).ok()
        });
        return pairs.collect::<Option<Vec<u8>>>()?.try_into().ok();
    }
    let decoded = GeneralPurpose::new(&STANDARD, LENIENT).decode(text);
    decoded.or_else(|_| GeneralPurpose::new(&URL_SAFE, LENIENT).decode(text)).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn halves_of_characters_are_mended_and_nothing_else() {
        for (written, mended_to) in [
            (r#""a\ud83db""#, r#""a\ufffdb""#),
            (r#""\ude42\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude42""#, r#""\ufffd\ud83d\ude42""#),
            (r#""\uD83D\n""#, r#""\ufffd\n""#),
            (r#""\\ud83d \ud83d""#, r#""\\ud83d \ufffd""#),
        ] {
            assert_eq!(mended(written), mended_to);
            assert!(value(written).is_some());
        }
        for whole in [r#""\ud83d\ude42 \\ud83d \u00e4 \"""#, "{}", r"\", r"\u", r"\ud83", r"\ä", r"\uäää"] {
            assert!(matches!(mended(whole), Cow::Borrowed(_)), "{whole}");
        }
        assert_eq!(value(r#""\ud83d"#), None);
    }

    #[test]
    fn a_digest_is_read_in_all_its_forms() {
        let digest: [u8; 32] = std::array::from_fn(|at| (at * 37) as u8);
        let hex: String = digest.iter().map(|it| format!("{it:02x}")).collect();
        for text in [BASE64_STANDARD.encode(digest), BASE64_URL_SAFE_NO_PAD.encode(digest), hex.to_uppercase(), hex] {
            assert_eq!(sha256(&text), Some(digest), "{text}");
        }
        for bad in
            ["", "x", "3q2+", &"+1".repeat(32), &"0".repeat(63), &"é".repeat(32), &BASE64_STANDARD.encode([0; 33])]
        {
            assert_eq!(sha256(bad), None, "{bad}");
        }
    }

    #[test]
    fn fields_of_another_kind_are_none() {
        let object = json!({"t": " a\0b ", "e": " ", "n": "7", "i": 7, "f": "NaN", "x": [{"a": 1}, 2], "c": "a\u{1}b"});
        let object = object.as_object().unwrap();
        assert_eq!(object.string("t").as_deref(), Some(" ab "));
        assert_eq!((object.text("t").as_deref(), object.text("e"), object.text("i")), (Some("ab"), None, None));
        assert_eq!((object.id("i").as_deref(), object.id("n").as_deref()), (Some("7"), Some("7")));
        assert_eq!((object.id("t"), object.id("c"), object.id("e")), (None, None, None));
        assert_eq!((object.integer("n"), object.integer("i"), object.integer("t")), (Some(7), Some(7), None));
        assert_eq!((object.number("n"), object.number("f")), (Some(7.0), None));
        assert_eq!((object.objects("x").count(), object.objects("t").count()), (1, 0));
    }

    proptest! {
        #[test]
        fn anything_can_be_mended(json in r#"(\PC|\\|\\u[dD][89a-fA-F][0-9a-f]{0,2}){0,40}"#) {
            let again = mended(&json);
            prop_assert!(matches!(mended(&again), Cow::Borrowed(_)));
        }
    }
}
