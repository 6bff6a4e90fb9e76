//! Responses that handlers of several resources share: results of writes, pages, cursors.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::ETAG},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use desk::{Caller, PageRequest, WriteOutcome, session_list::ListedSession, transaction::WithCursor};
use domain::{Message, MessageId};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use wire::response::{MessageResponse, PageResponse, SessionResponse, SessionsResponse};

use crate::{
    problem::HandlerResult,
    request::{ApiRequest, RequestCaller, has_current},
};

const JSON: &str = "application/json";

/// Serializes the result of a use case in the wire format `W`.
pub fn to_json<T, W>(result: &T) -> String
where
    W: Serialize + for<'a> From<&'a T>,
{
    wire::json(&W::from(result))
}

/// The response to a write: its result with `status`, or the stored response if a write with the same idempotency key
/// was performed before.
pub fn write_response<T>(status: StatusCode, outcome: WriteOutcome<T>, to_json: fn(&T) -> String) -> HandlerResult {
    Ok(match outcome {
        WriteOutcome::Performed(result) => json_response(status, to_json(&result)),
        WriteOutcome::Replayed(stored) => replay_response(&stored),
    })
}

/// The response to a send. A repetition returns the message as it is now, also if it was taken back.
pub async fn sent_response(request: &ApiRequest, outcome: WriteOutcome<Message>) -> HandlerResult {
    let stored = match outcome {
        WriteOutcome::Performed(message) => {
            return Ok(json_response(StatusCode::CREATED, to_json::<_, MessageResponse>(&message)));
        }
        WriteOutcome::Replayed(stored) => stored,
    };
    let id = serde_json::from_str(&stored).ok().and_then(|message: Value| message["id"].as_i64()).map(MessageId);
    let sent = match id {
        Some(id) => request.desk().find_own_message(request.caller, id).await?,
        None => None,
    };
    Ok(replay_response(&sent.as_ref().map_or(stored, to_json::<_, MessageResponse>)))
}

/// The response to a write whose use case returns no result: an empty body, or the repetition of the stored response.
pub fn empty_write_response(outcome: WriteOutcome<()>) -> HandlerResult {
    Ok(match outcome {
        WriteOutcome::Performed(()) => HttpResponse::NoContent().finish(),
        WriteOutcome::Replayed(stored) => replay_response(&stored),
    })
}

pub fn json_response(status: StatusCode, json: String) -> HttpResponse {
    HttpResponse::build(status).content_type(JSON).body(json)
}

/// Repeats the stored response to a write. The status is always 200. The body is empty if the body of the first
/// response was empty.
pub fn replay_response(stored: &str) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(("Idempotent-Replay", "true"));
    if stored.is_empty() {
        return response.finish();
    }
    response.content_type(JSON).body(stored.to_owned())
}

/// A response with headers for the position in the event log (epoch and `seq`) from which a client continues.
pub fn cursor_response<T>(found: &WithCursor<T>, body: impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("X-Event-Epoch", found.cursor.epoch.as_str()))
        .insert_header(("X-Event-Seq", found.cursor.seq.to_string()))
        .json(body)
}

/// A response as [`cursor_response`], with an `ETag` of the body. If the client has this body already, the response is a
/// 304 without it. The tag is weak, because it is the same for the plain and the compressed body.
pub fn tagged_response<T>(request: &ApiRequest, found: &WithCursor<T>, body: &impl Serialize) -> HttpResponse {
    let json = wire::json(body);
    let tag = format!("\"{}\"", BASE64_STANDARD.encode(Sha256::digest(&json)));
    let is_known = has_current(request.http.headers(), &tag);
    let mut response = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    response
        .insert_header((ETAG, format!("W/{tag}")))
        .insert_header(("X-Event-Epoch", found.cursor.epoch.as_str()))
        .insert_header(("X-Event-Seq", found.cursor.seq.to_string()));
    if is_known { response.finish() } else { response.content_type(JSON).body(json) }
}

/// The response with sessions of a staff member; that of the caller is marked.
pub fn sessions_response(caller: Caller, listed: Vec<ListedSession>) -> HttpResponse {
    let session = |it: ListedSession| {
        let (times, client) = ((it.created_at, it.last_used_at), (it.address, it.user_agent));
        SessionResponse::new(it.id.number(), times, client, it.id == caller.session)
    };
    HttpResponse::Ok().json(SessionsResponse { results: listed.into_iter().map(session).collect() })
}

/// The JSON body for one page of a list, with the URLs of the next and the previous page.
pub fn page_body<T: Serialize, C: RequestCaller>(
    request: &ApiRequest<C>,
    page: PageRequest,
    count: i64,
    results: Vec<T>,
) -> PageResponse<T> {
    let links = request.page_links();
    let url = |number: i64| links.with("page", number, &[]);
    PageResponse {
        count,
        next: (page.number.saturating_mul(page.size) < count).then(|| url(page.number + 1)),
        previous: (page.number > 1).then(|| url(page.number - 1)),
        results,
    }
}

/// The response with one page of a list.
pub fn page_response<T, W, C>(request: &ApiRequest<C>, page: PageRequest, (count, rows): (i64, Vec<T>)) -> HandlerResult
where
    W: Serialize + for<'a> From<&'a T>,
    C: RequestCaller,
{
    let results: Vec<W> = rows.iter().map(W::from).collect();
    Ok(HttpResponse::Ok().json(page_body(request, page, count, results)))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::CONTENT_TYPE;

    use super::*;

    #[test]
    fn the_replay_of_an_empty_response_is_empty() {
        let response = replay_response("");
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key(CONTENT_TYPE));
    }
}
