//! Webhook updates, and their packing into bodies.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::meta_json::to_meta_json;

/// Meta's size limit of a webhook body.
const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;
/// Upper limit of the bytes around an update in a webhook body.
const ENVELOPE_BYTES: usize = 512;

#[derive(Clone, Debug)]
pub(crate) struct WebhookUpdate {
    pub(crate) waba_id: String,
    pub(crate) phone_number_id: String,
    pub(crate) display_number: String,
    /// The element of `contacts` in a webhook that belongs to a message or receipt.
    pub(crate) contact: Option<Value>,
    pub(crate) content: UpdateContent,
    /// The name that identifies the update in the transcript.
    pub(crate) label: String,
}

#[derive(Clone, Debug)]
pub(crate) enum UpdateContent {
    /// A guest message, an element of `messages`.
    Message(Value),
    /// A delivery receipt, an element of `statuses`.
    Receipt(Value),
    /// A whole change of any field of the account.
    Change { field: String, value: Value },
}

impl UpdateContent {
    /// Returns the update's list (`messages` or `statuses`) and its element, or `None` for a whole change.
    fn list_element(&self) -> Option<(&'static str, &Value)> {
        match self {
            Self::Message(message) => Some(("messages", message)),
            Self::Receipt(receipt) => Some(("statuses", receipt)),
            Self::Change { .. } => None,
        }
    }
}

/// A webhook body before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct WebhookBody {
    pub(crate) bytes: Bytes,
    pub(crate) labels: Vec<String>,
}

/// The level of the JSON at which an update is added beside the previous one, if possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpdatePlacement {
    /// Adds an update to the same list as the previous update.
    Element,
    /// Adds an update as a further change of the same entry.
    Change,
    /// Adds an update as a further entry of the webhook body.
    Entry,
}

impl UpdatePlacement {
    pub(crate) fn random() -> Self {
        match rand::random_range(0..4) {
            0 => Self::Entry,
            1 => Self::Change,
            _ => Self::Element,
        }
    }
}

/// Packs updates, in order, into as few webhook bodies as possible with at most `max_updates` each.
pub(crate) fn pack_updates(
    updates: Vec<WebhookUpdate>,
    max_updates: usize,
    mut placement: impl FnMut() -> UpdatePlacement,
) -> Vec<WebhookBody> {
    let mut bodies = Vec::new();
    let (mut entries, mut labels, mut size) = (Vec::new(), Vec::new(), 0);
    let mut previous: Option<WebhookUpdate> = None;
    for update in updates {
        let change = single_change(&update);
        let change_size = to_meta_json(&change).len() + ENVELOPE_BYTES;
        if labels.len() >= max_updates.max(1) || size + change_size > MAX_BODY_BYTES {
            bodies.extend(finish_body(&mut entries, &mut labels));
            (size, previous) = (0, None);
        }
        let placement = previous.as_ref().map_or(UpdatePlacement::Entry, |_| placement());
        add_update(&mut entries, previous.as_ref(), &update, change, placement);
        labels.push(update.label.clone());
        size += change_size;
        previous = Some(update);
    }
    bodies.extend(finish_body(&mut entries, &mut labels));
    bodies
}

fn finish_body(entries: &mut Vec<Value>, labels: &mut Vec<String>) -> Option<WebhookBody> {
    if entries.is_empty() {
        return None;
    }
    let body = json!({ "object": "whatsapp_business_account", "entry": std::mem::take(entries) });
    Some(WebhookBody { bytes: Bytes::from(to_meta_json(&body)), labels: std::mem::take(labels) })
}

/// Returns a webhook change with this update alone.
fn single_change(update: &WebhookUpdate) -> Value {
    let metadata = json!({ "display_phone_number": update.display_number, "phone_number_id": update.phone_number_id });
    let mut value = json!({ "messaging_product": "whatsapp", "metadata": metadata });
    match &update.content {
        UpdateContent::Change { field, value } => return json!({ "field": field, "value": value }),
        UpdateContent::Message(message) => value["messages"] = json!([message]),
        UpdateContent::Receipt(receipt) => value["statuses"] = json!([receipt]),
    }
    if let Some(contact) = &update.contact {
        value["contacts"] = json!([contact]);
    }
    json!({ "field": "messages", "value": value })
}

fn add_update(
    entries: &mut Vec<Value>,
    previous: Option<&WebhookUpdate>,
    update: &WebhookUpdate,
    change: Value,
    placement: UpdatePlacement,
) {
    let last_entry = entries.last_mut().filter(|_| previous.is_some_and(|it| it.waba_id == update.waba_id));
    if let Some(last_entry) = last_entry
        && placement != UpdatePlacement::Entry
        && let Some(changes) = last_entry["changes"].as_array_mut()
    {
        if placement == UpdatePlacement::Element
            && let (Some(previous), Some(last_change)) = (previous, changes.last_mut())
            && append_to_list(previous, update, last_change)
        {
            return;
        }
        changes.push(change);
        return;
    }
    entries.push(json!({ "id": update.waba_id, "changes": [change] }));
}

/// Appends an update to the list of the previous update. Returns `false` if they cannot share a list.
fn append_to_list(previous: &WebhookUpdate, update: &WebhookUpdate, change: &mut Value) -> bool {
    let (Some((previous_list, _)), Some((list, element))) =
        (previous.content.list_element(), update.content.list_element())
    else {
        return false;
    };
    if previous_list != list
        || previous.phone_number_id != update.phone_number_id
        || previous.contact.is_some() != update.contact.is_some()
    {
        return false;
    }
    let value = &mut change["value"];
    if let Some(contact) = &update.contact
        && let Some(contacts) = value["contacts"].as_array_mut()
        && !contacts.contains(contact)
    {
        contacts.push(contact.clone());
    }
    value[list].as_array_mut().map(|elements| elements.push(element.clone())).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(waba: &str, number: &str, n: usize) -> WebhookUpdate {
        WebhookUpdate {
            waba_id: waba.to_owned(),
            phone_number_id: number.to_owned(),
            display_number: "442079460000".to_owned(),
            contact: Some(json!({ "wa_id": "447700900123" })),
            content: UpdateContent::Message(json!({ "id": n })),
            label: n.to_string(),
        }
    }

    fn parse(bodies: &[WebhookBody]) -> Vec<Value> {
        bodies.iter().map(|it| serde_json::from_slice(&it.bytes).unwrap()).collect()
    }

    #[test]
    fn updates_are_placed_at_every_level() {
        let updates = || vec![update("w", "n", 1), update("w", "n", 2), update("w", "m", 3), update("v", "m", 4)];
        let in_one_list = parse(&pack_updates(updates(), 1000, || UpdatePlacement::Element));
        assert_eq!(in_one_list.len(), 1);
        let entries = in_one_list[0]["entry"].as_array().unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0]["changes"].as_array().unwrap().len(), 2);
        assert_eq!(entries[0]["changes"][0]["value"]["messages"], json!([{ "id": 1 }, { "id": 2 }]));
        assert_eq!(entries[0]["changes"][0]["value"]["contacts"].as_array().unwrap().len(), 1);
        let separate = parse(&pack_updates(updates(), 1000, || UpdatePlacement::Entry));
        assert_eq!(separate[0]["entry"].as_array().unwrap().len(), 4);
        assert_eq!(pack_updates(updates(), 1, || UpdatePlacement::Element).len(), 4);
        assert_eq!(
            pack_updates(updates(), 3, || UpdatePlacement::Change).iter().map(|it| it.labels.len()).collect::<Vec<_>>(),
            [3, 1]
        );
    }

    #[test]
    fn no_body_exceeds_three_mebibytes() {
        let mut large = update("w", "n", 1);
        large.content = UpdateContent::Message(json!({ "body": "x".repeat(1_200_000) }));
        let bodies = pack_updates(vec![large; 5], 1000, || UpdatePlacement::Element);
        assert_eq!(bodies.iter().map(|it| it.labels.len()).collect::<Vec<_>>(), [2, 2, 1]);
        assert!(bodies.iter().all(|it| it.bytes.len() <= MAX_BODY_BYTES));
    }
}
