//! Responses that handlers of several resources share: results of writes, pages, cursors.

use actix_web::{HttpResponse, http::StatusCode};
use desk::{PageRequest, WriteOutcome, transaction::WithCursor};
use serde::Serialize;
use wire::response::PageResponse;

use crate::{problem::HandlerResult, request::ApiRequest};

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
        .insert_header(("X-Event-Epoch", found.epoch.as_str()))
        .insert_header(("X-Event-Seq", found.seq.to_string()))
        .json(body)
}

/// The JSON body for one page of a list, with the URLs of the next and the previous page.
pub fn page_body<T: Serialize>(
    request: &ApiRequest,
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
pub fn page_response<T, W>(request: &ApiRequest, page: PageRequest, (count, rows): (i64, Vec<T>)) -> HandlerResult
where
    W: Serialize + for<'a> From<&'a T>,
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
