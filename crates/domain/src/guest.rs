//! Guests of a hotel, and the identifiers by which they are recognized.

use crate::{
    ids::{GuestId, HotelId},
    phone::PhoneNumber,
    text::has_visible_character,
};

/// A guest of a hotel.
#[derive(Clone, Debug, PartialEq, Eq)]
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
pub struct GuestIdentity {
    /// Phone number of the guest in E.164.
    pub phone: Option<PhoneNumber>,
    /// WhatsApp id of the guest: usually, but not always, the digits of the phone number.
    pub wa_id: Option<String>,
    /// Business-scoped user id (BSUID) of the guest in WhatsApp.
    pub bsuid: Option<String>,
}

impl From<PhoneNumber> for GuestIdentity {
    fn from(phone: PhoneNumber) -> Self {
        Self { phone: Some(phone), ..Self::default() }
    }
}
