//! Taking a webhook's body apart.
//!
//! Each part is cut out as it was written before it is looked at, so that one that is broken
//! spoils no other.

use serde_json::value::RawValue;

use crate::api_error::ApiError;
use crate::inbound::{Contact, Inbound};
use crate::json::{self, Fields};
use crate::status::StatusReport;

/// The most updates that Meta puts into one body.
const MOST_UPDATES: usize = 1000;
/// No field of Meta's has such a long name.
const MOST_FIELD_CHARS: usize = 100;

/// Something that a webhook's body tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Which of our numbers it is about.
    pub phone_number_id: Option<String>,
    /// The JSON of it alone, as Meta wrote it.
    pub raw: String,
    /// What it tells.
    pub what: What,
    /// What makes a whole body of the raw JSON, put before and after it.
    around: (String, &'static str),
}

/// What an update tells.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A guest's message.
    Message(Box<Inbound>),
    /// What became of a message to a guest.
    Status(Box<StatusReport>),
    /// Errors of our number, app or account.
    Errors(Vec<ApiError>),
    /// A change that is no message and no status: the name of its field.
    OtherField(String),
    /// Something that cannot be understood, and why. Nothing of its content.
    Unreadable(&'static str),
}

/// Why nothing could be read of a body. It tells nothing of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// It is no JSON object.
    #[error("not a JSON object")]
    NotJson,
    /// It is about something else than a WhatsApp account.
    #[error("not about a WhatsApp Business account")]
    OtherObject,
    /// There is no list of entries in it.
    #[error("no entries")]
    NoEntries,
    /// More updates than Meta puts into one body.
    #[error("more than {MOST_UPDATES} updates")]
    TooMany,
}

impl Update {
    /// A body that tells this update alone: what [`read`] makes of it is this again. To be kept where it
    /// cannot be dealt with yet.
    pub fn parcel(&self) -> String {
        [&self.around.0, self.raw.as_str(), self.around.1].concat()
    }
}

/// All that a webhook's body tells, in its order. What is unreadable is told among it, and spoils
/// nothing else. Times are not looked at: Meta's order is not that of time.
///
/// # Errors
/// [`NotRead`] where it is no body of WhatsApp's webhook at all, or tells too much.
pub fn read(body: &[u8]) -> Result<Vec<Update>, NotRead> {
    let body = String::from_utf8_lossy(body);
    let whole = json::parts(&body).ok_or(NotRead::NotJson)?;
    if whole.get("object").is_none_or(|it| string(it).as_deref() != Some("whatsapp_business_account")) {
        return Err(NotRead::OtherObject);
    }
    let entries = whole.get("entry").and_then(|it| json::elements(it.get())).ok_or(NotRead::NoEntries)?;
    let mut updates = Updates(Vec::new());
    entries.into_iter().try_for_each(|entry| updates.entry(entry.get()))?;
    Ok(updates.0)
}

const ENTRY: (&str, &str) = (r#"{"object":"whatsapp_business_account","entry":["#, "]}");
const CHANGE: (&str, &str) = (r#"{"object":"whatsapp_business_account","entry":[{"changes":["#, "]}]}");
const PART_END: &str = "}}]}]}";
const ELEMENT_END: &str = "]}}]}]}";

/// What was found so far.
struct Updates(Vec<Update>);

impl Updates {
    fn add(
        &mut self,
        phone_number_id: Option<&String>,
        raw: &str,
        what: What,
        around: (String, &'static str),
    ) -> Result<(), NotRead> {
        if self.0.len() == MOST_UPDATES {
            return Err(NotRead::TooMany);
        }
        self.0.push(Update { phone_number_id: phone_number_id.cloned(), raw: raw.to_owned(), what, around });
        Ok(())
    }

    fn entry(&mut self, raw: &str) -> Result<(), NotRead> {
        let changes = json::parts(raw).and_then(|it| json::elements(it.get("changes")?.get()));
        match changes {
            Some(changes) => changes.into_iter().try_for_each(|change| self.change(change.get())),
            None => self.add(None, raw, What::Unreadable("an entry without changes"), (ENTRY.0.to_owned(), ENTRY.1)),
        }
    }

    fn change(&mut self, raw: &str) -> Result<(), NotRead> {
        let around = || (CHANGE.0.to_owned(), CHANGE.1);
        let change = json::parts(raw);
        let part = |name| change.as_ref().and_then(|it| it.get(name)).copied();
        let Some(field) = part("field").and_then(string) else {
            return self.add(None, raw, What::Unreadable("a change without field"), around());
        };
        let value = part("value").and_then(|it| Value::read(it.get()));
        if field != "messages" {
            let number = value.as_ref().and_then(|it| it.phone_number_id.as_ref());
            let name = field.chars().take(MOST_FIELD_CHARS).filter(|it| !it.is_control()).collect();
            return self.add(number, raw, What::OtherField(name), around());
        }
        match value {
            Some(value) if value.is_known() => self.value(&value),
            value => {
                let number = value.as_ref().and_then(|it| it.phone_number_id.as_ref());
                self.add(number, raw, What::Unreadable("neither messages nor statuses nor errors"), around())
            }
        }
    }

    fn value(&mut self, value: &Value<'_>) -> Result<(), NotRead> {
        if let Some(errors) = value.errors {
            let read = json::value(errors.get()).and_then(|it| {
                it.as_array().map(|all| all.iter().filter_map(|it| ApiError::read(it.as_object()?)).collect::<Vec<_>>())
            });
            let what = match read {
                Some(errors) if !errors.is_empty() => What::Errors(errors),
                _ => What::Unreadable("no errors"),
            };
            self.add(value.phone_number_id.as_ref(), errors.get(), what, (value.before("errors", None), PART_END))?;
        }
        self.list(value, "messages", value.messages, |raw, alone| match json::object(raw) {
            None => (What::Unreadable("a message that is no JSON object"), None),
            Some(message) => match Inbound::read(&message, &value.contacts, alone) {
                Ok((inbound, contact)) => (What::Message(Box::new(inbound)), contact.map(|it| it.raw)),
                Err(reason) => (What::Unreadable(reason), None),
            },
        })?;
        self.list(value, "statuses", value.statuses, |raw, _| {
            let status =
                json::object(raw).ok_or("a status that is no JSON object").and_then(|it| StatusReport::read(&it));
            (status.map_or_else(What::Unreadable, |it| What::Status(Box::new(it))), None)
        })
    }

    /// Adds each element of a list. `read` is told whether it is the only one, and gives with it the
    /// contact that belongs to it.
    fn list<'a>(
        &mut self,
        value: &Value<'_>,
        name: &str,
        list: Option<&RawValue>,
        read: impl Fn(&str, bool) -> (What, Option<&'a str>),
    ) -> Result<(), NotRead> {
        let Some(list) = list else { return Ok(()) };
        let number = value.phone_number_id.as_ref();
        let Some(elements) = json::elements(list.get()) else {
            let what = What::Unreadable("no list");
            return self.add(number, list.get(), what, (value.before(name, None), PART_END));
        };
        for element in &elements {
            let (what, contact) = read(element.get(), elements.len() == 1);
            let before = value.before(name, contact) + "[";
            self.add(number, element.get(), what, (before, ELEMENT_END))?;
        }
        Ok(())
    }
}

/// The value of a change of the field `messages`.
struct Value<'a> {
    phone_number_id: Option<String>,
    contacts: Vec<Contact<'a>>,
    messages: Option<&'a RawValue>,
    statuses: Option<&'a RawValue>,
    errors: Option<&'a RawValue>,
}

impl<'a> Value<'a> {
    fn read(raw: &'a str) -> Option<Self> {
        let parts = json::parts(raw)?;
        let part = |name| parts.get(name).copied();
        let contacts = part("contacts").and_then(|it| json::elements(it.get())).unwrap_or_default();
        Some(Self {
            phone_number_id: part("metadata").and_then(|it| json::object(it.get())?.id("phone_number_id")),
            contacts: contacts.into_iter().filter_map(|it| Contact::read(it.get())).collect(),
            messages: part("messages"),
            statuses: part("statuses"),
            errors: part("errors"),
        })
    }

    fn is_known(&self) -> bool {
        self.messages.is_some() || self.statuses.is_some() || self.errors.is_some()
    }

    /// What stands before a part of this name in a body that has nothing else.
    fn before(&self, name: &str, contact: Option<&str>) -> String {
        let number = self.phone_number_id.as_ref().map(|it| serde_json::Value::from(it.as_str()));
        let metadata = number.map(|it| format!(r#""metadata":{{"phone_number_id":{it}}},"#)).unwrap_or_default();
        let contacts = contact.map(|it| format!(r#""contacts":[{it}],"#)).unwrap_or_default();
        format!(r#"{}{{"field":"messages","value":{{{metadata}{contacts}"{name}":"#, CHANGE.0)
    }
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests;
