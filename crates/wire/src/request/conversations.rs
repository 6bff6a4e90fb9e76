//! Request bodies of calls on conversations.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{DepartmentId, HotelId, MessageId, MessageText, Name, StaffId, StayId, TemplateId, WrittenNumber};

use super::{
    json_body::{JsonBody, json_body},
    presence::{Added, Defaulted, Flag, Nullable, Optional, Required},
};
use crate::field_reader::{FieldReader, ReactionEmoji};

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
        /// Id of the message that the reply quotes: one that the guest wrote or has got in this conversation.
        reply_to: Added<Optional<MessageId>>,
        /// Whether the sender's draft in the conversation is deleted with the send. Default: false.
        clears_draft: Added<Optional<bool>>,
    }

    /// The new text of a held message.
    pub struct ChangeMessageBody {
        /// The text: trimmed, 1 to 4,096 characters.
        text: Required<MessageText>,
    }

    /// A reaction to a message of the guest.
    pub struct ReactBody {
        /// One emoji; an empty string withdraws the reaction.
        emoji: Required<ReactionEmoji>,
    }

    /// A template to send to the guest.
    pub struct SendTemplateBody {
        /// Id of the template.
        template_id: Required<TemplateId>,
        /// Values of the template's placeholders, by name. Known placeholders such as `guest_name` need none.
        variables: Defaulted<BTreeMap<String, String>>,
        /// Whether the sender's draft in the conversation is deleted with the send. Default: false.
        clears_draft: Added<Optional<bool>>,
    }

    /// An internal note to add to a conversation.
    pub struct AddNoteBody {
        /// The text of the note: trimmed, 1 to 4,096 characters.
        text: Required<MessageText>,
        /// Whether the author's draft in the conversation is deleted with the note. Default: false.
        clears_draft: Added<Optional<bool>>,
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
        /// If true, and another staff member is the assignee, nothing changes and the response is 409
        /// `already_assigned`.
        if_unassigned: Added<Optional<bool>>,
    }

    /// The end of a snooze.
    pub struct SnoozeBody {
        /// The time until which the conversation is hidden from the queues of all staff: in the future, at most 90 days
        /// ahead.
        until: Required<DateTime<Utc>>,
    }

    /// The stay to which a conversation is linked.
    pub struct LinkStayBody {
        /// Id of the stay. From now on the guest of the conversation is the guest of this stay.
        stay_id: Required<StayId>,
    }

    /// Moves the caller's read position in a conversation. One of the two fields is required.
    pub struct MarkReadBody {
        /// Id of the newest message that the caller has read. The position moves forward to it, never back.
        message_id: Optional<MessageId>,
        /// Id of a message that the caller marks as unread, with all after it: the position moves to just before it.
        unread_from: Added<Optional<MessageId>>,
    }
    validate check_read_move
    one_of message_id, unread_from

    /// A template to fill for a conversation.
    pub struct RenderTemplateBody {
        /// Id of the template.
        template_id: Required<TemplateId>,
        /// Values for placeholders. A given value precedes one that the conversation has.
        variables: Defaulted<BTreeMap<String, String>>,
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

    /// The switch of the played guests of a demo.
    pub struct ChangeDemoBody {
        /// Whether played guests write now and then.
        playing: Required<bool>,
    }
}

fn check_read_move(fields: &mut FieldReader<'_>) {
    match (fields.has("message_id"), fields.has("unread_from")) {
        (false, false) => fields.add_fault("message_id", "This field is required."),
        (true, true) => fields.add_fault("unread_from", "Please give either `message_id` or `unread_from`."),
        _ => {}
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
