//! WhatsApp's webhook.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_TYPE, HeaderMap},
    web,
};

use crate::{
    extract::{leave_unread, read_body},
    problem::Problem,
    state::App,
};

/// The most bytes of a body; Meta promises at most 3 MB.
const MOST: usize = 4 * 1024 * 1024;
/// What the body is signed with.
const SIGNATURE: &str = "X-Hub-Signature-256";

/// `GET /webhooks/whatsapp/`: whether this is the place that an app of Meta's is to call. Needs no database.
///
/// # Errors
/// A [`Problem`]: 403.
pub async fn verify(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let token = app.settings.whatsapp_verify_token.as_deref();
    let challenge = token.and_then(|token| whatsapp::challenge(request.query_string(), token));
    let challenge = challenge.ok_or_else(Problem::not_verified)?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain")).body(challenge))
}

/// `POST /webhooks/whatsapp/`: what guests wrote, and what became of ours. Answered once it is durable.
///
/// # Errors
/// A [`Problem`]: 401 where it is not Meta who signed it, 400, 408 or 413 of the body, 503 where the database did not
/// take all of it: Meta comes again.
pub async fn receive(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let secret = app.settings.whatsapp_app_secret.as_deref();
    let signature = signature(request.headers());
    // Who has not even tried to sign may not make us read and hold a body.
    let (Some(secret), true) = (secret, signature.is_some_and(whatsapp::is_signature)) else {
        leave_unread(&request);
        return Err(Problem::bad_signature());
    };
    let body = read_body(&request, payload, MOST).await?;
    if !whatsapp::is_authentic(secret, &body, signature) {
        return Err(Problem::bad_signature());
    }
    let taken_in = app.desk.take_in_webhook(&body).await?;
    app.metrics.count_unknown_reports(taken_in.unknown_reports);
    Ok(HttpResponse::Ok().finish())
}

/// The one signature that there may be.
fn signature(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(SIGNATURE);
    let first = all.next()?;
    if all.next().is_some() { None } else { first.to_str().ok() }
}
