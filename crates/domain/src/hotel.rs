//! Hotels and their departments.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::{
    ids::{DepartmentId, HotelId, TemplateId},
    opening_hours::{OpeningHours, QuietHours},
    phone::Country,
    placeholders::KNOWN_PLACEHOLDERS,
};

/// A hotel: the tenant. Data of one hotel is never visible in another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Hotel {
    /// Id of the hotel.
    pub id: HotelId,
    /// Display name of the hotel, also the sender name of automatic messages.
    pub name: String,
    /// IANA name of the hotel's time zone, which decides the current day.
    pub timezone: String,
    /// Default department, for guests who choose none and for managers who reply without being in a department: as
    /// configured, or else the oldest department.
    pub default_department: Option<DepartmentId>,
    /// Opener template: a template of type `whatsapp` that asks a guest to write, which opens the 24-hour window.
    pub opener_template: Option<TemplateId>,
    /// Phone number id of the hotel in WhatsApp's Cloud API, unique over all hotels. If `None`, messages to guests
    /// count as `sent` at once.
    pub whatsapp_phone_number_id: Option<String>,
    /// Whether the guest flow replies to guests. If not, a guest's first message goes to staff.
    pub flow: bool,
    /// Country whose numbering rules complete phone numbers without a country code.
    pub country: Option<Country>,
    /// Texts of the hotel for placeholders of templates.
    pub variables: HotelVariables,
    /// Id of the WhatsApp Business Account that has the hotel's approved templates.
    pub whatsapp_business_account_id: Option<String>,
    /// The hours in which guests should not be disturbed.
    pub quiet_hours: Option<QuietHours>,
}

impl Hotel {
    /// The time zone of the hotel. Its name is validated when it is set; a name that a newer build no longer contains
    /// counts as UTC.
    pub fn zone(&self) -> Tz {
        self.timezone.parse().unwrap_or(Tz::UTC)
    }
}

/// Texts of the hotel for placeholders of templates, such as the Wi-Fi password, by the name of the placeholder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "BTreeMap<String, String>"))]
pub struct HotelVariables(BTreeMap<String, String>);

/// Reason for refusing variables of a hotel. Displays as a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVariables {
    /// There are more variables than allowed.
    #[error("At most {} entries are allowed.", HotelVariables::MAX)]
    TooMany,
    /// The name of a variable cannot be written as a placeholder.
    #[error("The name {0:?} must consist of 1 to 64 letters from a to z, digits and _.")]
    Name(String),
    /// The name of a variable is a placeholder that the conversation fills.
    #[error("The name {0} is a placeholder already.")]
    Known(String),
    /// The text of a variable is empty, too long, or contains NUL.
    #[error("The text of {0} must have 1 to {max} characters.", max = HotelVariables::MAX_LENGTH)]
    Text(String),
}

impl HotelVariables {
    /// The most variables of a hotel.
    pub const MAX: usize = 50;
    /// The most characters of a text, which WhatsApp accepts as the value of a placeholder.
    pub const MAX_LENGTH: usize = 1024;
    /// The longest name of a variable.
    const MAX_NAME_LENGTH: usize = 64;

    /// Validates names and texts of variables.
    pub fn parse(variables: BTreeMap<String, String>) -> Result<Self, BadVariables> {
        if variables.len() > Self::MAX {
            return Err(BadVariables::TooMany);
        }
        for (name, text) in &variables {
            let is_word = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
            if !is_word || !(1..=Self::MAX_NAME_LENGTH).contains(&name.len()) {
                return Err(BadVariables::Name(name.chars().take(Self::MAX_NAME_LENGTH).collect()));
            }
            if KNOWN_PLACEHOLDERS.contains(&name.as_str()) {
                return Err(BadVariables::Known(name.clone()));
            }
            if text.contains('\0') || !(1..=Self::MAX_LENGTH).contains(&text.chars().count()) {
                return Err(BadVariables::Text(name.clone()));
            }
        }
        Ok(Self(variables))
    }

    /// The text of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All variables by name.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl TryFrom<BTreeMap<String, String>> for HotelVariables {
    type Error = BadVariables;

    fn try_from(variables: BTreeMap<String, String>) -> Result<Self, BadVariables> {
        Self::parse(variables)
    }
}

/// A group of staff to which conversations are routed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Department {
    /// Id of the department, unique over all hotels.
    pub id: DepartmentId,
    /// Display name of the department, unique in the hotel.
    pub name: String,
    /// Whether conversations can be routed to the department. An inactive one is kept for closed conversations.
    pub active: bool,
    /// Whether the members of the department handle stays: create, change and import them, check guests in and out.
    pub handles_stays: bool,
    /// The time within which the department answers guests; `None`: no target.
    pub first_response: Option<ResponseTarget>,
    /// The hours in which the department is open; `None`: always.
    pub opening_hours: Option<OpeningHours>,
}

impl Department {
    /// Returns by when a guest should be answered who waits since then: the department's target, counted in its opening
    /// hours. `None` without a target, and if the department is not open for so long within a year.
    pub fn response_due_at(&self, waiting_since: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let target = TimeDelta::minutes(self.first_response?.0);
        match &self.opening_hours {
            Some(hours) => hours.add_open_time(waiting_since, target, zone),
            None => waiting_since.checked_add_signed(target),
        }
    }

    /// Returns since when the department has been closed; `None` if it is open.
    pub fn closed_since(&self, at: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        self.opening_hours.as_ref()?.closed_since(at, zone)
    }
}

/// The number of minutes within which a department answers guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "i64"))]
pub struct ResponseTarget(i64);

/// Reason for refusing a [`ResponseTarget`]. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Please give a number of minutes from 1 to {}.", ResponseTarget::MAX)]
pub struct BadResponseTarget;

impl ResponseTarget {
    /// The longest target: a day.
    pub const MAX: i64 = 24 * 60;

    /// Validates a number of minutes.
    pub fn parse(minutes: i64) -> Result<Self, BadResponseTarget> {
        if (1..=Self::MAX).contains(&minutes) { Ok(Self(minutes)) } else { Err(BadResponseTarget) }
    }

    /// The number of minutes.
    pub fn minutes(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for ResponseTarget {
    type Error = BadResponseTarget;

    fn try_from(minutes: i64) -> Result<Self, BadResponseTarget> {
        Self::parse(minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(variables: &[(&str, &str)]) -> Result<HotelVariables, BadVariables> {
        HotelVariables::parse(variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn variables_are_placeholders_with_texts() {
        let variables = parse(&[("wifi", "sea & sun"), ("breakfast_from", "7:30")]).unwrap();
        assert_eq!((variables.get("wifi"), variables.get("pool")), (Some("sea & sun"), None));
        let long = "x".repeat(HotelVariables::MAX_LENGTH);
        assert!(parse(&[("a", &long)]).is_ok());
        for bad in ["", "wi fi", "wi-fi", "wïfi", &"x".repeat(65)] {
            assert!(matches!(parse(&[(bad, "x")]), Err(BadVariables::Name(_))), "{bad}");
        }
        assert!(matches!(parse(&[("guest_name", "x")]), Err(BadVariables::Known(_))));
        for bad in ["", "a\0", &format!("{long}x")] {
            assert!(matches!(parse(&[("a", bad)]), Err(BadVariables::Text(_))));
        }
        let named = |count: usize| (0..count).map(|it| (format!("v{it}"), "x".to_owned())).collect();
        assert!(HotelVariables::parse(named(50)).is_ok());
        assert_eq!(HotelVariables::parse(named(51)), Err(BadVariables::TooMany));
    }
}
