//! The inbox: everything that a client needs at its start, and numbers of conversations.

use desk::inbox::{CountsOfInbox, Inbox};
use wire::response::{
    ColleagueResponse, ConversationResponse, DepartmentResponse, DraftResponse, HotelResponse, InboxCountsResponse,
    InboxResponse, LabelResponse,
};

use super::responses::{cursor_response, tagged_response};
use crate::{
    endpoint::{Endpoint, get},
    problem::HandlerResult,
    request::ApiRequest,
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/inbox/", "Show everything that a client needs at its start.", show_inbox)
            .describe(
                "One snapshot of all visible conversations that are open or wait, at most 5,000, with departments, \
                 staff, labels, hotel, the caller's settings and drafts, and the counts. A client continues by \
                 `resume` from `X-Event-Seq`. Supports `If-None-Match`.",
            )
            .with_cursor()
            .with_entity_tag()
            .returns::<InboxResponse>(200),
        get("/api/message_manager/conversations/counts/", "Count the conversations of the inbox.", count_inbox)
            .describe(
                "The numbers of the conversations that `inbox/` returns; snoozed ones count in `snoozed` alone. The cost \
                 depends on them, not on closed conversations.",
            )
            .with_cursor()
            .returns::<InboxCountsResponse>(200),
    ]
}

async fn show_inbox(request: ApiRequest) -> HandlerResult {
    let found = request.desk().inbox(request.caller).await?;
    let body = inbox_response(&found.value);
    Ok(tagged_response(&request, &found, &body))
}

async fn count_inbox(request: ApiRequest) -> HandlerResult {
    let found = request.desk().inbox_counts(request.caller).await?;
    let body = counts_response(&found.value);
    Ok(cursor_response(&found, body))
}

fn inbox_response(inbox: &Inbox) -> InboxResponse {
    InboxResponse {
        conversations: inbox.conversations.iter().map(ConversationResponse::from).collect(),
        truncated: inbox.is_truncated,
        departments: inbox.departments.iter().map(DepartmentResponse::from).collect(),
        staff: inbox.staff.iter().map(ColleagueResponse::from).collect(),
        labels: inbox.labels.iter().map(LabelResponse::from).collect(),
        hotel: HotelResponse::from(&inbox.hotel),
        settings: serde_json::from_str(&inbox.settings).unwrap_or_default(),
        drafts: inbox.drafts.iter().map(DraftResponse::from).collect(),
        counts: counts_response(&inbox.counts),
    }
}

fn counts_response(inbox: &CountsOfInbox) -> InboxCountsResponse {
    InboxCountsResponse::new(&inbox.counts, &inbox.departments)
}
