//! What is told to the product, and how it is put into POSTs.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::escape::written;

/// The most bytes of a POST.
const MOST_BYTES: usize = 3 * 1024 * 1024;
/// What stands around an update, at most.
const AROUND: usize = 512;

/// One thing that is told.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    /// The account.
    pub(crate) waba: String,
    /// The number's id, and the number.
    pub(crate) number: String,
    pub(crate) display: String,
    pub(crate) contact: Option<Value>,
    pub(crate) told: Told,
    /// What it is called in the transcript.
    pub(crate) label: String,
}

/// What it is.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// An element of `messages`.
    Message(Value),
    /// An element of `statuses`.
    Status(Value),
    /// A whole change.
    Change { field: String, value: Value },
}

impl Told {
    fn list(&self) -> Option<(&'static str, &Value)> {
        match self {
            Self::Message(it) => Some(("messages", it)),
            Self::Status(it) => Some(("statuses", it)),
            Self::Change { .. } => None,
        }
    }
}

/// A POST, before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) labels: Vec<String>,
}

/// How an update is put beside the one before it, where it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// In the same list.
    Element,
    /// As a change of its own.
    Change,
    /// As an entry of its own.
    Entry,
}

impl Beside {
    /// Any of them.
    pub(crate) fn any() -> Self {
        match rand::random_range(0..4) {
            0 => Self::Entry,
            1 => Self::Change,
            _ => Self::Element,
        }
    }
}

/// Puts updates, in their order, into as few POSTs as have so many at most.
pub(crate) fn bodies(updates: Vec<Update>, most: usize, mut beside: impl FnMut() -> Beside) -> Vec<Body> {
    let mut bodies = Vec::new();
    let (mut entries, mut labels, mut size) = (Vec::new(), Vec::new(), 0);
    let mut before: Option<Update> = None;
    for update in updates {
        let change = change(&update);
        let adds = written(&change).len() + AROUND;
        if labels.len() >= most.max(1) || size + adds > MOST_BYTES {
            bodies.extend(finished(&mut entries, &mut labels));
            (size, before) = (0, None);
        }
        let place = before.as_ref().map_or(Beside::Entry, |_| beside());
        add(&mut entries, before.as_ref(), &update, change, place);
        labels.push(update.label.clone());
        size += adds;
        before = Some(update);
    }
    bodies.extend(finished(&mut entries, &mut labels));
    bodies
}

fn finished(entries: &mut Vec<Value>, labels: &mut Vec<String>) -> Option<Body> {
    if entries.is_empty() {
        return None;
    }
    let body = json!({ "object": "whatsapp_business_account", "entry": std::mem::take(entries) });
    Some(Body { bytes: Bytes::from(written(&body)), labels: std::mem::take(labels) })
}

/// The change that holds one update alone.
fn change(update: &Update) -> Value {
    let metadata = json!({ "display_phone_number": update.display, "phone_number_id": update.number });
    let mut value = json!({ "messaging_product": "whatsapp", "metadata": metadata });
    match &update.told {
        Told::Change { field, value } => return json!({ "field": field, "value": value }),
        Told::Message(it) => value["messages"] = json!([it]),
        Told::Status(it) => value["statuses"] = json!([it]),
    }
    if let Some(contact) = &update.contact {
        value["contacts"] = json!([contact]);
    }
    json!({ "field": "messages", "value": value })
}

fn add(entries: &mut Vec<Value>, before: Option<&Update>, update: &Update, change: Value, place: Beside) {
    let last = entries.last_mut().filter(|_| before.is_some_and(|it| it.waba == update.waba));
    if let Some(last) = last
        && place != Beside::Entry
        && let Some(changes) = last["changes"].as_array_mut()
    {
        if place == Beside::Element
            && let (Some(before), Some(open)) = (before, changes.last_mut())
            && join(before, update, open)
        {
            return;
        }
        changes.push(change);
        return;
    }
    entries.push(json!({ "id": update.waba, "changes": [change] }));
}

/// Puts an update into the list that the one before it is in, if it can stand there.
fn join(before: &Update, update: &Update, open: &mut Value) -> bool {
    let (Some((list, _)), Some((same, element))) = (before.told.list(), update.told.list()) else { return false };
    if list != same || before.number != update.number || before.contact.is_some() != update.contact.is_some() {
        return false;
    }
    let value = &mut open["value"];
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

    fn update(waba: &str, number: &str, n: usize) -> Update {
        Update {
            waba: waba.to_owned(),
            number: number.to_owned(),
            display: "442079460000".to_owned(),
            contact: Some(json!({ "wa_id": "447700900123" })),
            told: Told::Message(json!({ "id": n })),
            label: n.to_string(),
        }
    }

    fn parsed(bodies: &[Body]) -> Vec<Value> {
        bodies.iter().map(|it| serde_json::from_slice(&it.bytes).unwrap()).collect()
    }

    #[test]
    fn updates_stand_beside_each_other_in_every_way() {
        let all = || vec![update("w", "n", 1), update("w", "n", 2), update("w", "m", 3), update("v", "m", 4)];
        let one = parsed(&bodies(all(), 1000, || Beside::Element));
        assert_eq!(one.len(), 1);
        let entries = one[0]["entry"].as_array().unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0]["changes"].as_array().unwrap().len(), 2);
        assert_eq!(entries[0]["changes"][0]["value"]["messages"], json!([{ "id": 1 }, { "id": 2 }]));
        assert_eq!(entries[0]["changes"][0]["value"]["contacts"].as_array().unwrap().len(), 1);
        let apart = parsed(&bodies(all(), 1000, || Beside::Entry));
        assert_eq!(apart[0]["entry"].as_array().unwrap().len(), 4);
        assert_eq!(bodies(all(), 1, || Beside::Element).len(), 4);
        assert_eq!(bodies(all(), 3, || Beside::Change).iter().map(|it| it.labels.len()).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn no_post_is_larger_than_three_mebibytes() {
        let mut large = update("w", "n", 1);
        large.told = Told::Message(json!({ "body": "x".repeat(1_200_000) }));
        let bodies = bodies(vec![large; 5], 1000, || Beside::Element);
        assert_eq!(bodies.iter().map(|it| it.labels.len()).collect::<Vec<_>>(), [2, 2, 1]);
        assert!(bodies.iter().all(|it| it.bytes.len() <= MOST_BYTES));
    }
}
