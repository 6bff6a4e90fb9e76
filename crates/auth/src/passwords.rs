//! Passwords, and what is stored of them.

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use std::sync::LazyLock;

/// What OWASP recommends for Argon2id: 19 MiB, two passes, one lane.
const PARAMS: Params = match Params::new(19_456, 2, 1, Some(HASH_BYTES)) {
    Ok(params) => params,
    Err(_) => panic!("Argon2 takes these parameters"),
};
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// In lower case and without 0, 1, i, l, o: it can be read out over the telephone.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
const GENERATED_CHARS: usize = 20;

/// A password fit to be somebody's new one: 10 characters or more, at most 1,024 bytes, no NUL.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a new password was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Fewer than 10 characters.
    #[error("A password needs at least 10 characters.")]
    TooShort,
    /// More than 1,024 bytes.
    #[error("A password may be at most 1,024 bytes long.")]
    TooLong,
    /// It contains U+0000.
    #[error("A password cannot contain a NUL character.")]
    Nul,
}

/// An Argon2id hash of a password, as a PHC string (`$argon2id$v=19$m=…`).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// The password could not be hashed: no memory or no randomness to be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash a password: {0}")]
pub struct HashError(#[from] password_hash::Error);

redacted!(Password, PasswordHash);

impl Password {
    /// Takes a new password as it was typed; nothing is trimmed.
    ///
    /// # Errors
    /// [`BadPassword`], as a sentence for a person.
    pub fn parse(text: impl Into<String>) -> Result<Self, BadPassword> {
        let text = text.into();
        if text.len() > 1024 {
            Err(BadPassword::TooLong)
        } else if text.contains('\0') {
            Err(BadPassword::Nul)
        } else if text.chars().count() < 10 {
            Err(BadPassword::TooShort)
        } else {
            Ok(Self(text))
        }
    }

    /// A random one of 20 characters (99 bits) that are hard to misread.
    pub fn generate() -> Self {
        let character = || char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]);
        Self(std::iter::repeat_with(character).take(GENERATED_CHARS).collect())
    }

    /// The password itself, to show it once to whom it was made for.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PasswordHash {
    /// Hashes a password with a new random salt. Takes tens of milliseconds and 19 MiB: not for
    /// a thread that others wait for.
    ///
    /// # Errors
    /// [`HashError`] where memory or randomness is lacking.
    pub fn of(password: &Password) -> Result<Self, HashError> {
        let salt: [u8; SALT_BYTES] = rand::random();
        let hash = argon2id().hash_password_with_salt(password.0.as_bytes(), &salt)?;
        Ok(Self(hash.to_string()))
    }

    /// A hash that was stored earlier. One that is damaged verifies no password.
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// The hash as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the hash of `plain`. As slow as [`PasswordHash::of`].
    pub fn verifies(&self, plain: &str) -> bool {
        let Ok(hash) = phc::PasswordHash::new(&self.0) else { return false };
        argon2id().verify_password(plain.as_bytes(), &hash).is_ok()
    }

    /// The hash of a password nobody knows. Verify against it where a user name does not exist:
    /// it takes as long as a wrong password does.
    pub fn decoy() -> &'static Self {
        // Random bytes in place of a computed hash: the first use is as quick as all others.
        static DECOY: LazyLock<PasswordHash> = LazyLock::new(|| {
            let salt = BASE64_STANDARD_NO_PAD.encode(rand::random::<[u8; SALT_BYTES]>());
            let hash = BASE64_STANDARD_NO_PAD.encode(rand::random::<[u8; HASH_BYTES]>());
            let (m, t, p) = (PARAMS.m_cost(), PARAMS.t_cost(), PARAMS.p_cost());
            PasswordHash(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}"))
        });
        &DECOY
    }
}

fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password() {
        let password = Password::parse("correct horse").unwrap();
        let hash = PasswordHash::of(&password).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let stored = PasswordHash::from_stored(hash.as_str().to_owned());
        assert!(stored.verifies("correct horse"));
        for wrong in ["correct horsf", "correct horse ", "", "\0", &"x".repeat(100_000)] {
            assert!(!stored.verifies(wrong));
        }
        assert_ne!(PasswordHash::of(&password).unwrap(), hash, "each has its own salt");
    }

    #[test]
    fn a_damaged_hash_verifies_nothing() {
        for stored in [
            "",
            "correct horse",
            "$argon2id$",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=1$m=8,t=1,p=1$c2FsdHNhbHQ$AAAA",
        ] {
            assert!(!PasswordHash::from_stored(stored.to_owned()).verifies("correct horse"), "{stored}");
        }
    }

    #[test]
    fn the_decoy_costs_what_a_real_hash_costs() {
        let real = PasswordHash::of(&Password::generate()).unwrap();
        let parsed = [real.as_str(), PasswordHash::decoy().as_str()].map(|phc| phc::PasswordHash::new(phc).unwrap());
        let cost = |hash: &phc::PasswordHash| {
            let lengths = (hash.salt.as_ref().unwrap().len(), hash.hash.as_ref().unwrap().len());
            (hash.algorithm, hash.version, Params::try_from(hash).unwrap(), lengths)
        };
        assert_eq!(cost(&parsed[0]), cost(&parsed[1]));
        assert_eq!(PasswordHash::decoy(), PasswordHash::decoy());
        assert_eq!(
            argon2id().verify_password(b"correct horse", &parsed[1]),
            Err(password_hash::Error::PasswordInvalid),
            "it is compared, not refused early"
        );
    }

    #[test]
    fn new_passwords_have_limits() {
        assert_eq!(Password::parse("123456789"), Err(BadPassword::TooShort));
        assert_eq!(Password::parse("ñandúñand"), Err(BadPassword::TooShort), "characters, not bytes");
        assert_eq!(Password::parse("a\0bcdefghijk"), Err(BadPassword::Nul));
        assert_eq!(Password::parse("x".repeat(1025)), Err(BadPassword::TooLong));
        assert!(Password::parse("x".repeat(1024)).is_ok());
        assert_eq!(Password::parse(" 12345678 ").unwrap().as_str(), " 12345678 ");
    }

    #[test]
    fn generated_ones_are_fit_and_differ() {
        let password = Password::generate();
        assert_eq!(password.as_str().len(), 20);
        assert_eq!(Password::parse(password.as_str()).as_ref(), Ok(&password));
        assert_ne!(password, Password::generate());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Password::generate()), "Password(redacted)");
        assert_eq!(format!("{:?}", PasswordHash::decoy()), "PasswordHash(redacted)");
    }
}
