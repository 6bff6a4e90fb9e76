//! Looking at the events that came to a socket.

use acceptance::Value;

/// Their types.
pub fn words(events: &[Value]) -> Vec<&str> {
    events.iter().map(|it| it["type"].as_str().unwrap()).collect()
}

/// Those of one type.
pub fn only<'a>(events: &'a [Value], word: &str) -> Vec<&'a Value> {
    events.iter().filter(|it| it["type"] == word).collect()
}

/// What the messages among them say.
pub fn said(events: &[Value]) -> Vec<&str> {
    only(events, "new_message").iter().map(|it| it["content"].as_str().unwrap()).collect()
}

/// The places of those that are logged.
pub fn seqs(events: &[Value]) -> Vec<i64> {
    let logged = [
        "new_message",
        "new_note",
        "new_conversation",
        "conversation_updated",
        "conversation_removed",
        "message_status",
    ];
    let logged = events.iter().filter(|it| logged.contains(&it["type"].as_str().unwrap()));
    logged.map(|it| it["seq"].as_i64().expect("no seq")).collect()
}

/// Fails where they did not come in order, or one came twice.
#[track_caller]
pub fn in_order(events: &[Value]) {
    let seqs = seqs(events);
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
}

/// The one event that came.
#[track_caller]
pub fn one(mut events: Vec<Value>, word: &str) -> Value {
    assert_eq!(words(&events), [word], "{events:?}");
    events.remove(0)
}
