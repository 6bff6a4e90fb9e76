//! Logs: one line for each request, and no secrets or texts of people.

use std::{fs, sync::Arc};

use acceptance::{
    ApiClient, PASSWORD, StaffClient, TestHotel, TestSocket, TestStay, TestWorld, WorldOptions, json, on_both,
    on_sqlite, raw_http, unique,
};
use tokio_tungstenite::tungstenite::Message;

use crate::layers::{rust_files, workspace_root};

/// Part of every secret and every text in these tests; must not occur in the log.
const MARK: &str = "zx9marked";

fn marked() -> String {
    unique(MARK)
}

/// Fails if the log contains one of these secrets or the mark.
#[track_caller]
fn assert_not_logged(world: &TestWorld, secrets: &[&str]) {
    let log = world.log_text();
    for secret in secrets.iter().chain(&[MARK]) {
        let found = log.lines().find(|line| line.contains(secret));
        assert!(found.is_none(), "the log has {secret}: {found:?}");
    }
}

/// Access token with its parts, refresh token and cookie of a staff member.
fn secrets(staff: &StaffClient) -> Vec<&str> {
    let cookie = staff.cookie.split_once('=').unwrap().1;
    let parts = staff.access.split('.').skip(1);
    [staff.access.as_str(), &staff.refresh, cookie].into_iter().chain(parts).collect()
}

/// Sends a request without checking the response, which may be a 500. Returns the status.
async fn send_unchecked(world: &TestWorld, staff: &StaffClient, method: &str, path: &str, body: &str) -> u16 {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        staff.access,
        body.len()
    );
    raw_http(world, request.as_bytes()).await.0
}

/// Signs in, fails to sign in, changes a password, refreshes and logs out.
async fn sign_in_and_out(hotel: &TestHotel) -> Vec<StaffClient> {
    let (anonymous, member) = (hotel.anonymous(), hotel.member_of(1));
    let login = "/api/auth/login/";
    for body in [
        json!({ "username": member.username, "password": marked() }),
        json!({ "username": marked(), "password": marked() }),
        json!({ "username": member.username, "password": [marked()] }),
        json!([marked()]),
    ] {
        assert!([400, 401].contains(&anonymous.post(login, body).await.status));
    }
    anonymous
        .send("POST", login, Some(format!("{{\"password\":\"{}", marked()).into_bytes()))
        .await
        .problem(400, "bad_json");
    let staff = hotel.sign_in(&member.username, PASSWORD).await;
    let change = |current: &str| json!({ "current_password": current, "new_password": marked() });
    staff.post("/api/auth/password/", change(&marked())).await.problem(400, "invalid");
    staff.post("/api/auth/password/", json!({ "current_password": PASSWORD, "new_password": "zx9mark" })).await;
    staff.post("/api/auth/password/", change(PASSWORD)).await.is(204);
    anonymous.post("/api/auth/refresh/", json!({ "refresh": marked() })).await.problem(401, "unauthenticated");
    anonymous.post("/api/auth/refresh/", json!({ "refresh": staff.refresh })).await.is(200);
    anonymous.with("cookie", &format!("session={}; other={}", marked(), marked())).get("conversations/").await;
    anonymous.bearer(&marked()).get("conversations/").await.problem(401, "unauthenticated");
    anonymous
        .with("authorization", &format!("Basic {}", marked()))
        .get("conversations/")
        .await
        .problem(401, "unauthenticated");
    anonymous.get(format!("conversations/?token={}", marked())).await.problem(401, "unauthenticated");
    let other = hotel.sign_in(&hotel.member_of(2).username, PASSWORD).await;
    other.post_empty("/api/auth/logout/").await.is(204);
    vec![staff, other]
}

/// Sends valid and invalid writes over REST.
async fn write_by_rest(hotel: &TestHotel, staff: &StaffClient, stay: &TestStay) {
    let send = stay.path("send_message/");
    let key = marked();
    for _ in 0..2 {
        staff.key(&key).post(&send, json!({ "text": key })).await;
    }
    staff.key(&key).post(&send, json!({ "text": marked() })).await.problem(409, "idempotency_mismatch");
    staff.post(stay.path("notes/"), json!({ "text": marked() })).await.is(201);
    for body in [
        json!({ "text": MARK.repeat(1000) }),
        json!({ "text": [marked()] }),
        json!({ "text": marked(), "seen_message_id": marked() }),
        json!({ "text": marked(), "seen_message_id": i64::MAX }),
        json!({ "text": format!("{}\0", marked()) }),
        json!({ marked(): marked() }),
    ] {
        assert_eq!(staff.post(&send, body).await.status, 400);
    }
    staff.send("POST", &send, Some(format!("{{\"text\":\"{}\"", marked()).into_bytes())).await.problem(400, "bad_json");
    staff.send("POST", &send, Some(MARK.repeat(40_000).into_bytes())).await.problem(413, "too_large");
    staff
        .with("content-type", "text/plain")
        .send("POST", &send, Some(marked().into_bytes()))
        .await
        .problem(415, "unsupported_media_type");
    staff.get(format!("conversations/?search={}&assigned_to={}", marked(), marked())).await.problem(400, "invalid");
    staff.get(format!("conversations/?search={}", marked())).await.is(200);
    staff.get(format!("/nowhere.txt?q={}", marked())).await;
    staff
        .post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[0].id, "note": marked() }))
        .await
        .is(200);
    let guest = json!({ "phone": stay.phone, "text": marked(), "name": marked(), "hotel_id": hotel.id });
    hotel.anonymous().post("/api/demo/guest_message/", guest).await.is(201);
    let hired = json!({
        "username": unique("logs"), "name": "N", "role": "staff", "department_ids": [], "password": marked(),
    });
    hotel.manager().await.post("staff/", hired).await.is(201);
}

/// Sends valid and invalid commands over a socket.
async fn write_by_socket(hotel: &TestHotel, staff: &StaffClient, stay: &TestStay) {
    let mut socket = TestSocket::open(staff).await;
    socket.subscribe(stay.id).await;
    socket.subscribe_to_inbox().await;
    let send = json!({ "command": "send_message", "stay_id": stay.id, "text": marked(), "client_ref": marked() });
    socket.ok(send.clone()).await;
    let mut other = send;
    other["text"] = marked().into();
    socket.refused(other, "idempotency_mismatch").await;
    socket.refused(json!({ "command": "send_message", "stay_id": stay.id, "text": [marked()] }), "invalid").await;
    socket.refused(json!({ "command": marked(), "stay_id": marked() }), "unknown_command").await;
    socket.send_raw(Message::text(format!("{{\"text\":\"{}", marked()))).await;
    hotel.send_guest_message(&stay.phone, &marked()).await;
    socket.events_so_far(hotel).await;
    socket.send_raw(Message::binary(marked())).await;
    assert_eq!(socket.closed().await, 1003);
    let protocols = format!("bearer, {}", marked());
    assert!(TestSocket::try_open(&staff.world, &[("sec-websocket-protocol", &protocols)]).await.is_err());
}

/// Sends messages that the database refuses.
async fn write_refused_messages(world: &TestWorld, staff: &StaffClient, stay: &TestStay) {
    world.sql(&refuse_messages(world)).unwrap();
    let body = json!({ "text": marked() }).to_string();
    let path = format!("/api/message_manager/{}", stay.path("send_message/"));
    assert_eq!(send_unchecked(world, staff, "POST", &path, &body).await, 500);
    assert_eq!(send_unchecked(world, staff, "POST", &path.replace("send_message", "notes"), &body).await, 500);
    let mut socket = TestSocket::open(staff).await;
    socket.refused(json!({ "command": "send_message", "stay_id": stay.id, "text": marked() }), "internal").await;
}

/// PostgreSQL's error of a violated CHECK contains the whole row.
fn refuse_messages(world: &TestWorld) -> String {
    match world.backend {
        acceptance::DatabaseKind::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'refused'); END".to_owned()
        }
        acceptance::DatabaseKind::Postgres => {
            "ALTER TABLE messages ADD CONSTRAINT refuse CHECK (content = '') NOT VALID".to_owned()
        }
    }
}

async fn assert_no_secrets_logged(world: Arc<TestWorld>) {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let others = sign_in_and_out(&hotel).await;
    write_by_rest(&hotel, &staff, &stay).await;
    write_by_socket(&hotel, &staff, &stay).await;
    write_refused_messages(&world, &staff, &stay).await;
    let password = world.program.run_with_input(&["staff", "passwd", &staff.username, "--password-stdin"], &marked());
    assert!(!password.stderr.contains(MARK), "{password:?}");
    let known: Vec<&str> = secrets(&staff).into_iter().chain(others.iter().flat_map(secrets)).collect();
    let secret = world.program.settings["JWT_SECRET"].as_str();
    assert_not_logged(&world, &[&known[..], &[PASSWORD, secret, &stay.phone]].concat());
    // The log was written, and names the cause of a failure.
    assert!(world.log_text().contains("status=500"));
}

fn options_with_level(level: &str) -> WorldOptions {
    WorldOptions::default().set("RUST_LOG", level)
}

on_both!(no_secrets_are_logged_at_level_info, options_with_level("info") => |world| { assert_no_secrets_logged(world).await; });
on_both!(no_secrets_are_logged_at_level_debug, options_with_level("debug") => |world| { assert_no_secrets_logged(world).await; });
on_both!(no_secrets_are_logged_at_level_trace, options_with_level("trace") => |world| { assert_no_secrets_logged(world).await; });

on_sqlite!(every_request_has_one_line_with_its_id, |hotel| {
    let staff = hotel.of(0).await;
    let stay = hotel.relay(0);
    let with_id = |client: &ApiClient| {
        let id = unique("trace");
        (client.with("x-request-id", &id), id)
    };
    let requests = [
        ("GET", "conversations/".to_owned(), 200),
        ("GET", "conversations/0/".to_owned(), 404),
        ("GET", "/healthz".to_owned(), 200),
        ("GET", "/nowhere.txt".to_owned(), 404),
        ("DELETE", "conversations/".to_owned(), 405),
        ("POST", stay.path("end_relay/"), 200),
    ];
    for (method, path, status) in requests {
        let (client, id) = with_id(&staff);
        let response = client.send(method, &path, None).await;
        assert_eq!((response.status, response.header("x-request-id")), (status, Some(id.as_str())), "{path}");
        let line = line_of(&hotel.world, &id).await;
        for field in [&format!("method={method}"), &format!("status={status}"), &format!("request_id={id}")] {
            assert!(line.contains(field.as_str()), "{line}");
        }
    }
    // Refused requests and upgrades have a line too.
    let (anonymous, id) = with_id(&hotel.anonymous());
    anonymous.get("conversations/").await.problem(401, "unauthenticated");
    assert!(line_of(&hotel.world, &id).await.contains("status=401"));
    let id = unique("trace");
    let bearer = format!("Bearer {}", staff.access);
    let socket = TestSocket::try_open(&hotel.world, &[("authorization", &bearer), ("x-request-id", &id)]).await;
    assert!(socket.is_ok());
    assert!(line_of(&hotel.world, &id).await.contains("status=101"));
});

/// The only log line with a request id. It is written before the response is sent.
async fn line_of(world: &TestWorld, id: &str) -> String {
    let log = world.log_text();
    let found: Vec<&str> = log.lines().filter(|line| line.contains(id)).collect();
    assert_eq!(found.len(), 1, "{id}: {found:?}");
    found[0].to_owned()
}

on_sqlite!(a_request_id_cannot_inject_a_line, |hotel| {
    let response = hotel.anonymous().with("x-request-id", "a b status=200").get("/nowhere.txt").await;
    let id = response.header("x-request-id").unwrap();
    assert!(!id.contains(' '), "{id}");
    let (_, response) =
        raw_http(&hotel.world, b"GET /a%0Ab%0D%1B[2Jx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let id = response
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("x-request-id: ").map(str::to_owned))
        .unwrap();
    let line = line_of(&hotel.world, &id).await;
    assert!(line.contains("method=GET") && !line.bytes().any(|it| it.is_ascii_control()), "{line:?}");
});

/// The texts of the log lines of all crates, with the file of each.
fn log_texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for file in rust_files(&workspace_root().join("crates")) {
        let source = fs::read_to_string(&file).unwrap();
        for call in ["log::error!(", "log::warn!(", "log::info!(", "log::debug!("] {
            for rest in source.split(call).skip(1) {
                let text = rest.trim_start().strip_prefix('"').and_then(|it| it.split('"').next());
                texts.push((file.display().to_string(), text.unwrap_or_default().to_owned()));
            }
        }
    }
    texts
}

/// A line about one hotel, conversation, message, session, dead letter or staff member contains its id.
#[test]
fn log_lines_name_the_id_of_what_they_are_about() {
    const NOUNS: [&str; 6] = ["hotel", "conversation", "message", "session", "dead letter", "staff member"];
    let texts = log_texts();
    assert!(texts.len() > 50, "{}", texts.len());
    for (file, text) in texts {
        let words = |noun: &str| text.match_indices(noun).map(|(at, _)| text[at + noun.len()..].to_owned()).collect();
        for noun in NOUNS {
            let rests: Vec<String> = words(noun);
            // "hotels" and "messages" are about many.
            let is_singular = rests.iter().any(|rest| !rest.starts_with(|it: char| it.is_alphanumeric() || it == '_'));
            let has_id = rests.iter().any(|rest| rest.starts_with(" {"));
            // An update that becomes a dead letter has no id yet, and what belongs to no hotel has none.
            let is_new = text.contains("becomes a dead letter") || text.contains("belongs to no hotel");
            assert!(!is_singular || has_id || is_new, "{file}: {text}");
        }
    }
}
