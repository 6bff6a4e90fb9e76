//! Guests, and by what they are known.

use crate::{GuestId, HotelId, PhoneNumber, has_visible_character};

/// A guest of a hotel: known by identities, each of which may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Their id.
    pub id: GuestId,
    /// Their hotel.
    pub hotel: HotelId,
    /// By what they are known.
    pub identity: GuestIdentity,
    /// The name they gave themselves.
    pub profile_name: Option<String>,
}

impl Guest {
    /// How they are called where no stay is known: the name they gave themselves, else a number.
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

/// By what a guest is known; each part is unique in their hotel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestIdentity {
    /// Their telephone number.
    pub phone: Option<PhoneNumber>,
    /// WhatsApp's id: usually, but not always, the number's digits.
    pub wa_id: Option<String>,
    /// WhatsApp's business-scoped user id.
    pub bsuid: Option<String>,
}

impl From<PhoneNumber> for GuestIdentity {
    fn from(phone: PhoneNumber) -> Self {
        Self { phone: Some(phone), ..Self::default() }
    }
}
