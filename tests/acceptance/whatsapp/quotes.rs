//! What guests answer to, and react to.

use acceptance::{
    Line, Value, json, on_both, unique,
    whatsapp::{message, text},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    digits, id,
    identities::{booked, where_is},
    written,
};

/// What WhatsApp calls a message: its own id, behind a head that says in whose chat it is, and which way it went.
fn wamid(chat: &str, way: u8, own: &str) -> String {
    let mut record = vec![0x1c, 0x18, chat.len() as u8];
    record.extend(chat.bytes());
    record.extend([0x15, 0x02, 0x00, way, 0x18, own.len() as u8]);
    record.extend(own.bytes());
    record.push(0);
    format!("wamid.{}", STANDARD.encode(record))
}

/// An own id that no other message has.
fn own() -> String {
    let word: String = unique("3EB0").chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{word:0<20}").to_uppercase()
}

fn quoting(from: &str, quoted: &str, words: &str) -> Value {
    message(from, json!({ "type": "text", "text": { "body": words }, "context": { "from": "1", "id": quoted } }))
}

async fn status(line: &Line, talk: &Value) -> Value {
    line.manager().await.get(format!("conversations/{}/", id(talk))).await.is(200)["status"].clone()
}

on_both!(a_quote_is_found_whatever_the_head_of_its_id, line => |line| {
    let phone = line.new_phone();
    let (from, own) = (digits(&phone), own());
    let first = message(from, json!({ "id": wamid(from, 0x12, &own), "type": "text", "text": { "body": "towels" } }));
    line.brings(&[first]).await;
    // Told from the other's view, whose chat has another number, and one that is not a number.
    let told = [wamid("442079460000", 0x11, &own), wamid("116973526233777", 0x12, &own)];
    line.brings(&[quoting(from, &told[0], "two, please")]).await;
    line.brings(&[message(from, json!({ "type": "reaction", "reaction": { "message_id": told[1], "emoji": "👍" } }))]).await;
    let talk = line.conversation(from).await;
    let found = written(&line, id(&talk)).await;
    assert_eq!(found[..2], ["towels", "> towels\ntwo, please"]);
    assert!(found[2].starts_with("> towels\n[reaction]"), "{found:?}");
    // A guest quotes what is their own only.
    let stranger = line.new_phone();
    line.brings(&[quoting(digits(&stranger), &told[0], "whose towels?")]).await;
    let theirs = line.conversation(digits(&stranger)).await;
    assert_eq!(written(&line, id(&theirs)).await, ["whose towels?"]);
});

on_both!(a_quote_belongs_to_the_conversation_of_what_is_quoted, line => |line| {
    let (phone, manager) = (line.new_phone(), line.manager().await);
    let from = digits(&phone);
    booked(&line, &phone, "2020-01-01", "2099-01-01").await;
    let first = text(from, "the lamp is broken");
    line.brings(std::slice::from_ref(&first)).await;
    let lamp = where_is(&line, "the lamp is broken").await;
    manager.post_empty(format!("stays/{}/check_out/", lamp["stay_id"])).await.is(200);
    booked(&line, &phone, "2020-02-01", "2099-01-01").await;
    line.brings(&[text(from, "hello again")]).await;
    let current = where_is(&line, "hello again").await;
    assert_ne!(id(&current), id(&lamp));
    let first = first["id"].as_str().unwrap();
    // A reaction opens nothing.
    line.brings(&[message(from, json!({ "type": "reaction", "reaction": { "message_id": first, "emoji": "👍" } }))]).await;
    assert_eq!(status(&line, &lamp).await, "closed");
    assert!(written(&line, id(&lamp)).await[1].starts_with("> the lamp is broken\n[reaction]"));
    line.brings(&[quoting(from, first, "is it mended?")]).await;
    assert_eq!(written(&line, id(&lamp)).await[2], "> the lamp is broken\nis it mended?");
    assert_eq!(written(&line, id(&current)).await, ["hello again"]);
    assert_eq!(status(&line, &lamp).await, "active");
});

on_both!(quotes_of_messages_from_before_an_update_are_found, whatsapp acceptance::Options::default() => |it| {
    let line = it.line();
    let phone = line.new_phone();
    let (from, own) = (digits(&phone), own());
    let first = message(from, json!({ "id": wamid(from, 0x12, &own), "type": "text", "text": { "body": "old" } }));
    line.brings(&[first]).await;
    it.world.sql("UPDATE messages SET whatsapp_stable_id = NULL").unwrap();
    line.brings(&[quoting(from, &wamid(from, 0x12, &own), "by the same id")]).await;
    it.world.kill();
    it.world.serve();
    let without = "SELECT count(*) FROM messages WHERE whatsapp_message_id IS NOT NULL AND whatsapp_stable_id IS NULL";
    line.until("all have one", async || (it.world.number(without) == 0).then_some(())).await;
    line.brings(&[quoting(from, &wamid("1", 0x11, &own), "by another")]).await;
    let talk = line.conversation(from).await;
    assert_eq!(written(&line, id(&talk)).await, ["old", "> old\nby the same id", "> old\nby another"]);
});
