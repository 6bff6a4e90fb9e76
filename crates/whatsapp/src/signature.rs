//! Webhook signatures: the HMAC-SHA256 of the raw body in `X-Hub-Signature-256`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Returns `true` if `header` is the webhook signature of `body` with the app's secret.
///
/// `body` must be the received bytes: JSON that was parsed and serialized again has another signature. The comparison
/// takes constant time.
pub fn has_valid_signature(app_secret: &str, body: &[u8], header: Option<&str>) -> bool {
    // An empty secret is refused, because anybody can sign with an empty key.
    if app_secret.is_empty() {
        return false;
    }
    let Some(signature) = header.and_then(parse_signature) else { return false };
    keyed_hmac(app_secret).chain_update(body).verify_slice(&signature).is_ok()
}

/// Returns `true` if the header has the form of a signature, so that a webhook call without one is refused before its
/// body is read.
pub fn is_well_formed_signature(header: &str) -> bool {
    parse_signature(header).is_some()
}

fn parse_signature(header: &str) -> Option<[u8; 32]> {
    let digits = header.strip_prefix("sha256=")?;
    // Meta writes the hex digits of a signature in lower case; `hex` would accept upper case, too.
    if digits.bytes().any(|it| it.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

fn keyed_hmac(key: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "test-app-secret";
    /// A webhook body as Meta writes it: only ASCII, with `/` and `@` escaped.
    const BODY: &str = include_str!("../samples/signed.json");
    const SIGNATURE: &str = "sha256=bea755abab1604caae11ac8df03b283b2f7778000e4671674cf21d368fe4480b";

    fn is_valid_for(body: &str) -> bool {
        has_valid_signature(SECRET, body.as_bytes(), Some(SIGNATURE))
    }

    #[test]
    fn the_signature_of_the_received_bytes_is_valid() {
        assert_eq!(BODY.len(), 478);
        assert!(is_valid_for(BODY));
        let known = "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914";
        assert!(has_valid_signature("secret", b"test", Some(known)));
    }

    #[test]
    fn a_reserialized_body_is_rejected() {
        let parsed: serde_json::Value = serde_json::from_str(BODY).unwrap();
        let unescaped = BODY.replace(r"\/", "/").replace(r"\u0040", "@");
        let utf8 = unescaped.replace(r"\u00eb", "ë").replace(r"\u00e4", "ä").replace(r"\ud83d\ude42", "🙂");
        for body in [parsed.to_string(), unescaped, utf8.clone()] {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap(), parsed, "the same value");
            assert!(!is_valid_for(&body));
        }
        let of_utf8 = "sha256=5bf919dbe6d3a2c6facbc95aa74cac2e7962b064645728b6531118bef7c445ba";
        assert!(has_valid_signature(SECRET, utf8.as_bytes(), Some(of_utf8)), "the example of Meta's documentation");
    }

    #[test]
    fn a_truncated_or_changed_body_is_rejected() {
        for end in 0..BODY.len() {
            assert!(!is_valid_for(&BODY[..end]));
        }
        for body in [format!("{BODY}\n"), format!(" {BODY}"), BODY.replace("TEST1", "TEST2"), "test".to_owned()] {
            assert!(!is_valid_for(&body));
        }
    }

    #[test]
    fn another_or_an_empty_secret_is_rejected() {
        for secret in ["test-app-secre", "test-app-secret ", "Test-app-secret", "secret"] {
            assert!(!has_valid_signature(secret, BODY.as_bytes(), Some(SIGNATURE)));
        }
        let with_empty_key = hex::encode(keyed_hmac("").chain_update(BODY).finalize().into_bytes());
        assert!(!has_valid_signature("", BODY.as_bytes(), Some(&format!("sha256={with_empty_key}"))));
    }

    #[test]
    fn a_header_of_another_form_is_rejected() {
        let digits = SIGNATURE.trim_start_matches("sha256=");
        for header in [
            String::new(),
            digits.to_owned(),
            format!("sha256={}", digits.to_uppercase()),
            format!("SHA256={digits}"),
            format!("sha1={}", &digits[..40]),
            format!("sha1={digits}"),
            format!("sha256= {digits}"),
            format!("sha256={digits} "),
            format!("sha256={digits}0"),
            format!("sha256={digits}00"),
            format!("sha256={}", &digits[..62]),
            format!("sha256={}", &digits[..63]),
            "sha256=".to_owned(),
        ] {
            assert!(!has_valid_signature(SECRET, BODY.as_bytes(), Some(&header)), "{header}");
        }
        assert!(!has_valid_signature(SECRET, BODY.as_bytes(), None));
    }

    proptest! {
        #[test]
        fn arbitrary_signatures_are_rejected(
            secret in r"\PC{0,40}",
            body in prop::collection::vec(any::<u8>(), 0..200),
            header in prop::option::of(r"(sha256=)?([0-9a-f]{60,68}|\PC*)"),
        ) {
            prop_assert!(!has_valid_signature(&secret, &body, header.as_deref()));
        }

        #[test]
        fn a_changed_byte_is_detected(index in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut body = BODY.as_bytes().to_vec();
            let index = index.index(body.len());
            prop_assume!(body[index] != byte);
            body[index] = byte;
            prop_assert!(!has_valid_signature(SECRET, &body, Some(SIGNATURE)));
        }
    }
}
