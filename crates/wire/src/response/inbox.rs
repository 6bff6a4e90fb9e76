//! Responses with the inbox: everything that a client needs at its start, and numbers of conversations.

use domain::{Department, inbox::DepartmentCounts};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    conversations::ConversationResponse,
    drafts::DraftResponse,
    labels::LabelResponse,
    people::{DepartmentResponse, HotelResponse},
    personal_settings::PersonalSettingsSchema,
};

/// Everything that a client needs at its start, from one snapshot.
#[derive(Serialize, ToSchema)]
#[schema(as = Inbox)]
pub struct InboxResponse {
    /// All visible conversations that are open or whose guest waits for an answer, newest change first, at most 5,000.
    pub conversations: Vec<ConversationResponse>,
    /// Whether there are more than 5,000 such conversations, of which the oldest are left out.
    pub truncated: bool,
    /// The active departments of the hotel.
    pub departments: Vec<DepartmentResponse>,
    /// The staff members of the hotel, inactive ones too.
    pub staff: Vec<ColleagueResponse>,
    /// The labels of the hotel.
    pub labels: Vec<LabelResponse>,
    /// The hotel.
    pub hotel: HotelResponse,
    /// The caller's settings, as `me/settings/` returns them.
    #[schema(value_type = PersonalSettingsSchema)]
    pub settings: Map<String, Value>,
    /// The caller's drafts of visible conversations, last changed first, at most 1,000.
    pub drafts: Vec<DraftResponse>,
    /// Numbers of the same conversations, also of those that are left out.
    pub counts: InboxCountsResponse,
}

/// A staff member, as colleagues see them.
#[derive(Serialize, ToSchema)]
#[schema(as = Colleague)]
pub struct ColleagueResponse {
    /// Id of the staff member.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Display name of the staff member.
    pub name: String,
    /// Whether the staff member may sign in.
    pub active: bool,
    /// Ids of the staff member's departments, the first department first.
    pub department_ids: Vec<i64>,
}

/// Numbers of the conversations in the caller's inbox. Snoozed conversations count in `snoozed` alone.
#[derive(Serialize, ToSchema)]
#[schema(as = InboxCounts)]
pub struct InboxCountsResponse {
    /// Routed conversations that are assigned to the caller.
    #[schema(minimum = 0)]
    pub mine: i64,
    /// Conversations with the status `relay` and without assignee.
    #[schema(minimum = 0)]
    pub unassigned: i64,
    /// Conversations whose guest waits for an answer.
    #[schema(minimum = 0)]
    pub waiting: i64,
    /// Conversations whose `response_due_at` has passed.
    #[schema(minimum = 0)]
    pub overdue: i64,
    /// Open conversations that are routed to no department.
    #[schema(minimum = 0)]
    pub unrouted: i64,
    /// Conversations with guest messages after the caller's read position.
    #[schema(minimum = 0)]
    pub unread: i64,
    /// Conversations with a scheduled message that needs review.
    #[schema(minimum = 0)]
    pub needs_review: i64,
    /// Snoozed conversations.
    #[schema(minimum = 0)]
    pub snoozed: i64,
    /// The numbers of the caller's active departments; for a manager, of all active ones.
    pub departments: Vec<DepartmentCountsResponse>,
}

/// Numbers of the conversations of one department.
#[derive(Serialize, ToSchema)]
#[schema(as = DepartmentCounts)]
pub struct DepartmentCountsResponse {
    /// Id of the department.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Display name of the department.
    pub name: String,
    /// Conversations that are routed to the department.
    #[schema(minimum = 0)]
    pub open: i64,
    /// Conversations whose guest waits for an answer, closed ones too.
    #[schema(minimum = 0)]
    pub waiting: i64,
    /// Conversations with guest messages after the caller's read position.
    #[schema(minimum = 0)]
    pub unread: i64,
}

impl From<&domain::Staff> for ColleagueResponse {
    fn from(staff: &domain::Staff) -> Self {
        Self {
            id: staff.id.0,
            name: staff.name.clone(),
            active: staff.active,
            department_ids: staff.departments.iter().map(|id| id.0).collect(),
        }
    }
}

impl InboxCountsResponse {
    /// Creates the response from the counts of an inbox and those of the departments to show.
    pub fn new(counts: &domain::inbox::InboxCounts, departments: &[(Department, DepartmentCounts)]) -> Self {
        Self {
            mine: counts.mine,
            unassigned: counts.unassigned,
            waiting: counts.waiting,
            overdue: counts.overdue,
            unrouted: counts.unrouted,
            unread: counts.unread,
            needs_review: counts.needs_review,
            snoozed: counts.snoozed,
            departments: departments
                .iter()
                .map(|(department, of)| DepartmentCountsResponse::new(department, of))
                .collect(),
        }
    }
}

impl DepartmentCountsResponse {
    fn new(department: &Department, counts: &DepartmentCounts) -> Self {
        let DepartmentCounts { open, waiting, unread } = *counts;
        Self { id: department.id.0, name: department.name.clone(), open, waiting, unread }
    }
}
