//! Reactions and quotes of staff.

use acceptance::{TestSocket, Value, WhatsappHotel, WorldOptions, json, on_both};

use super::*;
use crate::event_assertions::{expect_about, expect_nothing_about};

/// Lets the guest write, and returns id and WhatsApp id of the message.
async fn guest_writes(conversation: &GuestThread, text: &str) -> (i64, String) {
    let ids = conversation.line.guest(json!({ "from": conversation.phone, "text": text })).await;
    let found = async || conversation.messages().await.iter().find(|it| it["content"] == text).cloned();
    let message = conversation.line.until("the guest's message is stored", found).await;
    (message["id"].as_i64().unwrap(), ids[0].clone())
}

async fn react(conversation: &GuestThread, message: i64, emoji: &str) -> ApiResponse {
    conversation.manager.post(conversation.path(&format!("messages/{message}/react/")), json!({ "emoji": emoji })).await
}

/// The reactions and texts that the simulator accepted, in order.
async fn accepted(line: &WhatsappHotel) -> Vec<String> {
    let content = |it: &Value| {
        let emoji = it["body"]["reaction"]["emoji"].as_str().map(|emoji| format!("reaction {emoji}"));
        emoji.or(it["body"]["text"]["body"].as_str().map(str::to_owned)).unwrap_or_default()
    };
    line.transcript("send").await.iter().map(content).collect()
}

on_both!(a_reaction_of_staff_is_sent_replaced_and_withdrawn, line => |line| {
    let conversation = GuestThread::with(&line, &line.unused_phone()).await;
    let (message, wamid) = guest_writes(&conversation, "Thank you").await;
    let mut socket = TestSocket::open(&conversation.manager).await;
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": conversation.id })).await;
    socket.subscribe_to_inbox().await;
    let reacted = react(&conversation, message, "👍").await.is(200);
    let reaction = &reacted["reactions"][0];
    assert_eq!((&reaction["emoji"], &reaction["by"]), (&json!("👍"), &json!("staff")));
    assert_eq!((reacted["id"].as_i64(), &reaction["staff_id"]), (Some(message), &json!(conversation.manager.id)));
    assert_eq!(expect_about(&mut socket, conversation.id, "message_updated").await["message"], reacted);
    let card = expect_about(&mut socket, conversation.id, "conversation_updated").await["conversation"].clone();
    assert_eq!(card["last_message"]["reactions"], reacted["reactions"]);
    // The same reaction again has no effect.
    assert_eq!(react(&conversation, message, "👍").await.is(200), reacted);
    expect_nothing_about(&mut socket, &line, conversation.id).await;
    conversation.say("You are welcome").await;
    react(&conversation, message, "❤️").await.is(200);
    assert_eq!(react(&conversation, message, "").await.is(200)["reactions"], json!([]));
    let expected = ["reaction 👍", "You are welcome", "reaction ❤️", "reaction "];
    line.until("all is sent in order", async || (accepted(&line).await == expected).then_some(())).await;
    let sends = line.transcript("send").await;
    assert!(sends.iter().filter(|it| it["body"]["type"] == "reaction").all(|it| it["body"]["reaction"]["message_id"] == *wamid));
    // A reaction is no message: it is neither in pages nor the last message, and cannot be retried.
    let messages = conversation.messages().await;
    assert!(messages.iter().all(|it| it["content"] != "👍" && it["content"] != "❤️"), "{messages:?}");
    let details = conversation.manager.get(conversation.path("")).await.is(200);
    assert_eq!(details["last_message"]["content"], "You are welcome");
    assert_eq!((&details["status"], &details["unread_count"]), (&json!("relay"), &json!(0)));
});

on_both!(a_refused_reaction_is_removed_unless_staff_have_reacted_anew, line => |line| {
    let conversation = GuestThread::with(&line, &line.unused_phone()).await;
    let (message, _) = guest_writes(&conversation, "Thank you").await;
    let mut socket = TestSocket::open(&conversation.manager).await;
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": conversation.id })).await;
    line.meta.post("faults/", json!({ "code": 131026, "to": conversation.phone })).await;
    react(&conversation, message, "👍").await.is(200);
    assert_eq!(expect_about(&mut socket, conversation.id, "message_updated").await["message"]["reactions"][0]["emoji"], "👍");
    assert_eq!(expect_about(&mut socket, conversation.id, "message_updated").await["message"]["reactions"], json!([]));
    assert_eq!(conversation.message(message).await["reactions"], json!([]));
    // The first reaction is tried again later, and then refused after the second.
    for code in [131000, 131000, 131026] {
        line.meta.post("faults/", json!({ "code": code, "to": conversation.phone })).await;
    }
    react(&conversation, message, "👍").await.is(200);
    let requeued = "SELECT count(*) FROM outbox WHERE state = 'queued' AND attempts > 0 AND message_id IN \
                    (SELECT id FROM messages WHERE reacts_to IS NOT NULL AND conversation_id = ";
    let requeued = format!("{requeued}{})", conversation.id);
    line.until("the reaction is requeued", async || (line.hotel.world.number(&requeued) == 1).then_some(())).await;
    react(&conversation, message, "❤️").await.is(200);
    line.until("the second reaction is sent", async || accepted(&line).await.contains(&"reaction ❤️".to_owned()).then_some(())).await;
    assert!(!accepted(&line).await.contains(&"reaction 👍".to_owned()));
    assert_eq!(conversation.message(message).await["reactions"][0]["emoji"], "❤️");
});

on_both!(reactions_follow_the_rules_of_sends, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let conversation = GuestThread::with(&line, &line.unused_phone()).await;
    let (message, _) = guest_writes(&conversation, "Thank you").await;
    let own = conversation.say("You are welcome").await;
    for bad in [json!("ok"), json!("👍👍"), json!(null), json!(1)] {
        let body = json!({ "emoji": bad });
        let path = conversation.path(&format!("messages/{message}/react/"));
        assert_eq!(conversation.manager.post(path, body).await.bad_fields(), ["emoji"], "{bad}");
    }
    assert_eq!(react(&conversation, own, "👍").await.bad_fields(), ["message_id"]);
    react(&conversation, own + 1000, "👍").await.problem(404, "not_found");
    let other = GuestThread::with(&line, &line.unused_phone()).await;
    react(&other, message, "👍").await.problem(404, "not_found");
    conversation.manager.post_empty(conversation.path("close/")).await.is(200);
    react(&conversation, message, "👍").await.problem(409, "conversation_closed");
    react(&conversation, own + 1000, "👍").await.problem(404, "not_found");
    conversation.manager.post_empty(conversation.path("reopen/")).await.is(200);
    whatsapp.advance(24 * 3600 + 60).await;
    let conversation = conversation.back().await;
    react(&conversation, message, "👍").await.problem(409, "window_closed");
    assert!(!accepted(&line).await.iter().any(|it| it.starts_with("reaction")));
});

on_both!(a_reply_quotes_a_message_of_the_chat, line => |line| {
    let conversation = GuestThread::with(&line, &line.unused_phone()).await;
    let long = format!("Is it heated? {}", "é".repeat(200));
    let (question, wamid) = guest_writes(&conversation, &long).await;
    let send = async |body: Value| conversation.manager.post(conversation.path("send_message/"), body).await;
    let answer = unique_text();
    let sent = send(json!({ "text": answer, "reply_to": question })).await.is(201);
    let first: String = long.chars().take(200).collect();
    let quote = &sent["reply_to"];
    assert_eq!((quote["id"].as_i64(), &quote["content"], &quote["sender_type"]), (Some(question), &json!(first), &json!("guest")));
    let answer_id = sent["id"].as_i64().unwrap();
    conversation.wait_for_delivery(answer_id, "read").await;
    let form = |fields: &[(&str, &str)]| {
        let part = |(name, value): &(&str, &str)| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\
                    Content-Type: application/pdf\r\n\r\n%PDF-1.4\r\n";
        format!("{}{file}--x--\r\n", fields.iter().map(part).collect::<String>()).into_bytes()
    };
    let upload = async |id: &str| {
        let client = conversation.manager.with("content-type", "multipart/form-data; boundary=x");
        client.send("POST", conversation.path("attachments/"), Some(form(&[("reply_to", id)]))).await
    };
    let file = upload(&answer_id.to_string()).await.is(201);
    assert_eq!((file["reply_to"]["id"].as_i64(), &file["reply_to"]["content"]), (Some(answer_id), &json!(answer)));
    let mut socket = TestSocket::open(&conversation.manager).await;
    let command = json!({ "command": "send_message", "conversation_id": conversation.id, "text": "By socket", "reply_to": question });
    let ack = socket.ok(command.clone()).await;
    assert_eq!(ack["message"]["reply_to"]["id"], question);
    let by_socket = ack["message"]["id"].as_i64().unwrap();
    conversation.wait_for_delivery(by_socket, "read").await;
    let sends = line.transcript("send").await;
    let contexts: Vec<&Value> = sends.iter().map(|it| &it["body"]["context"]["message_id"]).collect();
    let answer_wamid = sends.iter().find(|it| it["body"]["text"]["body"] == *answer).unwrap()["wamid"].clone();
    assert_eq!(contexts, [&json!(wamid), &answer_wamid, &json!(wamid)]);
    let page = conversation.messages().await;
    let quoted: Vec<i64> = page.iter().filter_map(|it| it["reply_to"]["id"].as_i64()).collect();
    assert_eq!(quoted, [question, answer_id, question]);
    // Notes, messages of other conversations and messages that the guest has not got cannot be quoted.
    let note = conversation.manager.post(conversation.path("notes/"), json!({ "text": "VIP" })).await.is(201);
    let other = GuestThread::with(&line, &line.unused_phone()).await;
    let (elsewhere, _) = guest_writes(&other, "elsewhere").await;
    line.meta.post("faults/", json!({ "code": 131026, "to": conversation.phone })).await;
    let failed = conversation.say("Never arrives").await;
    conversation.wait_for_delivery(failed, "failed").await;
    for bad in [note["id"].as_i64().unwrap(), elsewhere, failed, failed + 1000] {
        assert_eq!(send(json!({ "text": "x", "reply_to": bad })).await.bad_fields(), ["reply_to"], "{bad}");
        assert_eq!(upload(&bad.to_string()).await.bad_fields(), ["reply_to"]);
    }
    assert_eq!(send(json!({ "text": "x", "reply_to": "1" })).await.bad_fields(), ["reply_to"]);
    assert_eq!(upload("x").await.bad_fields(), ["reply_to"]);
    let mut refused = command;
    refused["reply_to"] = failed.into();
    let error = socket.refused(refused, "invalid").await;
    assert!(error["errors"]["reply_to"].is_array(), "{error}");
});
