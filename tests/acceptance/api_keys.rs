//! API keys of other systems. The calls that a key may not make are in the access table.

use std::time::{Duration, Instant};

use acceptance::{ApiClient, TestHotel, Value, WorldOptions, json, on_both, unique};
use tokio::time::sleep;

use crate::{command_line::error_line, keys};

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";

on_both!(an_api_key_is_printed_once_and_only_its_digest_is_stored, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let id = hotel.id.to_string();
    let created = world.run(&["api-key", "create", "--hotel", &id, "--name", "Booking system"]).json();
    assert_eq!(keys(&created), ["id", "key"]);
    let key = created["key"].as_str().unwrap();
    // At least 128 random bits after a prefix that distinguishes keys from access tokens.
    assert!(key.starts_with("mmk_") && key.len() >= 4 + 22, "{key}");
    let other = world.run(&["api-key", "create", "--hotel", &id, "--name", "Booking system"]).json();
    assert_ne!(other["key"], key);
    let count_rows_with_key = |column: &str| world.number(&format!("SELECT count(*) FROM api_keys WHERE {column} LIKE '%{}%'", &key[4..]));
    assert_eq!((count_rows_with_key("digest"), count_rows_with_key("name")), (0, 0));
    assert_eq!(world.number("SELECT count(*) FROM api_keys WHERE length(digest) = 64"), 2);
    let system = hotel.anonymous().bearer(key);
    system.post_empty(format!("stays/{}/check_in/", hotel.active(0).id)).await.is(200);
    system.get("hotel/").await.problem(403, "forbidden");
    hotel.anonymous().bearer(&key[..key.len() - 1]).get("hotel/").await.problem(401, "unauthenticated");
    hotel.anonymous().bearer(&format!("{key}x")).get("hotel/").await.problem(401, "unauthenticated");
    assert!(!world.log_text().contains(&key[4..]));
    let failure = world.run(&["api-key", "create", "--hotel", "9000000000", "--name", "x"]);
    assert_eq!(failure.fails(1).lines().count(), 1);
});

on_both!(an_api_key_imports_stays_and_checks_guests_in_and_out, |hotel| {
    let (system, manager) = (hotel.system(), hotel.manager().await);
    let (code, phone) = (unique("R"), hotel.unused_phone());
    let table = format!("{HEADER}\n{code},Ana,{phone},1,2030-05-01,2030-05-02\n");
    let csv = system.with("content-type", "text/csv");
    let import = || csv.send("POST", "stays/import/", Some(table.clone().into()));
    assert_eq!(import().await.is(200)["rows"][0]["result"], "created");
    let stay = manager.get("stays/").await.is(200)["results"][0].clone();
    assert_eq!(stay["reservation_code"], code);
    let path = |action: &str| format!("stays/{}/{action}/", stay["id"]);
    let checked_in = system.post_empty(path("check_in")).await.is(200);
    assert!(checked_in["checked_in_at"].is_string(), "{checked_in}");
    let conversation = hotel.send_guest_message(&phone, "Here I am").await["conversation_id"].clone();
    system.post_empty(path("check_out")).await.is(200);
    assert_eq!(manager.get(format!("conversations/{conversation}/")).await.is(200)["status"], "closed");
    // The audit row names the API key instead of a staff member.
    let rows = format!("SELECT count(*) FROM audit WHERE action = 'closed' AND conversation_id = {conversation}");
    assert_eq!(hotel.world.number(&format!("{rows} AND actor IS NULL AND api_key_id IS NOT NULL")), 1);
    // These calls change nothing if repeated, so an idempotency key is not stored.
    let keyed = system.key(&unique("k"));
    for _ in 0..2 {
        let again = keyed.post(path("check_in"), json!({})).await;
        assert_eq!((again.status, again.header("idempotent-replay")), (200, None));
    }
    assert_eq!(import().await.is(200)["rows"][0]["result"], "unchanged");
});

on_both!(an_api_key_is_limited_to_its_hotel, |hotel| {
    let foreign = hotel.world.hotel().system();
    let stay = hotel.active(0);
    for action in ["check_in", "check_out"] {
        foreign.post_empty(format!("stays/{}/{action}/", stay.id)).await.problem(404, "not_found");
    }
    let before = hotel.manager().await.get("stays/").await.is(200)["count"].clone();
    let table = format!("{HEADER}\n{},Ana,{},1,2030-05-01,2030-05-02\n", unique("R"), hotel.unused_phone());
    foreign.with("content-type", "text/csv").send("POST", "stays/import/", Some(table.into())).await.is(200);
    assert_eq!(hotel.manager().await.get("stays/").await.is(200)["count"], before);
});

/// The entry of a key in the list.
async fn entry(manager: &ApiClient, id: &Value) -> Option<Value> {
    let list = manager.get("api_keys/").await.is(200);
    list["results"].as_array().unwrap().iter().find(|it| it["id"] == *id).cloned()
}

/// A client with this key.
fn system(hotel: &TestHotel, created: &Value) -> ApiClient {
    hotel.anonymous().bearer(created["key"].as_str().unwrap())
}

/// Waits until the last use of a key is another one, and returns it.
async fn next_use(manager: &ApiClient, id: &Value, before: &Value) -> Value {
    let start = Instant::now();
    loop {
        let used = entry(manager, id).await.unwrap()["last_used_at"].clone();
        if used != *before {
            return used;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "the use is not stored");
        sleep(Duration::from_millis(20)).await;
    }
}

on_both!(managers_create_list_and_revoke_keys, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let created = manager.post("api_keys/", json!({ "name": " Booking system " })).await.is(201);
    assert_eq!(keys(&created), ["created_at", "expires_at", "id", "key", "last_used_at", "name"]);
    assert_eq!((&created["name"], &created["expires_at"]), (&json!("Booking system"), &Value::Null));
    let mut listed = created.clone();
    listed.as_object_mut().unwrap().remove("key");
    assert_eq!(entry(&manager, &created["id"]).await, Some(listed));
    let system = system(&hotel, &created);
    assert!(system.get("stays/").await.is(200)["count"].as_i64().unwrap() > 0);
    let path = format!("api_keys/{}/", created["id"]);
    for (client, status, code) in [(&*staff, 403, "forbidden"), (&system, 403, "forbidden")] {
        client.get("api_keys/").await.problem(status, code);
        client.post("api_keys/", json!({ "name": "x" })).await.problem(status, code);
        client.send("DELETE", &path, None).await.problem(status, code);
    }
    let foreign = hotel.world.hotel().manager().await;
    foreign.send("DELETE", &path, None).await.problem(404, "not_found");
    // The key is refused everywhere at once: also where it was forbidden, and on paths that do not exist.
    manager.send("DELETE", &path, None).await.is(204);
    for path in ["stays/", "hotel/", "nothing/", "/api/auth/me/"] {
        system.get(path).await.problem(401, "unauthenticated");
    }
    manager.send("DELETE", &path, None).await.problem(404, "not_found");
    assert_eq!(entry(&manager, &created["id"]).await, None);
    let audited = format!("FROM audit WHERE hotel_id = {} AND actor = {}", hotel.id, manager.id);
    let count = |action: &str| hotel.world.number(&format!("SELECT count(*) {audited} AND action = '{action}'"));
    assert_eq!((count("api_key_created"), count("api_key_revoked")), (1, 1));
});

on_both!(faulty_keys_are_refused, |hotel| {
    let manager = hotel.manager().await;
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("a\u{202e}b")),
        ("name", json!(7)),
        ("expires_at", json!("2020-01-01T00:00:00Z")),
        ("expires_at", json!("tomorrow")),
    ] {
        let mut body = json!({ "name": "Booking system" });
        body[field] = value.clone();
        assert_eq!(manager.post("api_keys/", body).await.bad_fields(), [field], "{value}");
    }
    let present = manager.get("api_keys/").await.is(200)["count"].as_i64().unwrap();
    for _ in present..100 {
        manager.post("api_keys/", json!({ "name": "one of many" })).await.is(201);
    }
    assert_eq!(manager.post("api_keys/", json!({ "name": "one more" })).await.bad_fields(), ["name"]);
});

on_both!(an_expired_key_is_refused_at_once, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let manager = hotel.manager().await;
    let end = "2099-01-01T00:00:00Z";
    let created = manager.post("api_keys/", json!({ "name": "PMS", "expires_at": end })).await.is(201);
    assert_eq!(created["expires_at"], end);
    let system = system(&hotel, &created);
    system.get("stays/").await.is(200);
    let now = match world.backend {
        acceptance::DatabaseKind::Sqlite => "1",
        acceptance::DatabaseKind::Postgres => "now()",
    };
    world.sql(&format!("UPDATE api_keys SET expires_at = {now} WHERE id = {}", created["id"])).unwrap();
    system.get("stays/").await.problem(401, "unauthenticated");
    system.get("hotel/").await.problem(401, "unauthenticated");
    // It is listed, so that a manager can see why the system stopped.
    assert_ne!(entry(&manager, &created["id"]).await.unwrap()["expires_at"], end);
});

on_both!(the_last_use_is_stored_at_most_once_a_minute, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let manager = hotel.manager().await;
    let created = manager.post("api_keys/", json!({ "name": "PMS" })).await.is(201);
    let system = system(&hotel, &created);
    system.get("stays/").await.is(200);
    let first = next_use(&manager, &created["id"], &Value::Null).await;
    for _ in 0..5 {
        system.get("stays/").await.is(200);
    }
    sleep(Duration::from_millis(300)).await;
    assert_eq!(entry(&manager, &created["id"]).await.unwrap()["last_used_at"], first);
    world.advance(61);
    // A forbidden call is a use, too.
    system.get("hotel/").await.problem(403, "forbidden");
    assert!(next_use(&manager, &created["id"], &first).await.as_str() > first.as_str());
});

on_both!(a_replay_creates_no_second_key_and_does_not_show_the_first, |hotel| {
    let manager = hotel.manager().await;
    let keyed = manager.key(&unique("k"));
    let created = keyed.post("api_keys/", json!({ "name": "PMS" })).await.is(201);
    let again = keyed.post("api_keys/", json!({ "name": "PMS" })).await;
    assert_eq!((again.status, again.header("idempotent-replay")), (200, Some("true")));
    let again = again.json();
    assert_eq!((&again["id"], &again["key"]), (&created["id"], &Value::Null));
    assert_eq!(manager.get("api_keys/").await.is(200)["count"], 1);
    let secret = &created["key"].as_str().unwrap()[4..];
    let stored = format!("SELECT count(*) FROM idempotency_keys WHERE answer LIKE '%{secret}%'");
    assert_eq!(hotel.world.number(&stored), 0);
});

on_both!(the_command_line_lists_and_revokes_keys_of_a_running_server, |hotel| {
    let id = hotel.id.to_string();
    let run = |arguments: &[&str]| hotel.world.run(&[&["api-key"][..], arguments].concat());
    let created = run(&["create", "--hotel", &id, "--name", "PMS", "--expires-at", "2099-01-31T00:00:00+01:00"]).json();
    assert_eq!(keys(&created), ["id", "key"]);
    let listed = run(&["list", "--hotel", &id]).json();
    assert_eq!(keys(&listed), ["keys"]);
    assert_eq!(keys(&listed["keys"][0]), ["created_at", "expires_at", "id", "last_used_at", "name"]);
    assert_eq!(listed["keys"][0]["expires_at"], "2099-01-30T23:00:00Z");
    let system = system(&hotel, &created);
    system.get("stays/").await.is(200);
    let number = created["id"].to_string();
    assert_eq!(run(&["revoke", &number]).json(), json!({ "id": created["id"] }));
    system.get("stays/").await.problem(401, "unauthenticated");
    assert_eq!(run(&["list", "--hotel", &id]).json()["keys"], json!([]));
    for wrong in [&["revoke", &number][..], &["revoke", "9000000000"], &["list", "--hotel", "9000000000"]] {
        error_line(&run(wrong));
    }
    error_line(&run(&["create", "--hotel", &id, "--name", "PMS", "--expires-at", "2020-01-01T00:00:00Z"]));
});
