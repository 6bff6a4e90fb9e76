//! Request bodies that end early, stall, or fill the memory.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use acceptance::{
    APP_SECRET, ApiClient, ApiResponse, DatabaseKind, PASSWORD, StaffClient, TestHotel, TestStay, TestWorld, Value,
    WorldOptions, alone, described::openapi, json, on_both, signature, unique,
};
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    denial_of_service::resident_mebibytes,
    metrics::{metric, wait_for_metric},
    snooze::seconds_ahead,
};

const WEBHOOK: &str = "/webhooks/whatsapp/";
const FORM: &str = "multipart/form-data; boundary=edge";
/// The server's timeout without any part of the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Latest response on a busy machine.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A valid call whose body is complete some bytes before its end: truncated there, it looks complete.
struct CallWithBody {
    method: &'static str,
    path: &'static str,
    /// The path with ids.
    full_path: String,
    media: &'static str,
    body: Vec<u8>,
    /// Length of the truncated body.
    cut: usize,
    status: u16,
    headers: Vec<(&'static str, String)>,
}

/// Ways in which a body ends early.
#[derive(Clone, Copy, Debug)]
enum Truncation {
    /// The client shuts down its sending side and waits for the response.
    HalfClose,
    /// The client resets the connection.
    Reset,
    /// Invalid bytes instead of the next chunk.
    BadChunk,
}

impl CallWithBody {
    fn new(method: &'static str, path: &'static str, full_path: &str, body: Value, status: u16) -> Self {
        let (media, body) = ("application/json", body.to_string().into_bytes());
        let cut = body.len() + 50;
        let body = [body, vec![b' '; 100]].concat();
        let full_path =
            if full_path.starts_with('/') { full_path.to_owned() } else { format!("/api/message_manager/{full_path}") };
        Self { method, path, full_path, media, body, cut, status, headers: Vec::new() }
    }

    fn sends(self, media: &'static str, body: String, cut: usize) -> Self {
        Self { media, body: body.into_bytes(), cut, ..self }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn head(&self, length: &str) -> String {
        let own: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (method, path, media) = (self.method, &self.full_path, self.media);
        format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {media}\r\n{own}{length}\r\n\r\n")
    }

    /// Sends the truncated body; returns the response, if the client can receive one.
    async fn cut(&self, world: &TestWorld, how: Truncation) -> Option<String> {
        let mut stream = TcpStream::connect(world.address()).await.unwrap();
        let (part, length) = (&self.body[..self.cut], format!("Content-Length: {}", self.body.len()));
        match how {
            Truncation::HalfClose | Truncation::Reset => {
                stream.write_all(self.head(&length).as_bytes()).await.unwrap();
                stream.write_all(part).await.unwrap();
            }
            Truncation::BadChunk => {
                let head = self.head("Transfer-Encoding: chunked");
                stream.write_all(format!("{head}{:x}\r\n", part.len()).as_bytes()).await.unwrap();
                stream.write_all(&[part, b"\r\nno chunk\r\n"].concat()).await.unwrap();
            }
        }
        match how {
            Truncation::HalfClose => stream.shutdown().await.unwrap(),
            Truncation::BadChunk => {}
            Truncation::Reset => {
                stream.set_zero_linger().unwrap();
                return None;
            }
        }
        let mut response = String::new();
        timeout(RESPONSE_TIMEOUT, stream.read_to_string(&mut response)).await.expect("no response").unwrap();
        Some(response)
    }

    /// Sends the whole body.
    async fn whole(&self, world: &Arc<TestWorld>) -> ApiResponse {
        let client = ApiClient::new(world).with("content-type", self.media);
        let client = self.headers.iter().fold(client, |client, (name, value)| client.with(name, value));
        client.send(self.method, &self.full_path, Some(self.body.clone())).await
    }
}

/// A form with a file, followed by bytes that do not belong to it.
fn form_with_file(media: &str, file: &str) -> (String, usize) {
    let form = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: {media}\r\n\r\n\
         {file}\r\n--edge--\r\n"
    );
    let cut = form.len() + 20;
    (form + &" ".repeat(50), cut)
}

/// A successful call for every operation with a body.
async fn calls_with_body(hotel: &TestHotel) -> Vec<CallWithBody> {
    let (staff, manager, leaver) = (hotel.of(0).await, hotel.manager().await, hotel.hire("staff", &[]).await);
    let (stay, other, booked) = (hotel.relay(0), hotel.active(0), hotel.active(1).id);
    let text = json!({ "name": unique("t"), "content": "Hello" });
    let template = manager.post("templates/", text).await.is(201)["id"].as_i64().unwrap();
    let newest = staff.get(stay.path("messages/")).await.is(200).as_array().unwrap().last().unwrap()["id"].clone();
    let department = hotel.departments[0].id;
    let of = |rest: &str| stay.path(rest);
    let booking = |code: &str| {
        json!({
            "reservation_code": code, "guest_name": "Ana", "guest_phone": hotel.unused_phone(), "room_number": "1",
            "check_in": "2030-05-01", "check_out": "2030-05-02",
        })
    };
    let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n";
    let row = |room: &str| {
        format!("{},Alexander Hamilton,{},{room},2030-05-01,2030-05-02\n", unique("R"), hotel.unused_phone())
    };
    let table = [header, &row("1401"), &row("1402")].concat();
    let cut_table = table.len() - "02,2030-05-01,2030-05-02\n".len();
    let (file, cut_file) = form_with_file("text/plain", "hello");
    let by_staff = [
        CallWithBody::new(
            "POST",
            "conversations/{id}/send_message/",
            &of("send_message/"),
            json!({ "text": "x" }),
            201,
        ),
        CallWithBody::new("POST", "conversations/{id}/notes/", &of("notes/"), json!({ "text": "x" }), 201),
        CallWithBody::new(
            "POST",
            "conversations/{id}/send_template/",
            &of("send_template/"),
            json!({ "template_id": template }),
            201,
        ),
        CallWithBody::new(
            "POST",
            "conversations/{id}/render_template/",
            &of("render_template/"),
            json!({ "template_id": template }),
            200,
        ),
        CallWithBody::new("POST", "conversations/{id}/attachments/", &of("attachments/"), Value::Null, 201)
            .sends(FORM, file, cut_file),
        CallWithBody::new("POST", "conversations/{id}/read/", &of("read/"), json!({ "message_id": newest }), 204),
        CallWithBody::new("POST", "conversations/{id}/assign/", &of("assign/"), json!({ "staff_id": staff.id }), 200),
        CallWithBody::new(
            "POST",
            "conversations/{id}/messages/{message_id}/retry/",
            &of(&format!("messages/{newest}/retry/")),
            json!({}),
            409,
        ),
        CallWithBody::new("POST", "conversations/{id}/close/", &of("close/"), json!({}), 200),
        CallWithBody::new("POST", "conversations/{id}/reopen/", &of("reopen/"), json!({}), 200),
        CallWithBody::new("POST", "conversations/{id}/end_relay/", &of("end_relay/"), json!({}), 200),
        CallWithBody::new(
            "POST",
            "conversations/{id}/start_relay/",
            &of("start_relay/"),
            json!({ "department_id": department }),
            200,
        ),
    ];
    let by_manager = [
        CallWithBody::new("POST", "departments/", "departments/", json!({ "name": unique("Spa") }), 201),
        CallWithBody::new(
            "PATCH",
            "departments/{id}/",
            &format!("departments/{department}/"),
            json!({ "name": unique("Bar") }),
            200,
        ),
        CallWithBody::new(
            "POST",
            "staff/",
            "staff/",
            json!({ "username": unique("new"), "name": "New", "role": "staff", "password": "a password of theirs" }),
            201,
        ),
        CallWithBody::new("PATCH", "staff/{id}/", &format!("staff/{}/", staff.id), json!({ "name": "Renamed" }), 200),
        CallWithBody::new("PATCH", "hotel/", "hotel/", json!({ "name": "Renamed" }), 200),
        CallWithBody::new("POST", "templates/", "templates/", json!({ "name": unique("t"), "content": "Hello" }), 201),
        CallWithBody::new(
            "PATCH",
            "templates/{id}/",
            &format!("templates/{template}/"),
            json!({ "content": "Good evening" }),
            200,
        ),
        CallWithBody::new("DELETE", "templates/{id}/", &format!("templates/{template}/"), json!({}), 204),
        CallWithBody::new("POST", "stays/", "stays/", booking(&unique("R")), 201),
        CallWithBody::new(
            "PATCH",
            "stays/{id}/",
            &format!("stays/{}/", other.id),
            json!({ "room_number": "1402" }),
            200,
        ),
        CallWithBody::new("POST", "stays/{id}/check_in/", &format!("stays/{}/check_in/", other.id), json!({}), 200),
        CallWithBody::new("POST", "stays/{id}/check_out/", &format!("stays/{}/check_out/", other.id), json!({}), 200),
        CallWithBody::new("POST", "stays/{id}/cancel/", &format!("stays/{booked}/cancel/"), json!({}), 200),
        CallWithBody::new("POST", "stays/{id}/reinstate/", &format!("stays/{booked}/reinstate/"), json!({}), 200),
        CallWithBody::new("POST", "stays/{id}/no_show/", &format!("stays/{booked}/no_show/"), json!({}), 200),
        // The hotel has no WhatsApp Business Account.
        CallWithBody::new("POST", "templates/sync/", "templates/sync/", json!({}), 409),
        CallWithBody::new("POST", "stays/import/", "stays/import/", Value::Null, 200)
            .sends("text/csv", table, cut_table),
    ];
    let sign_in = json!({ "username": staff.username, "password": PASSWORD });
    let other_password = json!({ "current_password": "a password of theirs", "new_password": "another one of theirs" });
    let hired = json!({ "username": unique("h"), "name": "H", "role": "staff", "password": "a password of theirs" });
    manager.post("staff/", hired.clone()).await.is(201);
    let hired = hotel.sign_in(hired["username"].as_str().unwrap(), "a password of theirs").await;
    let played = json!({ "phone": other.phone, "text": "Hello", "hotel_id": hotel.id });
    let event = json!({ "object": "whatsapp_business_account", "entry": [] }).to_string() + &" ".repeat(100);
    let signed = signature(APP_SECRET, event.as_bytes());
    let cut_event = event.len() - 50;
    let open = [
        CallWithBody::new("POST", "/api/auth/login/", "/api/auth/login/", sign_in, 200),
        CallWithBody::new(
            "POST",
            "/api/auth/refresh/",
            "/api/auth/refresh/",
            json!({ "refresh": leaver.refresh }),
            200,
        ),
        CallWithBody::new("POST", "/api/auth/password/", "/api/auth/password/", other_password, 204)
            .with("authorization", format!("Bearer {}", hired.access)),
        CallWithBody::new("POST", "/api/demo/guest_message/", "/api/demo/guest_message/", played, 201),
        CallWithBody::new("PATCH", "/api/demo/", "/api/demo/", json!({ "playing": false }), 200),
        CallWithBody::new("POST", WEBHOOK, WEBHOOK, Value::Null, 200)
            .sends("application/json", event, cut_event)
            .with("x-hub-signature-256", signed),
    ];
    let keyed = |by: &StaffClient, call: CallWithBody| {
        call.with("authorization", format!("Bearer {}", by.access)).with("idempotency-key", unique("k"))
    };
    let by_staff = by_staff.into_iter().chain(inbox_calls(&staff, &stay).await).map(|call| keyed(&staff, call));
    let by_manager = by_manager.into_iter().chain(directory_calls(hotel, &manager, &other).await);
    let by_manager = by_manager.chain(session_calls(hotel, &manager).await);
    by_staff.chain(by_manager.map(|call| keyed(&manager, call))).chain(open).collect()
}

/// Calls about drafts, scheduled messages, labels, waiting and single messages.
async fn inbox_calls(staff: &StaffClient, stay: &TestStay) -> Vec<CallWithBody> {
    let messages = staff.get(stay.path("messages/")).await.is(200);
    let by_guest = messages.as_array().unwrap().iter().find(|it| it["sender_type"] == "guest").unwrap()["id"].clone();
    let sent = staff.post(stay.path("send_message/"), json!({ "text": "sent" })).await.is(201)["id"].clone();
    let of = |rest: &str| stay.path(rest);
    let message = |rest: &str, id: &Value| stay.path(&format!("messages/{id}/{rest}"));
    let send_at = (chrono::Utc::now() + chrono::TimeDelta::days(7)).to_rfc3339();
    let later = json!({ "text": "later", "send_at": send_at });
    let scheduled = staff.post(stay.path("scheduled/"), later.clone()).await.is(201)["id"].clone();
    let new = CallWithBody::new;
    let (schedule, one_scheduled) = ("conversations/{id}/scheduled/", "scheduled/{id}/");
    let (draft, labels) = ("conversations/{id}/draft/", "conversations/{id}/labels/");
    let one = "conversations/{id}/messages/{message_id}/";
    let react = "conversations/{id}/messages/{message_id}/react/";
    let until = json!({ "until": seconds_ahead(3600) });
    vec![
        new("PUT", draft, &of("draft/"), json!({ "text": "Dear" }), 200),
        new("DELETE", draft, &of("draft/"), json!({}), 204),
        new("POST", "conversations/{id}/handled/", &of("handled/"), json!({}), 200),
        new("POST", "conversations/{id}/snooze/", &of("snooze/"), until, 200),
        new("POST", "conversations/{id}/unsnooze/", &of("unsnooze/"), json!({}), 200),
        new("PATCH", labels, &of("labels/"), json!({ "add": [] }), 200),
        new("POST", schedule, &of("scheduled/"), later, 201),
        new("PATCH", one_scheduled, &format!("scheduled/{scheduled}/"), json!({ "text": "even later" }), 200),
        new("DELETE", one_scheduled, &format!("scheduled/{scheduled}/"), json!({}), 204),
        new("POST", react, &message("react/", &by_guest), json!({ "emoji": "👍" }), 200),
        new("PATCH", one, &message("", &sent), json!({ "text": "changed" }), 409),
        new("DELETE", one, &message("", &sent), json!({}), 409),
        new("PATCH", "me/settings/", "me/settings/", json!({ "sound": true }), 200),
    ]
}

/// Calls about labels, guests and stays.
async fn directory_calls(hotel: &TestHotel, manager: &StaffClient, stay: &TestStay) -> Vec<CallWithBody> {
    let new = CallWithBody::new;
    let label = |name: &str| json!({ "name": unique(name), "colour": "teal" });
    let id = manager.post("labels/", label("VIP")).await.is(201)["id"].clone();
    let key = manager.post("api_keys/", json!({ "name": "PMS" })).await.is(201)["id"].clone();
    let guest = manager.get(stay.path("")).await.is(200)["guest_id"].clone();
    let conversation = format!("stays/{}/conversation/", stay.id);
    let booking = json!({
        "reservation_code": unique("R"), "guest_name": "Ana", "check_in": "2030-05-01", "check_out": "2030-05-02",
    });
    let free = manager.post("stays/", booking).await.is(201)["id"].clone();
    let unknown = hotel.send_guest_message(&hotel.unused_phone(), "hello").await["conversation_id"].clone();
    let link = |rest: &str| format!("conversations/{unknown}/{rest}");
    vec![
        new("POST", "labels/", "labels/", label("new"), 201),
        new("PATCH", "labels/{id}/", &format!("labels/{id}/"), label("other"), 200),
        new("DELETE", "labels/{id}/", &format!("labels/{id}/"), json!({}), 204),
        new("POST", "api_keys/", "api_keys/", json!({ "name": "Booking system" }), 201),
        new("DELETE", "api_keys/{id}/", &format!("api_keys/{key}/"), json!({}), 204),
        new("PATCH", "guests/{id}/", &format!("guests/{guest}/"), json!({ "note": "nuts" }), 200),
        new("POST", "stays/{id}/conversation/", &conversation, json!({}), 200),
        new("POST", "conversations/{id}/link_stay/", &link("link_stay/"), json!({ "stay_id": free }), 200),
        new("POST", "conversations/{id}/unlink_stay/", &link("unlink_stay/"), json!({}), 200),
    ]
}

/// Calls that end sessions.
async fn session_calls(hotel: &TestHotel, manager: &StaffClient) -> Vec<CallWithBody> {
    let new = CallWithBody::new;
    let person = hotel.hire("staff", &[]).await;
    hotel.sign_in(&person.username, PASSWORD).await;
    hotel.sign_in(&manager.username, PASSWORD).await;
    let first_other = async |path: &str| {
        let listed = manager.get(path).await.is(200);
        let mut rows = listed["results"].as_array().unwrap().iter();
        rows.find(|it| it["current"] == false).expect("no other session")["id"].clone()
    };
    let (own, all) = ("/api/auth/sessions/", format!("staff/{}/sessions/", person.id));
    let one_own = format!("{own}{}/", first_other(own).await);
    let one = format!("{all}{}/", first_other(&all).await);
    vec![
        new("DELETE", "/api/auth/sessions/{id}/", &one_own, json!({}), 204),
        new("DELETE", "staff/{id}/sessions/{session_id}/", &one, json!({}), 204),
        new("DELETE", "staff/{id}/sessions/", &all, json!({}), 204),
    ]
}

/// The number of rows in the tables that the calls write to.
fn count_rows(world: &TestWorld) -> i64 {
    let tables =
        ["events", "messages", "stays", "staff", "departments", "message_templates", "idempotency_keys", "sessions"];
    let counts = tables.map(|table| format!("(SELECT count(*) FROM {table})"));
    world.number(&format!("SELECT {}", counts.join(" + ")))
}

fn with_app_secret() -> WorldOptions {
    WorldOptions::default().set("WHATSAPP_APP_SECRET", APP_SECRET)
}

on_both!(a_truncated_body_changes_nothing_and_stores_no_key, with_app_secret() => |world| {
    let hotel = world.hotel();
    let calls = calls_with_body(&hotel).await;
    let described: BTreeSet<(String, String)> = openapi()["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|it| (it.to_uppercase(), path.clone())))
        .filter(|(method, path)| method != "GET" && path != "/api/auth/logout/")
        .collect();
    let full = |path: &str| {
        if path.starts_with('/') { path.to_owned() } else { format!("/api/message_manager/{path}") }
    };
    assert_eq!(calls.iter().map(|it| (it.method.to_owned(), full(it.path))).collect::<BTreeSet<_>>(), described);
    for call in calls {
        let before = count_rows(&world);
        for how in [Truncation::HalfClose, Truncation::BadChunk, Truncation::Reset] {
            let response = call.cut(&world, how).await;
            let is_refused = |it: &String| it.starts_with("HTTP/1.1 400 ") && it.contains("\"incomplete_body\"");
            assert!(response.as_ref().is_none_or(is_refused), "{} {how:?}: {response:?}", call.full_path);
        }
        assert_eq!(count_rows(&world), before, "{}", call.full_path);
        let response = call.whole(&world).await;
        assert_eq!(response.status, call.status, "{}: {}", response.request, response.text());
        assert!(response.header("idempotent-replay").is_none(), "{}", response.request);
    }
});

/// Sends the beginning of a request and waits. Returns the response and the time until the server closed.
async fn send_stalled(world: &TestWorld, head: String, start_of_body: Vec<u8>) -> (String, Duration) {
    let start = Instant::now();
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may close the connection during the write.
    let _ = stream.write_all(&start_of_body).await;
    let mut response = Vec::new();
    let _ = timeout(2 * BODY_TIMEOUT, stream.read_to_end(&mut response)).await.expect("the connection is not closed");
    (String::from_utf8_lossy(&response).into_owned(), start.elapsed())
}

fn webhook_head(length: usize) -> String {
    let signature = signature("somebody else's secret", b"");
    format!(
        "POST {WEBHOOK} HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[test]
fn a_stalled_body_times_out() {
    alone(DatabaseKind::Sqlite, with_app_secret(), async |world| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let head = |length: &str| {
            let path = format!("/api/message_manager/{}", stay.path("send_message/"));
            let token = &staff.access;
            format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
                 {length}\r\n\r\n"
            )
        };
        let body = b"{\"text\":\"stalled\"}";
        let sign_in_head = "POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        let chunked = format!("{:x}\r\n{}\r\n", body.len(), str::from_utf8(body).unwrap());
        let all = join_all([
            send_stalled(&world, head("Content-Length: 100"), body.to_vec()),
            send_stalled(&world, head("Content-Length: 100"), Vec::new()),
            send_stalled(&world, head("Transfer-Encoding: chunked"), chunked.into_bytes()),
            send_stalled(&world, sign_in_head.to_owned(), b"{".to_vec()),
            send_stalled(&world, webhook_head(1000), b"{".to_vec()),
        ]);
        for (response, took) in all.await {
            assert!(response.starts_with("HTTP/1.1 408 ") && response.contains("\"request_timeout\""), "{response}");
            assert!(
                took + Duration::from_millis(100) > BODY_TIMEOUT && took < BODY_TIMEOUT + RESPONSE_TIMEOUT,
                "{took:?}: {response}"
            );
        }
        assert!(!staff.get(stay.path("messages/")).await.text().contains("stalled"));
        wait_for_metric(&world, "http_body_bytes ", RESPONSE_TIMEOUT, |it| it == 0.0).await;
    });
}

#[test]
fn a_webhook_post_without_signature_is_refused_before_its_body() {
    alone(DatabaseKind::Sqlite, with_app_secret(), async |world| {
        for header in ["", "X-Hub-Signature-256: sha256=12\r\n", "X-Hub-Signature-256: none\r\n"] {
            for length in ["Content-Length: 4000000", "Transfer-Encoding: chunked"] {
                let head = format!("POST {WEBHOOK} HTTP/1.1\r\nHost: a\r\n{header}{length}\r\n\r\n");
                let mut stream = TcpStream::connect(world.address()).await.unwrap();
                stream.write_all(head.as_bytes()).await.unwrap();
                let mut response = [0; 12];
                timeout(RESPONSE_TIMEOUT, stream.read_exact(&mut response))
                    .await
                    .expect("the server waits for the body")
                    .unwrap();
                assert_eq!(&response, b"HTTP/1.1 401", "{head}");
            }
        }
    });
}

#[test]
fn request_bodies_share_a_memory_limit() {
    const MIB: u64 = 1024 * 1024;
    let options = with_app_secret().set("MAX_BODY_MEMORY_MB", 32);
    alone(DatabaseKind::Sqlite, options, async |world| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let before = resident_mebibytes(&world);
        let body = vec![b' '; 4_000_000];
        let stalls = join_all((0..40).map(|_| send_stalled(&world, webhook_head(4_100_000), body.clone())));
        let send =
            async |client: &ApiClient| client.post(stay.path("send_message/"), json!({ "text": "in between" })).await;
        let meanwhile = async {
            wait_for_metric(&world, "http_body_bytes ", RESPONSE_TIMEOUT, |it| it > (26 * MIB) as f64).await;
            // Small bodies fill the rest of the memory limit.
            let mut small = Vec::new();
            let refused = loop {
                for _ in 0..20 {
                    let mut stream = TcpStream::connect(world.address()).await.unwrap();
                    stream.write_all(webhook_head(100).as_bytes()).await.unwrap();
                    stream.write_all(b"{").await.unwrap();
                    small.push(stream);
                }
                let client = staff.key(&unique("k"));
                let response = send(&client).await;
                if response.status != 201 {
                    assert!(response.header("retry-after").is_some(), "{response:?}");
                    response.problem(503, "unavailable");
                    break client;
                }
                assert!(small.len() < 500, "nothing is refused");
            };
            assert!(metric(&world, "http_body_bytes ").await <= (32 * MIB) as f64);
            let grown = resident_mebibytes(&world).saturating_sub(before);
            assert!(grown < 32 + 64, "grown by {grown} MiB");
            refused
        };
        let (all, refused) = tokio::join!(stalls, meanwhile);
        let count_with_status = |status: &str| all.iter().filter(|(it, _)| it.starts_with(status)).count();
        assert_eq!(count_with_status("HTTP/1.1 408 ") + count_with_status("HTTP/1.1 503 "), 40, "{all:?}");
        assert!((6..=8).contains(&count_with_status("HTTP/1.1 408 ")), "{all:?}");
        wait_for_metric(&world, "http_body_bytes ", 2 * BODY_TIMEOUT, |it| it == 0.0).await;
        let response = send(&refused).await;
        assert_eq!((response.status, response.header("idempotent-replay")), (201, None), "{response:?}");
    });
}
