//! Guest cards: staff read them, staff who handle stays change note and language.

use actix_web::{HttpResponse, http::StatusCode};
use desk::guests::GuestChange;
use domain::GuestId;
use wire::{request::ChangeGuestBody, response::GuestResponse};

use super::responses::{to_json, write_response};
use crate::{
    endpoint::{Endpoint, get, patch},
    problem::HandlerResult,
    request::ApiRequest,
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get(
            "/api/message_manager/guests/{id}/",
            "Show a guest with stays and the conversations that the caller may see.",
            show_guest,
        )
        .describe("404 if the guest has neither a stay nor a conversation that the caller may see.")
        .returns::<GuestResponse>(200)
        .problems(&[404]),
        patch(
            "/api/message_manager/guests/{id}/",
            "Change note and language of a guest (staff who handle stays).",
            change_guest,
        )
        .describe("Keys that are not named stay unchanged.")
        .idempotent()
        .body::<ChangeGuestBody>()
        .returns::<GuestResponse>(200),
    ]
}

async fn show_guest(request: ApiRequest) -> HandlerResult {
    let card = request.desk().guest(request.caller, GuestId(request.id())).await?;
    Ok(HttpResponse::Ok().json(GuestResponse::from(&card)))
}

async fn change_guest(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<ChangeGuestBody>()?.once(to_json::<_, GuestResponse>);
    let change = GuestChange { note: body.note, language: body.language };
    let outcome = request.desk().change_guest(request.caller, GuestId(request.id()), change, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, GuestResponse>)
}
