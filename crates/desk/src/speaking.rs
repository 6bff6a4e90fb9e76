//! What staff say to a guest: texts, templates, files.

use std::collections::BTreeMap;

use auth::{Caller, Digest};
use chrono::{DateTime, Utc};
use domain::{
    Attachment, ClientRef, Conversation, Delivery, Hotel, Message, MessageId, MessageText, StaffId, Template,
    TemplateId, TemplateKind,
    placeholders::{placeholders, render},
};
use persistence::{
    Locks, Tx, attachments,
    conversations::{self, Which},
    messages::{self, Draft, Page as MessageRange, Sender},
    sessions::Live,
    staff, templates, windows,
};
use whatsapp::{Body, MOST_BODY, MediaKind, SendableFile, sendable_file, template_value};

use crate::{
    Desk, Done, Error, Once,
    attachments::PART,
    conversations::view,
    file_type,
    messages::{append, append_with},
    outgoing::{self, is_window_open},
    settle,
};

/// The most messages that a stale reply is shown.
const MOST_NEWER: i64 = 200;

/// What a staff member answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The text.
    pub text: MessageText,
    /// The newest message or note that the sender had before their eyes.
    pub seen: Option<MessageId>,
    /// Whether to keep it until the guest writes, where WhatsApp allows no free text now.
    pub hold: bool,
    /// What the sender calls it, with the digest of the request: the same name again is the same
    /// message, for ever.
    pub client_ref: Option<(ClientRef, String)>,
}

/// What came of a reply.
#[derive(Debug)]
pub struct Replied {
    /// The stored message.
    pub message: Message,
    /// Whether it was stored before, under the same name.
    pub again: bool,
}

/// A file that staff send.
#[derive(Clone, Debug)]
pub struct OutgoingFile {
    /// What it is called.
    pub name: String,
    /// Its media type as it is given, in lower case and without parameters; the file's first bytes count before it.
    pub content_type: String,
    /// Its bytes.
    pub bytes: bytes::Bytes,
    /// What is said with it.
    pub text: Option<MessageText>,
}

/// A conversation in which somebody speaks.
struct Talk {
    it: Conversation,
    hotel: Hotel,
    /// Whether the guest may be written to freely.
    is_free: bool,
}

/// Something said, to be stored.
struct Saying<'a> {
    content: &'a str,
    delivery: Delivery,
    /// What is sent by WhatsApp, where it is not the text.
    body: Option<Body>,
    client_ref: Option<(&'a ClientRef, &'a str)>,
}

impl Desk {
    /// Answers a guest. An unrouted conversation becomes the sender's.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::ConversationClosed`], [`Error::WindowClosed`],
    /// [`Error::NoDepartment`], [`Error::StaleReply`], [`Error::IdempotencyMismatch`], and
    /// [`Error::Invalid`] where `seen` is of another conversation, or the hotel's opener does not fit.
    pub async fn reply(&self, caller: Caller, which: Which, reply: Reply) -> Result<Replied, Error> {
        let now = self.now();
        let mut locks = Locks::from(vec![which]);
        if reply.hold {
            // Guests are locked before conversations.
            locks = locks.guest_of(which);
        }
        let replied = self
            .act(caller, locks, move |tx, live| {
                if let Some(before) = answered_before(tx, which, live.staff.id, &reply)? {
                    return Ok(Replied { message: before, again: true });
                }
                let message = answer(tx, live, which, &reply, now)?;
                Ok(Replied { message, again: false })
            })
            .await;
        if let Ok(Replied { message, again: false }) = &replied {
            self.marks.add(message.conversation, message.id);
        }
        replied
    }

    /// The message that was stored under this name, for a request that is not understood.
    ///
    /// # Errors
    /// [`Error::IdempotencyMismatch`] where it came with another request.
    pub async fn replied(
        &self,
        caller: Caller,
        which: Which,
        client_ref: ClientRef,
        digest: String,
    ) -> Result<Option<Message>, Error> {
        self.ask(caller, move |conn, live| {
            let Some(it) = conversations::find(conn, which)? else { return Ok(None) };
            match messages::find_by_client_ref(conn, it.id, live.staff.id, &client_ref)? {
                None => Ok(None),
                Some((message, known)) if known == digest => Ok(Some(message)),
                Some(_) => Err(Error::IdempotencyMismatch),
            }
        })
        .await
    }

    /// Sends a template, filled with what is known and with these values. One that Meta has approved may
    /// go at any time.
    ///
    /// # Errors
    /// As [`Desk::reply`]; [`Error::Invalid`] where there is no such template, or a place of it has no value.
    pub async fn send_template(
        &self,
        caller: Caller,
        which: Which,
        template: TemplateId,
        values: BTreeMap<String, String>,
        once: Once<Message>,
    ) -> Result<Done<Message>, Error> {
        let now = self.now();
        self.send_once(caller, vec![which], once, move |tx, live| {
            let mut talk = begin(tx, live, which, now)?;
            let template = templates::find(tx.conn(), talk.hotel.id, template)?
                .ok_or_else(|| Error::invalid("template_id", "There is no such template."))?;
            if template.kind == TemplateKind::Text && !talk.is_free {
                return Err(Error::WindowClosed);
            }
            take_over(tx, live, &mut talk, now)?;
            let filled = fill(tx, &talk, &template, Some(&live.staff.name), &values, "variables")?;
            let content = MessageText::parse(&filled.text).map_err(|error| Error::from(("variables", error)))?;
            let saying =
                Saying { content: content.as_str(), delivery: talk.delivery(), body: filled.body, client_ref: None };
            store(tx, live, &talk, saying, now)
        })
        .await
    }

    /// Sends a file, with or without words.
    ///
    /// # Errors
    /// As [`Desk::reply`]; [`Error::Invalid`] where the words are too many, [`Error::UnsupportedFile`] and
    /// [`Error::FileTooLarge`] where WhatsApp does not take the file.
    pub async fn send_file(
        &self,
        caller: Caller,
        which: Which,
        mut file: OutgoingFile,
        once: Once<Message>,
    ) -> Result<Done<Message>, Error> {
        let now = self.now();
        file.content_type = file_type::content_type(&file.content_type, &file.bytes);
        self.send_once(caller, vec![which], once, move |tx, live| {
            let mut talk = begin(tx, live, which, now)?;
            if !talk.is_free {
                return Err(Error::WindowClosed);
            }
            refuse_long_text(&file)?;
            let kind = kind_of(&file, talk.is_on_whatsapp())?;
            take_over(tx, live, &mut talk, now)?;
            let text = file.text.as_ref().map(MessageText::as_str);
            let content = text.map_or_else(|| format!("[{}] {}", kind.as_str(), file.name), str::to_owned);
            let body = Body::Media {
                kind,
                // The upload gives it.
                media_id: String::new(),
                caption: text.map(str::to_owned),
                filename: Some(file.name.clone()),
            };
            let saying = Saying { content: &content, delivery: talk.delivery(), body: Some(body), client_ref: None };
            store_with(tx, live, &talk, saying, Some(&file), now)
        })
        .await
    }
}

impl Talk {
    fn is_on_whatsapp(&self) -> bool {
        self.hotel.whatsapp_phone_number_id.is_some()
    }

    /// How far what is said now has come.
    fn delivery(&self) -> Delivery {
        if self.is_on_whatsapp() { Delivery::Queued } else { Delivery::Sent }
    }
}

fn answered_before(tx: &mut Tx<'_>, which: Which, by: StaffId, reply: &Reply) -> Result<Option<Message>, Error> {
    let Some((client_ref, digest)) = &reply.client_ref else { return Ok(None) };
    let Some(it) = conversations::find(tx.conn(), which)? else { return Ok(None) };
    match messages::find_by_client_ref(tx.conn(), it.id, by, client_ref)? {
        None => Ok(None),
        Some((message, known)) if known == *digest => Ok(Some(message)),
        Some(_) => Err(Error::IdempotencyMismatch),
    }
}

fn answer(tx: &mut Tx<'_>, live: &Live, which: Which, reply: &Reply, now: DateTime<Utc>) -> Result<Message, Error> {
    let mut talk = find(tx, live, which)?;
    if let Some(seen) = reply.seen
        && !messages::exists(tx.conn(), talk.it.id, seen)?
    {
        return Err(Error::invalid("seen_message_id", "This message is not of this conversation."));
    }
    open(tx, &mut talk, now)?;
    let opener = match talk.is_free {
        true => None,
        false => hold_back(tx, &mut talk, reply.hold, now)?,
    };
    if let Some(seen) = reply.seen {
        refuse_stale(tx, live, &talk, seen)?;
    }
    take_over(tx, live, &mut talk, now)?;
    let mut delivery = talk.delivery();
    if let Some(opener) = opener {
        delivery = Delivery::Held;
        ask_to_write(tx, &talk, &opener, now)?;
    }
    let client_ref = reply.client_ref.as_ref().map(|(client_ref, digest)| (client_ref, digest.as_str()));
    store(tx, live, &talk, Saying { content: reply.text.as_str(), delivery, body: None, client_ref }, now)
}

/// The conversation, open, for who may speak in it.
fn begin(tx: &mut Tx<'_>, live: &Live, which: Which, now: DateTime<Utc>) -> Result<Talk, Error> {
    let mut talk = find(tx, live, which)?;
    open(tx, &mut talk, now)?;
    Ok(talk)
}

fn find(tx: &mut Tx<'_>, live: &Live, which: Which) -> Result<Talk, Error> {
    let found = conversations::find_visible_with_hotel(tx.conn(), &live.staff.reach(), which)?;
    let (it, hotel) = found.ok_or(Error::NotFound)?;
    if !which.is_of(&it) {
        return Err(Error::not_together());
    }
    Ok(Talk { it, hotel, is_free: true })
}

/// Refuses a closed one, and looks whether the guest may be written to freely.
fn open(tx: &mut Tx<'_>, talk: &mut Talk, now: DateTime<Utc>) -> Result<(), Error> {
    talk.it.open()?;
    if talk.is_on_whatsapp() {
        talk.is_free = is_window_open(windows::last_wrote(tx.conn(), talk.it.guest)?, now);
    }
    Ok(())
}

/// The template by which a guest is asked to write, where what is said may wait for that.
fn opener(tx: &mut Tx<'_>, talk: &Talk, hold: bool) -> Result<Template, Error> {
    let of_hotel = talk.hotel.opener_template.filter(|_| hold).ok_or(Error::WindowClosed)?;
    templates::find(tx.conn(), talk.hotel.id, of_hotel)?.ok_or(Error::WindowClosed)
}

/// The same, once the guest can write nothing meanwhile; nothing where they have written just now, in whatever
/// conversation: what is held then would wait although they have.
fn hold_back(tx: &mut Tx<'_>, talk: &mut Talk, hold: bool, now: DateTime<Utc>) -> Result<Option<Template>, Error> {
    let opener = opener(tx, talk, hold)?;
    windows::hold(tx, talk.it.guest)?;
    talk.is_free = is_window_open(windows::last_wrote(tx.conn(), talk.it.guest)?, now);
    Ok((!talk.is_free).then_some(opener))
}

fn refuse_stale(tx: &mut Tx<'_>, live: &Live, talk: &Talk, seen: MessageId) -> Result<(), Error> {
    if messages::other_staff_wrote_after(tx.conn(), talk.it.id, seen, live.staff.id)? {
        let range = MessageRange { before: None, after: Some(seen), limit: MOST_NEWER, notes: true };
        return Err(Error::StaleReply { newer: messages::page(tx.conn(), talk.it.id, range)? });
    }
    Ok(())
}

/// An unrouted conversation becomes the speaker's. That comes first: who does not see it any more must not
/// get what is said.
fn take_over(tx: &mut Tx<'_>, live: &Live, talk: &mut Talk, now: DateTime<Utc>) -> Result<(), Error> {
    let before = talk.it.clone();
    talk.it.answer(&live.staff.reach(), talk.hotel.default_department)?;
    if talk.it.assignee != before.assignee {
        staff::hold_as_read(tx, &live.staff)?;
    }
    settle::save(tx, &before, &talk.it, Some(live.staff.id), now)
}

/// Asks the guest to write, in the hotel's name: once until they do, however much waits for it in whatever
/// conversation.
fn ask_to_write(tx: &mut Tx<'_>, talk: &Talk, opener: &Template, now: DateTime<Utc>) -> Result<(), Error> {
    let number = talk.hotel.whatsapp_phone_number_id.as_deref().unwrap_or_default();
    if !windows::ask(tx, talk.it.guest, number)? {
        return Ok(());
    }
    let filled = fill(tx, talk, opener, None, &BTreeMap::new(), "hold")?;
    let content = MessageText::parse(&filled.text).map_err(|error| Error::from(("hold", error)))?;
    outgoing::say(tx, &talk.hotel, &talk.it, content.as_str(), filled.body.as_ref(), now)
}

/// A template with its values.
struct Filled {
    text: String,
    /// What is sent, where Meta knows the template.
    body: Option<Body>,
}

/// Fills a template; `field` is named where a place of it has no value. What is given counts before what is known.
fn fill(
    tx: &mut Tx<'_>,
    talk: &Talk,
    template: &Template,
    staff_name: Option<&str>,
    given: &BTreeMap<String, String>,
    field: &'static str,
) -> Result<Filled, Error> {
    let view = view(tx.conn(), talk.it.id)?;
    // Staff are to see the values as WhatsApp shows them to the guest.
    let is_approved = matches!(template.kind, TemplateKind::WhatsApp { .. });
    let value_of = |name: &str| {
        let known = || match name {
            "guest_name" => Some(view.guest_name.clone()),
            "room_number" => view.room_number.clone(),
            "hotel_name" => Some(talk.hotel.name.clone()),
            "department_name" => view.department_name.clone(),
            "staff_name" => staff_name.map(str::to_owned),
            _ => None,
        };
        let value = given.get(name).cloned().or_else(known);
        if is_approved { value.as_deref().map(template_value) } else { value }
    };
    let content = template.content.as_str();
    let text = render(content, &value_of)
        .map_err(|missing| Error::invalid(field, format!("Please give values for: {}.", missing.0.join(", "))))?;
    let too_long = |name: &&str| value_of(name).is_some_and(|value| is_too_long(&value));
    let too_long: Vec<&str> = placeholders(content).into_iter().filter(|name| is_approved && too_long(name)).collect();
    if !too_long.is_empty() {
        let names = too_long.join(", ");
        let sentence = format!("A value may have at most {MOST_BODY} characters. Please shorten: {names}.");
        return Err(Error::invalid(field, sentence));
    }
    let body = match &template.kind {
        TemplateKind::WhatsApp { language } if talk.is_on_whatsapp() => Some(Body::Template {
            name: template.name.to_string(),
            language: language.to_string(),
            parameters: placeholders(content).into_iter().filter_map(value_of).collect(),
        }),
        _ => None,
    };
    Ok(Filled { text, body })
}

fn store(tx: &mut Tx<'_>, live: &Live, talk: &Talk, it: Saying<'_>, now: DateTime<Utc>) -> Result<Message, Error> {
    store_with(tx, live, talk, it, None, now)
}

/// Stores something said, with its file, and puts it into the queue.
fn store_with(
    tx: &mut Tx<'_>,
    live: &Live,
    talk: &Talk,
    it: Saying<'_>,
    file: Option<&OutgoingFile>,
    now: DateTime<Utc>,
) -> Result<Message, Error> {
    let draft = Draft {
        conversation: talk.it.id,
        content: it.content,
        sender: Sender::Staff(live.staff.id, &live.staff.name),
        at: now,
        came: None,
        delivery: Some(it.delivery),
        internal: false,
        client_ref: it.client_ref,
    };
    let message = match file {
        None => append(tx, &talk.it, &draft)?,
        Some(file) => append_with(tx, &talk.it, &draft, |tx, message| Ok(vec![keep(tx, talk, message, file, now)?]))?,
    };
    if talk.is_on_whatsapp() {
        outgoing::queue(tx, talk.hotel.id, talk.it.guest, &message, it.body.as_ref(), now)?;
    }
    Ok(message)
}

/// Keeps a file of a message.
fn keep(
    tx: &mut Tx<'_>,
    talk: &Talk,
    message: MessageId,
    file: &OutgoingFile,
    now: DateTime<Utc>,
) -> Result<Attachment, Error> {
    let (name, content_type) = (file.name.as_str(), file.content_type.as_str());
    let draft = attachments::Draft { message, hotel: talk.hotel.id, name, content_type, source: None };
    let id = attachments::insert(tx, &draft, now)?;
    let mut parts = 0;
    for part in file.bytes.chunks(PART) {
        attachments::put(tx, id, parts, part)?;
        parts += 1;
    }
    let digest = Digest::of(&file.bytes).to_string();
    let size = file.bytes.len() as i64;
    attachments::complete(tx, id, parts, size, &digest)?;
    Ok(Attachment { id, name: file.name.clone(), content_type: file.content_type.clone(), size })
}

fn refuse_long_text(file: &OutgoingFile) -> Result<(), Error> {
    match &file.text {
        Some(text) if is_too_long(text.as_str()) => Err(Error::invalid(
            "text",
            format!("With a file at most {MOST_BODY} characters are allowed. Please send the text by itself."),
        )),
        _ => Ok(()),
    }
}

/// Whether WhatsApp does not take a text with a file, or as a template's value.
fn is_too_long(text: &str) -> bool {
    text.len() > MOST_BODY && text.chars().count() > MOST_BODY
}

/// As what a file is shown. What WhatsApp takes as nothing else is a document, and so is sound with words, which
/// sound has no place for.
fn kind_of(file: &OutgoingFile, is_on_whatsapp: bool) -> Result<MediaKind, Error> {
    let kind = match sendable_file(&file.content_type) {
        Some(SendableFile { kind, most }) if file.bytes.len() <= most => kind,
        Some(SendableFile { most, .. }) if is_on_whatsapp => return Err(Error::FileTooLarge { most }),
        None if is_on_whatsapp => return Err(Error::UnsupportedFile),
        Some(_) | None => MediaKind::Document,
    };
    Ok(if kind == MediaKind::Audio && file.text.is_some() { MediaKind::Document } else { kind })
}
