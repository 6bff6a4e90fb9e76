//! The numbering rules of all countries: which phone numbers exist, and what the digits mean that people write.
//!
//! The types are those of `domain`. The rules are in a crate of their own, because the library that has them brings
//! dependencies that other users of `domain` do not need.
//!
//! ```
//! use domain::phone::Country;
//!
//! let spain = Country::parse("ES").ok();
//! assert_eq!(numbering::parse("0034 600 000 001", None).unwrap().as_str(), "+34600000001");
//! assert_eq!(numbering::parse("600 000 001", spain).unwrap().as_str(), "+34600000001");
//! ```

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod rules;

use domain::{
    PhoneNumber, WrittenNumber,
    phone::{BadPhoneNumber, Country},
};

use self::rules::Digits;

/// Completes written phone numbers by the numbering rules.
pub trait CompleteNumber {
    /// Completes the written number to E.164. `country` decides the country code of a number without one.
    ///
    /// Fails with the reason if the numbering rules allow no such number.
    fn complete(&self, country: Option<Country>) -> Result<PhoneNumber, BadPhoneNumber>;

    /// A canonical text of the phone number: the same for all spellings of the number, as far as possible without a
    /// country.
    fn normalized(&self) -> String;
}

impl CompleteNumber for WrittenNumber {
    fn complete(&self, country: Option<Country>) -> Result<PhoneNumber, BadPhoneNumber> {
        let digits = Digits { all: self.digits(), bracketed_zero: self.bracketed_zero() };
        let after_00 = digits.all.starts_with("00").then(|| digits.after(2));
        let found = match (self.is_international(), after_00, country) {
            (true, after_00, _) => rules::international(after_00.unwrap_or(digits)),
            (false, Some(after_00), country) => rules::international(after_00).or_else(|reason| {
                let within = country.and_then(|it| rules::national(digits, it).ok());
                within.ok_or(reason)
            }),
            (false, None, Some(country)) => rules::national(digits, country),
            (false, None, None) => Err(match digits.all.len() {
                0..=5 => BadPhoneNumber::TooShort,
                6..=15 => BadPhoneNumber::CountryCodeMissing,
                _ => BadPhoneNumber::TooLong,
            }),
        };
        found.and_then(|digits| PhoneNumber::from_stored(&format!("+{digits}")).ok_or(BadPhoneNumber::NotANumber))
    }

    fn normalized(&self) -> String {
        match self.complete(None) {
            Ok(number) => number.as_str().to_owned(),
            Err(_) => format!("{}{}", if self.is_international() { "+" } else { "" }, self.digits()),
        }
    }
}

/// Parses a phone number in any spelling. `country` decides the country code of a number without one.
///
/// Fails with the reason if the text is not a number that the numbering rules allow.
pub fn parse(text: &str, country: Option<Country>) -> Result<PhoneNumber, BadPhoneNumber> {
    WrittenNumber::parse(text)?.complete(country)
}

#[cfg(test)]
mod tests;
