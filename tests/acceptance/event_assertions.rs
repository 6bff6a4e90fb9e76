//! Assertions about the events that a socket received.

use acceptance::Value;

/// Event types with a `seq`: the events that the hotel's log stores.
const LOGGED: [&str; 6] =
    ["new_message", "new_note", "new_conversation", "conversation_updated", "conversation_removed", "message_status"];

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
