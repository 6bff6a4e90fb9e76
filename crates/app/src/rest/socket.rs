//! Upgrade to a WebSocket (`GET /ws/staff/`).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, Version,
        header::{HeaderMap, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION},
    },
    web,
};
use desk::Caller;
use transport::UpgradeError;

use crate::{
    app_state::App,
    endpoint::Endpoint,
    problem::Problem,
    request::{
        authorization::{Authorization, authorization},
        sign_in_cookies::trusted_session_secret,
    },
};

/// The WebSocket subprotocol that precedes an access token in the list of offered subprotocols. Browsers send the token
/// there because they cannot set headers on an upgrade.
const BEARER: &str = "bearer";

pub fn endpoints() -> Vec<Endpoint> {
    let summary = "Open the WebSocket; asyncapi.json describes its messages.";
    vec![
        Endpoint::public(Method::GET, "/ws/staff/", summary, open_socket)
            .describe(
                "Authorised by the session cookie from an allowed origin, by `Authorization: Bearer`, or by the \
                 subprotocols `bearer` and the token.",
            )
            .without_head()
            .security(&["bearer", "cookie"])
            .returns_nothing(101)
            .problems(&[400, 401, 403, 426, 429]),
    ]
}

async fn open_socket(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let protocols = offered_protocols(request.headers());
    let caller = authenticate(&app, &request, &protocols).await?;
    if !is_supported_version(&request) {
        return Err(Problem::upgrade_required());
    }
    let protocol = protocols.first().is_some_and(|it| it == BEARER).then_some(BEARER);
    Ok(transport::upgrade(&request, payload, &app.hub, caller, protocol).await?)
}

/// Whether an upgrade request uses HTTP/1.1 and WebSocket version 13.
fn is_supported_version(request: &HttpRequest) -> bool {
    let version = request.headers().get(SEC_WEBSOCKET_VERSION);
    request.version() == Version::HTTP_11 && version.is_none_or(|it| it.as_bytes().trim_ascii() == b"13")
}

/// Authenticates an upgrade request. Credentials in a header or subprotocol take precedence over the session cookie,
/// even if they are invalid.
async fn authenticate(app: &App, request: &HttpRequest, protocols: &[String]) -> Result<Caller, Problem> {
    let explicit = authorization(request.headers()).or_else(|| authorization_in(protocols));
    match explicit {
        Some(Authorization::Bearer(token)) => Ok(app.desk.caller_of_bearer(token).await?),
        Some(Authorization::Unreadable) => Err(Problem::unauthenticated()),
        None => {
            let secret = trusted_session_secret(app, request)?.ok_or_else(Problem::unauthenticated)?;
            Ok(app.desk.caller_of_cookie(&secret).await?)
        }
    }
}

fn authorization_in(protocols: &[String]) -> Option<Authorization<'_>> {
    match protocols {
        [first, token, ..] if first == BEARER => Some(Authorization::Bearer(token)),
        [first] if first == BEARER => Some(Authorization::Unreadable),
        _ => None,
    }
}

fn offered_protocols(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|it| it.to_str().ok());
    values.flat_map(|it| it.split(',')).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
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
    fn a_token_can_follow_the_bearer_subprotocol() {
        let protocols = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            values.iter().for_each(|it| headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(it)));
            offered_protocols(&headers)
        };
        for values in [&["bearer, a.b.c"][..], &["bearer", "a.b.c"], &["bearer,a.b.c,more"]] {
            assert_eq!(authorization_in(&protocols(values)), Some(Authorization::Bearer("a.b.c")), "{values:?}");
        }
        assert_eq!(authorization_in(&protocols(&["bearer"])), Some(Authorization::Unreadable));
        for values in [&["chat, a.b.c"][..], &[], &[" , "]] {
            assert_eq!(authorization_in(&protocols(values)), None, "{values:?}");
        }
    }
}
