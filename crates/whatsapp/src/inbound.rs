//! Guest messages: metadata, sender and content.

use chrono::{DateTime, Utc};

use crate::content::MessageContent;
use crate::json::{JsonObject, parse_object};
use crate::json_fields::JsonFields;
use crate::references::MessageReferences;
use crate::time::parse_timestamp;

/// A message of a guest, or a system message of WhatsApp about a guest.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundMessage {
    /// Meta's id of the guest's message: unique, and personal data, because it contains the phone number.
    pub wamid: String,
    pub from: SenderIdentity,
    /// The time of the message by Meta's clock. It usually has whole seconds, so equal times are common.
    pub at: DateTime<Utc>,
    pub content: MessageContent,
    /// The WhatsApp message id of the message that this one replies to, which may be unknown to us.
    pub quotes: Option<String>,
    pub references: MessageReferences,
}

/// The ids of a message's sender. At least one of `wa_id` and `bsuid` is present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderIdentity {
    /// The sender's WhatsApp id: digits without `+`, usually but not always those of the phone number.
    pub wa_id: Option<String>,
    /// The sender's business-scoped user id.
    pub bsuid: Option<String>,
    /// The name that the guest chose in WhatsApp.
    pub profile_name: Option<String>,
}

/// An entry of `contacts` in a webhook, with more ids of the sender of a message in the same change.
pub(crate) struct SenderContact<'a> {
    identity: SenderIdentity,
    pub(crate) raw: &'a str,
}

impl<'a> SenderContact<'a> {
    pub(crate) fn parse(raw: &'a str) -> Option<Self> {
        let contact = parse_object(raw)?;
        let profile_name = contact.object("profile").and_then(|it| it.text("name"));
        Some(Self {
            identity: SenderIdentity { wa_id: contact.wa_id("wa_id"), bsuid: contact.id("user_id"), profile_name },
            raw,
        })
    }
}

impl InboundMessage {
    /// The text that staff read: content, and what the message refers to.
    pub fn display_text(&self) -> String {
        self.references.mark(self.content.display_text())
    }

    /// Parses a guest message. Also returns the sender's contact, if there is one. `is_only` states whether the message
    /// is the only one of its change.
    ///
    /// Fails with the reason if a required field is missing.
    pub(crate) fn parse<'a, 'b>(
        message: &JsonObject,
        contacts: &'a [SenderContact<'b>],
        is_only: bool,
    ) -> Result<(Self, Option<&'a SenderContact<'b>>), &'static str> {
        if message.contains_key("group_id") {
            return Err("a message of a group");
        }
        let wamid = message.id("id").ok_or("a message without id")?;
        let at = parse_timestamp(message).ok_or("a message without timestamp")?;
        let kind = message.text("type").ok_or("a message without type")?;
        let mut from =
            SenderIdentity { wa_id: message.wa_id("from"), bsuid: message.id("from_user_id"), profile_name: None };
        let contact = find_contact(&from, contacts, is_only);
        if let Some(identity) = contact.map(|it| &it.identity) {
            if !have_conflicting_ids(identity, &from) {
                from.wa_id = from.wa_id.or_else(|| identity.wa_id.clone());
                from.bsuid = from.bsuid.or_else(|| identity.bsuid.clone());
            }
            from.profile_name.clone_from(&identity.profile_name);
        }
        if from.wa_id.is_none() && from.bsuid.is_none() {
            return Err("a message without sender");
        }
        let content = MessageContent::parse(&kind, message);
        let context = message.object("context");
        let quotes = context.and_then(|it| it.id("id"));
        Ok((Self { wamid, from, at, content, quotes, references: MessageReferences::parse(message) }, contact))
    }
}

/// Returns the contact that shares an id with the sender and has no conflicting id.
///
/// A single contact beside a single message is the sender's in any case. If its ids conflict, only its name is used:
/// ids would link two guests.
fn find_contact<'a, 'b>(
    sender: &SenderIdentity,
    contacts: &'a [SenderContact<'b>],
    is_only: bool,
) -> Option<&'a SenderContact<'b>> {
    let is_same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    let shares_id = |it: &SenderIdentity| is_same(&it.wa_id, &sender.wa_id) || is_same(&it.bsuid, &sender.bsuid);
    let matching = contacts.iter().find(|it| shares_id(&it.identity) && !have_conflicting_ids(&it.identity, sender));
    matching.or(match contacts {
        [single] if is_only => Some(single),
        _ => None,
    })
}

fn have_conflicting_ids(one: &SenderIdentity, other: &SenderIdentity) -> bool {
    let differ = |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
    differ(&one.wa_id, &other.wa_id) || differ(&one.bsuid, &other.bsuid)
}

#[cfg(test)]
mod tests;
