//! Guests of a hotel, and the identifiers by which they are recognized.

use chrono::{DateTime, Utc};

use crate::{
    conversation::Status,
    ids::{ConversationId, GuestId, HotelId, StayId},
    language_tag::LanguageTag,
    phone::PhoneNumber,
    stay::StayView,
    text::has_visible_character,
};

pub use crate::note::GuestNote;

/// A guest of a hotel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Guest {
    /// Id of the guest, unique over all hotels.
    pub id: GuestId,
    /// The hotel that the guest writes to.
    pub hotel: HotelId,
    /// Identifiers of the guest, by which messages and bookings are matched to the guest.
    pub identity: GuestIdentity,
    /// The guest's profile name in WhatsApp.
    pub profile_name: Option<String>,
}

impl Guest {
    /// Name of the guest to display if no stay is known: the profile name, or else an identifier.
    pub fn display_name(&self) -> &str {
        let identity = &self.identity;
        self.profile_name
            .as_deref()
            .filter(|name| has_visible_character(name))
            .or_else(|| identity.phone.as_ref().map(PhoneNumber::as_str))
            .or(identity.wa_id.as_deref())
            .or(identity.bsuid.as_deref())
            .unwrap_or("Guest")
    }
}

/// Identifiers of a guest: phone number, WhatsApp id, business-scoped id. Each may be missing, and each is unique in
/// the hotel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GuestIdentity {
    /// Phone number of the guest in E.164.
    pub phone: Option<PhoneNumber>,
    /// WhatsApp id of the guest: usually, but not always, the digits of the phone number.
    pub wa_id: Option<String>,
    /// Business-scoped user id (BSUID) of the guest in WhatsApp.
    pub bsuid: Option<String>,
}

/// A guest with stays and conversations, as one staff member sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GuestCard {
    /// The guest itself, with all identifiers.
    pub guest: Guest,
    /// Name of the guest on the newest stay; without a stay, the name to display.
    pub name: String,
    /// What staff have noted about the guest.
    pub note: Option<String>,
    /// The language that the guest speaks.
    pub language: Option<LanguageTag>,
    /// Time when the guest became known.
    pub created_at: DateTime<Utc>,
    /// The stays of the guest, last created first.
    pub stays: Vec<StayView>,
    /// The conversations of the guest that the staff member may see, last created first.
    pub conversations: Vec<GuestConversation>,
}

/// A conversation of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GuestConversation {
    /// Id of the conversation.
    pub id: ConversationId,
    /// The current status of the conversation.
    pub status: Status,
    /// The stay that the conversation is about, if one is known.
    pub stay: Option<StayId>,
    /// Time of the newest message; internal notes do not count.
    pub last_message_at: Option<DateTime<Utc>>,
}

impl From<PhoneNumber> for GuestIdentity {
    fn from(phone: PhoneNumber) -> Self {
        Self { phone: Some(phone), ..Self::default() }
    }
}
