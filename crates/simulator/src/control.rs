//! The control API below `/control/`, by which a test or a person plays guests, and changes settings and faults.

use std::sync::atomic::Ordering::Relaxed;

use actix_web::{
    HttpResponse,
    web::{self, Data, Json, Query, ServiceConfig},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock::{DAY, Millis, SECOND},
    faults::RequestedFault,
    forgeries::{ForgeryRequest, send_forgeries},
    guest_messages::{GuestMessageRequest, enqueue_guest_messages},
    meta_json::to_meta_json,
    state::Simulator,
    templates::SimulatedTemplate,
    updates::{UpdateContent, WebhookBody, WebhookUpdate},
    verification::verify_callback,
    webhooks::{enqueue_body, schedule_update},
};

const MAX_BODY_BYTES: usize = 160 * 1024 * 1024;
/// The largest allowed `advance_seconds` of one request to advance the clock, in milliseconds.
const MAX_ADVANCE: Millis = 400 * DAY;

pub(crate) fn configure(config: &mut ServiceConfig) {
    let json = web::JsonConfig::default().limit(MAX_BODY_BYTES).error_handler(|error, _| {
        let response = HttpResponse::BadRequest().json(json!({ "error": error.to_string() }));
        actix_web::error::InternalError::from_response(error, response).into()
    });
    config.service(
        web::scope("/control")
            .app_data(json)
            .route("/", web::get().to(show_overview))
            .route("/guest/", web::post().to(write_as_guest))
            .route("/change/", web::post().to(post_change))
            .route("/post/", web::post().to(post_raw_body))
            .route("/clock/", web::post().to(advance_clock))
            .route("/faults/", web::post().to(add_fault))
            .route("/faults/", web::delete().to(clear_faults))
            .route("/account/", web::post().to(change_account))
            .route("/templates/", web::get().to(list_templates))
            .route("/templates/", web::post().to(add_template))
            .route("/templates/", web::delete().to(remove_template))
            .route("/settings/", web::get().to(show_settings))
            .route("/settings/", web::post().to(change_settings))
            .route("/transcript/", web::get().to(read_transcript))
            .route("/verify/", web::post().to(verify))
            .route("/forge/", web::post().to(forge)),
    );
}

fn respond(result: Result<Value, String>) -> HttpResponse {
    match result {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => HttpResponse::BadRequest().json(json!({ "error": error })),
    }
}

async fn show_overview(simulator: Data<Simulator>) -> HttpResponse {
    let now = simulator.clock.now();
    let (waiting, due) = simulator.queue.counts(now);
    let state = simulator.lock();
    HttpResponse::Ok().json(json!({
        "now_ms": now,
        "phone_number_ids": simulator.options.phone_numbers,
        "waba_id": simulator.options.waba_id,
        "verified": simulator.is_verified.load(Relaxed),
        "waiting_to_be_told": waiting,
        "due_to_be_told": due,
        "faults_waiting": state.faults.len(),
        "transcript": state.transcript.counts(),
    }))
}

async fn write_as_guest(simulator: Data<Simulator>, request: Json<GuestMessageRequest>) -> HttpResponse {
    respond(enqueue_guest_messages(&simulator, request.into_inner()))
}

/// A request to post a webhook change of any field with any value, such as account errors, or receipts of unknown
/// messages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRequest {
    field: Option<String>,
    value: Value,
    waba: Option<String>,
    to: Option<String>,
}

async fn post_change(simulator: Data<Simulator>, request: Json<ChangeRequest>) -> HttpResponse {
    let ChangeRequest { field, mut value, waba, to } = request.into_inner();
    let field = field.unwrap_or_else(|| "messages".to_owned());
    let phone_number_id = to.unwrap_or_else(|| simulator.first_number());
    let display_number = simulator.display_number(&phone_number_id);
    if field == "messages"
        && let Some(value) = value.as_object_mut()
    {
        let metadata = json!({ "display_phone_number": display_number, "phone_number_id": phone_number_id });
        value.entry("metadata").or_insert(metadata);
        value.entry("messaging_product").or_insert("whatsapp".into());
    }
    let waba_id = waba.unwrap_or_else(|| simulator.options.waba_id.clone());
    let label = format!("change {field}");
    let content = UpdateContent::Change { field, value };
    let update = WebhookUpdate { waba_id, phone_number_id, display_number, contact: None, content, label };
    schedule_update(&simulator, update, 0);
    respond(Ok(json!({})))
}

/// A request to post a webhook body, which is signed and posted as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPostRequest {
    /// The webhook body to post, as text. A request has either `body` or `json`.
    body: Option<String>,
    /// The webhook body to post, as a JSON value that is serialized as Meta does. A request has either `body` or
    /// `json`.
    json: Option<Value>,
    /// The number of copies of the webhook body, which are posted at the same time.
    times: Option<u32>,
}

async fn post_raw_body(simulator: Data<Simulator>, request: Json<RawPostRequest>) -> HttpResponse {
    let RawPostRequest { body, json, times } = request.into_inner();
    let bytes = match (body, json) {
        (Some(text), None) => Bytes::from(text),
        (None, Some(value)) => Bytes::from(to_meta_json(&value)),
        _ => return respond(Err("give either body or json".to_owned())),
    };
    let body = WebhookBody { bytes, labels: vec!["raw".to_owned()] };
    enqueue_body(&simulator, body, times.unwrap_or(1).clamp(1, 100));
    respond(Ok(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockRequest {
    advance_seconds: i64,
}

async fn advance_clock(simulator: Data<Simulator>, request: Json<ClockRequest>) -> HttpResponse {
    let advance = request.advance_seconds.saturating_mul(SECOND);
    if !(0..=MAX_ADVANCE).contains(&advance) {
        return respond(Err("advance_seconds must be between 0 s and 400 days".to_owned()));
    }
    simulator.clock.advance(advance);
    respond(Ok(json!({ "now_ms": simulator.clock.now() })))
}

async fn add_fault(simulator: Data<Simulator>, fault: Json<RequestedFault>) -> HttpResponse {
    let mut state = simulator.lock();
    let added = state.faults.add(fault.into_inner());
    respond(added.map(|()| json!({ "waiting": state.faults.len() })))
}

async fn clear_faults(simulator: Data<Simulator>) -> HttpResponse {
    simulator.lock().faults.clear();
    respond(Ok(json!({ "waiting": 0 })))
}

/// A request to change the faults of the whole account, which last until another request clears them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountRequest {
    access_token: Option<String>,
    token_revoked: Option<bool>,
    /// The error code with which all sends and uploads are rejected; -1 clears it.
    error: Option<i64>,
    maintenance_seconds: Option<i64>,
}

async fn change_account(simulator: Data<Simulator>, request: Json<AccountRequest>) -> HttpResponse {
    let (request, now) = (request.into_inner(), simulator.clock.now());
    let account = &mut simulator.lock().account;
    if let Some(token) = request.access_token {
        (account.token, account.is_revoked) = (token, false);
    }
    if let Some(is_revoked) = request.token_revoked {
        account.is_revoked = is_revoked;
    }
    if let Some(code) = request.error {
        account.error = Some(code).filter(|code| *code >= 0);
    }
    if let Some(seconds) = request.maintenance_seconds {
        account.maintenance_until = now.saturating_add(seconds.saturating_mul(SECOND));
    }
    let is_in_maintenance = now < account.maintenance_until;
    respond(Ok(json!({
        "token_revoked": account.is_revoked, "error": account.error, "maintenance": is_in_maintenance,
    })))
}

async fn list_templates(simulator: Data<Simulator>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "templates": simulator.lock().templates.all() }))
}

async fn add_template(simulator: Data<Simulator>, template: Json<SimulatedTemplate>) -> HttpResponse {
    respond(simulator.lock().templates.add_or_replace(template.into_inner()).map(|()| json!({})))
}

/// The query that names a template.
#[derive(Deserialize)]
struct TemplateQuery {
    name: String,
    language: String,
}

async fn remove_template(simulator: Data<Simulator>, query: Query<TemplateQuery>) -> HttpResponse {
    let is_removed = simulator.lock().templates.remove(&query.name, &query.language);
    respond(if is_removed { Ok(json!({})) } else { Err("there is no such template".to_owned()) })
}

async fn show_settings(simulator: Data<Simulator>) -> HttpResponse {
    HttpResponse::Ok().json(simulator.settings())
}

async fn change_settings(simulator: Data<Simulator>, changes: Json<Value>) -> HttpResponse {
    let mut state = simulator.lock();
    match state.settings.merge(&changes) {
        Ok(settings) => {
            state.settings = settings;
            HttpResponse::Ok().json(&state.settings)
        }
        Err(error) => respond(Err(error)),
    }
}

#[derive(Deserialize)]
struct TranscriptQuery {
    kind: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

async fn read_transcript(simulator: Data<Simulator>, query: Query<TranscriptQuery>) -> HttpResponse {
    let TranscriptQuery { kind, after, limit } = query.into_inner();
    let json = simulator.lock().transcript.read(kind.as_deref(), after.unwrap_or(0), limit);
    HttpResponse::Ok().content_type("application/json").body(json)
}

async fn verify(simulator: Data<Simulator>) -> HttpResponse {
    respond(verify_callback(&simulator).await)
}

async fn forge(simulator: Data<Simulator>, request: Json<ForgeryRequest>) -> HttpResponse {
    respond(send_forgeries(&simulator, request.into_inner()).await)
}
