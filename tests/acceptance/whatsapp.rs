//! Guests on WhatsApp: what they write, and what they are sent.

mod after_stay;
mod duplicates;
mod flow;
mod identities;
mod media;
mod outages;
mod outbound;
mod parked;
mod quotes;
mod signatures;
mod types;
mod verification;

use acceptance::{Line, Value};

/// A number as WhatsApp writes it: without `+`.
fn digits(phone: &str) -> &str {
    phone.trim_start_matches('+')
}

/// What guests wrote in a conversation, in its order.
async fn written(line: &Line, conversation: i64) -> Vec<String> {
    let all = line.messages(conversation).await;
    let theirs = all.iter().filter(|it| it["sender_type"] == "guest");
    theirs.map(|it| it["content"].as_str().unwrap().to_owned()).collect()
}

/// The same without what was written before.
async fn new_in(line: &Line, conversation: i64, before: usize) -> Vec<String> {
    written(line, conversation).await.split_off(before)
}

/// How many conversations the manager sees that a search finds.
async fn count(line: &Line, search: &str) -> i64 {
    let query = format!("conversations/?search={search}&status=demo,checkin,active,relay,closed");
    line.manager().await.get(query).await.is(200)["count"].as_i64().unwrap()
}

/// The id of a thing.
#[track_caller]
fn id(thing: &Value) -> i64 {
    thing["id"].as_i64().unwrap_or_else(|| panic!("no id: {thing}"))
}
