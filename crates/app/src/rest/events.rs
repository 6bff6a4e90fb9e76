//! Event log over REST (`GET events/`), for clients without a WebSocket.

use actix_web::HttpResponse;
use wire::response::EventPage;

use crate::{
    endpoint::{Endpoint, NO_NUL, ParameterValues, get},
    problem::HandlerResult,
    request::{ApiRequest, event_cursor},
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/events/", "List the events after a cursor that the caller may see.", list_events)
            .describe(
                "At most 1,000 events. Continue from `seq`; if it equals `after_seq`, there are no more yet. An \
                 invalid cursor is 409 `resync_required`.",
            )
            .required_query(
                "after_seq",
                ParameterValues::Number { from: 0, to: None, default: None },
                "The last `seq` that the client has received, or 0. 409 if the log does not reach back so far.",
            )
            .query(
                "epoch",
                ParameterValues::Pattern(NO_NUL),
                "The epoch of that `seq`. 409 if the log has another epoch.",
            )
            .returns::<EventPage>(200)
            .problems(&[400, 409]),
    ]
}

async fn list_events(request: ApiRequest) -> HandlerResult {
    let cursor = event_cursor(request.query())?;
    Ok(HttpResponse::Ok().json(transport::events_after(request.desk(), request.caller, cursor).await?))
}
