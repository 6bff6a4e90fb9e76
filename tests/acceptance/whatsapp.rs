//! Guests on WhatsApp: webhook, guest identity, guest flow, and messages to guests.

mod after_stay;
mod away;
mod dead_letters;
mod duplicates;
mod flow;
mod guest_identity;
mod media;
mod message_types;
mod outages;
mod outbound;
mod quotes;
mod signatures;
mod template_sync;
mod verification;

use acceptance::{Value, WhatsappHotel};

/// The number as WhatsApp writes it, without `+`.
fn digits(phone: &str) -> &str {
    phone.trim_start_matches('+')
}

/// The texts of the guest in a conversation, in order.
async fn guest_texts(line: &WhatsappHotel, conversation: i64) -> Vec<String> {
    let all = line.messages(conversation).await;
    let by_guest = all.iter().filter(|it| it["sender_type"] == "guest");
    by_guest.map(|it| it["content"].as_str().unwrap().to_owned()).collect()
}

/// The guest's texts after the first `before` ones.
async fn guest_texts_after(line: &WhatsappHotel, conversation: i64, before: usize) -> Vec<String> {
    guest_texts(line, conversation).await.split_off(before)
}

/// The number of conversations that the manager finds with a search.
async fn count_conversations(line: &WhatsappHotel, search: &str) -> i64 {
    let query = format!("conversations/?search={search}&status=demo,checkin,active,relay,closed");
    line.manager().await.get(query).await.is(200)["count"].as_i64().unwrap()
}

#[track_caller]
fn id(object: &Value) -> i64 {
    object["id"].as_i64().unwrap_or_else(|| panic!("no id: {object}"))
}
