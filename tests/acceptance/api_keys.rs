//! Other systems of a hotel, which have API keys. What they may not do is in the access table.

use acceptance::{Options, json, on_both, unique};

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";

on_both!(a_key_is_printed_once_and_kept_nowhere, Options::default() => |world| {
    let hotel = world.hotel();
    let id = hotel.id.to_string();
    let made = world.run(&["api-key", "create", "--hotel", &id, "--name", "Booking system"]).json();
    assert_eq!(crate::keys(&made), ["id", "key"]);
    let key = made["key"].as_str().unwrap();
    // 128 bits and more, told apart from whatever else a bearer is.
    assert!(key.starts_with("mmk_") && key.len() >= 4 + 22, "{key}");
    let other = world.run(&["api-key", "create", "--hotel", &id, "--name", "Booking system"]).json();
    assert_ne!(other["key"], key);
    let kept = |column: &str| world.number(&format!("SELECT count(*) FROM api_keys WHERE {column} LIKE '%{}%'", &key[4..]));
    assert_eq!((kept("digest"), kept("name")), (0, 0));
    assert_eq!(world.number("SELECT count(*) FROM api_keys WHERE length(digest) = 64"), 2);
    let system = hotel.nobody().bearer(key);
    system.post_empty(format!("stays/{}/check_in/", hotel.active(0).id)).await.is(200);
    system.get("hotel/").await.problem(403, "forbidden");
    hotel.nobody().bearer(&key[..key.len() - 1]).get("hotel/").await.problem(401, "unauthenticated");
    hotel.nobody().bearer(&format!("{key}x")).get("hotel/").await.problem(401, "unauthenticated");
    assert!(!world.log_text().contains(&key[4..]));
    let told = world.run(&["api-key", "create", "--hotel", "9000000000", "--name", "x"]);
    assert_eq!(told.fails(1).lines().count(), 1);
});

on_both!(a_system_brings_stays_and_says_who_is_there, |hotel| {
    let (system, manager) = (hotel.system(), hotel.manager().await);
    let (code, phone) = (unique("R"), hotel.new_phone());
    let table = format!("{HEADER}\n{code},Ana,{phone},1,2030-05-01,2030-05-02\n");
    let csv = system.with("content-type", "text/csv");
    let import = || csv.send("POST", "stays/import/", Some(table.clone().into()));
    assert_eq!(import().await.is(200)["rows"][0]["result"], "created");
    let stay = manager.get("stays/").await.is(200)["results"][0].clone();
    assert_eq!(stay["reservation_code"], code);
    let path = |word: &str| format!("stays/{}/{word}/", stay["id"]);
    let checked_in = system.post_empty(path("check_in")).await.is(200);
    assert!(checked_in["checked_in_at"].is_string(), "{checked_in}");
    let talk = hotel.guest_says(&phone, "Here I am").await["conversation_id"].clone();
    system.post_empty(path("check_out")).await.is(200);
    assert_eq!(manager.get(format!("conversations/{talk}/")).await.is(200)["status"], "closed");
    // Who closed it is written down: no staff member.
    let rows = format!("SELECT count(*) FROM audit WHERE action = 'closed' AND conversation_id = {talk}");
    assert_eq!(hotel.world.number(&format!("{rows} AND actor IS NULL AND api_key_id IS NOT NULL")), 1);
    // What it does changes nothing when it is done again; so a key for doing it once is not needed, and not kept.
    let keyed = system.key(&unique("k"));
    for _ in 0..2 {
        let again = keyed.post(path("check_in"), json!({})).await;
        assert_eq!((again.status, again.header("idempotent-replay")), (200, None));
    }
    assert_eq!(import().await.is(200)["rows"][0]["result"], "unchanged");
});

on_both!(a_system_is_of_its_hotel, |hotel| {
    let foreign = hotel.world.hotel().system();
    let stay = hotel.active(0);
    for word in ["check_in", "check_out"] {
        foreign.post_empty(format!("stays/{}/{word}/", stay.id)).await.problem(404, "not_found");
    }
    let before = hotel.manager().await.get("stays/").await.is(200)["count"].clone();
    let table = format!("{HEADER}\n{},Ana,{},1,2030-05-01,2030-05-02\n", unique("R"), hotel.new_phone());
    foreign.with("content-type", "text/csv").send("POST", "stays/import/", Some(table.into())).await.is(200);
    assert_eq!(hotel.manager().await.get("stays/").await.is(200)["count"], before);
});
