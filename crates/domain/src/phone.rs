//! Telephone numbers: as they are stored, and as people and booking systems write them.
//!
//! A [`WrittenNumber`] is a text in which a number was recognised. With the hotel's [`Country`] it becomes a
//! [`PhoneNumber`] by the numbering rules of all countries ([`numbering`]), or is refused with the reason.
//! [`PhoneNumber::alike`] says which numbers reach the same subscriber ([`equivalence`]).

mod equivalence;
mod numbering;
mod written;

use std::fmt;

pub use numbering::{BadCountry, Country};
pub use written::WrittenNumber;

/// A telephone number in E.164: `+`, country code, number; digits only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

/// Why a number was refused. Its display is a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPhoneNumber {
    /// The text is something else, or more than one number.
    #[error("This is not a telephone number.")]
    NotANumber,
    /// It is a number of some country, and nobody said of which.
    #[error("Please give the number with its country code, like +34600000001.")]
    CountryCodeMissing,
    /// It has a country code that no country has.
    #[error("No country has this country code. Please check the digits after the +.")]
    UnknownCountryCode,
    /// Its country has no numbers with so few digits.
    #[error("This telephone number is too short: a digit is missing.")]
    TooShort,
    /// Its country has no numbers with so many digits.
    #[error("This telephone number is too long: it has a digit too many.")]
    TooLong,
    /// Its country has numbers of this length, but none that begin like this.
    #[error("Its country has no telephone numbers that begin like this one. Please check the digits.")]
    NoSuchRange,
}

impl PhoneNumber {
    /// The most numbers that [`PhoneNumber::alike`] gives.
    pub const MOST_ALIKE: usize = equivalence::MOST_FORMS;

    /// Reads a number written with its country code.
    ///
    /// # Errors
    /// [`BadPhoneNumber`].
    pub fn parse(text: &str) -> Result<Self, BadPhoneNumber> {
        WrittenNumber::parse(text)?.complete(None)
    }

    /// A number as it was stored. Rules change, and what was stored under former ones stays readable.
    ///
    /// `None` if the text has another shape than `+` and digits.
    pub fn stored(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        is_number.then(|| Self(text.to_owned()))
    }

    /// The number in an id of WhatsApp, which knows better than any list of ranges which numbers exist.
    ///
    /// `None` if the id has another shape than a country code and digits.
    pub fn of_whatsapp(id: &str) -> Option<Self> {
        let is_number = (7..=15).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_digit());
        (is_number && numbering::has_country_code(id)).then(|| Self(format!("+{id}")))
    }

    /// This number, and the other ways in which WhatsApp, bookings and former numbering plans write the same
    /// subscriber's number.
    pub fn alike(&self) -> Vec<Self> {
        let others = equivalence::other_forms(&self.0[1..]);
        [self.clone()].into_iter().chain(others.into_iter().map(|digits| Self(format!("+{digits}")))).collect()
    }

    /// The number in E.164.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
