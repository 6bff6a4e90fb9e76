//! The calls under `/control/`, by which a test, or a person, plays everybody but the product.

use std::sync::atomic::Ordering::Relaxed;

use actix_web::{
    HttpResponse,
    web::{self, Data, Json, ServiceConfig},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock::{DAY, Millis, SECOND},
    escape::written,
    faults::Fault,
    forge::{self, Forgery},
    inbound::{self, Writes},
    templates::Template,
    updates::{Body, Told, Update},
    webhooks::{tell, tell_body},
    world::World,
};

/// The largest body.
const MOST_BYTES: usize = 160 * 1024 * 1024;
/// The furthest that the clock is put forward at once.
const FURTHEST: Millis = 400 * DAY;

/// All of it.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let json = web::JsonConfig::default().limit(MOST_BYTES).error_handler(|error, _| {
        let answer = HttpResponse::BadRequest().json(json!({ "error": error.to_string() }));
        actix_web::error::InternalError::from_response(error, answer).into()
    });
    config.service(
        web::scope("/control")
            .app_data(json)
            .route("/", web::get().to(overview))
            .route("/guest/", web::post().to(guest))
            .route("/change/", web::post().to(change))
            .route("/post/", web::post().to(post))
            .route("/clock/", web::post().to(clock))
            .route("/faults/", web::post().to(faults))
            .route("/faults/", web::delete().to(clear_faults))
            .route("/account/", web::post().to(account))
            .route("/templates/", web::get().to(templates))
            .route("/templates/", web::post().to(put_template))
            .route("/settings/", web::get().to(settings))
            .route("/settings/", web::post().to(change_settings))
            .route("/transcript/", web::get().to(transcript))
            .route("/verify/", web::post().to(verify))
            .route("/forge/", web::post().to(forged)),
    );
}

fn answer(result: Result<Value, String>) -> HttpResponse {
    match result {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => HttpResponse::BadRequest().json(json!({ "error": error })),
    }
}

async fn overview(world: Data<World>) -> HttpResponse {
    let now = world.clock.now();
    let (waiting, due) = world.queue.len(now);
    let state = world.state();
    HttpResponse::Ok().json(json!({
        "now_ms": now,
        "phone_number_ids": world.options.phone_numbers,
        "waba_id": world.options.waba_id,
        "verified": world.verified.load(Relaxed),
        "waiting_to_be_told": waiting,
        "due_to_be_told": due,
        "faults_waiting": state.faults.waiting(),
        "transcript": state.transcript.counts(),
    }))
}

async fn guest(world: Data<World>, writes: Json<Writes>) -> HttpResponse {
    answer(inbound::write(&world, writes.into_inner()))
}

/// A change of any field, and any value: errors of the account, statuses of nobody's messages, news of templates.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    field: Option<String>,
    value: Value,
    waba: Option<String>,
    to: Option<String>,
}

async fn change(world: Data<World>, change: Json<Change>) -> HttpResponse {
    let Change { field, mut value, waba, to } = change.into_inner();
    let field = field.unwrap_or_else(|| "messages".to_owned());
    let number = to.or_else(|| world.options.phone_numbers.first().cloned()).unwrap_or_default();
    let display = world.display(&number);
    if field == "messages"
        && let Some(value) = value.as_object_mut()
    {
        let metadata = json!({ "display_phone_number": display, "phone_number_id": number });
        value.entry("metadata").or_insert(metadata);
        value.entry("messaging_product").or_insert("whatsapp".into());
    }
    let (waba, label) = (waba.unwrap_or_else(|| world.options.waba_id.clone()), format!("change {field}"));
    tell(&world, Update { waba, number, display, contact: None, told: Told::Change { field, value }, label }, 0);
    answer(Ok(json!({})))
}

/// A body of any kind, signed as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    /// The bytes, as text.
    body: Option<String>,
    /// Or a value, which is written as Meta does.
    json: Option<Value>,
    times: Option<u32>,
}

async fn post(world: Data<World>, raw: Json<Raw>) -> HttpResponse {
    let Raw { body, json, times } = raw.into_inner();
    let bytes = match (body, json) {
        (Some(text), None) => Bytes::from(text),
        (None, Some(value)) => Bytes::from(written(&value)),
        _ => return answer(Err("give either body or json".to_owned())),
    };
    tell_body(&world, Body { bytes, labels: vec!["raw".to_owned()] }, times.unwrap_or(1).clamp(1, 100));
    answer(Ok(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

async fn clock(world: Data<World>, advance: Json<Advance>) -> HttpResponse {
    let by = advance.advance_seconds.saturating_mul(SECOND);
    if !(0..=FURTHEST).contains(&by) {
        return answer(Err("the clock is put forward by 0 s to 400 days".to_owned()));
    }
    world.clock.advance(by);
    answer(Ok(json!({ "now_ms": world.clock.now() })))
}

async fn faults(world: Data<World>, fault: Json<Fault>) -> HttpResponse {
    let mut state = world.state();
    let asked = state.faults.ask(fault.into_inner());
    answer(asked.map(|()| json!({ "waiting": state.faults.waiting() })))
}

async fn clear_faults(world: Data<World>) -> HttpResponse {
    world.state().faults.clear();
    answer(Ok(json!({ "waiting": 0 })))
}

/// What is wrong with the account, until it is said to be right again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    access_token: Option<String>,
    token_revoked: Option<bool>,
    /// The code that all sends get; -1: none any more.
    error: Option<i64>,
    maintenance_seconds: Option<i64>,
}

async fn account(world: Data<World>, change: Json<AccountChange>) -> HttpResponse {
    let (change, now) = (change.into_inner(), world.clock.now());
    let account = &mut world.state().account;
    if let Some(token) = change.access_token {
        (account.token, account.revoked) = (token, false);
    }
    if let Some(revoked) = change.token_revoked {
        account.revoked = revoked;
    }
    if let Some(code) = change.error {
        account.error = Some(code).filter(|code| *code >= 0);
    }
    if let Some(seconds) = change.maintenance_seconds {
        account.maintenance = now.saturating_add(seconds.saturating_mul(SECOND));
    }
    let maintenance = now < account.maintenance;
    answer(Ok(json!({ "token_revoked": account.revoked, "error": account.error, "maintenance": maintenance })))
}

async fn templates(world: Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "templates": world.state().templates.all() }))
}

async fn put_template(world: Data<World>, template: Json<Template>) -> HttpResponse {
    answer(world.state().templates.put(template.into_inner()).map(|()| json!({})))
}

async fn settings(world: Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(world.settings())
}

async fn change_settings(world: Data<World>, changes: Json<Value>) -> HttpResponse {
    let mut state = world.state();
    match state.settings.with(&changes) {
        Ok(changed) => {
            state.settings = changed;
            HttpResponse::Ok().json(&state.settings)
        }
        Err(error) => answer(Err(error)),
    }
}

#[derive(Deserialize)]
struct Reading {
    kind: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

async fn transcript(world: Data<World>, reading: web::Query<Reading>) -> HttpResponse {
    let Reading { kind, after, limit } = reading.into_inner();
    let text = world.state().transcript.read(kind.as_deref(), after.unwrap_or(0), limit);
    HttpResponse::Ok().content_type("application/json").body(text)
}

async fn verify(world: Data<World>) -> HttpResponse {
    answer(forge::verify(&world).await)
}

async fn forged(world: Data<World>, forgery: Json<Forgery>) -> HttpResponse {
    answer(forge::forge(&world, forgery.into_inner()).await)
}
