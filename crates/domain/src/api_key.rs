//! API keys, with which other systems of a hotel call the API.

use chrono::{DateTime, Utc};

use crate::ids::{ApiKeyId, HotelId};

/// The most API keys that a hotel may have at once, without revoked ones.
pub const MAX_API_KEYS_OF_HOTEL: i64 = 100;

/// An API key that is not revoked, without the key itself, of which only a digest is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ApiKeyEntry {
    /// Id of the API key, unique over all hotels.
    pub id: ApiKeyId,
    /// The only hotel whose stays the key may read and change.
    pub hotel: HotelId,
    /// The purpose of the key.
    pub name: String,
    /// The time at which the key was created.
    pub created_at: DateTime<Utc>,
    /// The time from which the key is refused; `None` if it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time of the last call with the key, up to a minute too early; `None` before the first call.
    pub last_used_at: Option<DateTime<Utc>>,
}
