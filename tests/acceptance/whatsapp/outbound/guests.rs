//! Whose a message is: that of the guest to whom it was written, whoever has the conversation later.

use acceptance::{Line, Stay, Value, json, on_both, unique};

use super::*;

/// The talk with a stay's guest, as a manager has it.
async fn of(line: &Line, stay: &Stay) -> Talk {
    let (manager, phone) = (line.manager().await, stay.phone.clone());
    Talk { line: line.clone(), manager, id: stay.conversation, phone }
}

/// The guest of a talk writes from this number; it is stored when this returns.
async fn writes(line: &Line, phone: &str, talk: &Talk) {
    let words = unique("from the guest");
    line.guest(json!({ "from": phone, "text": words })).await;
    let came = async || talk.messages().await.iter().any(|it| it["content"] == *words).then_some(());
    line.until("it comes", came).await;
}

/// The booking gets another number.
async fn corrected(talk: &Talk, stay: i64, phone: &str) {
    talk.manager.patch(format!("stays/{stay}/"), json!({ "guest_phone": phone })).await.is(200);
}

/// To whom the sends with these words went, without `+`.
async fn went_to(line: &Line, words: &str) -> Vec<String> {
    let sends = line.transcript("send").await;
    let to = |it: &Value| it["body"]["to"].as_str().unwrap().trim_start_matches('+').to_owned();
    sends.iter().filter(|it| it.to_string().contains(words)).map(to).collect()
}

fn rows(line: &Line, query: &str) -> i64 {
    line.hotel.world.number(&format!("SELECT count(*) FROM {query}"))
}

on_both!(what_waits_for_a_former_guest_fails_and_a_retry_sends_it_to_the_new_one, line => |line| {
    let stay = line.relay(0);
    let (talk, new) = (of(&line, &stay).await, line.new_phone());
    writes(&line, &stay.phone, &talk).await;
    line.meta.post("faults/", json!({ "code": 131057, "to": stay.phone })).await;
    let words = words();
    let id = talk.say(&words).await;
    let next = talk.say("and this").await;
    let query = format!("outbox WHERE message_id = {id} AND state = 'queued' AND attempts = 1");
    line.until("it is put back", async || (rows(&line, &query) == 1).then_some(())).await;
    corrected(&talk, stay.id, &new).await;
    for id in [id, next] {
        let failed = talk.message(id).await;
        assert_eq!(failed["delivery"], "failed");
        is_sentence(&failed["failure"]);
        assert!(failed["failure"].as_str().unwrap().contains("another guest"), "{failed}");
    }
    // The new guest has not written yet.
    talk.try_say("hello?").await.problem(409, "window_closed");
    writes(&line, &new, &talk).await;
    talk.retry(id).await.is(200);
    talk.comes_to(id, "read").await;
    let new = new.trim_start_matches('+');
    assert_eq!(went_to(&line, &words).await, [new]);
    assert!(went_to(&line, "and this").await.is_empty());
});

on_both!(what_whatsapp_answers_is_learned_of_the_guest_it_was_sent_to, line => |line| {
    line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
    let (manager, old, new) = (line.manager().await, line.new_phone(), line.new_phone());
    let today = chrono::Utc::now().date_naive();
    let stay = json!({
        "reservation_code": unique("R"), "guest_name": "Ada", "guest_phone": old, "room_number": "7",
        "check_in": today.to_string(), "check_out": (today + chrono::Days::new(2)).to_string(),
    });
    let stay = manager.post("stays/", stay).await.is(201)["id"].as_i64().unwrap();
    manager.post_empty(format!("stays/{stay}/check_in/")).await.is(200);
    let id = line.conversation(old.trim_start_matches('+')).await["id"].as_i64().unwrap();
    let talk = Talk { line: line.clone(), manager, id, phone: old.clone() };
    let approved = json!({
        "name": "pre_arrival", "content": "Dear {{guest_name}}, {{word}}.", "template_type": "whatsapp",
        "language": "en",
    });
    let template = talk.manager.post("templates/", approved).await.is(201)["id"].clone();
    let send = async |word: &str| {
        let body = json!({ "template_id": template, "variables": { "word": word } });
        talk.manager.post(talk.path("send_template/"), body).await.is(201)["id"].as_i64().unwrap()
    };
    let (first, second) = (words(), words());
    // Without receipts, which would end it before the answer comes.
    line.meta.post("faults/", json!({ "slow_ms": 4000, "statuses": "nothing", "to": old })).await;
    let id = send(&first).await;
    let query = format!("outbox WHERE message_id = {id} AND state = 'sending'");
    line.until("it is on its way", async || (rows(&line, &query) == 1).then_some(())).await;
    corrected(&talk, stay, &new).await;
    talk.comes_to(id, "sent").await;
    let then = send(&second).await;
    talk.comes_to(then, "read").await;
    let (old, new) = (old.trim_start_matches('+'), new.trim_start_matches('+'));
    assert_eq!((went_to(&line, &first).await, went_to(&line, &second).await), (vec![old.to_owned()], vec![new.to_owned()]));
    for digits in [old, new] {
        let query = format!("guests WHERE wa_id = '{digits}' AND phone = '+{digits}' AND hotel_id = {}", line.id);
        line.until("it is learned", async || (rows(&line, &query) == 1).then_some(())).await;
    }
});
