//! Phone numbers in E.164, and conversions from WhatsApp ids and stored numbers.

use std::fmt;

use super::{equivalence, numbering};

/// A phone number in E.164: `+`, country code and number; digits only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

impl PhoneNumber {
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
        let is_number = (7..=15).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_digit());
        (is_number && numbering::has_country_code(id)).then(|| Self::from_digits(id))
    }

    /// Creates a phone number from digits that include the country code and have been checked.
    pub(super) fn from_digits(digits: &str) -> Self {
        Self(format!("+{digits}"))
    }

    /// This number, followed by the other forms in which WhatsApp, bookings and former numbering plans write the number
    /// of the same subscriber.
    pub fn equivalent_forms(&self) -> Vec<Self> {
        let others = equivalence::other_forms(self.digits());
        [self.clone()].into_iter().chain(others.iter().map(|digits| Self::from_digits(digits))).collect()
    }

    /// The phone number in E.164, with `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn digits(&self) -> &str {
        &self.0[1..]
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
