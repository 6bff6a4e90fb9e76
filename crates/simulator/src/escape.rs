//! JSON as Meta writes it, byte for byte, and the signature over those bytes.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// A value as Meta writes it: only ASCII, and some of that escaped, too.
pub(crate) fn written(value: &Value) -> String {
    escaped(&value.to_string())
}

/// JSON text as Meta writes it. It may have no escaped slash yet, as that of `serde_json` has none.
///
/// What is replaced stands in JSON within strings only, so the text need not be read.
pub(crate) fn escaped(json: &str) -> String {
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
                    // Writing to a string does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

/// The value of `X-Hub-Signature-256`.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex(&mac(secret, body)))
}

fn mac(secret: &str, body: &[u8]) -> Vec<u8> {
    // HMAC takes a key of any length.
    let Ok(keyed) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return Vec::new() };
    keyed.chain_update(body).finalize().into_bytes().to_vec()
}

/// Bytes in lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "test-app-secret";
    /// A body with all that is escaped, as plain UTF-8.
    const PLAIN: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"104000000000001","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"442079460000","phone_number_id":"105000000000001"},"contacts":[{"profile":{"name":"Zoë"},"wa_id":"447700900123"}],"messages":[{"from":"447700900123","id":"wamid.TEST1","timestamp":"1793000000","type":"text","text":{"body":"Später Check-in? 22/10 🙂 zoe@example.com"}}]},"field":"messages"}]}]}"#;

    #[test]
    fn a_body_and_its_signature_are_metas_byte_for_byte() {
        let body = escaped(PLAIN);
        assert_eq!(body.len(), 478);
        assert!(body.contains(r"Sp\u00e4ter Check-in? 22\/10 \ud83d\ude42 zoe\u0040example.com"), "{body}");
        let (right, wrong) = (
            "sha256=bea755abab1604caae11ac8df03b283b2f7778000e4671674cf21d368fe4480b",
            "sha256=5bf919dbe6d3a2c6facbc95aa74cac2e7962b064645728b6531118bef7c445ba",
        );
        assert_eq!(signature(SECRET, body.as_bytes()), right);
        assert_eq!(signature(SECRET, PLAIN.as_bytes()), wrong);
        let short = "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914";
        assert_eq!(signature("secret", b"test"), short);
    }

    #[test]
    fn what_is_escaped_is_still_the_same_value() {
        let value = serde_json::json!({ "a/b": "<é@%\"\\\n\u{1}🙂>" });
        let text = written(&value);
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
