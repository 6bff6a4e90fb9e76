//! Request bodies of calls on guests.

use domain::{LanguageTag, guest::GuestNote};

use super::{json_body::json_body, presence::NullableChange};

json_body! {
    /// A change of what staff note about a guest. Absent fields keep their value.
    pub struct ChangeGuestBody {
        /// The note of the staff: trimmed, at most 2,000 characters; null or empty for none.
        note: NullableChange<GuestNote>,
        /// The language that the guest speaks, as a tag of BCP 47; null if it is not known.
        language: NullableChange<LanguageTag>,
    }
}
