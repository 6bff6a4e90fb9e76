//! The event log, for who has no socket.

use actix_web::HttpResponse;

use crate::{
    extract::{Call, Query, cursor},
    problem::Answer,
};

/// `GET events/`
pub async fn list(call: Call) -> Answer {
    call.wants_json().await?;
    let cursor = match cursor(Query::parse(call.request.query_string())) {
        Ok(cursor) => cursor,
        Err(problem) => return Err(call.once_signed_in(problem).await.into()),
    };
    Ok(HttpResponse::Ok().json(transport::missed(call.desk(), call.caller, cursor).await?))
}
