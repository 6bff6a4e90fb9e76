//! Idempotency keys: a repeated write returns the first result and does nothing else.

use acceptance::{ApiClient, TestSocket, TestStay, Value, WorldOptions, json, on_both, on_sqlite, unique};
use futures_util::future::join_all;

async fn count_messages(client: &ApiClient, stay: &TestStay, words: &str) -> usize {
    let messages = client.get(stay.path("messages/?include=notes&limit=1000")).await.is(200);
    messages.as_array().unwrap().iter().filter(|it| it["content"] == words).count()
}

on_both!(a_repeated_idempotency_key_returns_the_first_response, |hotel| {
    let (staff, stay, key) = (hotel.of(0).await, hotel.relay(0), unique("k"));
    let send = |text: &str| {
        let (client, path, body) = (staff.key(&key), stay.path("send_message/"), json!({ "text": text }));
        async move { client.post(path, body).await }
    };
    let first = send("once").await;
    assert!(first.header("idempotent-replay").is_none());
    let first = first.is(201);
    let again = send("once").await;
    assert_eq!((again.is(200), again.header("idempotent-replay")), (first, Some("true")));
    assert_eq!(count_messages(&staff, &stay, "once").await, 1);
    send("something else").await.problem(409, "idempotency_mismatch");
    assert_eq!(count_messages(&staff, &stay, "something else").await, 0);
});

on_both!(bodies_are_compared_after_parsing, |hotel| {
    let (staff, stay, key) = (hotel.of(0).await, hotel.relay(0), unique("k"));
    let send = |body: &'static str| {
        let (client, path) = (staff.key(&key), stay.path("send_message/"));
        async move { client.send("POST", path, Some(body.into())).await }
    };
    send(r#"{"text":"caf\u00e9","seen_message_id":null}"#).await.is(201);
    let again = send("{ \"seen_message_id\" : null,\n \"text\" : \"café\" }").await;
    assert_eq!((again.status, again.header("idempotent-replay")), (200, Some("true")));
});

on_both!(a_key_belongs_to_one_staff_member_and_one_path, |hotel| {
    let (staff, manager, key) = (hotel.of(0).await, hotel.manager().await, unique("k"));
    let (first_stay, second_stay) = (hotel.active(0), hotel.active(1));
    let body = json!({ "text": "the same words" });
    let first = staff.key(&key).post(first_stay.path("notes/"), body.clone()).await.is(201);
    let other_path = staff.key(&key).post(second_stay.path("notes/"), body.clone()).await.is(201);
    let other_person = manager.key(&key).post(first_stay.path("notes/"), body.clone()).await.is(201);
    assert_ne!(first["id"], other_path["id"]);
    assert_ne!(first["id"], other_person["id"]);
    // The path with and without its trailing slash is the same path.
    let again = staff.key(&key).post(first_stay.path("notes"), body).await;
    assert_eq!(again.is(200)["id"], first["id"]);
});

on_both!(only_successful_responses_are_stored, |hotel| {
    let (staff, stay, key) = (hotel.of(0).await, hotel.relay(0), unique("k"));
    staff.post_empty(stay.path("close/")).await.is(200);
    let body = json!({ "text": "now or later" });
    staff.key(&key).post(stay.path("send_message/"), body.clone()).await.problem(409, "conversation_closed");
    staff.key(&key).post(stay.path("send_message/"), json!({ "text": "" })).await.problem(400, "invalid");
    staff.post_empty(stay.path("reopen/")).await.is(200);
    staff.key(&key).post(stay.path("send_message/"), body).await.is(201);
});

on_sqlite!(malformed_keys_are_rejected, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let body = json!({ "text": "x" });
    for bad in ["", "with space", "é", &"x".repeat(129)] {
        let response = staff.key(bad).post(stay.path("send_message/"), body.clone()).await;
        response.problem(400, "invalid");
    }
    staff.key(&format!("{}{}", unique("k"), "~".repeat(90))).post(stay.path("send_message/"), body).await.is(201);
});

on_both!(concurrent_requests_with_the_same_key_store_once, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    for (rest, words) in [("send_message/", "at once"), ("notes/", "a note at once")] {
        let key = unique("k");
        let sends = (0..16).map(|_| {
            let (client, path) = (staff.key(&key), stay.path(rest));
            async move { client.post(path, json!({ "text": words })).await }
        });
        let responses = join_all(sends).await;
        let mut statuses: Vec<u16> = responses.iter().map(|it| it.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses[15], 201, "{statuses:?}");
        assert!(statuses[..15].iter().all(|it| *it == 200), "{statuses:?}");
        let stored: Vec<Value> = responses.iter().map(|it| it.json()["id"].clone()).collect();
        assert!(stored.iter().all(|it| *it == stored[0]), "{stored:?}");
        assert_eq!(count_messages(&staff, &stay, words).await, 1);
    }
});

on_both!(every_write_accepts_a_key, |hotel| {
    let manager = hotel.manager().await;
    let stay = hotel.relay(0);
    let last = manager.get(stay.path("messages/?limit=1")).await.is(200)[0]["id"].clone();
    let writes = [
        (stay.path("start_relay/"), json!({ "department_id": hotel.departments[1].id, "note": "keyed" })),
        (stay.path("assign/"), json!({ "staff_id": null })),
        (stay.path("read/"), json!({ "message_id": last })),
        (stay.path("end_relay/"), json!({})),
        (stay.path("close/"), json!({})),
        (stay.path("reopen/"), json!({})),
        ("departments/".into(), json!({ "name": unique("Spa") })),
        ("templates/".into(), json!({ "name": unique("template"), "content": "Hello!" })),
        (format!("stays/{}/check_in/", stay.id), json!({})),
        (format!("stays/{}/check_out/", stay.id), json!({})),
    ];
    for (path, body) in writes {
        let key = unique("k");
        let first = manager.key(&key).post(&path, body.clone()).await;
        assert!((200..300).contains(&first.status), "{path}: {}", first.text());
        let again = manager.key(&key).post(&path, body).await;
        assert!([200, 204].contains(&again.status), "{path}: {}", again.status);
        assert_eq!((again.header("idempotent-replay"), again.body.clone()), (Some("true"), first.body), "{path}");
    }
    assert_eq!(count_messages(&manager, &stay, "keyed").await, 1);
});

on_both!(a_replayed_end_relay_changes_nothing, |hotel| {
    let (manager, stay, key) = (hotel.manager().await, hotel.relay(0), unique("k"));
    let end = || {
        let (client, path) = (manager.key(&key), stay.path("end_relay/"));
        async move { client.post_empty(path).await }
    };
    assert_eq!(end().await.is(200), json!({ "status": "relay ended" }));
    manager.post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[0].id })).await.is(200);
    assert_eq!(end().await.header("idempotent-replay"), Some("true"));
    assert_eq!(manager.get(stay.path("")).await.is(200)["status"], "relay");
});

on_both!(a_stored_response_is_returned_after_access_was_lost, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let (key, note) = (unique("k"), unique("k"));
    let body = json!({ "text": "before it went away" });
    let first = staff.key(&key).post(stay.path("send_message/"), body.clone()).await.is(201);
    let first_note = staff.key(&note).post(stay.path("notes/"), body.clone()).await.is(201);
    manager.post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[1].id })).await.is(200);
    staff.get(stay.path("")).await.problem(404, "not_found");
    assert_eq!(staff.key(&key).post(stay.path("send_message/"), body.clone()).await.is(200), first);
    assert_eq!(staff.key(&note).post(stay.path("notes/"), body.clone()).await.is(200), first_note);
    staff.key(&unique("k")).post(stay.path("send_message/"), body).await.problem(404, "not_found");
});

on_both!(client_ref_and_key_share_one_namespace, |hotel| {
    let (staff, stay, key) = (hotel.of(0).await, hotel.relay(0), unique("k"));
    let mut socket = TestSocket::open(&staff).await;
    let send = json!({ "command": "send_message", "stay_id": stay.id, "text": "one deed", "client_ref": key });
    let ack = socket.ok(send.clone()).await;
    let again = staff.key(&key).post(stay.path("send_message/"), json!({ "text": "one deed" })).await;
    assert_eq!((again.status, again.header("idempotent-replay")), (200, Some("true")));
    assert_eq!(again.json()["id"], ack["message"]["id"]);
    let third = socket.ok(send).await;
    assert_eq!(third["message"]["id"], ack["message"]["id"]);
    let other = json!({ "command": "send_message", "stay_id": stay.id, "text": "another", "client_ref": key });
    socket.refused(other, "idempotency_mismatch").await;
    assert_eq!(count_messages(&staff, &stay, "one deed").await, 1);
    // The same in the other direction.
    let key = unique("k");
    let first = staff.key(&key).post(stay.path("send_message/"), json!({ "text": "by REST" })).await.is(201);
    let send = json!({ "command": "send_message", "stay_id": stay.id, "text": "by REST", "client_ref": key });
    assert_eq!(socket.ok(send).await["message"]["id"], first["id"]);
    assert_eq!(count_messages(&staff, &stay, "by REST").await, 1);
});

on_both!(keys_survive_a_restart_and_message_keys_never_expire, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let (message_key, note_key) = (unique("k"), unique("k"));
    let body = json!({ "text": "for ever" });
    let first = staff.key(&message_key).post(stay.path("send_message/"), body.clone()).await.is(201);
    let note = staff.key(&note_key).post(stay.path("notes/"), body.clone()).await.is(201);
    world.kill();
    world.serve();
    let staff = hotel.sign_in(&staff.username, acceptance::PASSWORD).await;
    assert_eq!(staff.key(&message_key).post(stay.path("send_message/"), body.clone()).await.is(200), first);
    assert_eq!(staff.key(&note_key).post(stay.path("notes/"), body.clone()).await.is(200), note);
    world.advance(25 * 60 * 60);
    let staff = hotel.sign_in(&staff.username, acceptance::PASSWORD).await;
    assert_eq!(staff.key(&message_key).post(stay.path("send_message/"), body.clone()).await.is(200), first);
    let new_note = staff.key(&note_key).post(stay.path("notes/"), body).await.is(201);
    assert_ne!(new_note["id"], note["id"]);
});

on_sqlite!(a_known_key_takes_precedence_over_faults_of_the_repetition, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    for path in ["send_message/", "notes/"] {
        let (path, key) = (stay.path(path), unique("k"));
        let body = json!({ "text": "once" });
        let first = staff.key(&key).post(&path, body.clone()).await.is(201);
        let without_json = staff.with("accept", "image/png").key(&key);
        let again = without_json.post(&path, body).await;
        assert_eq!((again.is(200), again.header("idempotent-replay")), (first, Some("true")), "{path}");
        for (media_type, body) in
            [("application/json", "{"), ("application/json", r#"{"text":""}"#), ("text/plain", "x")]
        {
            let response =
                staff.with("content-type", media_type).key(&key).send("POST", &path, Some(body.into())).await;
            response.problem(409, "idempotency_mismatch");
        }
        let new_key = without_json.key(&unique("k"));
        new_key.post(&path, json!({ "text": "never stored" })).await.problem(406, "not_acceptable");
        assert_eq!(count_messages(&staff, &stay, "never stored").await, 0);
    }
});
