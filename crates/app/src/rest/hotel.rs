//! The caller's hotel: staff read its settings, managers change them.

use actix_web::{HttpResponse, http::StatusCode};
use desk::hotels::HotelChange;
use wire::{request::ChangeHotelBody, response::HotelResponse};

use super::responses::{to_json, write_response};
use crate::{
    endpoint::{Endpoint, get, patch},
    problem::{HandlerResult, Problem},
    request::ApiRequest,
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/hotel/", "Show the hotel.", show_hotel)
            .describe("`whatsapp` shows whether messages are sent at present.")
            .returns::<HotelResponse>(200),
        patch("/api/message_manager/hotel/", "Change the hotel (managers).", change_hotel)
            .describe(
                "Keys that are not named stay unchanged; `null` clears a key. The WhatsApp number is set on the \
                 command line only.",
            )
            .idempotent()
            .body::<ChangeHotelBody>()
            .returns::<HotelResponse>(200),
    ]
}

async fn show_hotel(request: ApiRequest) -> HandlerResult {
    let hotel = request.desk().hotel(request.caller).await?;
    Ok(HttpResponse::Ok().json(HotelResponse::from(&hotel)))
}

async fn change_hotel(request: ApiRequest) -> HandlerResult {
    let write = request.write::<ChangeHotelBody>()?.try_map(hotel_change)?;
    let (change, once) = write.once(to_json::<_, HotelResponse>);
    let outcome = request.desk().change_hotel(request.caller, change, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, HotelResponse>)
}

fn hotel_change(body: ChangeHotelBody) -> Result<HotelChange, Problem> {
    let ChangeHotelBody { name, timezone, default_department_id, opener_template_id, country, variables, quiet_hours } =
        body;
    let (default_department, opener_template) = (default_department_id, opener_template_id);
    let variables = variables.map(Option::unwrap_or_default);
    Ok(HotelChange { name, timezone, default_department, opener_template, country, variables, quiet_hours })
}
