//! Assertions about the events that a socket received.

use acceptance::{TestHotel, TestSocket, Value};

/// Event types with a `seq`: the events that the hotel's log stores.
const LOGGED: [&str; 13] = [
    "new_message",
    "new_note",
    "new_conversation",
    "conversation_updated",
    "conversation_removed",
    "message_status",
    "message_updated",
    "message_removed",
    "directory_updated",
    "stay_updated",
    "history_added",
    "scheduled_updated",
    "response_overdue",
];

pub fn event_types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|it| it["type"].as_str().unwrap()).collect()
}

pub fn of_type<'a>(events: &'a [Value], event_type: &str) -> Vec<&'a Value> {
    events.iter().filter(|it| it["type"] == event_type).collect()
}

/// The texts of the `new_message` events.
pub fn message_texts(events: &[Value]) -> Vec<&str> {
    of_type(events, "new_message").iter().map(|it| it["content"].as_str().unwrap()).collect()
}

/// The sequence numbers of the logged events.
pub fn seqs(events: &[Value]) -> Vec<i64> {
    let logged = events.iter().filter(|it| LOGGED.contains(&it["type"].as_str().unwrap()));
    logged.map(|it| it["seq"].as_i64().expect("no seq")).collect()
}

/// Fails if the logged events are out of order, or if one was received twice.
#[track_caller]
pub fn assert_in_order(events: &[Value]) {
    let seqs = seqs(events);
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
}

/// Returns the only event; fails if there are more, or if it has another type.
#[track_caller]
pub fn single_event(mut events: Vec<Value>, event_type: &str) -> Value {
    assert_eq!(event_types(&events), [event_type], "{events:?}");
    events.remove(0)
}

/// Returns the next event about a conversation. Fails if it has another type. Drops events about other conversations, such
/// as those whose stays begin.
pub async fn expect_about(socket: &mut TestSocket, conversation: i64, event_type: &str) -> Value {
    loop {
        let event = socket.next().await;
        if event["conversation_id"] == conversation {
            assert_eq!(event["type"], event_type, "{event}");
            return event;
        }
    }
}

/// Fails if the socket has got an event about a conversation.
pub async fn expect_nothing_about(socket: &mut TestSocket, hotel: &TestHotel, conversation: i64) {
    let events = socket.events_so_far(hotel).await;
    assert!(events.iter().all(|event| event["conversation_id"] != conversation), "{events:?}");
}
