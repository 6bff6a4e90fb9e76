//! The upgrade to a WebSocket.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Version,
        header::{HeaderMap, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION},
    },
    web,
};
use desk::Caller;
use transport::UpgradeError;

use super::auth::cookie_of;
use crate::{
    extract::{Bearer, bearer},
    problem::Problem,
    state::App,
};

/// The subprotocol beside which a token is given, since browsers cannot set headers on an upgrade.
const BEARER: &str = "bearer";

/// `GET /ws/staff/`
///
/// # Errors
/// A [`Problem`]: no upgrade.
pub async fn upgrade(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let offered = offered(request.headers());
    let caller = caller(&app, &request, &offered).await?;
    if is_other_protocol(&request) {
        return Err(Problem::upgrade_required());
    }
    let protocol = (offered.first().is_some_and(|it| it == BEARER)).then_some(BEARER);
    Ok(transport::upgrade(&request, payload, &app.hub, caller, protocol).await?)
}

/// Whether it is asked for by another HTTP, or for another WebSocket, than there is.
fn is_other_protocol(request: &HttpRequest) -> bool {
    let version = request.headers().get(SEC_WEBSOCKET_VERSION);
    request.version() != Version::HTTP_11 || version.is_some_and(|it| it.as_bytes().trim_ascii() != b"13")
}

/// Who opens it. What is given explicitly counts before the cookie, even where it is bad.
async fn caller(app: &App, request: &HttpRequest, offered: &[String]) -> Result<Caller, Problem> {
    let explicit = bearer(request.headers()).or_else(|| of_protocols(offered));
    match explicit {
        Some(Bearer::Token(token)) => Ok(app.desk.caller_of_bearer(token).await?),
        Some(Bearer::Unreadable) => Err(Problem::unauthenticated()),
        None => {
            let cookie = cookie_of(app, request)?.ok_or_else(Problem::unauthenticated)?;
            Ok(app.desk.caller_of_cookie(&cookie).await?)
        }
    }
}

fn of_protocols(offered: &[String]) -> Option<Bearer<'_>> {
    match offered {
        [first, token, ..] if first == BEARER => Some(Bearer::Token(token)),
        [first] if first == BEARER => Some(Bearer::Unreadable),
        _ => None,
    }
}

fn offered(headers: &HeaderMap) -> Vec<String> {
    let told = headers.get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|it| it.to_str().ok());
    told.flat_map(|it| it.split(',')).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

impl From<UpgradeError> for Problem {
    fn from(error: UpgradeError) -> Self {
        match error {
            UpgradeError::TooManySockets => Self::too_many_sockets(),
            UpgradeError::Desk(error) => error.into(),
            UpgradeError::Handshake(error) => Self::bad_request(format!("This is no WebSocket handshake: {error}.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_token_may_stand_beside_its_subprotocol() {
        let protocols = |told: &[&'static str]| {
            let mut headers = HeaderMap::new();
            told.iter().for_each(|it| headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(it)));
            offered(&headers)
        };
        for told in [&["bearer, a.b.c"][..], &["bearer", "a.b.c"], &["bearer,a.b.c,more"]] {
            assert_eq!(of_protocols(&protocols(told)), Some(Bearer::Token("a.b.c")), "{told:?}");
        }
        assert_eq!(of_protocols(&protocols(&["bearer"])), Some(Bearer::Unreadable));
        for told in [&["chat, a.b.c"][..], &[], &[" , "]] {
            assert_eq!(of_protocols(&protocols(told)), None, "{told:?}");
        }
    }
}
