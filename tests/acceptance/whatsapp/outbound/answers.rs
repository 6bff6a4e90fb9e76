//! Messages that the guest has not got: they are counted, and a failed one is no answer.

use acceptance::{TestSocket, WorldOptions, json, on_both};

use super::*;

/// A number whose messages are refused at once.
const REFUSED: &str = "+199900131026";

async fn shown(conversation: &GuestThread) -> Value {
    conversation.manager.get(conversation.path("")).await.is(200)
}

fn counts(failed: i64, unknown: i64, held: i64) -> Value {
    json!({ "failed": failed, "unknown": unknown, "held": held })
}

on_both!(a_failed_message_is_no_answer, line => |line| {
    let conversation = GuestThread::with(&line, REFUSED).await;
    let since = shown(&conversation).await["waiting_since"].clone();
    assert!(since.is_string());
    let mut inbox = TestSocket::open(&conversation.manager).await;
    inbox.subscribe_to_inbox().await;
    let mut subscriber = TestSocket::open(&conversation.manager).await;
    subscriber.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": conversation.id })).await;
    let id = conversation.say(&unique_text()).await;
    conversation.wait_for_delivery(id, "failed").await;
    let failed = shown(&conversation).await;
    assert_eq!((&failed["waiting_since"], &failed["unsent"]), (&since, &counts(1, 0, 0)));
    assert_eq!((&failed["last_message"]["id"], &failed["last_message"]["delivery"]), (&json!(id), &json!("failed")));
    // The inbox learns both; the subscriber of the conversation sees it at the message.
    loop {
        let event = inbox.skip_to("conversation_updated").await;
        if event["conversation"]["unsent"] == counts(1, 0, 0) {
            assert_eq!(event["conversation"]["waiting_since"], since);
            break;
        }
    }
    assert_eq!(subscriber.skip_to("message_status").await["delivery"], "failed");
    let found = conversation.manager.get("conversations/?unsent=true&status=demo,relay").await.is(200);
    assert_eq!(found["results"][0]["id"], conversation.id);
    // A retry counts as an answer until it fails, too.
    conversation.retry(id).await.is(200);
    let entry = conversation.manager.get("audit/?action=message_retried").await.is(200)["results"][0].clone();
    assert_eq!((&entry["conversation_id"], &entry["before"]), (&json!(conversation.id), &json!(id.to_string())));
    let until_failed = async || {
        let now = shown(&conversation).await;
        (now["unsent"] == counts(1, 0, 0) && now["waiting_since"] == since).then_some(())
    };
    line.until("the retry to fail", until_failed).await;
    let handled = conversation.manager.post_empty(conversation.path("handled/")).await.is(200);
    assert_eq!((&handled["waiting_since"], &handled["unsent"]), (&json!(null), &counts(0, 0, 0)));
    let found = conversation.manager.get("conversations/?unsent=true&status=demo,relay").await.is(200);
    assert!(found["results"].as_array().unwrap().iter().all(|it| it["id"] != conversation.id));
});

on_both!(a_held_message_is_an_answer, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let conversation = GuestThread::with(&line, "+447700900480").await;
    whatsapp.advance(24 * 3600 + 60).await;
    let conversation = conversation.back().await;
    let opener = json!({
        "name": "opener", "content": "We have an answer for you.", "template_type": "whatsapp", "language": "en",
    });
    let opener = conversation.manager.post("templates/", opener).await.is(201)["id"].clone();
    conversation.manager.patch("hotel/", json!({ "opener_template_id": opener })).await.is(200);
    assert!(shown(&conversation).await["waiting_since"].is_string());
    let held = json!({ "text": unique_text(), "hold": true });
    let held = conversation.manager.post(conversation.path("send_message/"), held).await.is(201);
    let waits = shown(&conversation).await;
    assert_eq!((&waits["waiting_since"], &waits["unsent"]), (&json!(null), &counts(0, 0, 1)));
    line.guest(json!({ "from": conversation.phone, "text": "Yes?" })).await;
    conversation.wait_for_delivery(held["id"].as_i64().unwrap(), "read").await;
    let released = shown(&conversation).await;
    assert_eq!(released["unsent"], counts(0, 0, 0));
    assert!(released["waiting_since"].is_string(), "the guest has written again: {released}");
});
