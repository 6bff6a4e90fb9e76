//! Splits a webhook body into updates: guest messages, delivery receipts, account errors and other changes.
//!
//! The JSON is parsed level by level, and the values of the next level stay raw text. A malformed element therefore
//! affects no other, and each update keeps its bytes as Meta wrote them.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::api_error::ApiError;
use crate::delivery_receipt::DeliveryReceipt;
use crate::inbound::{InboundMessage, SenderContact};
use crate::json::{parse_elements, parse_object, parse_shallow, parse_value};
use crate::json_fields::JsonFields;

/// Meta's limit of updates in one webhook body.
const MAX_UPDATES: usize = 1000;
/// Maximum length of the name of a changed field. Longer names are truncated; Meta's are much shorter.
const MAX_FIELD_NAME_CHARS: usize = 100;

const OBJECT: &str = "whatsapp_business_account";
const NOT_A_LIST: &str = "not a list";

/// One update of a webhook body.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The id of our WhatsApp number that the update is about.
    pub phone_number_id: Option<String>,
    /// The JSON of this update alone, as Meta wrote it.
    pub raw: String,
    pub payload: UpdatePayload,
    position: UpdatePosition,
}

#[derive(Clone, Debug, PartialEq)]
pub enum UpdatePayload {
    Message(Box<InboundMessage>),
    Receipt(Box<DeliveryReceipt>),
    /// Errors that Meta reports about our number, app or account.
    AccountErrors(Vec<ApiError>),
    /// A change of another field than `messages`, by the name of that field.
    OtherField(String),
    /// The update cannot be parsed, for this reason. The reason contains nothing of the content.
    Invalid(&'static str),
}

/// The element of the webhook body from which an update was taken.
#[derive(Clone, Debug, PartialEq)]
enum UpdatePosition {
    Entry,
    Change,
    /// The update is the whole value of this key (such as `errors`) in a change of `messages`.
    Part(&'static str),
    /// The update is an element of `list` in a change of `messages`. `contact` is the raw contact of the sender.
    Element {
        list: &'static str,
        contact: Option<String>,
    },
}

/// The reason why nothing of a webhook body can be parsed. The texts contain nothing of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookParseError {
    #[error("not a JSON object")]
    NotJson,
    #[error("not about a WhatsApp Business account")]
    OtherObject,
    #[error("no list of entries")]
    NoEntries,
    #[error("more than {MAX_UPDATES} updates")]
    TooManyUpdates,
}

impl Update {
    /// Returns a webhook body with this update alone, to be stored and parsed again later.
    pub fn standalone_body(&self) -> String {
        let raw = &self.raw;
        let entry = match &self.position {
            UpdatePosition::Entry => raw.clone(),
            UpdatePosition::Change => format!(r#"{{"changes":[{raw}]}}"#),
            UpdatePosition::Part(name) => self.entry_with(name, raw, None),
            UpdatePosition::Element { list, contact } => self.entry_with(list, &format!("[{raw}]"), contact.as_deref()),
        };
        format!(r#"{{"object":"{OBJECT}","entry":[{entry}]}}"#)
    }

    /// Returns an entry of a webhook body with one change of `messages`, whose value has this part alone.
    fn entry_with(&self, name: &str, part: &str, contact: Option<&str>) -> String {
        let number = self.phone_number_id.as_ref().map(|it| Value::from(it.as_str()));
        let metadata = number.map(|it| format!(r#""metadata":{{"phone_number_id":{it}}},"#)).unwrap_or_default();
        let contacts = contact.map(|it| format!(r#""contacts":[{it}],"#)).unwrap_or_default();
        format!(r#"{{"changes":[{{"field":"messages","value":{{{metadata}{contacts}"{name}":{part}}}}}]}}"#)
    }
}

/// Returns all updates of a webhook body, in the order of the body, which is not the order of time. An update that
/// cannot be parsed is included as [`UpdatePayload::Invalid`].
///
/// Fails if the body is no webhook body of WhatsApp, or if it has more than 1,000 updates.
pub fn parse_webhook(body: &[u8]) -> Result<Vec<Update>, WebhookParseError> {
    let body = String::from_utf8_lossy(body);
    let envelope: WebhookEnvelope<'_> = parse_shallow(&body).ok_or_else(|| explain_failure(&body))?;
    if !is_whatsapp(envelope.object) {
        return Err(WebhookParseError::OtherObject);
    }
    let mut updates = UpdateList(Vec::new());
    envelope.entry.into_iter().try_for_each(|entry| updates.add_entry(entry.get()))?;
    Ok(updates.0)
}

/// Returns the reason why a webhook body cannot be parsed as [`WebhookEnvelope`].
fn explain_failure(body: &str) -> WebhookParseError {
    match parse_shallow::<WebhookEnvelopeHead<'_>>(body) {
        None => WebhookParseError::NotJson,
        Some(head) if !is_whatsapp(head.object) => WebhookParseError::OtherObject,
        Some(_) => WebhookParseError::NoEntries,
    }
}

fn is_whatsapp(object: Option<&RawValue>) -> bool {
    object.and_then(parse_string).as_deref() == Some(OBJECT)
}

#[derive(Deserialize)]
struct WebhookEnvelope<'a> {
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    #[serde(borrow)]
    entry: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct WebhookEnvelopeHead<'a> {
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WebhookEntry<'a> {
    #[serde(borrow)]
    changes: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct WebhookChange<'a> {
    #[serde(borrow)]
    field: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WebhookChangeValue<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    contacts: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    statuses: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
}

impl<'a> WebhookChangeValue<'a> {
    fn phone_number_id(&self) -> Option<String> {
        parse_object(self.metadata?.get())?.id("phone_number_id")
    }

    fn contacts(&self) -> Vec<SenderContact<'a>> {
        let contacts = self.contacts.and_then(|it| parse_elements(it.get())).unwrap_or_default();
        contacts.into_iter().filter_map(|it| SenderContact::parse(it.get())).collect()
    }
}

struct UpdateList(Vec<Update>);

impl UpdateList {
    fn add(
        &mut self,
        phone_number_id: Option<&String>,
        raw: &str,
        payload: UpdatePayload,
        position: UpdatePosition,
    ) -> Result<(), WebhookParseError> {
        if self.0.len() == MAX_UPDATES {
            return Err(WebhookParseError::TooManyUpdates);
        }
        self.0.push(Update { phone_number_id: phone_number_id.cloned(), raw: raw.to_owned(), payload, position });
        Ok(())
    }

    fn add_entry(&mut self, raw: &str) -> Result<(), WebhookParseError> {
        match parse_shallow::<WebhookEntry<'_>>(raw) {
            Some(entry) => entry.changes.into_iter().try_for_each(|change| self.add_change(change.get())),
            None => self.add(None, raw, UpdatePayload::Invalid("an entry without changes"), UpdatePosition::Entry),
        }
    }

    fn add_change(&mut self, raw: &str) -> Result<(), WebhookParseError> {
        let change: Option<WebhookChange<'_>> = parse_shallow(raw);
        let field = change.as_ref().and_then(|it| it.field).and_then(parse_string);
        let Some(field) = field else {
            return self.add(None, raw, UpdatePayload::Invalid("a change without field"), UpdatePosition::Change);
        };
        let value = change.and_then(|it| it.value).and_then(|it| parse_shallow::<WebhookChangeValue<'_>>(it.get()));
        let number = value.as_ref().and_then(WebhookChangeValue::phone_number_id);
        if field != "messages" {
            let name = field.chars().take(MAX_FIELD_NAME_CHARS).filter(|it| !it.is_control()).collect();
            return self.add(number.as_ref(), raw, UpdatePayload::OtherField(name), UpdatePosition::Change);
        }
        match value {
            Some(value) if value.messages.or(value.statuses).or(value.errors).is_some() => {
                self.add_errors(&value, number.as_ref())?;
                self.add_messages(&value, number.as_ref())?;
                self.add_receipts(&value, number.as_ref())
            }
            _ => {
                let reason = "neither messages nor statuses nor errors";
                self.add(number.as_ref(), raw, UpdatePayload::Invalid(reason), UpdatePosition::Change)
            }
        }
    }

    /// Adds all errors in a change of `messages` as one update.
    fn add_errors(&mut self, value: &WebhookChangeValue<'_>, number: Option<&String>) -> Result<(), WebhookParseError> {
        let Some(raw) = value.errors else { return Ok(()) };
        let errors: Vec<ApiError> = match parse_value(raw.get()) {
            Some(Value::Array(errors)) => errors.iter().filter_map(|it| ApiError::parse(it.as_object()?)).collect(),
            _ => Vec::new(),
        };
        let payload =
            if errors.is_empty() { UpdatePayload::Invalid("no errors") } else { UpdatePayload::AccountErrors(errors) };
        self.add(number, raw.get(), payload, UpdatePosition::Part("errors"))
    }

    fn add_messages(
        &mut self,
        value: &WebhookChangeValue<'_>,
        number: Option<&String>,
    ) -> Result<(), WebhookParseError> {
        const LIST: &str = "messages";
        let Some(raw) = value.messages else { return Ok(()) };
        let Some(messages) = parse_elements(raw.get()) else {
            return self.add(number, raw.get(), UpdatePayload::Invalid(NOT_A_LIST), UpdatePosition::Part(LIST));
        };
        let contacts = value.contacts();
        let is_only = messages.len() == 1;
        for raw in messages {
            let parsed = parse_object(raw.get())
                .ok_or("a message that is no JSON object")
                .and_then(|message| InboundMessage::parse(&message, &contacts, is_only));
            let (payload, contact) = match parsed {
                Ok((message, contact)) => (UpdatePayload::Message(Box::new(message)), contact),
                Err(reason) => (UpdatePayload::Invalid(reason), None),
            };
            let contact = contact.map(|it| it.raw.to_owned());
            self.add(number, raw.get(), payload, UpdatePosition::Element { list: LIST, contact })?;
        }
        Ok(())
    }

    fn add_receipts(
        &mut self,
        value: &WebhookChangeValue<'_>,
        number: Option<&String>,
    ) -> Result<(), WebhookParseError> {
        const LIST: &str = "statuses";
        let Some(raw) = value.statuses else { return Ok(()) };
        let Some(receipts) = parse_elements(raw.get()) else {
            return self.add(number, raw.get(), UpdatePayload::Invalid(NOT_A_LIST), UpdatePosition::Part(LIST));
        };
        for raw in receipts {
            let parsed = parse_object(raw.get())
                .ok_or("a receipt that is no JSON object")
                .and_then(|receipt| DeliveryReceipt::parse(&receipt));
            let payload = parsed.map_or_else(UpdatePayload::Invalid, |it| UpdatePayload::Receipt(Box::new(it)));
            self.add(number, raw.get(), payload, UpdatePosition::Element { list: LIST, contact: None })?;
        }
        Ok(())
    }
}

fn parse_string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests;
