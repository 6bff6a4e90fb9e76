//! Stores a guest message: resolves the guest, selects the conversation, records the message, opens the 24-hour window
//! and runs the guest flow, all in one transaction.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::{
    Conversation, ConversationId, ConversationRef, Guest, GuestIdentity, Hotel, HotelId, Message, MessageId,
    MessageText, Name, PhoneNumber, Quote, Status, Stay, StayId, WrittenNumber, flow::FlowInput,
    text::has_visible_character,
};
use numbering::CompleteNumber;
use persistence::{
    Conn, Locks, Tx,
    audit_log::AuditActor,
    conversations, guests, hotels,
    messages::{self, MessageSender, NewMessage},
    reactions::{self, GuestReactionUpdate},
    service_windows, stays,
};
use whatsapp::Media;

use crate::{
    Desk, Error,
    attachments::store_pending_file,
    away::answer_if_closed,
    conversation_for_stay::find_or_create_conversation,
    flow_runner::{self, AfterStay, FlowMessage},
    hotel_calendar::{stay_ended_at, today},
    inbound::guest_identity::{change_identity, find_or_create_guest},
    outbound::outbox::{is_window_open, release_held_messages},
    record_message::{record_message_with, record_updated_message},
    save_conversation::{record_changed_details, record_changed_window, save_with_events},
    scheduled::review_scheduled_messages,
};

/// A parsed message from a guest, received by WhatsApp or from a simulated guest of the demo.
#[derive(Clone, Debug)]
pub struct GuestMessage {
    pub identity: GuestIdentity,
    /// The guest's profile name in WhatsApp.
    pub name: Option<Name>,
    /// The text of the guest message that staff see; not empty.
    pub text: String,
    pub input: GuestInput,
    /// The data of a WhatsApp message; `None` for a simulated guest of the demo.
    pub whatsapp: Option<WhatsAppMetadata>,
}

/// What the guest has said, as input for the guest flow.
#[derive(Clone, Debug)]
pub enum GuestInput {
    /// The guest wrote a text, or a file with this caption.
    Text(String),
    /// The guest selected a row of a list, or pressed a button.
    Choice { id: String, title: String },
    /// A guest message without text: a picture, a voice message, a location.
    Other,
}

/// The data of a guest message that was received by WhatsApp.
#[derive(Clone, Debug)]
pub struct WhatsAppMetadata {
    pub whatsapp_message_id: String,
    /// WhatsApp's id of the hotel's number to which the guest wrote.
    pub to_number: Option<String>,
    pub written_at: DateTime<Utc>,
    /// The JSON of the guest message as it was in the webhook.
    pub raw: String,
    /// Whether the guest message opens the 24-hour window and reopens a closed conversation. A reaction does not.
    pub opens_window: bool,
    /// The file of the guest message, which is downloaded later.
    pub media: Option<Media>,
    /// The WhatsApp id of the message that this one quotes or reacts to.
    pub quoted_id: Option<String>,
    /// The reaction, if the guest only reacted to a message.
    pub reaction: Option<ReactionChange>,
    /// The new identity of the guest, if the message reports a changed number or id.
    pub new_identity: Option<GuestIdentity>,
}

/// A guest reacted to a message, or withdrew the reaction.
#[derive(Clone, Debug)]
pub struct ReactionChange {
    /// `None`: the guest withdrew the reaction.
    pub emoji: Option<String>,
}

/// The ids under which a guest message was stored; of a reaction, those of the message that the guest reacted to.
#[derive(Clone, Copy, Debug)]
pub struct StoredGuestMessage {
    pub message: MessageId,
    pub conversation: ConversationId,
    pub stay: Option<StayId>,
    pub hotel: HotelId,
}

impl GuestMessage {
    /// Creates the message of a simulated guest of the demo.
    pub fn from_demo(phone: PhoneNumber, name: Option<Name>, text: MessageText) -> Self {
        Self {
            identity: phone.into(),
            name,
            input: GuestInput::Text(text.to_string()),
            text: text.into_string(),
            whatsapp: None,
        }
    }

    fn opens_window(&self) -> bool {
        self.whatsapp.as_ref().is_none_or(|it| it.opens_window)
    }

    fn media(&self) -> Option<&Media> {
        self.whatsapp.as_ref()?.media.as_ref()
    }
}

impl GuestInput {
    fn as_said(&self) -> FlowInput<'_> {
        match self {
            Self::Text(text) => FlowInput::Text(text),
            Self::Choice { id, title } => FlowInput::Choice { id, title },
            Self::Other => FlowInput::Other,
        }
    }
}

impl Desk {
    /// Completes the phone number of a simulated guest by the country of the hotel; by default the first hotel.
    pub async fn complete_guest_number(
        &self,
        written: WrittenNumber,
        hotel: Option<HotelId>,
    ) -> Result<PhoneNumber, Error> {
        let number = match written.complete(None) {
            Ok(number) => Ok(number),
            Err(_) => {
                let hotel = self.read(move |conn| demo_hotel(conn, hotel, None)).await?;
                written.complete(hotel.country)
            }
        };
        number.map_err(|reason| Error::invalid("phone", reason.to_string()))
    }

    /// Stores the message of a simulated guest of the demo. The default hotel is that of the guest's stay, otherwise
    /// the first.
    pub async fn receive_demo_message(
        &self,
        message: GuestMessage,
        hotel: Option<HotelId>,
    ) -> Result<StoredGuestMessage, Error> {
        let identity = message.identity.clone();
        let (hotel, locks) = self
            .read(move |conn| {
                let hotel = demo_hotel(conn, hotel, identity.phone.as_ref())?;
                let locks = locks_for_guest(conn, hotel.id, identity)?;
                Ok((hotel, locks))
            })
            .await?;
        let now = self.now();
        self.write(hotel.id, locks, move |tx| receive_message(tx, &hotel, &message, now)).await
    }
}

fn demo_hotel(conn: &mut Conn, id: Option<HotelId>, phone: Option<&PhoneNumber>) -> Result<Hotel, Error> {
    let id = match (id, phone) {
        (Some(id), _) => Some(id),
        (None, Some(phone)) => stays::hotels_of_phone(conn, phone)?.first().copied(),
        (None, None) => None,
    };
    let hotel = match id {
        Some(id) => hotels::find(conn, id)?,
        None => hotels::all(conn)?.into_iter().next(),
    };
    hotel.ok_or_else(|| Error::invalid("hotel_id", "There is no such hotel."))
}

/// Returns the locks of the transaction that stores a message of this guest, including the creation of an unknown
/// guest.
pub(crate) fn locks_for_guest(conn: &mut Conn, hotel: HotelId, identity: GuestIdentity) -> Result<Locks, Error> {
    let is_known = guests::is_fully_known(conn, hotel, &identity)?;
    Ok(Locks::default().guest(identity).creating(!is_known))
}

/// Stores a guest message with its events. A message that was stored before is not stored again.
pub(crate) fn receive_message(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    message: &GuestMessage,
    now: DateTime<Utc>,
) -> Result<StoredGuestMessage, Error> {
    let guest = find_or_create_guest(tx, hotel, &message.identity, now)?;
    // Whether the message is stored is checked after the guest is locked, so that no concurrent transaction stores it
    // too.
    if let Some(stored) = find_stored(tx, hotel, message)? {
        return Ok(stored);
    }
    let guest = update_guest(tx, hotel, guest, message, now)?;
    let quoted = find_quoted(tx, &guest, message)?;
    if let Some(target) = &quoted
        && let Some(reacted) = store_reaction(tx, hotel, message, target, now)?
    {
        return Ok(reacted);
    }
    let (stay, mut conversation) = select_conversation(tx, hotel, &guest, quoted.as_ref(), now)?;
    let before = conversation.clone();
    if message.opens_window() {
        conversation
            .receive_guest_message(stay.as_ref().is_some_and(|stay| stay.has_begun_or_ended(today(hotel, now))));
        save_with_events(tx, &before, &conversation, AuditActor::Guest, now)?;
    }
    let department = conversation.department().or(hotel.default_department);
    let inbound = messages::inbound_context(tx.conn(), guest.id, conversation.id(), department)?;
    let stored = store_message(tx, hotel, &conversation, message, quoted.as_ref(), &inbound, now)?;
    if message.opens_window() {
        open_window(tx, hotel, &conversation, message, &inbound, now)?;
        if inbound.has_scheduled_messages {
            review_scheduled_messages(tx, guest.id, stored.at, now)?;
        }
        let ended_at = stay.as_ref().and_then(|stay| stay_ended_at(stay, hotel, now));
        let after_stay = ended_at.map(|ended_at| match inbound.last_guest_message_at {
            Some(last_message) if last_message >= ended_at => AfterStay::LaterMessage,
            _ => AfterStay::FirstMessage,
        });
        let input = FlowMessage { status_before: before.status(), said: message.input.as_said(), after_stay };
        flow_runner::handle_guest_message(tx, hotel, &mut conversation, input, now)?;
        answer_if_closed(tx, hotel, &conversation, inbound.department, now)?;
    }
    Ok(StoredGuestMessage {
        message: stored.id,
        conversation: conversation.id(),
        stay: conversation.stay(),
        hotel: hotel.id,
    })
}

fn find_stored(tx: &mut Tx<'_>, hotel: &Hotel, message: &GuestMessage) -> Result<Option<StoredGuestMessage>, Error> {
    let Some(whatsapp) = &message.whatsapp else { return Ok(None) };
    let Some(stored) = messages::find_by_whatsapp_id(tx.conn(), &whatsapp.whatsapp_message_id)? else {
        return Ok(None);
    };
    let conversation = conversations::find(tx.conn(), ConversationRef::Conversation(stored.conversation))?;
    let stay = conversation.and_then(|conversation| conversation.stay());
    Ok(Some(StoredGuestMessage { message: stored.id, conversation: stored.conversation, stay, hotel: hotel.id }))
}

/// Stores the new identity and the new profile name of the guest, if the message contains them.
fn update_guest(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: Guest,
    message: &GuestMessage,
    now: DateTime<Utc>,
) -> Result<Guest, Error> {
    let guest = match message.whatsapp.as_ref().and_then(|whatsapp| whatsapp.new_identity.as_ref()) {
        Some(new) => change_identity(tx, hotel, guest, new, now)?,
        None => guest,
    };
    // A profile name without a visible character would be a blank row in the inbox.
    let name = message.name.as_ref().filter(|name| has_visible_character(name.as_str()));
    if let Some(name) = name.filter(|name| guest.profile_name.as_deref() != Some(name.as_str())) {
        guests::set_profile_name(tx, guest.id, name)?;
        // A conversation without a stay shows the profile name.
        if let Some(conversation) = conversations::find_without_stay(tx.conn(), guest.id)? {
            record_changed_details(tx, &conversation, now)?;
        }
    }
    Ok(guest)
}

/// Returns the earlier message to or from the same guest that this guest message quotes or reacts to.
fn find_quoted(tx: &mut Tx<'_>, guest: &Guest, message: &GuestMessage) -> Result<Option<Message>, Error> {
    match message.whatsapp.as_ref().and_then(|whatsapp| whatsapp.quoted_id.as_deref()) {
        Some(id) => Ok(messages::find_quoted(tx.conn(), guest.id, id)?),
        None => Ok(None),
    }
}

/// Stores a reaction with the message that the guest reacted to, and records its events. Returns `None` if the guest
/// message is no reaction. A reaction to an unknown message is stored as a message, so that it is not lost.
fn store_reaction(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    message: &GuestMessage,
    target: &Message,
    now: DateTime<Utc>,
) -> Result<Option<StoredGuestMessage>, Error> {
    let Some(whatsapp) = &message.whatsapp else { return Ok(None) };
    let Some(reaction) = &whatsapp.reaction else { return Ok(None) };
    let of = ConversationRef::Conversation(target.conversation);
    let Some(conversation) = conversations::find(tx.conn(), of)? else { return Ok(None) };
    let update = GuestReactionUpdate {
        message: target.id,
        emoji: reaction.emoji.as_deref(),
        whatsapp_message_id: &whatsapp.whatsapp_message_id,
        reacted_at: whatsapp.written_at.min(now),
        received_at: now,
        raw: &whatsapp.raw,
    };
    if reactions::record_guest_update(tx, &update)? {
        record_updated_message(tx, &conversation, target.id, now)?;
    }
    let (conversation, stay) = (conversation.id(), conversation.stay());
    Ok(Some(StoredGuestMessage { message: target.id, conversation, stay, hotel: hotel.id }))
}

/// Selects the conversation of a guest message, in this order: of the quoted message, of the current stay, of a stay
/// that ended recently, without a stay. Creates a missing conversation.
fn select_conversation(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: &Guest,
    quoted: Option<&Message>,
    now: DateTime<Utc>,
) -> Result<(Option<Stay>, Conversation), Error> {
    if let Some(quoted) = quoted
        && let Some(conversation) = conversations::find(tx.conn(), ConversationRef::Conversation(quoted.conversation))?
    {
        let stay = match conversation.stay() {
            Some(id) => stays::find(tx.conn(), id)?,
            None => None,
        };
        return Ok((stay, conversation));
    }
    let stay = match find_current_stay(tx, guest, today(hotel, now))? {
        Some(current) => Some(current),
        None => find_recent_stay(tx, hotel, guest, now)?,
    };
    let conversation = find_or_create_conversation(tx, hotel, guest.id, stay.as_ref(), now)?;
    Ok((stay, conversation))
}

/// Returns the current stay of a guest. Of several, prefers one that has begun, then the one with the newest guest
/// message, then the newest.
fn find_current_stay(tx: &mut Tx<'_>, guest: &Guest, today: NaiveDate) -> Result<Option<Stay>, Error> {
    let mut current = stays::not_checked_out(tx.conn(), guest.id)?;
    current.retain(|stay| stay.is_current(today));
    if current.len() < 2 {
        return Ok(current.pop());
    }
    let mut candidates = Vec::new();
    for stay in current {
        let last_message_at = match conversations::find(tx.conn(), ConversationRef::Stay(stay.id))? {
            Some(conversation) => conversations::last_guest_message_at(tx.conn(), conversation.id())?,
            None => None,
        };
        candidates.push((stay.has_begun(today), last_message_at, stay));
    }
    let preferred = candidates.into_iter().max_by_key(|(has_begun, at, stay)| (*has_begun, *at, stay.id));
    Ok(preferred.map(|(_, _, stay)| stay))
}

/// Time after a stay during which messages of the guest still belong to it.
const RECENT_STAY: TimeDelta = TimeDelta::days(14);

fn find_recent_stay(tx: &mut Tx<'_>, hotel: &Hotel, guest: &Guest, now: DateTime<Utc>) -> Result<Option<Stay>, Error> {
    let since = now - RECENT_STAY;
    // Two days earlier: one because the hotel's date may differ from UTC, one because a stay ends at midnight after its
    // last day. Stays that ended too early are filtered out below.
    let day = since.date_naive() - Days::new(2);
    let ended = stays::ended_since(tx.conn(), guest.id, since, day)?.into_iter();
    let ended = ended.filter_map(|stay| stay_ended_at(&stay, hotel, now).map(|at| (at, stay)));
    Ok(ended.filter(|(at, _)| *at >= since).max_by_key(|(at, stay)| (*at, stay.id)).map(|(_, stay)| stay))
}

fn store_message(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &Conversation,
    message: &GuestMessage,
    quoted: Option<&Message>,
    inbound: &messages::InboundContext,
    now: DateTime<Utc>,
) -> Result<Message, Error> {
    let quotes = message.whatsapp.as_ref().is_some_and(|whatsapp| whatsapp.quoted_id.is_some());
    let quote = match quoted {
        Some(quoted) => Some(Quote::Known(quoted.quoted())),
        None => quotes.then_some(Quote::Unknown),
    };
    let fields = message.whatsapp.as_ref().map(|whatsapp| {
        // WhatsApp's clock may be ahead of ours, which must not keep the 24-hour window open longer.
        let written_at = whatsapp.written_at.min(now);
        let last_guest_message_at = inbound.last_guest_message_at.map_or(written_at, |before| before.max(written_at));
        messages::InboundFields {
            whatsapp_message_id: &whatsapp.whatsapp_message_id,
            written_at,
            last_guest_message_at: whatsapp.opens_window.then_some(last_guest_message_at),
            raw: &whatsapp.raw,
        }
    });
    let written_at = fields.map_or(now, |it| it.written_at);
    let response_due_at =
        inbound.department.as_ref().and_then(|department| department.response_due_at(written_at, hotel.zone()));
    let new = NewMessage {
        conversation: conversation.id(),
        content: &message.text,
        sender: MessageSender::Guest { name: &inbound.guest_name, response_due_at },
        at: now,
        inbound: fields,
        delivery: None,
        internal: false,
        client_ref: None,
        quote,
        send_at: None,
    };
    record_message_with(tx, conversation, &new, |tx, id| match message.media() {
        Some(media) => Ok(vec![store_pending_file(tx, conversation.hotel(), id, media, now)?]),
        None => Ok(vec![]),
    })
}

/// Opens the 24-hour window, which is shared by all conversations of the guest with the hotel's number, and releases
/// held messages in all of them. A message to a former number of the hotel opens no window.
fn open_window(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &Conversation,
    message: &GuestMessage,
    inbound: &messages::InboundContext,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(number) = hotel.whatsapp_phone_number_id.as_deref() else { return Ok(()) };
    let to_number = message.whatsapp.as_ref().and_then(|whatsapp| whatsapp.to_number.as_deref());
    if to_number.is_some_and(|to_number| to_number != number) {
        return Ok(());
    }
    let guest = conversation.guest();
    let before = inbound.service_window.as_ref().filter(|(known, _)| known == number).map(|(_, at)| *at);
    let at = message.whatsapp.as_ref().map_or(now, |whatsapp| whatsapp.written_at.min(now));
    let after = before.map_or(at, |before| before.max(at));
    let (was_open, is_open) = (is_window_open(before, now), is_window_open(Some(after), now));
    service_windows::record_message(tx, guest, number, at)?;
    if !was_open && is_open {
        service_windows::clear_asked_to_write(tx, guest)?;
    }
    if inbound.has_held_messages && is_open {
        release_held_messages(tx, guest, now)?;
    }
    if inbound.has_other_conversations && before != Some(after) {
        record_changed_windows(tx, conversation, was_open, now)?;
    }
    Ok(())
}

/// Records the events of the guest's other conversations after a change of the 24-hour window. Closed conversations, of
/// which there may be many, get an event only if the window was closed before.
fn record_changed_windows(
    tx: &mut Tx<'_>,
    received_in: &Conversation,
    was_open: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for id in conversations::ids_of_guest(tx.conn(), received_in.guest())? {
        if id == received_in.id() {
            continue;
        }
        if let Some(conversation) = conversations::find(tx.conn(), ConversationRef::Conversation(id))?
            && !(was_open && conversation.status() == Status::Closed)
        {
            record_changed_window(tx, &conversation, now);
        }
    }
    Ok(())
}
