//! Messages of guests: builds the webhook updates for a request of `POST /control/guest/`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    clock::{Millis, SECOND},
    graph_error::error_element,
    guests::{SimulatedGuest, new_wamid, user_id_of, wa_id_of},
    media::GuestMedia,
    state::{Simulator, SimulatorState},
    transcript::GUEST,
    updates::{UpdateContent, UpdatePlacement, WebhookUpdate, pack_updates},
    webhooks::{enqueue_body, schedule_update},
};

const MAX_MESSAGES: usize = 1000;
const MAX_COPIES: u32 = 100;
/// From this number on, the timestamp of a guest's message is in milliseconds, not seconds.
const MIN_MILLISECONDS: i64 = 1_000_000_000_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuestMessageRequest {
    /// The phone number id that receives the messages, by default the first one. It may belong to another account.
    to: Option<String>,
    /// The id of the WhatsApp Business account that receives the messages.
    waba: Option<String>,
    /// The guest's phone number. Without it and `user_id`, the next one of four default guests writes.
    from: Option<String>,
    /// The guest's business-scoped user id; by default one that belongs to the number.
    user_id: Option<String>,
    /// `true` to send no user id, as WhatsApp did before 2026.
    #[serde(default)]
    without_user_id: bool,
    username: Option<String>,
    name: Option<String>,
    /// `true` to hide the guest's phone number from businesses from now on.
    hide_phone: Option<bool>,
    /// The text of a text message, sent before `messages`.
    text: Option<String>,
    /// The guest's messages in Meta's form. Missing fields get default values; a field with `null` is removed.
    #[serde(default)]
    messages: Vec<Map<String, Value>>,
    /// `true` to send all messages in one webhook. Otherwise each message has its own webhook, sent in parallel.
    #[serde(default)]
    together: bool,
    /// The number of copies of each webhook, sent at the same time.
    times: Option<u32>,
}

/// A guest who writes if a request names none.
struct DefaultGuest {
    phone: Option<&'static str>,
    user_id: Option<&'static str>,
    username: Option<&'static str>,
    name: &'static str,
}

/// The kinds of guests that WhatsApp has since 2026, one after another: with number and user id, with a username as well,
/// with a username and a hidden number, and one whose user id is not sent yet. The British regulator reserves these numbers
/// for fiction.
const DEFAULT_GUESTS: [DefaultGuest; 4] = [
    DefaultGuest {
        phone: Some("+447700900201"),
        user_id: Some("GB.70090020100000001"),
        username: None,
        name: "Ada Guest",
    },
    DefaultGuest {
        phone: Some("+447700900202"),
        user_id: Some("GB.70090020200000002"),
        username: Some("ben.guest"),
        name: "Ben Guest",
    },
    DefaultGuest { phone: None, user_id: Some("GB.70090020300000003"), username: Some("cleo"), name: "Cleo" },
    DefaultGuest { phone: Some("+447700900204"), user_id: None, username: None, name: "Dan Guest" },
];

impl DefaultGuest {
    fn next(simulator: &Simulator) -> &'static Self {
        let turn = &mut simulator.lock().default_guest;
        let guest = &DEFAULT_GUESTS[*turn % DEFAULT_GUESTS.len()];
        *turn += 1;
        guest
    }

    /// Makes this guest the writer of a request; names that the request gives stay.
    fn write(&self, request: &mut GuestMessageRequest) {
        let text = |it: Option<&str>| it.map(str::to_owned);
        (request.from, request.user_id) = (text(self.phone), text(self.user_id));
        request.without_user_id = self.user_id.is_none();
        request.username = request.username.take().or_else(|| text(self.username));
        request.name = request.name.take().or_else(|| text(Some(self.name)));
    }
}

/// Queues the messages of a guest, and returns their message ids. Fails with a sentence if the request is invalid.
pub(crate) fn enqueue_guest_messages(simulator: &Simulator, mut request: GuestMessageRequest) -> Result<Value, String> {
    if let Some(text) = request.text.take() {
        request.messages.insert(0, Map::from_iter([("text".to_owned(), text.into())]));
    }
    if request.from.is_none() && request.user_id.is_none() {
        DefaultGuest::next(simulator).write(&mut request);
    }
    if !(1..=MAX_MESSAGES).contains(&request.messages.len()) {
        return Err(format!("a guest writes 1 to {MAX_MESSAGES} messages at once: text, or messages"));
    }
    let copies = request.times.unwrap_or(1);
    if !(1..=MAX_COPIES).contains(&copies) {
        return Err(format!("times must be 1 to {MAX_COPIES}"));
    }
    let updates = build_updates(simulator, &mut request)?;
    let ids: Vec<&str> = updates.iter().map(|it| it.label.as_str()).collect();
    let response = json!({ "ids": ids });
    if copies == 1 && !request.together {
        updates.into_iter().for_each(|update| schedule_update(simulator, update, 0));
        return Ok(response);
    }
    let max_updates = if request.together { MAX_MESSAGES } else { 1 };
    for body in pack_updates(updates, max_updates, || UpdatePlacement::Element) {
        enqueue_body(simulator, body, copies);
    }
    Ok(response)
}

fn build_updates(simulator: &Simulator, request: &mut GuestMessageRequest) -> Result<Vec<WebhookUpdate>, String> {
    let number = request.to.take().unwrap_or_else(|| simulator.first_number());
    let waba_id = request.waba.take().unwrap_or_else(|| simulator.options.waba_id.clone());
    let display_number = simulator.display_number(&number);
    let now = simulator.clock.now();
    let mut state = simulator.lock();
    let guest = update_guest(&mut state, request);
    let context = MessageContext { guest: &guest, number: &number, display_number: &display_number, now };
    let mut updates = Vec::new();
    for fields in request.messages.drain(..) {
        let message = build_message(simulator, &mut state, &context, fields)?;
        let wamid = message.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
        let is_system = kind == "system";
        if !is_system && kind != "reaction" {
            let at = message_time(&message).unwrap_or(now);
            let guest = state.guests.find_or_create(guest.wa_id.as_deref(), guest.user_id.as_deref());
            guest.record_message(&number, at);
        }
        state.rate_limits.count(&number, now);
        state.messages.insert(wamid.clone(), true);
        let entry = json!({ "phone_number_id": number, "wamid": wamid, "type": kind });
        state.transcript.record(GUEST, now, entry);
        updates.push(WebhookUpdate {
            waba_id: waba_id.clone(),
            phone_number_id: number.clone(),
            display_number: display_number.clone(),
            contact: (!is_system).then(|| contact_element(&guest)),
            content: UpdateContent::Message(message.into()),
            label: wamid,
        });
    }
    Ok(updates)
}

/// Finds or creates the guest that writes, and stores the names given in the request.
fn update_guest(state: &mut SimulatorState, request: &mut GuestMessageRequest) -> SimulatedGuest {
    let own = request.from.as_deref().filter(|_| state.settings.user_ids && !request.without_user_id);
    let known = own.and_then(|from| state.guests.find_or_create(Some(from), None).user_id.clone());
    let user_id = request.user_id.clone().or(known).or_else(|| own.map(|from| user_id_of(&wa_id_of(from))));
    let guest = state.guests.find_or_create(request.from.as_deref(), user_id.as_deref());
    if let Some(is_hidden) = request.hide_phone {
        guest.is_number_hidden = is_hidden;
    }
    guest.name = request.name.take().or_else(|| guest.name.take());
    guest.username = request.username.take().or_else(|| guest.username.take());
    guest.clone()
}

/// Returns the element of `contacts` in a webhook for a guest.
pub(crate) fn contact_element(guest: &SimulatedGuest) -> Value {
    let mut contact = json!({ "profile": { "name": guest.name.as_deref().unwrap_or("Ada Guest") } });
    if let Some(username) = &guest.username {
        contact["profile"]["username"] = username.as_str().into();
    }
    if let Some(wa_id) = guest.visible_wa_id() {
        contact["wa_id"] = wa_id.into();
    }
    if let Some(user_id) = &guest.user_id {
        contact["user_id"] = user_id.as_str().into();
    }
    contact
}

/// The values that all guest messages of a request share.
struct MessageContext<'a> {
    guest: &'a SimulatedGuest,
    number: &'a str,
    display_number: &'a str,
    now: Millis,
}

/// Builds a guest message, an element of `messages`, from default values and the fields of the request.
fn build_message(
    simulator: &Simulator,
    state: &mut SimulatorState,
    context: &MessageContext<'_>,
    mut fields: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or("text").to_owned();
    let mut message = Map::new();
    for (key, value) in [
        ("from", context.guest.visible_wa_id().map(str::to_owned)),
        ("from_user_id", context.guest.user_id.clone()),
        ("id", Some(new_wamid(context.guest.key(), true))),
        ("timestamp", Some((context.now / SECOND).to_string())),
        ("type", Some(kind.clone())),
    ] {
        message.extend(value.map(|it| (key.to_owned(), it.into())));
    }
    if let Some(Value::String(text)) = fields.get("text") {
        fields.insert("text".to_owned(), json!({ "body": text }));
    }
    if let Some(wamid) = fields.remove("reply_to") {
        message.insert("context".to_owned(), json!({ "from": context.display_number, "id": wamid }));
    }
    let media = fields.remove("media").map(serde_json::from_value::<GuestMedia>).transpose();
    let media = media.map_err(|error| format!("media: {error}"))?;
    let is_media = matches!(kind.as_str(), "image" | "audio" | "video" | "document" | "sticker");
    if is_media && !fields.contains_key(&kind) {
        let base = state.settings.media_url.then_some(simulator.base.as_str());
        let media = media.unwrap_or_default();
        let content = state.media.add_guest_file(&kind, media, context.number, base, context.now)?;
        message.insert(kind, content.into());
    } else {
        message.extend(default_content(&kind, context).into_iter().flatten());
    }
    for (key, value) in fields {
        match value {
            Value::Null => drop(message.remove(&key)),
            value => drop(message.insert(key, value)),
        }
    }
    Ok(message)
}

/// Returns example content for a guest message of this type, or `None` if the type is unknown.
fn default_content(kind: &str, context: &MessageContext<'_>) -> Option<Map<String, Value>> {
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
            let old = context.guest.wa_id.as_deref().unwrap_or("447700900123");
            let new = format!("{}9", old.get(..old.len().saturating_sub(1)).unwrap_or_default());
            let body = format!("User Ada Guest changed from {old} to {new}");
            json!({ "system": { "body": body, "wa_id": wa_id_of(&new), "type": "user_changed_number" } })
        }
        "unsupported" => json!({
            "errors": [error_element(131051, "Message type is currently not supported.")],
            "unsupported": { "type": "poll_creation" },
        }),
        _ => return None,
    };
    match content {
        Value::Object(content) => Some(content),
        _ => None,
    }
}

/// Returns the timestamp of a guest message if the request has set one.
fn message_time(message: &Map<String, Value>) -> Option<Millis> {
    let timestamp: i64 = message.get("timestamp")?.as_str()?.parse().ok()?;
    if timestamp >= MIN_MILLISECONDS { Some(timestamp) } else { timestamp.checked_mul(SECOND) }
}
