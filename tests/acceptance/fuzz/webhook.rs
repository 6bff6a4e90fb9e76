//! Whatever Meta signs, the webhook takes it, and lives on.

use acceptance::{Options, Value, json, on_both, whatsapp::message};
use proptest::{collection::vec, prelude::any, strategy::Strategy};

use super::{Cases, lives_on};

/// Bodies that are right.
fn right(line: &acceptance::Line) -> Vec<Value> {
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

/// What stands where something else is expected.
fn odd() -> Vec<Value> {
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

/// Puts something in place of the part of a value with a number, counted as it is read.
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

/// Changes bytes: one is another, some are gone, some come twice.
fn spoil(bytes: &mut Vec<u8>, (what, at, other): (u8, usize, u8)) {
    if bytes.is_empty() {
        return;
    }
    let at = at % bytes.len();
    let end = (at + usize::from(other)).min(bytes.len());
    match what % 4 {
        0 => bytes[at] = other,
        1 => drop(bytes.drain(at..end)),
        2 => bytes.extend_from_within(at..end),
        _ => bytes.truncate(at),
    }
}

on_both!(nothing_that_whatsapp_signs_makes_it_fail, whatsapp Options::default() => |it| {
    let line = it.line();
    let odd = odd();
    let parts = vec((any::<usize>(), any::<usize>()), 0..4);
    let bytes = vec((any::<u8>(), any::<usize>(), any::<u8>()), 0..3);
    let (cases_of, mut cases) = ((any::<usize>(), parts, bytes).prop_map(|it| it), Cases::new());
    while let Some((which, parts, bytes)) = cases.next(&cases_of) {
        // Each time with ids of its own, so that it is no duplicate.
        let all = right(&line);
        let mut body = all[which % all.len()].clone();
        for (at, by) in parts {
            replace(&mut body, &mut (at % 40), &odd[by % odd.len()]);
        }
        let mut raw = body.to_string().into_bytes();
        bytes.into_iter().for_each(|it| spoil(&mut raw, it));
        let answer = line.post_bytes(raw.clone()).await;
        assert_eq!(answer.status, 200, "{}: {}", String::from_utf8_lossy(&raw), answer.text());
    }
    line.says("34680000009", "and still it listens").await;
    line.conversation("34680000009").await;
    lives_on(&it.world).await;
});
