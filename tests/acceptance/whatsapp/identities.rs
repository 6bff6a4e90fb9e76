//! Who wrote: by number, by WhatsApp's ids, and by what is known of both.

use acceptance::{
    Line, Value, json, on_both,
    whatsapp::{change, envelope, message, text},
};

use super::{count, digits, id, written};

/// A message of somebody known by either or both ids.
fn from(wa_id: Option<&str>, bsuid: Option<&str>, words: &str) -> Value {
    message("", json!({ "from": wa_id, "from_user_id": bsuid, "type": "text", "text": { "body": words } }))
}

/// A business-scoped user id that nobody else has.
fn bsuid(phone: &str) -> String {
    format!("ES.{}", digits(phone))
}

/// A stay that the manager makes, and its guest's number.
pub(super) async fn booked(line: &Line, phone: &str, check_in: &str, check_out: &str) -> Value {
    let code = acceptance::unique("booking");
    let stay = json!({
        "reservation_code": code, "guest_name": format!("Guest {code}"), "guest_phone": phone,
        "room_number": "7", "check_in": check_in, "check_out": check_out,
    });
    line.manager().await.post("stays/", stay).await.is(201)
}

/// The conversation in which these words were written last.
pub(super) async fn where_is(line: &Line, words: &str) -> Value {
    let all =
        line.manager().await.get("conversations/?status=demo,checkin,active,relay,closed&page_size=100").await.is(200);
    for conversation in all["results"].as_array().unwrap() {
        if written(line, id(conversation)).await.iter().any(|it| it == words) {
            return conversation.clone();
        }
    }
    panic!("nobody wrote {words}: {all}")
}

on_both!(a_guest_is_the_same_by_number_and_by_id, line => |line| {
    let phone = line.new_phone();
    let (number, user) = (digits(&phone), bsuid(&phone));
    line.brings(&[from(Some(number), None, "by number")]).await;
    line.brings(&[from(Some(number), Some(&user), "by both")]).await;
    line.brings(&[from(None, Some(&user), "by id")]).await;
    line.brings(&[from(Some(&phone), None, "by number with a plus")]).await;
    let talk = line.conversation(number).await;
    assert_eq!(written(&line, id(&talk)).await, ["by number", "by both", "by id", "by number with a plus"]);
    assert_eq!(talk["stay_id"], Value::Null);
});

on_both!(who_has_no_number_is_written_to_all_the_same, line => |line| {
    let phone = line.new_phone();
    let user = bsuid(&phone);
    line.brings(&[from(None, Some(&user), "who am I")]).await;
    let talk = where_is(&line, "who am I").await;
    assert_eq!((&talk["guest_name"], &talk["status"]), (&json!("Ada Guest"), &json!("demo")));
    let full = line.manager().await.get(format!("conversations/{}/", talk["id"])).await.is(200);
    assert_eq!(full["guest_phone"], Value::Null);
    line.brings(&[from(None, Some(&user), "me again")]).await;
    assert_eq!(written(&line, id(&talk)).await, ["who am I", "me again"]);
    // The number comes later, and is known from then on.
    line.brings(&[from(Some(digits(&phone)), Some(&user), "with a number")]).await;
    line.brings(&[from(Some(digits(&phone)), None, "with a number only")]).await;
    assert_eq!(written(&line, id(&talk)).await.len(), 4);
    assert_eq!(count(&line, digits(&phone)).await, 1);
});

on_both!(two_who_turn_out_to_be_one_are_one, line => |line| {
    let (stay, phone) = (line.assigned(0).await, line.relay(0).phone);
    let user = bsuid(&phone);
    line.brings(&[from(None, Some(&user), "without a booking, it seems")]).await;
    let talk = where_is(&line, "without a booking, it seems").await;
    assert_eq!(talk["stay_id"], Value::Null);
    line.brings(&[from(Some(digits(&phone)), Some(&user), "it is me")]).await;
    assert_eq!(id(&where_is(&line, "it is me").await), stay.conversation);
    line.brings(&[from(None, Some(&user), "and still")]).await;
    assert_eq!(id(&where_is(&line, "and still").await), stay.conversation);
});

on_both!(after_a_change_of_number_the_talk_goes_on, line => |line| {
    let (stay, new) = (line.assigned(0).await, line.new_phone());
    let changed = json!({ "type": "system", "system": { "type": "user_changed_number", "wa_id": digits(&new) } });
    line.brings(&[message(digits(&stay.phone), changed)]).await;
    line.brings(&[text(digits(&new), "from my new number")]).await;
    assert_eq!(id(&where_is(&line, "from my new number").await), stay.conversation);
    // And with the id that WhatsApp then gives.
    let user = bsuid(&new);
    line.brings(&[from(Some(digits(&new)), Some(&user), "and id")]).await;
    line.brings(&[from(None, Some(&user), "by my new id")]).await;
    assert_eq!(id(&where_is(&line, "by my new id").await), stay.conversation);
    assert_eq!(count(&line, digits(&new)).await, 0);
});

on_both!(a_change_of_number_may_be_told_late, line => |line| {
    let (stay, new) = (line.assigned(0).await, line.new_phone());
    line.brings(&[text(digits(&new), "who am I now")]).await;
    let changed =
        json!({ "type": "system", "system": { "type": "customer_changed_number", "new_wa_id": digits(&new) } });
    line.brings(&[message(digits(&stay.phone), changed)]).await;
    line.brings(&[text(digits(&new), "it is me after all")]).await;
    assert_eq!(id(&where_is(&line, "it is me after all").await), stay.conversation);
    let full = line.manager().await.get(stay.path("")).await.is(200);
    assert_eq!(full["guest_phone"], stay.phone);
});

on_both!(a_change_of_id_is_one_too, line => |line| {
    let stay = line.assigned(0).await;
    let (old, new) = (bsuid(&line.new_phone()), bsuid(&line.new_phone()));
    line.brings(&[from(Some(digits(&stay.phone)), Some(&old), "my id")]).await;
    let changed = json!({ "from": null, "from_user_id": old, "type": "system",
    "system": { "type": "user_changed_user_id", "user_id": new, "body": "changed" } });
    line.brings(&[message("", changed)]).await;
    line.brings(&[from(None, Some(&new), "my other id")]).await;
    assert_eq!(id(&where_is(&line, "my other id").await), stay.conversation);
});

on_both!(numbers_that_whatsapp_writes_otherwise_are_the_bookings, line => |line| {
    for (booking, wa_id) in [
        ("+5531987654321", "553187654321"),
        ("+525512345678", "5215512345678"),
        ("+541112345678", "5491112345678"),
        ("+553187650000", "5531987650000"),
        ("+5215512340000", "525512340000"),
        ("+54 351 15 234 5678", "5493512345678"),
        ("+225 07 12 34 56", "2250707123456"),
        ("+229 01 97 12 34 56", "22997123456"),
    ] {
        let stay = booked(&line, booking, "2020-01-01", "2099-01-01").await;
        let words = format!("from {wa_id}");
        line.brings(&[text(wa_id, &words)]).await;
        let talk = where_is(&line, &words).await;
        assert_eq!(talk["stay_id"], stay["id"], "{booking}");
        let full = line.manager().await.get(format!("conversations/{}/", talk["id"])).await.is(200);
        assert_eq!(full["guest_phone"], stay["guest_phone"]);
    }
});

on_both!(a_landline_is_not_the_mobile_of_somebody_else, line => |line| {
    for (booking, wa_id) in [("+553132654321", "5531932654321"), ("+5531942654321", "553142654321")] {
        let stay = booked(&line, booking, "2020-01-01", "2099-01-01").await;
        let words = format!("from {wa_id}");
        line.brings(&[text(wa_id, &words)]).await;
        let stranger = where_is(&line, &words).await;
        assert_eq!((&stranger["stay_id"], &stranger["status"]), (&Value::Null, &json!("demo")), "{booking}");
        let words = format!("from {}", digits(booking));
        line.brings(&[text(digits(booking), &words)]).await;
        assert_eq!(where_is(&line, &words).await["stay_id"], stay["id"], "{booking}");
    }
});

on_both!(of_several_stays_it_is_the_one_last_written_in, line => |line| {
    let phone = line.new_phone();
    let past = booked(&line, &phone, "2019-01-01", "2019-01-05").await;
    line.brings(&[text(digits(&phone), "my stay is over")]).await;
    assert_eq!(where_is(&line, "my stay is over").await["stay_id"], Value::Null);
    let first = booked(&line, &phone, "2020-01-01", "2099-01-01").await;
    line.brings(&[text(digits(&phone), "now one")]).await;
    assert_eq!(where_is(&line, "now one").await["stay_id"], first["id"]);
    let second = booked(&line, &phone, "2020-01-01", "2099-02-01").await;
    line.brings(&[text(digits(&phone), "still the first")]).await;
    assert_eq!(where_is(&line, "still the first").await["stay_id"], first["id"]);
    let manager = line.manager().await;
    manager.post_empty(format!("stays/{}/check_out/", first["id"])).await.is(200);
    line.brings(&[text(digits(&phone), "then the second")]).await;
    assert_eq!(where_is(&line, "then the second").await["stay_id"], second["id"]);
    let seen =
        manager.get(format!("conversations/?search={}&status=demo,checkin,active,relay,closed", digits(&phone)));
    let all = seen.await.is(200);
    assert!(all["results"].as_array().unwrap().iter().all(|it| it["stay_id"] != past["id"]), "{all}");
});

on_both!(of_several_stays_one_that_has_begun_comes_first, line => |line| {
    let phone = line.new_phone();
    let coming = booked(&line, &phone, "2098-01-01", "2099-01-01").await;
    line.brings(&[text(digits(&phone), "see you")]).await;
    assert_eq!(where_is(&line, "see you").await["stay_id"], coming["id"]);
    // Whoever is in the house and has booked again is no guest who is awaited.
    let begun = booked(&line, &phone, "2020-01-01", "2097-01-01").await;
    line.brings(&[text(digits(&phone), "I am here")]).await;
    let talk = where_is(&line, "I am here").await;
    assert_eq!((&talk["stay_id"], &talk["status"]), (&begun["id"], &json!("active")));
    booked(&line, &phone, "2098-02-01", "2099-02-01").await;
    line.brings(&[text(digits(&phone), "still here")]).await;
    assert_eq!(where_is(&line, "still here").await["stay_id"], begun["id"]);
});

on_both!(a_profile_name_that_shows_nothing_counts_as_none, line => |line| {
    let named = |phone: &str, name: &str, words: &str| {
        let profile = json!([{ "profile": { "name": name }, "wa_id": digits(phone) }]);
        envelope(vec![change(&line.number, json!({ "contacts": profile, "messages": [text(digits(phone), words)] }))])
    };
    for blank in ["\u{3164}", "\u{200b}\u{200d}", "\u{2800}", "\u{a0} ", "\u{202e}\u{202c}", "\u{301}"] {
        let phone = line.new_phone();
        line.post(&named(&phone, blank, "who am I")).await.is(200);
        let talk = line.conversation(digits(&phone)).await;
        assert_eq!(talk["guest_name"], phone.as_str(), "{blank:?}");
        assert_eq!(line.messages(id(&talk)).await[0]["sender_name"], phone.as_str(), "{blank:?}");
    }
    // It does not replace a name that is known; and one that was stored before is not shown.
    let phone = line.new_phone();
    line.post(&named(&phone, "Zoë", "hello")).await.is(200);
    line.post(&named(&phone, "\u{3164}", "hello again")).await.is(200);
    assert_eq!(line.conversation(digits(&phone)).await["guest_name"], "Zoë");
    line.world.sql(&format!("UPDATE guests SET profile_name = '\u{3164}' WHERE phone = '{phone}'")).unwrap();
    assert_eq!(line.conversation(digits(&phone)).await["guest_name"], phone.as_str());
});

on_both!(a_profile_beside_another_message_links_nobody, line => |line| {
    let (one, other) = (line.new_phone(), line.new_phone());
    // Two messages, two profiles of two people, in another order than theirs.
    let profiles = json!([
        { "profile": { "name": "Other" }, "wa_id": digits(&other), "user_id": bsuid(&other) },
        { "profile": { "name": "One" }, "wa_id": digits(&one), "user_id": bsuid(&one) },
    ]);
    let messages = [text(digits(&one), "I am one"), text(digits(&other), "I am the other")];
    line.post(&envelope(vec![change(&line.number, json!({ "contacts": profiles, "messages": messages }))]))
        .await
        .is(200);
    let (first, second) = (where_is(&line, "I am one").await, where_is(&line, "I am the other").await);
    assert_eq!((&first["guest_name"], &second["guest_name"]), (&json!("One"), &json!("Other")));
    line.brings(&[from(None, Some(&bsuid(&one)), "one by id")]).await;
    assert_eq!(id(&where_is(&line, "one by id").await), id(&first));
});

on_both!(the_same_guest_of_two_hotels_is_two, line => |line| {
    let other = acceptance::Whatsapp::shared(line.world.backend).line();
    let phone = line.new_phone();
    line.brings(&[text(digits(&phone), "to one")]).await;
    other.brings(&[text(digits(&phone), "to the other")]).await;
    let (one, two) = (line.conversation(digits(&phone)).await, other.conversation(digits(&phone)).await);
    assert_eq!(written(&line, id(&one)).await, ["to one"]);
    assert_eq!(written(&other, id(&two)).await, ["to the other"]);
    line.manager().await.get(format!("conversations/{}/messages/", two["id"])).await.problem(404, "not_found");
});
