//! Health checks for load balancers (`/healthz`, `/readyz`) and metrics for Prometheus (`/metrics`).

pub mod cache;

use std::{collections::BTreeMap, time::Duration};

use actix_web::{
    HttpResponse,
    http::{Method, header::CACHE_CONTROL},
    web,
};
use desk::StoreError;
use tokio::time::timeout;
use wire::response::HealthyResponse;

use crate::{
    app_state::App,
    endpoint::Endpoint,
    health::cache::DependencyStatus,
    problem::{HandlerResult, Problem},
};

const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::public(Method::GET, "/healthz", "Check that the process runs.", check_liveness)
            .describe("Does not look at the database; see `/readyz`.")
            .returns::<HealthyResponse>(200),
        Endpoint::public(Method::GET, "/readyz", "Check that the server can serve requests.", check_readiness)
            .describe("Fails with 503 if the database, Redis (if used) or a background task does not respond.")
            .returns::<HealthyResponse>(200),
        Endpoint::public(Method::GET, "/metrics", "Metrics for Prometheus.", export_metrics)
            .describe("No label names a hotel, a person or a number.")
            .returns_text(200),
    ]
}

/// `/healthz`: succeeds as long as the process serves HTTP.
async fn check_liveness() -> HttpResponse {
    healthy()
}

/// `/readyz`: succeeds if the database responds, Redis (if used) responds, and database writers and background tasks
/// run. Otherwise the 503 response lists the state of each part.
async fn check_readiness(app: web::Data<App>) -> HandlerResult {
    let DependencyStatus { database, redis } = app.health.dependencies.get(check_dependencies(&app)).await;
    let database = database.map_err(|cause| Problem::from(desk::Error::Store(StoreError::Unavailable(cause))));
    let state = |is_up: bool| if is_up { "ok" } else { "away" };
    let mut parts = BTreeMap::from([("database", state(database.is_ok()))]);
    parts.extend(redis.map(|is_up| ("redis", state(is_up))));
    let stopped_tasks = app.desk.not_running();
    parts.extend(stopped_tasks.iter().map(|name| (*name, "away")));
    match (database, redis) {
        (Err(problem), _) => Err(problem.with_parts(parts)),
        (Ok(()), Some(false)) => Err(Problem::redis_unavailable().with_parts(parts)),
        (Ok(()), _) if !stopped_tasks.is_empty() => Err(Problem::task_stopped().with_parts(parts)),
        (Ok(()), _) => Ok(healthy()),
    }
}

async fn check_dependencies(app: &App) -> DependencyStatus {
    let database = async {
        match timeout(DATABASE_TIMEOUT, app.desk.ping()).await {
            Ok(response) => response.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no response within {} s", DATABASE_TIMEOUT.as_secs())),
        }
    };
    let (database, redis) = tokio::join!(database, app.hub.ping_redis());
    DependencyStatus { database, redis }
}

async fn export_metrics(app: web::Data<App>) -> HandlerResult {
    app.metrics.set_body_bytes(app.body_memory.used_bytes());
    let counted = async { timeout(DATABASE_TIMEOUT, app.desk.whatsapp_counts()).await.ok().and_then(Result::ok) };
    let whatsapp = app.health.whatsapp.get(counted).await;
    let text = app.metrics.text(app.hub.stats(), app.connections.stats(), whatsapp);
    let text = text.map_err(|error| Problem::internal(error.to_string()))?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}

fn healthy() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(HealthyResponse::default())
}
