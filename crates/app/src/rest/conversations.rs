//! Conversations: seeing and moving them.

use actix_web::{HttpResponse, http::StatusCode};
use desk::Which;
use domain::ConversationView;

use super::{done, paged, with_cursor};
use crate::{
    extract::{Call, Query, Target, Write, filter, page},
    problem::{Answer, Problem},
};

/// `GET conversations/`
pub async fn list(call: Call) -> Answer {
    call.wants_json().await?;
    let (filter, page) = match asked(&call) {
        Ok(asked) => asked,
        Err(problem) => return Err(call.once_signed_in(problem).await.into()),
    };
    let mut found = call.desk().conversations(call.caller, filter, page).await?;
    let results = std::mem::take(&mut found.answer.page).iter().map(wire::Conversation::from).collect();
    let body = paged(&call, page, found.answer.count, results);
    Ok(with_cursor(&found, body))
}

fn asked(call: &Call) -> Result<(desk::Filter, desk::Page), Problem> {
    let mut query = Query::parse(call.request.query_string());
    let page = page(&mut query)?;
    let filter = filter(&mut query, call.caller);
    query.done((filter, page))
}

/// `GET conversations/active_conversations/`
pub async fn active(call: Call) -> Answer {
    call.wants_json().await?;
    let found = call.desk().active_conversations(call.caller).await?;
    let body: Vec<wire::Conversation> = found.answer.iter().map(wire::Conversation::from).collect();
    Ok(with_cursor(&found, body))
}

/// `GET conversations/{id}/`
pub async fn show(call: Call) -> Answer {
    let id = call.conversation().await?;
    call.wants_json().await?;
    let found = call.desk().conversation(call.caller, id).await?;
    Ok(with_cursor(&found, wire::ConversationDetails::from(&found.answer)))
}

/// `POST conversations/{id}/start_relay/`
pub async fn start_relay(call: Call) -> Answer {
    let id = call.conversation().await?;
    let write: Write<wire::StartRelay> = call.write(Target::Conversation(id)).await?;
    let (to, once) = write.once(details);
    let (which, department) = (Which::Conversation(id), to.department_id);
    done(StatusCode::OK, call.desk().start_relay(call.caller, which, department, to.note, once).await?, details)
}

/// `POST conversations/{id}/end_relay/`
pub async fn end_relay(call: Call) -> Answer {
    let id = call.conversation().await?;
    let write: Write<wire::Nothing> = call.write(Target::Conversation(id)).await?;
    let (_, once) = write.once(ended);
    done(StatusCode::OK, call.desk().end_relay(call.caller, Which::Conversation(id), once).await?, ended)
}

/// `POST conversations/{id}/assign/`
pub async fn assign(call: Call) -> Answer {
    let id = call.conversation().await?;
    let write: Write<wire::Assign> = call.write(Target::Conversation(id)).await?;
    let (to, once) = write.once(details);
    let which = Which::Conversation(id);
    done(StatusCode::OK, call.desk().assign(call.caller, which, to.staff_id, once).await?, details)
}

/// `POST conversations/{id}/close/`
pub async fn close(call: Call) -> Answer {
    let id = call.conversation().await?;
    let write: Write<wire::Nothing> = call.write(Target::Conversation(id)).await?;
    let (_, once) = write.once(details);
    done(StatusCode::OK, call.desk().close(call.caller, Which::Conversation(id), once).await?, details)
}

/// `POST conversations/{id}/reopen/`
pub async fn reopen(call: Call) -> Answer {
    let id = call.conversation().await?;
    let write: Write<wire::Nothing> = call.write(Target::Conversation(id)).await?;
    let (_, once) = write.once(details);
    done(StatusCode::OK, call.desk().reopen(call.caller, Which::Conversation(id), once).await?, details)
}

/// `POST conversations/{id}/read/`
pub async fn read(call: Call) -> Answer {
    let id = call.conversation().await?;
    let write: Write<wire::MarkRead> = call.write(Target::Conversation(id)).await?;
    // Answered without a body; and so again.
    let (to, once) = write.once(|_| String::new());
    let done = call.desk().mark_read(call.caller, Which::Conversation(id), to.message_id, once).await?;
    let (it, moved) = match done {
        desk::Done::Before(answer) => return Ok(crate::problem::replayed(&answer)),
        desk::Done::Now(marked) => marked,
    };
    // It is done; that others are told is a courtesy, which must not turn it into a failure.
    if moved && let Ok((reader, _, _)) = call.desk().me(call.caller).await {
        let reader = domain::Person { id: reader.id, name: reader.name };
        call.app.hub.announce_read(it.hotel, it.id, it.stay, reader, to.message_id);
    }
    Ok(HttpResponse::NoContent().finish())
}

fn details(it: &ConversationView) -> String {
    wire::json(&wire::ConversationDetails::from(it))
}

fn ended(_: &()) -> String {
    wire::json(&wire::RelayEnded::default())
}
