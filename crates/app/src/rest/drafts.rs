//! Drafts: what the caller has begun to write, in the same state on all devices.

use actix_web::{HttpResponse, http::StatusCode};
use desk::{WriteOutcome, drafts::DraftChange};
use wire::{
    request::{DraftBody, EmptyBody},
    response::{DraftResponse, DraftsResponse},
};

use super::responses::{empty_write_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, delete, get, put},
    problem::HandlerResult,
    request::ApiRequest,
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/drafts/", "List the caller's drafts, last changed first.", list_drafts)
            .describe("Drafts of conversations that the caller may not see at the moment are kept, but not listed.")
            .returns::<DraftsResponse>(200),
        get("/api/message_manager/conversations/{id}/draft/", "Show the caller's draft.", show_draft)
            .describe("404 if the caller has no draft in this conversation.")
            .returns::<DraftResponse>(200)
            .problems(&[404]),
        put("/api/message_manager/conversations/{id}/draft/", "Store the caller's draft.", save_draft)
            .describe(
                "The text is stored as typed. Empty text deletes the draft. With `base_updated_at`, 409 \
                 `draft_conflict` if the stored draft is another one than the client began with; without it the \
                 last write wins.",
            )
            .idempotent()
            .body::<DraftBody>()
            .returns::<DraftResponse>(200),
        delete("/api/message_manager/conversations/{id}/draft/", "Delete the caller's draft.", delete_draft)
            .describe("Without a draft nothing happens. The caller's other sockets receive `draft_updated`.")
            .idempotent()
            .returns_nothing(204),
    ]
}

async fn list_drafts(request: ApiRequest) -> HandlerResult {
    let drafts = request.desk().list_drafts(request.caller).await?;
    let results = drafts.iter().map(DraftResponse::from).collect();
    Ok(HttpResponse::Ok().json(DraftsResponse { results }))
}

async fn show_draft(request: ApiRequest) -> HandlerResult {
    let draft = request.desk().draft(request.caller, request.conversation()).await?;
    Ok(HttpResponse::Ok().json(DraftResponse::from(&draft)))
}

async fn save_draft(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<DraftBody>()?.once(to_json::<_, DraftResponse>);
    let DraftBody { text, reply_to, internal, base_updated_at: base } = body;
    let change = DraftChange { text, reply_to, internal, base };
    let outcome = request.desk().save_draft(request.caller, request.conversation(), change, once).await?;
    publish_if_performed(&request, &outcome);
    write_response(StatusCode::OK, outcome, to_json::<_, DraftResponse>)
}

async fn delete_draft(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(|()| String::new());
    let outcome = request.desk().delete_draft(request.caller, request.conversation(), once).await?;
    publish_if_performed(&request, &outcome);
    empty_write_response(outcome)
}

/// Sends the draft of the caller to their sockets after a write that has changed it, or may have.
pub fn publish_if_performed<T>(request: &ApiRequest, outcome: &WriteOutcome<T>) {
    if matches!(outcome, WriteOutcome::Performed(_)) {
        request.app.hub.publish_draft(request.caller, request.conversation_id());
    }
}
