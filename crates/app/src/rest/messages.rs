//! Messages and notes of a conversation: list, send, retry.

use actix_web::http::{StatusCode, header::LINK};
use desk::{
    messages::{MessagePage, NewNote},
    reply::{RenderedTemplate, TemplateReply, TextReply},
};
use domain::MessageId;
use wire::{
    request::{
        AddNoteBody, ChangeMessageBody, EmptyBody, ReactBody, RenderTemplateBody, SendMessageBody, SendTemplateBody,
    },
    response::{MessageResponse, RenderedTemplateResponse},
};

use super::{
    drafts::publish_if_performed,
    responses::{
        cursor_response, empty_write_response, json_response, replay_response, sent_response, to_json, write_response,
    },
};
use crate::{
    endpoint::{Endpoint, ParameterValues, delete, get, patch, post},
    problem::HandlerResult,
    request::{ApiRequest, message_range},
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/conversations/{id}/messages/", "List messages, oldest first.", list_messages)
            .describe(
                "A plain array; without parameters the newest 200. `Link` headers name the pages with older \
                 (`prev`) and newer messages (`next`). Internal notes are included only with `include=notes`.",
            )
            .query(
                "limit",
                ParameterValues::Number { from: 1, to: Some(1000), default: Some(200) },
                "The maximum number of messages.",
            )
            .query("before", ParameterValues::Id, "Only messages before this one.")
            .query("after", ParameterValues::Id, "Only messages after this one.")
            .query("around", ParameterValues::Id, "The messages next to this one, which is in the middle of the page. Not together with `before` and `after`.")
            .query("include", ParameterValues::OneOf(&["notes"]), "`notes`: include internal notes.")
            .with_cursor()
            .response_header("Link", "`prev`: older messages; `next`: newer messages.")
            .returns_array::<MessageResponse>()
            .problems(&[400, 404]),
        post("/api/message_manager/conversations/{id}/send_message/", "Send a reply to the guest.", send_message)
            .describe(
                "Routes an unrouted conversation to the sender's department and assigns it to the sender. With \
                 `seen_message_id`, 409 `stale_reply` if a colleague has written since. Outside the 24-hour window \
                 409 `window_closed`, unless `hold` is true: then the text is sent after the guest's next message.",
            )
            .idempotent()
            .body::<SendMessageBody>()
            .returns::<MessageResponse>(201),
        post("/api/message_manager/conversations/{id}/send_template/", "Send a template to the guest.", send_template)
            .describe(
                "An approved template may be sent at any time, a template of type `text` inside the 24-hour window. \
                 A placeholder without value is 400 `errors.variables`. Routes and assigns the conversation as \
                 `send_message` does.",
            )
            .idempotent()
            .body::<SendTemplateBody>()
            .returns::<MessageResponse>(201),
        post(
            "/api/message_manager/conversations/{id}/render_template/",
            "Fill a template for a conversation, without sending it.",
            render_template,
        )
        .describe("Returns the text and the names of placeholders without a value.")
        .idempotent()
        .body::<RenderTemplateBody>()
        .returns::<RenderedTemplateResponse>(200),
        post(
            "/api/message_manager/conversations/{id}/messages/{message_id}/retry/",
            "Send a failed message again.",
            retry_message,
        )
        .describe(
            "Only messages in the state `failed` or `unknown`; any other is 409 `not_failed`. A guest may get an \
             `unknown` message twice.",
        )
        .idempotent()
        .returns::<MessageResponse>(200),
        patch(
            "/api/message_manager/conversations/{id}/messages/{message_id}/",
            "Change the text of a held message.",
            change_message,
        )
        .describe(
            "Only the sender may change it; 409 `already_sent` once it is released. Subscribers receive \
             `message_updated`.",
        )
        .idempotent()
        .body::<ChangeMessageBody>()
        .returns::<MessageResponse>(200),
        delete(
            "/api/message_manager/conversations/{id}/messages/{message_id}/",
            "Take back a message that is held or waits to be sent.",
            take_back_message,
        )
        .describe(
            "Also a colleague's message. 409 `already_sent` once the message is claimed for sending. Subscribers \
             receive `message_removed`.",
        )
        .idempotent()
        .returns_nothing(204),
        post(
            "/api/message_manager/conversations/{id}/messages/{message_id}/react/",
            "React to a message of the guest.",
            react_to_message,
        )
        .describe(
            "Replaces the reaction of the staff; an empty `emoji` withdraws it. Outside the 24-hour window 409 \
             `window_closed`.",
        )
        .idempotent()
        .body::<ReactBody>()
        .returns::<MessageResponse>(200),
        post("/api/message_manager/conversations/{id}/notes/", "Write an internal note.", add_note)
            .describe(
                "Only staff see notes; a note is never sent to a guest, and neither counts as unread nor as an \
                 answer.",
            )
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
    let older = page.older.map(|id| format!("<{}>; rel=\"prev\"", links.with("before", id.0, &["after", "around"])));
    let newer = page.newer.map(|id| format!("<{}>; rel=\"next\"", links.with("after", id.0, &["before", "around"])));
    let both: Vec<String> = older.into_iter().chain(newer).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

/// Sends a reply. Its idempotency key is the client reference of the message, so a message that was already sent by
/// WebSocket with the same reference is found, too.
async fn send_message(request: ApiRequest) -> HandlerResult {
    let write = request.write_reply::<SendMessageBody>()?;
    let client_ref = write.key.map(|key| (key.key, key.request_digest));
    let SendMessageBody { text, seen_message_id: seen, hold, reply_to, clears_draft } = write.body;
    let clears_draft = clears_draft == Some(true);
    let reply = TextReply { text, seen, hold, reply_to, clears_draft, client_ref };
    let replied = request.desk().reply(request.caller, request.conversation(), reply).await?;
    if replied.has_cleared_draft {
        request.app.hub.publish_draft(request.caller, request.conversation_id());
    }
    let message = to_json::<_, MessageResponse>(&replied.message);
    Ok(if replied.is_replay { replay_response(&message) } else { json_response(StatusCode::CREATED, message) })
}

async fn send_template(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<SendTemplateBody>()?.once(to_json::<_, MessageResponse>);
    let (caller, conversation) = (request.caller, request.conversation());
    let clears_draft = body.clears_draft == Some(true);
    let reply = TemplateReply { template: body.template_id, values: body.variables, clears_draft };
    let outcome = request.desk().send_template(caller, conversation, reply, once).await?;
    if clears_draft {
        publish_if_performed(&request, &outcome);
    }
    sent_response(&request, outcome).await
}

async fn change_message(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<ChangeMessageBody>()?.once(to_json::<_, MessageResponse>);
    let (conversation, message) = (request.conversation(), MessageId(request.message_id()));
    let outcome = request.desk().change_held_text(request.caller, conversation, message, body.text, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, MessageResponse>)
}

async fn take_back_message(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(|()| String::new());
    let (conversation, message) = (request.conversation(), MessageId(request.message_id()));
    empty_write_response(request.desk().take_back(request.caller, conversation, message, once).await?)
}

async fn react_to_message(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<ReactBody>()?.once(to_json::<_, MessageResponse>);
    let (conversation, message) = (request.conversation(), MessageId(request.message_id()));
    let outcome = request.desk().react(request.caller, conversation, message, body.emoji, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, MessageResponse>)
}

async fn render_template(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<RenderTemplateBody>()?.once(rendered_json);
    let (caller, conversation) = (request.caller, request.conversation());
    let outcome = request.desk().render_template(caller, conversation, body.template_id, body.variables, once).await?;
    write_response(StatusCode::OK, outcome, rendered_json)
}

fn rendered_json(RenderedTemplate { text, missing }: &RenderedTemplate) -> String {
    wire::json(&RenderedTemplateResponse { text: text.clone(), missing: missing.clone() })
}

async fn retry_message(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(to_json::<_, MessageResponse>);
    let message = MessageId(request.message_id());
    let outcome = request.desk().retry(request.caller, request.conversation(), message, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, MessageResponse>)
}

async fn add_note(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<AddNoteBody>()?.once(to_json::<_, MessageResponse>);
    let note = NewNote { text: body.text, clears_draft: body.clears_draft == Some(true) };
    let clears_draft = note.clears_draft;
    let outcome = request.desk().add_note(request.caller, request.conversation(), note, once).await?;
    if clears_draft {
        publish_if_performed(&request, &outcome);
    }
    write_response(StatusCode::CREATED, outcome, to_json::<_, MessageResponse>)
}
