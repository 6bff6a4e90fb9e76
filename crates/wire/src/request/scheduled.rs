//! Request bodies of calls on scheduled messages.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{IfGuestWrites, MessageId, MessageText, TemplateId};

use super::{
    json_body::json_body,
    presence::{Defaulted, FieldChange, Flag, Optional, Required},
};
use crate::field_reader::FieldReader;

json_body! {
    /// A message to send later: a text or a template, one of the two.
    pub struct ScheduleMessageBody {
        /// The text: trimmed, 1 to 4,096 characters.
        text: Optional<MessageText>,
        /// Id of a template. One of type `text` is rendered at once.
        template_id: Optional<TemplateId>,
        /// Values of the template's placeholders, by name. Known placeholders such as `guest_name` need none.
        variables: Defaulted<BTreeMap<String, String>>,
        /// Time at which the message is sent: in the future, at most 30 days.
        send_at: Required<DateTime<Utc>>,
        /// What happens if the guest writes before: `review` (default) waits for a confirmation by staff, `send` sends the
        /// message all the same.
        if_guest_writes: Defaulted<IfGuestWrites>,
        /// Id of the newest message or note that the author has seen. If another staff member has written after it, the
        /// message is refused with `stale_reply`.
        seen_message_id: Optional<MessageId>,
        /// Outside the 24-hour window at its time: true holds free text until the guest writes; with false (default) it
        /// becomes a failed message.
        hold: Flag<false>,
        /// Id of the message that free text quotes: one that the guest wrote or has got in this conversation.
        reply_to: Optional<MessageId>,
        /// Whether the author's draft in the conversation is deleted. Default: false.
        clears_draft: Flag<false>,
    }
    validate check_content

    /// A change of a scheduled message. Absent fields keep their value.
    pub struct ChangeScheduledMessageBody {
        /// The text: trimmed, 1 to 4,096 characters. Only the author may change it.
        text: FieldChange<MessageText>,
        /// Time at which the message is sent: in the future, at most 30 days.
        send_at: FieldChange<DateTime<Utc>>,
        /// True makes a message that needs a review pending again. It is due at once if its time has passed.
        confirm: FieldChange<bool>,
    }
}

fn check_content(fields: &mut FieldReader<'_>) {
    match (fields.has("text"), fields.has("template_id")) {
        (false, false) => fields.add_fault("text", "This field is required."),
        (true, true) => fields.add_fault("template_id", "Please give either `text` or `template_id`."),
        _ => {}
    }
}
