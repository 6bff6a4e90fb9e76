//! Retention: maintenance deletes expired rows and keeps the rest.

use std::time::Duration;

use acceptance::{ApiClient, PASSWORD, WorldOptions, json, on_both, unique};
use tokio::time::Instant;

/// Longest wait for the maintenance that runs at the start of a server.
const MAINTENANCE_TIMEOUT: Duration = Duration::from_secs(20);

on_both!(expired_rows_are_deleted_by_several_nodes, WorldOptions::default().set("EVENT_RETENTION_DAYS", 1) => |world| {
    let hotel = world.hotel();
    let (manager, stay, key) = (hotel.manager().await, hotel.relay(0), unique("key"));
    let logged_out = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    logged_out.post_empty("/api/auth/logout/").await.is(204);
    manager.key(&key).post_empty(stay.path("close/")).await.is(200);
    manager.key(&key).post_empty(stay.path("reopen/")).await.is(200);
    manager.key(&key).post(stay.path("send_message/"), json!({ "text": "kept" })).await.is(201);
    let login = json!({ "username": hotel.member_of(1).username, "password": "not theirs" });
    hotel.anonymous().post("/api/auth/login/", login).await.problem(401, "bad_credentials");
    let tables = ["events", "idempotency_keys", "login_attempts", "sessions WHERE revoked_at IS NOT NULL"];
    let remaining = || tables.map(|table| world.number(&format!("SELECT count(*) FROM {table}")));
    assert!(remaining().iter().all(|count| *count > 0), "{:?}", remaining());
    world.advance(2 * 86_400);
    // Maintenance runs at the start of each node.
    world.kill();
    let another = world.another_node();
    world.serve();
    let start = Instant::now();
    while remaining() != [0; 4] {
        assert!(start.elapsed() < MAINTENANCE_TIMEOUT, "{:?}", remaining());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Idempotency keys of messages and live sessions never expire.
    let manager = hotel.sign_in(&manager.username, PASSWORD).await;
    manager.key(&key).post(stay.path("send_message/"), json!({ "text": "kept" })).await.is(200);
    for world in [&world, &another] {
        assert!(!world.log_text().contains("maintenance task failed"), "{}", world.log_text());
    }
});

on_both!(keys_of_sends_to_guests_are_kept_forever, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (manager, stay, key) = (hotel.manager().await, hotel.relay(0), unique("key"));
    let body = json!({ "name": unique("towels"), "content": "Your towels are on their way." });
    let template = manager.post("templates/", body).await.is(201)["id"].clone();
    let send = async |manager: &ApiClient, expected: u16| {
        let keyed = manager.key(&key);
        let message = keyed.post(stay.path("send_template/"), json!({ "template_id": template })).await.is(expected);
        let head = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"menu.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\nSoup\r\n--edge--\r\n";
        let form = keyed.with("content-type", "multipart/form-data; boundary=edge");
        let file = form.send("POST", stay.path("attachments/"), Some(head.as_bytes().to_vec())).await.is(expected);
        (message["id"].clone(), file["id"].clone())
    };
    let first = send(&manager, 201).await;
    manager.key(&key).post_empty(stay.path("close/")).await.is(200);
    world.advance(2 * 86_400);
    world.kill();
    world.serve();
    // Wait until maintenance has deleted the key of the close.
    let start = Instant::now();
    while world.number("SELECT count(*) FROM idempotency_keys WHERE path LIKE '%/close/'") > 0 {
        assert!(start.elapsed() < MAINTENANCE_TIMEOUT);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let manager = hotel.sign_in(&manager.username, PASSWORD).await;
    assert_eq!(send(&manager, 200).await, first);
});
