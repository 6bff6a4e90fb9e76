//! Conversations: list, show, route, assign, close, mark as read.

use actix_web::{HttpResponse, http::StatusCode};
use desk::{
    WriteOutcome,
    messages::{MarkedRead, ReadMove},
};
use domain::ConversationView;
use utoipa::openapi::Type;
use wire::{
    request::{AssignBody, EmptyBody, LinkStayBody, MarkReadBody, SnoozeBody, StartRelayBody},
    response::{ConversationDetails, ConversationResponse, HistoryEntryResponse, PageResponse, RelayEndedResponse},
};

use super::responses::{cursor_response, page_body, page_response, replay_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, ParameterValues, get, post},
    problem::{HandlerResult, Problem},
    request::{ApiRequest, ConversationCursor, Query, conversation_cursor, conversation_filter, page},
};

/// The texts of query parameters, as regular expressions: cursors, statuses, assignees, and ids of labels.
const CURSORS: &str = "^([1-9][0-9]{0,17})?$";
const STATUSES: &str = "^(demo|checkin|active|relay|closed)(,(demo|checkin|active|relay|closed))*$";
const ASSIGNEES: &str = "^(me|none|[1-9][0-9]{0,17})$";
const LABELS: &str = "^[1-9][0-9]{0,17}(,[1-9][0-9]{0,17}){0,99}$";

pub fn read_endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/conversations/", "List conversations, newest change first.", list_conversations)
            .describe(
                "Without `status` the list contains the `relay` conversations of the caller's departments, for a \
                 manager those of the hotel. `status` widens it to everything that the caller may see. Filters \
                 combine with AND.",
            )
            .query(
                "cursor",
                ParameterValues::Pattern(CURSORS),
                "Instead of `page`: empty for the first part of the list by id, newest first. `next` contains the \
                 next cursor, `previous` is null. `order` has no effect.",
            )
            .query(
                "status",
                ParameterValues::Pattern(STATUSES),
                "One or more of demo, checkin, active, relay, closed; comma-separated.",
            )
            .query("department", ParameterValues::Id, "Only those routed to this department.")
            .query("assigned_to", ParameterValues::Pattern(ASSIGNEES), "`me`, `none`, or a staff member's id.")
            .query(
                "label",
                ParameterValues::Pattern(LABELS),
                "Only those with any of these labels: ids, comma-separated, at most 100.",
            )
            .query("unread", Type::Boolean, "Only those with messages that the caller has not read.")
            .query("waiting", Type::Boolean, "Only those whose guest waits for an answer, or does not.")
            .query("snoozed", Type::Boolean, "Only snoozed ones, or only those that are not. Without it both.")
            .query(
                "overdue",
                Type::Boolean,
                "Only those whose guest should have been answered by now: `response_due_at` has passed.",
            )
            .query("unsent", Type::Boolean, "Only those with staff messages that the guest has not got.")
            .query(
                "order",
                ParameterValues::OneOf(&["updated", "waiting"]),
                "`updated` (default), or `waiting`: longest waiting first, then all others.",
            )
            .query(
                "search",
                ParameterValues::Words { max: 200 },
                "Only those with these words in guest name, room or phone number, in any spelling of the number.",
            )
            .with_cursor()
            .returns_page::<PageResponse<ConversationResponse>>(),
        get(
            "/api/message_manager/conversations/active_conversations/",
            "List active conversations, at most 500.",
            list_active_conversations,
        )
        .describe("A plain array of the conversations that the guest flow answers, newest change first.")
        .with_cursor()
        .returns_array::<ConversationResponse>(),
        get("/api/message_manager/conversations/{id}/", "Show a conversation.", show_conversation)
            .describe("A conversation that the caller may not see is 404.")
            .with_cursor()
            .returns::<ConversationDetails>(200)
            .problems(&[404]),
        get(
            "/api/message_manager/conversations/{id}/history/",
            "List what happened to a conversation, newest first.",
            list_history,
        )
        .describe(
            "Entries of the time before this list existed are missing. Subscribers of the conversation get each new \
             entry as `history_added`.",
        )
        .returns_page::<PageResponse<HistoryEntryResponse>>(),
    ]
}

pub fn write_endpoints() -> Vec<Endpoint> {
    vec![
        post(
            "/api/message_manager/conversations/{id}/start_relay/",
            "Route to a department, or transfer.",
            start_relay,
        )
        .describe(
            "A transfer clears an assignee who may no longer see the conversation. `note` is stored as an internal \
             note.",
        )
        .idempotent()
        .body::<StartRelayBody>()
        .returns::<ConversationDetails>(200),
        post(
            "/api/message_manager/conversations/{id}/end_relay/",
            "Hand the conversation back to the guest flow.",
            end_relay,
        )
        .describe(
            "The conversation becomes `active`; department and assignee are cleared. 409 `not_in_relay` if it is \
             not routed to a department.",
        )
        .idempotent()
        .returns::<RelayEndedResponse>(200),
        post(
            "/api/message_manager/conversations/{id}/assign/",
            "Assign to a staff member, or clear the assignee.",
            assign_conversation,
        )
        .describe(
            "The assignee must be able to see the conversation. `staff_id` null clears the assignee. With \
             `if_unassigned`, 409 `already_assigned` if another staff member has it. A closed conversation is 409 \
             `conversation_closed`.",
        )
        .idempotent()
        .body::<AssignBody>()
        .returns::<ConversationDetails>(200),
        post(
            "/api/message_manager/conversations/{id}/handled/",
            "Record that the guest needs no answer.",
            mark_handled,
        )
        .describe(
            "Ends the wait of a guest whose last message needs no answer, and clears the numbers of failed and \
             unknown messages. Works on closed conversations, too.",
        )
        .idempotent()
        .returns::<ConversationDetails>(200),
        post(
            "/api/message_manager/conversations/{id}/snooze/",
            "Hide the conversation from all queues until a time.",
            snooze_conversation,
        )
        .describe(
            "Applies to all staff. The snooze ends at its time, when the guest writes, and by `unsnooze/`, `close/`, \
             `start_relay/`, `end_relay/` and `assign/`; an answer keeps it. A second call changes the time. A closed \
             conversation is 409 `conversation_closed`.",
        )
        .idempotent()
        .body::<SnoozeBody>()
        .returns::<ConversationDetails>(200),
        post(
            "/api/message_manager/conversations/{id}/unsnooze/",
            "End the snooze of the conversation.",
            unsnooze_conversation,
        )
        .describe("A conversation that is not snoozed stays as it is.")
        .idempotent()
        .returns::<ConversationDetails>(200),
        post("/api/message_manager/conversations/{id}/close/", "Close the conversation.", close_conversation)
            .describe("Department and assignee are kept. A closed conversation stays as it is.")
            .idempotent()
            .returns::<ConversationDetails>(200),
        post("/api/message_manager/conversations/{id}/reopen/", "Reopen a closed conversation.", reopen_conversation)
            .describe("It becomes `relay` if a department is kept, else `active`. An open conversation stays as it is.")
            .idempotent()
            .returns::<ConversationDetails>(200),
        post(
            "/api/message_manager/conversations/{id}/link_stay/",
            "Make the guest of a conversation without stay the guest of a stay (stay handlers).",
            link_stay,
        )
        .describe(
            "A stay without conversation gets this one. If the stay has a conversation, that one now belongs to this \
             guest and gets the guest's next messages, and this one stays as it is. No message moves. A later import \
             changes the guest only if it contains another `guest_phone` than before. 409 `not_allowed_now` if the \
             conversation has a stay.",
        )
        .idempotent()
        .body::<LinkStayBody>()
        .returns::<ConversationDetails>(200),
        post(
            "/api/message_manager/conversations/{id}/unlink_stay/",
            "Undo `link_stay/`, on the stay's conversation (stay handlers).",
            unlink_stay,
        )
        .describe(
            "The guest of the stay is again the one of its `guest_phone`, and a conversation that had become the stay's \
             is without stay again. 409 `not_allowed_now` without a link, or if the guest has another conversation \
             without stay by now.",
        )
        .idempotent()
        .returns::<ConversationDetails>(200),
        post("/api/message_manager/conversations/{id}/read/", "Move the caller's read position.", mark_as_read)
            .describe(
                "`message_id` moves the position forward, never back. `unread_from` moves it to just before that \
                 message.",
            )
            .idempotent()
            .body::<MarkReadBody>()
            .returns_nothing(204),
    ]
}

async fn list_conversations(request: ApiRequest) -> HandlerResult {
    let mut query = request.query();
    if let Some(cursor) = conversation_cursor(&mut query) {
        return list_conversations_below(&request, query, cursor).await;
    }
    let page = page(&mut query)?;
    let filter = conversation_filter(&mut query, request.caller, request.desk().now());
    let filter = query.finish(filter)?;
    let mut found = request.desk().list_conversations(request.caller, filter, page).await?;
    let results = std::mem::take(&mut found.value.page).iter().map(ConversationResponse::from).collect();
    let body = page_body(&request, page, found.value.count, results);
    Ok(cursor_response(&found, body))
}

async fn list_conversations_below(
    request: &ApiRequest,
    mut query: Query,
    ConversationCursor { below, size }: ConversationCursor,
) -> HandlerResult {
    let filter = conversation_filter(&mut query, request.caller, request.desk().now());
    let filter = query.finish(filter)?;
    let found = request.desk().list_conversations_below(request.caller, filter, below, size).await?;
    let part = &found.value;
    let next = part.next_below.map(|id| request.page_links().with("cursor", id.0, &["page"]));
    let results: Vec<_> = part.list.page.iter().map(ConversationResponse::from).collect();
    let body = PageResponse { count: part.list.count, next, previous: None, results };
    Ok(cursor_response(&found, body))
}

async fn list_active_conversations(request: ApiRequest) -> HandlerResult {
    let found = request.desk().list_active_conversations(request.caller).await?;
    let body: Vec<ConversationResponse> = found.value.iter().map(ConversationResponse::from).collect();
    Ok(cursor_response(&found, body))
}

async fn show_conversation(request: ApiRequest) -> HandlerResult {
    let found = request.desk().conversation(request.caller, request.conversation_id()).await?;
    Ok(cursor_response(&found, ConversationDetails::from(&found.value)))
}

async fn list_history(request: ApiRequest) -> HandlerResult {
    let page = request.page()?;
    let entries = request.desk().list_history(request.caller, request.conversation(), page).await?;
    page_response::<_, HistoryEntryResponse, _>(&request, page, entries)
}

async fn start_relay(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<StartRelayBody>()?.once(details_json);
    let (caller, conversation) = (request.caller, request.conversation());
    let outcome = request.desk().start_relay(caller, conversation, body.department_id, body.note, once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

async fn end_relay(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(relay_ended_json);
    let outcome = request.desk().end_relay(request.caller, request.conversation(), once).await?;
    write_response(StatusCode::OK, outcome, relay_ended_json)
}

async fn assign_conversation(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<AssignBody>()?.once(details_json);
    let (to, if_unassigned) = (body.staff_id, body.if_unassigned.unwrap_or(false));
    let outcome = request.desk().assign(request.caller, request.conversation(), to, if_unassigned, once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

async fn mark_handled(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(details_json);
    let outcome = request.desk().mark_handled(request.caller, request.conversation(), once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

async fn snooze_conversation(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<SnoozeBody>()?.once(details_json);
    let outcome = request.desk().snooze(request.caller, request.conversation(), body.until, once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

async fn unsnooze_conversation(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(details_json);
    let outcome = request.desk().unsnooze(request.caller, request.conversation(), once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

async fn close_conversation(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(details_json);
    let outcome = request.desk().close(request.caller, request.conversation(), once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

async fn reopen_conversation(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(details_json);
    let outcome = request.desk().reopen(request.caller, request.conversation(), once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

async fn link_stay(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<LinkStayBody>()?.once(details_json);
    let outcome = request.desk().link_stay(request.caller, request.conversation(), body.stay_id, once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

async fn unlink_stay(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(details_json);
    let outcome = request.desk().unlink_stay(request.caller, request.conversation(), once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

async fn mark_as_read(request: ApiRequest) -> HandlerResult {
    let (to, once) = request.write::<MarkReadBody>()?.try_map(read_move)?.once(|_| String::new());
    let outcome = request.desk().mark_read(request.caller, request.conversation(), to, once).await?;
    let MarkedRead { conversation, moved_to } = match outcome {
        WriteOutcome::Replayed(stored) => return Ok(replay_response(&stored)),
        WriteOutcome::Performed(marked) => marked,
    };
    // The read position is already stored. The ephemeral signal that shows it to other staff may be lost, so the call
    // succeeds even if the signal fails.
    if let Some(position) = moved_to
        && let Ok((reader, _, _)) = request.desk().me(request.caller).await
    {
        let reader = domain::Person { id: reader.id, name: reader.name };
        let (hotel, id, stay) = (conversation.hotel(), conversation.id(), conversation.stay());
        request.app.hub.publish_read(hotel, id, stay, reader, position);
    }
    Ok(HttpResponse::NoContent().finish())
}

fn read_move(body: MarkReadBody) -> Result<ReadMove, Problem> {
    match (body.message_id, body.unread_from) {
        (Some(message), None) => Ok(ReadMove::UpTo(message)),
        (None, Some(message)) => Ok(ReadMove::UnreadFrom(message)),
        _ => Err(Problem::invalid("message_id", "Please give one of `message_id` and `unread_from`.")),
    }
}

fn details_json(view: &ConversationView) -> String {
    to_json::<_, ConversationDetails>(view)
}

fn relay_ended_json(_: &()) -> String {
    wire::json(&RelayEndedResponse::default())
}
