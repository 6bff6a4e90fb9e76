//! Request bodies of calls on API keys.

use chrono::{DateTime, Utc};

use super::{
    body_types::NewName,
    json_body::json_body,
    presence::{Optional, Required},
};

json_body! {
    /// A new API key.
    pub struct NewApiKeyBody {
        /// The purpose of the key, such as the system that uses it: trimmed, 1 to 200 characters.
        name: Required<NewName>,
        /// Time from which the key is refused, in the future; null if it does not expire.
        expires_at: Optional<DateTime<Utc>>,
    }
}
