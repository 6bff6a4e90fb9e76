//! What the flow knows of a conversation: its step, and its memory, which is JSON.

use diesel::prelude::*;
use domain::{
    ConversationId, HotelId,
    flow::{Memory, Step, Texts},
};
use serde_json::{Map, Value};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    schema::{conversations, message_templates},
    types::Json,
};

/// Where a conversation is in the flow. An unknown word is the start.
///
/// # Errors
/// [`StoreError`].
pub fn state(conn: &mut Conn, of: ConversationId) -> Result<(Step, Memory), StoreError> {
    let (step, memory) = row(conn, of)?;
    Ok((step.parse().unwrap_or_default(), read(&memory)))
}

/// Stores where a conversation is in the flow. What others keep beside the flow's memory stays.
///
/// # Errors
/// [`StoreError`].
pub fn save(tx: &mut Tx<'_>, of: ConversationId, step: Step, memory: &Memory) -> Result<(), StoreError> {
    let (_, mut kept) = row(tx.conn(), of)?;
    write(memory, &mut kept);
    on_db!(tx.changing(), |c| diesel::update(conversations::table.find(of.0))
        .set((
            conversations::current_step.eq(step.as_str()),
            conversations::context_data.eq(Json(Value::Object(kept).to_string())),
        ))
        .execute(c))?;
    Ok(())
}

/// What the flow says in a hotel: its own texts are templates.
///
/// # Errors
/// [`StoreError`].
pub fn texts(conn: &mut Conn, hotel: HotelId) -> Result<Texts, StoreError> {
    let own: Vec<(String, String)> = on_db!(conn, |c| message_templates::table
        .filter(message_templates::hotel_id.eq(hotel.0).and(message_templates::template_type.eq("text")))
        .filter(message_templates::name.like("flow.%"))
        .select((message_templates::name, message_templates::content))
        .load(c))?;
    Ok(Texts::new(own.into_iter().collect()))
}

fn row(conn: &mut Conn, of: ConversationId) -> Result<(String, Map<String, Value>), StoreError> {
    let (step, memory): (String, Json) = on_db!(conn, |c| conversations::table
        .find(of.0)
        .select((conversations::current_step, conversations::context_data))
        .first(c))?;
    Ok((step, serde_json::from_str(&memory.0).unwrap_or_default()))
}

fn read(kept: &Map<String, Value>) -> Memory {
    let text = |key: &str| kept.get(key).and_then(Value::as_str);
    let number = |key: &str| kept.get(key).and_then(Value::as_u64).unwrap_or(0);
    Memory {
        arrival_time: text("arrival_time").map(str::to_owned),
        wishes: text("wishes").map(str::to_owned),
        confirmed: kept.get("confirmed").and_then(Value::as_bool).unwrap_or(false),
        misses: u32::try_from(number("misses")).unwrap_or(u32::MAX),
        page: usize::try_from(number("page")).unwrap_or(0),
        language: text("language").and_then(|it| it.parse().ok()),
    }
}

fn write(memory: &Memory, kept: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Option<Value>| match value {
        Some(value) => drop(kept.insert(key.to_owned(), value)),
        None => drop(kept.remove(key)),
    };
    set("arrival_time", memory.arrival_time.as_deref().map(Value::from));
    set("wishes", memory.wishes.as_deref().map(Value::from));
    set("confirmed", memory.confirmed.then_some(Value::from(true)));
    set("misses", (memory.misses > 0).then(|| memory.misses.into()));
    set("page", (memory.page > 0).then(|| memory.page.into()));
    set("language", memory.language.map(|it| it.as_str().into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_flow_does_not_know_stays() {
        let kept = serde_json::json!({ "vip": true, "wishes": "a cot", "misses": 1 });
        let mut kept = kept.as_object().unwrap().clone();
        let mut memory = read(&kept);
        assert_eq!((memory.wishes.as_deref(), memory.misses, memory.confirmed), (Some("a cot"), 1, false));
        (memory.wishes, memory.misses, memory.arrival_time) = (None, 0, Some("15:00".to_owned()));
        write(&memory, &mut kept);
        assert_eq!(Value::Object(kept.clone()), serde_json::json!({ "vip": true, "arrival_time": "15:00" }));
        assert_eq!(read(&kept), memory);
    }
}
