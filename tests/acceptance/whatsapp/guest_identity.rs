//! Guest identity: a guest is matched by phone number, WhatsApp id or business-scoped user id.

use acceptance::{
    Value, WhatsappHotel, json, on_both,
    whatsapp::{change, envelope, message, text},
};

use super::{count_conversations, digits, guest_texts, id};

/// A text with a WhatsApp id, a business-scoped user id, or both.
fn text_from(wa_id: Option<&str>, user_id: Option<&str>, words: &str) -> Value {
    message("", json!({ "from": wa_id, "from_user_id": user_id, "type": "text", "text": { "body": words } }))
}

/// A business-scoped user id derived from the number.
fn business_scoped_id(phone: &str) -> String {
    format!("ES.{}", digits(phone))
}

pub(super) async fn create_stay(line: &WhatsappHotel, phone: &str, check_in: &str, check_out: &str) -> Value {
    let code = acceptance::unique("booking");
    let stay = json!({
        "reservation_code": code, "guest_name": format!("Guest {code}"), "guest_phone": phone,
        "room_number": "7", "check_in": check_in, "check_out": check_out,
    });
    line.manager().await.post("stays/", stay).await.is(201)
}

/// The conversation that contains a guest's text.
pub(super) async fn conversation_with_text(line: &WhatsappHotel, text: &str) -> Value {
    let all =
        line.manager().await.get("conversations/?status=demo,checkin,active,relay,closed&page_size=100").await.is(200);
    for conversation in all["results"].as_array().unwrap() {
        if guest_texts(line, id(conversation)).await.iter().any(|it| it == text) {
            return conversation.clone();
        }
    }
    panic!("no conversation contains {text}: {all}")
}

on_both!(a_guest_is_matched_by_number_and_by_user_id, line => |line| {
    let phone = line.unused_phone();
    let (number, user_id) = (digits(&phone), business_scoped_id(&phone));
    line.deliver_messages(&[text_from(Some(number), None, "by number")]).await;
    line.deliver_messages(&[text_from(Some(number), Some(&user_id), "by both")]).await;
    line.deliver_messages(&[text_from(None, Some(&user_id), "by id")]).await;
    line.deliver_messages(&[text_from(Some(&phone), None, "by number with a plus")]).await;
    let conversation = line.conversation(number).await;
    assert_eq!(guest_texts(&line, id(&conversation)).await, ["by number", "by both", "by id", "by number with a plus"]);
    assert_eq!(conversation["stay_id"], Value::Null);
});

on_both!(a_guest_without_number_is_matched_by_user_id, line => |line| {
    let phone = line.unused_phone();
    let user_id = business_scoped_id(&phone);
    line.deliver_messages(&[text_from(None, Some(&user_id), "who am I")]).await;
    let conversation = conversation_with_text(&line, "who am I").await;
    assert_eq!((&conversation["guest_name"], &conversation["status"]), (&json!("Ada Guest"), &json!("demo")));
    let full = line.manager().await.get(format!("conversations/{}/", conversation["id"])).await.is(200);
    assert_eq!(full["guest_phone"], Value::Null);
    line.deliver_messages(&[text_from(None, Some(&user_id), "me again")]).await;
    assert_eq!(guest_texts(&line, id(&conversation)).await, ["who am I", "me again"]);
    // From this message on the guest is also known by number.
    line.deliver_messages(&[text_from(Some(digits(&phone)), Some(&user_id), "with a number")]).await;
    line.deliver_messages(&[text_from(Some(digits(&phone)), None, "with a number only")]).await;
    assert_eq!(guest_texts(&line, id(&conversation)).await.len(), 4);
    assert_eq!(count_conversations(&line, digits(&phone)).await, 1);
});

on_both!(two_guests_with_shared_identity_are_merged, line => |line| {
    let (stay, phone) = (line.assigned(0).await, line.relay(0).phone);
    let user = business_scoped_id(&phone);
    line.deliver_messages(&[text_from(None, Some(&user), "without a booking, it seems")]).await;
    let conversation = conversation_with_text(&line, "without a booking, it seems").await;
    assert_eq!(conversation["stay_id"], Value::Null);
    line.deliver_messages(&[text_from(Some(digits(&phone)), Some(&user), "it is me")]).await;
    assert_eq!(id(&conversation_with_text(&line, "it is me").await), stay.conversation);
    line.deliver_messages(&[text_from(None, Some(&user), "and still")]).await;
    assert_eq!(id(&conversation_with_text(&line, "and still").await), stay.conversation);
});

on_both!(a_changed_number_keeps_the_conversation, line => |line| {
    let (stay, new) = (line.assigned(0).await, line.unused_phone());
    let changed = json!({ "type": "system", "system": { "type": "user_changed_number", "wa_id": digits(&new) } });
    line.deliver_messages(&[message(digits(&stay.phone), changed)]).await;
    line.deliver_messages(&[text(digits(&new), "from my new number")]).await;
    assert_eq!(id(&conversation_with_text(&line, "from my new number").await), stay.conversation);
    // The same with the business-scoped id of the new number.
    let user = business_scoped_id(&new);
    line.deliver_messages(&[text_from(Some(digits(&new)), Some(&user), "and id")]).await;
    line.deliver_messages(&[text_from(None, Some(&user), "by my new id")]).await;
    assert_eq!(id(&conversation_with_text(&line, "by my new id").await), stay.conversation);
    assert_eq!(count_conversations(&line, digits(&new)).await, 0);
});

on_both!(a_late_number_change_merges_the_new_guest, line => |line| {
    let (stay, new) = (line.assigned(0).await, line.unused_phone());
    line.deliver_messages(&[text(digits(&new), "who am I now")]).await;
    let changed =
        json!({ "type": "system", "system": { "type": "customer_changed_number", "new_wa_id": digits(&new) } });
    line.deliver_messages(&[message(digits(&stay.phone), changed)]).await;
    line.deliver_messages(&[text(digits(&new), "it is me after all")]).await;
    assert_eq!(id(&conversation_with_text(&line, "it is me after all").await), stay.conversation);
    let full = line.manager().await.get(stay.path("")).await.is(200);
    assert_eq!(full["guest_phone"], stay.phone);
});

on_both!(a_changed_user_id_keeps_the_conversation, line => |line| {
    let stay = line.assigned(0).await;
    let (old, new) = (business_scoped_id(&line.unused_phone()), business_scoped_id(&line.unused_phone()));
    line.deliver_messages(&[text_from(Some(digits(&stay.phone)), Some(&old), "my id")]).await;
    let changed = json!({ "from": null, "from_user_id": old, "type": "system",
    "system": { "type": "user_changed_user_id", "user_id": new, "body": "changed" } });
    line.deliver_messages(&[message("", changed)]).await;
    line.deliver_messages(&[text_from(None, Some(&new), "my other id")]).await;
    assert_eq!(id(&conversation_with_text(&line, "my other id").await), stay.conversation);
});

on_both!(equivalent_number_forms_match_the_booking, line => |line| {
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
        let stay = create_stay(&line, booking, "2020-01-01", "2099-01-01").await;
        let words = format!("from {wa_id}");
        line.deliver_messages(&[text(wa_id, &words)]).await;
        let conversation = conversation_with_text(&line, &words).await;
        assert_eq!(conversation["stay_id"], stay["id"], "{booking}");
        let full = line.manager().await.get(format!("conversations/{}/", conversation["id"])).await.is(200);
        assert_eq!(full["guest_phone"], stay["guest_phone"]);
    }
});

on_both!(landline_and_mobile_numbers_do_not_match, line => |line| {
    for (booking, wa_id) in [("+553132654321", "5531932654321"), ("+5531942654321", "553142654321")] {
        let stay = create_stay(&line, booking, "2020-01-01", "2099-01-01").await;
        let words = format!("from {wa_id}");
        line.deliver_messages(&[text(wa_id, &words)]).await;
        let stranger = conversation_with_text(&line, &words).await;
        assert_eq!((&stranger["stay_id"], &stranger["status"]), (&Value::Null, &json!("demo")), "{booking}");
        let words = format!("from {}", digits(booking));
        line.deliver_messages(&[text(digits(booking), &words)]).await;
        assert_eq!(conversation_with_text(&line, &words).await["stay_id"], stay["id"], "{booking}");
    }
});

on_both!(of_several_stays_the_last_used_one_counts, line => |line| {
    let phone = line.unused_phone();
    let past = create_stay(&line, &phone, "2019-01-01", "2019-01-05").await;
    line.deliver_messages(&[text(digits(&phone), "my stay is over")]).await;
    assert_eq!(conversation_with_text(&line, "my stay is over").await["stay_id"], Value::Null);
    let first = create_stay(&line, &phone, "2020-01-01", "2099-01-01").await;
    line.deliver_messages(&[text(digits(&phone), "now one")]).await;
    assert_eq!(conversation_with_text(&line, "now one").await["stay_id"], first["id"]);
    let second = create_stay(&line, &phone, "2020-01-01", "2099-02-01").await;
    line.deliver_messages(&[text(digits(&phone), "still the first")]).await;
    assert_eq!(conversation_with_text(&line, "still the first").await["stay_id"], first["id"]);
    let manager = line.manager().await;
    manager.post_empty(format!("stays/{}/check_out/", first["id"])).await.is(200);
    line.deliver_messages(&[text(digits(&phone), "then the second")]).await;
    assert_eq!(conversation_with_text(&line, "then the second").await["stay_id"], second["id"]);
    let found =
        manager.get(format!("conversations/?search={}&status=demo,checkin,active,relay,closed", digits(&phone)));
    let all = found.await.is(200);
    assert!(all["results"].as_array().unwrap().iter().all(|it| it["stay_id"] != past["id"]), "{all}");
});

on_both!(a_stay_that_has_begun_takes_precedence, line => |line| {
    let phone = line.unused_phone();
    let coming = create_stay(&line, &phone, "2098-01-01", "2099-01-01").await;
    line.deliver_messages(&[text(digits(&phone), "see you")]).await;
    assert_eq!(conversation_with_text(&line, "see you").await["stay_id"], coming["id"]);
    // A guest in the house who has booked again belongs to the stay that has begun.
    let begun = create_stay(&line, &phone, "2020-01-01", "2097-01-01").await;
    line.deliver_messages(&[text(digits(&phone), "I am here")]).await;
    let conversation = conversation_with_text(&line, "I am here").await;
    assert_eq!((&conversation["stay_id"], &conversation["status"]), (&begun["id"], &json!("active")));
    create_stay(&line, &phone, "2098-02-01", "2099-02-01").await;
    line.deliver_messages(&[text(digits(&phone), "still here")]).await;
    assert_eq!(conversation_with_text(&line, "still here").await["stay_id"], begun["id"]);
});

on_both!(an_invisible_profile_name_counts_as_none, line => |line| {
    let named = |phone: &str, name: &str, words: &str| {
        let profile = json!([{ "profile": { "name": name }, "wa_id": digits(phone) }]);
        envelope(vec![change(&line.number, json!({ "contacts": profile, "messages": [text(digits(phone), words)] }))])
    };
    for blank in ["\u{3164}", "\u{200b}\u{200d}", "\u{2800}", "\u{a0} ", "\u{202e}\u{202c}", "\u{301}"] {
        let phone = line.unused_phone();
        line.post(&named(&phone, blank, "who am I")).await.is(200);
        let conversation = line.conversation(digits(&phone)).await;
        assert_eq!(conversation["guest_name"], phone.as_str(), "{blank:?}");
        assert_eq!(line.messages(id(&conversation)).await[0]["sender_name"], phone.as_str(), "{blank:?}");
    }
    // A blank name does not replace a known one, and a stored blank name is not shown.
    let phone = line.unused_phone();
    line.post(&named(&phone, "Zoë", "hello")).await.is(200);
    line.post(&named(&phone, "\u{3164}", "hello again")).await.is(200);
    assert_eq!(line.conversation(digits(&phone)).await["guest_name"], "Zoë");
    line.world.sql(&format!("UPDATE guests SET profile_name = '\u{3164}' WHERE phone = '{phone}'")).unwrap();
    assert_eq!(line.conversation(digits(&phone)).await["guest_name"], phone.as_str());
});

on_both!(a_profile_of_another_sender_links_no_identity, line => |line| {
    let (one, other) = (line.unused_phone(), line.unused_phone());
    // One body with two messages and two profiles in another order.
    let profiles = json!([
        { "profile": { "name": "Other" }, "wa_id": digits(&other), "user_id": business_scoped_id(&other) },
        { "profile": { "name": "One" }, "wa_id": digits(&one), "user_id": business_scoped_id(&one) },
    ]);
    let messages = [text(digits(&one), "I am one"), text(digits(&other), "I am the other")];
    line.post(&envelope(vec![change(&line.number, json!({ "contacts": profiles, "messages": messages }))]))
        .await
        .is(200);
    let (first, second) = (conversation_with_text(&line, "I am one").await, conversation_with_text(&line, "I am the other").await);
    assert_eq!((&first["guest_name"], &second["guest_name"]), (&json!("One"), &json!("Other")));
    line.deliver_messages(&[text_from(None, Some(&business_scoped_id(&one)), "one by id")]).await;
    assert_eq!(id(&conversation_with_text(&line, "one by id").await), id(&first));
});

on_both!(the_same_number_is_another_guest_in_another_hotel, line => |line| {
    let other = acceptance::WhatsappWorld::shared(line.world.backend).line();
    let phone = line.unused_phone();
    line.deliver_messages(&[text(digits(&phone), "to one")]).await;
    other.deliver_messages(&[text(digits(&phone), "to the other")]).await;
    let (one, two) = (line.conversation(digits(&phone)).await, other.conversation(digits(&phone)).await);
    assert_eq!(guest_texts(&line, id(&one)).await, ["to one"]);
    assert_eq!(guest_texts(&other, id(&two)).await, ["to the other"]);
    line.manager().await.get(format!("conversations/{}/messages/", two["id"])).await.problem(404, "not_found");
});
