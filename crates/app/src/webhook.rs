//! WhatsApp's webhook.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_TYPE, HeaderMap},
    web,
};

use crate::{problem::Problem, state::App};

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
/// A [`Problem`]: 401 where it is not Meta who signed it, 413, 503 where the database did not take all of it: Meta comes again.
pub async fn receive(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = payload.to_bytes_limited(MOST).await.map_err(|_| Problem::too_large(MOST))?;
    let body = body.map_err(|_| Problem::bad_json("The body could not be read."))?;
    let secret = app.settings.whatsapp_app_secret.as_deref();
    if !secret.is_some_and(|secret| whatsapp::is_authentic(secret, &body, signature(request.headers()))) {
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
