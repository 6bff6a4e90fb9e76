//! State of the guest flow: step and memory of each conversation, and the texts of a hotel.

use diesel::prelude::*;
use domain::{
    ConversationId, HotelId,
    flow::{FlowMemory, FlowStep, FlowTexts},
};
use serde_json::{Map, Value};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Json,
        schema::{conversations, message_templates},
    },
    store::connection::{Conn, on_db},
};

/// Returns the step and the memory of the guest flow in a conversation. An unknown step counts as the first.
pub fn find(conn: &mut Conn, conversation: ConversationId) -> Result<(FlowStep, FlowMemory), StoreError> {
    let (step, memory) = load_columns(conn, conversation)?;
    Ok((step.parse().unwrap_or_default(), parse_memory(&memory)))
}

/// Stores the step and the memory of the guest flow. Other keys of `context_data` are kept.
pub fn save(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    step: FlowStep,
    memory: &FlowMemory,
) -> Result<(), StoreError> {
    let (_, mut context) = load_columns(tx.conn(), conversation)?;
    merge_memory(memory, &mut context);
    on_db!(tx.changing(), |c| diesel::update(conversations::table.find(conversation.0))
        .set((
            conversations::current_step.eq(step.as_str()),
            conversations::context_data.eq(Json(Value::Object(context).to_string())),
        ))
        .execute(c))?;
    Ok(())
}

/// Returns the texts of the guest flow. Text templates named `flow.…` replace the defaults.
pub fn texts(conn: &mut Conn, hotel: HotelId) -> Result<FlowTexts, StoreError> {
    let own: Vec<(String, String)> = on_db!(conn, |c| message_templates::table
        .filter(message_templates::hotel_id.eq(hotel.0).and(message_templates::template_type.eq("text")))
        .filter(message_templates::name.like("flow.%"))
        .select((message_templates::name, message_templates::content))
        .load(c))?;
    Ok(FlowTexts::new(own.into_iter().collect()))
}

fn load_columns(conn: &mut Conn, conversation: ConversationId) -> Result<(String, Map<String, Value>), StoreError> {
    let (step, memory): (String, Json) = on_db!(conn, |c| conversations::table
        .find(conversation.0)
        .select((conversations::current_step, conversations::context_data))
        .first(c))?;
    Ok((step, serde_json::from_str(&memory.0).unwrap_or_default()))
}

fn parse_memory(context: &Map<String, Value>) -> FlowMemory {
    let text = |key: &str| context.get(key).and_then(Value::as_str);
    let number = |key: &str| context.get(key).and_then(Value::as_u64).unwrap_or(0);
    FlowMemory {
        arrival_time: text("arrival_time").map(str::to_owned),
        wishes: text("wishes").map(str::to_owned),
        confirmed: context.get("confirmed").and_then(Value::as_bool).unwrap_or(false),
        misses: u32::try_from(number("misses")).unwrap_or(u32::MAX),
        page: usize::try_from(number("page")).unwrap_or(0),
        language: text("language").and_then(|it| it.parse().ok()),
    }
}

fn merge_memory(memory: &FlowMemory, context: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Option<Value>| match value {
        Some(value) => drop(context.insert(key.to_owned(), value)),
        None => drop(context.remove(key)),
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
        let context = serde_json::json!({ "vip": true, "wishes": "a cot", "misses": 1 });
        let mut context = context.as_object().unwrap().clone();
        let mut memory = parse_memory(&context);
        assert_eq!((memory.wishes.as_deref(), memory.misses, memory.confirmed), (Some("a cot"), 1, false));
        (memory.wishes, memory.misses, memory.arrival_time) = (None, 0, Some("15:00".to_owned()));
        merge_memory(&memory, &mut context);
        assert_eq!(Value::Object(context.clone()), serde_json::json!({ "vip": true, "arrival_time": "15:00" }));
        assert_eq!(parse_memory(&context), memory);
    }
}
