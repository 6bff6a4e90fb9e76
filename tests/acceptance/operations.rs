//! What operators and their tools see: health, figures, pages, and the end.

use std::{collections::BTreeSet, time::Duration};

use acceptance::{Backend, Client, Options, PASSWORD, Socket, alone, described, json, on_both, unique};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// What is served to everybody, and as what.
const OPEN: [(&str, &str); 7] = [
    ("/", "text/html"),
    ("/api/docs/", "text/html"),
    ("/healthz", "application/json"),
    ("/readyz", "application/json"),
    ("/metrics", "text/plain"),
    ("/api/openapi.json", "application/json"),
    ("/api/asyncapi.json", "application/json"),
];

/// How soon a server that starts has forgotten what is over.
const SOON: Duration = Duration::from_secs(20);

/// The longest that a stop may take.
const STOP: Duration = Duration::from_secs(10);

on_both!(what_is_open_to_everybody_is_safe_to_show, |hotel| {
    for (path, media) in OPEN {
        let answer = hotel.nobody().get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").unwrap().starts_with(media), "{path}: {:?}", answer.headers);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        let rules: Vec<&str> = policy.split(';').map(str::trim).collect();
        assert!(rules.contains(&"default-src 'none'"), "{path}: {policy}");
        assert!(rules.contains(&"frame-ancestors 'none'"), "{path}: {policy}");
        assert!(
            !policy.contains("http") && !policy.contains('*') && !policy.contains("unsafe-eval"),
            "{path}: {policy}"
        );
    }
    // Refusals are pages as well.
    let nowhere = hotel.nobody().get("/nowhere").await;
    assert_eq!(nowhere.status, 404);
    assert!(nowhere.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(nowhere.header("x-content-type-options"), Some("nosniff"));
});

on_both!(pages_load_only_what_this_server_has, |hotel| {
    for page in ["/", "/api/docs/"] {
        let html = hotel.nobody().get(page).await.text();
        let mut loaded = 0;
        for (start, attribute) in [("<script", "src=\""), ("<link", "href=\""), ("<img", "src=\"")] {
            for tag in html.split(start).skip(1) {
                let Some((_, rest)) = tag.split('>').next().unwrap().split_once(attribute) else { continue };
                let what = rest.split('"').next().unwrap();
                assert!(!what.contains("//"), "{page} loads {what}");
                if what.starts_with("data:") {
                    continue;
                }
                let path = if what.starts_with('/') {
                    what.into()
                } else {
                    format!("{page}{}", what.trim_start_matches("./"))
                };
                assert_eq!(hotel.nobody().get(&path).await.status, 200, "{page} loads {path}");
                loaded += 1;
            }
        }
        assert!(page == "/" || loaded > 0, "{page}: {html}");
    }
});

on_both!(the_descriptions_are_served_as_they_are_printed, |hotel| {
    assert_eq!(hotel.nobody().get("/api/openapi.json").await.is(200), *described::openapi());
    assert_eq!(hotel.nobody().get("/api/asyncapi.json").await.is(200), *described::asyncapi());
});

on_both!(figures_name_no_hotel_no_person_and_no_number, Options::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    hotel.says(&staff, &stay, "hello").await;
    hotel.guest_says(&stay.phone, "hello").await;
    socket.so_far(&hotel).await;
    staff.get(format!("conversations/?search={}&department={}", stay.room, hotel.departments[0].id)).await.is(200);
    staff.get(format!("conversations/{}/", 987_654_321)).await.problem(404, "not_found");
    staff.get("/nowhere/4711/").await;
    staff.send("BREW", "/coffee/4711/", None).await;
    let figures = hotel.nobody().get("/metrics").await.text();
    let mut names = BTreeSet::new();
    for line in figures.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, rest)) = line.split_once('{') else { continue };
        for label in rest.split('}').next().unwrap().split("\",") {
            let (name, value) = label.split_once("=\"").unwrap();
            let value = value.trim_end_matches('"');
            names.insert(name.to_owned());
            let told = ["status", "le"].contains(&name) || !value.bytes().any(|it| it.is_ascii_digit());
            assert!(told, "{line}");
        }
    }
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["le", "method", "route", "status"]);
    let of = |name: &str| figures.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    assert_eq!((of("websocket_sockets "), of("websocket_subscriptions ")), (Some(1.0), Some(2.0)), "{figures}");
    assert!(of("websocket_deliveries_total ").is_some_and(|it| it >= 2.0), "{figures}");
    let sent = "http_requests_total{method=\"POST\",route=\"/api/message_manager/conversations/{id}/send_message/\",status=\"201\"} 1";
    assert!(figures.lines().any(|line| line == sent), "{figures}");
});

#[test]
fn without_its_database_it_lives_and_is_not_ready() {
    alone(Backend::Postgres, Options::default(), async |world| {
        let nobody = Client::new(&world);
        nobody.get("/readyz").await.is(200);
        world.let_in(false);
        let answer = nobody.get_until("/readyz", 503).await;
        answer.problem(503, "unavailable");
        assert!(answer.header("retry-after").is_some());
        nobody.get("/healthz").await.is(200);
        nobody.get("/metrics").await;
        world.let_in(true);
        nobody.get_until("/readyz", 200).await;
    });
}

on_both!(at_the_end_requests_finish_and_sockets_are_told, Options::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay, words) = (hotel.of(0).await, hotel.relay(0), unique("the last words"));
    let mut socket = Socket::open(&staff).await;
    let body = json!({ "text": words }).to_string();
    let head = format!(
        "POST /api/message_manager/{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        stay.path("send_message/"), staff.access, body.len()
    );
    let mut request = TcpStream::connect(world.address()).await.unwrap();
    request.write_all(head.as_bytes()).await.unwrap();
    // It is under way for sure when the figures say so: it and the question for them.
    let under_way = async || Client::new(&world).get("/metrics").await.text().contains("http_requests_under_way 2");
    while !under_way().await {}
    let began = Instant::now();
    world.signal("TERM");
    assert_eq!(socket.closed().await, 1012);
    let refused = async {
        while TcpStream::connect(world.address()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(STOP, refused).await.expect("it goes on accepting");
    request.write_all(body.as_bytes()).await.unwrap();
    let mut came = vec![0; 4096];
    let length = timeout(STOP, request.read(&mut came)).await.expect("no answer").unwrap();
    assert!(String::from_utf8_lossy(&came[..length]).starts_with("HTTP/1.1 201"), "{came:?}");
    drop(request);
    assert_eq!(world.ended(STOP).await, Some(0));
    assert!(began.elapsed() < STOP);
    let stored = format!("SELECT count(*) FROM messages WHERE content = '{words}'");
    assert_eq!(world.number(&stored), 1);
});

on_both!(at_the_end_nobody_holds_it_up, Options::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    // A request whose body never comes, a head that never ends, a socket whose peer never answers.
    let mut request = TcpStream::connect(world.address()).await.unwrap();
    let head = format!(
        "POST /api/message_manager/{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n",
        hotel.relay(0).path("send_message/"), staff.access
    );
    request.write_all(head.as_bytes()).await.unwrap();
    let mut other = TcpStream::connect(world.address()).await.unwrap();
    other.write_all(b"GET /healthz HTT").await.unwrap();
    let _silent = Socket::open(&staff).await;
    let began = Instant::now();
    world.signal("TERM");
    assert_eq!(world.ended(STOP).await, Some(0));
    assert!(began.elapsed() < STOP);
});

on_both!(an_interrupt_ends_it_as_well, Options::default().hotels(0) => |world| {
    world.signal("INT");
    assert_eq!(world.ended(STOP).await, Some(0));
});

on_both!(what_is_over_is_forgotten_by_many_nodes, Options::default().set("EVENT_RETENTION_DAYS", 1) => |world| {
    let hotel = world.hotel();
    let (manager, stay, key) = (hotel.manager().await, hotel.relay(0), unique("key"));
    let leaving = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    leaving.post_empty("/api/auth/logout/").await.is(204);
    manager.key(&key).post_empty(stay.path("close/")).await.is(200);
    manager.key(&key).post_empty(stay.path("reopen/")).await.is(200);
    manager.key(&key).post(stay.path("send_message/"), json!({ "text": "kept" })).await.is(201);
    let login = json!({ "username": hotel.member_of(1).username, "password": "not theirs" });
    hotel.nobody().post("/api/auth/login/", login).await.problem(401, "bad_credentials");
    let tables = ["events", "idempotency_keys", "login_attempts", "sessions WHERE revoked_at IS NOT NULL"];
    let left = || tables.map(|table| world.number(&format!("SELECT count(*) FROM {table}")));
    assert!(left().iter().all(|count| *count > 0), "{:?}", left());
    world.advance(2 * 86_400);
    // Each forgets as it starts.
    world.kill();
    let another = world.another_node();
    world.serve();
    let start = Instant::now();
    while left() != [0; 4] {
        assert!(start.elapsed() < SOON, "{:?}", left());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Keys of messages live for ever, and so do those who stay signed in.
    let manager = hotel.sign_in(&manager.username, PASSWORD).await;
    manager.key(&key).post(stay.path("send_message/"), json!({ "text": "kept" })).await.is(200);
    for world in [&world, &another] {
        assert!(!world.log_text().contains("cannot forget"), "{}", world.log_text());
    }
});

on_both!(a_repetition_days_later_reaches_no_guest_twice, Options::default() => |world| {
    let hotel = world.hotel();
    let (manager, stay, key) = (hotel.manager().await, hotel.relay(0), unique("key"));
    let wording = json!({ "name": unique("towels"), "content": "Your towels are on their way." });
    let template = manager.post("templates/", wording).await.is(201)["id"].clone();
    let send = async |manager: &Client, expected: u16| {
        let keyed = manager.key(&key);
        let said = keyed.post(stay.path("send_template/"), json!({ "template_id": template })).await.is(expected);
        let head = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"menu.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\nSoup\r\n--edge--\r\n";
        let form = keyed.with("content-type", "multipart/form-data; boundary=edge");
        let file = form.send("POST", stay.path("attachments/"), Some(head.as_bytes().to_vec())).await.is(expected);
        (said["id"].clone(), file["id"].clone())
    };
    let first = send(&manager, 201).await;
    manager.key(&key).post_empty(stay.path("close/")).await.is(200);
    world.advance(2 * 86_400);
    world.kill();
    world.serve();
    // Maintenance has forgotten what may be forgotten.
    let start = Instant::now();
    while world.number("SELECT count(*) FROM idempotency_keys WHERE path LIKE '%/close/'") > 0 {
        assert!(start.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let manager = hotel.sign_in(&manager.username, PASSWORD).await;
    assert_eq!(send(&manager, 200).await, first);
});
