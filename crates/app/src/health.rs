//! How the server is: for load balancers, and for Prometheus.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web};
use desk::{StoreError, WhatsAppCounts};
use serde_json::json;
use tokio::time::timeout;

use crate::{problem::Problem, recent::Recent, state::App};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether database and Redis answer; of the database, why not.
type Answers = (Result<(), String>, Option<bool>);

/// What was looked up last: whoever asks often does not ask the database as often.
#[derive(Default)]
pub struct Recently {
    answers: Recent<Answers>,
    whatsapp: Recent<Option<WhatsAppCounts>>,
}

/// `GET /healthz`: the process lives.
pub async fn alive() -> HttpResponse {
    well()
}

/// `GET /readyz`: the database answers, and Redis where it is used; the writers and the background tasks run.
///
/// # Errors
/// A [`Problem`]: 503, which says of each whether it answers.
pub async fn ready(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let (database, redis) = app.recent.answers.get(look(&app)).await;
    let database = database.map_err(|why| Problem::from(desk::Error::Store(StoreError::Unavailable(why))));
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

/// Looks whether the database answers, or else why not; and Redis, where it is used.
async fn look(app: &App) -> Answers {
    let database = async {
        match timeout(PATIENCE, app.desk.ping()).await {
            Ok(answered) => answered.map_err(|error| error.to_string()),
            Err(_) => Err("no answer within 2 s".to_owned()),
        }
    };
    tokio::join!(database, app.hub.redis_answers())
}

/// `GET /metrics`
///
/// # Errors
/// A [`Problem`]: 500.
pub async fn metrics(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    app.metrics.note_body_bytes(app.body_memory.used());
    let counted = async { timeout(PATIENCE, app.desk.whatsapp_counts()).await.ok().and_then(Result::ok) };
    let whatsapp = app.recent.whatsapp.get(counted).await;
    let text = app.metrics.text(app.hub.counts(), app.connections.counts(), whatsapp);
    let text = text.map_err(|error| Problem::internal(error.to_string()))?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}

fn well() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "ok" }))
}
