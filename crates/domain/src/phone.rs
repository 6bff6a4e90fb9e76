//! Telephone numbers.

use std::fmt;

/// A telephone number in E.164: `+`, country code, number; digits only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

/// Why a number was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Please give the number with its country code, like +34600000001.")]
pub struct BadPhoneNumber;

impl PhoneNumber {
    /// Reads a number written with its country code; spaces and punctuation are dropped.
    ///
    /// The digits are kept as given: the library says whether they are a number of a country,
    /// not how it would write them (its national rules lag behind the real ones).
    ///
    /// # Errors
    /// [`BadPhoneNumber`] for what is no E.164 number.
    pub fn parse(text: &str) -> Result<Self, BadPhoneNumber> {
        let text = text.trim();
        let rest = text.strip_prefix('+').ok_or(BadPhoneNumber)?;
        if rest.chars().any(|c| !(c.is_ascii_digit() || " -().".contains(c))) {
            return Err(BadPhoneNumber);
        }
        phonenumber::parse(None, text).map_err(|_| BadPhoneNumber)?;
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        // E.164 allows 15 digits; no country's numbers have fewer than 7 with the country code.
        if !(7..=15).contains(&digits.len()) {
            return Err(BadPhoneNumber);
        }
        Ok(Self(format!("+{digits}")))
    }

    /// The ways in which the same telephone may be written: WhatsApp's id has a Brazilian mobile's ninth digit or has
    /// it not, and a Mexican's or an Argentinian's has a 1 or a 9 after the country code that bookings leave out.
    pub fn alike(&self) -> Vec<Self> {
        let digits = &self.0[1..];
        let other = match digits.get(..2) {
            Some("55") if digits.len() == 13 && digits[4..].starts_with('9') => {
                Some(format!("+{}{}", &digits[..4], &digits[5..]))
            }
            Some("55") if digits.len() == 12 => Some(format!("+{}9{}", &digits[..4], &digits[4..])),
            Some("52") if digits.len() == 13 && digits[2..].starts_with('1') => Some(format!("+52{}", &digits[3..])),
            Some("52") if digits.len() == 12 => Some(format!("+521{}", &digits[2..])),
            Some("54") if digits.len() == 13 && digits[2..].starts_with('9') => Some(format!("+54{}", &digits[3..])),
            Some("54") if digits.len() == 12 => Some(format!("+549{}", &digits[2..])),
            _ => None,
        };
        [self.clone()].into_iter().chain(other.map(Self)).collect()
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
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (text, number) in [
            ("+1234567890", "+1234567890"), // the seed's own example
            ("+44 7700 900123", "+447700900123"),
            ("+34-600 000 001", "+34600000001"),
            ("+5531987654321", "+5531987654321"),
            ("+15550000001", "+15550000001"),
            ("+34600000001", "+34600000001"),
            ("+491510000001", "+491510000001"),
        ] {
            assert_eq!(PhoneNumber::parse(text).map(|n| n.to_string()), Ok(number.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_whatsapp_writes_otherwise_is_alike() {
        for (one, other) in [
            ("+5531987654321", "+553187654321"),
            ("+525512345678", "+5215512345678"),
            ("+541112345678", "+5491112345678"),
        ] {
            let parsed = |text: &str| PhoneNumber::parse(text).unwrap();
            assert_eq!(parsed(one).alike(), [parsed(one), parsed(other)]);
            assert_eq!(parsed(other).alike(), [parsed(other), parsed(one)]);
        }
        let plain = PhoneNumber::parse("+447700900123").unwrap();
        assert_eq!(plain.alike(), std::slice::from_ref(&plain));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in [
            "",
            "600000001",
            "+",
            "+0123456789",
            "+34abc",
            "+12",
            "+34600000001234567",
            "+34+600000001",
            "++34600000001",
            "tel:+34600000001",
        ] {
            assert_eq!(PhoneNumber::parse(bad), Err(BadPhoneNumber), "{bad:?}");
        }
    }
}
