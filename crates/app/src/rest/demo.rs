//! Demo server: sign-ins, guest simulator, and the switch of the played guests.

use actix_web::{HttpResponse, http::Method, web};
use desk::inbound::receive_message::GuestMessage;
use wire::{
    request::{ChangeDemoBody, GuestMessageBody},
    response::{DemoResponse, DemoSignInResponse, GuestMessageStoredResponse},
};

use crate::{app_state::App, endpoint::Endpoint, problem::HandlerResult, request::RequestBody};

pub fn endpoints() -> Vec<Endpoint> {
    let show = "Show the sign-ins of a demo; only on a server started with --demo.";
    let change = "Let played guests write now and then, or stop them; only on a server started with --demo.";
    let summary = "Simulate a message of a guest; only on a server started with --demo.";
    vec![
        Endpoint::public(Method::GET, "/api/demo/", show, show_demo)
            .describe("404 on any other server.")
            .returns::<DemoResponse>(200)
            .problems(&[404, 406]),
        Endpoint::public(Method::PATCH, "/api/demo/", change, change_demo)
            .describe("404 on any other server. A change holds until the server stops.")
            .body::<ChangeDemoBody>()
            .returns::<DemoResponse>(200)
            .problems(&[400, 404, 406, 413, 415]),
        Endpoint::public(Method::POST, "/api/demo/guest_message/", summary, simulate_guest_message)
            .describe(
                "404 on any other server. The message takes the path of a guest's message from WhatsApp. Without \
                 `hotel_id` it goes to the hotel of the number's stay, else to the first hotel.",
            )
            .body::<GuestMessageBody>()
            .returns::<GuestMessageStoredResponse>(201)
            .problems(&[400, 404, 406, 413, 415]),
    ]
}

async fn show_demo(app: web::Data<App>, body: RequestBody) -> HandlerResult {
    body.require_json_accepted()?;
    demo_response(&app).await
}

async fn change_demo(app: web::Data<App>, body: RequestBody) -> HandlerResult {
    body.require_json_accepted()?;
    app.played_guests.set_playing(body.json::<ChangeDemoBody>()?.playing);
    demo_response(&app).await
}

async fn demo_response(app: &App) -> HandlerResult {
    let sign_ins = app.desk.demo_sign_ins().await?;
    let sign_ins = sign_ins.iter().map(|it| DemoSignInResponse::new(&it.username, &it.name, it.role, &it.departments));
    let sign_ins = sign_ins.collect();
    Ok(HttpResponse::Ok().json(DemoResponse { sign_ins, playing: app.played_guests.are_playing() }))
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
