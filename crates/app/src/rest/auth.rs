//! Sign-in: login, refresh, logout, password, and the session cookie.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::Method,
    web,
};
use desk::sessions::{Credentials, RefreshCredential, SignInResult};
use utoipa::openapi::Type;
use wire::{
    request::{LoginBody, PasswordChangeBody, RefreshBody},
    response::{MeResponse, SignInResponse},
};

use crate::{
    app_state::App,
    endpoint::{Endpoint, get, post},
    problem::{HandlerResult, Problem},
    request::{
        ApiRequest, Query, RequestBody,
        authorization::{Authorization, authorization},
        client_ip,
    },
    settings::Settings,
};

pub const SESSION_COOKIE: &str = "mm_session";

pub fn endpoints() -> Vec<Endpoint> {
    let refresh = "Get new tokens by the refresh token, or by the cookie from a trusted origin.";
    vec![
        Endpoint::public(Method::POST, "/api/auth/login/", "Sign in. Sets the session cookie.", log_in)
            .body::<LoginBody>()
            .returns::<SignInResponse>(200)
            .problems(&[400, 401, 406, 413, 415, 429]),
        Endpoint::public(Method::POST, "/api/auth/refresh/", refresh, refresh_session)
            .security(&["cookie"])
            .optional_body::<RefreshBody>()
            .returns::<SignInResponse>(200)
            .problems(&[400, 401, 403, 406, 413, 415]),
        Endpoint::public(Method::POST, "/api/auth/logout/", "Sign out of this session, or of all sessions.", log_out)
            .security(&["bearer", "cookie"])
            .query("all", Type::Boolean, "Whether to end every session of the caller.")
            .returns_nothing(204)
            .problems(&[400, 401, 403]),
        post("/api/auth/password/", "Change the caller's password. All other sessions end.", change_password)
            .body::<PasswordChangeBody>()
            .returns_nothing(204)
            .problems(&[400, 413, 415]),
        get("/api/auth/me/", "Show the caller.", show_caller).returns::<MeResponse>(200),
    ]
}

async fn log_in(app: web::Data<App>, request: HttpRequest, body: RequestBody) -> HandlerResult {
    body.require_json_accepted()?;
    let LoginBody { username, password } = body.json()?;
    let address = client_ip(&request, &app.settings.trusted_proxies);
    let signed_in = app.desk.login(Credentials { username, password, address }).await?;
    let mut response = HttpResponse::Ok();
    if let Some(secret) = &signed_in.cookie {
        response.cookie(session_cookie(&app.settings, secret));
    }
    Ok(response.json(signed_in_body(&signed_in)))
}

async fn refresh_session(app: web::Data<App>, request: HttpRequest, body: RequestBody) -> HandlerResult {
    body.require_json_accepted()?;
    let refresh = if body.is_empty() {
        RefreshCredential::Cookie(cookie_secret(&app, &request)?.ok_or_else(Problem::unauthenticated)?)
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
            let secret = cookie_secret(&app, &request)?.ok_or_else(Problem::unauthenticated)?;
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
            let mut removal = session_cookie(&app.settings, "");
            removal.make_removal();
            Ok(HttpResponse::NoContent().cookie(removal).finish())
        }
        Err(error) => Err(error.into()),
    }
}

async fn change_password(request: ApiRequest) -> HandlerResult {
    let PasswordChangeBody { current_password, new_password } = request.json()?;
    request.desk().change_password(request.caller, current_password, new_password).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn show_caller(request: ApiRequest) -> HandlerResult {
    let (staff, hotel, departments) = request.desk().me(request.caller).await?;
    Ok(HttpResponse::Ok().json(MeResponse::new(&staff, &hotel, &departments)))
}

/// Returns the secret in the session cookie, if the request has one. Fails with 403 `bad_origin` if the page that sent
/// the request may not use the cookie.
pub fn cookie_secret(app: &App, request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(cookie) = request.cookie(SESSION_COOKIE) else { return Ok(None) };
    if !app.origins.may_use_cookie(request.headers()) {
        return Err(Problem::bad_origin());
    }
    Ok(Some(cookie.value().to_owned()))
}

fn session_cookie(settings: &Settings, secret: &str) -> Cookie<'static> {
    Cookie::build(SESSION_COOKIE, secret.to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https"))
        .max_age(Duration::days(settings.session_max_days))
        .finish()
}

fn signed_in_body(signed_in: &SignInResult) -> SignInResponse {
    SignInResponse::new(
        &signed_in.access,
        &signed_in.refresh,
        auth::ACCESS_TOKEN_LIFETIME,
        MeResponse::new(&signed_in.staff, &signed_in.hotel, &signed_in.departments),
    )
}
