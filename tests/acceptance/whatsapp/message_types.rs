//! Message types: the text that staff see for each type of WhatsApp message.

use acceptance::{
    TestSocket, Value, json, on_both,
    whatsapp::{message, text},
};

use super::{digits, guest_texts, guest_texts_after};

/// Message contents of guests, and the text that staff see.
fn message_examples() -> Vec<(Value, &'static str)> {
    vec![
        (json!({ "type": "text", "text": { "body": "  Is the pool\nheated? " } }), "Is the pool\nheated?"),
        (json!({ "type": "text", "text": { "body": "nul\u{0}led \u{1f642} ä" } }), "nulled 🙂 ä"),
        (json!({ "type": "text", "text": { "body": " " } }), "[empty message]"),
        (
            json!({ "type": "image", "image": { "id": "1", "mime_type": "image/jpeg", "caption": "Broken lamp" } }),
            "Broken lamp",
        ),
        (json!({ "type": "image", "image": { "id": "1", "mime_type": "image/jpeg" } }), "[image]"),
        (
            json!({ "type": "audio", "audio": { "id": "1", "mime_type": "audio/ogg; codecs=opus", "voice": true } }),
            "[voice message]",
        ),
        (json!({ "type": "audio", "audio": { "id": "1", "mime_type": "audio/ogg", "voice": false } }), "[audio]"),
        (json!({ "type": "voice", "voice": { "id": "1", "mime_type": "audio/ogg" } }), "[voice message]"),
        (
            json!({ "type": "video", "video": { "id": "1", "mime_type": "video/mp4", "caption": "Noise at 2am" } }),
            "Noise at 2am",
        ),
        (
            json!({ "type": "document", "document": { "id": "1", "filename": "voucher.pdf", "mime_type": "application/pdf" } }),
            "[document] voucher.pdf",
        ),
        (
            json!({ "type": "sticker", "sticker": { "id": "1", "mime_type": "image/webp", "animated": false } }),
            "[sticker]",
        ),
        (
            json!({ "type": "location", "location": { "latitude": 51.5007, "longitude": -0.1246,
                "name": "Westminster Pier", "address": "Victoria Embankment, London" } }),
            "[location] Westminster Pier, Victoria Embankment, London (51.5007, -0.1246)",
        ),
        (
            json!({ "type": "location", "location": { "latitude": "51.5", "longitude": "-0.1" } }),
            "[location] 51.5, -0.1",
        ),
        (
            json!({ "type": "contacts", "contacts": [{ "name": { "formatted_name": "Ben Guest" },
                "phones": [{ "phone": "+44 7700 900456", "wa_id": "447700900456" }],
                "emails": [{ "email": "ben@example.com" }] }] }),
            "[contact] Ben Guest +44 7700 900456 ben@example.com",
        ),
        (json!({ "type": "contacts", "contacts": [{ "origin": "contact_request" }] }), "[contact]"),
        (
            json!({ "type": "text", "text": { "body": "Is it free?" }, "referral": { "source_type": "ad",
                "source_id": "7", "source_url": "https://fb.me/1", "headline": "Winter weekend" } }),
            "Is it free?\n[ad] Winter weekend https://fb.me/1",
        ),
        (
            json!({ "type": "text", "text": { "body": "And this?" }, "context": { "from": "1", "id": "wamid.none",
                "referred_product": { "catalog_id": "8", "product_retailer_id": "SPA-1" } } }),
            "And this?\n[product] SPA-1",
        ),
        (json!({ "type": "text", "text": { "body": "Look" }, "context": { "forwarded": true } }), "[forwarded] Look"),
        (
            json!({ "type": "interactive", "interactive": { "type": "call_permission_reply",
                "call_permission_reply": { "response": "accept", "is_permanent": true } } }),
            "[call permission] The guest allows calls.",
        ),
        (json!({ "type": "request_welcome" }), "[chat opened] The guest has opened the chat and written nothing yet."),
        (
            json!({ "type": "interactive", "interactive": { "type": "button_reply",
                "button_reply": { "id": "late-checkout-yes", "title": "Yes please" } } }),
            "Yes please",
        ),
        (
            json!({ "type": "interactive", "interactive": { "type": "list_reply", "list_reply":
                { "id": "svc-towels", "title": "Fresh towels", "description": "Within 30 minutes" } } }),
            "Fresh towels",
        ),
        (
            json!({ "type": "interactive", "interactive": { "type": "nfm_reply", "nfm_reply":
                { "name": "flow", "body": "Sent", "response_json": "{\"time\":\"9\"}" } } }),
            "[form] flow\ntime: 9",
        ),
        (
            json!({ "type": "interactive", "interactive": { "type": "call_permission_reply" } }),
            "[unsupported: call_permission_reply]",
        ),
        (json!({ "type": "button", "button": { "payload": "CONFIRM_ARRIVAL", "text": "Confirm" } }), "Confirm"),
        (
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.unknown", "emoji": "\u{1f44d}" } }),
            "[reaction] 👍",
        ),
        (
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.unknown", "emoji": "" } }),
            "[reaction removed]",
        ),
        (json!({ "type": "reaction", "reaction": { "message_id": "wamid.unknown" } }), "[reaction removed]"),
        (
            json!({ "type": "order", "order": { "catalog_id": "8", "text": "", "product_items":
                [{ "product_retailer_id": "BRUNCH-2", "quantity": 1, "item_price": 24.5, "currency": "GBP" }] } }),
            "[order] 1 × BRUNCH-2 (24.5 GBP)",
        ),
        (
            json!({ "type": "unsupported", "unsupported": { "type": "poll_creation" },
                "errors": [{ "code": 131051, "title": "Message type unknown" }] }),
            "[unsupported: poll_creation]",
        ),
        (json!({ "type": "unsupported", "errors": [{ "code": 131051 }] }), "[unsupported: unknown]"),
        (json!({ "type": "hologram", "hologram": { "depth": 3 } }), "[unsupported: hologram]"),
        (json!({ "type": "image" }), "[unsupported: image]"),
        (
            json!({ "type": "edit", "edit": { "original_message_id": "wamid.unknown",
                "message": { "type": "text", "text": { "body": "At nine" } } } }),
            "[edited] At nine",
        ),
        (json!({ "type": "revoke", "revoke": { "original_message_id": "wamid.unknown" } }), "[message deleted]"),
        (
            json!({ "type": "system", "system": { "type": "customer_identity_changed", "body": "Security code changed" } }),
            "[WhatsApp] Security code changed",
        ),
        (
            json!({ "type": "text", "text": { "body": "from an ad" }, "referral": { "source_type": "ad" },
                "context": { "forwarded": true } }),
            "[forwarded] from an ad\n[ad]",
        ),
    ]
}

on_both!(every_message_type_is_shown_live_and_in_pages, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let before = guest_texts(&line, stay.conversation).await.len();
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    for (content, expected) in message_examples() {
        line.deliver_messages(&[message(digits(&stay.phone), content.clone())]).await;
        let event = socket.expect("new_message").await;
        assert_eq!((&event["content"], &event["sender_type"]), (&json!(expected), &json!("guest")), "{content}");
        let is_media =
            ["image", "audio", "voice", "video", "document", "sticker"].iter().any(|it| content.get(it).is_some());
        assert_eq!(event["attachments"].as_array().unwrap().len(), usize::from(is_media), "{content}");
    }
    let expected: Vec<&str> = message_examples().into_iter().map(|(_, expected)| expected).collect();
    assert_eq!(guest_texts_after(&line, stay.conversation, before).await, expected);
});

on_both!(a_changed_number_is_shown_as_a_message, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let (old, new) = (digits(&stay.phone).to_owned(), line.unused_phone());
    let changed = json!({ "type": "system", "system": { "type": "user_changed_number", "wa_id": digits(&new),
    "body": format!("User Ada Guest changed from {old} to {}", digits(&new)) } });
    line.deliver_messages(&[message(&old, changed)]).await;
    let event = socket.expect("new_message").await;
    assert_eq!(event["content"], format!("[number changed] The guest's WhatsApp number is now {new}."));
});

on_both!(a_reply_shows_the_quoted_message, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let (from, before) = (digits(&stay.phone).to_owned(), guest_texts(&line, stay.conversation).await.len());
    let first = line.send_guest_text(&from, "Is the pool heated?\nAnd how warm?").await;
    line.deliver_messages(&[
        message(&from, json!({ "type": "text", "text": { "body": "I mean today" }, "context": { "id": first } })),
        message(&from, json!({ "type": "reaction", "reaction": { "message_id": first, "emoji": "👍" } })),
        message(&from, json!({ "type": "reaction", "reaction": { "message_id": first, "emoji": "" } })),
        message(
            &from,
            json!({ "type": "text", "text": { "body": "of nothing known" }, "context": { "id": "wamid.?" } }),
        ),
    ])
    .await;
    // A staff message is found by the id that WhatsApp returned for it.
    line.hotel.send_message(&staff, &stay, "Yes, 28 degrees").await;
    let sent = line
        .until("the message is sent", async || {
            let sends = line.transcript("send").await;
            sends.iter().find(|it| it.to_string().contains("28 degrees")).cloned()
        })
        .await;
    line.until("the message is marked as sent", async || {
        let messages = line.messages(stay.conversation).await;
        messages.iter().find(|it| it["content"] == "Yes, 28 degrees" && it["delivery"] != "queued").cloned()
    })
    .await;
    let like = json!({ "type": "reaction", "reaction": { "message_id": sent["wamid"], "emoji": "❤" } });
    line.deliver_messages(&[message(&from, like)]).await;
    assert_eq!(
        guest_texts_after(&line, stay.conversation, before).await,
        ["Is the pool heated?\nAnd how warm?", "I mean today", "of nothing known"]
    );
    let messages = line.messages(stay.conversation).await;
    let find = |content: &str| messages.iter().find(|it| it["content"] == content).unwrap();
    let first = find("Is the pool heated?\nAnd how warm?");
    assert_eq!((&first["reactions"], &first["reply_to"]), (&json!([]), &Value::Null));
    assert_eq!(find("I mean today")["reply_to"]["id"], first["id"]);
    assert_eq!(find("I mean today")["reply_to"]["content"], first["content"]);
    assert_eq!(find("of nothing known")["reply_to"], json!({ "id": null }));
    assert_eq!(find("Yes, 28 degrees")["reactions"][0]["emoji"], "❤");
});

on_both!(a_guest_cannot_quote_messages_of_another_guest, line => |line| {
    let (stay, other) = (line.assigned(0).await, line.relay(1));
    let secret = line.send_guest_text(digits(&other.phone), "for my room only").await;
    let curious = message(
        digits(&stay.phone),
        json!({ "type": "text", "text": { "body": "?" }, "context": { "id": secret } }),
    );
    line.deliver_messages(&[curious]).await;
    assert_eq!(guest_texts(&line, stay.conversation).await.last().unwrap(), "?");
});

on_both!(a_reaction_opens_neither_window_nor_conversation, line => |line| {
    let (stay, manager) = (line.assigned(0).await, line.manager().await);
    let first = line.send_guest_text(digits(&stay.phone), "Thank you").await;
    let window_and_status =
        |it: &Value| (it["window_expires_at"].clone(), it["last_guest_message_at"].clone(), it["status"].clone());
    manager.post_empty(stay.path("close/")).await.is(200);
    let before = window_and_status(&manager.get(stay.path("")).await.is(200));
    let later = json!({ "timestamp": (unix_time() + 60).to_string(), "type": "reaction",
    "reaction": { "message_id": first, "emoji": "👍" } });
    line.deliver_messages(&[message(digits(&stay.phone), later)]).await;
    assert_eq!(line.messages(stay.conversation).await.last().unwrap()["reactions"][0]["emoji"], "👍");
    assert_eq!(window_and_status(&manager.get(stay.path("")).await.is(200)), before);
    line.deliver_messages(&[text(digits(&stay.phone), "One more thing")]).await;
    assert_eq!(manager.get(stay.path("")).await.is(200)["status"], "active");
});

fn unix_time() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

on_both!(a_long_text_is_stored_completely, line => |line| {
    let stay = line.assigned(0).await;
    let long = "ä🙂".repeat(2048);
    line.send_guest_text(digits(&stay.phone), &long).await;
    assert_eq!(guest_texts(&line, stay.conversation).await.last().unwrap(), &long);
});
