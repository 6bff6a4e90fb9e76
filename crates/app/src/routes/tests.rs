//! Which of several faults is told, at every kind of address.

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
use desk::{Credentials, Desk, Lifetimes, SystemClock};
use serde_json::Value;

use super::configure;
use crate::state::App;

const PREFIX: &str = "/api/message_manager";
const JSON: &str = "application/json";

struct Tokens {
    _folder: tempfile::TempDir,
    staff: String,
    manager: String,
}

/// A demo server, and access tokens of two of its staff.
async fn demo() -> (web::Data<App>, Tokens) {
    let folder = tempfile::tempdir().unwrap();
    let lifetimes = Lifetimes { idle: TimeDelta::days(30), most: TimeDelta::days(90) };
    let url = desk::DbUrl::Sqlite(folder.path().join("mm.db"));
    let desk = Desk::open(&url, &[7; 32], lifetimes, Arc::new(SystemClock), Arc::new(|_| {})).await.unwrap();
    let made = desk.make_demo().await.unwrap();
    let sign_in = async |username: &str| {
        let (username, password) = (username.to_owned(), made.password.clone());
        let address = [127, 0, 0, 1].into();
        desk.login(Credentials { username, password, address }).await.unwrap().access
    };
    let tokens = Tokens { _folder: folder, staff: sign_in("reception").await, manager: sign_in("manager").await };
    (web::Data::new(App::for_tests(desk, &["http://console.example"])), tokens)
}

/// Asks, and gives status, code and headers of the answer. A macro, since the server's type has no name.
macro_rules! ask {
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

#[actix_web::test]
async fn who_it_is_comes_first() {
    let (app, _tokens) = demo().await;
    let server = server!(app);
    for path in ["", "/", "/nothing/", "/conversations/", "/conversations/x/", "/staff", "/api/auth/me/"] {
        for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
            let (status, code, headers) = ask!(server, request(method.clone(), path, "no token"));
            assert_eq!((status, code.as_str()), (401, "unauthenticated"), "{method} {path}");
            assert_eq!(headers.get("www-authenticate").map(|it| it.as_bytes()), Some(b"Bearer".as_slice()));
        }
    }
}

#[actix_web::test]
async fn then_the_path_then_the_method() {
    let (app, tokens) = demo().await;
    let server = server!(app);
    for path in ["", "/", "/nothing/", "/reports/", "/conversations/x/", "/conversations/0", "/staff/+1/"] {
        for method in [Method::GET, Method::DELETE] {
            let (status, code, _) = ask!(server, request(method.clone(), path, &tokens.staff));
            assert_eq!((status, code.as_str()), (404, "not_found"), "{method} {path}");
        }
    }
    for (path, there) in [
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
        let asked = request(Method::DELETE, path, &tokens.staff).insert_header((ACCEPT, "image/png"));
        let (status, code, headers) = ask!(server, asked);
        assert_eq!((status, code.as_str()), (405, "method_not_allowed"), "{path}");
        assert_eq!(headers.get(ALLOW).and_then(|it| it.to_str().ok()), Some(there), "{path}");
    }
    let (status, code, _) = ask!(server, request(Method::GET, "/api/nothing/", ""));
    assert_eq!((status, code.as_str()), (404, "not_found"));
}

#[actix_web::test]
async fn then_sight_then_role_then_the_body() {
    let (app, Tokens { staff, manager, _folder }) = demo().await;
    let server = server!(app);
    let post = |path: &str, token: &str, media: &'static str, body: &str| {
        request(Method::POST, path, token).insert_header((CONTENT_TYPE, media)).set_payload(body.to_owned())
    };
    let (unseen, huge) = ("/conversations/999999/send_message/", "x".repeat(300 * 1024));
    let image = || (ACCEPT, "image/png");
    let cases = [
        (post(unseen, &staff, "text/plain", &huge).insert_header(image()), 406, "not_acceptable"),
        (post(unseen, &staff, "text/plain", &huge), 404, "not_found"),
        (post(unseen, &staff, JSON, "{"), 404, "not_found"),
        (post("/conversations/999999/close/", &staff, JSON, "{"), 404, "not_found"),
        (post("/staff/", &staff, "text/plain", &huge), 403, "forbidden"),
        (post("/departments/", &staff, JSON, "{"), 403, "forbidden"),
        (post("/departments/", &manager, "text/plain", &huge), 413, "too_large"),
        (post("/departments/", &manager, "text/plain", "{"), 415, "unsupported_media_type"),
        (post("/departments/", &manager, JSON, "{"), 400, "bad_json"),
        (request(Method::PATCH, "/departments/999999/", &staff).set_payload("{"), 404, "not_found"),
        (request(Method::PATCH, "/staff/1/", &staff).set_payload("{"), 403, "forbidden"),
        (request(Method::PATCH, "/staff/1/", &manager).set_payload("{"), 415, "unsupported_media_type"),
        (post("/stays/import/", &staff, "text/plain", &huge), 403, "forbidden"),
        (post("/stays/import/", &manager, "text/plain", &huge), 415, "unsupported_media_type"),
        (post("/stays/import/", &manager, "text/csv", &"x".repeat(5 << 20)), 413, "too_large"),
        (post("/stays/import/", &manager, "text/csv", "guest_name\n"), 400, "invalid"),
        (post("/stays/1/check_in/", &staff, JSON, "{"), 403, "forbidden"),
        (post("/stays/999999/check_in/", &staff, JSON, "{"), 404, "not_found"),
        (request(Method::GET, "/stays/?page=0&page_size=0", &staff), 403, "forbidden"),
        (request(Method::GET, "/stays/?page_size=0", &manager), 400, "invalid"),
        (request(Method::DELETE, "/templates/999999/", &staff), 404, "not_found"),
        (request(Method::GET, "/conversations/999999/messages/?limit=0", &staff), 404, "not_found"),
        (request(Method::GET, "/conversations/1/messages/?limit=0", &manager), 400, "invalid"),
        (request(Method::GET, "/conversations/?page=0&page_size=0", &staff), 404, "not_found"),
        (request(Method::GET, "/conversations/?page_size=0", &staff), 400, "invalid"),
    ];
    for (number, (asked, status, code)) in cases.into_iter().enumerate() {
        let (told, word, _) = ask!(server, asked);
        assert_eq!((told, word.as_str()), (status, code), "case {number}");
    }
}

#[actix_web::test]
async fn a_key_opens_three_doors_and_no_other() {
    let (app, Tokens { manager, _folder, .. }) = demo().await;
    let hotel = app.desk.all_hotels().await.unwrap()[0].id;
    let (_, key) = app.desk.add_api_key(hotel, domain::Name::parse("PMS").unwrap()).await.unwrap();
    let (key, bad) = (key.as_str(), "mmk_nothing");
    let server = server!(app);
    let post = |path: &str, token: &str| request(Method::POST, path, token).insert_header((CONTENT_TYPE, "text/csv"));
    let cases = [
        (post("/stays/1/check_in/", key), 200, ""),
        (post("/stays/1/check_out", key), 200, ""),
        (post("/stays/import/", key), 400, "invalid"),
        (post("/stays/1/check_in/", bad), 401, "unauthenticated"),
        (request(Method::GET, "/hotel/", bad), 401, "unauthenticated"),
        (request(Method::GET, "/nothing/", bad), 401, "unauthenticated"),
        // What comes before the role.
        (request(Method::GET, "/nothing/", key), 404, "not_found"),
        (request(Method::GET, "/staff/x/", key), 404, "not_found"),
        (request(Method::PATCH, "/staff/x/", key), 404, "not_found"),
        (request(Method::DELETE, "/hotel/", key), 405, "method_not_allowed"),
        (request(Method::GET, "/hotel/", key).insert_header((ACCEPT, "image/png")), 406, "not_acceptable"),
        (post("/stays/999999/check_in/", key), 404, "not_found"),
        (request(Method::GET, "/hotel/", key), 403, "forbidden"),
        (request(Method::GET, "/stays/", key), 403, "forbidden"),
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
    for (number, (asked, status, code)) in cases.into_iter().enumerate() {
        let (told, word, _) = ask!(server, asked);
        assert_eq!((told, word.as_str()), (status, code), "case {number}");
    }
}

#[actix_web::test]
async fn with_and_without_its_slash_a_path_is_one() {
    let (app, tokens) = demo().await;
    let server = server!(app);
    for path in ["/conversations", "/conversations/active_conversations", "/conversations/1", "/staff", "/hotel"] {
        for path in [path.to_owned(), format!("{path}/")] {
            for method in [Method::GET, Method::HEAD] {
                let (status, _, headers) = ask!(server, request(method.clone(), &path, &tokens.manager));
                assert_eq!(status, 200, "{method} {path}");
                assert_eq!(headers.get(CACHE_CONTROL).map(|it| it.as_bytes()), Some(b"no-store".as_slice()));
                assert_eq!(headers.contains_key("x-event-seq"), path.contains("conv"), "{path}");
            }
        }
    }
}

#[actix_web::test]
async fn allowed_pages_may_call() {
    let (app, tokens) = demo().await;
    let server = server!(app);
    let preflight = |origin: &'static str| {
        let asked = TestRequest::with_uri("/api/message_manager/conversations/").method(Method::OPTIONS);
        asked.insert_header((ORIGIN, origin)).insert_header(("access-control-request-method", "POST"))
    };
    let (status, _, headers) = ask!(server, preflight("http://console.example"));
    assert_eq!(status, 204);
    assert_eq!(headers.get("access-control-allow-origin").unwrap(), "http://console.example");
    assert!(headers.get("access-control-allow-headers").unwrap().to_str().unwrap().contains("Idempotency-Key"));
    assert!(!headers.contains_key("access-control-allow-credentials"));
    let (status, _, headers) = ask!(server, preflight("http://evil.example"));
    assert_eq!(status, 401);
    assert!(!headers.contains_key("access-control-allow-origin"));
    let asked = request(Method::GET, "/api/auth/me/", &tokens.staff).insert_header((ORIGIN, "http://console.example"));
    let (status, _, headers) = ask!(server, asked);
    assert_eq!((status, headers.get("vary").unwrap().to_str().unwrap()), (200, "Origin"));
    assert_eq!(headers.get("access-control-allow-credentials").unwrap(), "true");
}

#[actix_web::test]
async fn the_cookie_needs_its_origin_and_the_guest_simulator_its_demo() {
    let (app, _tokens) = demo().await;
    let server = server!(app);
    let refresh = || TestRequest::post().uri("/api/auth/refresh/").insert_header(("cookie", "mm_session=x"));
    assert_eq!(ask!(server, refresh()).1, "bad_origin");
    assert_eq!(ask!(server, refresh().insert_header((ORIGIN, "http://evil.example"))).1, "bad_origin");
    assert_eq!(ask!(server, refresh().insert_header((ORIGIN, "http://console.example"))).1, "unauthenticated");
    assert_eq!(ask!(server, TestRequest::post().uri("/api/auth/logout/")).0, 401);
    assert_eq!(ask!(server, TestRequest::post().uri("/api/demo/guest_message/")).0, 404);
    assert_eq!(ask!(server, TestRequest::get().uri("/ws/staff")).1, "unauthenticated");
}

/// Every path that the map names, without the scope it is in.
fn mapped() -> Vec<&'static str> {
    let map = include_str!("../routes.rs");
    let calls = ["open(", "staff_only("].into_iter().flat_map(|word| map.split(word).skip(1));
    calls.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next()).collect()
}

/// The descriptions and the page at the root, which describe themselves.
const UNDESCRIBED: [&str; 3] = ["/", "/api/openapi.json", "/api/asyncapi.json"];

#[actix_web::test]
async fn what_is_served_is_described_and_the_other_way_round() {
    let (app, tokens) = demo().await;
    let document = serde_json::to_value(crate::openapi::document()).unwrap();
    let described = document["paths"].as_object().unwrap();
    let in_scope = ["", "/api", "/api/message_manager", "/api/demo"];
    for path in mapped().into_iter().filter(|path| !UNDESCRIBED.contains(path)) {
        let found = in_scope.iter().any(|scope| described.contains_key(&format!("{scope}{path}")));
        assert!(found, "{path} is served and not described");
    }
    assert_eq!(mapped().len(), described.len() + UNDESCRIBED.len());
    let server = server!(app);
    for (path, methods) in described.iter().filter(|(path, _)| !path.starts_with("/api/demo/")) {
        let mut wanted: Vec<String> = methods.as_object().unwrap().keys().map(|it| it.to_uppercase()).collect();
        let request =
            TestRequest::with_uri(&path.replace("{id}", "1").replace("{message_id}", "1")).method(Method::TRACE);
        let asked = request.insert_header((AUTHORIZATION, format!("Bearer {}", tokens.manager)));
        let (status, _, headers) = ask!(server, asked);
        let allowed = headers.get(ALLOW).and_then(|it| it.to_str().ok()).unwrap_or_default();
        // What can be got can be asked for its head; that needs no description.
        let mut served: Vec<String> = allowed.split(", ").filter(|it| *it != "HEAD").map(str::to_owned).collect();
        served.sort();
        wanted.sort();
        assert_eq!((status, served), (405, wanted), "{path}");
    }
}

#[actix_web::test]
async fn a_server_that_cannot_write_is_not_ready() {
    let (app, _tokens) = demo().await;
    let server = server!(app);
    let asked = || TestRequest::with_uri("/readyz");
    assert_eq!(ask!(server, asked()).0, 200);
    app.desk.end_writers().await;
    let (status, code, _) = ask!(server, asked());
    assert_eq!((status, code.as_str()), (503, "unavailable"));
}
