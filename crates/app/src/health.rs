//! How the server is: for load balancers, and for Prometheus.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web};
use desk::StoreError;
use serde_json::json;
use tokio::time::timeout;

use crate::{problem::Problem, state::App};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /healthz`: the process lives.
pub async fn alive() -> HttpResponse {
    well()
}

/// `GET /readyz`: the database answers, and Redis where it is used; the writers and the background tasks run.
///
/// # Errors
/// A [`Problem`]: 503, which says of each whether it answers.
pub async fn ready(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let database = async {
        match timeout(PATIENCE, app.desk.ping()).await {
            Ok(answered) => answered.map_err(Problem::from),
            Err(_) => Err(desk::Error::Store(StoreError::Unavailable("no answer within 2 s".to_owned())).into()),
        }
    };
    let (database, redis) = tokio::join!(database, app.hub.redis_answers());
    let word = |answers: bool| if answers { "ok" } else { "away" };
    let mut parts = BTreeMap::from([("database", word(database.is_ok()))]);
    parts.extend(redis.map(|answers| ("redis", word(answers))));
    let not_running = app.desk.not_running();
    parts.extend(not_running.iter().map(|name| (*name, "away")));
    match (database, redis) {
        (Err(problem), _) => Err(problem.with_parts(parts)),
        (Ok(()), Some(false)) => Err(Problem::redis_away().with_parts(parts)),
        (Ok(()), _) if !not_running.is_empty() => Err(Problem::not_running().with_parts(parts)),
        (Ok(()), _) => Ok(well()),
    }
}

/// `GET /metrics`
///
/// # Errors
/// A [`Problem`]: 500.
pub async fn metrics(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let whatsapp = timeout(PATIENCE, app.desk.whatsapp_counts()).await.ok().and_then(Result::ok);
    app.metrics.note_body_bytes(app.body_memory.used());
    let text = app.metrics.text(app.hub.counts(), app.connections.counts(), whatsapp);
    let text = text.map_err(|error| Problem::internal(error.to_string()))?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}

fn well() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "ok" }))
}
