//! Whether it is Meta that calls.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether this body was signed with the app's secret: `header` is what stands in
/// `X-Hub-Signature-256`, `sha256=` and the HMAC-SHA256 of the body's bytes in lower-case hex.
///
/// The body must be as it came: parsed and written again it is another. Compared in constant time.
/// Without a secret nothing is authentic.
pub fn is_authentic(app_secret: &str, body: &[u8], header: Option<&str>) -> bool {
    // Anybody can sign with an empty key.
    if app_secret.is_empty() {
        return false;
    }
    let Some(signature) = header.and_then(bytes_of_signature) else { return false };
    hmac(app_secret.as_bytes()).chain_update(body).verify_slice(&signature).is_ok()
}

/// Whether this, of `X-Hub-Signature-256`, has the form of a signature; whose, only the body shows.
pub fn is_signature(header: &str) -> bool {
    bytes_of_signature(header).is_some()
}

fn bytes_of_signature(header: &str) -> Option<[u8; 32]> {
    header.strip_prefix("sha256=").and_then(bytes_of_hex)
}

/// Whether two secrets are the same, in a time that does not tell how much of them is.
pub(crate) fn is_same(secret: &str, given: &str) -> bool {
    let tag = hmac(secret.as_bytes()).chain_update(given).finalize().into_bytes();
    hmac(secret.as_bytes()).chain_update(secret).verify_slice(&tag).is_ok()
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// The 32 bytes that 64 digits of lower-case hex stand for.
fn bytes_of_hex(hex: &str) -> Option<[u8; 32]> {
    let digit = |it: u8| match it {
        b'0'..=b'9' => Some(it - b'0'),
        b'a'..=b'f' => Some(it - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes?.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "test-app-secret";
    /// As Meta writes it: ASCII alone, `/` and `@` escaped.
    const BODY: &str = include_str!("../samples/signed.json");
    const SIGNATURE: &str = "sha256=bea755abab1604caae11ac8df03b283b2f7778000e4671674cf21d368fe4480b";

    fn signed(body: &str) -> bool {
        is_authentic(SECRET, body.as_bytes(), Some(SIGNATURE))
    }

    #[test]
    fn the_bytes_that_were_signed_are_authentic() {
        assert_eq!(BODY.len(), 478);
        assert!(signed(BODY));
        let known = "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914";
        assert!(is_authentic("secret", b"test", Some(known)));
    }

    #[test]
    fn a_body_written_anew_is_not() {
        let parsed: serde_json::Value = serde_json::from_str(BODY).unwrap();
        let escaped = BODY.replace(r"\/", "/").replace(r"\u0040", "@");
        let utf8 = escaped.replace(r"\u00eb", "ë").replace(r"\u00e4", "ä").replace(r"\ud83d\ude42", "🙂");
        for again in [parsed.to_string(), escaped, utf8.clone()] {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&again).unwrap(), parsed, "it means the same");
            assert!(!signed(&again));
        }
        let of_utf8 = "sha256=5bf919dbe6d3a2c6facbc95aa74cac2e7962b064645728b6531118bef7c445ba";
        assert!(is_authentic(SECRET, utf8.as_bytes(), Some(of_utf8)), "it is the reference's own example");
    }

    #[test]
    fn what_was_cut_changed_or_signed_for_another_body_is_not() {
        for end in 0..BODY.len() {
            assert!(!signed(&BODY[..end]));
        }
        for other in [format!("{BODY}\n"), format!(" {BODY}"), BODY.replace("TEST1", "TEST2"), "test".to_owned()] {
            assert!(!signed(&other));
        }
    }

    #[test]
    fn another_key_is_not() {
        for key in ["test-app-secre", "test-app-secret ", "Test-app-secret", "secret"] {
            assert!(!is_authentic(key, BODY.as_bytes(), Some(SIGNATURE)));
        }
        let by_nobody = hmac(b"").chain_update(BODY).finalize().into_bytes();
        let by_nobody: String = by_nobody.iter().map(|it| format!("{it:02x}")).collect();
        assert!(!is_authentic("", BODY.as_bytes(), Some(&format!("sha256={by_nobody}"))));
    }

    #[test]
    fn another_form_of_the_header_is_not() {
        let hex = SIGNATURE.trim_start_matches("sha256=");
        for header in [
            String::new(),
            hex.to_owned(),
            format!("sha256={}", hex.to_uppercase()),
            format!("SHA256={hex}"),
            format!("sha1={}", &hex[..40]),
            format!("sha1={hex}"),
            format!("sha256= {hex}"),
            format!("sha256={hex} "),
            format!("sha256={hex}0"),
            format!("sha256={hex}00"),
            format!("sha256={}", &hex[..62]),
            format!("sha256={}", &hex[..63]),
            "sha256=".to_owned(),
        ] {
            assert!(!is_authentic(SECRET, BODY.as_bytes(), Some(&header)), "{header}");
        }
        assert!(!is_authentic(SECRET, BODY.as_bytes(), None));
    }

    proptest! {
        #[test]
        fn nothing_else_is(
            secret in r"\PC{0,40}",
            body in prop::collection::vec(any::<u8>(), 0..200),
            header in prop::option::of(r"(sha256=)?([0-9a-f]{60,68}|\PC*)"),
        ) {
            prop_assert!(!is_authentic(&secret, &body, header.as_deref()));
        }

        #[test]
        fn a_changed_byte_is_seen(at in any::<prop::sample::Index>(), other in any::<u8>()) {
            let mut body = BODY.as_bytes().to_vec();
            let at = at.index(body.len());
            prop_assume!(body[at] != other);
            body[at] = other;
            prop_assert!(!is_authentic(SECRET, &body, Some(SIGNATURE)));
        }

        #[test]
        fn equal_secrets_alone_are_the_same(one in r"\PC{0,80}", other in r"\PC{0,80}") {
            prop_assert!(is_same(&one, &one));
            prop_assert_eq!(is_same(&one, &other), one == other);
        }
    }
}
