//! Event log over REST (`GET events/`), for clients without a WebSocket.

use actix_web::HttpResponse;
use utoipa::openapi::Type;
use wire::response::EventPage;

use crate::{
    endpoint::{Endpoint, get},
    problem::HandlerResult,
    request::{ApiRequest, event_cursor},
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/events/", "List the events after a cursor that the caller may see.", list_events)
            .required_query(
                "after_seq",
                Type::Integer,
                "The last `seq` that the client has received, or 0. 409 if the log does not reach back so far.",
            )
            .query("epoch", Type::String, "The epoch of that `seq`. 409 if the log has another epoch.")
            .returns::<EventPage>(200)
            .problems(&[400, 409]),
    ]
}

async fn list_events(request: ApiRequest) -> HandlerResult {
    let cursor = event_cursor(request.query())?;
    Ok(HttpResponse::Ok().json(transport::events_after(request.desk(), request.caller, cursor).await?))
}
