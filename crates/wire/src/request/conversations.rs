//! Request bodies of calls on conversations.

use std::collections::BTreeMap;

use domain::{DepartmentId, HotelId, MessageId, MessageText, Name, StaffId, TemplateId, WrittenNumber};

use super::{
    json_body::{JsonBody, json_body},
    presence::{Defaulted, Flag, Nullable, Optional, Required},
};
use crate::field_reader::FieldReader;

json_body! {
    /// A text reply to the guest.
    #[derive(Clone)]
    pub struct SendMessageBody {
        /// The text of the reply: trimmed, 1 to 4,096 characters.
        text: Required<MessageText>,
        /// Id of the newest message or note that the sender has seen. If another staff member has written after it, the
        /// reply is refused with `stale_reply`.
        seen_message_id: Optional<MessageId>,
        /// Outside the 24-hour window: true holds the message until the guest writes; false (default) refuses it.
        hold: Flag<false>,
    }

    /// A template to send to the guest.
    pub struct SendTemplateBody {
        /// Id of the template.
        template_id: Required<TemplateId>,
        /// Values of the template's placeholders, by name. Known placeholders such as `guest_name` need none.
        variables: Defaulted<BTreeMap<String, String>>,
    }

    /// An internal note to add to a conversation.
    pub struct AddNoteBody {
        /// The text of the note: trimmed, 1 to 4,096 characters.
        text: Required<MessageText>,
    }

    /// Routing of a conversation to a department.
    pub struct StartRelayBody {
        /// Id of the department to which the conversation is routed.
        department_id: Required<DepartmentId>,
        /// A text for the staff of the department, stored as an internal note.
        note: Optional<MessageText>,
    }

    /// Assignment of a conversation to a staff member.
    pub struct AssignBody {
        /// Id of the new assignee; null clears the assignment.
        staff_id: Nullable<StaffId>,
    }

    /// Moves the caller's read position in a conversation.
    pub struct MarkReadBody {
        /// Id of the newest message that the caller has read.
        message_id: Required<MessageId>,
    }

    /// A simulated message of a guest.
    pub struct GuestMessageBody {
        /// The guest's phone number, with country code.
        phone: Required<WrittenNumber>,
        /// The text of the message: trimmed, 1 to 4,096 characters.
        text: Required<MessageText>,
        /// The guest's profile name in WhatsApp.
        name: Optional<Name>,
        /// Id of the hotel that gets the message. If absent: the hotel of the number's stay, or else the first hotel.
        hotel_id: Optional<HotelId>,
    }
}

/// Request body of calls without fields: empty, or an object whose fields are ignored.
pub struct EmptyBody;

impl JsonBody for EmptyBody {
    const MAY_BE_EMPTY: bool = true;

    fn read(_: &mut FieldReader<'_>) -> Option<Self> {
        Some(Self)
    }

    fn canonical_json(&self) -> String {
        "{}".to_owned()
    }
}
