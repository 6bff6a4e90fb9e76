//! The session cookie and the device cookie, and what else a request reveals about its client.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    http::header::USER_AGENT,
};
use desk::{DeviceSecret, sign_in::ClientFacts};

use crate::{app_state::App, problem::Problem, request::client_ip::client_ip, settings::Settings};

/// The name of the session cookie, unless the public URL is https.
pub const SESSION_COOKIE: &str = "mm_session";
/// With this prefix browsers take the cookie only from this very host, and only over https.
const SECURE_SESSION_COOKIE: &str = "__Host-mm_session";
const DEVICE_COOKIE: &str = "mm_device";
const SECURE_DEVICE_COOKIE: &str = "__Host-mm_device";
/// How long a browser keeps the device cookie after the last sign-in.
const DEVICE_LIFETIME: Duration = Duration::days(180);

/// Returns the secret in the session cookie, if the request has one.
pub fn session_secret(app: &App, request: &HttpRequest) -> Option<String> {
    let name = if app.settings.is_https() { SECURE_SESSION_COOKIE } else { SESSION_COOKIE };
    Some(request.cookie(name)?.value().to_owned())
}

/// Returns the secret in the session cookie, if the request has one. Fails with 403 `bad_origin` if the page that sent
/// the request may not use the cookie.
pub fn trusted_session_secret(app: &App, request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(secret) = session_secret(app, request) else { return Ok(None) };
    if !app.origins.may_use_cookie(request.headers()) {
        return Err(Problem::bad_origin());
    }
    Ok(Some(secret))
}

/// What the request reveals about its client: address, browser, and whether people have signed in there before.
pub fn client_facts(app: &App, request: &HttpRequest) -> ClientFacts {
    let device = if app.settings.is_https() { SECURE_DEVICE_COOKIE } else { DEVICE_COOKIE };
    let user_agent = request.headers().get(USER_AGENT).map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
    ClientFacts {
        address: client_ip(request, &app.settings.trusted_proxies),
        device: request.cookie(device).map(|cookie| DeviceSecret(cookie.value().to_owned())),
        user_agent,
    }
}

/// The session cookie. On a shared computer, the browser forgets it when it closes.
pub fn session_cookie(settings: &Settings, secret: &str, remember: bool) -> Cookie<'static> {
    let name = if settings.is_https() { SECURE_SESSION_COOKIE } else { SESSION_COOKIE };
    let lifetime = remember.then(|| Duration::days(settings.session_max_days));
    cookie(settings, name, secret, lifetime)
}

/// An expired session cookie, which removes the one that the browser has.
pub fn removed_session_cookie(settings: &Settings) -> Cookie<'static> {
    let mut removal = session_cookie(settings, "", true);
    removal.make_removal();
    removal
}

/// The device cookie, which stays when its person signs out.
pub fn device_cookie(settings: &Settings, secret: &DeviceSecret) -> Cookie<'static> {
    let name = if settings.is_https() { SECURE_DEVICE_COOKIE } else { DEVICE_COOKIE };
    cookie(settings, name, &secret.0, Some(DEVICE_LIFETIME))
}

fn cookie(settings: &Settings, name: &'static str, secret: &str, lifetime: Option<Duration>) -> Cookie<'static> {
    let cookie = Cookie::build(name, secret.to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(settings.is_https());
    match lifetime {
        Some(lifetime) => cookie.max_age(lifetime).finish(),
        None => cookie.finish(),
    }
}
