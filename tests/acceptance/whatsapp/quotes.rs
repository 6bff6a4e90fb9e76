//! Quotes and reactions of guests.

use acceptance::{
    TestSocket, Value, WhatsappHotel, json, on_both, unique,
    whatsapp::{message, text},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::event_assertions::{expect_about, expect_nothing_about};

use super::{
    digits,
    guest_identity::{conversation_with_text, create_stay},
    guest_texts, id,
};

/// A WhatsApp message id: a stable own part behind a head with chat and direction.
fn wamid(chat: &str, direction: u8, stable_part: &str) -> String {
    let mut record = vec![0x1c, 0x18, chat.len() as u8];
    record.extend(chat.bytes());
    record.extend([0x15, 0x02, 0x00, direction, 0x18, stable_part.len() as u8]);
    record.extend(stable_part.bytes());
    record.push(0);
    format!("wamid.{}", STANDARD.encode(record))
}

/// A unique stable part.
fn unique_stable_part() -> String {
    let text: String = unique("3EB0").chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{text:0<20}").to_uppercase()
}

fn quoting(from: &str, quoted: &str, text: &str) -> Value {
    message(from, json!({ "type": "text", "text": { "body": text }, "context": { "from": "1", "id": quoted } }))
}

/// The guest's messages of a conversation, in order.
async fn guest_messages(line: &WhatsappHotel, conversation: i64) -> Vec<Value> {
    let all = line.messages(conversation).await;
    all.into_iter().filter(|it| it["sender_type"] == "guest").collect()
}

/// The emoji of the reactions to a message.
fn emoji_of(message: &Value) -> Vec<&str> {
    message["reactions"].as_array().unwrap().iter().map(|it| it["emoji"].as_str().unwrap()).collect()
}

async fn status(line: &WhatsappHotel, conversation: &Value) -> Value {
    line.manager().await.get(format!("conversations/{}/", id(conversation))).await.is(200)["status"].clone()
}

on_both!(a_quoted_message_is_found_by_the_stable_part_of_its_id, line => |line| {
    let phone = line.unused_phone();
    let (from, stable_part) = (digits(&phone), unique_stable_part());
    let first = message(from, json!({ "id": wamid(from, 0x12, &stable_part), "type": "text", "text": { "body": "towels" } }));
    line.deliver_messages(&[first]).await;
    // The same message from the other side: the head has another number, or something that is no number.
    let other_ids = [wamid("442079460000", 0x11, &stable_part), wamid("116973526233777", 0x12, &stable_part)];
    line.deliver_messages(&[quoting(from, &other_ids[0], "two, please")]).await;
    line.deliver_messages(&[message(from, json!({ "type": "reaction", "reaction": { "message_id": other_ids[1], "emoji": "👍" } }))]).await;
    let conversation = line.conversation(from).await;
    let found = guest_messages(&line, id(&conversation)).await;
    let quote = json!({ "id": found[0]["id"], "content": "towels", "sender_type": "guest", "sender_name": "Ada Guest" });
    assert_eq!((found.len(), &found[1]["content"], &found[1]["reply_to"]), (2, &json!("two, please"), &quote));
    assert_eq!(emoji_of(&found[0]), ["👍"]);
    // A guest can only quote messages of their own conversations.
    let stranger = line.unused_phone();
    line.deliver_messages(&[quoting(digits(&stranger), &other_ids[0], "whose towels?")]).await;
    let strangers_conversation = line.conversation(digits(&stranger)).await;
    let found = guest_messages(&line, id(&strangers_conversation)).await;
    assert_eq!((&found[0]["content"], &found[0]["reply_to"]), (&json!("whose towels?"), &json!({ "id": null })));
    // Nor react to them: such a reaction is shown as a message.
    let reaction = json!({ "type": "reaction", "reaction": { "message_id": other_ids[0], "emoji": "😡" } });
    line.deliver_messages(&[message(digits(&stranger), reaction)]).await;
    assert_eq!(guest_texts(&line, id(&strangers_conversation)).await[1], "[reaction] 😡");
    assert_eq!(emoji_of(&guest_messages(&line, id(&conversation)).await[0]), ["👍"]);
});

on_both!(a_quote_belongs_to_the_conversation_of_the_quoted_message, line => |line| {
    let (phone, manager) = (line.unused_phone(), line.manager().await);
    let from = digits(&phone);
    create_stay(&line, &phone, "2020-01-01", "2099-01-01").await;
    let first = text(from, "the lamp is broken");
    line.deliver_messages(std::slice::from_ref(&first)).await;
    let lamp = conversation_with_text(&line, "the lamp is broken").await;
    manager.post_empty(format!("stays/{}/check_out/", lamp["stay_id"])).await.is(200);
    create_stay(&line, &phone, "2020-02-01", "2099-01-01").await;
    line.deliver_messages(&[text(from, "hello again")]).await;
    let current = conversation_with_text(&line, "hello again").await;
    assert_ne!(id(&current), id(&lamp));
    let first = first["id"].as_str().unwrap();
    // A reaction does not reopen the conversation.
    line.deliver_messages(&[message(from, json!({ "type": "reaction", "reaction": { "message_id": first, "emoji": "👍" } }))]).await;
    assert_eq!(status(&line, &lamp).await, "closed");
    assert_eq!(emoji_of(&guest_messages(&line, id(&lamp)).await[0]), ["👍"]);
    line.deliver_messages(&[quoting(from, first, "is it mended?")]).await;
    let found = guest_messages(&line, id(&lamp)).await;
    let quoted = found[1]["reply_to"]["content"].as_str();
    assert_eq!((&found[1]["content"], quoted), (&json!("is it mended?"), Some("the lamp is broken")));
    assert_eq!(guest_texts(&line, id(&current)).await, ["hello again"]);
    assert_eq!(status(&line, &lamp).await, "active");
});

on_both!(messages_from_before_the_migration_are_found_after_the_backfill, whatsapp acceptance::WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let phone = line.unused_phone();
    let (from, stable_part) = (digits(&phone), unique_stable_part());
    let first = message(from, json!({ "id": wamid(from, 0x12, &stable_part), "type": "text", "text": { "body": "old" } }));
    line.deliver_messages(&[first]).await;
    whatsapp.world.sql("UPDATE messages SET whatsapp_stable_id = NULL").unwrap();
    line.deliver_messages(&[quoting(from, &wamid(from, 0x12, &stable_part), "by the same id")]).await;
    whatsapp.world.kill();
    whatsapp.world.serve();
    let without = "SELECT count(*) FROM messages WHERE whatsapp_message_id IS NOT NULL AND whatsapp_stable_id IS NULL";
    line.until("the backfill is done", async || (whatsapp.world.number(without) == 0).then_some(())).await;
    line.deliver_messages(&[quoting(from, &wamid("1", 0x11, &stable_part), "by another")]).await;
    let conversation = line.conversation(from).await;
    let found = guest_messages(&line, id(&conversation)).await;
    let quoted: Vec<Option<&str>> = found.iter().map(|it| it["reply_to"]["content"].as_str()).collect();
    assert_eq!(quoted, [None, Some("old"), Some("old")]);
});

on_both!(reactions_of_guests_are_announced_and_applied_in_the_order_of_whatsapp, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let from = digits(&stay.phone);
    let first = line.send_guest_text(from, "Thank you").await;
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    socket.subscribe_to_inbox().await;
    let before = staff.get(stay.path("")).await.is(200);
    let reaction = |age: i64, emoji: &str| {
        let timestamp = (chrono::Utc::now().timestamp() - age).to_string();
        message(from, json!({ "timestamp": timestamp, "type": "reaction",
            "reaction": { "message_id": first, "emoji": emoji } }))
    };
    let like = reaction(60, "👍");
    line.deliver_messages(std::slice::from_ref(&like)).await;
    let updated = expect_about(&mut socket, stay.conversation, "message_updated").await;
    let message_id = updated["message"]["id"].as_i64().unwrap();
    assert_eq!((&updated["stay_id"], &updated["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
    assert_eq!((emoji_of(&updated["message"]), &updated["message"]["content"]), (vec!["👍"], &json!("Thank you")));
    assert_eq!(updated["message"]["reactions"][0]["by"], "guest");
    let card = expect_about(&mut socket, stay.conversation, "conversation_updated").await["conversation"].clone();
    assert_eq!(card["last_message"]["reactions"], updated["message"]["reactions"]);
    assert!(card["updated_at"].as_str() > before["updated_at"].as_str(), "{card}");
    let after = staff.get(stay.path("")).await.is(200);
    assert_eq!(after["unread_count"], before["unread_count"]);
    // A redelivery and an older reaction change nothing; a withdrawal removes the reaction.
    line.deliver_messages(std::slice::from_ref(&like)).await;
    line.deliver_messages(&[reaction(70, "😡")]).await;
    expect_nothing_about(&mut socket, &line, stay.conversation).await;
    line.deliver_messages(&[reaction(30, "")]).await;
    assert_eq!(expect_about(&mut socket, stay.conversation, "message_updated").await["message"]["reactions"], json!([]));
    expect_about(&mut socket, stay.conversation, "conversation_updated").await;
    // The first reaction again, after the withdrawal.
    line.deliver_messages(&[like]).await;
    expect_nothing_about(&mut socket, &line, stay.conversation).await;
    line.deliver_messages(&[reaction(20, "❤")]).await;
    assert_eq!(emoji_of(&expect_about(&mut socket, stay.conversation, "message_updated").await["message"]), ["❤"]);
    let page = line.messages(stay.conversation).await;
    let found = page.iter().find(|it| it["id"] == message_id).unwrap();
    assert_eq!((page.last().unwrap()["id"].as_i64(), emoji_of(found)), (Some(message_id), vec!["❤"]));
    // Colleagues of other departments get nothing, and a replay shows the message as it is.
    let mut colleague = TestSocket::open(&line.of(1).await).await;
    let epoch = colleague.welcome["epoch"].clone();
    let (events, _) = colleague.resume(json!({ "epoch": epoch, "after_seq": 0, "inbox": true })).await;
    assert!(events.iter().all(|it| it["conversation_id"] != stay.conversation), "{events:?}");
    let resume = json!({ "epoch": epoch, "after_seq": 0, "stay_ids": [stay.id] });
    let (events, _) = TestSocket::open(&staff).await.resume(resume).await;
    let replayed: Vec<&Value> = events.iter().filter(|it| it["type"] == "message_updated").collect();
    assert_eq!(replayed.len(), 3);
    assert!(replayed.iter().all(|it| emoji_of(&it["message"]) == ["❤"]), "{replayed:?}");
});
