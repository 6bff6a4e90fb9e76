//! How the server is: for load balancers, and for Prometheus.

use std::time::Duration;

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web};
use desk::StoreError;
use serde_json::json;

use crate::{problem::Problem, state::App};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /healthz`: the process lives.
pub async fn alive() -> HttpResponse {
    well()
}

/// `GET /readyz`: the database answers.
///
/// # Errors
/// A [`Problem`]: 503.
pub async fn ready(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    match tokio::time::timeout(PATIENCE, app.desk.ping()).await {
        Ok(answered) => answered.map(|()| well()).map_err(Problem::from),
        Err(_) => Err(desk::Error::Store(StoreError::Unavailable("no answer within 2 s".to_owned())).into()),
    }
}

/// `GET /metrics`
///
/// # Errors
/// A [`Problem`]: 500.
pub async fn metrics(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let text = app.metrics.text(app.hub.counts()).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}

fn well() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "ok" }))
}
