//! The handlers: each takes its call apart, asks the desk, and shapes the answer.

pub mod attachments;
pub mod auth;
pub mod conversations;
pub mod demo;
pub mod departments;
pub mod events;
pub mod hotel;
pub mod messages;
pub mod socket;
pub mod staff;
pub mod stays;
pub mod templates;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use desk::{Done, Page, Principal, WithCursor};
use serde::Serialize;

use crate::{
    extract::{Call, Links},
    problem::{Answer, Problem, replayed},
};

/// Answers where no route is.
///
/// # Errors
/// A [`Problem`]: 404.
pub async fn nowhere() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found())
}

/// Answers who is signed in where no route is.
///
/// # Errors
/// A [`Problem`]: 404; before that 401.
pub async fn nowhere_for_staff(call: Call<Principal>) -> Result<HttpResponse, Problem> {
    Err(call.once_signed_in(Problem::not_found()).await)
}

/// What came of a write: done now, with this status, or before.
fn done<T>(status: StatusCode, done: Done<T>, shape: impl FnOnce(&T) -> String) -> Answer {
    Ok(match done {
        Done::Now(it) => HttpResponse::build(status).content_type("application/json").body(shape(&it)),
        Done::Before(answer) => replayed(&answer),
    })
}

/// The same, of a write that answers without a body; and so again.
fn done_without_body(done: Done<()>) -> Answer {
    Ok(match done {
        Done::Now(()) => HttpResponse::NoContent().finish(),
        Done::Before(answer) => replayed(&answer),
    })
}

/// An answer, with the place in the event log from which on it is to be kept up to date.
fn with_cursor<T>(found: &WithCursor<T>, body: impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("X-Event-Epoch", found.epoch.as_str()))
        .insert_header(("X-Event-Seq", found.seq.to_string()))
        .json(body)
}

/// A page of a list, with the addresses of those beside it.
fn paged<T: Serialize>(call: &Call, page: Page, count: i64, results: Vec<T>) -> wire::Page<T> {
    let links = links(call);
    let at = |number: i64| links.with("page", number, &[]);
    wire::Page {
        count,
        next: (page.number.saturating_mul(page.size) < count).then(|| at(page.number + 1)),
        previous: (page.number > 1).then(|| at(page.number - 1)),
        results,
    }
}

fn links(call: &Call) -> Links {
    let request: &HttpRequest = &call.request;
    Links::of(request, call.app.settings.public_url.as_ref())
}
