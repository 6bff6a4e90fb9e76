//! Links: the guest of a conversation without stay becomes the guest of a stay, and that is undone.

use acceptance::{ApiClient, TestHotel, TestSocket, Value, json, on_both, unique};

use super::{booking, conversation_of, create_stay, stay_path, with_fields};
use crate::event_assertions::of_type;

/// A guest who wrote from a number that no booking has, and the conversation.
struct Stranger {
    phone: Value,
    conversation: i64,
    guest: Value,
}

impl Stranger {
    async fn write(hotel: &TestHotel, client: &ApiClient) -> Self {
        let phone = json!(hotel.unused_phone());
        let shown = conversation_of(hotel, client, &phone).await;
        assert_eq!((&shown["status"], &shown["stay_id"]), (&json!("demo"), &json!(null)));
        Self { phone, conversation: shown["id"].as_i64().unwrap(), guest: shown["guest_id"].clone() }
    }

    fn path(&self, rest: &str) -> String {
        format!("conversations/{}/{rest}", self.conversation)
    }

    async fn link(&self, client: &ApiClient, stay: &Value) -> Value {
        client.post(self.path("link_stay/"), json!({ "stay_id": stay["id"] })).await.is(200)
    }

    async fn unlink(&self, client: &ApiClient) -> Value {
        client.post_empty(self.path("unlink_stay/")).await.is(200)
    }
}

async fn stay_now(client: &ApiClient, stay: &Value) -> Value {
    client.get(stay_path(stay, "")).await.is(200)
}

async fn kinds(client: &ApiClient, conversation: &Value) -> Vec<Value> {
    let page = client.get(format!("conversations/{conversation}/history/")).await.is(200);
    page["results"].as_array().unwrap().iter().rev().map(|it| it["kind"].clone()).collect()
}

/// The texts and ids of the messages of a conversation.
async fn messages(client: &ApiClient, conversation: &Value) -> Vec<(Value, Value)> {
    let all = client.get(format!("conversations/{conversation}/messages/")).await.is(200);
    all.as_array().unwrap().iter().map(|it| (it["id"].clone(), it["content"].clone())).collect()
}

fn without_phone(hotel: &TestHotel) -> Value {
    with_fields(&booking(hotel), &json!({ "guest_phone": null }))
}

on_both!(a_stay_without_conversation_gets_the_linked_one, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let stranger = Stranger::write(&hotel, &manager).await;
    let stay = create_stay(&manager, &without_phone(&hotel)).await;
    assert_eq!((&stay["guest_id"], &stay["linked"]), (&json!(null), &json!(false)));
    manager.post_empty(stay_path(&stay, "conversation/")).await.problem(409, "no_guest_number");
    let mut inbox = TestSocket::open(&manager).await.with_side_events();
    inbox.subscribe_to_inbox().await;
    let before = messages(&staff, &json!(stranger.conversation)).await;
    // A member of a department that handles stays.
    let linked = stranger.link(&staff, &stay).await;
    let expected = json!({
        "id": stranger.conversation, "stay_id": stay["id"], "status": "active", "guest_name": "Zoë Booked",
        "room_number": "12", "guest_phone": stranger.phone, "guest_id": stranger.guest,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(linked[name], *value, "{name}: {linked}");
    }
    let events = inbox.events_so_far(&hotel).await;
    let (updated, changed) = (of_type(&events, "conversation_updated"), of_type(&events, "stay_updated"));
    assert_eq!(updated[0]["conversation"]["stay_id"], stay["id"]);
    let now = stay_now(&manager, &stay).await;
    assert_eq!(changed[0]["stay"], now);
    assert_eq!((&now["guest_id"], &now["linked"], &now["guest_phone"]), (&stranger.guest, &json!(true), &json!(null)));
    assert_eq!(now["conversation_id"], stranger.conversation);
    // The next message goes here, nothing has moved, and the list finds the conversation by room and number.
    let next = conversation_of(&hotel, &manager, &stranger.phone).await;
    assert_eq!((&next["id"], &next["stay_id"]), (&json!(stranger.conversation), &stay["id"]));
    assert_eq!(messages(&staff, &next["id"]).await[..before.len()], before);
    let number = stranger.phone.as_str().unwrap().trim_start_matches('+');
    let found = manager.get(format!("conversations/?status=active&search={number}%20booked")).await.is(200);
    assert_eq!(crate::ids(&found["results"]), [stranger.conversation]);
    let entry = &manager.get(stranger.path("history/")).await.is(200)["results"][0];
    assert_eq!((&entry["kind"], &entry["by"]["id"]), (&json!("linked"), &json!(staff.id)));
    let audited = format!(
        "SELECT count(*) FROM audit WHERE hotel_id = {} AND action = 'linked' AND actor = {} AND conversation_id = {}",
        hotel.id, staff.id, stranger.conversation
    );
    assert_eq!(hotel.world.number(&audited), 1);
    // It has a stay now.
    let again = json!({ "stay_id": stay["id"] });
    staff.post(stranger.path("link_stay/"), again).await.problem(409, "not_allowed_now");
    let opened = staff.post_empty(stay_path(&stay, "conversation/")).await.is(200);
    assert_eq!(opened["id"], stranger.conversation);
});

on_both!(unlinking_takes_the_conversation_from_the_stay, |hotel| {
    let manager = hotel.manager().await;
    let (stranger, stay) = (Stranger::write(&hotel, &manager).await, create_stay(&manager, &booking(&hotel)).await);
    manager.post_empty(stranger.path("unlink_stay/")).await.problem(409, "not_allowed_now");
    stranger.link(&manager, &stay).await;
    assert_eq!(stay_now(&manager, &stay).await["guest_id"], stranger.guest);
    let mut socket = TestSocket::open(&manager).await.with_side_events();
    socket.subscribe(stay["id"].as_i64().unwrap()).await;
    let undone = stranger.unlink(&manager).await;
    let expected = json!({
        "stay_id": null, "status": "demo", "room_number": null, "guest_id": stranger.guest, "check_in": null,
        "guest_name": stranger.phone, "guest_phone": stranger.phone,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(undone[name], *value, "{name}: {undone}");
    }
    let events = socket.events_so_far(&hotel).await;
    assert_eq!(of_type(&events, "conversation_updated")[0]["conversation"]["status"], "demo");
    assert_eq!(of_type(&events, "history_added")[0]["entry"]["kind"], "unlinked");
    assert_eq!(stay_now(&manager, &stay).await, stay);
    assert_eq!(kinds(&manager, &json!(stranger.conversation)).await, ["linked", "unlinked"]);
    // Each of the two guests writes to a conversation of their own.
    let of_booking = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    assert_eq!((&of_booking["stay_id"], &of_booking["guest_id"]), (&stay["id"], &stay["guest_id"]));
    assert_eq!(conversation_of(&hotel, &manager, &stranger.phone).await["id"], stranger.conversation);
    manager.post_empty(stranger.path("unlink_stay/")).await.problem(409, "not_allowed_now");
    let own = format!("conversations/{}/unlink_stay/", of_booking["id"]);
    manager.post_empty(own).await.problem(409, "not_allowed_now");
});

on_both!(a_department_keeps_a_conversation_that_is_linked_and_unlinked, |hotel| {
    let manager = hotel.manager().await;
    let stranger = Stranger::write(&hotel, &manager).await;
    let stay = create_stay(&manager, &without_phone(&hotel)).await;
    let relay = json!({ "department_id": hotel.departments[1].id });
    manager.post(stranger.path("start_relay/"), relay).await.is(200);
    for shown in [stranger.link(&manager, &stay).await, stranger.unlink(&manager).await] {
        assert_eq!((&shown["status"], &shown["department_id"]), (&json!("relay"), &json!(hotel.departments[1].id)));
    }
    assert_eq!(stay_now(&manager, &stay).await["guest_id"], json!(null));
    // A closed one stays closed.
    manager.post_empty(stranger.path("close/")).await.is(200);
    assert_eq!(stranger.link(&manager, &stay).await["status"], "closed");
    assert_eq!(stranger.unlink(&manager).await["status"], "closed");
});

on_both!(a_future_stay_waits_for_its_check_in, |hotel| {
    let manager = hotel.manager().await;
    let stranger = Stranger::write(&hotel, &manager).await;
    let future = with_fields(&without_phone(&hotel), &json!({ "check_in": "2098-01-01" }));
    let stay = create_stay(&manager, &future).await;
    assert_eq!(stranger.link(&manager, &stay).await["status"], "checkin");
    manager.post_empty(stay_path(&stay, "check_in/")).await.is(200);
    assert_eq!(manager.get(stranger.path("")).await.is(200)["status"], "active");
    assert_eq!(kinds(&manager, &json!(stranger.conversation)).await, ["linked", "checked_in"]);
    let audited = manager.get(stay_path(&stay, "")).await.is(200);
    assert_eq!(audited["conversation_id"], stranger.conversation);
});

on_both!(the_conversation_of_the_stay_now_belongs_to_the_linked_guest, |hotel| {
    let manager = hotel.manager().await;
    let (stranger, stay) = (Stranger::write(&hotel, &manager).await, create_stay(&manager, &booking(&hotel)).await);
    let of_stay = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    let (of_stay, first) = (of_stay["id"].clone(), messages(&manager, &of_stay["id"]).await);
    let asked = messages(&manager, &json!(stranger.conversation)).await;
    let mut inbox = TestSocket::open(&manager).await.with_side_events();
    inbox.subscribe_to_inbox().await;
    // The open question stays where it is.
    let shown = stranger.link(&manager, &stay).await;
    assert_eq!((&shown["id"], &shown["stay_id"]), (&json!(stranger.conversation), &json!(null)));
    assert_eq!((&shown["status"], &shown["waiting_since"].is_string()), (&json!("demo"), &true));
    let events = inbox.events_so_far(&hotel).await;
    let updated: Vec<&Value> =
        of_type(&events, "conversation_updated").into_iter().map(|it| &it["conversation_id"]).collect();
    assert!(updated.contains(&&of_stay) && updated.contains(&&json!(stranger.conversation)), "{events:?}");
    let card = manager.get(format!("conversations/{of_stay}/")).await.is(200);
    assert_eq!((&card["guest_id"], &card["guest_phone"]), (&stranger.guest, &stranger.phone));
    // Messages stay, and new ones of this guest go to the conversation of the stay.
    assert_eq!(conversation_of(&hotel, &manager, &stranger.phone).await["id"], of_stay);
    assert_eq!(messages(&manager, &of_stay).await[..first.len()], first);
    assert_eq!(messages(&manager, &json!(stranger.conversation)).await, asked);
    assert_eq!(kinds(&manager, &of_stay).await, ["linked"]);
    assert_eq!(kinds(&manager, &json!(stranger.conversation)).await, ["linked"]);
    // A repetition changes nothing.
    stranger.link(&manager, &stay).await;
    assert_eq!(kinds(&manager, &json!(stranger.conversation)).await, ["linked"]);
    let guest = manager.get(format!("guests/{}/", stranger.guest)).await.is(200);
    assert_eq!(crate::ids(&guest["stays"]), [stay["id"].as_i64().unwrap()]);
    // The one whose number the booking has writes elsewhere, until the link is undone.
    let elsewhere = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    assert_eq!(elsewhere["stay_id"], json!(null));
    let undone = manager.post_empty(format!("conversations/{of_stay}/unlink_stay/")).await.is(200);
    assert_eq!((&undone["guest_id"], &undone["stay_id"]), (&stay["guest_id"], &stay["id"]));
    assert_eq!(conversation_of(&hotel, &manager, &stay["guest_phone"]).await["id"], of_stay);
    assert_eq!(conversation_of(&hotel, &manager, &stranger.phone).await["id"], stranger.conversation);
    assert_eq!(kinds(&manager, &of_stay).await, ["linked", "unlinked"]);
});

on_both!(a_second_link_replaces_the_first_and_both_are_undone_together, |hotel| {
    let manager = hotel.manager().await;
    let (first, second) = (Stranger::write(&hotel, &manager).await, Stranger::write(&hotel, &manager).await);
    let stay = create_stay(&manager, &without_phone(&hotel)).await;
    first.link(&manager, &stay).await;
    assert_eq!(second.link(&manager, &stay).await["stay_id"], json!(null));
    let shown = manager.get(first.path("")).await.is(200);
    assert_eq!((&shown["guest_id"], &shown["stay_id"]), (&second.guest, &stay["id"]));
    assert_eq!(conversation_of(&hotel, &manager, &second.phone).await["id"], first.conversation);
    // The conversation returns to the guest who began it.
    let undone = first.unlink(&manager).await;
    assert_eq!((&undone["guest_id"], &undone["status"]), (&first.guest, &json!("demo")));
    assert_eq!(conversation_of(&hotel, &manager, &first.phone).await["id"], first.conversation);
    assert_eq!(conversation_of(&hotel, &manager, &second.phone).await["id"], second.conversation);
    assert_eq!(stay_now(&manager, &stay).await, stay);
});

on_both!(a_guest_with_another_conversation_without_stay_keeps_the_link, |hotel| {
    let manager = hotel.manager().await;
    let stranger = Stranger::write(&hotel, &manager).await;
    let stay = create_stay(&manager, &without_phone(&hotel)).await;
    stranger.link(&manager, &stay).await;
    manager.post_empty(stay_path(&stay, "cancel/")).await.is(200);
    let other = conversation_of(&hotel, &manager, &stranger.phone).await;
    assert_eq!(other["stay_id"], json!(null));
    manager.post_empty(stranger.path("unlink_stay/")).await.problem(409, "not_allowed_now");
    assert_eq!(stay_now(&manager, &stay).await["linked"], true);
});

/// Imports one row; returns its result.
fn import(hotel: &TestHotel, code: &Value, phone: &str, room: &str) -> Value {
    let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
    let row = format!("{},Zoë Booked,{phone},{room},2020-01-01,2099-01-01", code.as_str().unwrap());
    hotel.import(&format!("{header}\n{row}\n"))["rows"][0]["result"].clone()
}

on_both!(an_import_changes_the_guest_only_with_another_number, |hotel| {
    let manager = hotel.manager().await;
    // Two forms of one Mexican number.
    let (long, short) = ("+5215512345678", "+525512345678");
    let body = with_fields(&booking(&hotel), &json!({ "guest_phone": long }));
    let (stranger, stay) = (Stranger::write(&hotel, &manager).await, create_stay(&manager, &body).await);
    let code = &stay["reservation_code"];
    stranger.link(&manager, &stay).await;
    let (other, linked) = (hotel.unused_phone(), (&stranger.guest, &json!(true)));
    for (phone, room, result) in [(long, "12", "unchanged"), ("", "13", "updated"), (short, "14", "updated")] {
        assert_eq!(import(&hotel, code, phone, room), result, "{phone}");
        let now = stay_now(&manager, &stay).await;
        assert_eq!((&now["guest_id"], &now["linked"]), linked, "{phone}");
        assert_eq!(manager.get(stranger.path("")).await.is(200)["room_number"], room);
    }
    assert_eq!(import(&hotel, code, &other, "14"), "updated");
    let now = stay_now(&manager, &stay).await;
    assert_eq!((&now["linked"], now["guest_id"] == stranger.guest), (&json!(false), false));
    let shown = manager.get(stranger.path("")).await.is(200);
    assert_eq!((&shown["guest_id"], &shown["guest_phone"]), (&now["guest_id"], &json!(other)));
    manager.post_empty(stranger.path("unlink_stay/")).await.problem(409, "not_allowed_now");
});

on_both!(the_wrong_number_of_a_linked_stay_may_be_removed, |hotel| {
    let manager = hotel.manager().await;
    let (stranger, stay) = (Stranger::write(&hotel, &manager).await, create_stay(&manager, &booking(&hotel)).await);
    stranger.link(&manager, &stay).await;
    let changed = manager.patch(stay_path(&stay, ""), json!({ "guest_phone": null })).await.is(200);
    assert_eq!((&changed["guest_id"], &changed["linked"]), (&stranger.guest, &json!(true)));
    stranger.unlink(&manager).await;
    let now = stay_now(&manager, &stay).await;
    assert_eq!(
        (&now["guest_id"], &now["linked"], &now["conversation_id"]),
        (&json!(null), &json!(false), &json!(null))
    );
    // The guest's own number ends the link, and the guest stays.
    stranger.link(&manager, &stay).await;
    let own = manager.patch(stay_path(&stay, ""), json!({ "guest_phone": stranger.phone })).await.is(200);
    assert_eq!((&own["guest_id"], &own["linked"]), (&stranger.guest, &json!(false)));
    assert_eq!(own["conversation_id"], stranger.conversation);
});

on_both!(a_link_shows_nothing_of_a_conversation_out_of_reach, |hotel| {
    let (manager, handler, colleague) = (hotel.manager().await, hotel.of(0).await, hotel.of(1).await);
    // A conversation of another department.
    let hidden = hotel.relay(1);
    let stranger = Stranger::write(&hotel, &manager).await;
    let body = json!({ "stay_id": hidden.id });
    colleague.post(stranger.path("link_stay/"), body.clone()).await.problem(403, "forbidden");
    colleague.post_empty(stranger.path("unlink_stay/")).await.problem(403, "forbidden");
    hotel.system().post(stranger.path("link_stay/"), body.clone()).await.problem(403, "forbidden");
    let mut inbox = TestSocket::open(&handler).await;
    inbox.subscribe_to_inbox().await;
    let linked = handler.post(stranger.path("link_stay/"), body.clone()).await.is(200).to_string();
    assert!(!linked.contains(&format!("\"id\":{}", hidden.conversation)), "{linked}");
    let events = inbox.events_so_far(&hotel).await;
    assert!(events.iter().all(|it| it["conversation_id"] == stranger.conversation), "{events:?}");
    assert_eq!(handler.get(format!("stays/{}/", hidden.id)).await.is(200)["conversation_id"], json!(null));
    handler.post_empty(hidden.path("unlink_stay/")).await.problem(404, "not_found");
    assert_eq!(manager.get(hidden.path("")).await.is(200)["guest_id"], stranger.guest);
    // The conversation itself must be visible, and the stay one of the hotel.
    let relay = json!({ "department_id": hotel.departments[1].id });
    manager.post(stranger.path("start_relay/"), relay).await.is(200);
    handler.post(stranger.path("link_stay/"), body).await.problem(404, "not_found");
    let other = hotel.world.hotel();
    for stay in [other.active(0).id, 9_000_000_000] {
        let bad = manager.post(stranger.path("link_stay/"), json!({ "stay_id": stay })).await;
        assert_eq!(bad.bad_fields(), ["stay_id"]);
    }
    other.manager().await.post_empty(stranger.path("unlink_stay/")).await.problem(404, "not_found");
});

on_both!(a_repeated_link_with_its_key_is_replayed, |hotel| {
    let manager = hotel.manager().await;
    let stranger = Stranger::write(&hotel, &manager).await;
    let stay = create_stay(&manager, &without_phone(&hotel)).await;
    let (link, body) = (manager.key(&unique("link")), json!({ "stay_id": stay["id"] }));
    let first = link.post(stranger.path("link_stay/"), body.clone()).await.is(200);
    let again = link.post(stranger.path("link_stay/"), body).await;
    assert_eq!((again.is(200), again.header("idempotent-replay")), (first, Some("true")));
    assert_eq!(kinds(&manager, &json!(stranger.conversation)).await, ["linked"]);
});

on_both!(messages_that_wait_for_the_former_guest_fail, line => |line| {
    let manager = line.manager().await;
    let stay = create_stay(&manager, &booking(&line)).await;
    let of_stay = manager.post_empty(stay_path(&stay, "conversation/")).await.is(201)["id"].as_i64().unwrap();
    let path = |rest: &str| format!("conversations/{of_stay}/{rest}");
    // The guest of the booking has never written.
    let opener = json!({ "name": unique("opener"), "content": "Hello", "template_type": "whatsapp", "language": "en" });
    let opener = manager.post("templates/", opener).await.is(201)["id"].clone();
    manager.patch("hotel/", json!({ "opener_template_id": opener })).await.is(200);
    let text = unique("for the one who booked");
    let held = manager.post(path("send_message/"), json!({ "text": text, "hold": true })).await.is(201);
    assert_eq!(held["delivery"], "held");
    let phone = line.unused_phone();
    line.send_guest_text(phone.trim_start_matches('+'), "it is me").await;
    let unknown = line.conversation(phone.trim_start_matches('+')).await;
    let link = format!("conversations/{}/link_stay/", unknown["id"]);
    manager.post(link, json!({ "stay_id": stay["id"] })).await.is(200);
    let all = line.messages(of_stay).await;
    let failed = all.iter().find(|it| it["id"] == held["id"]).unwrap();
    assert_eq!(failed["delivery"], "failed");
    assert!(failed["failure"].as_str().unwrap().contains("another guest"), "{failed}");
    // A retry sends it to the linked guest, whose window is open.
    manager.post_empty(path(&format!("messages/{}/retry/", held["id"]))).await.is(200);
    let sent = line
        .until("the message is sent to the linked guest", async || {
            let sends = line.transcript("send").await;
            sends.into_iter().find(|it| it.to_string().contains(&text))
        })
        .await;
    assert!(sent.to_string().contains(phone.trim_start_matches('+')), "{sent}");
});
