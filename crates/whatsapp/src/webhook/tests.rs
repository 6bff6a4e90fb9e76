use super::*;
use crate::content::Content;
use crate::status::State;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const SIGNED: &str = include_str!("../../samples/signed.json");

fn messages() -> Vec<Json> {
    include_str!("../../samples/messages.jsonl").lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn statuses() -> Vec<Json> {
    include_str!("../../samples/statuses.jsonl").lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn change(number: &str, parts: Json) -> Json {
    let mut value = json!({"messaging_product": "whatsapp", "metadata": {"phone_number_id": number}});
    value.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    json!({"field": "messages", "value": value})
}

fn body(entries: Json) -> String {
    json!({"object": "whatsapp_business_account", "entry": entries}).to_string()
}

/// A body with all that the reference shows.
fn full() -> String {
    let contacts = json!([{"profile": {"name": "Ada"}, "wa_id": "447700900123", "user_id": "GB.1"}]);
    body(json!([
        {"id": "1", "changes": [
            change("105", json!({"contacts": contacts, "messages": messages()})),
            change("106", json!({"statuses": statuses(), "errors": [{"code": 130429, "title": "Rate limit hit"}]})),
            {"field": "account_update", "value": {"event": "x"}},
        ]},
        {"id": "2", "changes": [change("107", json!({"messages": [messages()[0]]}))]},
    ]))
}

fn texts(updates: &[Update]) -> Vec<String> {
    let text = |it: &Update| match &it.what {
        What::Message(inbound) => inbound.content.text(),
        What::Status(report) => report.wamid.clone(),
        What::Errors(errors) => format!("errors {}", errors.len()),
        What::OtherField(name) => name.clone(),
        What::Unreadable(reason) => format!("unreadable: {reason}"),
    };
    updates.iter().map(text).collect()
}

#[test]
fn a_body_as_meta_writes_it() {
    let updates = read(SIGNED.as_bytes()).unwrap();
    let [update] = updates.as_slice() else { panic!("{updates:?}") };
    assert_eq!(update.phone_number_id.as_deref(), Some("105000000000001"));
    assert!(
        update.raw.starts_with(r#"{"from":"447700900123""#) && update.raw.contains(r"22\/10 \ud83d\ude42 zoe\u0040")
    );
    let What::Message(inbound) = &update.what else { panic!() };
    assert_eq!(inbound.content, Content::Text("Später Check-in? 22/10 🙂 zoe@example.com".into()));
    assert_eq!(inbound.from.profile_name.as_deref(), Some("Zoë"));
}

#[test]
fn all_of_every_entry_and_change_is_read_in_order() {
    let updates = read(full().as_bytes()).unwrap();
    let numbers: Vec<&str> = updates.iter().filter_map(|it| it.phone_number_id.as_deref()).collect();
    assert_eq!(updates.len(), 20);
    assert_eq!(numbers, [vec!["105"; 15], vec!["106"; 3], vec!["107"]].concat());
    let messages = updates.iter().filter_map(|it| match &it.what {
        What::Message(inbound) => Some(inbound),
        _ => None,
    });
    let wamids: Vec<String> = messages.clone().map(|it| it.wamid.clone()).collect();
    let expected: Vec<String> = (1..=15).chain([1]).map(|it| format!("wamid.A{it:02}")).collect();
    assert_eq!(wamids, expected);
    assert!(messages.take(15).all(|it| it.from.bsuid.as_deref() == Some("GB.1")));
    assert_eq!(texts(&updates)[15..19], ["errors 1", "wamid.B01", "wamid.B05", "account_update"]);
    let What::Status(failed) = &updates[17].what else { panic!() };
    assert_eq!((&failed.state, failed.error.as_ref().map(|it| it.code)), (&State::Failed, Some(131047)));
}

#[test]
fn one_bad_element_spoils_no_other() {
    let good = messages()[0].to_string();
    let deep = format!("{{\"id\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let half = good.replace("pool", r"pool \ud83d");
    let bad = format!("[{good},7,null,{{}},{deep},{half},{good}]");
    let text = body(json!([
        7,
        {"id": "1"},
        {"changes": [7, {"value": {}}, {"field": "messages"}, {"field": "messages", "value": {"metadata": {"phone_number_id": 5}}}]},
        {"changes": [change("105", json!({"messages": "BAD", "statuses": [{}, 7, statuses()[0]], "errors": []}))]},
        {"changes": [change("105", json!({"messages": {}, "statuses": [statuses()[0]]}))]},
    ]));
    let updates = read(text.replace("\"BAD\"", &bad).as_bytes()).unwrap();
    let expected = [
        "unreadable: an entry without changes",
        "unreadable: an entry without changes",
        "unreadable: a change without field",
        "unreadable: a change without field",
        "unreadable: neither messages nor statuses nor errors",
        "unreadable: neither messages nor statuses nor errors",
        "unreadable: no errors",
        "Is the pool heated?",
        "unreadable: a message that is no JSON object",
        "unreadable: a message that is no JSON object",
        "unreadable: a message without id",
        "unreadable: a message that is no JSON object",
        "Is the pool \u{fffd} heated?",
        "Is the pool heated?",
        "unreadable: a status without id",
        "unreadable: a status that is no JSON object",
        "wamid.B01",
        "unreadable: no list",
        "wamid.B01",
    ];
    assert_eq!(texts(&updates), expected);
    assert_eq!(updates[5].phone_number_id.as_deref(), Some("5"));
    assert!(updates[11].raw == deep && updates[12].raw == half, "as it was written");
    for update in &updates {
        assert_eq!(read(update.parcel().as_bytes()).as_deref(), Ok(std::slice::from_ref(update)));
    }
}

#[test]
fn a_parcel_tells_its_update_again() {
    for update in read(full().as_bytes()).unwrap() {
        assert_eq!(read(update.parcel().as_bytes()).as_deref(), Ok(std::slice::from_ref(&update)));
    }
}

#[test]
fn an_unknown_field_is_told_by_its_name() {
    let echo = json!({"field": "smb_message_echoes", "value": {"metadata": {"phone_number_id": "105"}}});
    let updates = read(body(json!([{"changes": [echo]}])).as_bytes()).unwrap();
    assert_eq!(updates[0].what, What::OtherField("smb_message_echoes".into()));
    assert_eq!(updates[0].phone_number_id.as_deref(), Some("105"));
}

#[test]
fn a_thousand_updates_are_read_and_no_more() {
    let batch =
        |count: usize| body(json!([{"changes": [change("105", json!({"messages": vec![&messages()[0]; count]}))]}]));
    assert_eq!(read(batch(1000).as_bytes()).map(|it| it.len()), Ok(1000));
    assert_eq!(read(batch(1001).as_bytes()), Err(NotRead::TooMany));
    assert_eq!(read(batch(0).as_bytes()), Ok(vec![]));
}

#[test]
fn what_is_no_body_of_the_webhook_is_told_so() {
    for (body, error) in [
        ("", NotRead::NotJson),
        ("[]", NotRead::NotJson),
        ("{", NotRead::NotJson),
        ("{} x", NotRead::NotJson),
        ("{}", NotRead::OtherObject),
        (r#"{"object":7}"#, NotRead::OtherObject),
        (r#"{"object":"page","entry":[]}"#, NotRead::OtherObject),
        (r#"{"object":"whatsapp_business_account"}"#, NotRead::NoEntries),
        (r#"{"object":"whatsapp_business_account","entry":{}}"#, NotRead::NoEntries),
    ] {
        assert_eq!(read(body.as_bytes()), Err(error), "{body}");
    }
    assert_eq!(read(&SIGNED.as_bytes()[..400]), Err(NotRead::NotJson), "cut off");
}

#[test]
fn bytes_that_are_no_utf8_spoil_nothing_else() {
    let mut body = full().into_bytes();
    let at = full().find("heated").unwrap();
    body.splice(at..at + 2, [0xc3, 0x28]);
    let updates = read(&body).unwrap();
    assert_eq!((updates.len(), texts(&updates)[0].as_str()), (20, "Is the pool \u{fffd}(ated?"));
}

/// JSON in which anything may stand anywhere, with the names that matter.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        r"\PC{0,8}|\x00|[0-9]{1,20}".prop_map(Json::from),
        prop::sample::select(WORDS).prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((prop::sample::select(WORDS), inner), 0..6)
                .prop_map(|it| it.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

const WORDS: &[&str] = &[
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

/// All that may be asked of what was read.
fn ask(updates: &[Update]) {
    for update in updates {
        match &update.what {
            What::Message(inbound) => {
                let text = inbound.content.text();
                assert!(!text.trim().is_empty() && !text.contains('\0'));
                assert!(inbound.from.wa_id.is_some() || inbound.from.bsuid.is_some());
            }
            What::Status(report) => drop((report.failure(), report.state.delivery())),
            What::Errors(errors) => errors.iter().for_each(|it| drop((it.advice(), it.sentence()))),
            What::OtherField(_) | What::Unreadable(_) => {}
        }
        assert_eq!(read(update.parcel().as_bytes()).as_deref(), Ok(std::slice::from_ref(update)));
    }
}

proptest! {
    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        ask(&read(&bytes).unwrap_or_default());
    }

    #[test]
    fn anything_may_stand_in_the_place_of_a_part(at in 0..7_usize, part in any_json(), other in any_json()) {
        let text = match at {
            0 => json!({"object": "whatsapp_business_account", "entry": [part, other]}).to_string(),
            1 => body(json!([{"changes": part}, other])),
            2 => body(json!([{"changes": [part, {"field": "messages", "value": other}]}])),
            3 => body(json!([{"changes": [change("1", json!({"messages": part, "contacts": other}))]}])),
            4 => body(json!([{"changes": [change("1", json!({"messages": [part, other]}))]}])),
            5 => body(json!([{"changes": [change("1", json!({"statuses": [part], "errors": other}))]}])),
            _ => body(json!([{"changes": [{"field": part, "value": {"metadata": other, "messages": []}}]}])),
        };
        ask(&read(text.as_bytes()).unwrap());
    }

    #[test]
    fn any_field_of_a_message_may_be_anything(number in 0..15_usize, name in prop::sample::select(WORDS), value in any_json()) {
        let mut message = messages()[number].clone();
        let kind = message["type"].as_str().unwrap().to_owned();
        message[name] = value.clone();
        let mut within = messages()[number].clone();
        if within[&kind].is_object() {
            within[&kind][name] = value;
        }
        let text = body(json!([{"changes": [change("1", json!({"messages": [message, within, messages()[0]]}))]}]));
        let updates = read(text.as_bytes()).unwrap();
        prop_assert_eq!(&texts(&updates)[2], "Is the pool heated?");
        ask(&updates);
    }

    #[test]
    fn a_good_body_may_be_changed_anywhere(
        at in any::<prop::sample::Index>(),
        cut in 0..20_usize,
        put in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut body = full().into_bytes();
        let at = at.index(body.len());
        let end = (at + cut).min(body.len());
        body.splice(at..end, put);
        ask(&read(&body).unwrap_or_default());
    }

    #[test]
    fn nesting_may_be_as_deep_as_it_likes(depth in 1..20_000_usize, at in 0..4_usize, close in any::<bool>()) {
        let deep = if close { "[".repeat(depth) + &"]".repeat(depth) } else { "{\"a\":".repeat(depth) };
        let text = match at {
            0 => deep,
            1 => body(json!(["DEEP"])).replace("\"DEEP\"", &deep),
            2 => body(json!([{"changes": [change("1", json!({"messages": ["DEEP"], "contacts": "DEEP"}))]}])).replace("\"DEEP\"", &deep),
            _ => full().replace("\"Is the pool heated?\"", &deep),
        };
        ask(&read(text.as_bytes()).unwrap_or_default());
    }
}
