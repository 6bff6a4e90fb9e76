//! Rules of all REST calls: paths, methods, media types, validation, pages, headers, CORS.

use std::sync::Arc;

use acceptance::{DatabaseKind, TestWorld, WorldOptions, alone, json, on_both, on_sqlite, raw_http, unique};

use crate::{ids, is_time};

const FORM_MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

on_sqlite!(a_path_works_without_its_trailing_slash, |hotel| {
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

on_sqlite!(unauthenticated_requests_get_401, |hotel| {
    let anonymous = hotel.anonymous();
    for path in ["conversations/", "conversations/1/", "no/such/thing/", "staff/", "/api/auth/me/"] {
        anonymous.get(path).await.problem(401, "unauthenticated");
        anonymous.bearer("x").get(path).await.problem(401, "unauthenticated");
    }
});

on_sqlite!(unknown_paths_and_ids_get_404, |hotel| {
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
    // A planned call does not exist yet.
    staff.get("rooms/").await.problem(404, "not_found");
});

on_sqlite!(unknown_methods_get_405_with_allow, |hotel| {
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
        let response = staff.send(method, path, None).await;
        response.problem(405, "method_not_allowed");
        let allow = response.header("allow").unwrap().to_owned();
        assert!(allow.split(',').any(|it| it.trim() == allowed), "{method} {path}: {allow}");
        assert!(!allow.split(',').any(|it| it.trim() == method), "{method} {path}: {allow}");
    }
});

on_sqlite!(responses_are_json_or_406, |hotel| {
    let staff = hotel.of(0).await;
    for wanted in ["text/html", "image/*", "application/xml;q=0.9", "application/json;q=0"] {
        staff.with("accept", wanted).get("conversations/").await.problem(406, "not_acceptable");
    }
    for wanted in ["*/*", "application/*", "text/html, application/json;q=0.1", "application/json; charset=utf-8"] {
        let response = staff.with("accept", wanted).get("conversations/").await;
        response.is(200);
        assert!(response.header("content-type").unwrap().starts_with("application/json"));
    }
});

on_sqlite!(request_bodies_are_json_or_415, |hotel| {
    let staff = hotel.of(0).await;
    let path = hotel.relay(0).path("send_message/");
    let body = || Some(br#"{"text":"hello"}"#.to_vec());
    for media in ["text/plain", FORM_MEDIA_TYPE, "multipart/form-data; boundary=x", "application/jsonx", "nonsense"] {
        let response = staff.with("content-type", media).send("POST", &path, body()).await;
        response.problem(415, "unsupported_media_type");
    }
    for media in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        staff.with("content-type", media).send("POST", &path, body()).await.is(201);
    }
});

on_sqlite!(invalid_json_gets_400, |hotel| {
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
        let response = staff.with("content-type", "application/json").send("POST", &path, Some(body.to_vec())).await;
        response.problem(400, "bad_json");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    staff.send("POST", &path, Some(deep.into_bytes())).await.problem(400, "bad_json");
    // Valid JSON, but no object.
    for body in ["[]", "5", "null", "\"text\""] {
        let response = staff.send("POST", &path, Some(body.into())).await;
        assert_eq!(response.status, 400, "{body}");
    }
});

on_both!(message_texts_are_validated, |hotel| {
    let staff = hotel.of(0).await;
    let path = hotel.relay(0).path("send_message/");
    let texts = [json!(""), json!(" \t\u{2003}\n"), json!("a\0b"), json!("x".repeat(4097)), json!(5), json!(null)];
    for text in texts {
        assert_eq!(staff.post(&path, json!({ "text": text })).await.bad_fields(), ["text"]);
    }
    assert_eq!(staff.post(&path, json!({})).await.bad_fields(), ["text"]);
    // The limit counts characters, not bytes.
    let long = "🛎".repeat(4096);
    assert_eq!(staff.post(&path, json!({ "text": long })).await.is(201)["content"], long);
    let trimmed = staff.post(&path, json!({ "text": "\u{a0} two\n towels \u{3000}" })).await.is(201);
    assert_eq!(trimmed["content"], "two\n towels");
    let odd = "e\u{301} \u{202e}x \u{feff}y 👩‍👩‍👧";
    assert_eq!(staff.post(&path, json!({ "text": odd })).await.is(201)["content"], odd);
});

on_both!(nul_in_any_string_is_refused, |hotel| {
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

on_sqlite!(invalid_query_parameters_get_400, |hotel| {
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

on_sqlite!(a_body_over_256_kib_gets_413, |hotel| {
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

on_sqlite!(a_chunked_body_over_256_kib_gets_413, |hotel| {
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

on_sqlite!(a_malformed_request_gets_the_same_response_for_visible_and_invisible_objects, |hotel| {
    let staff = hotel.of(0).await;
    let paths = [hotel.relay(0).path("send_message/"), hotel.relay(1).path("send_message/")];
    for (media_type, body) in [
        ("application/json", b"{".to_vec()),
        ("application/json", br#"{"text":""}"#.to_vec()),
        ("text/plain", b"x".to_vec()),
        ("application/json", vec![b'x'; 300 * 1024]),
    ] {
        let client = staff.with("content-type", media_type);
        let visible = client.send("POST", &paths[0], Some(body.clone())).await;
        let invisible = client.send("POST", &paths[1], Some(body)).await;
        assert_eq!((visible.status, visible.body), (invisible.status, invisible.body));
    }
});

on_sqlite!(objects_of_another_hotel_are_404_and_a_forbidden_role_is_403, |hotel| {
    let (staff, anonymous) = (hotel.of(0).await, hotel.anonymous());
    anonymous.send("DELETE", "nothing/", None).await.problem(401, "unauthenticated");
    let foreign_department =
        hotel.world.generated["hotels"].as_array().unwrap().last().unwrap()["departments"][0]["id"].clone();
    staff.patch(format!("departments/{foreign_department}/"), json!({ "name": "x" })).await.problem(404, "not_found");
    let own = format!("departments/{}/", hotel.departments[0].id);
    staff.patch(own, json!({ "name": "x" })).await.problem(403, "forbidden");
    let closed = hotel.relay(0);
    staff.post_empty(closed.path("close/")).await.is(200);
    staff.post(closed.path("send_message/"), json!({ "text": "" })).await.problem(400, "invalid");
    staff.post(closed.path("send_message/"), json!({ "text": "x" })).await.problem(409, "conversation_closed");
});

on_both!(lists_are_paged, |hotel| {
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

on_both!(a_list_by_cursor_neither_repeats_nor_omits_what_changes_meanwhile, |hotel| {
    let manager = hotel.manager().await;
    let base = hotel.world.base();
    for (filter, expected) in [("status=relay,active", 6), ("status=relay,active&search=0", 6), ("status=relay", 3)] {
        let mut every = ids(&manager.get(format!("conversations/?{filter}")).await.is(200)["results"]);
        every.sort_unstable_by(|a, b| b.cmp(a));
        let mut found = Vec::new();
        let mut next = Some(format!("conversations/?{filter}&page_size=2&page=7&cursor="));
        while let Some(path) = next {
            let part = manager.get(path.strip_prefix(&base).unwrap_or(&path)).await.is(200);
            assert_eq!((&part["count"], &part["previous"]), (&json!(expected), &json!(null)), "{filter}");
            found.extend(ids(&part["results"]));
            // By page, the oldest conversation would now be the first one, and its neighbour would be left out.
            hotel.send_guest_message(&hotel.relay(0).phone, "Hello?").await;
            next = part["next"].as_str().map(str::to_owned);
            assert!(next.iter().all(|it| !it.contains("page=")), "{next:?}");
        }
        assert_eq!(found, every, "{filter}");
    }
    for cursor in ["x", "0", "-1"] {
        let path = format!("conversations/?cursor={cursor}");
        assert!(manager.get(path).await.problem(400, "invalid")["errors"]["cursor"].is_array(), "{cursor}");
    }
});

on_sqlite!(an_empty_list_has_a_first_page, |hotel| {
    let list = hotel.manager().await.get("conversations/?status=closed&page=1").await.is(200);
    assert_eq!(list, json!({ "count": 0, "next": null, "previous": null, "results": [] }));
    hotel.manager().await.get("conversations/?status=closed&page=2").await.problem(404, "not_found");
});

on_sqlite!(page_links_use_the_public_url, WorldOptions::default().set("PUBLIC_URL", "https://mm.example/") => |world| {
    let hotel = world.hotel();
    let page = hotel.manager().await.get("staff/?page_size=1").await.is(200);
    let next = page["next"].as_str().unwrap();
    assert!(next.starts_with("https://mm.example/api/message_manager/staff/?"), "{next}");
});

on_sqlite!(every_response_has_a_request_id, |hotel| {
    let staff = hotel.of(0).await;
    let (one, two) = (staff.get("conversations/").await, staff.get("conversations/").await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
    let own = staff.with("x-request-id", "my-own-id-42").get("conversations/").await;
    assert_eq!(own.header("x-request-id"), Some("my-own-id-42"));
    let long = "x".repeat(65);
    let refused = staff.with("x-request-id", &long).get("conversations/").await;
    assert_ne!(refused.header("x-request-id"), Some(long.as_str()));
    for path in ["/", "/healthz", "/nowhere.txt"] {
        assert!(hotel.anonymous().get(path).await.header("x-request-id").is_some());
    }
});

on_both!(conversations_and_messages_carry_epoch_and_seq, |hotel| {
    let staff = hotel.of(0).await;
    let stay = hotel.relay(0);
    let paths =
        ["conversations/".into(), "conversations/active_conversations/".into(), stay.path(""), stay.path("messages/")];
    for path in &paths {
        let before = staff.get(path).await;
        let seq: i64 = before.header("x-event-seq").unwrap().parse().unwrap();
        assert!(!before.header("x-event-epoch").unwrap().is_empty());
        hotel.send_message(&staff, &stay, "one more").await;
        let after = staff.get(path).await;
        assert!(after.header("x-event-seq").unwrap().parse::<i64>().unwrap() > seq, "{path}");
        assert_eq!(before.header("x-event-epoch"), after.header("x-event-epoch"));
    }
});

on_both!(times_are_utc, |hotel| {
    let staff = hotel.of(0).await;
    let stay = hotel.relay(0);
    hotel.send_message(&staff, &stay, "now").await;
    let details = staff.get(stay.path("")).await.is(200);
    assert!(is_time(&details["created_at"]) && is_time(&details["updated_at"]), "{details}");
    let messages = staff.get(stay.path("messages/")).await.is(200);
    assert!(messages.as_array().unwrap().iter().all(|details| is_time(&details["timestamp"])), "{messages}");
});

on_sqlite!(allowed_origins_get_cors_headers, |hotel| {
    let staff = hotel.of(0).await;
    let origin = "http://console.example";
    let preflight = hotel
        .anonymous()
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
    let response = staff.with("origin", origin).get("conversations/").await;
    assert_eq!(response.header("access-control-allow-origin"), Some(origin));
    assert!(response.header("vary").unwrap_or_default().to_lowercase().contains("origin"), "{response:?}");
    let exposed = response.header("access-control-expose-headers").unwrap_or_default().to_lowercase();
    for name in ["link", "retry-after", "idempotent-replay", "x-request-id", "x-event-seq", "x-event-epoch"] {
        assert!(exposed.contains(name), "{name}: {exposed}");
    }
    // Pages of allowed origins can read error responses too.
    let error = hotel.anonymous().with("origin", origin).get("conversations/").await;
    assert_eq!((error.status, error.header("access-control-allow-origin")), (401, Some(origin)));
    let foreign = staff.with("origin", "http://evil.example").get("conversations/").await;
    assert_eq!((foreign.status, foreign.header("access-control-allow-origin")), (200, None));
});

on_sqlite!(hidden_and_missing_conversations_get_the_same_404, |hotel| {
    let staff = hotel.of(0).await;
    let missing = staff.get("conversations/9000000000/").await.problem(404, "not_found");
    let hidden = staff.get(hotel.relay(1).path("")).await.problem(404, "not_found");
    assert_eq!(missing, hidden);
});

#[test]
fn an_unavailable_postgresql_gets_503_and_a_repeated_key_stores_once() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let hotel = world.hotel();
        let staff = hotel.of(0).await;
        world.set_reachable(false);
        let path = hotel.relay(0).path("send_message/");
        let key = unique("key");
        let refused = staff.key(&key).post(&path, json!({ "text": "are you there?" })).await;
        refused.problem(503, "unavailable");
        staff.get("conversations/").await.problem(503, "unavailable");
        hotel.anonymous().get_until("/readyz", 503).await;
        assert_eq!(hotel.anonymous().get("/healthz").await.status, 200);
        world.set_reachable(true);
        let mut tries = 0;
        let stored = loop {
            let response = staff.key(&key).post(&path, json!({ "text": "are you there?" })).await;
            if response.status == 201 {
                break response.json();
            }
            response.problem(503, "unavailable");
            tries += 1;
            assert!(tries < 100, "the database does not become available again");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        };
        let messages = staff.get(hotel.relay(0).path("messages/")).await.is(200);
        let same = messages.as_array().unwrap().iter().filter(|it| it["content"] == stored["content"]);
        assert_eq!(same.count(), 1);
        hotel.anonymous().get_until("/readyz", 200).await;
    });
}
