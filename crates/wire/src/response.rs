//! Responses of the REST API. Ids are positive 64-bit integers.
//!
//! A type is named `…Response` if `domain` or another layer has a type of the plain name; its schema has the plain
//! name.

mod api_keys;
mod common;
mod conversations;
mod demo;
mod drafts;
mod event_page;
mod guests;
mod history;
mod inbox;
mod labels;
mod people;
mod personal_settings;
mod reports;
mod scheduled;
mod search;
mod sessions;
mod stays;
mod templates;

pub use api_keys::{ApiKeyResponse, CreatedApiKeyResponse};
pub use common::{HealthyResponse, PageResponse, ProblemResponse};
pub use conversations::{
    AttachmentResponse, ConversationCard, ConversationDetails, ConversationResponse, GuestMessageStoredResponse,
    LastMessageResponse, MessageResponse, QuoteResponse, ReactionResponse, RelayEndedResponse, UnsentResponse,
};
pub use demo::{DemoResponse, DemoSignInResponse};
pub use drafts::{DraftResponse, DraftsResponse};
pub use event_page::EventPage;
pub use guests::{GuestConversationResponse, GuestResponse};
pub use history::HistoryEntryResponse;
pub use inbox::{ColleagueResponse, DepartmentCountsResponse, InboxCountsResponse, InboxResponse};
pub use labels::LabelResponse;
pub use people::{DepartmentResponse, HotelResponse, IdAndName, MeResponse, SignInResponse, StaffResponse};
pub use personal_settings::PersonalSettingsSchema;
pub use reports::{
    AuditActorResponse, AuditRecordResponse, DurationSummaryResponse, ReportKeyResponse, ReportResponse,
    ReportRowResponse,
};
pub use scheduled::ScheduledMessageResponse;
pub use search::{SearchHitResponse, SearchPageResponse};
pub use sessions::{SessionResponse, SessionsResponse};
pub use stays::{ImportResponse, ImportRowResponse, StayResponse};
pub use templates::{RenderedTemplateResponse, TemplateResponse, TemplateSyncResponse};

#[cfg(test)]
pub(crate) mod tests;
