//! The history of a conversation: `history/` and `history_added`.

use acceptance::{ApiClient, TestSocket, TestStay, Value, json, on_both};

use crate::{event_assertions::of_type, is_time, keys};

/// The kinds of the entries, oldest first.
async fn kinds(client: &ApiClient, stay: &TestStay) -> Vec<String> {
    let page = client.get(stay.path("history/?page_size=100")).await.is(200);
    let newest_first = page["results"].as_array().unwrap().iter();
    newest_first.rev().map(|it| it["kind"].as_str().unwrap().to_owned()).collect()
}

on_both!(what_staff_do_is_in_the_history, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.active(0));
    let mut socket = TestSocket::open(&manager).await.with_side_events();
    socket.subscribe(stay.id).await;
    let named = |id: i64, name: &str| json!({ "id": id, "name": name });
    let [first, second] = [0, 1].map(|n| named(hotel.departments[n].id, &hotel.departments[n].name));
    let (boss, clerk) = (named(manager.id, manager.name()), named(staff.id, staff.name()));
    // A reply takes over.
    hotel.send_message(&staff, &stay, "Hello").await;
    let transfer = json!({ "department_id": hotel.departments[1].id, "note": "A leaking tap" });
    manager.post(stay.path("start_relay/"), transfer).await.is(200);
    manager.post_empty(stay.path("close/")).await.is(200);
    manager.post_empty(stay.path("close/")).await.is(200);
    manager.post_empty(stay.path("reopen/")).await.is(200);
    manager.post_empty(stay.path("end_relay/")).await.is(200);
    let page = manager.get(stay.path("history/")).await.is(200);
    assert_eq!((keys(&page), &page["count"]), (vec!["count", "next", "previous", "results"], &json!(7)));
    let mut entries = page["results"].as_array().unwrap().clone();
    entries.reverse();
    let none = json!(null);
    let expected = [
        ("routed", &clerk, &none, &first, &none),
        ("assigned", &clerk, &none, &clerk, &none),
        ("transferred", &boss, &first, &second, &json!("A leaking tap")),
        ("assigned", &boss, &clerk, &none, &none),
        ("closed", &boss, &none, &none, &none),
        ("reopened", &boss, &none, &second, &none),
        ("relay_ended", &boss, &second, &none, &none),
    ];
    for (entry, (kind, by, from, to, note)) in entries.iter().zip(expected) {
        assert_eq!(keys(entry), ["at", "by", "from", "id", "kind", "note", "to"]);
        assert!(is_time(&entry["at"]) && entry["id"].is_i64(), "{entry}");
        assert_eq!((&entry["kind"], &entry["by"]), (&json!(kind), by), "{entry}");
        assert_eq!((&entry["from"], &entry["to"], &entry["note"]), (from, to, note), "{entry}");
    }
    // Subscribers get each entry live, and a replay has the same events.
    let events = socket.events_so_far(&hotel).await;
    let live: Vec<Value> = of_type(&events, "history_added").into_iter().cloned().collect();
    assert_eq!(keys(&live[0]), ["conversation_id", "entry", "seq", "stay_id", "type"]);
    assert_eq!((&live[0]["conversation_id"], &live[0]["stay_id"]), (&json!(stay.conversation), &json!(stay.id)));
    assert_eq!(live.iter().map(|it| it["entry"].clone()).collect::<Vec<_>>(), entries);
    let (epoch, seq) = (&socket.welcome["epoch"], &socket.welcome["seq"]);
    let resume = json!({ "epoch": epoch, "after_seq": seq, "stay_ids": [stay.id] });
    let replayed = TestSocket::open(&manager).await.with_side_events().resume(resume).await.0;
    assert_eq!(of_type(&replayed, "history_added"), live.iter().collect::<Vec<_>>());
    let page = manager.get(format!("events/?after_seq={seq}")).await.is(200);
    assert_eq!(of_type(page["results"].as_array().unwrap(), "history_added"), live.iter().collect::<Vec<_>>());
    // Pages, newest first.
    let newest = manager.get(stay.path("history/?page_size=3")).await.is(200);
    assert_eq!((&newest["results"][0], newest["next"].is_string()), (&entries[6], true));
});

on_both!(guests_timers_and_keys_are_nobody, |hotel| {
    let (manager, key, stay) = (hotel.manager().await, hotel.system(), hotel.active(0));
    let path = format!("stays/{}/", stay.id);
    manager.post_empty(stay.path("close/")).await.is(200);
    // The guest reopens the conversation.
    hotel.send_guest_message(&stay.phone, "One more thing").await;
    key.post_empty(format!("{path}check_in/")).await.is(200);
    key.post_empty(format!("{path}check_in/")).await.is(200);
    key.post_empty(format!("{path}check_out/")).await.is(200);
    key.post_empty(format!("{path}check_out/")).await.is(200);
    assert_eq!(kinds(&manager, &stay).await, ["closed", "reopened", "checked_in", "checked_out", "closed"]);
    let page = manager.get(stay.path("history/")).await.is(200);
    let by: Vec<&Value> = page["results"].as_array().unwrap().iter().map(|it| &it["by"]).collect();
    assert_eq!(by.iter().filter(|it| it.is_null()).count(), 4, "{by:?}");
    assert_eq!(by[4]["id"], manager.id);
    // A check-in by staff names them.
    let other = hotel.active(1);
    manager.post_empty(format!("stays/{}/check_in/", other.id)).await.is(200);
    assert_eq!(manager.get(other.path("history/")).await.is(200)["results"][0]["by"]["id"], manager.id);
});

on_both!(the_history_ends_with_the_visibility, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
    let mut leaver = TestSocket::open(&staff).await.with_side_events();
    leaver.subscribe(stay.id).await;
    let transfer = json!({ "department_id": hotel.departments[1].id, "note": "not for you" });
    manager.post(stay.path("start_relay/"), transfer).await.is(200);
    manager.post_empty(stay.path("close/")).await.is(200);
    let events = leaver.events_so_far(&hotel).await;
    assert!(of_type(&events, "history_added").is_empty(), "{events:?}");
    staff.get(stay.path("history/")).await.problem(404, "not_found");
    manager.get("conversations/9000000000/history/").await.problem(404, "not_found");
    let page = staff.get(format!("events/?after_seq={}", leaver.welcome["seq"])).await.is(200).to_string();
    assert!(!page.contains("history_added") && !page.contains("not for you"), "{page}");
    manager.get(stay.path("history/?page=2")).await.problem(404, "not_found");
});
