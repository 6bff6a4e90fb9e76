//! Scheduled messages: schedule, list, change and confirm, cancel.

use actix_web::http::StatusCode;
use desk::reply::{NewSchedule, ScheduledChange, WrittenContent};
use domain::{ScheduledMessageId, ScheduledStatus};
use wire::{
    request::{ChangeScheduledMessageBody, EmptyBody, ScheduleMessageBody},
    response::{PageResponse, ScheduledMessageResponse},
};

use super::{
    drafts::publish_if_performed,
    responses::{empty_write_response, page_response, to_json, write_response},
};
use crate::{
    endpoint::{Endpoint, ParameterValues, delete, get, patch, post},
    problem::{HandlerResult, Problem},
    request::{ApiRequest, page, scheduled_statuses},
};

/// The texts of the query parameter `status`, as a regular expression.
const STATUSES: &str = "^(pending|needs_review|sent|cancelled)(,(pending|needs_review|sent|cancelled))*$";
const STATUS_TEXT: &str = "One or more of pending, needs_review, sent, cancelled; comma-separated. By default the first \
                           two.";

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        post(
            "/api/message_manager/conversations/{id}/scheduled/",
            "Schedule a message to the guest for later.",
            schedule_message,
        )
        .describe(
            "A text, or a template; one of type `text` is rendered at once. It is no message of the conversation until \
             its time, but counts as an answer. If the guest writes before, it needs a review, unless \
             `if_guest_writes` is `send`. Subscribers receive `scheduled_updated`, and at its time `new_message`.",
        )
        .idempotent()
        .body::<ScheduleMessageBody>()
        .returns::<ScheduledMessageResponse>(201),
        get(
            "/api/message_manager/conversations/{id}/scheduled/",
            "List the scheduled messages of a conversation, soonest first.",
            list_scheduled_of_conversation,
        )
        .describe("Without `status`: those that are pending or need a review.")
        .query("status", ParameterValues::Pattern(STATUSES), STATUS_TEXT)
        .returns_page::<PageResponse<ScheduledMessageResponse>>(),
        get("/api/message_manager/scheduled/", "List scheduled messages, soonest first.", list_scheduled)
            .describe("Those of all conversations that the caller may see.")
            .query("status", ParameterValues::Pattern(STATUSES), STATUS_TEXT)
            .returns_page::<PageResponse<ScheduledMessageResponse>>(),
        patch("/api/message_manager/scheduled/{id}/", "Change or confirm a scheduled message.", change_scheduled)
            .describe(
                "Only its author may change the text; everyone who sees the conversation may change the time and \
                 confirm it. `confirm` makes a message that needs a review pending again; if its author cannot send \
                 it, the caller becomes the author. 409 `already_sent` if it is sent or cancelled; \
                 `conversation_closed`, `not_allowed_now` or `template_unavailable` as long as it could not be sent.",
            )
            .idempotent()
            .body::<ChangeScheduledMessageBody>()
            .returns::<ScheduledMessageResponse>(200),
        delete("/api/message_manager/scheduled/{id}/", "Cancel a scheduled message.", cancel_scheduled)
            .describe("Also a colleague's message. 409 `already_sent` if it is sent or cancelled.")
            .idempotent()
            .returns_nothing(204),
    ]
}

async fn schedule_message(request: ApiRequest) -> HandlerResult {
    let write = request.write::<ScheduleMessageBody>()?.try_map(new_schedule)?;
    let (new, once) = write.once(to_json::<_, ScheduledMessageResponse>);
    let clears_draft = new.clears_draft;
    let outcome = request.desk().schedule(request.caller, request.conversation(), new, once).await?;
    if clears_draft {
        publish_if_performed(&request, &outcome);
    }
    write_response(StatusCode::CREATED, outcome, to_json::<_, ScheduledMessageResponse>)
}

fn new_schedule(body: ScheduleMessageBody) -> Result<NewSchedule, Problem> {
    let content = match (body.text, body.template_id) {
        (Some(text), None) => WrittenContent::Text(text),
        (None, Some(template)) => WrittenContent::Template(template, body.variables),
        // The body was refused before.
        _ => return Err(Problem::invalid("text", "Please give either `text` or `template_id`.")),
    };
    Ok(NewSchedule {
        content,
        seen: body.seen_message_id,
        hold: body.hold,
        reply_to: body.reply_to,
        clears_draft: body.clears_draft,
        send_at: body.send_at,
        if_guest_writes: body.if_guest_writes,
    })
}

async fn list_scheduled_of_conversation(request: ApiRequest) -> HandlerResult {
    let (statuses, page) = list_parameters(&request)?;
    let found = request.desk().list_scheduled_in(request.caller, request.conversation(), statuses, page).await?;
    page_response::<_, ScheduledMessageResponse, _>(&request, page, found)
}

async fn list_scheduled(request: ApiRequest) -> HandlerResult {
    let (statuses, page) = list_parameters(&request)?;
    let found = request.desk().list_scheduled(request.caller, statuses, page).await?;
    page_response::<_, ScheduledMessageResponse, _>(&request, page, found)
}

fn list_parameters(request: &ApiRequest) -> Result<(Vec<ScheduledStatus>, desk::PageRequest), Problem> {
    let mut query = request.query();
    let page = page(&mut query)?;
    let statuses = scheduled_statuses(&mut query);
    query.finish((statuses, page))
}

async fn change_scheduled(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<ChangeScheduledMessageBody>()?.once(to_json::<_, ScheduledMessageResponse>);
    let change = ScheduledChange { text: body.text, send_at: body.send_at, confirm: body.confirm == Some(true) };
    let outcome = request.desk().change_scheduled(request.caller, scheduled_id(&request), change, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, ScheduledMessageResponse>)
}

async fn cancel_scheduled(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(|()| String::new());
    empty_write_response(request.desk().cancel_scheduled(request.caller, scheduled_id(&request), once).await?)
}

fn scheduled_id(request: &ApiRequest) -> ScheduledMessageId {
    ScheduledMessageId(request.id())
}
