//! Quotes and reactions of guests.

use acceptance::{
    Value, WhatsappHotel, json, on_both, unique,
    whatsapp::{message, text},
};
use base64::{Engine, engine::general_purpose::STANDARD};

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
    let found = guest_texts(&line, id(&conversation)).await;
    assert_eq!(found[..2], ["towels", "> towels\ntwo, please"]);
    assert!(found[2].starts_with("> towels\n[reaction]"), "{found:?}");
    // A guest can only quote messages of their own conversations.
    let stranger = line.unused_phone();
    line.deliver_messages(&[quoting(digits(&stranger), &other_ids[0], "whose towels?")]).await;
    let strangers_conversation = line.conversation(digits(&stranger)).await;
    assert_eq!(guest_texts(&line, id(&strangers_conversation)).await, ["whose towels?"]);
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
    assert!(guest_texts(&line, id(&lamp)).await[1].starts_with("> the lamp is broken\n[reaction]"));
    line.deliver_messages(&[quoting(from, first, "is it mended?")]).await;
    assert_eq!(guest_texts(&line, id(&lamp)).await[2], "> the lamp is broken\nis it mended?");
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
    assert_eq!(guest_texts(&line, id(&conversation)).await, ["old", "> old\nby the same id", "> old\nby another"]);
});
