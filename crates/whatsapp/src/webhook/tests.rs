use super::*;
use crate::content::MessageContent;
use crate::delivery_receipt::ReceiptState;
use proptest::prelude::*;
use serde_json::json;

const SIGNED: &str = include_str!("../../samples/signed.json");

fn messages() -> Vec<Value> {
    include_str!("../../samples/messages.jsonl").lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn receipts() -> Vec<Value> {
    include_str!("../../samples/statuses.jsonl").lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn change(number: &str, parts: Value) -> Value {
    let mut value = json!({"messaging_product": "whatsapp", "metadata": {"phone_number_id": number}});
    value.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    json!({"field": "messages", "value": value})
}

fn body(entries: Value) -> String {
    json!({"object": "whatsapp_business_account", "entry": entries}).to_string()
}

/// A webhook body with all example messages and receipts of Meta's documentation.
fn full() -> String {
    let contacts = json!([{"profile": {"name": "Ada"}, "wa_id": "447700900123", "user_id": "GB.1"}]);
    body(json!([
        {"id": "1", "changes": [
            change("105", json!({"contacts": contacts, "messages": messages()})),
            change("106", json!({"statuses": receipts(), "errors": [{"code": 130429, "title": "Rate limit hit"}]})),
            {"field": "account_update", "value": {"event": "x"}},
        ]},
        {"id": "2", "changes": [change("107", json!({"messages": [messages()[0]]}))]},
    ]))
}

fn texts(updates: &[Update]) -> Vec<String> {
    let text = |update: &Update| match &update.payload {
        UpdatePayload::Message(message) => message.content.display_text(),
        UpdatePayload::Receipt(receipt) => receipt.wamid.clone(),
        UpdatePayload::AccountErrors(errors) => format!("errors {}", errors.len()),
        UpdatePayload::OtherField(name) => name.clone(),
        UpdatePayload::Invalid(reason) => format!("invalid: {reason}"),
    };
    updates.iter().map(text).collect()
}

#[test]
fn a_body_of_meta_is_parsed() {
    let updates = parse_webhook(SIGNED.as_bytes()).unwrap();
    let [update] = updates.as_slice() else { panic!("{updates:?}") };
    assert_eq!(update.phone_number_id.as_deref(), Some("105000000000001"));
    assert!(
        update.raw.starts_with(r#"{"from":"447700900123""#) && update.raw.contains(r"22\/10 \ud83d\ude42 zoe\u0040")
    );
    let UpdatePayload::Message(message) = &update.payload else { panic!() };
    assert_eq!(message.content, MessageContent::Text("Später Check-in? 22/10 🙂 zoe@example.com".into()));
    assert_eq!(message.from.profile_name.as_deref(), Some("Zoë"));
}

#[test]
fn every_entry_and_change_is_parsed_in_order() {
    let updates = parse_webhook(full().as_bytes()).unwrap();
    let numbers: Vec<&str> = updates.iter().filter_map(|it| it.phone_number_id.as_deref()).collect();
    assert_eq!(updates.len(), 20);
    assert_eq!(numbers, [vec!["105"; 15], vec!["106"; 3], vec!["107"]].concat());
    let messages = updates.iter().filter_map(|it| match &it.payload {
        UpdatePayload::Message(message) => Some(message),
        _ => None,
    });
    let wamids: Vec<String> = messages.clone().map(|it| it.wamid.clone()).collect();
    let expected: Vec<String> = (1..=15).chain([1]).map(|it| format!("wamid.A{it:02}")).collect();
    assert_eq!(wamids, expected);
    assert!(messages.take(15).all(|it| it.from.bsuid.as_deref() == Some("GB.1")));
    assert_eq!(texts(&updates)[15..19], ["errors 1", "wamid.B01", "wamid.B05", "account_update"]);
    let UpdatePayload::Receipt(failed) = &updates[17].payload else { panic!() };
    assert_eq!((&failed.state, failed.error.as_ref().map(|it| it.code)), (&ReceiptState::Failed, Some(131047)));
}

#[test]
fn an_invalid_element_does_not_affect_others() {
    let good = messages()[0].to_string();
    let deep = format!("{{\"id\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let half = good.replace("pool", r"pool \ud83d");
    let bad = format!("[{good},7,null,{{}},{deep},{half},{good}]");
    let text = body(json!([
        7,
        {"id": "1"},
        {"changes": [7, {"value": {}}, {"field": "messages"}, {"field": "messages", "value": {"metadata": {"phone_number_id": 5}}}]},
        {"changes": [change("105", json!({"messages": "BAD", "statuses": [{}, 7, receipts()[0]], "errors": []}))]},
        {"changes": [change("105", json!({"messages": {}, "statuses": [receipts()[0]]}))]},
    ]));
    let updates = parse_webhook(text.replace("\"BAD\"", &bad).as_bytes()).unwrap();
    let expected = [
        "invalid: an entry without changes",
        "invalid: an entry without changes",
        "invalid: a change without field",
        "invalid: a change without field",
        "invalid: neither messages nor statuses nor errors",
        "invalid: neither messages nor statuses nor errors",
        "invalid: no errors",
        "Is the pool heated?",
        "invalid: a message that is no JSON object",
        "invalid: a message that is no JSON object",
        "invalid: a message without id",
        "invalid: a message that is no JSON object",
        "Is the pool \u{fffd} heated?",
        "Is the pool heated?",
        "invalid: a receipt without id",
        "invalid: a receipt that is no JSON object",
        "wamid.B01",
        "invalid: not a list",
        "wamid.B01",
    ];
    assert_eq!(texts(&updates), expected);
    assert_eq!(updates[5].phone_number_id.as_deref(), Some("5"));
    assert!(updates[11].raw == deep && updates[12].raw == half, "raw JSON is kept");
    for update in &updates {
        assert_eq!(parse_webhook(update.standalone_body().as_bytes()).as_deref(), Ok(std::slice::from_ref(update)));
    }
}

#[test]
fn a_standalone_body_is_parsed_to_the_same_update() {
    for update in parse_webhook(full().as_bytes()).unwrap() {
        assert_eq!(parse_webhook(update.standalone_body().as_bytes()).as_deref(), Ok(std::slice::from_ref(&update)));
    }
}

#[test]
fn a_change_of_another_field_has_its_name() {
    let echo = json!({"field": "smb_message_echoes", "value": {"metadata": {"phone_number_id": "105"}}});
    let updates = parse_webhook(body(json!([{"changes": [echo]}])).as_bytes()).unwrap();
    assert_eq!(updates[0].payload, UpdatePayload::OtherField("smb_message_echoes".into()));
    assert_eq!(updates[0].phone_number_id.as_deref(), Some("105"));
}

#[test]
fn at_most_a_thousand_updates_are_parsed() {
    let batch =
        |count: usize| body(json!([{"changes": [change("105", json!({"messages": vec![&messages()[0]; count]}))]}]));
    assert_eq!(parse_webhook(batch(1000).as_bytes()).map(|it| it.len()), Ok(1000));
    assert_eq!(parse_webhook(batch(1001).as_bytes()), Err(WebhookParseError::TooManyUpdates));
    assert_eq!(parse_webhook(batch(0).as_bytes()), Ok(vec![]));
}

#[test]
fn a_body_of_another_form_is_refused() {
    for (body, error) in [
        ("", WebhookParseError::NotJson),
        ("[]", WebhookParseError::NotJson),
        ("{", WebhookParseError::NotJson),
        ("{} x", WebhookParseError::NotJson),
        ("{}", WebhookParseError::OtherObject),
        (r#"{"object":7}"#, WebhookParseError::OtherObject),
        (r#"{"object":"page","entry":[]}"#, WebhookParseError::OtherObject),
        (r#"{"object":"whatsapp_business_account"}"#, WebhookParseError::NoEntries),
        (r#"{"object":"whatsapp_business_account","entry":{}}"#, WebhookParseError::NoEntries),
    ] {
        assert_eq!(parse_webhook(body.as_bytes()), Err(error), "{body}");
    }
    assert_eq!(parse_webhook(&SIGNED.as_bytes()[..400]), Err(WebhookParseError::NotJson), "truncated");
}

#[test]
fn invalid_utf8_is_replaced() {
    let mut body = full().into_bytes();
    let at = full().find("heated").unwrap();
    body.splice(at..at + 2, [0xc3, 0x28]);
    let updates = parse_webhook(&body).unwrap();
    assert_eq!((updates.len(), texts(&updates)[0].as_str()), (20, "Is the pool \u{fffd}(ated?"));
}

/// Generates arbitrary JSON with Meta's field names.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        r"\PC{0,8}|\x00|[0-9]{1,20}".prop_map(Value::from),
        prop::sample::select(NAMES).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(NAMES), inner), 0..6)
                .prop_map(|it| it.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

const NAMES: &[&str] = &[
    "from",
    "from_user_id",
    "id",
    "timestamp",
    "type",
    "text",
    "body",
    "image",
    "interactive",
    "list_reply",
    "nfm_reply",
    "response_json",
    "contacts",
    "phones",
    "name",
    "edit",
    "message",
    "original_message_id",
    "system",
    "wa_id",
    "user_id",
    "user_changed_number",
    "errors",
    "code",
    "unsupported",
    "context",
    "messages",
    "statuses",
    "metadata",
    "phone_number_id",
    "sent",
    "status",
    "order",
    "product_items",
    "location",
    "latitude",
    "field",
    "value",
    "changes",
];

/// Checks the properties that hold for every update of a webhook, and calls every method.
fn check_updates(updates: &[Update]) {
    for update in updates {
        match &update.payload {
            UpdatePayload::Message(message) => {
                let text = message.content.display_text();
                assert!(!text.trim().is_empty() && !text.contains('\0'));
                assert!(message.from.wa_id.is_some() || message.from.bsuid.is_some());
            }
            UpdatePayload::Receipt(receipt) => drop((receipt.failure(), receipt.state.delivery())),
            UpdatePayload::AccountErrors(errors) => errors.iter().for_each(|it| drop((it.policy(), it.sentence()))),
            UpdatePayload::OtherField(_) | UpdatePayload::Invalid(_) => {}
        }
        assert_eq!(parse_webhook(update.standalone_body().as_bytes()).as_deref(), Ok(std::slice::from_ref(update)));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_updates(&parse_webhook(&bytes).unwrap_or_default());
    }

    #[test]
    fn arbitrary_json_may_replace_any_part(level in 0..7_usize, part in arbitrary_json(), other in arbitrary_json()) {
        let text = match level {
            0 => json!({"object": "whatsapp_business_account", "entry": [part, other]}).to_string(),
            1 => body(json!([{"changes": part}, other])),
            2 => body(json!([{"changes": [part, {"field": "messages", "value": other}]}])),
            3 => body(json!([{"changes": [change("1", json!({"messages": part, "contacts": other}))]}])),
            4 => body(json!([{"changes": [change("1", json!({"messages": [part, other]}))]}])),
            5 => body(json!([{"changes": [change("1", json!({"statuses": [part], "errors": other}))]}])),
            _ => body(json!([{"changes": [{"field": part, "value": {"metadata": other, "messages": []}}]}])),
        };
        check_updates(&parse_webhook(text.as_bytes()).unwrap());
    }

    #[test]
    fn arbitrary_json_may_replace_any_field_of_a_message(number in 0..15_usize, name in prop::sample::select(NAMES), value in arbitrary_json()) {
        let mut message = messages()[number].clone();
        let kind = message["type"].as_str().unwrap().to_owned();
        message[name] = value.clone();
        let mut within = messages()[number].clone();
        if within[&kind].is_object() {
            within[&kind][name] = value;
        }
        let text = body(json!([{"changes": [change("1", json!({"messages": [message, within, messages()[0]]}))]}]));
        let updates = parse_webhook(text.as_bytes()).unwrap();
        prop_assert_eq!(&texts(&updates)[2], "Is the pool heated?");
        check_updates(&updates);
    }

    #[test]
    fn arbitrary_bytes_may_replace_any_part_of_a_body(
        at in any::<prop::sample::Index>(),
        cut in 0..20_usize,
        put in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut body = full().into_bytes();
        let at = at.index(body.len());
        let end = (at + cut).min(body.len());
        body.splice(at..end, put);
        check_updates(&parse_webhook(&body).unwrap_or_default());
    }

    #[test]
    fn nesting_may_have_any_depth(depth in 1..20_000_usize, level in 0..4_usize, close in any::<bool>()) {
        let deep = if close { "[".repeat(depth) + &"]".repeat(depth) } else { "{\"a\":".repeat(depth) };
        let text = match level {
            0 => deep,
            1 => body(json!(["DEEP"])).replace("\"DEEP\"", &deep),
            2 => body(json!([{"changes": [change("1", json!({"messages": ["DEEP"], "contacts": "DEEP"}))]}])).replace("\"DEEP\"", &deep),
            _ => full().replace("\"Is the pool heated?\"", &deep),
        };
        check_updates(&parse_webhook(text.as_bytes()).unwrap_or_default());
    }
}
