//! Request bodies of the REST API.
//!
//! A body is one `json_body!` declaration. Each line is a field with its presence (`presence.rs`) and its type
//! (`body_types.rs`). The macro derives the reading, the OpenAPI schema and the canonical JSON for idempotency digests.

mod api_keys;
mod body_types;
mod conversations;
mod drafts;
mod guests;
mod hotel;
mod json_body;
mod labels;
mod personal_settings;
mod presence;
mod scheduled;
mod sign_in;
mod stays;
mod templates;

pub use api_keys::NewApiKeyBody;
pub use conversations::{
    AddNoteBody, AssignBody, ChangeDemoBody, ChangeMessageBody, EmptyBody, GuestMessageBody, LinkStayBody,
    MarkReadBody, ReactBody, RenderTemplateBody, SendMessageBody, SendTemplateBody, SnoozeBody, StartRelayBody,
};
pub use drafts::DraftBody;
pub use guests::ChangeGuestBody;
pub use hotel::{ChangeDepartmentBody, ChangeHotelBody, ChangeStaffBody, NewDepartmentBody, NewStaffBody};
pub(crate) use json_body::parse_object;
pub use json_body::{JsonBody, JsonBodyError, parse_body};
pub use labels::{ChangeLabelBody, ConversationLabelsBody, NewLabelBody};
pub use personal_settings::ChangeSettingsBody;
pub use scheduled::{ChangeScheduledMessageBody, ScheduleMessageBody};
pub use sign_in::{LoginBody, PasswordChangeBody, RefreshBody};
pub use stays::{ChangeStayBody, NewStayBody};
pub use templates::{ChangeTemplateBody, NewTemplateBody};

#[cfg(test)]
mod tests;
