//! Responses of the REST API. Ids are positive 64-bit integers.
//!
//! A type is named `…Response` if `domain` or another layer has a type of the plain name; its schema has the plain
//! name.

mod common;
mod conversations;
mod event_page;
mod people;
mod stays;
mod templates;

pub use common::{PageResponse, ProblemResponse};
pub use conversations::{
    AttachmentResponse, ConversationCard, ConversationDetails, ConversationResponse, GuestMessageStoredResponse,
    LastMessageResponse, MessageResponse, RelayEndedResponse,
};
pub use event_page::EventPage;
pub use people::{DepartmentResponse, HotelResponse, IdAndName, MeResponse, SignInResponse, StaffResponse};
pub use stays::{ImportResponse, ImportRowResponse, StayResponse};
pub use templates::TemplateResponse;

#[cfg(test)]
pub(crate) mod tests;
