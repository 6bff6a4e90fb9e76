//! Recipients: a message is for the guest to whom it was written, even if the conversation gets another guest.

use acceptance::{TestStay, Value, WhatsappHotel, json, on_both, unique};

use super::*;

/// The conversation of a stay.
async fn conversation_of(line: &WhatsappHotel, stay: &TestStay) -> GuestThread {
    let (manager, phone) = (line.manager().await, stay.phone.clone());
    GuestThread { line: line.clone(), manager, id: stay.conversation, phone }
}

/// Lets the guest write, and waits until the message is stored.
async fn write_and_wait(line: &WhatsappHotel, phone: &str, conversation: &GuestThread) {
    let text = unique("from the guest");
    line.guest(json!({ "from": phone, "text": text })).await;
    let is_stored = async || conversation.messages().await.iter().any(|it| it["content"] == *text).then_some(());
    line.until("the message is stored", is_stored).await;
}

/// Changes the phone number of the stay.
async fn change_phone(conversation: &GuestThread, stay: i64, phone: &str) {
    conversation.manager.patch(format!("stays/{stay}/"), json!({ "guest_phone": phone })).await.is(200);
}

/// The numbers, without `+`, to which a text was sent.
async fn recipients_of(line: &WhatsappHotel, text: &str) -> Vec<String> {
    let sends = line.transcript("send").await;
    let to = |it: &Value| it["body"]["to"].as_str().unwrap().trim_start_matches('+').to_owned();
    sends.iter().filter(|it| it.to_string().contains(text)).map(to).collect()
}

fn count_rows(line: &WhatsappHotel, query: &str) -> i64 {
    line.hotel.world.number(&format!("SELECT count(*) FROM {query}"))
}

on_both!(queued_messages_of_a_former_guest_fail_and_a_retry_sends_to_the_new_guest, line => |line| {
    let stay = line.relay(0);
    let (conversation, new) = (conversation_of(&line, &stay).await, line.unused_phone());
    write_and_wait(&line, &stay.phone, &conversation).await;
    line.meta.post("faults/", json!({ "code": 131057, "to": stay.phone })).await;
    let text = unique_text();
    let id = conversation.say(&text).await;
    let next = conversation.say("and this").await;
    let query = format!("outbox WHERE message_id = {id} AND state = 'queued' AND attempts = 1");
    line.until("the message is requeued", async || (count_rows(&line, &query) == 1).then_some(())).await;
    change_phone(&conversation, stay.id, &new).await;
    for id in [id, next] {
        let failed = conversation.message(id).await;
        assert_eq!(failed["delivery"], "failed");
        assert_sentence(&failed["failure"]);
        assert!(failed["failure"].as_str().unwrap().contains("another guest"), "{failed}");
    }
    // The new guest has not written yet.
    conversation.try_say("hello?").await.problem(409, "window_closed");
    write_and_wait(&line, &new, &conversation).await;
    conversation.retry(id).await.is(200);
    conversation.wait_for_delivery(id, "read").await;
    let new = new.trim_start_matches('+');
    assert_eq!(recipients_of(&line, &text).await, [new]);
    assert!(recipients_of(&line, "and this").await.is_empty());
});

on_both!(an_identity_in_a_response_belongs_to_the_guest_of_that_message, line => |line| {
    line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
    let (manager, old, new) = (line.manager().await, line.unused_phone(), line.unused_phone());
    let today = chrono::Utc::now().date_naive();
    let stay = json!({
        "reservation_code": unique("R"), "guest_name": "Ada", "guest_phone": old, "room_number": "7",
        "check_in": today.to_string(), "check_out": (today + chrono::Days::new(2)).to_string(),
    });
    let stay = manager.post("stays/", stay).await.is(201)["id"].as_i64().unwrap();
    manager.post_empty(format!("stays/{stay}/check_in/")).await.is(200);
    let id = line.conversation(old.trim_start_matches('+')).await["id"].as_i64().unwrap();
    let conversation = GuestThread { line: line.clone(), manager, id, phone: old.clone() };
    let approved = json!({
        "name": "pre_arrival", "content": "Dear {{guest_name}}, {{word}}.", "template_type": "whatsapp",
        "language": "en",
    });
    let template = conversation.manager.post("templates/", approved).await.is(201)["id"].clone();
    let send = async |value: &str| {
        let body = json!({ "template_id": template, "variables": { "word": value } });
        conversation.manager.post(conversation.path("send_template/"), body).await.is(201)["id"].as_i64().unwrap()
    };
    let (first, second) = (unique_text(), unique_text());
    // No receipts, because one would end the attempt before the response.
    line.meta.post("faults/", json!({ "slow_ms": 4000, "statuses": "nothing", "to": old })).await;
    let id = send(&first).await;
    let query = format!("outbox WHERE message_id = {id} AND state = 'sending'");
    line.until("the message is in flight", async || (count_rows(&line, &query) == 1).then_some(())).await;
    change_phone(&conversation, stay, &new).await;
    conversation.wait_for_delivery(id, "sent").await;
    let second_id = send(&second).await;
    conversation.wait_for_delivery(second_id, "read").await;
    let (old, new) = (old.trim_start_matches('+'), new.trim_start_matches('+'));
    assert_eq!((recipients_of(&line, &first).await, recipients_of(&line, &second).await), (vec![old.to_owned()], vec![new.to_owned()]));
    for digits in [old, new] {
        let query = format!("guests WHERE wa_id = '{digits}' AND phone = '+{digits}' AND hotel_id = {}", line.id);
        line.until("the identity is stored", async || (count_rows(&line, &query) == 1).then_some(())).await;
    }
});
