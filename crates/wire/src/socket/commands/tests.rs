use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(command: &Value) -> CommandEnvelope {
    parse_command(&command.to_string()).unwrap_or_else(|refused| panic!("{refused:?}"))
}

fn refused(text: &str) -> RefusedCommand {
    parse_command(text).err().unwrap()
}

#[track_caller]
fn faulty(command: Value) -> Vec<String> {
    let parsed = refused(&command.to_string());
    assert_eq!((parsed.code, parsed.command.as_deref()), ("invalid", command["command"].as_str()));
    parsed.errors.unwrap().into_keys().collect()
}

#[test]
fn commands_of_the_specification_are_parsed() {
    let parsed = parse(&json!({ "command": "subscribe_to_conversation", "stay_id": 1 }));
    assert!(matches!(parsed.command, SocketCommand::Subscribe(ConversationRef::Stay(StayId(1)))));
    assert!(parsed.request_id.is_none());
    let parsed = parse(&json!({ "command": "unsubscribe_from_conversation", "stay_id": 1 }));
    assert!(matches!(parsed.command, SocketCommand::Unsubscribe(ConversationRef::Stay(StayId(1)))));
    let text = "Hello, how can I help you today?";
    let parsed = parse(&json!({ "command": "send_message", "stay_id": 1, "text": text }));
    assert_eq!(parsed.name, "send_message");
    match parsed.command {
        SocketCommand::SendMessage { to, body, client_ref } => {
            assert_eq!((to, body.text.as_str(), client_ref), (ConversationRef::Stay(StayId(1)), text, None));
        }
        _ => panic!("not send_message"),
    }
}

#[test]
fn additional_commands_are_parsed() {
    for word in ["subscribe_to_inbox", "unsubscribe_from_inbox", "ping"] {
        assert_eq!(parse(&json!({ "command": word })).name, word);
    }
    let parsed = parse(&json!({ "command": "typing", "conversation_id": 5, "typing": true, "request_id": "é 1" }));
    assert!(matches!(
        parsed.command,
        SocketCommand::Typing { to: ConversationRef::Conversation(ConversationId(5)), typing: true }
    ));
    assert_eq!(parsed.request_id.unwrap().as_str(), "é 1");
    let parsed = parse(&json!({ "command": "mark_read", "stay_id": 1, "message_id": 9 }));
    assert!(matches!(parsed.command, SocketCommand::MarkRead { message_id: MessageId(9), .. }));
    let parsed = parse(&json!({
        "command": "resume", "epoch": "e", "after_seq": 0, "conversation_ids": [2], "stay_ids": [1, 3], "inbox": true,
    }));
    let named = vec![
        ConversationRef::Conversation(ConversationId(2)),
        ConversationRef::Stay(StayId(1)),
        ConversationRef::Stay(StayId(3)),
    ];
    let SocketCommand::Resume(resume) = parsed.command else { panic!("not resume") };
    assert_eq!(resume, ResumeRequest { epoch: "e".to_owned(), after_seq: Seq(0), named, inbox: true });
    let parsed = parse(&json!({ "command": "resume", "epoch": "e", "after_seq": 7, "stay_ids": null }));
    assert!(
        matches!(parsed.command, SocketCommand::Resume(ResumeRequest { named, inbox: false, .. }) if named.is_empty())
    );
}

#[test]
fn conversation_and_stay_make_a_pair() {
    let parsed = parse(&json!({ "command": "subscribe_to_conversation", "stay_id": 1, "conversation_id": 2 }));
    assert!(matches!(parsed.command, SocketCommand::Subscribe(ConversationRef::Both(ConversationId(2), StayId(1)))));
    let parsed = parse(&json!({ "command": "subscribe_to_conversation", "stay_id": null, "conversation_id": 2 }));
    assert!(matches!(parsed.command, SocketCommand::Subscribe(ConversationRef::Conversation(ConversationId(2)))));
    let parsed = parse(&json!({ "command": "subscribe_to_conversation", "stay_id": 1, "conversation_id": null }));
    assert!(matches!(parsed.command, SocketCommand::Subscribe(ConversationRef::Stay(StayId(1)))));
}

#[test]
fn faults_are_reported_together() {
    assert_eq!(faulty(json!({ "command": "subscribe_to_conversation" })), ["stay_id"]);
    assert_eq!(
        faulty(json!({ "command": "subscribe_to_conversation", "conversation_id": "2", "stay_id": 1 })),
        ["conversation_id"]
    );
    assert_eq!(
        faulty(json!({ "command": "send_message", "stay_id": 1.5, "text": " ", "client_ref": "a b", "hold": 1 })),
        ["client_ref", "hold", "stay_id", "text"]
    );
    assert_eq!(faulty(json!({ "command": "typing", "typing": "true" })), ["stay_id", "typing"]);
    assert_eq!(faulty(json!({ "command": "mark_read", "stay_id": 1 })), ["message_id"]);
    assert_eq!(faulty(json!({ "command": "resume", "after_seq": -1, "inbox": 0 })), ["after_seq", "epoch", "inbox"]);
    let command =
        json!({ "command": "resume", "epoch": "e", "after_seq": 0, "stay_ids": [0], "conversation_ids": ["1"] });
    assert_eq!(faulty(command), ["conversation_ids", "stay_ids"]);
    assert_eq!(
        faulty(json!({ "command": "subscribe_to_conversation", "conversation_id": 2, "stay_id": "1" })),
        ["stay_id"]
    );
}

#[test]
fn only_valid_request_ids_are_repeated() {
    let parsed = refused(r#"{"command":"typing","request_id":"r1"}"#);
    assert_eq!(parsed.request_id.unwrap().as_str(), "r1");
    assert!(parse_command(r#"{"command":"ping","request_id":null}"#).unwrap_or_else(|_| panic!()).request_id.is_none());
    for bad in [json!(""), json!("x".repeat(65)), json!(5), json!(["r"]), json!("a\0")] {
        let parsed = refused(&json!({ "command": "ping", "request_id": bad }).to_string());
        assert_eq!((parsed.code, parsed.request_id.is_none()), ("invalid", true));
        assert_eq!(parsed.errors.unwrap().into_keys().collect::<Vec<_>>(), ["request_id"]);
    }
}

#[test]
fn other_messages_are_refused() {
    for bad in ["", "x", "[]", "null", "7", "\"ping\"", "{\"command\":\"ping\"", r#"{"command":"\ud800"}"#] {
        assert_eq!(refused(bad).code, "bad_json", "{bad}");
    }
    assert_eq!(refused(&("[".repeat(30_000) + &"]".repeat(30_000))).code, "bad_json");
    for none in [json!({}), json!({ "command": 5 }), json!({ "command": null, "request_id": "r" })] {
        let parsed = refused(&none.to_string());
        assert_eq!((parsed.code, parsed.command), ("unknown_command", None));
    }
    let parsed = refused(r#"{"command":"Ping","request_id":"r"}"#);
    assert_eq!(
        (parsed.code, parsed.command.as_deref(), parsed.request_id.is_some()),
        ("unknown_command", Some("Ping"), true)
    );
    assert_eq!(refused(&json!({ "command": "x".repeat(65) }).to_string()).command, None);
}

#[test]
fn the_last_of_duplicate_keys_counts() {
    let parsed = parse_command(r#"{"command":"x","stay_id":1,"command":"subscribe_to_conversation","stay_id":2}"#);
    assert!(matches!(parsed.ok().unwrap().command, SocketCommand::Subscribe(ConversationRef::Stay(StayId(2)))));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
        (0..COMMANDS.len()).prop_map(|n| Value::from(COMMANDS[n].0)),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::btree_map(".{0,20}", inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

const FIELDS: [&str; 16] = [
    "command",
    "request_id",
    "stay_id",
    "conversation_id",
    "text",
    "seen_message_id",
    "hold",
    "client_ref",
    "typing",
    "message_id",
    "epoch",
    "after_seq",
    "conversation_ids",
    "stay_ids",
    "inbox",
    "other",
];

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = parse_command(&text);
    }

    #[test]
    fn no_json_makes_the_parser_panic(value in any_json()) {
        let _ = parse_command(&value.to_string());
    }

    #[test]
    fn no_fields_make_the_parser_panic(
        n in 0..COMMANDS.len(),
        fields in proptest::collection::btree_map(proptest::sample::select(&FIELDS[1..]), any_json(), 0..10),
    ) {
        let mut command: Value = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        command["command"] = Value::from(COMMANDS[n].0);
        if let Err(refused) = parse_command(&command.to_string()) {
            prop_assert_eq!(refused.code, "invalid");
            prop_assert!(!refused.errors.unwrap_or_default().is_empty());
        }
    }

    #[test]
    fn ids_are_positive_integers_of_64_bits(digits in "-?[0-9]{1,400}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?") {
        let text = format!(r#"{{"command":"subscribe_to_conversation","stay_id":{digits}}}"#);
        let good = digits.parse::<i64>().is_ok_and(|id| id > 0 && digits == id.to_string());
        prop_assert_eq!(parse_command(&text).is_ok(), good);
    }
}
