//! Guests who write: from what a test asks for, messages as Meta tells them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    clock::{Millis, SECOND},
    errors::element,
    guests::{Guest, wa_id, wamid},
    media::Sent,
    transcript::GUEST,
    updates::{Beside, Told, Update, bodies},
    webhooks::{tell, tell_body},
    world::{State, World},
};

/// The most messages in one call, and the most copies of a POST.
const MOST: usize = 1000;
const MOST_COPIES: u32 = 100;
/// Above this a time is in milliseconds.
const MILLISECONDS_FROM: i64 = 1_000_000_000_000;

/// What a guest writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Writes {
    /// To which number's id; the first where it is not said. It may be one that is not the account's.
    to: Option<String>,
    /// Of which account.
    waba: Option<String>,
    /// The guest's number.
    from: Option<String>,
    user_id: Option<String>,
    username: Option<String>,
    name: Option<String>,
    /// Whether the business is not shown the number, from now on.
    hide_phone: Option<bool>,
    /// One text.
    text: Option<String>,
    /// Messages: objects as Meta's, of which everything may be left out, given or, by null, taken away.
    #[serde(default)]
    messages: Vec<Map<String, Value>>,
    /// Whether they come in one POST; else each in its own, in parallel.
    #[serde(default)]
    together: bool,
    /// How often each POST comes, at the same time.
    times: Option<u32>,
}

/// Has it told; the ids of the messages.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn write(world: &World, mut writes: Writes) -> Result<Value, String> {
    if let Some(text) = writes.text.take() {
        writes.messages.insert(0, Map::from_iter([("text".to_owned(), text.into())]));
    }
    if writes.from.is_none() && writes.user_id.is_none() {
        return Err("a guest has from or user_id, or both".to_owned());
    }
    if !(1..=MOST).contains(&writes.messages.len()) {
        return Err(format!("a guest writes 1 to {MOST} messages at once: text, or messages"));
    }
    let times = writes.times.unwrap_or(1);
    if !(1..=MOST_COPIES).contains(&times) {
        return Err(format!("times is 1 to {MOST_COPIES}"));
    }
    let updates = updates(world, &mut writes)?;
    let ids: Vec<&str> = updates.iter().map(|it| it.label.as_str()).collect();
    let answer = json!({ "ids": ids });
    if times == 1 && !writes.together {
        updates.into_iter().for_each(|update| tell(world, update, 0));
        return Ok(answer);
    }
    let most = if writes.together { MOST } else { 1 };
    for body in bodies(updates, most, || Beside::Element) {
        tell_body(world, body, times);
    }
    Ok(answer)
}

fn updates(world: &World, writes: &mut Writes) -> Result<Vec<Update>, String> {
    let number = writes.to.take().or_else(|| world.options.phone_numbers.first().cloned()).unwrap_or_default();
    let (waba, display) = (writes.waba.take().unwrap_or_else(|| world.options.waba_id.clone()), world.display(&number));
    let now = world.clock.now();
    let mut state = world.state();
    let guest = remembered(&mut state, writes);
    let from = Sender { guest: &guest, number: &number, display: &display, now };
    let mut updates = Vec::new();
    for asked in writes.messages.drain(..) {
        let message = message(world, &mut state, &from, asked)?;
        let id = message.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
        let system = kind == "system";
        if !system && kind != "reaction" {
            let at = time_of(&message).unwrap_or(now);
            state.guests.get(guest.wa_id.as_deref(), guest.user_id.as_deref()).wrote(&number, at);
        }
        state.limits.count(&number, now);
        state.messages.insert(id.clone(), true);
        state.transcript.note(GUEST, now, json!({ "phone_number_id": number, "wamid": id, "type": kind }));
        updates.push(Update {
            waba: waba.clone(),
            number: number.clone(),
            display: display.clone(),
            contact: (!system).then(|| contact(&guest)),
            told: Told::Message(message.into()),
            label: id,
        });
    }
    Ok(updates)
}

/// The guest, with what is said of them here.
fn remembered(state: &mut State, writes: &mut Writes) -> Guest {
    let guest = state.guests.get(writes.from.as_deref(), writes.user_id.as_deref());
    if let Some(hidden) = writes.hide_phone {
        guest.hidden = hidden;
    }
    guest.name = writes.name.take().or_else(|| guest.name.take());
    guest.username = writes.username.take().or_else(|| guest.username.take());
    guest.clone()
}

/// An element of `contacts`.
pub(crate) fn contact(guest: &Guest) -> Value {
    let mut contact = json!({ "profile": { "name": guest.name.as_deref().unwrap_or("Ada Guest") } });
    if let Some(username) = &guest.username {
        contact["profile"]["username"] = username.as_str().into();
    }
    if let Some(number) = guest.shown() {
        contact["wa_id"] = number.into();
    }
    if let Some(id) = &guest.user_id {
        contact["user_id"] = id.as_str().into();
    }
    contact
}

/// Who writes, to whom, and when.
struct Sender<'a> {
    guest: &'a Guest,
    number: &'a str,
    display: &'a str,
    now: Millis,
}

/// An element of `messages`.
fn message(
    world: &World,
    state: &mut State,
    from: &Sender<'_>,
    mut asked: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let kind = asked.get("type").and_then(Value::as_str).unwrap_or("text").to_owned();
    let mut message = Map::new();
    for (key, value) in [
        ("from", from.guest.shown().map(str::to_owned)),
        ("from_user_id", from.guest.user_id.clone()),
        ("id", Some(wamid(from.guest.key(), true))),
        ("timestamp", Some((from.now / SECOND).to_string())),
        ("type", Some(kind.clone())),
    ] {
        message.extend(value.map(|it| (key.to_owned(), it.into())));
    }
    if let Some(Value::String(text)) = asked.get("text") {
        asked.insert("text".to_owned(), json!({ "body": text }));
    }
    if let Some(quoted) = asked.remove("reply_to") {
        message.insert("context".to_owned(), json!({ "from": from.display, "id": quoted }));
    }
    let media = asked.remove("media").map(serde_json::from_value::<Sent>).transpose();
    let media = media.map_err(|error| format!("media: {error}"))?;
    if matches!(kind.as_str(), "image" | "audio" | "video" | "document" | "sticker") && !asked.contains_key(&kind) {
        let base = state.settings.media_url.then_some(world.base.as_str());
        let sent = state.media.sent_by_guest(&kind, media.unwrap_or_default(), from.number, base, from.now)?;
        message.insert(kind, sent.into());
    } else {
        message.extend(example(&kind, from).into_iter().flatten());
    }
    for (key, value) in asked {
        match value {
            Value::Null => drop(message.remove(&key)),
            value => drop(message.insert(key, value)),
        }
    }
    Ok(message)
}

/// What a message of a type holds that was not told what.
fn example(kind: &str, from: &Sender<'_>) -> Option<Map<String, Value>> {
    let own = from.guest.wa_id.as_deref().unwrap_or("447700900123");
    let content = match kind {
        "text" => json!({ "text": { "body": "Is the pool heated?" } }),
        "location" => json!({ "location": { "latitude": 51.5007, "longitude": -0.1246, "name": "Westminster Pier" } }),
        "contacts" => json!({ "contacts": [{
            "name": { "formatted_name": "Ben Guest", "first_name": "Ben", "last_name": "Guest" },
            "phones": [{ "phone": "+44 7700 900456", "wa_id": "447700900456", "type": "CELL" }],
        }] }),
        "interactive" => json!({ "interactive": {
            "type": "button_reply", "button_reply": { "id": "late-checkout-yes", "title": "Yes please" },
        } }),
        "button" => json!({ "button": { "payload": "CONFIRM_ARRIVAL", "text": "Confirm" } }),
        "reaction" => json!({ "reaction": { "message_id": "wamid.UNKNOWN", "emoji": "👍" } }),
        "order" => json!({ "order": { "catalog_id": "800000000000001", "text": "", "product_items": [
            { "product_retailer_id": "BRUNCH-2", "quantity": 1, "item_price": 24.5, "currency": "GBP" },
        ] } }),
        "system" => {
            let new = format!("{}9", own.get(..own.len().saturating_sub(1)).unwrap_or_default());
            let body = format!("User Ada Guest changed from {own} to {new}");
            json!({ "system": { "body": body, "wa_id": wa_id(&new), "type": "user_changed_number" } })
        }
        "unsupported" => json!({
            "errors": [element(131051, "Message type is currently not supported.")],
            "unsupported": { "type": "poll_creation" },
        }),
        _ => return None,
    };
    match content {
        Value::Object(content) => Some(content),
        _ => None,
    }
}

/// When a message was written, where it says so.
fn time_of(message: &Map<String, Value>) -> Option<Millis> {
    let at: i64 = message.get("timestamp")?.as_str()?.parse().ok()?;
    if at >= MILLISECONDS_FROM { Some(at) } else { at.checked_mul(SECOND) }
}
