//! Compares the AsyncAPI document with serialized events and parsed commands.

use std::time::Duration;

use domain::{
    ClientRef, ConversationId, Delivery, DepartmentId, DirectoryPart, GuestId, HistoryEntry, HistoryEntryId,
    HistoryKind, HotelId, IfGuestWrites, MessageId, MessageText, Person, Quote, Reaction, ReadPosition, ReviewReason,
    ScheduledContent, ScheduledMessage, ScheduledMessageId, ScheduledState, Seq, SessionId, StaffId, StayId,
    TemplateId,
    event::{OverdueResponse, StatusChange},
    inbox::InboxCounts,
    stay::StayWithConversation,
    text::RequestId,
};
use jsonschema::Validator;

use super::*;
use crate::{
    parse_command,
    response::{
        InboxCountsResponse,
        tests::{at, message, stay as booked, view},
    },
    socket::{CommandErrorEvent, LoggedEvent, SocketEvent, UnsubscribeReason},
};

fn validator(name: &str) -> Validator {
    let document = asyncapi();
    let payload = &document["components"]["messages"][name]["payload"];
    assert!(payload.is_object(), "{name} is not described");
    let whole = json!({ "allOf": [payload], "components": document["components"] });
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap()
}

fn failed() -> StatusChange {
    let (conversation, message) = (ConversationId(1), MessageId(3));
    let failure = Some("The guest cannot be reached by WhatsApp.".to_owned());
    StatusChange { conversation, stay: Some(StayId(2)), message, delivery: Delivery::Failed, failure }
}

fn every_event() -> Vec<SocketEvent> {
    let (id, stay, seq) = (RequestId::parse("r").unwrap(), Some(StayId(2)), Seq(9));
    let ann = Person { id: StaffId(7), name: "Ann".to_owned() };
    let (mut own, mut note) = (message(), message());
    own.client_ref = ClientRef::parse("mine").ok();
    (note.internal, note.delivery, note.stay) = (true, None, None);
    (note.internal, note.delivery) = (true, None);
    let mut quoting = message();
    quoting.reply_to = Some(Quote::Known(own.quoted()));
    quoting.reactions = vec![Reaction { emoji: "👍".to_owned(), staff: None, at: own.at }];
    own.reply_to = Some(Quote::Unknown);
    let mut assigned = view();
    (assigned.assignee, assigned.on_whatsapp) = (Some(ann.clone()), true);
    (assigned.last_message, assigned.last_guest_message_at) = (None, Some(at("2025-09-23T10:30:00.25Z")));
    assigned.window_opened_at = assigned.last_guest_message_at;
    let position = ReadPosition { message: Some(MessageId(3)), guest_messages: 2 };
    let stale = CommandErrorEvent::new(None, "send_message", "stale_reply", "Read that first.");
    vec![
        SocketEvent::welcome(SessionId(1), "e", Seq(0), Duration::from_secs(25)),
        SocketEvent::heartbeat(seq),
        SocketEvent::ack(&id, "typing", None),
        SocketEvent::ack(&id, "subscribe_to_inbox", Some(seq)),
        SocketEvent::subscribed(&id, "subscribe_to_conversation", seq, std::slice::from_ref(&ann)),
        SocketEvent::sent(&id, &own),
        CommandErrorEvent { newer: Some(vec![(&note).into()]), ..stale }.into(),
        parse_command("{}").err().unwrap().into(),
        parse_command(r#"{"command":"resume","request_id":"r"}"#).err().unwrap().into(),
        SocketEvent::pong(None),
        SocketEvent::pong(Some(&id)),
        LoggedEvent::message(seq, &own, true).into(),
        LoggedEvent::message(seq, &note, false).into(),
        LoggedEvent::message_updated(seq, &quoting).into(),
        LoggedEvent::message_updated(seq, &own).into(),
        LoggedEvent::message_removed(seq, ConversationId(1), stay, MessageId(3)).into(),
        LoggedEvent::message_status(seq, &failed()).into(),
        LoggedEvent::new_conversation(seq, at("2025-09-23T10:30:00Z"), &view()).into(),
        LoggedEvent::conversation_updated(seq, &view()).into(),
        LoggedEvent::conversation_updated(seq, &assigned).into(),
        LoggedEvent::conversation_removed(seq, ConversationId(1), None).into(),
        LoggedEvent::directory_updated(Some(seq), DirectoryPart::Departments).into(),
        LoggedEvent::directory_updated(None, DirectoryPart::Settings).into(),
        LoggedEvent::stay_updated(seq, &StayWithConversation { stay: booked(), conversation: None }, true).into(),
        LoggedEvent::history_added(seq, stay, &history_entry(&ann)).into(),
        LoggedEvent::response_overdue(seq, &overdue()).into(),
        LoggedEvent::scheduled_updated(seq, stay, &scheduled_text(&ann)).into(),
        LoggedEvent::scheduled_updated(seq, None, &scheduled_template(&ann)).into(),
        SocketEvent::typing(stay, ConversationId(1), &ann, true),
        SocketEvent::viewing(stay, ConversationId(1), &ann, true),
        SocketEvent::read(None, ConversationId(1), &ann, ReadPosition::START, false),
        SocketEvent::read(None, ConversationId(1), &ann, position, true),
        SocketEvent::draft_updated(stay, ConversationId(1), Some(&draft())),
        SocketEvent::draft_updated(None, ConversationId(1), None),
        SocketEvent::unsubscribed(stay, None, UnsubscribeReason::RoutedAway),
        SocketEvent::counts(InboxCountsResponse::new(&InboxCounts::of(&[], ann.id), &[])),
        SocketEvent::resumed(seq, 0),
        SocketEvent::resync_required("e", seq),
    ]
}

fn overdue() -> OverdueResponse {
    let (conversation, department) = (ConversationId(1), DepartmentId(2));
    OverdueResponse { conversation, stay: None, department, waiting_since: at("2025-09-23T10:45:00Z") }
}

fn history_entry(by: &Person) -> HistoryEntry {
    HistoryEntry {
        id: HistoryEntryId(3),
        conversation: ConversationId(1),
        at: at("2025-09-23T10:45:00Z"),
        kind: HistoryKind::RelayEnded,
        by: Some(by.clone()),
        from: None,
        to: None,
        note: None,
    }
}

fn scheduled_text(author: &Person) -> ScheduledMessage {
    ScheduledMessage {
        id: ScheduledMessageId(4),
        hotel: HotelId(1),
        conversation: ConversationId(1),
        stay: Some(StayId(1)),
        guest: GuestId(1),
        author: author.clone(),
        content: ScheduledContent::Text {
            text: MessageText::parse("Breakfast is ready.").unwrap(),
            reply_to: Some(MessageId(3)),
            hold: true,
        },
        send_at: at("2025-09-24T06:00:00Z"),
        if_guest_writes: IfGuestWrites::Review,
        state: ScheduledState::NeedsReview(ReviewReason::GuestWrote),
        answered_guest_messages: 1,
        created_at: at("2025-09-23T10:30:00Z"),
        approved_at: at("2025-09-23T10:30:00Z"),
    }
}

fn scheduled_template(author: &Person) -> ScheduledMessage {
    ScheduledMessage {
        stay: None,
        content: ScheduledContent::Template {
            template: TemplateId(2),
            variables: [("name".to_owned(), "Ana".to_owned())].into(),
        },
        if_guest_writes: IfGuestWrites::Send,
        state: ScheduledState::Sent(MessageId(9)),
        ..scheduled_text(author)
    }
}

fn draft() -> domain::Draft {
    domain::Draft {
        conversation: ConversationId(1),
        text: "Two tow".to_owned(),
        reply_to: Some(MessageId(3)),
        internal: false,
        updated_at: Some(at("2025-09-23T10:30:00Z")),
    }
}

#[test]
fn every_event_matches_its_schema() {
    let mut sent: Vec<String> = Vec::new();
    for event in every_event() {
        let event: Value = serde_json::from_str(&event.frame()).unwrap();
        let name = event["type"].as_str().unwrap();
        let faults: Vec<String> = validator(name).iter_errors(&event).map(|it| it.to_string()).collect();
        assert!(faults.is_empty(), "{event}: {faults:?}");
        sent.push(name.to_owned());
    }
    sent.sort();
    sent.dedup();
    let mut described: Vec<String> = events::messages().0.keys().cloned().collect();
    described.sort();
    assert_eq!(sent, described);
}

/// The AsyncAPI schemas refuse events with a missing field or a field of another type.
#[test]
fn wrong_events_do_not_match() {
    let optional_fields =
        ["request_id", "command", "errors", "newer", "client_ref", "message", "seq", "viewers", "read_guest_messages"];
    for event in every_event() {
        let event: Value = serde_json::from_str(&event.frame()).unwrap();
        let name = event["type"].as_str().unwrap().to_owned();
        let validator = validator(&name);
        for (key, value) in event.as_object().unwrap() {
            let mut without = event.clone();
            without.as_object_mut().unwrap().remove(key);
            let may_lack = ["ack", "error", "pong", "new_message", "read", "directory_updated"]
                .contains(&name.as_str())
                && optional_fields.contains(&key.as_str());
            assert!(may_lack || !validator.is_valid(&without), "{name} without {key}");
            let mut wrong = event.clone();
            wrong[key] = if value.is_boolean() { json!(1) } else { json!(true) };
            assert!(!validator.is_valid(&wrong), "{name} with a wrong {key}");
        }
    }
    let mut list = serde_json::to_value(LoggedEvent::conversation_updated(Seq(1), &view())).unwrap();
    list["conversation"]["status"] = json!("lost");
    assert!(!validator("conversation_updated").is_valid(&list));
    list["conversation"]["status"] = json!("relay");
    list["conversation"]["updated_at"] = json!("2025-09-23T10:30:00+00:00");
    assert!(!validator("conversation_updated").is_valid(&list));
}

#[test]
fn the_parser_agrees_with_the_command_schemas() {
    let all = [
        json!({ "command": "subscribe_to_conversation", "stay_id": 1 }),
        json!({ "command": "unsubscribe_from_conversation", "conversation_id": 1, "request_id": "r" }),
        json!({ "command": "send_message", "stay_id": 1, "text": "x" }),
        json!({ "command": "send_message", "stay_id": 1, "text": "x", "client_ref": "c", "seen_message_id": 3, "hold": true, "clears_draft": true }),
        json!({ "command": "subscribe_to_inbox" }),
        json!({ "command": "unsubscribe_from_inbox" }),
        json!({ "command": "typing", "stay_id": 1, "typing": false }),
        json!({ "command": "viewing", "conversation_id": 1, "viewing": true }),
        json!({ "command": "mark_read", "stay_id": 1, "message_id": 4 }),
        json!({ "command": "resume", "epoch": "e", "after_seq": 0 }),
        json!({ "command": "resume", "epoch": "e", "after_seq": 9, "stay_ids": [1], "conversation_ids": [], "inbox": true }),
        json!({ "command": "ping" }),
    ];
    let wrong = [json!(-1), json!("\u{e9}".repeat(129)), json!({}), json!([0]), json!(0.5), json!(null), json!("")];
    for good in &all {
        let validator = validator(&format!("command.{}", good["command"].as_str().unwrap()));
        let agree = |command: &Value| {
            let is_parsed = parse_command(&command.to_string()).is_ok();
            assert_eq!(validator.is_valid(command), is_parsed, "{command}");
            is_parsed
        };
        assert!(agree(good));
        for key in good.as_object().unwrap().keys().filter(|key| *key != "command") {
            let mut without = good.clone();
            without.as_object_mut().unwrap().remove(key);
            agree(&without);
            for value in &wrong {
                let mut other = good.clone();
                other[key] = value.clone();
                agree(&other);
            }
        }
    }
    assert_eq!(commands::messages().len(), crate::socket::commands::COMMANDS.len());
}

#[test]
fn every_reference_has_a_target() {
    fn check(document: &Value, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                }
                map.values().for_each(|it| check(document, it));
            }
            Value::Array(list) => list.iter().for_each(|it| check(document, it)),
            _ => {}
        }
    }
    let document = asyncapi();
    check(&document, &document);
    assert!(!document["components"]["schemas"].as_object().unwrap().is_empty());
}

#[test]
fn examples_match_their_schemas() {
    let document = asyncapi();
    let mut titles = std::collections::BTreeSet::new();
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let example = &message["examples"][0]["payload"];
        let faults: Vec<String> = validator(name).iter_errors(example).map(|it| it.to_string()).collect();
        assert!(faults.is_empty(), "{name}: {example}: {faults:?}");
        assert!(titles.insert(message["title"].as_str().unwrap().to_owned()), "{name}: a title occurs twice");
        assert!(message["summary"].as_str().unwrap().ends_with('.'), "{name}");
    }
    for (name, operation) in document["operations"].as_object().unwrap() {
        let has_reply = operation["reply"]["messages"].as_array().is_some_and(|it| !it.is_empty());
        assert_eq!(has_reply, operation["action"] == "receive", "{name}");
    }
}
