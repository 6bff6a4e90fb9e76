use domain::{ClientRef, history::HistoryParty};
use serde_json::{Value, json};

use super::*;
use crate::response::tests::{assert_contains, at, conversation, message, view};

fn sent_json(event: &SocketEvent) -> Value {
    serde_json::from_str(&event.frame()).unwrap()
}

fn request_id() -> RequestId {
    RequestId::parse("r1").unwrap()
}

#[test]
fn new_messages_match_the_specification() {
    let mut message = message();
    message.content = "Guest's message content".to_owned();
    message.sender_type = domain::SenderType::Guest;
    message.sender_name = "John Doe".to_owned();
    (message.at, message.delivery) = (at("2025-09-23T10:30:00Z"), None);
    let specified = json!({
        "type": "new_message",
        "stay_id": 1,
        "content": "Guest's message content",
        "sender_type": "guest",
        "sender_name": "John Doe",
        "timestamp": "2025-09-23T10:30:00Z",
    });
    let ours = sent_json(&LoggedEvent::message(Seq(5), &message, true).into());
    assert_contains(&ours, &specified);
    // Besides its own keys, the event has the keys of the message in every response.
    assert_contains(&ours, &json!(MessageResponse::from(&message)));
    assert_eq!(ours["seq"], 5);
    assert!(ours.get("client_ref").is_none());
}

#[test]
fn new_conversations_match_the_specification() {
    let mut view = view();
    view.conversation = conversation(3, 2, Some(1));
    let specified = json!({
        "type": "new_conversation",
        "stay_id": 2,
        "conversation_id": 3,
        "message": "New conversation initiated",
        "timestamp": "2025-09-23T10:45:00Z",
    });
    let ours = sent_json(&LoggedEvent::new_conversation(Seq(5), at("2025-09-23T10:45:00Z"), &view).into());
    assert_contains(&ours, &specified);
    assert_contains(&ours, &json!({ "seq": 5, "guest_name": "John Doe", "department_name": "Reception" }));
}

#[test]
fn only_the_sender_gets_the_client_reference() {
    let mut message = message();
    (message.client_ref, message.stay) = (ClientRef::parse("mine").ok(), None);
    assert_eq!(sent_json(&LoggedEvent::message(Seq(5), &message, true).into())["client_ref"], "mine");
    let other = sent_json(&LoggedEvent::message(Seq(5), &message, false).into());
    assert_eq!((other.get("client_ref"), &other["stay_id"]), (None, &Value::Null));
    message.internal = true;
    assert_eq!(sent_json(&LoggedEvent::message(Seq(5), &message, false).into())["type"], "new_note");
}

#[test]
fn acks_and_pongs_are_serialized() {
    let ack = sent_json(&SocketEvent::ack(&request_id(), "subscribe_to_inbox", Some(Seq(0))));
    assert_eq!(ack, json!({ "type": "ack", "request_id": "r1", "command": "subscribe_to_inbox", "seq": 0 }));
    let ack = sent_json(&SocketEvent::ack(&request_id(), "typing", None));
    assert_eq!(ack, json!({ "type": "ack", "request_id": "r1", "command": "typing" }));
    let mut message = message();
    message.client_ref = ClientRef::parse("mine").ok();
    let ack = sent_json(&SocketEvent::sent(&request_id(), &message));
    let expected = json!({
        "type": "ack",
        "request_id": "r1",
        "command": "send_message",
        "message": MessageResponse::from(&message),
        "client_ref": "mine",
    });
    assert_eq!(ack, expected);
    assert_eq!(sent_json(&SocketEvent::pong(None)), json!({ "type": "pong" }));
    assert_eq!(sent_json(&SocketEvent::pong(Some(&request_id()))), json!({ "type": "pong", "request_id": "r1" }));
}

#[test]
fn errors_are_serialized() {
    let error = CommandErrorEvent::new(Some(&request_id()), "typing", "not_found", "There is no such thing here.");
    assert_eq!(
        sent_json(&error.into()),
        json!({
            "type": "error",
            "request_id": "r1",
            "command": "typing",
            "code": "not_found",
            "detail": "There is no such thing here.",
        })
    );
    let refused = crate::parse_command(r#"{"command":"subscribe_to_conversation"}"#).err().unwrap();
    let ours = sent_json(&refused.into());
    assert_contains(&ours, &json!({ "type": "error", "command": "subscribe_to_conversation", "code": "invalid" }));
    assert_eq!(ours["errors"], json!({ "stay_id": ["This field is required."] }));
    assert!(ours.get("request_id").is_none() && ours.get("newer").is_none());
    let ours = sent_json(&crate::parse_command("x").err().unwrap().into());
    assert_eq!((&ours["code"], ours.get("command")), (&json!("bad_json"), None));
    let newer = Some(vec![MessageResponse::from(&message())]);
    let stale =
        CommandErrorEvent { newer, ..CommandErrorEvent::new(None, "send_message", "stale_reply", "Read that first.") };
    assert_eq!(sent_json(&stale.into())["newer"][0]["id"], 2);
}

#[test]
fn connection_events_are_serialized() {
    let session = SessionId(0xab);
    let welcome = sent_json(&SocketEvent::welcome(session, "e", Seq(4), Duration::from_secs(25)));
    let expected = json!({
        "type": "welcome", "session_id": session.to_string(), "epoch": "e", "seq": 4, "heartbeat_seconds": 25,
        "version": env!("CARGO_PKG_VERSION"),
    });
    assert_eq!(welcome, expected);
    assert_eq!(sent_json(&SocketEvent::heartbeat(Seq(4))), json!({ "type": "heartbeat", "seq": 4 }));
    assert_eq!(sent_json(&SocketEvent::resumed(Seq(4), 2)), json!({ "type": "resumed", "seq": 4, "replayed": 2 }));
    let resync = sent_json(&SocketEvent::resync_required("e", Seq(4)));
    assert_eq!(resync, json!({ "type": "resync_required", "epoch": "e", "seq": 4 }));
}

#[test]
fn directory_events_are_serialized() {
    let logged = sent_json(&LoggedEvent::directory_updated(Some(Seq(6)), DirectoryPart::Departments).into());
    assert_eq!(logged, json!({ "type": "directory_updated", "seq": 6, "what": "departments" }));
    let settings = sent_json(&LoggedEvent::directory_updated(None, DirectoryPart::Settings).into());
    assert_eq!(settings, json!({ "type": "directory_updated", "what": "settings" }));
}

#[test]
fn history_events_are_serialized() {
    let department =
        |id, name: &str| Some(HistoryParty::Department { id: domain::DepartmentId(id), name: name.to_owned() });
    let entry = HistoryEntry {
        id: domain::HistoryEntryId(3),
        conversation: ConversationId(1),
        at: at("2025-09-23T10:45:00Z"),
        kind: domain::HistoryKind::RelayEnded,
        by: Some(Person { id: domain::StaffId(7), name: "Ann".to_owned() }),
        from: department(2, "Reception"),
        to: None,
        note: None,
    };
    let expected = json!({
        "type": "history_added", "seq": 6, "conversation_id": 1, "stay_id": 2,
        "entry": {
            "id": 3, "at": "2025-09-23T10:45:00Z", "kind": "relay_ended", "by": { "id": 7, "name": "Ann" },
            "from": { "id": 2, "name": "Reception" }, "to": null, "note": null,
        },
    });
    assert_eq!(sent_json(&LoggedEvent::history_added(Seq(6), Some(StayId(2)), &entry).into()), expected);
}

#[test]
fn conversation_events_are_serialized() {
    let ours = sent_json(&LoggedEvent::conversation_updated(Seq(6), &view()).into());
    assert_contains(&ours, &json!({ "type": "conversation_updated", "seq": 6, "conversation_id": 1, "stay_id": 1 }));
    assert_eq!(ours["conversation"]["status"], "relay");
    assert!(ours["conversation"].get("unread_count").is_none());
    let removed = sent_json(&LoggedEvent::conversation_removed(Seq(6), ConversationId(1), None).into());
    assert_eq!(removed, json!({ "type": "conversation_removed", "seq": 6, "conversation_id": 1, "stay_id": null }));
    let ann = Person { id: domain::StaffId(7), name: "Ann".to_owned() };
    let ids = json!({ "conversation_id": 1, "stay_id": 2, "staff_id": 7, "staff_name": "Ann" });
    let typing = sent_json(&SocketEvent::typing(Some(StayId(2)), ConversationId(1), &ann, false));
    assert_contains(&typing, &ids);
    assert_contains(&typing, &json!({ "type": "typing", "typing": false }));
    let position = ReadPosition { message: Some(MessageId(9)), guest_messages: 4 };
    let read = |position, own| sent_json(&SocketEvent::read(Some(StayId(2)), ConversationId(1), &ann, position, own));
    let to_others = read(position, false);
    assert_contains(&to_others, &ids);
    assert_contains(&to_others, &json!({ "type": "read", "message_id": 9 }));
    assert!(to_others.get("read_guest_messages").is_none());
    assert_contains(&read(position, true), &json!({ "message_id": 9, "read_guest_messages": 4 }));
    assert_contains(&read(ReadPosition::START, true), &json!({ "message_id": null, "read_guest_messages": 0 }));
    let gone = sent_json(&SocketEvent::unsubscribed(Some(StayId(2)), None, UnsubscribeReason::ReachChanged));
    assert_eq!(
        gone,
        json!({ "type": "unsubscribed", "stay_id": 2, "conversation_id": null, "reason": "reach_changed" })
    );
}
