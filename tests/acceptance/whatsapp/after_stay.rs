//! Guests whose stay is over.

use acceptance::{Line, Options, PASSWORD, Staff, Value, Whatsapp, json, on_both, unique, whatsapp::text};

use super::{digits, id};

const DAY: i64 = 24 * 3600;

/// The manager, with a token that is good at the time by both clocks.
async fn manager(line: &Line) -> Staff {
    line.sign_in(&line.staff[0].username, PASSWORD).await
}

/// A guest writes at the time by both clocks; the conversation in which that is.
async fn says(it: &Whatsapp, line: &Line, phone: &str, words: &str) -> Value {
    let mut message = text(digits(phone), words);
    message["timestamp"] = it.now().to_string().into();
    line.brings(&[message]).await;
    let found = format!("SELECT conversation_id FROM messages WHERE content = '{words}'");
    let path = format!("conversations/{}/", it.world.number(&found));
    manager(line).await.get(path).await.is(200)
}

/// How often the flow has greeted a guest after their stay.
async fn greetings(line: &Line, talk: &Value) -> usize {
    let all = manager(line).await.get(format!("conversations/{}/messages/?limit=1000", id(talk))).await.is(200);
    let ours = all.as_array().unwrap().iter().filter(|it| it["sender_type"] == "system");
    ours.filter(|it| it["content"].as_str().unwrap().contains("thank you again for having stayed")).count()
}

/// A stay that the manager makes.
async fn booked(line: &Line, phone: &str, check_in: &str, check_out: &str) -> Value {
    let stay = json!({
        "reservation_code": unique("stay"), "guest_name": unique("Guest"), "guest_phone": phone,
        "room_number": "7", "check_in": check_in, "check_out": check_out,
    });
    manager(line).await.post("stays/", stay).await.is(201)
}

/// The day it is by both clocks, some days on.
fn day(it: &Whatsapp, days: i64) -> String {
    chrono::DateTime::from_timestamp(it.now() + days * DAY, 0).unwrap().date_naive().to_string()
}

on_both!(who_has_checked_out_is_no_stranger_for_14_days, whatsapp Options::default() => |it| {
    let line = it.line();
    let (phone, manager) = (line.new_phone(), manager(&line).await);
    let stay = booked(&line, &phone, "2020-01-01", "2099-01-01").await;
    let before = says(&it, &line, &phone, "hello").await;
    manager.post(format!("conversations/{}/start_relay/", id(&before)), json!({ "department_id": line.departments[0].id }))
        .await
        .is(200);
    manager.post_empty(format!("stays/{}/check_out/", stay["id"])).await.is(200);
    it.advance(3600).await;
    let after = says(&it, &line, &phone, "I forgot my umbrella").await;
    assert_eq!((id(&after), &after["stay_id"], &after["status"]), (id(&before), &stay["id"], &json!("active")));
    assert_eq!(after["department_name"], Value::Null);
    assert_eq!(greetings(&line, &after).await, 1);
    says(&it, &line, &phone, "Thank you").await;
    assert_eq!(greetings(&line, &after).await, 1, "greeted once");
    it.advance(14 * DAY - 2 * 3600).await;
    assert_eq!(id(&says(&it, &line, &phone, "it is blue").await), id(&before));
    it.advance(2 * 3600).await;
    let stranger = says(&it, &line, &phone, "long ago").await;
    assert_eq!((&stranger["stay_id"], id(&stranger) == id(&before)), (&Value::Null, false));
    // A stay that is current precedes one that is over.
    let again = booked(&line, &phone, "2020-02-01", "2099-01-01").await;
    assert_eq!(says(&it, &line, &phone, "back again").await["stay_id"], again["id"]);
});

on_both!(a_stay_ends_after_its_last_day_too, whatsapp Options::default() => |it| {
    let line = it.line();
    let (phone, silent) = (line.new_phone(), line.new_phone());
    let stay = booked(&line, &phone, &day(&it, -3), &day(&it, 1)).await;
    let other = booked(&line, &silent, &day(&it, -3), &day(&it, 1)).await;
    let before = says(&it, &line, &phone, "hello").await;
    assert_eq!((&before["stay_id"], greetings(&line, &before).await), (&stay["id"], 0));
    it.advance(3 * DAY).await;
    let after = says(&it, &line, &phone, "we are home").await;
    assert_eq!((id(&after), greetings(&line, &after).await), (id(&before), 1));
    // Its conversation is made where there is none.
    let made = says(&it, &line, &silent, "and we, too").await;
    assert_eq!((&made["stay_id"], &made["status"]), (&other["id"], &json!("active")));
    assert_eq!(greetings(&line, &made).await, 1);
    it.advance(14 * DAY).await;
    assert_eq!(says(&it, &line, &silent, "long ago").await["stay_id"], Value::Null);
});
