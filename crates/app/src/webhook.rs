//! WhatsApp webhook: verification by Meta, and signed updates (guest messages, delivery receipts).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{CONTENT_TYPE, HeaderMap},
    },
    web,
};
use utoipa::openapi::Type;

use crate::{
    app_state::App,
    endpoint::Endpoint,
    problem::{HandlerResult, Problem},
    request::{leave_unread, read_body},
};

/// The size limit of a webhook body; Meta sends at most 3 MB.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
const SIGNATURE: &str = "X-Hub-Signature-256";

pub fn endpoints() -> Vec<Endpoint> {
    let updates = "Receive guest messages and delivery receipts from WhatsApp, signed by Meta.";
    vec![
        Endpoint::public(Method::GET, "/webhooks/whatsapp/", "Verify the webhook (called by Meta).", verify_webhook)
.describe("Returns `hub.challenge` if `hub.verify_token` is the configured one.")
            .without_head()
            .query("hub.mode", Type::String, "`subscribe`.")
            .query("hub.verify_token", Type::String, "The verify token.")
            .query("hub.challenge", Type::String, "The text to return.")
            .returns_text(200)
            .problems(&[403]),
        Endpoint::public(Method::POST, "/webhooks/whatsapp/", updates, receive_updates)
            .describe(
                "The body is Meta's webhook object, signed in the header X-Hub-Signature-256. 200 is returned after all \
                 updates of the body are stored; after any other status Meta sends the body again.",
            )
            .foreign_json_body()
            .returns_nothing(200)
            .problems(&[400, 401, 413]),
    ]
}

/// Responds to the webhook verification by Meta: returns the challenge if the verify token is right. Works without the
/// database.
async fn verify_webhook(app: web::Data<App>, request: HttpRequest) -> HandlerResult {
    let token = app.settings.whatsapp_verify_token.as_deref();
    let challenge = token.and_then(|token| whatsapp::verify_subscription(request.query_string(), token));
    let challenge = challenge.ok_or_else(Problem::bad_verify_token)?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain")).body(challenge))
}

/// Receives a webhook call with updates. Responds with 200 after all updates of the body are committed. If the database
/// is unavailable, the response is 503 and Meta sends the whole body again.
async fn receive_updates(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HandlerResult {
    let secret = app.settings.whatsapp_app_secret.as_deref();
    let signature = single_signature(request.headers());
    // A body without a well-formed signature is not read, so that it occupies no memory.
    let (Some(secret), true) = (secret, signature.is_some_and(whatsapp::is_well_formed_signature)) else {
        leave_unread(&request);
        return Err(Problem::bad_signature());
    };
    let body = read_body(&request, payload, MAX_BODY_BYTES).await?;
    if !whatsapp::has_valid_signature(secret, &body, signature) {
        return Err(Problem::bad_signature());
    }
    let summary = app.desk.process_webhook(&body).await?;
    app.metrics.count_unknown_receipts(summary.unknown_receipts);
    Ok(HttpResponse::Ok().finish())
}

/// The signature header of a webhook call; `None` if it is missing or occurs more than once.
fn single_signature(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(SIGNATURE);
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}
