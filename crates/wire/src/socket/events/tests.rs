use domain::ClientRef;
use serde_json::{Value, json};

use super::*;
use crate::answers::tests::{at, holds, message, view};

fn told(event: &Event) -> Value {
    serde_json::from_str(&event.frame()).unwrap()
}

fn request_id() -> RequestId {
    RequestId::parse("r1").unwrap()
}

#[test]
fn a_new_message_is_the_seeds() {
    let mut it = message();
    it.content = "Guest's message content".to_owned();
    it.sender_type = domain::SenderType::Guest;
    it.sender_name = "John Doe".to_owned();
    (it.at, it.delivery) = (at("2025-09-23T10:30:00Z"), None);
    let seed = json!({
        "type": "new_message",
        "stay_id": 1,
        "content": "Guest's message content",
        "sender_type": "guest",
        "sender_name": "John Doe",
        "timestamp": "2025-09-23T10:30:00Z",
    });
    let ours = told(&Logged::message(Seq(5), Some(StayId(1)), &it, true).into());
    holds(&ours, &seed);
    holds(&ours, &json!({ "id": 2, "conversation_id": 1, "seq": 5, "delivery": null, "attachments": [] }));
    assert!(ours.get("client_ref").is_none());
}

#[test]
fn a_new_conversation_is_the_seeds() {
    let mut it = view();
    it.conversation.id = ConversationId(3);
    it.conversation.stay = Some(StayId(2));
    let seed = json!({
        "type": "new_conversation",
        "stay_id": 2,
        "conversation_id": 3,
        "message": "New conversation initiated",
        "timestamp": "2025-09-23T10:45:00Z",
    });
    let ours = told(&Logged::new_conversation(Seq(5), at("2025-09-23T10:45:00Z"), &it).into());
    holds(&ours, &seed);
    holds(&ours, &json!({ "seq": 5, "guest_name": "John Doe", "department_name": "Reception" }));
}

#[test]
fn only_its_sender_is_told_what_they_called_it() {
    let mut it = message();
    it.client_ref = ClientRef::parse("mine").ok();
    assert_eq!(told(&Logged::message(Seq(5), None, &it, true).into())["client_ref"], "mine");
    let other = told(&Logged::message(Seq(5), None, &it, false).into());
    assert_eq!((other.get("client_ref"), &other["stay_id"]), (None, &Value::Null));
    it.internal = true;
    assert_eq!(told(&Logged::message(Seq(5), None, &it, false).into())["type"], "new_note");
}

#[test]
fn outcomes_are_told() {
    let ack = told(&Event::ack(&request_id(), "subscribe_to_inbox", Some(Seq(0))));
    assert_eq!(ack, json!({ "type": "ack", "request_id": "r1", "command": "subscribe_to_inbox", "seq": 0 }));
    let ack = told(&Event::ack(&request_id(), "typing", None));
    assert_eq!(ack, json!({ "type": "ack", "request_id": "r1", "command": "typing" }));
    let mut it = message();
    it.client_ref = ClientRef::parse("mine").ok();
    let ack = told(&Event::sent(&request_id(), &it));
    let expected = json!({
        "type": "ack",
        "request_id": "r1",
        "command": "send_message",
        "message": Message::from(&it),
        "client_ref": "mine",
    });
    assert_eq!(ack, expected);
    assert_eq!(told(&Event::pong(None)), json!({ "type": "pong" }));
    assert_eq!(told(&Event::pong(Some(&request_id()))), json!({ "type": "pong", "request_id": "r1" }));
}

#[test]
fn errors_are_told() {
    let error = CommandError::new(Some(&request_id()), "typing", "not_found", "There is no such thing here.");
    assert_eq!(
        told(&error.into()),
        json!({
            "type": "error",
            "request_id": "r1",
            "command": "typing",
            "code": "not_found",
            "detail": "There is no such thing here.",
        })
    );
    let refused = crate::parse_command(r#"{"command":"subscribe_to_conversation"}"#).err().unwrap();
    let ours = told(&refused.into());
    holds(&ours, &json!({ "type": "error", "command": "subscribe_to_conversation", "code": "invalid" }));
    assert_eq!(ours["errors"], json!({ "stay_id": ["This field is required."] }));
    assert!(ours.get("request_id").is_none() && ours.get("newer").is_none());
    let ours = told(&crate::parse_command("x").err().unwrap().into());
    assert_eq!((&ours["code"], ours.get("command")), (&json!("bad_json"), None));
    let newer = Some(vec![Message::from(&message())]);
    let stale = CommandError { newer, ..CommandError::new(None, "send_message", "stale_reply", "Read that first.") };
    assert_eq!(told(&stale.into())["newer"][0]["id"], 2);
}

#[test]
fn the_line_is_told_of() {
    let session = SessionId(0xab);
    let welcome = told(&Event::welcome(session, "e", Seq(4), Duration::from_secs(25)));
    let expected = json!({
        "type": "welcome", "session_id": session.to_string(), "epoch": "e", "seq": 4, "heartbeat_seconds": 25,
    });
    assert_eq!(welcome, expected);
    assert_eq!(told(&Event::heartbeat(Seq(4))), json!({ "type": "heartbeat", "seq": 4 }));
    assert_eq!(told(&Event::resumed(Seq(4), 2)), json!({ "type": "resumed", "seq": 4, "replayed": 2 }));
    let resync = told(&Event::resync_required("e", Seq(4)));
    assert_eq!(resync, json!({ "type": "resync_required", "epoch": "e", "seq": 4 }));
}

#[test]
fn the_conversation_is_told_of() {
    let ours = told(&Logged::conversation_updated(Seq(6), &view()).into());
    holds(&ours, &json!({ "type": "conversation_updated", "seq": 6, "conversation_id": 1, "stay_id": 1 }));
    assert_eq!(ours["conversation"]["status"], "relay");
    assert!(ours["conversation"].get("unread_count").is_none());
    let removed = told(&Logged::conversation_removed(Seq(6), ConversationId(1), None).into());
    assert_eq!(removed, json!({ "type": "conversation_removed", "seq": 6, "conversation_id": 1, "stay_id": null }));
    let ann = Person { id: domain::StaffId(7), name: "Ann".to_owned() };
    let ids = json!({ "conversation_id": 1, "stay_id": 2, "staff_id": 7, "staff_name": "Ann" });
    let typing = told(&Event::typing(Some(StayId(2)), ConversationId(1), &ann, false));
    holds(&typing, &ids);
    holds(&typing, &json!({ "type": "typing", "typing": false }));
    let read = told(&Event::read(Some(StayId(2)), ConversationId(1), &ann, MessageId(9)));
    holds(&read, &ids);
    holds(&read, &json!({ "type": "read", "message_id": 9 }));
    let gone = told(&Event::unsubscribed(Some(StayId(2)), None, Reason::ReachChanged));
    assert_eq!(
        gone,
        json!({ "type": "unsubscribed", "stay_id": 2, "conversation_id": null, "reason": "reach_changed" })
    );
}
