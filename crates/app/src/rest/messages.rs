//! Messages and notes: reading and writing them.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::LINK},
};
use desk::{MessagePage, Reply, Which};
use domain::Message;

use super::{done, links, with_cursor};
use crate::{
    extract::{Call, Query, Target, Write, message_range},
    problem::{Answer, replayed},
};

/// `GET conversations/{id}/messages/`
pub async fn list(call: Call) -> Answer {
    let id = call.conversation().await?;
    call.wants_json().await?;
    let mut query = Query::parse(call.request.query_string());
    let range = message_range(&mut query);
    let range = match query.done(range) {
        Ok(range) => range,
        Err(problem) => return Err(call.once_in_sight(id, problem).await.into()),
    };
    let found = call.desk().messages(call.caller, Which::Conversation(id), range).await?;
    let body: Vec<wire::Message> = found.answer.messages.iter().map(wire::Message::from).collect();
    let mut response = with_cursor(&found, body);
    if let Some(Ok(link)) = link(&call, &found.answer).map(|it| it.parse()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// Says what is left on both sides: `prev` is older, `next` is newer.
fn link(call: &Call, page: &MessagePage) -> Option<String> {
    let links = links(call);
    let older = page.older.map(|id| format!("<{}>; rel=\"prev\"", links.with("before", id.0, &["after"])));
    let newer = page.newer.map(|id| format!("<{}>; rel=\"next\"", links.with("after", id.0, &["before"])));
    let both: Vec<String> = older.into_iter().chain(newer).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

/// `POST conversations/{id}/send_message/`
pub async fn send(call: Call) -> Answer {
    let id = call.conversation().await?;
    let Write { body, key } = call.write::<wire::SendMessage>(Target::Reply(id)).await?;
    let client_ref = key.map(|it| (it.key, it.request_digest));
    let reply = Reply { text: body.text, seen: body.seen_message_id, hold: body.hold, client_ref };
    let replied = call.desk().reply(call.caller, Which::Conversation(id), reply).await?;
    let answer = message(&replied.message);
    Ok(match replied.again {
        true => replayed(&answer),
        false => HttpResponse::Created().content_type("application/json").body(answer),
    })
}

/// `POST conversations/{id}/send_template/`
pub async fn send_template(call: Call) -> Answer {
    let id = call.conversation().await?;
    let write: Write<wire::SendTemplate> = call.write(Target::Conversation(id)).await?;
    let (it, once) = write.once(message);
    let which = Which::Conversation(id);
    let sent = call.desk().send_template(call.caller, which, it.template_id, it.variables, once).await?;
    done(StatusCode::CREATED, sent, message)
}

/// `POST conversations/{id}/messages/{message_id}/retry/`
pub async fn retry(call: Call) -> Answer {
    let (id, of) = (call.conversation().await?, call.message().await?);
    let write: Write<wire::Nothing> = call.write(Target::Conversation(id)).await?;
    let (_, once) = write.once(message);
    done(StatusCode::OK, call.desk().retry(call.caller, Which::Conversation(id), of, once).await?, message)
}

/// `POST conversations/{id}/notes/`
pub async fn note(call: Call) -> Answer {
    let id = call.conversation().await?;
    let write: Write<wire::AddNote> = call.write(Target::Conversation(id)).await?;
    let (note, once) = write.once(message);
    done(
        StatusCode::CREATED,
        call.desk().add_note(call.caller, Which::Conversation(id), note.text, once).await?,
        message,
    )
}

pub(super) fn message(it: &Message) -> String {
    wire::json(&wire::Message::from(it))
}
