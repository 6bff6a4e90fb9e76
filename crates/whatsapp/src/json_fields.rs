//! Typed access to the fields of Meta's JSON objects. A field that is missing or of an unexpected type is `None`.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

use crate::json::JsonObject;

/// Maximum length of an id in Meta's JSON. Longer ids are refused; Meta's are much shorter.
const MAX_ID_BYTES: usize = 1024;

pub(crate) trait JsonFields {
    /// Returns a field that is a string, without NUL characters.
    fn string(&self, name: &str) -> Option<String>;

    /// Returns a field that is a string, trimmed, if it is not empty.
    fn text(&self, name: &str) -> Option<String>;

    /// Returns a field that is an id: a number, or a string without control characters that is not empty.
    fn id(&self, name: &str) -> Option<String>;

    /// Returns a field that is a WhatsApp id: its digits, without the `+` that some senders write.
    fn wa_id(&self, name: &str) -> Option<String>;

    /// Returns a field that is an integer, which may be written as a string.
    fn integer(&self, name: &str) -> Option<i64>;

    /// Returns a field that is a finite number, which may be written as a string.
    fn number(&self, name: &str) -> Option<f64>;

    fn is_true(&self, name: &str) -> bool;

    /// Returns a field that is a SHA-256 in base64, with or without padding, or in hex. Meta uses both.
    fn sha256(&self, name: &str) -> Option<[u8; 32]>;

    fn object(&self, name: &str) -> Option<&JsonObject>;

    /// Returns the objects of a field that is an array, and skips other elements.
    fn objects(&self, name: &str) -> impl Iterator<Item = &JsonObject>;
}

impl JsonFields for JsonObject {
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
        if id.is_empty() || id.len() > MAX_ID_BYTES || id.contains(char::is_control) { None } else { Some(id) }
    }

    fn wa_id(&self, name: &str) -> Option<String> {
        let id = self.id(name)?;
        let digits = id.strip_prefix('+').unwrap_or(&id);
        let is_wa_id = (1..=32).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
        is_wa_id.then(|| digits.to_owned())
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

    fn sha256(&self, name: &str) -> Option<[u8; 32]> {
        parse_sha256(&self.text(name)?)
    }

    fn object(&self, name: &str) -> Option<&JsonObject> {
        self.get(name)?.as_object()
    }

    fn objects(&self, name: &str) -> impl Iterator<Item = &JsonObject> {
        self.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
    }
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let mut digest = [0; 32];
    if text.len() == 2 * digest.len() {
        hex::decode_to_slice(text, &mut digest).ok()?;
        return Some(digest);
    }
    let decoded = GeneralPurpose::new(&STANDARD, LENIENT).decode(text);
    decoded.or_else(|_| GeneralPurpose::new(&URL_SAFE, LENIENT).decode(text)).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    use serde_json::json;

    #[test]
    fn a_digest_may_be_base64_or_hex() {
        let digest: [u8; 32] = std::array::from_fn(|index| (index * 37) as u8);
        let hex = hex::encode(digest);
        for text in [BASE64_STANDARD.encode(digest), BASE64_URL_SAFE_NO_PAD.encode(digest), hex.to_uppercase(), hex] {
            assert_eq!(parse_sha256(&text), Some(digest), "{text}");
        }
        for bad in
            ["", "x", "3q2+", &"+1".repeat(32), &"0".repeat(63), &"é".repeat(32), &BASE64_STANDARD.encode([0; 33])]
        {
            assert_eq!(parse_sha256(bad), None, "{bad}");
        }
    }

    #[test]
    fn fields_of_another_type_are_none() {
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
}
