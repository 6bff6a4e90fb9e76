//! Phone numbers in E.164, and conversions from WhatsApp ids and stored numbers.

use std::{fmt, ops::RangeInclusive};

use super::{country::country_code, equivalence};

/// A phone number in E.164: `+`, country code and number; digits only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

/// Error: reason for refusing a phone number. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPhoneNumber {
    /// The text is not a phone number, or contains more than one.
    #[error("This is not a telephone number.")]
    NotANumber,
    /// The phone number has no country code, and no country is given.
    #[error("Please give the number with its country code, like +34600000001.")]
    CountryCodeMissing,
    /// The country code of the phone number is not assigned.
    #[error("No country has this country code. Please check the digits after the +.")]
    UnknownCountryCode,
    /// The phone number is too short: the country has no numbers with so few digits.
    #[error("This telephone number is too short: a digit is missing.")]
    TooShort,
    /// The phone number is too long: the country has no numbers with so many digits.
    #[error("This telephone number is too long: it has a digit too many.")]
    TooLong,
    /// The country has phone numbers of this length, but none with this prefix.
    #[error("Its country has no telephone numbers that begin like this one. Please check the digits.")]
    NoSuchRange,
}

/// Numbers of digits of a phone number in E.164, with the country code.
const DIGITS: RangeInclusive<usize> = 5..=15;
/// Minimum number of digits of a WhatsApp id.
const MIN_WHATSAPP_ID: usize = 7;

impl PhoneNumber {
    /// Parses a number in E.164: `+`, a country code that is assigned, and 5 to 15 digits in all, without separators.
    ///
    /// Which numbers a country assigns is not checked, and no spelling of people is understood: for what people write
    /// there is [`WrittenNumber`](super::WrittenNumber), and the crate `numbering`, which completes and checks it.
    pub fn parse(text: &str) -> Result<Self, BadPhoneNumber> {
        let digits = text.strip_prefix('+').ok_or(BadPhoneNumber::CountryCodeMissing)?;
        if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
            return Err(BadPhoneNumber::NotANumber);
        }
        country_code(digits).ok_or(BadPhoneNumber::UnknownCountryCode)?;
        match digits.len() {
            length if length < *DIGITS.start() => Err(BadPhoneNumber::TooShort),
            length if length > *DIGITS.end() => Err(BadPhoneNumber::TooLong),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// Maximum number of results of [`PhoneNumber::equivalent_forms`].
    pub const MAX_EQUIVALENT_FORMS: usize = equivalence::MAX_FORMS;

    /// Restores a stored number without checking the numbering rules, because the rules change and numbers that were
    /// accepted under earlier rules stay readable. Returns `None` if the text is not `+` and digits.
    pub fn from_stored(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        is_number.then(|| Self(text.to_owned()))
    }

    /// The phone number in a WhatsApp id. Only the country code is checked, because WhatsApp's accounts are more
    /// reliable than any list of number ranges. Returns `None` if the id is not a country code and digits.
    pub fn from_whatsapp_id(id: &str) -> Option<Self> {
        Self::parse(&format!("+{id}")).ok().filter(|_| id.len() >= MIN_WHATSAPP_ID)
    }

    /// This number, followed by the other forms in which WhatsApp, bookings and former numbering plans write the number
    /// of the same subscriber.
    pub fn equivalent_forms(&self) -> Vec<Self> {
        let others = equivalence::other_forms(self.digits());
        [self.clone()].into_iter().chain(others.iter().map(|digits| Self(format!("+{digits}")))).collect()
    }

    /// The phone number in E.164, with `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The international form of an Argentinian mobile number that is written with the domestic 15; `None` for all
    /// other numbers.
    pub fn without_domestic_mobile_prefix(&self) -> Option<Self> {
        equivalence::without_argentinian_15(self.digits()).map(|digits| Self(format!("+{digits}")))
    }

    /// The digits of the number, with the country code and without `+`.
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }
}

parsed_texts!(PhoneNumber: BadPhoneNumber);

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
