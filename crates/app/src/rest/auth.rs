//! Sign-in: login, refresh, logout, password, and the caller's sessions.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use desk::{
    sessions::{RefreshCredential, SignInResult},
    sign_in::Credentials,
};
use utoipa::openapi::Type;
use wire::{
    request::{LoginBody, PasswordChangeBody, RefreshBody},
    response::{MeResponse, SessionsResponse, SignInResponse},
};

use super::responses::sessions_response;
use crate::{
    app_state::App,
    endpoint::{Endpoint, delete, get, post},
    problem::{HandlerResult, Problem},
    request::{
        ApiRequest, Query, RequestBody,
        authorization::{Authorization, authorization},
        sign_in_cookies::{
            client_facts, device_cookie, removed_session_cookie, session_cookie, trusted_session_secret,
        },
    },
};

pub fn endpoints() -> Vec<Endpoint> {
    let refresh = "Get new tokens by the refresh token, or by the cookie from a trusted origin.";
    vec![
        Endpoint::public(Method::POST, "/api/auth/login/", "Sign in. Sets the session cookie.", log_in)
            .describe(
                "Returns an access token of 15 minutes and a refresh token. Wrong names and wrong passwords get the \
                 same 401 after the same time. Too many failures get 429 with `Retry-After`. The device cookie is set, \
                 too: in a browser that knows the person, failures of other browsers do not count.",
            )
            .body::<LoginBody>()
            .returns::<SignInResponse>(200)
            .problems(&[400, 401, 406, 413, 415, 429]),
        Endpoint::public(Method::POST, "/api/auth/refresh/", refresh, refresh_session)
            .describe(
                "The former refresh token returns the same new pair for another 60 seconds, since two tabs may \
                 refresh at once. An older one ends the session.",
            )
            .security(&["cookie"])
            .optional_body::<RefreshBody>()
            .returns::<SignInResponse>(200)
            .problems(&[400, 401, 403, 406, 413, 415]),
        Endpoint::public(Method::POST, "/api/auth/logout/", "Sign out of this session, or of all sessions.", log_out)
            .describe(
                "The tokens and the cookie of the session stop working, and its sockets close with 4401. May be \
                 repeated.",
            )
            .security(&["bearer", "cookie"])
            .query("all", Type::Boolean, "Whether to end every session of the caller.")
            .returns_nothing(204)
            .problems(&[400, 401, 403]),
        post("/api/auth/password/", "Change the caller's password. All other sessions end.", change_password)
            .describe(
                "A wrong current password is 400 `errors.current_password`. Its check counts as a sign-in: after five \
                 failures it is refused for a while.",
            )
            .body::<PasswordChangeBody>()
            .returns_nothing(204)
            .problems(&[400, 413, 415, 429]),
        get("/api/auth/me/", "Show the caller.", show_caller)
            .describe(
                "Name, role, hotel and departments of the caller; the first department is the one to which answers \
                 route a conversation.",
            )
            .returns::<MeResponse>(200),
        get("/api/auth/sessions/", "List the caller's sessions, last used first.", list_own_sessions)
            .describe("At most 100. The `id` is a number of the session; `current` marks that of the request.")
            .returns::<SessionsResponse>(200),
        delete("/api/auth/sessions/{id}/", "End one of the caller's sessions, as its logout.", end_own_session)
            .describe("Its tokens and its cookie stop working, and its WebSockets close with 4401. Repeated: 204.")
            .returns_nothing(204)
            .problems(&[404]),
    ]
}

async fn log_in(app: web::Data<App>, request: HttpRequest, body: RequestBody) -> HandlerResult {
    body.require_json_accepted()?;
    let LoginBody { username, password, remember } = body.json()?;
    let client = client_facts(&app, &request);
    let signed_in = app.desk.login(Credentials { username, password, remember, client }).await?;
    let mut response = HttpResponse::Ok();
    if let Some(secret) = &signed_in.cookie {
        response.cookie(session_cookie(&app.settings, secret, remember));
    }
    if let Some(secret) = &signed_in.device {
        response.cookie(device_cookie(&app.settings, secret));
    }
    Ok(response.json(signed_in_body(&signed_in)))
}

async fn refresh_session(app: web::Data<App>, request: HttpRequest, body: RequestBody) -> HandlerResult {
    body.require_json_accepted()?;
    let refresh = if body.is_empty() {
        RefreshCredential::Cookie(trusted_session_secret(&app, &request)?.ok_or_else(Problem::unauthenticated)?)
    } else {
        RefreshCredential::Token(body.json::<RefreshBody>()?.refresh)
    };
    Ok(HttpResponse::Ok().json(signed_in_body(&app.desk.refresh(refresh).await?)))
}

/// Ends the session of the caller. Logging out of a session that has already ended succeeds, too.
async fn log_out(app: web::Data<App>, request: HttpRequest) -> HandlerResult {
    let caller = match authorization(request.headers()) {
        Some(Authorization::Bearer(token)) => Ok(app.desk.caller_of_bearer(token).await?),
        Some(Authorization::Unreadable) => return Err(Problem::unauthenticated()),
        None => {
            let secret = trusted_session_secret(&app, &request)?.ok_or_else(Problem::unauthenticated)?;
            app.desk.caller_of_cookie(&secret).await
        }
    };
    let mut query = Query::parse(request.query_string());
    let all = query.flag("all");
    let all = query.finish(all)?;
    let ended = match caller {
        Ok(caller) => app.desk.logout(caller, all).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) | Err(desk::Error::Unauthenticated) => {
            Ok(HttpResponse::NoContent().cookie(removed_session_cookie(&app.settings)).finish())
        }
        Err(error) => Err(error.into()),
    }
}

async fn change_password(request: ApiRequest) -> HandlerResult {
    let PasswordChangeBody { current_password, new_password } = request.json()?;
    let client = client_facts(&request.app, &request.http);
    request.desk().change_password(request.caller, current_password, new_password, client).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn show_caller(request: ApiRequest) -> HandlerResult {
    let (staff, hotel, departments) = request.desk().me(request.caller).await?;
    Ok(HttpResponse::Ok().json(MeResponse::new(&staff, &hotel, &departments)))
}

async fn list_own_sessions(request: ApiRequest) -> HandlerResult {
    let listed = request.desk().list_own_sessions(request.caller).await?;
    Ok(sessions_response(request.caller, listed))
}

async fn end_own_session(request: ApiRequest) -> HandlerResult {
    let number = request.id();
    request.desk().end_own_session(request.caller, number).await?;
    let mut response = HttpResponse::NoContent();
    if number == request.caller.session.number() {
        response.cookie(removed_session_cookie(&request.app.settings));
    }
    Ok(response.finish())
}

fn signed_in_body(signed_in: &SignInResult) -> SignInResponse {
    SignInResponse::new(
        &signed_in.access,
        &signed_in.refresh,
        auth::ACCESS_TOKEN_LIFETIME,
        MeResponse::new(&signed_in.staff, &signed_in.hotel, &signed_in.departments),
        signed_in.must_change_password,
    )
}
