//! Drafts: stored for each staff member and conversation, shown on all devices, cleared by a send on request.

use acceptance::{ApiClient, TestSocket, TestStay, Value, json, on_both, on_sqlite, unique};

use crate::{is_time, keys};

/// Stores a draft and returns it.
async fn write_draft(client: &ApiClient, stay: &TestStay, body: Value) -> Value {
    client.put(stay.path("draft/"), body).await.is(200)
}

async fn has_draft(client: &ApiClient, stay: &TestStay) -> bool {
    client.get(stay.path("")).await.is(200)["has_draft"].as_bool().unwrap()
}

on_both!(a_draft_is_kept_as_typed_until_it_is_deleted, |hotel| {
    let (staff, colleague, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let message = hotel.send_guest_message(&stay.phone, "towels?").await["message_id"].clone();
    staff.get(stay.path("draft/")).await.problem(404, "not_found");
    assert!(!has_draft(&staff, &stay).await);
    let text = "  Two towels,\n of course ";
    let draft = write_draft(&staff, &stay, json!({ "text": text, "reply_to": message, "internal": true })).await;
    assert_eq!(keys(&draft), ["conversation_id", "internal", "reply_to", "text", "updated_at"]);
    assert!(is_time(&draft["updated_at"]), "{draft}");
    let expected = json!({
        "conversation_id": stay.conversation, "text": text, "reply_to": message, "internal": true,
        "updated_at": draft["updated_at"],
    });
    assert_eq!(draft, expected);
    assert_eq!(staff.get(stay.path("draft/")).await.is(200), draft);
    assert_eq!(staff.get("drafts/").await.is(200)["results"], json!([draft]));
    assert!(has_draft(&staff, &stay).await);
    let listed = staff.get("conversations/?page_size=100").await.is(200);
    let own = listed["results"].as_array().unwrap().iter().find(|it| it["id"] == stay.conversation).unwrap();
    assert_eq!(own["has_draft"], true);
    // Nobody else sees it.
    assert!(!has_draft(&colleague, &stay).await);
    colleague.get(stay.path("draft/")).await.problem(404, "not_found");
    assert_eq!(colleague.get("drafts/").await.is(200)["results"], json!([]));
    // A PUT replaces all fields.
    let other = write_draft(&staff, &stay, json!({ "text": "One" })).await;
    assert_eq!((&other["reply_to"], &other["internal"]), (&Value::Null, &json!(false)));
    assert!(other["updated_at"].as_str() > draft["updated_at"].as_str(), "{other} {draft}");
    // An empty text deletes it, and so does DELETE, also if there is none.
    let deleted = write_draft(&staff, &stay, json!({ "text": "" })).await;
    assert_eq!((&deleted["text"], &deleted["updated_at"]), (&json!(""), &Value::Null));
    assert!(!has_draft(&staff, &stay).await);
    write_draft(&staff, &stay, json!({ "text": "Again" })).await;
    for _ in 0..2 {
        staff.send("DELETE", stay.path("draft/"), None).await.is(204);
        staff.get(stay.path("draft/")).await.problem(404, "not_found");
    }
});

on_both!(a_draft_of_another_device_is_not_overwritten, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let put = async |body: Value| staff.put(stay.path("draft/"), body).await;
    let first = put(json!({ "text": "first", "base_updated_at": null })).await.is(200);
    let refused = put(json!({ "text": "second", "base_updated_at": null })).await.problem(409, "draft_conflict");
    assert_eq!(refused["draft"], first);
    let second = put(json!({ "text": "second", "base_updated_at": first["updated_at"] })).await.is(200);
    // A deletion conflicts in the same way.
    let stale = json!({ "text": "", "base_updated_at": first["updated_at"] });
    assert_eq!(put(stale).await.problem(409, "draft_conflict")["draft"], second);
    assert_eq!(staff.get(stay.path("draft/")).await.is(200), second);
    // Any notation of the same time is accepted. Without the key the last write wins.
    let same = second["updated_at"].as_str().unwrap().replace('Z', "+00:00");
    put(json!({ "text": "third", "base_updated_at": same })).await.is(200);
    put(json!({ "text": "" })).await.is(200);
    let gone =
        put(json!({ "text": "x", "base_updated_at": second["updated_at"] })).await.problem(409, "draft_conflict");
    assert_eq!(gone.get("draft"), Some(&Value::Null));
    // Of several devices that begin from the same state, one wins.
    let all =
        futures_util::future::join_all((0..8).map(|n| {
            staff.put(stay.path("draft/"), json!({ "text": format!("device {n}"), "base_updated_at": null }))
        }))
        .await;
    let stored = staff.get(stay.path("draft/")).await.is(200);
    assert_eq!(all.iter().filter(|it| it.status == 200).count(), 1);
    for conflict in all.iter().filter(|it| it.status != 200) {
        assert_eq!(conflict.problem(409, "draft_conflict")["draft"], stored);
    }
});

on_sqlite!(invalid_drafts_are_refused, |hotel| {
    let (staff, stay, other) = (hotel.of(0).await, hotel.relay(0), hotel.relay(1));
    let foreign = hotel.send_guest_message(&other.phone, "elsewhere").await["message_id"].clone();
    for (body, field) in [
        (json!({}), "text"),
        (json!({ "text": null }), "text"),
        (json!({ "text": "a\0" }), "text"),
        (json!({ "text": "x".repeat(4097) }), "text"),
        (json!({ "text": "x", "reply_to": foreign }), "reply_to"),
        (json!({ "text": "x", "internal": "yes" }), "internal"),
        (json!({ "text": "x", "base_updated_at": "yesterday" }), "base_updated_at"),
    ] {
        assert_eq!(staff.put(stay.path("draft/"), body.clone()).await.bad_fields(), [field], "{body}");
    }
    write_draft(&staff, &stay, json!({ "text": "é".repeat(4096) })).await;
    // A repetition under the same key changes nothing.
    let key = unique("k");
    let first = staff.key(&key).put(stay.path("draft/"), json!({ "text": "one" })).await.is(200);
    write_draft(&staff, &stay, json!({ "text": "two" })).await;
    assert_eq!(staff.key(&key).put(stay.path("draft/"), json!({ "text": "one" })).await.is(200), first);
    assert_eq!(staff.get(stay.path("draft/")).await.is(200)["text"], "two");
});

on_both!(only_a_send_that_asks_for_it_clears_the_draft, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let template = hotel.manager().await.post("templates/", json!({ "name": unique("t"), "content": "Hello!" })).await;
    let template = template.is(201)["id"].clone();
    let mut socket = TestSocket::open(&staff).await;
    let form = |clears: &str| {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
             hi\r\n--x\r\nContent-Disposition: form-data; name=\"clears_draft\"\r\n\r\n{clears}\r\n--x--\r\n"
        )
    };
    for clears in [false, true] {
        let check = async |what: &str| assert_eq!(has_draft(&staff, &stay).await, !clears, "{what} {clears}");
        let begin = async || write_draft(&staff, &stay, json!({ "text": "begun" })).await;
        begin().await;
        staff.post(stay.path("send_message/"), json!({ "text": "x", "clears_draft": clears })).await.is(201);
        check("send_message").await;
        begin().await;
        let body = json!({ "template_id": template, "clears_draft": clears });
        staff.post(stay.path("send_template/"), body).await.is(201);
        check("send_template").await;
        begin().await;
        staff.post(stay.path("notes/"), json!({ "text": "x", "clears_draft": clears })).await.is(201);
        check("notes").await;
        begin().await;
        let upload = staff.with("content-type", "multipart/form-data; boundary=x");
        let body = form(&clears.to_string()).into_bytes();
        upload.send("POST", stay.path("attachments/"), Some(body)).await.is(201);
        check("attachments").await;
        begin().await;
        let command = json!({ "command": "send_message", "stay_id": stay.id, "text": "x", "clears_draft": clears });
        socket.ok(command).await;
        check("command").await;
    }
    // A refused send clears nothing: both happen in one transaction.
    write_draft(&staff, &stay, json!({ "text": "kept" })).await;
    staff.post_empty(stay.path("close/")).await.is(200);
    let refused = staff.post(stay.path("send_message/"), json!({ "text": "x", "clears_draft": true })).await;
    refused.problem(409, "conversation_closed");
    assert!(has_draft(&staff, &stay).await);
    // Drafts of closed conversations can be changed, too.
    write_draft(&staff, &stay, json!({ "text": "still" })).await;
    staff.send("DELETE", stay.path("draft/"), None).await.is(204);
});

on_both!(a_changed_draft_is_sent_to_the_writers_other_sockets, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let (mut desk, mut phone) = (TestSocket::open(&staff).await, TestSocket::open(&staff).await);
    let mut colleague = TestSocket::open(&hotel.manager().await).await;
    for socket in [&mut phone, &mut colleague] {
        socket.subscribe(stay.id).await;
    }
    let draft = write_draft(&staff, &stay, json!({ "text": "begun" })).await;
    let updated = |draft: &Value| {
        json!({
            "type": "draft_updated", "conversation_id": stay.conversation, "stay_id": stay.id, "draft": draft,
        })
    };
    // Over REST there is no sending socket to leave out.
    for socket in [&mut desk, &mut phone] {
        assert_eq!(socket.next().await, updated(&draft));
    }
    let send = json!({ "command": "send_message", "stay_id": stay.id, "text": "x", "clears_draft": true });
    desk.ok(send.clone()).await;
    assert_eq!(phone.skip_to("draft_updated").await, updated(&Value::Null));
    // The next send finds no draft, so nothing changes.
    desk.ok(send).await;
    write_draft(&staff, &stay, json!({ "text": "more" })).await;
    phone.skip_to("draft_updated").await;
    staff.send("DELETE", stay.path("draft/"), None).await.is(204);
    assert_eq!(phone.next().await, updated(&Value::Null));
    let received = desk.events_so_far(&hotel).await;
    let drafts: Vec<&Value> = received.iter().filter(|it| it["type"] == "draft_updated").collect();
    assert_eq!(drafts.len(), 2, "{received:?}");
    let received = colleague.events_so_far(&hotel).await;
    assert!(received.iter().all(|it| it["type"] != "draft_updated"), "{received:?}");
});

on_both!(a_draft_of_an_invisible_conversation_is_kept_and_hidden, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let draft = write_draft(&staff, &stay, json!({ "text": "mine" })).await;
    let route = async |department: usize| {
        let body = json!({ "department_id": hotel.departments[department].id });
        manager.post(stay.path("start_relay/"), body).await.is(200)
    };
    route(1).await;
    staff.get(stay.path("draft/")).await.problem(404, "not_found");
    staff.put(stay.path("draft/"), json!({ "text": "" })).await.problem(404, "not_found");
    staff.send("DELETE", stay.path("draft/"), None).await.problem(404, "not_found");
    assert_eq!(staff.get("drafts/").await.is(200)["results"], json!([]));
    route(0).await;
    assert_eq!(staff.get("drafts/").await.is(200)["results"], json!([draft]));
    assert_eq!(staff.get(stay.path("draft/")).await.is(200), draft);
});
