//! What is done to conversations.

use std::collections::BTreeMap;

use domain::{DepartmentId, HotelId, MessageId, MessageText, Name, StaffId, TemplateId, WrittenNumber};
use serde_json::json;
use utoipa::ToSchema;

use super::Input;
use crate::fields::{self, Fields};

/// An answer to the guest.
#[derive(Clone, ToSchema)]
pub struct SendMessage {
    /// What to say: trimmed, 1 to 4,096 characters.
    #[schema(value_type = String, min_length = 1)]
    pub text: MessageText,
    /// The newest message or note that the sender had before their eyes: if a colleague has written
    /// since, nothing is sent.
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub seen_message_id: Option<MessageId>,
    /// Whether to keep it until the guest writes, where WhatsApp allows no free text now.
    #[schema(required = false)]
    pub hold: bool,
}

/// A template, with what fills it.
#[derive(ToSchema)]
pub struct SendTemplate {
    /// Which.
    #[schema(value_type = i64, minimum = 1)]
    pub template_id: TemplateId,
    /// Values of its places, by name; those that are known need none.
    #[schema(required = false)]
    pub variables: BTreeMap<String, String>,
}

/// An internal note.
#[derive(ToSchema)]
pub struct AddNote {
    /// What to note: trimmed, 1 to 4,096 characters.
    #[schema(value_type = String, min_length = 1)]
    pub text: MessageText,
}

/// Routing to a department.
#[derive(ToSchema)]
pub struct StartRelay {
    /// Where to.
    #[schema(value_type = i64, minimum = 1)]
    pub department_id: DepartmentId,
    /// What the colleagues there should know; kept as an internal note.
    #[schema(value_type = Option<String>, min_length = 1)]
    pub note: Option<MessageText>,
}

/// Giving to a staff member.
#[derive(ToSchema)]
pub struct Assign {
    /// To whom; null: to nobody.
    #[schema(value_type = Option<i64>, minimum = 1, required)]
    pub staff_id: Option<StaffId>,
}

/// Moving one's read mark.
#[derive(ToSchema)]
pub struct MarkRead {
    /// The newest message that was read.
    #[schema(value_type = i64, minimum = 1)]
    pub message_id: MessageId,
}

/// A request that says all by its path.
pub struct Nothing;

/// A made-up guest's message.
#[derive(ToSchema)]
pub struct GuestMessage {
    /// The guest's number, with its country code.
    #[schema(value_type = String, example = "+34600000001")]
    pub phone: WrittenNumber,
    /// What they write: trimmed, 1 to 4,096 characters.
    #[schema(value_type = String, min_length = 1)]
    pub text: MessageText,
    /// How they call themselves.
    #[schema(value_type = Option<String>, min_length = 1)]
    pub name: Option<Name>,
    /// The hotel; none: that of the number's stay, else the first.
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub hotel_id: Option<HotelId>,
}

impl Input for SendMessage {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let text = fields.required("text", fields::text);
        let seen_message_id = fields.optional("seen_message_id", fields::id(MessageId));
        let hold = fields.optional("hold", fields::flag);
        Some(Self { text: text?, seen_message_id: seen_message_id?, hold: hold?.unwrap_or(false) })
    }

    fn fingerprint(&self) -> String {
        let seen = self.seen_message_id.map(|it| it.0);
        json!({ "hold": self.hold, "seen_message_id": seen, "text": self.text.as_str() }).to_string()
    }
}

impl Input for SendTemplate {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let template_id = fields.required("template_id", fields::id(TemplateId));
        let variables = fields.optional("variables", fields::texts);
        Some(Self { template_id: template_id?, variables: variables?.unwrap_or_default() })
    }

    fn fingerprint(&self) -> String {
        json!({ "template_id": self.template_id.0, "variables": self.variables }).to_string()
    }
}

impl Input for AddNote {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { text: fields.required("text", fields::text)? })
    }

    fn fingerprint(&self) -> String {
        json!({ "text": self.text.as_str() }).to_string()
    }
}

impl Input for StartRelay {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let department_id = fields.required("department_id", fields::id(DepartmentId));
        let note = fields.optional("note", fields::text);
        Some(Self { department_id: department_id?, note: note? })
    }

    fn fingerprint(&self) -> String {
        let note = self.note.as_ref().map(MessageText::as_str);
        json!({ "department_id": self.department_id.0, "note": note }).to_string()
    }
}

impl Input for Assign {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { staff_id: fields.nullable("staff_id", fields::id(StaffId))? })
    }

    fn fingerprint(&self) -> String {
        json!({ "staff_id": self.staff_id.map(|it| it.0) }).to_string()
    }
}

impl Input for MarkRead {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { message_id: fields.required("message_id", fields::id(MessageId))? })
    }

    fn fingerprint(&self) -> String {
        json!({ "message_id": self.message_id.0 }).to_string()
    }
}

impl Input for Nothing {
    const MAY_BE_EMPTY: bool = true;

    fn read(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }

    fn fingerprint(&self) -> String {
        "{}".to_owned()
    }
}

impl Input for GuestMessage {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let phone = fields.required("phone", fields::phone);
        let text = fields.required("text", fields::text);
        let name = fields.optional("name", fields::name);
        let hotel_id = fields.optional("hotel_id", fields::id(HotelId));
        Some(Self { phone: phone?, text: text?, name: name?, hotel_id: hotel_id? })
    }

    fn fingerprint(&self) -> String {
        json!({
            "hotel_id": self.hotel_id.map(|it| it.0),
            "name": self.name.as_ref().map(Name::as_str),
            "phone": self.phone.normalized(),
            "text": self.text.as_str(),
        })
        .to_string()
    }
}
