//! Password rules, and Argon2id password hashes.

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use std::{ops::RangeInclusive, sync::LazyLock};
use zxcvbn::{Score, zxcvbn};

/// The parameters that OWASP recommends for Argon2id: 19 MiB, two passes, one lane.
const PARAMS: Params = match Params::new(19_456, 2, 1, Some(HASH_BYTES)) {
    Ok(params) => params,
    Err(_) => panic!("Argon2 accepts these parameters"),
};
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// Characters of a generated password: lower case and digits without 0, 1, i, l and o, so that the password can be
/// dictated over the phone.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
const GENERATED_CHARS: usize = 20;

/// The lengths of a new password, in characters.
const LENGTHS: RangeInclusive<usize> = 12..=128;
/// The least score of a new password, from 0 to 4: three means that 100 million guesses do not find it.
const LEAST_SCORE: Score = Score::Three;

/// A new password: 12 to 128 characters, no NUL. [`Password::ensure_unguessable`] checks the rest of the rules.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a new password is refused. Displays as a sentence for the person who chose it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    #[error("A password needs at least {} characters.", LENGTHS.start())]
    TooShort,
    #[error("A password may have at most {} characters.", LENGTHS.end())]
    TooLong,
    #[error("A password cannot contain a NUL character.")]
    Nul,
    #[error("This password is easy to guess{}. Please take another one, for example four unrelated words.", reason(.0))]
    Guessable(Option<String>),
}

/// An Argon2id hash of a password, as a PHC string (`$argon2id$v=19$m=…`).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// The error of hashing a password: memory or randomness is not available.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash a password: {0}")]
pub struct HashError(#[from] password_hash::Error);

redacted!(Password, PasswordHash);

impl Password {
    /// Validates length and characters of a new password. Leading and trailing spaces are kept.
    pub fn parse(text: impl Into<String>) -> Result<Self, BadPassword> {
        let text = text.into();
        let length = text.chars().take(LENGTHS.end() + 1).count();
        if length > *LENGTHS.end() {
            Err(BadPassword::TooLong)
        } else if text.contains('\0') {
            Err(BadPassword::Nul)
        } else if length < *LENGTHS.start() {
            Err(BadPassword::TooShort)
        } else {
            Ok(Self(text))
        }
    }

    /// Fails if the password is common, or can be guessed from these names of the person and the hotel. May take some
    /// milliseconds: use a blocking thread.
    pub fn ensure_unguessable(&self, names: &[String]) -> Result<(), BadPassword> {
        let words: Vec<String> = names.iter().flat_map(|name| words_of(name)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let guessed = zxcvbn(&self.0, &words);
        if guessed.score() >= LEAST_SCORE {
            return Ok(());
        }
        let warning = guessed.feedback().and_then(|feedback| feedback.warning());
        Err(BadPassword::Guessable(warning.map(|it| it.to_string())))
    }

    /// Generates a random password of 20 characters (99 bits) that are hard to misread.
    pub fn generate() -> Self {
        let character = || char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]);
        Self(std::iter::repeat_with(character).take(GENERATED_CHARS).collect())
    }

    /// Returns the password as plain text, to show a generated password once.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PasswordHash {
    /// Hashes a password with a new random salt. Blocks for tens of milliseconds and needs 19 MiB: use a blocking
    /// thread.
    pub fn new(password: &Password) -> Result<Self, HashError> {
        let salt: [u8; SALT_BYTES] = rand::random();
        let hash = argon2id().hash_password_with_salt(password.0.as_bytes(), &salt)?;
        Ok(Self(hash.to_string()))
    }

    /// Restores a password hash from its stored PHC string. A damaged hash verifies no password.
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// Returns the password hash as PHC string, to store it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `true` if `plain` is the password of this hash. Blocks as long as [`PasswordHash::new`].
    pub fn verifies(&self, plain: &str) -> bool {
        let Ok(hash) = phc::PasswordHash::new(&self.0) else { return false };
        argon2id().verify_password(plain.as_bytes(), &hash).is_ok()
    }

    /// Returns a hash that matches no password. Verify against it if a user name does not exist, so that the response
    /// takes as long as for a wrong password.
    pub fn decoy() -> &'static Self {
        // The decoy hash has random bytes instead of a computed hash, so that its first use is not slower than the
        // others.
        static DECOY: LazyLock<PasswordHash> = LazyLock::new(|| {
            let salt = BASE64_STANDARD_NO_PAD.encode(rand::random::<[u8; SALT_BYTES]>());
            let hash = BASE64_STANDARD_NO_PAD.encode(rand::random::<[u8; HASH_BYTES]>());
            let (m, t, p) = (PARAMS.m_cost(), PARAMS.t_cost(), PARAMS.p_cost());
            PasswordHash(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}"))
        });
        &DECOY
    }
}

/// A name as a whole, its words without spaces, and each of them: a password may contain one of these.
fn words_of(name: &str) -> Vec<String> {
    let words = name.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()).map(str::to_owned);
    let words: Vec<String> = words.collect();
    [vec![name.to_owned(), words.concat()], words].concat()
}

/// The warning as the end of a sentence.
fn reason(warning: &Option<String>) -> String {
    let Some(warning) = warning else { return String::new() };
    let words = warning.trim_end_matches('.');
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let first = if first == "This" { "it".to_owned() } else { first.to_lowercase() };
    format!(": {first} {rest}")
}

fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_password() {
        let password = Password::parse("correct horse").unwrap();
        let hash = PasswordHash::new(&password).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let stored = PasswordHash::from_stored(hash.as_str().to_owned());
        assert!(stored.verifies("correct horse"));
        for wrong in ["correct horsf", "correct horse ", "", "\0", &"x".repeat(100_000)] {
            assert!(!stored.verifies(wrong));
        }
        assert_ne!(PasswordHash::new(&password).unwrap(), hash, "each has its own salt");
    }

    #[test]
    fn damaged_hashes_verify_no_password() {
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
    fn the_decoy_costs_as_much_as_a_real_hash() {
        let real = PasswordHash::new(&Password::generate()).unwrap();
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
            "the decoy is compared and not rejected early"
        );
    }

    #[test]
    fn new_passwords_have_12_to_128_characters() {
        assert_eq!(Password::parse("12345678901"), Err(BadPassword::TooShort));
        assert_eq!(Password::parse("ñandúñandúñ"), Err(BadPassword::TooShort), "characters, not bytes");
        assert_eq!(Password::parse("a\0bcdefghijkl"), Err(BadPassword::Nul));
        assert_eq!(Password::parse("ñ".repeat(129)), Err(BadPassword::TooLong));
        assert!(Password::parse("ñ".repeat(128)).is_ok());
        assert_eq!(Password::parse(" 1234567890 ").unwrap().as_str(), " 1234567890 ");
    }

    #[test]
    fn new_passwords_cannot_be_guessed() {
        let names = ["ana.morales", "Ana Morales", "Hotel Miramar"].map(str::to_owned);
        let check = |text: &str| Password::parse(text).unwrap().ensure_unguessable(&names);
        for bad in ["password1234", "123456789012", "qwertyuiop12", "aaaaaaaaaaaa", "anamorales123", "HotelMiramar1"] {
            let refused = check(bad).expect_err(bad);
            let sentence = refused.to_string();
            assert!(sentence.starts_with("This password is easy to guess") && sentence.ends_with('.'), "{sentence}");
            assert!(!sentence.contains(bad), "{sentence}");
        }
        for good in ["a long pass phrase", "correct horse battery", "k7fm-2xqp-9hut"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn generated_passwords_are_valid_and_differ() {
        let password = Password::generate();
        assert_eq!(password.as_str().len(), 20);
        assert_eq!(Password::parse(password.as_str()).as_ref(), Ok(&password));
        assert_eq!(password.ensure_unguessable(&[]), Ok(()));
        assert_ne!(password, Password::generate());
    }

    #[test]
    fn debug_output_is_redacted() {
        assert_eq!(format!("{:?}", Password::generate()), "Password(redacted)");
        assert_eq!(format!("{:?}", PasswordHash::decoy()), "PasswordHash(redacted)");
    }
}
