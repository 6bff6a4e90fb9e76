//! Random secrets (session cookies, API keys), their digests, and the rule for signing secrets.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::SessionId;
use sha2::{Digest as _, Sha256};

/// The random secret in a session cookie or in an API key: 256 bits in base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A SHA-256 digest, displayed in lower-case hex. Stored instead of a [`Secret`], and instead of user names and bodies
/// that are only compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

/// An API key, the credential of another system of a hotel: `mmk_` and a [`Secret`].
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

redacted!(Secret, Digest, ApiKey);

/// The error for a signing secret that is too short to be safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret needs at least {MIN_SIGNING_SECRET_BYTES} bytes")]
pub struct ShortSecret;

/// Minimum length of a signing secret. HS256 is only as strong as its key: 256 bits.
const MIN_SIGNING_SECRET_BYTES: usize = 32;

/// Prefix of API keys: distinguishes an API key from an access token, and makes leaked keys searchable.
const API_KEY_PREFIX: &str = "mmk_";

impl Secret {
    /// Generates a new secret from the randomness of the operating system.
    #[expect(clippy::new_without_default, reason = "a default should not differ each time")]
    pub fn new() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    /// Returns the secret as text, to give it to its holder once: 43 characters that need no escaping in headers and
    /// URLs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the digest of a presented secret, for storing and look-up. Needs no salt or stretching, because 256
    /// random bits cannot be guessed.
    pub fn digest(text: &str) -> Digest {
        Digest::of(text)
    }
}

impl ApiKey {
    /// Generates a new API key from the randomness of the operating system.
    #[expect(clippy::new_without_default, reason = "a default should not differ each time")]
    pub fn new() -> Self {
        Self(format!("{API_KEY_PREFIX}{}", Secret::new().as_str()))
    }

    /// Returns the API key as text, to give it to its holder once.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the digest of a presented API key, for storing and look-up, or `None` if the text is not an API key.
    pub fn digest(text: &str) -> Option<Digest> {
        text.starts_with(API_KEY_PREFIX).then(|| Digest::of(text))
    }
}

impl Digest {
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Generates a session id: 128 random bits.
pub fn new_session_id() -> SessionId {
    SessionId(rand::random())
}

/// Returns the signing secret if it is long enough.
pub(crate) fn check_signing_secret(secret: &[u8]) -> Result<&[u8], ShortSecret> {
    if secret.len() < MIN_SIGNING_SECRET_BYTES { Err(ShortSecret) } else { Ok(secret) }
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
    fn api_keys_are_recognized_by_their_prefix() {
        let key = ApiKey::new();
        assert_eq!((key.as_str().len(), key.as_str().starts_with("mmk_")), (47, true));
        assert_ne!(key, ApiKey::new());
        assert_eq!(ApiKey::digest(key.as_str()), Some(Digest::of(key.as_str())));
        assert_eq!(ApiKey::digest("header.payload.signature"), None);
    }

    #[test]
    fn debug_output_is_redacted() {
        let secret = Secret::new();
        assert_eq!(format!("{secret:?} {:?}", Secret::digest(secret.as_str())), "Secret(redacted) Digest(redacted)");
        assert_eq!(format!("{:?}", ApiKey::new()), "ApiKey(redacted)");
    }
}
