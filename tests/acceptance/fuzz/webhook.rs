//! Fuzz tests of the webhook: every correctly signed body is answered with 200, and the server stays healthy.

use acceptance::{Value, WorldOptions, json, on_both, whatsapp::message};
use proptest::{collection::vec, prelude::any, strategy::Strategy};

use super::{CaseGenerator, assert_healthy};

/// Valid webhook bodies.
fn valid_bodies(line: &acceptance::WhatsappHotel) -> Vec<Value> {
    let contents = [
        json!({ "type": "text", "text": { "body": "Später? \u{1f642}" }, "context": { "id": "wamid.x", "from": "1" } }),
        json!({ "type": "image", "image": { "id": "1", "mime_type": "image/png", "sha256": "3q2+7w==", "caption": "c" } }),
        json!({ "type": "location", "location": { "latitude": 51.5, "longitude": -0.1, "name": "Pier" } }),
        json!({ "type": "contacts", "contacts": [{ "name": { "formatted_name": "Ben" }, "phones": [{ "phone": "1" }] }] }),
        json!({ "type": "interactive", "interactive": { "type": "list_reply", "list_reply": { "id": "a", "title": "b" } } }),
        json!({ "type": "interactive", "interactive": { "type": "nfm_reply", "nfm_reply": { "response_json": "{\"a\":1}" } } }),
        json!({ "type": "reaction", "reaction": { "message_id": "wamid.x", "emoji": "a" } }),
        json!({ "type": "order", "order": { "product_items": [{ "product_retailer_id": "a", "quantity": 1 }] } }),
        json!({ "type": "system", "system": { "type": "user_changed_number", "wa_id": "34680000001" } }),
        json!({ "type": "edit", "edit": { "original_message_id": "w", "message": { "type": "text", "text": { "body": "a" } } } }),
        json!({ "type": "unsupported", "errors": [{ "code": 131051, "error_data": { "details": "x" } }] }),
    ];
    let status = json!({ "id": "wamid.b", "status": "failed", "timestamp": "1793000021", "recipient_id": "34680000000",
        "biz_opaque_callback_data": "x", "errors": [{ "code": 131047, "title": "t" }] });
    let messages = contents.into_iter().map(|it| line.body(&[message("34680000000", it)]));
    messages.chain([line.report(&[status])]).collect()
}

/// JSON values that are unexpected in most fields.
fn unexpected_values() -> Vec<Value> {
    let deep = (0..100).fold(json!([]), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("\u{0}"),
        json!("999999999999999999999999"),
        json!("x".repeat(100_000)),
        json!("34680000000"),
        json!("\u{202e}\u{fffd}\u{10ffff}"),
        json!([]),
        json!([null, [], {}]),
        json!({}),
        json!({ "": { "": "" } }),
        deep,
    ]
}

/// Replaces the nth value of a document, counted in reading order.
fn replace(value: &mut Value, left: &mut usize, by: &Value) {
    if *left == 0 {
        *value = by.clone();
    }
    *left = left.wrapping_sub(1);
    match value {
        _ if *left == usize::MAX => {}
        Value::Array(all) => all.iter_mut().for_each(|it| replace(it, left, by)),
        Value::Object(all) => all.values_mut().for_each(|it| replace(it, left, by)),
        _ => {}
    }
}

/// Mutates bytes: changes one, removes some, repeats some, or truncates.
fn mutate(bytes: &mut Vec<u8>, (kind, at, byte): (u8, usize, u8)) {
    if bytes.is_empty() {
        return;
    }
    let at = at % bytes.len();
    let end = (at + usize::from(byte)).min(bytes.len());
    match kind % 4 {
        0 => bytes[at] = byte,
        1 => drop(bytes.drain(at..end)),
        2 => bytes.extend_from_within(at..end),
        _ => bytes.truncate(at),
    }
}

on_both!(every_signed_body_is_answered_with_200, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let unexpected = unexpected_values();
    let parts = vec((any::<usize>(), any::<usize>()), 0..4);
    let bytes = vec((any::<u8>(), any::<usize>(), any::<u8>()), 0..3);
    let (cases_of, mut cases) = ((any::<usize>(), parts, bytes).prop_map(|it| it), CaseGenerator::new());
    while let Some((which, parts, bytes)) = cases.next(&cases_of) {
        // New message ids for each case, so that no message is a duplicate.
        let all = valid_bodies(&line);
        let mut body = all[which % all.len()].clone();
        for (at, by) in parts {
            replace(&mut body, &mut (at % 40), &unexpected[by % unexpected.len()]);
        }
        let mut raw = body.to_string().into_bytes();
        bytes.into_iter().for_each(|it| mutate(&mut raw, it));
        let response = line.post_bytes(raw.clone()).await;
        assert_eq!(response.status, 200, "{}: {}", String::from_utf8_lossy(&raw), response.text());
    }
    line.send_guest_text("34680000009", "and still it listens").await;
    line.conversation("34680000009").await;
    assert_healthy(&whatsapp.world).await;
});
