//! The guest simulator of a demo server.

use actix_web::{HttpResponse, web};
use desk::FromGuest;

use crate::{extract::Sent, problem::Problem, state::App};

/// `POST /api/demo/guest_message/`: plays a guest who writes. Not there unless the server is a demo.
///
/// # Errors
/// A [`Problem`].
pub async fn guest_message(app: web::Data<App>, sent: Sent) -> Result<HttpResponse, Problem> {
    sent.wants_json()?;
    let wire::GuestMessage { phone, text, name, hotel_id } = sent.json()?;
    let phone = app.desk.number_of_guest(phone, hotel_id).await?;
    let received = app.desk.receive(FromGuest::played(phone, name, text), hotel_id).await?;
    Ok(HttpResponse::Created().json(wire::GuestMessageStored {
        message_id: received.message.0,
        conversation_id: received.conversation.0,
        stay_id: received.stay.map(|it| it.0),
        hotel_id: received.hotel.0,
    }))
}
