//! The caller's hotel.

use actix_web::HttpResponse;

use crate::{extract::Call, problem::Answer};

/// `GET hotel/`
pub async fn show(call: Call) -> Answer {
    call.wants_json().await?;
    let hotel = call.desk().hotel(call.caller).await?;
    Ok(HttpResponse::Ok().json(wire::Hotel::from(&hotel)))
}
