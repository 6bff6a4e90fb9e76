//! Tests of the router: credentials, paths, methods, roles, CORS, and agreement with the OpenAPI document.

use std::sync::Arc;

use actix_web::{
    App as Server,
    http::{
        Method,
        header::{ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ORIGIN},
    },
    test::{self, TestRequest},
    web,
};
use chrono::TimeDelta;
use desk::{
    Caller, Desk, SessionLifetimes, SystemClock,
    sign_in::{ClientFacts, Credentials},
};
use serde_json::Value;

use super::configure;
use crate::{app_state::App, endpoint::Access, rest};

const PREFIX: &str = "/api/message_manager";
const JSON: &str = "application/json";

/// Access tokens of two staff members of the demo hotel.
struct DemoTokens {
    _folder: tempfile::TempDir,
    staff: String,
    /// Of a department that does not handle stays.
    housekeeper: String,
    manager: String,
}

async fn demo_server() -> (web::Data<App>, DemoTokens) {
    let folder = tempfile::tempdir().unwrap();
    let lifetimes = SessionLifetimes { idle: TimeDelta::days(30), max: TimeDelta::days(90) };
    let url = desk::DbUrl::Sqlite(folder.path().join("mm.db"));
    let desk = Desk::open(&url, &[7; 32], lifetimes, Arc::new(SystemClock), Arc::new(|_| {})).await.unwrap();
    let demo = desk.create_demo_hotel().await.unwrap();
    let sign_in = async |username: &str| {
        let (username, password) = (username.to_owned(), demo.password.clone());
        let client = ClientFacts { address: [127, 0, 0, 1].into(), device: None, user_agent: None };
        desk.login(Credentials { username, password, remember: true, client }).await.unwrap().access
    };
    let (staff, manager) = (sign_in("reception").await, sign_in("manager").await);
    let housekeeper = sign_in("housekeeping").await;
    let app = App::for_tests(desk, &["http://console.example"]);
    (web::Data::new(app), DemoTokens { _folder: folder, staff, housekeeper, manager })
}

/// Sends a request to the test server and returns status, problem code and headers. This is a macro because the type of
/// the server cannot be named.
macro_rules! send {
    ($server:expr, $request:expr) => {{
        let response = test::call_service(&$server, $request.to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body: Value = serde_json::from_slice(&test::read_body(response).await).unwrap_or_default();
        (status, body["code"].as_str().unwrap_or_default().to_owned(), headers)
    }};
}

macro_rules! server {
    ($app:expr) => {
        test::init_service(Server::new().app_data($app.clone()).configure(configure)).await
    };
}

fn request(method: Method, path: &str, token: &str) -> TestRequest {
    let path = if path.starts_with("/api/") { path.to_owned() } else { format!("{PREFIX}{path}") };
    TestRequest::with_uri(&path).method(method).insert_header((AUTHORIZATION, format!("Bearer {token}")))
}

fn post(path: &str, token: &str, media_type: &'static str, body: &str) -> TestRequest {
    request(Method::POST, path, token).insert_header((CONTENT_TYPE, media_type)).set_payload(body.to_owned())
}

#[actix_web::test]
async fn without_credentials_every_path_and_method_is_401() {
    let (app, _tokens) = demo_server().await;
    let server = server!(app);
    for path in ["", "/", "/nothing/", "/conversations/", "/conversations/x/", "/staff", "/api/auth/me/"] {
        for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
            let (status, code, headers) = send!(server, request(method.clone(), path, "no token"));
            assert_eq!((status, code.as_str()), (401, "unauthenticated"), "{method} {path}");
            assert_eq!(headers.get("www-authenticate").map(|it| it.as_bytes()), Some(b"Bearer".as_slice()));
        }
    }
}

#[actix_web::test]
async fn a_revoked_session_is_401_even_with_other_faults() {
    let (app, DemoTokens { staff, .. }) = demo_server().await;
    let caller: Caller = app.desk.caller_of_token(&staff).unwrap();
    app.desk.logout(caller, false).await.unwrap();
    let server = server!(app);
    let huge = "x".repeat(300 * 1024);
    let cases = [
        request(Method::GET, "/nothing/", &staff),
        request(Method::GET, "/conversations/x/", &staff),
        request(Method::DELETE, "/conversations/", &staff),
        request(Method::GET, "/conversations/", &staff).insert_header((ACCEPT, "image/png")),
        request(Method::GET, "/conversations/?page_size=0", &staff),
        request(Method::GET, "/events/?after_seq=x", &staff),
        post("/conversations/1/send_message/", &staff, JSON, "{"),
        post("/conversations/1/send_message/", &staff, JSON, &huge),
        post("/conversations/1/send_message/", &staff, "text/plain", "x"),
        post("/conversations/1/close/", &staff, JSON, "{}").insert_header(("idempotency-key", "a b")),
        post("/conversations/1/close/", &staff, JSON, "{}"),
        post("/stays/import/", &staff, "text/csv", "guest_name\n"),
        post("/api/auth/password/", &staff, JSON, "{"),
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let (status, code, _) = send!(server, case);
        assert_eq!((status, code.as_str()), (401, "unauthenticated"), "case {number}");
    }
}

#[actix_web::test]
async fn an_unknown_path_is_404_and_an_unknown_method_is_405() {
    let (app, tokens) = demo_server().await;
    let server = server!(app);
    for path in ["", "/", "/nothing/", "/rooms/", "/conversations/x/", "/conversations/0", "/conversations/+1/"] {
        let (status, code, _) = send!(server, request(Method::GET, path, &tokens.staff));
        assert_eq!((status, code.as_str()), (404, "not_found"), "{path}");
    }
    for (path, methods) in [
        ("/conversations/", "GET, HEAD"),
        ("/conversations", "GET, HEAD"),
        ("/conversations/1/send_message/", "POST"),
        ("/staff", "GET, HEAD, POST"),
        ("/staff/1/", "PATCH"),
        ("/hotel/", "GET, HEAD, PATCH"),
        ("/stays/import", "POST"),
        ("/api/auth/me/", "GET, HEAD"),
        ("/api/auth/login", "POST"),
    ] {
        let unsupported = request(Method::DELETE, path, &tokens.staff).insert_header((ACCEPT, "image/png"));
        let (status, code, headers) = send!(server, unsupported);
        assert_eq!((status, code.as_str()), (405, "method_not_allowed"), "{path}");
        assert_eq!(headers.get(ALLOW).and_then(|it| it.to_str().ok()), Some(methods), "{path}");
    }
    let (status, code, _) = send!(server, request(Method::GET, "/api/nothing/", ""));
    assert_eq!((status, code.as_str()), (404, "not_found"));
}

#[actix_web::test]
async fn each_fault_has_its_status() {
    let (app, DemoTokens { staff, housekeeper, manager, _folder }) = demo_server().await;
    let server = server!(app);
    let huge = "x".repeat(300 * 1024);
    let cases = [
        (request(Method::GET, "/hotel/", &staff).insert_header((ACCEPT, "image/png")), 406, "not_acceptable"),
        // A conversation that is not visible gives 404; a role that may not make the call gives 403.
        (post("/conversations/999999/close/", &staff, JSON, "{}"), 404, "not_found"),
        (post("/departments/", &staff, JSON, "{\"name\":\"Spa\"}"), 403, "forbidden"),
        (post("/stays/1/check_in/", &housekeeper, JSON, "{}"), 403, "forbidden"),
        (post("/stays/999999/check_in/", &staff, JSON, "{}"), 404, "not_found"),
        (request(Method::DELETE, "/templates/999999/", &staff), 404, "not_found"),
        (post("/stays/import/", &housekeeper, "text/csv", "x"), 403, "forbidden"),
        (request(Method::GET, "/conversations/999999/messages/", &staff), 404, "not_found"),
        (post("/departments/", &manager, "text/plain", &huge), 413, "too_large"),
        (post("/departments/", &manager, "text/plain", "{"), 415, "unsupported_media_type"),
        (post("/departments/", &manager, JSON, "{"), 400, "bad_json"),
        (post("/stays/import/", &manager, "text/plain", &huge), 415, "unsupported_media_type"),
        (post("/stays/import/", &manager, "text/csv", &"x".repeat(5 << 20)), 413, "too_large"),
        (post("/stays/import/", &manager, "text/csv", "guest_name\n"), 400, "invalid"),
        (request(Method::GET, "/stays/?page_size=0", &manager), 400, "invalid"),
        (request(Method::GET, "/conversations/1/messages/?limit=0", &manager), 400, "invalid"),
        (request(Method::GET, "/conversations/?page=0", &staff), 404, "not_found"),
    ];
    for (number, (case, expected_status, expected_code)) in cases.into_iter().enumerate() {
        let (status, code, _) = send!(server, case);
        assert_eq!((status, code.as_str()), (expected_status, expected_code), "case {number}");
    }
}

#[actix_web::test]
async fn a_malformed_request_reveals_nothing_about_invisible_objects() {
    let (app, DemoTokens { staff, .. }) = demo_server().await;
    let server = server!(app);
    // Conversation 1 exists; conversation 999999 does not. The responses must not differ.
    for (rest, body) in [("send_message/", "{"), ("assign/", "{\"staff_id\":\"x\"}"), ("close/", "[]")] {
        let of = |id: i64| post(&format!("/conversations/{id}/{rest}"), &staff, JSON, body);
        let (existing, absent) = (send!(server, of(1)), send!(server, of(999_999)));
        assert_eq!((existing.0, existing.1), (absent.0, absent.1), "{rest}");
    }
}

#[actix_web::test]
async fn an_api_key_may_make_three_calls_and_no_other() {
    let (app, DemoTokens { manager, _folder, .. }) = demo_server().await;
    let hotel = app.desk.list_all_hotels().await.unwrap()[0].id;
    let new = desk::api_keys::NewApiKey { name: domain::Name::parse("PMS").unwrap(), expires_at: None };
    let key = app.desk.create_api_key_of(hotel, new).await.unwrap().key;
    let (key, bad) = (key.as_str(), "mmk_nothing");
    let server = server!(app);
    let post = |path: &str, token: &str| post(path, token, "text/csv", "");
    let cases = [
        (post("/stays/1/check_in/", key), 200, ""),
        (post("/stays/1/check_out", key), 200, ""),
        (post("/stays/import/", key), 400, "invalid"),
        (post("/stays/1/check_in/", bad), 401, "unauthenticated"),
        (request(Method::GET, "/hotel/", bad), 401, "unauthenticated"),
        (request(Method::GET, "/nothing/", bad), 401, "unauthenticated"),
        // For an API key, an unknown path (404), method (405) or media type (406) takes precedence over 403.
        (request(Method::GET, "/nothing/", key), 404, "not_found"),
        (request(Method::PATCH, "/staff/x/", key), 404, "not_found"),
        (request(Method::DELETE, "/hotel/", key), 405, "method_not_allowed"),
        (request(Method::GET, "/hotel/", key).insert_header((ACCEPT, "image/png")), 406, "not_acceptable"),
        (post("/stays/999999/check_in/", key), 404, "not_found"),
        (request(Method::GET, "/hotel/", key), 403, "forbidden"),
        (request(Method::GET, "/stays/", key), 200, ""),
        (post("/stays/", key), 403, "forbidden"),
        (request(Method::GET, "/conversations/999999/", key), 403, "forbidden"),
        (request(Method::GET, "/api/auth/me/", key), 403, "forbidden"),
        (request(Method::POST, "/api/auth/logout/", key), 403, "forbidden"),
        (request(Method::POST, "/api/auth/logout/", bad), 401, "unauthenticated"),
        (
            TestRequest::get().uri("/ws/staff/").insert_header((AUTHORIZATION, format!("Bearer {key}"))),
            403,
            "forbidden",
        ),
        (request(Method::GET, "/hotel/", &manager), 200, ""),
    ];
    for (number, (case, expected_status, expected_code)) in cases.into_iter().enumerate() {
        let (status, code, _) = send!(server, case);
        assert_eq!((status, code.as_str()), (expected_status, expected_code), "case {number}");
    }
}

#[actix_web::test]
async fn the_trailing_slash_is_optional() {
    let (app, tokens) = demo_server().await;
    let server = server!(app);
    for path in ["/conversations", "/conversations/active_conversations", "/conversations/1", "/staff", "/hotel"] {
        for path in [path.to_owned(), format!("{path}/")] {
            for method in [Method::GET, Method::HEAD] {
                let (status, _, headers) = send!(server, request(method.clone(), &path, &tokens.manager));
                assert_eq!(status, 200, "{method} {path}");
                assert_eq!(headers.get(CACHE_CONTROL).map(|it| it.as_bytes()), Some(b"no-store".as_slice()));
                assert_eq!(headers.contains_key("x-event-seq"), path.contains("conv"), "{path}");
            }
        }
    }
}

#[actix_web::test]
async fn only_allowed_origins_get_cors_headers() {
    let (app, tokens) = demo_server().await;
    let server = server!(app);
    let preflight = |origin: &'static str| {
        let preflight = TestRequest::with_uri("/api/message_manager/conversations/").method(Method::OPTIONS);
        preflight.insert_header((ORIGIN, origin)).insert_header(("access-control-request-method", "POST"))
    };
    let (status, _, headers) = send!(server, preflight("http://console.example"));
    assert_eq!(status, 204);
    assert_eq!(headers.get("access-control-allow-origin").unwrap(), "http://console.example");
    assert!(headers.get("access-control-allow-headers").unwrap().to_str().unwrap().contains("Idempotency-Key"));
    assert!(!headers.contains_key("access-control-allow-credentials"));
    let (status, _, headers) = send!(server, preflight("http://evil.example"));
    assert_eq!(status, 401);
    assert!(!headers.contains_key("access-control-allow-origin"));
    let request =
        request(Method::GET, "/api/auth/me/", &tokens.staff).insert_header((ORIGIN, "http://console.example"));
    let (status, _, headers) = send!(server, request);
    assert_eq!((status, headers.get("vary").unwrap().to_str().unwrap()), (200, "Origin"));
    assert_eq!(headers.get("access-control-allow-credentials").unwrap(), "true");
}

#[actix_web::test]
async fn the_cookie_needs_a_trusted_origin_and_the_guest_simulator_a_demo() {
    let (app, _tokens) = demo_server().await;
    let server = server!(app);
    let refresh = || TestRequest::post().uri("/api/auth/refresh/").insert_header(("cookie", "mm_session=x"));
    assert_eq!(send!(server, refresh()).1, "bad_origin");
    assert_eq!(send!(server, refresh().insert_header((ORIGIN, "http://evil.example"))).1, "bad_origin");
    assert_eq!(send!(server, refresh().insert_header((ORIGIN, "http://console.example"))).1, "unauthenticated");
    assert_eq!(send!(server, TestRequest::post().uri("/api/auth/logout/")).0, 401);
    assert_eq!(send!(server, TestRequest::post().uri("/api/demo/guest_message/")).0, 404);
    assert_eq!(send!(server, TestRequest::get().uri("/ws/staff")).1, "unauthenticated");
}

#[actix_web::test]
async fn every_endpoint_enforces_its_access() {
    let (app, _tokens) = demo_server().await;
    let hotel = app.desk.list_all_hotels().await.unwrap()[0].id;
    let new = desk::api_keys::NewApiKey { name: domain::Name::parse("PMS").unwrap(), expires_at: None };
    let key = app.desk.create_api_key_of(hotel, new).await.unwrap().key;
    let server = server!(app);
    for endpoint in rest::endpoints().into_iter().flat_map(|(_, it)| it) {
        if endpoint.access == Access::Public {
            continue;
        }
        let path = endpoint.path.replace("{id}", "1").replace("{message_id}", "1").replace("{session_id}", "1");
        let without_credentials = TestRequest::with_uri(&path).method(endpoint.method.clone());
        assert_eq!(send!(server, without_credentials).0, 401, "{} {path}", endpoint.method);
        let (status, ..) = send!(server, request(endpoint.method.clone(), &path, key.as_str()));
        let is_refused = [401, 403].contains(&status);
        assert_eq!(is_refused, endpoint.access == Access::Staff, "{} {path}: {status}", endpoint.method);
    }
}

#[test]
fn no_endpoint_is_hidden_by_an_earlier_path() {
    let paths: Vec<&str> = rest::endpoints().into_iter().flat_map(|(_, it)| it).map(|it| it.path).collect();
    let matches = |pattern: &str, path: &str| {
        let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
        pattern.len() == path.len() && pattern.iter().zip(path).all(|(it, part)| it.starts_with('{') || *it == part)
    };
    for (position, path) in paths.iter().enumerate() {
        let earlier = paths[..position].iter().find(|it| *it != path && matches(it, path));
        assert_eq!(earlier, None, "{path}");
    }
}

/// Paths that are served but left out of the OpenAPI document: the landing page and the API documents themselves.
const UNDESCRIBED: [&str; 3] = ["/", "/api/openapi.json", "/api/asyncapi.json"];

#[actix_web::test]
async fn the_document_describes_exactly_the_served_endpoints() {
    let (app, tokens) = demo_server().await;
    let document = crate::openapi::document().unwrap();
    let described = document["paths"].as_object().unwrap();
    let endpoints = rest::endpoints().into_iter().flat_map(|(_, it)| it);
    assert!(endpoints.into_iter().all(|it| described.contains_key(it.path) && !UNDESCRIBED.contains(&it.path)));
    let server = server!(app);
    for (path, methods) in described.iter().filter(|(path, _)| !path.starts_with("/api/demo/")) {
        let mut expected: Vec<String> = methods.as_object().unwrap().keys().map(|it| it.to_uppercase()).collect();
        let path_with_ids = path.replace("{id}", "1").replace("{message_id}", "1");
        let request = TestRequest::with_uri(&path_with_ids).method(Method::TRACE);
        let request = request.insert_header((AUTHORIZATION, format!("Bearer {}", tokens.manager)));
        let (status, _, headers) = send!(server, request);
        let allow = headers.get(ALLOW).and_then(|it| it.to_str().ok()).unwrap_or_default();
        // HEAD is served with every GET and is left out of the OpenAPI document.
        let mut served: Vec<String> = allow.split(", ").filter(|it| *it != "HEAD").map(str::to_owned).collect();
        served.sort();
        expected.sort();
        assert_eq!((status, served), (405, expected), "{path}");
    }
}

#[actix_web::test]
async fn a_server_whose_writers_have_stopped_is_not_ready() {
    let (app, _tokens) = demo_server().await;
    let server = server!(app);
    let readiness = || TestRequest::with_uri("/readyz");
    assert_eq!(send!(server, readiness()).0, 200);
    app.desk.stop_writers().await;
    let (status, code, _) = send!(server, readiness());
    assert_eq!((status, code.as_str()), (503, "unavailable"));
}
