//! JSON with Meta's escapes, byte for byte, and the signature of those bytes.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// Serializes a JSON value as Meta does: only ASCII, and some ASCII characters are escaped, too.
pub(crate) fn to_meta_json(value: &Value) -> String {
    escape_like_meta(&value.to_string())
}

/// Applies Meta's escapes to JSON from `serde_json`, which has no escaped slashes.
///
/// The replaced characters occur only inside JSON strings, so no parsing is needed.
fn escape_like_meta(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 8);
    for character in json.chars() {
        match character {
            '/' => out.push_str("\\/"),
            '@' => out.push_str("\\u0040"),
            '<' => out.push_str("\\u003C"),
            '%' => out.push_str("\\u0025"),
            _ if character.is_ascii() => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Formatting into a `String` does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

/// Returns the signature of a webhook body, the value of `X-Hub-Signature-256`.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    // Creating the HMAC does not fail, because it takes a key of any length.
    let Ok(keyed) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    format!("sha256={}", hex::encode(keyed.chain_update(body).finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "test-app-secret";
    /// A webhook body with all characters that Meta escapes, as plain UTF-8.
    const PLAIN: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"104000000000001","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"442079460000","phone_number_id":"105000000000001"},"contacts":[{"profile":{"name":"Zoë"},"wa_id":"447700900123"}],"messages":[{"from":"447700900123","id":"wamid.TEST1","timestamp":"1793000000","type":"text","text":{"body":"Später Check-in? 22/10 🙂 zoe@example.com"}}]},"field":"messages"}]}]}"#;

    #[test]
    fn body_and_signature_are_those_of_meta() {
        let body = escape_like_meta(PLAIN);
        assert_eq!(body.len(), 478);
        assert!(body.contains(r"Sp\u00e4ter Check-in? 22\/10 \ud83d\ude42 zoe\u0040example.com"), "{body}");
        let (of_escaped, of_plain) = (
            "sha256=bea755abab1604caae11ac8df03b283b2f7778000e4671674cf21d368fe4480b",
            "sha256=5bf919dbe6d3a2c6facbc95aa74cac2e7962b064645728b6531118bef7c445ba",
        );
        assert_eq!(sign(SECRET, body.as_bytes()), of_escaped);
        assert_eq!(sign(SECRET, PLAIN.as_bytes()), of_plain);
        let short = "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914";
        assert_eq!(sign("secret", b"test"), short);
    }

    #[test]
    fn escaping_does_not_change_the_value() {
        let value = serde_json::json!({ "a/b": "<é@%\"\\\n\u{1}🙂>" });
        let text = to_meta_json(&value);
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
