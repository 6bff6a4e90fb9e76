//! Authentication of API calls: a request without valid credentials gets 401, even if it has other faults.

use actix_web::{
    HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
    web,
};
use desk::{Caller, Desk, Principal};
use wire::response::MessageResponse;

use crate::{
    app_state::{App, app_of},
    problem::{Problem, problem_of},
    request::{
        authorization::{Authorization, authorization},
        repeated_write::RepeatedWrite,
        sign_in_cookies::session_secret,
    },
    rest::responses::{replay_response, to_json},
};

/// The beginning of the paths of files of messages; their id follows.
const DOWNLOADS: &str = "/api/message_manager/attachments/";
/// The beginning of the paths of sign-in calls: only they are served while the caller must change the password.
const SIGN_IN_CALLS: &str = "/api/auth/";

/// Verifies the access token or API key of a request and stores the [`Principal`] in the request.
///
/// Use cases check the session in their own snapshot or transaction, so a successful request needs no extra query.
/// If a request fails before it reaches a use case (bad body, unknown path, wrong method), the session is checked
/// here, so that a revoked session always gets 401. If that request repeats a write, the stored result takes
/// precedence over its fault.
pub async fn require_credentials(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let (app, principal) = match verify(&request).await {
        Ok(verified) => verified,
        Err(problem) => return Ok(request.error_response(problem).map_into_right_body()),
    };
    request.extensions_mut().insert(principal);
    let is_sign_in_call = request.path().starts_with(SIGN_IN_CALLS);
    let response = next.call(request).await?;
    let Some(problem) = problem_of(response.response()).filter(|it| it.needs_session_check()) else {
        return Ok(response.map_into_left_body());
    };
    let repeated = problem.repeated_write().cloned();
    let checked = match principal {
        Principal::Staff(caller) if is_sign_in_call => app.desk.authenticate_owner(caller).await.map(|_| None),
        Principal::Staff(caller) => check_session_and_key(&app.desk, caller, repeated).await,
        // The API key has already been looked up.
        Principal::ApiKey { .. } => Ok(None),
    };
    match checked {
        Ok(None) => Ok(response.map_into_left_body()),
        Ok(Some(stored)) => Ok(response.into_response(replay_response(&stored)).map_into_right_body()),
        Err(error) => Ok(response.error_response(Problem::from(error)).map_into_right_body()),
    }
}

async fn verify(request: &ServiceRequest) -> Result<(web::Data<App>, Principal), Problem> {
    let app = app_of(request.request()).ok_or_else(Problem::without_state)?;
    match authorization(request.headers()) {
        Some(Authorization::Bearer(token)) => {
            let principal = app.desk.principal(token).await?;
            Ok((app, principal))
        }
        None if is_download(request) => {
            let secret = session_secret(&app, request.request()).ok_or_else(Problem::unauthenticated)?;
            if !app.origins.may_read_by_cookie(request.headers()) {
                return Err(Problem::bad_origin());
            }
            let caller = app.desk.caller_of_cookie(&secret).await?;
            Ok((app, Principal::Staff(caller)))
        }
        Some(Authorization::Unreadable) | None => Err(Problem::unauthenticated()),
    }
}

/// Whether a request reads a file of a message. These requests alone may be authorised by the session cookie, so that a
/// page can name a file in `<img>` or `<video>`.
fn is_download(request: &ServiceRequest) -> bool {
    let id = request.path().strip_prefix(DOWNLOADS).map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    [Method::GET, Method::HEAD].contains(request.method()) && id.is_some_and(|it| !it.is_empty() && !it.contains('/'))
}

/// Checks the session of a request that failed before its use case, and returns the stored result if it repeats a
/// write. Fails if the session has ended, if the caller must change the password, or if the idempotency key was used with
/// another body.
async fn check_session_and_key(
    desk: &Desk,
    caller: Caller,
    repeated: Option<RepeatedWrite>,
) -> Result<Option<String>, desk::Error> {
    match repeated {
        None => desk.authenticate(caller).await.map(|_| None),
        Some(RepeatedWrite { key, reply_in: None }) => desk.find_stored_result(caller, key).await,
        Some(RepeatedWrite { key, reply_in: Some(conversation) }) => {
            let message = desk.find_sent_reply(caller, conversation, key.key, key.request_digest).await?;
            Ok(message.map(|message| to_json::<_, MessageResponse>(&message)))
        }
    }
}
