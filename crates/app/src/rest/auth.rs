//! Signing in and out.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    web,
};
use desk::{Credentials, Refresh, SignedIn};

use crate::{
    extract::{Bearer, Call, Query, Sent, bearer, client_address},
    problem::{Answer, Problem},
    settings::Settings,
    state::App,
};

/// The session cookie's name.
pub const COOKIE: &str = "mm_session";

/// `POST /api/auth/login/`
///
/// # Errors
/// A [`Problem`].
pub async fn login(app: web::Data<App>, request: HttpRequest, sent: Sent) -> Result<HttpResponse, Problem> {
    sent.wants_json()?;
    let wire::Login { username, password } = sent.json()?;
    let address = client_address(&request, &app.settings.trusted_proxies);
    let signed_in = app.desk.login(Credentials { username, password, address }).await?;
    let mut answer = HttpResponse::Ok();
    if let Some(secret) = &signed_in.cookie {
        answer.cookie(cookie(&app.settings, secret));
    }
    Ok(answer.json(shown(&signed_in)))
}

/// `POST /api/auth/refresh/`
///
/// # Errors
/// A [`Problem`].
pub async fn refresh(app: web::Data<App>, request: HttpRequest, sent: Sent) -> Result<HttpResponse, Problem> {
    sent.wants_json()?;
    let by = if sent.is_empty() {
        Refresh::Cookie(cookie_of(&app, &request)?.ok_or_else(Problem::unauthenticated)?)
    } else {
        Refresh::Token(sent.json::<wire::Refresh>()?.refresh)
    };
    Ok(HttpResponse::Ok().json(shown(&app.desk.refresh(by).await?)))
}

/// `POST /api/auth/logout/`. What is over already is over: 204 again.
///
/// # Errors
/// A [`Problem`].
pub async fn logout(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = match bearer(request.headers()) {
        Some(Bearer::Token(token)) => Ok(app.desk.caller_of_bearer(token).await?),
        Some(Bearer::Unreadable) => return Err(Problem::unauthenticated()),
        None => {
            let cookie = cookie_of(&app, &request)?.ok_or_else(Problem::unauthenticated)?;
            app.desk.caller_of_cookie(&cookie).await
        }
    };
    let mut query = Query::parse(request.query_string());
    let all = query.flag("all");
    let all = query.done(all)?;
    let ended = match caller {
        Ok(caller) => app.desk.logout(caller, all).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) | Err(desk::Error::Unauthenticated) => {
            let mut gone = cookie(&app.settings, "");
            gone.make_removal();
            Ok(HttpResponse::NoContent().cookie(gone).finish())
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /api/auth/password/`
pub async fn password(call: Call) -> Answer {
    let wire::PasswordChange { current_password, new_password } = call.body().await?;
    call.desk().change_password(call.caller, current_password, new_password).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /api/auth/me/`
pub async fn me(call: Call) -> Answer {
    call.wants_json().await?;
    let (staff, hotel, departments) = call.desk().me(call.caller).await?;
    Ok(HttpResponse::Ok().json(wire::Me::new(&staff, &hotel, &departments)))
}

/// The session cookie of a request, if it has one and comes from a page that may use it.
///
/// # Errors
/// A [`Problem`]: 403 `bad_origin`.
pub fn cookie_of(app: &App, request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(cookie) = request.cookie(COOKIE) else { return Ok(None) };
    app.origins.check(request.headers())?;
    Ok(Some(cookie.value().to_owned()))
}

fn cookie(settings: &Settings, secret: &str) -> Cookie<'static> {
    Cookie::build(COOKIE, secret.to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https"))
        .max_age(Duration::days(settings.session_max_days))
        .finish()
}

fn shown(it: &SignedIn) -> wire::SignedIn {
    wire::SignedIn::new(
        &it.access,
        &it.refresh,
        auth::ACCESS_LIFETIME,
        wire::Me::new(&it.staff, &it.hotel, &it.departments),
    )
}
