//! Random values that only their holder knows, and what is stored of them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::SessionId;
use sha2::{Digest as _, Sha256};

/// 256 random bits as base64url text: a session cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The SHA-256 of something: what is stored of a [`Secret`], and a short stand-in for user
/// names and bodies that are only compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

/// By which another system of a hotel proves who it is: `mmk_`, and a [`Secret`].
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

redacted!(Secret, Digest, ApiKey);

/// What an API key begins with, so that it is told from a token, and found where it was left by mistake.
const API_KEY: &str = "mmk_";

impl Secret {
    /// A new one, from the system's randomness.
    #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
    pub fn new() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    /// The text to hand to its holder, once: 43 characters that need no escaping in a header or URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What to store of the secret whose text this is, and by which a presented one is looked
    /// up. Without salt or stretching: 256 random bits cannot be guessed.
    pub fn digest(text: &str) -> Digest {
        Digest::of(text)
    }
}

impl ApiKey {
    /// A new one, from the system's randomness.
    #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
    pub fn new() -> Self {
        Self(format!("{API_KEY}{}", Secret::new().as_str()))
    }

    /// The text to hand to its holder, once.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What to store of the key whose text this is, and by which a presented one is looked up; none
    /// where it is no API key.
    pub fn digest(text: &str) -> Option<Digest> {
        text.starts_with(API_KEY).then(|| Digest::of(text))
    }
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// As lower-case hex: how it is stored and compared.
impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The id of a new session: 128 random bits.
pub fn new_session_id() -> SessionId {
    SessionId(rand::random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_safe_in_headers() {
        let (one, other) = (Secret::new(), Secret::new());
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(one.as_str().len(), 43);
        assert!(one.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert_ne!(new_session_id(), new_session_id());
    }

    #[test]
    fn the_digest_is_sha_256() {
        let abc = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(Secret::digest("abc").0), abc);
        assert_eq!(Digest::of(b"abc"), Secret::digest("abc"));
    }

    #[test]
    fn an_api_key_is_known_by_its_beginning() {
        let key = ApiKey::new();
        assert_eq!((key.as_str().len(), key.as_str().starts_with("mmk_")), (47, true));
        assert_ne!(key, ApiKey::new());
        assert_eq!(ApiKey::digest(key.as_str()), Some(Digest::of(key.as_str())));
        assert_eq!(ApiKey::digest("header.payload.signature"), None);
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new();
        assert_eq!(format!("{secret:?} {:?}", Secret::digest(secret.as_str())), "Secret(redacted) Digest(redacted)");
        assert_eq!(format!("{:?}", ApiKey::new()), "ApiKey(redacted)");
    }
}
