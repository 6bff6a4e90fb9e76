//! Guest simulator of a demo server.

use actix_web::{HttpResponse, http::Method, web};
use desk::inbound::receive_message::GuestMessage;
use wire::{request::GuestMessageBody, response::GuestMessageStoredResponse};

use crate::{app_state::App, endpoint::Endpoint, problem::HandlerResult, request::RequestBody};

pub fn endpoints() -> Vec<Endpoint> {
    let summary = "Simulate a message of a guest; only on a server started with --demo.";
    vec![
        Endpoint::public(Method::POST, "/api/demo/guest_message/", summary, simulate_guest_message)
            .body::<GuestMessageBody>()
            .returns::<GuestMessageStoredResponse>(201)
            .problems(&[400, 404, 406, 413, 415]),
    ]
}

/// Stores a message as if a guest had written it. The route exists only with `--demo`.
async fn simulate_guest_message(app: web::Data<App>, body: RequestBody) -> HandlerResult {
    body.require_json_accepted()?;
    let GuestMessageBody { phone, text, name, hotel_id } = body.json()?;
    let phone = app.desk.complete_guest_number(phone, hotel_id).await?;
    let received = app.desk.receive_demo_message(GuestMessage::from_demo(phone, name, text), hotel_id).await?;
    Ok(HttpResponse::Created().json(GuestMessageStoredResponse {
        message_id: received.message.0,
        conversation_id: received.conversation.0,
        stay_id: received.stay.map(|it| it.0),
        hotel_id: received.hotel.0,
    }))
}
