//! A guest's message.

use chrono::{DateTime, Utc};

use crate::content::Content;
use crate::json::{Fields, Object};
use crate::time::timestamp;

/// A message from a guest, or something that WhatsApp says in a guest's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbound {
    /// Meta's id of the message: unique, and personal data, since it holds the number.
    pub wamid: String,
    /// Who sent it.
    pub from: Sender,
    /// When, by Meta's clock; whole seconds as a rule, so that equal ones are common.
    pub at: DateTime<Utc>,
    /// What it holds.
    pub content: Content,
    /// The wamid of the message that it replies to; it may be unknown to us.
    pub quotes: Option<String>,
    /// Whether it was passed on from elsewhere.
    pub forwarded: bool,
}

/// By what the sender is known. At least one of the ids is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// Their WhatsApp id: digits without `+`, usually, but not always, those of their number.
    pub wa_id: Option<String>,
    /// Their business-scoped user id.
    pub bsuid: Option<String>,
    /// What they call themselves: chosen freely.
    pub profile_name: Option<String>,
}

/// An entry of `contacts`, which says more about the senders of the messages beside it.
pub(crate) struct Contact<'a> {
    sender: Sender,
    /// As it was written.
    pub(crate) raw: &'a str,
}

impl<'a> Contact<'a> {
    pub(crate) fn read(raw: &'a str) -> Option<Self> {
        let contact = crate::json::object(raw)?;
        let profile_name = contact.object("profile").and_then(|it| it.text("name"));
        Some(Self {
            sender: Sender { wa_id: wa_id(&contact, "wa_id"), bsuid: contact.id("user_id"), profile_name },
            raw,
        })
    }
}

impl Inbound {
    /// Reads a message, and finds which of the contacts is its sender's. `alone`: no other message
    /// came with it.
    ///
    /// # Errors
    /// Why it is none that can be kept.
    pub(crate) fn read<'a, 'b>(
        message: &Object,
        contacts: &'a [Contact<'b>],
        alone: bool,
    ) -> Result<(Self, Option<&'a Contact<'b>>), &'static str> {
        if message.contains_key("group_id") {
            return Err("a message of a group");
        }
        let wamid = message.id("id").ok_or("a message without id")?;
        let at = timestamp(message).ok_or("a message without time")?;
        let kind = message.text("type").ok_or("a message without type")?;
        let mut from = Sender { wa_id: wa_id(message, "from"), bsuid: message.id("from_user_id"), profile_name: None };
        let contact = contact_of(&from, contacts, alone);
        if let Some(known) = contact.map(|it| &it.sender) {
            if !differ(known, &from) {
                from.wa_id = from.wa_id.or_else(|| known.wa_id.clone());
                from.bsuid = from.bsuid.or_else(|| known.bsuid.clone());
            }
            from.profile_name.clone_from(&known.profile_name);
        }
        if from.wa_id.is_none() && from.bsuid.is_none() {
            return Err("a message without sender");
        }
        let content = Content::read(&kind, message);
        let context = message.object("context");
        let forwarded = context.is_some_and(|it| it.is_true("forwarded") || it.is_true("frequently_forwarded"));
        Ok((Self { wamid, from, at, content, quotes: context.and_then(|it| it.id("id")), forwarded }, contact))
    }
}

/// The sender's contact: one that has an id in common with them, and none that differs. Where there is but
/// one message and one contact it is the sender's whatever its ids; where they differ, only its name
/// is believed, since else it would link two guests.
fn contact_of<'a, 'b>(from: &Sender, contacts: &'a [Contact<'b>], alone: bool) -> Option<&'a Contact<'b>> {
    let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    let shares = |it: &Sender| same(&it.wa_id, &from.wa_id) || same(&it.bsuid, &from.bsuid);
    let theirs = contacts.iter().find(|it| shares(&it.sender) && !differ(&it.sender, from));
    theirs.or(match contacts {
        [single] if alone => Some(single),
        _ => None,
    })
}

/// Whether an id of one is another than that of the other.
fn differ(one: &Sender, other: &Sender) -> bool {
    let differ = |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
    differ(&one.wa_id, &other.wa_id) || differ(&one.bsuid, &other.bsuid)
}

/// A WhatsApp id: its digits, without the `+` that some write.
pub(crate) fn wa_id(object: &Object, name: &str) -> Option<String> {
    let id = object.id(name)?;
    let digits = id.strip_prefix('+').unwrap_or(&id);
    let are_digits = (1..=32).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    are_digits.then(|| digits.to_owned())
}

#[cfg(test)]
mod tests;
