//! What holds for every REST call.

use acceptance::{Options, json, on_both, raw_http, unique};

use crate::{ids, is_time};

const FORM: &str = "application/x-www-form-urlencoded";

on_both!(a_path_without_its_slash_answers_the_same, |hotel| {
    let staff = hotel.of(0).await;
    let stay = hotel.relay(0);
    for path in ["conversations/", "conversations/active_conversations/", "departments/", "staff/", "hotel/"] {
        let with = staff.get(path).await;
        let without = staff.get(path.trim_end_matches('/')).await;
        assert_eq!((with.is(200), with.status), (without.is(200), without.status), "{path}");
    }
    let message = staff.post(stay.path("send_message"), json!({ "text": "no slash" })).await.is(201);
    assert_eq!(message["content"], "no slash");
    staff.get("/api/auth/me").await.is(200);
    staff.get(format!("conversations/{}?x=y", stay.conversation)).await.is(200);
});

on_both!(nobody_is_told_nothing, |hotel| {
    let nobody = hotel.nobody();
    for path in ["conversations/", "conversations/1/", "no/such/thing/", "staff/", "/api/auth/me/"] {
        nobody.get(path).await.problem(401, "unauthenticated");
        nobody.bearer("x").get(path).await.problem(401, "unauthenticated");
    }
});

on_both!(an_unknown_path_is_not_found, |hotel| {
    let staff = hotel.of(0).await;
    for path in ["", "nothing/", "conversations/x/", "conversations/0/", "conversations/-1/", "conversations/1.5/"] {
        staff.get(path).await.problem(404, "not_found");
    }
    for id in ["9223372036854775808", "99999999999999999999999", "9223372036854775807", "1e3", "%31x", "+1", "１"] {
        staff.get(format!("conversations/{id}/")).await.problem(404, "not_found");
        staff.get(format!("conversations/{id}/messages/")).await.problem(404, "not_found");
        staff.post(format!("conversations/{id}/send_message/"), json!({ "text": "x" })).await.problem(404, "not_found");
    }
    staff.get("/api/nothing/").await.problem(404, "not_found");
    // What comes later is not there yet.
    for path in ["reports/", "search/?q=x"] {
        staff.get(path).await.problem(404, "not_found");
    }
});

on_both!(a_method_that_is_not_there, |hotel| {
    let staff = hotel.of(0).await;
    let cases = [
        ("DELETE", "conversations/", "GET"),
        ("POST", "conversations/", "GET"),
        ("PUT", "conversations/1/", "GET"),
        ("GET", "conversations/1/send_message/", "POST"),
        ("GET", "conversations/1/end_relay/", "POST"),
        ("PATCH", "departments/", "GET"),
        ("GET", "/api/auth/login/", "POST"),
        ("DELETE", "/api/auth/me/", "GET"),
    ];
    for (method, path, allowed) in cases {
        let answer = staff.send(method, path, None).await;
        answer.problem(405, "method_not_allowed");
        let allow = answer.header("allow").unwrap().to_owned();
        assert!(allow.split(',').any(|it| it.trim() == allowed), "{method} {path}: {allow}");
        assert!(!allow.split(',').any(|it| it.trim() == method), "{method} {path}: {allow}");
    }
});

on_both!(json_is_what_there_is, |hotel| {
    let staff = hotel.of(0).await;
    for wanted in ["text/html", "image/*", "application/xml;q=0.9", "application/json;q=0"] {
        staff.with("accept", wanted).get("conversations/").await.problem(406, "not_acceptable");
    }
    for wanted in ["*/*", "application/*", "text/html, application/json;q=0.1", "application/json; charset=utf-8"] {
        let answer = staff.with("accept", wanted).get("conversations/").await;
        answer.is(200);
        assert!(answer.header("content-type").unwrap().starts_with("application/json"));
    }
});

on_both!(json_is_what_is_taken, |hotel| {
    let staff = hotel.of(0).await;
    let path = hotel.relay(0).path("send_message/");
    let body = || Some(br#"{"text":"hello"}"#.to_vec());
    for media in ["text/plain", FORM, "multipart/form-data; boundary=x", "application/jsonx", "nonsense"] {
        let answer = staff.with("content-type", media).send("POST", &path, body()).await;
        answer.problem(415, "unsupported_media_type");
    }
    for media in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        staff.with("content-type", media).send("POST", &path, body()).await.is(201);
    }
});

on_both!(bad_json_is_told, |hotel| {
    let staff = hotel.of(0).await;
    let path = hotel.relay(0).path("send_message/");
    let bad: [&[u8]; 8] = [
        b"{",
        b"",
        b"{\"text\":\"a\"} x",
        b"{\"text\":'a'}",
        b"{\"text\":\"\xff\"}",
        b"nul",
        br#"{"text":"a\ud800b"}"#,
        br#"{"text":"a","other":"\udfff"}"#,
    ];
    for body in bad {
        let answer = staff.with("content-type", "application/json").send("POST", &path, Some(body.to_vec())).await;
        answer.problem(400, "bad_json");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    staff.send("POST", &path, Some(deep.into_bytes())).await.problem(400, "bad_json");
    // JSON, but nothing that has fields.
    for body in ["[]", "5", "null", "\"text\""] {
        let answer = staff.send("POST", &path, Some(body.into())).await;
        assert_eq!(answer.status, 400, "{body}");
    }
});

on_both!(a_text_has_bounds, |hotel| {
    let staff = hotel.of(0).await;
    let path = hotel.relay(0).path("send_message/");
    let texts = [json!(""), json!(" \t\u{2003}\n"), json!("a\0b"), json!("x".repeat(4097)), json!(5), json!(null)];
    for text in texts {
        assert_eq!(staff.post(&path, json!({ "text": text })).await.bad_fields(), ["text"]);
    }
    assert_eq!(staff.post(&path, json!({})).await.bad_fields(), ["text"]);
    // Characters are counted, not bytes.
    let long = "🛎".repeat(4096);
    assert_eq!(staff.post(&path, json!({ "text": long })).await.is(201)["content"], long);
    let trimmed = staff.post(&path, json!({ "text": "\u{a0} two\n towels \u{3000}" })).await.is(201);
    assert_eq!(trimmed["content"], "two\n towels");
    let odd = "e\u{301} \u{202e}x \u{feff}y 👩‍👩‍👧";
    assert_eq!(staff.post(&path, json!({ "text": odd })).await.is(201)["content"], odd);
});

on_both!(a_nul_in_any_string_is_refused, |hotel| {
    let manager = hotel.manager().await;
    let relay = hotel.relay(0);
    let fields = manager.post(relay.path("notes/"), json!({ "text": "a\0" })).await.bad_fields();
    assert_eq!(fields, ["text"]);
    let body = json!({ "department_id": hotel.departments[1].id, "note": "\0" });
    assert_eq!(manager.post(relay.path("start_relay/"), body).await.bad_fields(), ["note"]);
    assert_eq!(manager.post("departments/", json!({ "name": "a\0b" })).await.bad_fields(), ["name"]);
    let found = manager.get("conversations/?search=%00").await;
    assert_eq!(found.bad_fields(), ["search"]);
});

on_both!(unknown_fields_and_parameters_are_ignored, |hotel| {
    let staff = hotel.of(0).await;
    staff.get("conversations/?colour=blue").await.is(200);
    let body = json!({ "text": "hello", "colour": "blue" });
    staff.post(hotel.relay(0).path("send_message/"), body).await.is(201);
});

on_both!(bad_query_parameters_are_told, |hotel| {
    let staff = hotel.of(0).await;
    let cases = [
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("page_size=x", "page_size"),
        ("page_size=-1", "page_size"),
        ("status=open", "status"),
        ("status=relay,open", "status"),
        ("department=x", "department"),
        ("assigned_to=you", "assigned_to"),
        ("unread=perhaps", "unread"),
    ];
    for (query, field) in cases {
        assert_eq!(staff.get(format!("conversations/?{query}")).await.bad_fields(), [field], "{query}");
    }
    for (query, field) in [("limit=0", "limit"), ("limit=1001", "limit"), ("before=x", "before"), ("after=y", "after")]
    {
        let path = format!("{}?{query}", hotel.relay(0).path("messages/"));
        assert_eq!(staff.get(path).await.bad_fields(), [field], "{query}");
    }
});

on_both!(a_body_over_256_kib_is_too_large, |hotel| {
    let staff = hotel.of(0).await;
    let path = hotel.relay(0).path("send_message/");
    let of_size = |size: usize| {
        let start = r#"{"text":"hello","rest":""#;
        format!("{start}{}\"}}", "x".repeat(size - start.len() - 2)).into_bytes()
    };
    staff.send("POST", &path, Some(of_size(256 * 1024))).await.is(201);
    staff.send("POST", &path, Some(of_size(256 * 1024 + 1))).await.problem(413, "too_large");
    staff.send("POST", &path, Some(of_size(1024 * 1024))).await.problem(413, "too_large");
});

on_both!(a_chunked_body_is_bounded_too, |hotel| {
    let staff = hotel.of(0).await;
    let path = format!("/api/message_manager/{}", hotel.relay(0).path("send_message/"));
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        staff.access
    );
    for _ in 0..70 {
        request.push_str(&format!("1000\r\n{}\r\n", " ".repeat(4096)));
    }
    request.push_str("0\r\n\r\n");
    let (status, text) = raw_http(&hotel.world, request.as_bytes()).await;
    assert_eq!(status, 413, "{text}");
});

on_both!(the_first_fault_is_the_one_told, |hotel| {
    let (staff, manager) = (hotel.of(0).await, hotel.manager().await);
    let unseen = hotel.relay(1);
    let huge = vec![b'x'; 300 * 1024];
    let text = |client: &acceptance::Client| client.with("content-type", "text/plain");
    hotel.nobody().send("DELETE", "nothing/", None).await.problem(401, "unauthenticated");
    staff.send("DELETE", "nothing/", None).await.problem(404, "not_found");
    staff.with("accept", "image/png").send("DELETE", "conversations/", None).await.problem(405, "method_not_allowed");
    staff.with("accept", "image/png").get(unseen.path("")).await.problem(406, "not_acceptable");
    text(&staff).send("POST", unseen.path("send_message/"), Some(huge.clone())).await.problem(404, "not_found");
    staff.send("POST", unseen.path("send_message/"), Some(b"{".to_vec())).await.problem(404, "not_found");
    // What another hotel has is not there, whatever the role; what one's own has is forbidden.
    let theirs = hotel.world.generated["hotels"].as_array().unwrap().last().unwrap()["departments"][0]["id"].clone();
    staff.patch(format!("departments/{theirs}/"), json!({ "name": "x" })).await.problem(404, "not_found");
    let own = format!("departments/{}/", hotel.departments[0].id);
    text(&staff).send("PATCH", &own, Some(huge.clone())).await.problem(403, "forbidden");
    text(&staff).send("POST", "staff/", Some(huge.clone())).await.problem(403, "forbidden");
    text(&manager).send("PATCH", &own, Some(huge)).await.problem(413, "too_large");
    text(&manager).send("PATCH", &own, Some(b"{".to_vec())).await.problem(415, "unsupported_media_type");
    let closed = hotel.relay(0);
    staff.post_empty(closed.path("close/")).await.is(200);
    staff.post(closed.path("send_message/"), json!({ "text": "" })).await.problem(400, "invalid");
    staff.post(closed.path("send_message/"), json!({ "text": "x" })).await.problem(409, "conversation_closed");
});

on_both!(lists_page, |hotel| {
    let manager = hotel.manager().await;
    let all = manager.get("conversations/?status=relay,active").await.is(200);
    assert_eq!(all["count"], 6);
    assert_eq!((&all["next"], &all["previous"]), (&json!(null), &json!(null)));
    let mut found = Vec::new();
    let mut page = manager.get("conversations/?status=relay,active&page_size=4").await.is(200);
    assert_eq!((page["count"].as_i64(), page["results"].as_array().unwrap().len()), (Some(6), 4));
    assert_eq!(page["previous"], json!(null));
    found.extend(ids(&page["results"]));
    let next = page["next"].as_str().unwrap().to_owned();
    let base = hotel.world.base();
    assert!(next.starts_with(&format!("{base}/api/message_manager/conversations/?")), "{next}");
    page = manager.get(next.strip_prefix(&base).unwrap()).await.is(200);
    found.extend(ids(&page["results"]));
    assert_eq!((page["results"].as_array().unwrap().len(), &page["next"]), (2, &json!(null)));
    assert_eq!(found, ids(&all["results"]));
    let previous = page["previous"].as_str().unwrap();
    let first = manager.get(previous.strip_prefix(&base).unwrap()).await.is(200);
    assert_eq!(ids(&first["results"]), found[..4]);
    for page in ["0", "3", "x", "-1", "99999999999999999999", ""] {
        let path = format!("conversations/?status=relay,active&page_size=4&page={page}");
        manager.get(path).await.problem(404, "not_found");
    }
    for path in ["departments/", "staff/"] {
        let list = manager.get(format!("{path}?page_size=2")).await.is(200);
        assert_eq!(list["results"].as_array().unwrap().len(), 2, "{path}");
        assert!(list["next"].is_string() && list["count"].as_i64() > Some(2), "{path}");
    }
});

on_both!(an_empty_list_has_a_first_page, |hotel| {
    let list = hotel.manager().await.get("conversations/?status=closed&page=1").await.is(200);
    assert_eq!(list, json!({ "count": 0, "next": null, "previous": null, "results": [] }));
    hotel.manager().await.get("conversations/?status=closed&page=2").await.problem(404, "not_found");
});

on_both!(pages_are_under_the_public_url, Options::default().set("PUBLIC_URL", "https://mm.example/") => |world| {
    let hotel = world.hotel();
    let page = hotel.manager().await.get("staff/?page_size=1").await.is(200);
    let next = page["next"].as_str().unwrap();
    assert!(next.starts_with("https://mm.example/api/message_manager/staff/?"), "{next}");
});

on_both!(every_answer_has_a_request_id, |hotel| {
    let staff = hotel.of(0).await;
    let (one, two) = (staff.get("conversations/").await, staff.get("conversations/").await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
    let own = staff.with("x-request-id", "my-own-id-42").get("conversations/").await;
    assert_eq!(own.header("x-request-id"), Some("my-own-id-42"));
    let long = "x".repeat(65);
    let refused = staff.with("x-request-id", &long).get("conversations/").await;
    assert_ne!(refused.header("x-request-id"), Some(long.as_str()));
    for path in ["/", "/healthz", "/nowhere"] {
        assert!(hotel.nobody().get(path).await.header("x-request-id").is_some());
    }
});

on_both!(gets_of_conversations_and_messages_tell_where_they_stand, |hotel| {
    let staff = hotel.of(0).await;
    let stay = hotel.relay(0);
    let paths =
        ["conversations/".into(), "conversations/active_conversations/".into(), stay.path(""), stay.path("messages/")];
    for path in &paths {
        let before = staff.get(path).await;
        let seq: i64 = before.header("x-event-seq").unwrap().parse().unwrap();
        assert!(!before.header("x-event-epoch").unwrap().is_empty());
        hotel.says(&staff, &stay, "one more").await;
        let after = staff.get(path).await;
        assert!(after.header("x-event-seq").unwrap().parse::<i64>().unwrap() > seq, "{path}");
        assert_eq!(before.header("x-event-epoch"), after.header("x-event-epoch"));
    }
});

on_both!(times_are_utc, |hotel| {
    let staff = hotel.of(0).await;
    let stay = hotel.relay(0);
    hotel.says(&staff, &stay, "now").await;
    let it = staff.get(stay.path("")).await.is(200);
    assert!(is_time(&it["created_at"]) && is_time(&it["updated_at"]), "{it}");
    let messages = staff.get(stay.path("messages/")).await.is(200);
    assert!(messages.as_array().unwrap().iter().all(|it| is_time(&it["timestamp"])), "{messages}");
});

on_both!(allowed_origins_get_cors, |hotel| {
    let staff = hotel.of(0).await;
    let origin = "http://console.example";
    let preflight = hotel
        .nobody()
        .with("origin", origin)
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", "authorization, content-type, idempotency-key")
        .send("OPTIONS", "conversations/1/send_message/", None)
        .await;
    assert!([200, 204].contains(&preflight.status), "{}", preflight.text());
    assert_eq!(preflight.header("access-control-allow-origin"), Some(origin));
    let listed = |header: &str| preflight.header(header).unwrap_or_default().to_lowercase();
    for name in ["authorization", "content-type", "idempotency-key"] {
        assert!(listed("access-control-allow-headers").contains(name), "{preflight:?}");
    }
    assert!(listed("access-control-allow-methods").contains("post"), "{preflight:?}");
    let answer = staff.with("origin", origin).get("conversations/").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    assert!(answer.header("vary").unwrap_or_default().to_lowercase().contains("origin"), "{answer:?}");
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_lowercase();
    for name in ["link", "retry-after", "idempotent-replay", "x-request-id", "x-event-seq", "x-event-epoch"] {
        assert!(exposed.contains(name), "{name}: {exposed}");
    }
    // Errors, too, are for the page to read.
    let error = hotel.nobody().with("origin", origin).get("conversations/").await;
    assert_eq!((error.status, error.header("access-control-allow-origin")), (401, Some(origin)));
    let foreign = staff.with("origin", "http://evil.example").get("conversations/").await;
    assert_eq!((foreign.status, foreign.header("access-control-allow-origin")), (200, None));
});

on_both!(no_more_than_the_status_is_told_of_what_is_out_of_sight, |hotel| {
    let staff = hotel.of(0).await;
    let missing = staff.get("conversations/9000000000/").await.problem(404, "not_found");
    let hidden = staff.get(hotel.relay(1).path("")).await.problem(404, "not_found");
    assert_eq!(missing, hidden);
});

on_both!(the_database_away_is_503, Options::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    if world.backend == acceptance::Backend::Sqlite {
        return; // A file is not away; it is broken or it is there.
    }
    let name = world.program.settings["DATABASE_URL"].rsplit('/').next().unwrap().to_owned();
    let server = std::env::var("MM_TEST_POSTGRES_URL").unwrap();
    let allow = |yes: bool| {
        acceptance::psql(&server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {yes}")).unwrap();
        acceptance::psql(&server, &format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
        )).unwrap();
    };
    allow(false);
    let path = hotel.relay(0).path("send_message/");
    let key = unique("key");
    let away = staff.key(&key).post(&path, json!({ "text": "are you there?" })).await;
    away.problem(503, "unavailable");
    staff.get("conversations/").await.problem(503, "unavailable");
    hotel.nobody().get_until("/readyz", 503).await;
    assert_eq!(hotel.nobody().get("/healthz").await.status, 200);
    allow(true);
    let mut tries = 0;
    let stored = loop {
        let answer = staff.key(&key).post(&path, json!({ "text": "are you there?" })).await;
        if answer.status == 201 {
            break answer.json();
        }
        answer.problem(503, "unavailable");
        tries += 1;
        assert!(tries < 100, "it does not come back");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    let messages = staff.get(hotel.relay(0).path("messages/")).await.is(200);
    let same = messages.as_array().unwrap().iter().filter(|it| it["content"] == stored["content"]);
    assert_eq!(same.count(), 1);
    hotel.nobody().get_until("/readyz", 200).await;
});
