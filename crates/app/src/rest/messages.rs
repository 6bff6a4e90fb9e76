//! Messages and notes of a conversation: list, send, retry.

use actix_web::http::{StatusCode, header::LINK};
use desk::{messages::MessagePage, reply::TextReply};
use domain::MessageId;
use utoipa::openapi::Type;
use wire::{
    request::{AddNoteBody, EmptyBody, SendMessageBody, SendTemplateBody},
    response::MessageResponse,
};

use super::responses::{cursor_response, json_response, replay_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, get, post},
    problem::HandlerResult,
    request::{ApiRequest, message_range},
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/conversations/{id}/messages/", "List messages, oldest first.", list_messages)
            .query("limit", Type::Integer, "The maximum number of messages, 1 to 1000; by default 200.")
            .query("before", Type::Integer, "Only messages before this one.")
            .query("after", Type::Integer, "Only messages after this one.")
            .query("include", Type::String, "`notes`: include internal notes.")
            .with_cursor()
            .response_header("Link", "`prev`: older messages; `next`: newer messages.")
            .returns_array::<MessageResponse>()
            .problems(&[400, 404]),
        post("/api/message_manager/conversations/{id}/send_message/", "Send a reply to the guest.", send_message)
            .idempotent()
            .body::<SendMessageBody>()
            .returns::<MessageResponse>(201),
        post("/api/message_manager/conversations/{id}/send_template/", "Send a template to the guest.", send_template)
            .idempotent()
            .body::<SendTemplateBody>()
            .returns::<MessageResponse>(201),
        post(
            "/api/message_manager/conversations/{id}/messages/{message_id}/retry/",
            "Send a failed message again.",
            retry_message,
        )
        .idempotent()
        .returns::<MessageResponse>(200),
        post("/api/message_manager/conversations/{id}/notes/", "Write an internal note.", add_note)
            .idempotent()
            .body::<AddNoteBody>()
            .returns::<MessageResponse>(201),
    ]
}

async fn list_messages(request: ApiRequest) -> HandlerResult {
    let mut query = request.query();
    let range = message_range(&mut query);
    let range = query.finish(range)?;
    let found = request.desk().list_messages(request.caller, request.conversation(), range).await?;
    let body: Vec<MessageResponse> = found.value.messages.iter().map(MessageResponse::from).collect();
    let mut response = cursor_response(&found, body);
    if let Some(Ok(link)) = link_header(&request, &found.value).map(|it| it.parse()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// The value of the `Link` header: links to older (`prev`) and newer (`next`) messages, if there are any.
fn link_header(request: &ApiRequest, page: &MessagePage) -> Option<String> {
    let links = request.page_links();
    let older = page.older.map(|id| format!("<{}>; rel=\"prev\"", links.with("before", id.0, &["after"])));
    let newer = page.newer.map(|id| format!("<{}>; rel=\"next\"", links.with("after", id.0, &["before"])));
    let both: Vec<String> = older.into_iter().chain(newer).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

/// Sends a reply. Its idempotency key is the client reference of the message, so a message that was already sent by
/// WebSocket with the same reference is found, too.
async fn send_message(request: ApiRequest) -> HandlerResult {
    let write = request.write_reply::<SendMessageBody>()?;
    let client_ref = write.key.map(|key| (key.key, key.request_digest));
    let SendMessageBody { text, seen_message_id: seen, hold, .. } = write.body;
    let reply = TextReply { text, seen, hold, client_ref };
    let replied = request.desk().reply(request.caller, request.conversation(), reply).await?;
    let message = to_json::<_, MessageResponse>(&replied.message);
    Ok(if replied.is_replay { replay_response(&message) } else { json_response(StatusCode::CREATED, message) })
}

async fn send_template(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<SendTemplateBody>()?.once(to_json::<_, MessageResponse>);
    let (caller, conversation) = (request.caller, request.conversation());
    let outcome = request.desk().send_template(caller, conversation, body.template_id, body.variables, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, MessageResponse>)
}

async fn retry_message(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(to_json::<_, MessageResponse>);
    let message = MessageId(request.message_id());
    let outcome = request.desk().retry(request.caller, request.conversation(), message, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, MessageResponse>)
}

async fn add_note(request: ApiRequest) -> HandlerResult {
    let (note, once) = request.write::<AddNoteBody>()?.once(to_json::<_, MessageResponse>);
    let outcome = request.desk().add_note(request.caller, request.conversation(), note.text, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, MessageResponse>)
}
