//! API keys of other systems. The calls that a key may not make are in the access table.

use acceptance::{WorldOptions, json, on_both, unique};

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";

on_both!(an_api_key_is_printed_once_and_only_its_digest_is_stored, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let id = hotel.id.to_string();
    let created = world.run(&["api-key", "create", "--hotel", &id, "--name", "Booking system"]).json();
    assert_eq!(crate::keys(&created), ["id", "key"]);
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
