//! Bodies of requests that end early, that come too slowly, and that fill the memory.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use acceptance::{
    APP_SECRET, Answer, Backend, Client, Hotel, Options, PASSWORD, Staff, Value, World, alone, described::openapi,
    json, on_both, signature, unique,
};
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    figures::{figure, figure_is},
    hostile::resident,
};

const WEBHOOK: &str = "/webhooks/whatsapp/";
const FORM: &str = "multipart/form-data; boundary=edge";
/// How long no part of a body may come.
const SILENCE: Duration = Duration::from_secs(10);
/// How late an answer may be on a machine that does other things as well.
const SOON: Duration = Duration::from_secs(5);

/// A call with a body that says all it has to say before its end: cut there, it looks whole.
struct Call {
    method: &'static str,
    path: &'static str,
    /// With the ids.
    asked: String,
    media: &'static str,
    body: Vec<u8>,
    /// How much of it comes.
    cut: usize,
    status: u16,
    headers: Vec<(&'static str, String)>,
}

/// How a body ends early.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The client sends no more, and waits for the answer.
    HalfClose,
    /// The client is gone.
    Reset,
    /// What follows is no chunk.
    BadChunk,
}

impl Call {
    fn new(method: &'static str, path: &'static str, asked: &str, body: Value, status: u16) -> Self {
        let (media, body) = ("application/json", body.to_string().into_bytes());
        let cut = body.len() + 50;
        let body = [body, vec![b' '; 100]].concat();
        let asked = if asked.starts_with('/') { asked.to_owned() } else { format!("/api/message_manager/{asked}") };
        Self { method, path, asked, media, body, cut, status, headers: Vec::new() }
    }

    /// The same, of another body.
    fn sends(self, media: &'static str, body: String, cut: usize) -> Self {
        Self { media, body: body.into_bytes(), cut, ..self }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn head(&self, length: &str) -> String {
        let own: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (method, path, media) = (self.method, &self.asked, self.media);
        format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {media}\r\n{own}{length}\r\n\r\n")
    }

    /// Sends the beginning of it; the answer, if there is one.
    async fn cut(&self, world: &World, how: Cut) -> Option<String> {
        let mut stream = TcpStream::connect(world.address()).await.unwrap();
        let (part, length) = (&self.body[..self.cut], format!("Content-Length: {}", self.body.len()));
        match how {
            Cut::HalfClose | Cut::Reset => {
                stream.write_all(self.head(&length).as_bytes()).await.unwrap();
                stream.write_all(part).await.unwrap();
            }
            Cut::BadChunk => {
                let head = self.head("Transfer-Encoding: chunked");
                stream.write_all(format!("{head}{:x}\r\n", part.len()).as_bytes()).await.unwrap();
                stream.write_all(&[part, b"\r\nno chunk\r\n"].concat()).await.unwrap();
            }
        }
        match how {
            Cut::HalfClose => stream.shutdown().await.unwrap(),
            Cut::BadChunk => {}
            Cut::Reset => {
                stream.set_zero_linger().unwrap();
                return None;
            }
        }
        let mut told = String::new();
        timeout(SOON, stream.read_to_string(&mut told)).await.expect("no answer").unwrap();
        Some(told)
    }

    /// Sends all of it.
    async fn whole(&self, world: &Arc<World>) -> Answer {
        let client = Client::new(world).with("content-type", self.media);
        let client = self.headers.iter().fold(client, |client, (name, value)| client.with(name, value));
        client.send(self.method, &self.asked, Some(self.body.clone())).await
    }
}

/// A form with a file; what follows its end is no part of it.
fn form(media: &str, file: &str) -> (String, usize) {
    let form = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: {media}\r\n\r\n\
         {file}\r\n--edge--\r\n"
    );
    let cut = form.len() + 20;
    (form + &" ".repeat(50), cut)
}

/// Every call that takes a body, each in a state in which it succeeds.
async fn calls(hotel: &Hotel) -> Vec<Call> {
    let (staff, manager, leaver) = (hotel.of(0).await, hotel.manager().await, hotel.hire("staff", &[]).await);
    let (stay, other) = (hotel.relay(0), hotel.active(0));
    let text = json!({ "name": unique("t"), "content": "Hello" });
    let template = manager.post("templates/", text).await.is(201)["id"].as_i64().unwrap();
    let newest = staff.get(stay.path("messages/")).await.is(200).as_array().unwrap().last().unwrap()["id"].clone();
    let department = hotel.departments[0].id;
    let of = |rest: &str| stay.path(rest);
    let booking = |code: &str| {
        json!({
            "reservation_code": code, "guest_name": "Ana", "guest_phone": hotel.new_phone(), "room_number": "1",
            "check_in": "2030-05-01", "check_out": "2030-05-02",
        })
    };
    let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n";
    let row =
        |room: &str| format!("{},Alexander Hamilton,{},{room},2030-05-01,2030-05-02\n", unique("R"), hotel.new_phone());
    let table = [header, &row("1401"), &row("1402")].concat();
    let cut_table = table.len() - "02,2030-05-01,2030-05-02\n".len();
    let (file, cut_file) = form("text/plain", "hello");
    let by_staff = [
        Call::new("POST", "conversations/{id}/send_message/", &of("send_message/"), json!({ "text": "x" }), 201),
        Call::new("POST", "conversations/{id}/notes/", &of("notes/"), json!({ "text": "x" }), 201),
        Call::new(
            "POST",
            "conversations/{id}/send_template/",
            &of("send_template/"),
            json!({ "template_id": template }),
            201,
        ),
        Call::new("POST", "conversations/{id}/attachments/", &of("attachments/"), Value::Null, 201)
            .sends(FORM, file, cut_file),
        Call::new("POST", "conversations/{id}/read/", &of("read/"), json!({ "message_id": newest }), 204),
        Call::new("POST", "conversations/{id}/assign/", &of("assign/"), json!({ "staff_id": staff.id }), 200),
        Call::new(
            "POST",
            "conversations/{id}/messages/{message_id}/retry/",
            &of(&format!("messages/{newest}/retry/")),
            json!({}),
            409,
        ),
        Call::new("POST", "conversations/{id}/close/", &of("close/"), json!({}), 200),
        Call::new("POST", "conversations/{id}/reopen/", &of("reopen/"), json!({}), 200),
        Call::new("POST", "conversations/{id}/end_relay/", &of("end_relay/"), json!({}), 200),
        Call::new(
            "POST",
            "conversations/{id}/start_relay/",
            &of("start_relay/"),
            json!({ "department_id": department }),
            200,
        ),
    ];
    let by_manager = [
        Call::new("POST", "departments/", "departments/", json!({ "name": unique("Spa") }), 201),
        Call::new(
            "PATCH",
            "departments/{id}/",
            &format!("departments/{department}/"),
            json!({ "name": unique("Bar") }),
            200,
        ),
        Call::new(
            "POST",
            "staff/",
            "staff/",
            json!({ "username": unique("new"), "name": "New", "role": "staff", "password": "a password of theirs" }),
            201,
        ),
        Call::new("PATCH", "staff/{id}/", &format!("staff/{}/", staff.id), json!({ "name": "Renamed" }), 200),
        Call::new("PATCH", "hotel/", "hotel/", json!({ "name": "Renamed" }), 200),
        Call::new("POST", "templates/", "templates/", json!({ "name": unique("t"), "content": "Hello" }), 201),
        Call::new(
            "PATCH",
            "templates/{id}/",
            &format!("templates/{template}/"),
            json!({ "content": "Good evening" }),
            200,
        ),
        Call::new("DELETE", "templates/{id}/", &format!("templates/{template}/"), json!({}), 204),
        Call::new("POST", "stays/", "stays/", booking(&unique("R")), 201),
        Call::new("PATCH", "stays/{id}/", &format!("stays/{}/", other.id), json!({ "room_number": "1402" }), 200),
        Call::new("POST", "stays/{id}/check_in/", &format!("stays/{}/check_in/", other.id), json!({}), 200),
        Call::new("POST", "stays/{id}/check_out/", &format!("stays/{}/check_out/", other.id), json!({}), 200),
        Call::new("POST", "stays/import/", "stays/import/", Value::Null, 200).sends("text/csv", table, cut_table),
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
        Call::new("POST", "/api/auth/login/", "/api/auth/login/", sign_in, 200),
        Call::new("POST", "/api/auth/refresh/", "/api/auth/refresh/", json!({ "refresh": leaver.refresh }), 200),
        Call::new("POST", "/api/auth/password/", "/api/auth/password/", other_password, 204)
            .with("authorization", format!("Bearer {}", hired.access)),
        Call::new("POST", "/api/demo/guest_message/", "/api/demo/guest_message/", played, 201),
        Call::new("POST", WEBHOOK, WEBHOOK, Value::Null, 200)
            .sends("application/json", event, cut_event)
            .with("x-hub-signature-256", signed),
    ];
    let keyed = |by: &Staff, call: Call| {
        call.with("authorization", format!("Bearer {}", by.access)).with("idempotency-key", unique("k"))
    };
    let by_staff = by_staff.into_iter().map(|call| keyed(&staff, call));
    by_staff.chain(by_manager.into_iter().map(|call| keyed(&manager, call))).chain(open).collect()
}

/// How much is stored: events of all that happens, and what has none.
fn stored(world: &World) -> i64 {
    let tables =
        ["events", "messages", "stays", "staff", "departments", "message_templates", "idempotency_keys", "sessions"];
    let counts = tables.map(|table| format!("(SELECT count(*) FROM {table})"));
    world.number(&format!("SELECT {}", counts.join(" + ")))
}

fn with_secret() -> Options {
    Options::default().set("WHATSAPP_APP_SECRET", APP_SECRET)
}

on_both!(a_body_that_ends_early_does_nothing_and_its_key_works_afterwards, with_secret() => |world| {
    let hotel = world.hotel();
    let calls = calls(&hotel).await;
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
        let before = stored(&world);
        for how in [Cut::HalfClose, Cut::BadChunk, Cut::Reset] {
            let told = call.cut(&world, how).await;
            let is_refused = |it: &String| it.starts_with("HTTP/1.1 400 ") && it.contains("\"incomplete_body\"");
            assert!(told.as_ref().is_none_or(is_refused), "{} {how:?}: {told:?}", call.asked);
        }
        assert_eq!(stored(&world), before, "{}", call.asked);
        let answer = call.whole(&world).await;
        assert_eq!(answer.status, call.status, "{}: {}", answer.asked, answer.text());
        assert!(answer.header("idempotent-replay").is_none(), "{}", answer.asked);
    }
});

/// The beginning of a request whose body does not go on; the answer with the time until the server closed.
async fn stalled(world: &World, head: String, begun: Vec<u8>) -> (String, Duration) {
    let start = Instant::now();
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // Who is refused at once may be cut off while it writes.
    let _ = stream.write_all(&begun).await;
    let mut told = Vec::new();
    let _ = timeout(2 * SILENCE, stream.read_to_end(&mut told)).await.expect("the connection is not closed");
    (String::from_utf8_lossy(&told).into_owned(), start.elapsed())
}

fn webhook_head(length: usize) -> String {
    let signature = signature("somebody else's secret", b"");
    format!(
        "POST {WEBHOOK} HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[test]
fn a_body_that_stalls_is_given_up_and_its_connection_closed() {
    alone(Backend::Sqlite, with_secret(), async |world| {
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
        let sign_in = "POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        let chunked = format!("{:x}\r\n{}\r\n", body.len(), str::from_utf8(body).unwrap());
        let all = join_all([
            stalled(&world, head("Content-Length: 100"), body.to_vec()),
            stalled(&world, head("Content-Length: 100"), Vec::new()),
            stalled(&world, head("Transfer-Encoding: chunked"), chunked.into_bytes()),
            stalled(&world, sign_in.to_owned(), b"{".to_vec()),
            stalled(&world, webhook_head(1000), b"{".to_vec()),
        ]);
        for (told, took) in all.await {
            assert!(told.starts_with("HTTP/1.1 408 ") && told.contains("\"request_timeout\""), "{told}");
            assert!(took + Duration::from_millis(100) > SILENCE && took < SILENCE + SOON, "{took:?}: {told}");
        }
        assert!(!staff.get(stay.path("messages/")).await.text().contains("stalled"));
        figure_is(&world, "http_body_bytes ", SOON, |it| it == 0.0).await;
    });
}

#[test]
fn a_webhook_post_without_a_signature_is_refused_before_its_body() {
    alone(Backend::Sqlite, with_secret(), async |world| {
        for header in ["", "X-Hub-Signature-256: sha256=12\r\n", "X-Hub-Signature-256: none\r\n"] {
            for length in ["Content-Length: 4000000", "Transfer-Encoding: chunked"] {
                let head = format!("POST {WEBHOOK} HTTP/1.1\r\nHost: a\r\n{header}{length}\r\n\r\n");
                let mut stream = TcpStream::connect(world.address()).await.unwrap();
                stream.write_all(head.as_bytes()).await.unwrap();
                let mut answer = [0; 12];
                timeout(SOON, stream.read_exact(&mut answer)).await.expect("it waits for the body").unwrap();
                assert_eq!(&answer, b"HTTP/1.1 401", "{head}");
            }
        }
    });
}

#[test]
fn bodies_share_a_bounded_memory_and_give_it_back() {
    const MIB: u64 = 1024 * 1024;
    let options = with_secret().set("MAX_BODY_MEMORY_MB", 32);
    alone(Backend::Sqlite, options, async |world| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let before = resident(&world);
        let body = vec![b' '; 4_000_000];
        let stalls = join_all((0..40).map(|_| stalled(&world, webhook_head(4_100_000), body.clone())));
        let send =
            async |client: &Client| client.post(stay.path("send_message/"), json!({ "text": "in between" })).await;
        let meanwhile = async {
            figure_is(&world, "http_body_bytes ", SOON, |it| it > (26 * MIB) as f64).await;
            // What is left is filled by the smallest bodies.
            let mut small = Vec::new();
            let refused = loop {
                for _ in 0..20 {
                    let mut stream = TcpStream::connect(world.address()).await.unwrap();
                    stream.write_all(webhook_head(100).as_bytes()).await.unwrap();
                    stream.write_all(b"{").await.unwrap();
                    small.push(stream);
                }
                let client = staff.key(&unique("k"));
                let told = send(&client).await;
                if told.status != 201 {
                    assert!(told.header("retry-after").is_some(), "{told:?}");
                    told.problem(503, "unavailable");
                    break client;
                }
                assert!(small.len() < 500, "nothing is refused");
            };
            assert!(figure(&world, "http_body_bytes ").await <= (32 * MIB) as f64);
            let grown = resident(&world).saturating_sub(before);
            assert!(grown < 32 + 64, "grown by {grown} MiB");
            refused
        };
        let (all, refused) = tokio::join!(stalls, meanwhile);
        let told = |status: &str| all.iter().filter(|(it, _)| it.starts_with(status)).count();
        assert_eq!(told("HTTP/1.1 408 ") + told("HTTP/1.1 503 "), 40, "{all:?}");
        assert!((6..=8).contains(&told("HTTP/1.1 408 ")), "{all:?}");
        figure_is(&world, "http_body_bytes ", 2 * SILENCE, |it| it == 0.0).await;
        let told = send(&refused).await;
        assert_eq!((told.status, told.header("idempotent-replay")), (201, None), "{told:?}");
    });
}
