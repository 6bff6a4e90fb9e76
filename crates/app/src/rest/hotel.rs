//! The caller's hotel: all staff see it, managers change it.

use actix_web::{HttpResponse, http::StatusCode};
use desk::HotelChange;
use domain::Hotel;

use super::done;
use crate::{
    extract::{Call, Target, Write},
    problem::{Answer, Problem},
};

/// `GET hotel/`
pub async fn show(call: Call) -> Answer {
    call.wants_json().await?;
    let hotel = call.desk().hotel(call.caller).await?;
    Ok(HttpResponse::Ok().json(wire::Hotel::from(&hotel)))
}

/// `PATCH hotel/`
pub async fn change(call: Call) -> Answer {
    let write: Write<HotelChange> = call.write_as(Target::Hotel, hotel_change).await?;
    let (change, once) = write.once(hotel);
    done(StatusCode::OK, call.desk().change_hotel(call.caller, change, once).await?, hotel)
}

fn hotel_change(it: wire::ChangeHotel) -> Result<HotelChange, Problem> {
    let wire::ChangeHotel { name, timezone, default_department_id, opener_template_id, country } = it;
    let (default_department, opener_template) = (default_department_id, opener_template_id);
    Ok(HotelChange { name, timezone, default_department, opener_template, country })
}

fn hotel(it: &Hotel) -> String {
    wire::json(&wire::Hotel::from(it))
}
