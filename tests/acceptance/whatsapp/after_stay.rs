//! Guests whose stay has ended.

use acceptance::{
    PASSWORD, StaffClient, Value, WhatsappHotel, WhatsappWorld, WorldOptions, json, on_both, unique, whatsapp::text,
};

use super::{digits, id};

const DAY: i64 = 24 * 3600;

/// Signs the manager in again, because the clock may have moved past the expiry of a token.
async fn sign_in_manager(line: &WhatsappHotel) -> StaffClient {
    line.sign_in(&line.staff[0].username, PASSWORD).await
}

/// Lets a guest write at the current test time; returns the details of the conversation that the message went to.
async fn write_at_test_time(whatsapp: &WhatsappWorld, line: &WhatsappHotel, phone: &str, content: &str) -> Value {
    let mut message = text(digits(phone), content);
    message["timestamp"] = whatsapp.now().to_string().into();
    line.deliver_messages(&[message]).await;
    let found = format!("SELECT conversation_id FROM messages WHERE content = '{content}'");
    let path = format!("conversations/{}/", whatsapp.world.number(&found));
    sign_in_manager(line).await.get(path).await.is(200)
}

/// How often the flow has sent its greeting after a stay.
async fn count_greetings(line: &WhatsappHotel, conversation: &Value) -> usize {
    let all = sign_in_manager(line)
        .await
        .get(format!("conversations/{}/messages/?limit=1000", id(conversation)))
        .await
        .is(200);
    let by_system = all.as_array().unwrap().iter().filter(|it| it["sender_type"] == "system");
    by_system.filter(|it| it["content"].as_str().unwrap().contains("thank you again for having stayed")).count()
}

async fn create_stay(line: &WhatsappHotel, phone: &str, check_in: &str, check_out: &str) -> Value {
    let stay = json!({
        "reservation_code": unique("stay"), "guest_name": unique("Guest"), "guest_phone": phone,
        "room_number": "7", "check_in": check_in, "check_out": check_out,
    });
    sign_in_manager(line).await.post("stays/", stay).await.is(201)
}

/// The date of the test clock plus some days.
fn date_in(whatsapp: &WhatsappWorld, days: i64) -> String {
    chrono::DateTime::from_timestamp(whatsapp.now() + days * DAY, 0).unwrap().date_naive().to_string()
}

on_both!(for_14_days_after_check_out_messages_belong_to_the_stay, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let (phone, manager) = (line.unused_phone(), sign_in_manager(&line).await);
    let stay = create_stay(&line, &phone, "2020-01-01", "2099-01-01").await;
    let before = write_at_test_time(&whatsapp, &line, &phone, "hello").await;
    manager.post(format!("conversations/{}/start_relay/", id(&before)), json!({ "department_id": line.departments[0].id }))
        .await
        .is(200);
    manager.post_empty(format!("stays/{}/check_out/", stay["id"])).await.is(200);
    whatsapp.advance(3600).await;
    let after = write_at_test_time(&whatsapp, &line, &phone, "I forgot my umbrella").await;
    assert_eq!((id(&after), &after["stay_id"], &after["status"]), (id(&before), &stay["id"], &json!("active")));
    assert_eq!(after["department_name"], Value::Null);
    assert_eq!(count_greetings(&line, &after).await, 1);
    write_at_test_time(&whatsapp, &line, &phone, "Thank you").await;
    assert_eq!(count_greetings(&line, &after).await, 1, "greeted once");
    whatsapp.advance(14 * DAY - 2 * 3600).await;
    assert_eq!(id(&write_at_test_time(&whatsapp, &line, &phone, "it is blue").await), id(&before));
    whatsapp.advance(2 * 3600).await;
    let stranger = write_at_test_time(&whatsapp, &line, &phone, "long ago").await;
    assert_eq!((&stranger["stay_id"], id(&stranger) == id(&before)), (&Value::Null, false));
    // A current stay takes precedence over a past one.
    let again = create_stay(&line, &phone, "2020-02-01", "2099-01-01").await;
    assert_eq!(write_at_test_time(&whatsapp, &line, &phone, "back again").await["stay_id"], again["id"]);
});

on_both!(a_stay_also_ends_after_its_last_day, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let (phone, silent) = (line.unused_phone(), line.unused_phone());
    let stay = create_stay(&line, &phone, &date_in(&whatsapp, -3), &date_in(&whatsapp, 1)).await;
    let other = create_stay(&line, &silent, &date_in(&whatsapp, -3), &date_in(&whatsapp, 1)).await;
    let before = write_at_test_time(&whatsapp, &line, &phone, "hello").await;
    assert_eq!((&before["stay_id"], count_greetings(&line, &before).await), (&stay["id"], 0));
    whatsapp.advance(3 * DAY).await;
    let after = write_at_test_time(&whatsapp, &line, &phone, "we are home").await;
    assert_eq!((id(&after), count_greetings(&line, &after).await), (id(&before), 1));
    // If the past stay has no conversation, the message creates it.
    let made = write_at_test_time(&whatsapp, &line, &silent, "and we, too").await;
    assert_eq!((&made["stay_id"], &made["status"]), (&other["id"], &json!("active")));
    assert_eq!(count_greetings(&line, &made).await, 1);
    whatsapp.advance(14 * DAY).await;
    assert_eq!(write_at_test_time(&whatsapp, &line, &silent, "long ago").await["stay_id"], Value::Null);
});
