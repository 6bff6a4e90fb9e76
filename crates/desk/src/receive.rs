//! What guests write.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::flow::Said;
use domain::{
    Conversation, ConversationId, EventKind, Guest, GuestId, GuestIdentity, Hotel, HotelId, Message, MessageId,
    MessageText, Name, PhoneNumber, Status, Stay, StayId, WrittenNumber, has_visible_character,
};
use persistence::{
    Conn, Locks, Tx,
    conversations::{self, Which},
    guests, hotels,
    messages::{self, Draft, Sender},
    stays, windows,
};

use whatsapp::Media;

use crate::{
    Desk, Error, attachments,
    flow::{self, AfterStay, Heard},
    identities,
    messages::append_with,
    outgoing::{self, is_window_open},
    settle,
};

/// A guest's message, as it comes in.
#[derive(Clone, Debug)]
pub struct FromGuest {
    /// By what they are known.
    pub identity: GuestIdentity,
    /// The name they give themselves.
    pub name: Option<Name>,
    /// What they wrote, as staff read it: not empty.
    pub text: String,
    /// What they said, as the flow hears it.
    pub spoken: Spoken,
    /// What WhatsApp tells of it; nothing of a guest who is played.
    pub came: Option<Came>,
}

/// What a guest said, as the flow hears it.
#[derive(Clone, Debug)]
pub enum Spoken {
    /// A text, or what stands below a picture.
    Text(String),
    /// A row of a list, or a button.
    Choice {
        /// Its id.
        id: String,
        /// Its label.
        title: String,
    },
    /// No text: a picture, a voice message, a place.
    Other,
}

impl FromGuest {
    /// What a guest writes who is only played.
    pub fn played(phone: PhoneNumber, name: Option<Name>, text: MessageText) -> Self {
        Self {
            identity: phone.into(),
            name,
            spoken: Spoken::Text(text.to_string()),
            text: text.into_string(),
            came: None,
        }
    }
}

/// What WhatsApp tells of a guest's message.
#[derive(Clone, Debug)]
pub struct Came {
    /// What it calls the message.
    pub whatsapp_message_id: String,
    /// The number of ours that it came to.
    pub to_number: Option<String>,
    /// When it was written.
    pub written_at: DateTime<Utc>,
    /// As it came.
    pub raw: String,
    /// Whether the guest said something: a reaction opens neither a closed conversation nor the window.
    pub says: bool,
    /// The file that is to be fetched.
    pub media: Option<Media>,
    /// The message that it is about, by what WhatsApp calls it.
    pub about: Option<String>,
    /// By what the guest is known from now on, where it tells that.
    pub renamed: Option<GuestIdentity>,
}

/// Where a guest's message went.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Its id.
    pub message: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The conversation's stay.
    pub stay: Option<StayId>,
    /// The hotel.
    pub hotel: HotelId,
}

impl Desk {
    /// The number of a guest who is to be played, completed by the country of the hotel: the named one, else the
    /// first.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is none, or there is no such hotel.
    pub async fn number_of_guest(&self, written: WrittenNumber, hotel: Option<HotelId>) -> Result<PhoneNumber, Error> {
        let number = match written.complete(None) {
            Ok(number) => Ok(number),
            Err(_) => {
                let hotel = self.store.read(move |conn| hotel_of(conn, hotel, None)).await?;
                written.complete(hotel.country)
            }
        };
        number.map_err(|reason| Error::invalid("phone", reason.to_string()))
    }

    /// Takes in what a guest of the demo writes. Without a hotel: that of this number's stay, else the first.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such hotel.
    pub async fn receive(&self, it: FromGuest, hotel: Option<HotelId>) -> Result<Received, Error> {
        let identity = it.identity.clone();
        let (hotel, locks) = self
            .store
            .read(move |conn| {
                let hotel = hotel_of(conn, hotel, identity.phone.as_ref())?;
                let locks = locks_of(conn, hotel.id, identity.clone())?;
                Ok::<_, Error>((hotel, locks))
            })
            .await?;
        self.receive_in(hotel, locks, it).await
    }

    /// Takes in a guest's message: finds whose it is, and stores it with its events. What came before is stored once.
    /// `locks` are those of [`locks_of`].
    pub(crate) async fn receive_in(&self, hotel: Hotel, locks: Locks, it: FromGuest) -> Result<Received, Error> {
        let now = self.now();
        self.store.write(hotel.id, locks, move |tx| receive(tx, &hotel, &it, now)).await
    }
}

/// What a message of the guest decides about whom an identity names. Who is not known yet will be made.
pub(crate) fn locks_of(conn: &mut Conn, hotel: HotelId, identity: GuestIdentity) -> Result<Locks, Error> {
    let creates = !guests::is_known(conn, hotel, &identity)?;
    Ok(Locks::default().guest(identity).creating(creates))
}

fn hotel_of(conn: &mut Conn, named: Option<HotelId>, phone: Option<&PhoneNumber>) -> Result<Hotel, Error> {
    let id = match (named, phone) {
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

fn receive(tx: &mut Tx<'_>, hotel: &Hotel, it: &FromGuest, now: DateTime<Utc>) -> Result<Received, Error> {
    let mut guest = identities::recognise(tx, hotel, &it.identity, now)?;
    // Now that the guest is held, nobody stores the same message beside this.
    if let Some(known) = received_before(tx, hotel, it)? {
        return Ok(known);
    }
    if let Some(after) = it.came.as_ref().and_then(|came| came.renamed.as_ref()) {
        guest = identities::rename(tx, hotel, guest, after, now)?;
    }
    // One that shows nothing would leave a blank row: it counts as none.
    let name = it.name.as_ref().filter(|name| has_visible_character(name.as_str()));
    if let Some(name) = name.filter(|name| guest.profile_name.as_deref() != Some(name.as_str())) {
        rename(tx, &guest, name, now)?;
    }
    let quoted = quoted(tx, &guest, it)?;
    let (stay, mut conversation) = place(tx, hotel, &guest, quoted.as_ref(), now)?;
    let before = conversation.clone();
    let says = it.came.as_ref().is_none_or(|came| came.says);
    if says {
        conversation.hear(stay.as_ref().is_some_and(|stay| stay.has_begun_or_ended(today(hotel, now))));
        settle::save(tx, &before, &conversation, None, now)?;
    }
    let heard = messages::heard(tx.conn(), guest.id, conversation.id)?;
    let message = store(tx, &conversation, it, quoted.as_ref(), &heard, now)?;
    if says {
        open_window(tx, hotel, &conversation, it, &heard, now)?;
        let ended_at = stay.as_ref().and_then(|stay| ended_at(stay, hotel, now));
        let said = Heard {
            was: before.status,
            said: it.spoken.said(),
            after_stay: ended_at.map(|at| {
                if heard.before.is_some_and(|before| before >= at) { AfterStay::GoesOn } else { AfterStay::Begins }
            }),
        };
        flow::hear(tx, hotel, &mut conversation, said, now)?;
    }
    Ok(Received { message: message.id, conversation: conversation.id, stay: conversation.stay, hotel: hotel.id })
}

/// Where a message belongs: to the conversation of what it quotes, else to that of the current stay, else to that of a
/// stay that ended not long ago, else to the one without a stay. With its stay; made where there is none.
fn place(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: &Guest,
    quoted: Option<&Message>,
    now: DateTime<Utc>,
) -> Result<(Option<Stay>, Conversation), Error> {
    if let Some(quoted) = quoted
        && let Some(conversation) = conversations::find(tx.conn(), Which::Conversation(quoted.conversation))?
    {
        let stay = match conversation.stay {
            Some(id) => stays::find(tx.conn(), id)?,
            None => None,
        };
        return Ok((stay, conversation));
    }
    let stay = match current_stay(tx, guest, today(hotel, now))? {
        Some(current) => Some(current),
        None => last_stay(tx, hotel, guest, now)?,
    };
    let conversation = conversation_of(tx, hotel, guest.id, stay.as_ref(), now)?;
    Ok((stay, conversation))
}

/// The message that this one is about, of the same guest.
fn quoted(tx: &mut Tx<'_>, guest: &Guest, it: &FromGuest) -> Result<Option<Message>, Error> {
    match it.came.as_ref().and_then(|came| came.about.as_deref()) {
        Some(about) => Ok(messages::find_quoted(tx.conn(), guest.id, about)?),
        None => Ok(None),
    }
}

/// The guest said something: that opens the window of all their conversations with the hotel's number, and releases
/// what is held in any of them. What came to a number that the hotel had before opens none.
fn open_window(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    in_conversation: &Conversation,
    it: &FromGuest,
    heard: &messages::Heard,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(number) = hotel.whatsapp_phone_number_id.as_deref() else { return Ok(()) };
    let to = it.came.as_ref().and_then(|came| came.to_number.as_deref()).unwrap_or(number);
    if to != number {
        return Ok(());
    }
    let guest = in_conversation.guest;
    let before = heard.window.as_ref().filter(|(known, _)| known == number).map(|(_, at)| *at);
    let at = it.came.as_ref().map_or(now, |came| came.written_at.min(now));
    let after = before.map_or(at, |before| before.max(at));
    let (was_open, is_open) = (is_window_open(before, now), is_window_open(Some(after), now));
    windows::wrote(tx, guest, number, at)?;
    if !was_open && is_open {
        windows::answered(tx, guest)?;
    }
    if heard.holds && is_open {
        outgoing::release(tx, guest, now)?;
    }
    if heard.has_others && before != Some(after) {
        show_windows(tx, in_conversation, was_open, now)?;
    }
    Ok(())
}

/// Tells of the guest's other conversations that their window has changed; of closed ones, of which there may be many,
/// only where it was not open before.
fn show_windows(tx: &mut Tx<'_>, beside: &Conversation, was_open: bool, now: DateTime<Utc>) -> Result<(), Error> {
    for id in conversations::of_guest(tx.conn(), beside.guest)? {
        if id == beside.id {
            continue;
        }
        if let Some(it) = conversations::find(tx.conn(), Which::Conversation(id))?
            && !(was_open && it.status == Status::Closed)
        {
            settle::show_window(tx, &it, now);
        }
    }
    Ok(())
}

impl Spoken {
    fn said(&self) -> Said<'_> {
        match self {
            Self::Text(text) => Said::Text(text),
            Self::Choice { id, title } => Said::Choice { id, title },
            Self::Other => Said::Other,
        }
    }
}

/// Where a message of this name went, if it came before.
fn received_before(tx: &mut Tx<'_>, hotel: &Hotel, it: &FromGuest) -> Result<Option<Received>, Error> {
    let Some(came) = &it.came else { return Ok(None) };
    let Some(known) = messages::find_by_whatsapp_id(tx.conn(), &came.whatsapp_message_id)? else { return Ok(None) };
    let conversation = conversations::find(tx.conn(), Which::Conversation(known.conversation))?;
    let stay = conversation.and_then(|it| it.stay);
    Ok(Some(Received { message: known.id, conversation: known.conversation, stay, hotel: hotel.id }))
}

fn store(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    it: &FromGuest,
    quoted: Option<&Message>,
    heard: &messages::Heard,
    now: DateTime<Utc>,
) -> Result<Message, Error> {
    let content = match quoted {
        Some(quoted) => quoting(&quoted.content, &it.text),
        None => it.text.clone(),
    };
    let came = it.came.as_ref().map(|came| {
        // A clock that is ahead of ours must not keep the window open for longer.
        let written_at = came.written_at.min(now);
        messages::Came {
            whatsapp_message_id: &came.whatsapp_message_id,
            written_at,
            last_heard: came.says.then(|| heard.before.map_or(written_at, |before| before.max(written_at))),
            raw: &came.raw,
        }
    });
    let draft = Draft {
        conversation: conversation.id,
        content: &content,
        sender: Sender::Guest(&heard.name),
        at: now,
        came,
        delivery: None,
        internal: false,
        client_ref: None,
    };
    append_with(tx, conversation, &draft, |tx, message| match it.came.as_ref().and_then(|came| came.media.as_ref()) {
        Some(media) => Ok(vec![attachments::await_file(tx, conversation.hotel, message, media, now)?]),
        None => Ok(vec![]),
    })
}

/// The most characters of a message that are quoted.
const QUOTED: usize = 200;

/// A text with what it is about above it, as mail has it.
fn quoting(about: &str, text: &str) -> String {
    let mut quoted: String = about.chars().take(QUOTED).collect();
    if about.chars().nth(QUOTED).is_some() {
        quoted.push('…');
    }
    let quoted: Vec<String> = quoted.lines().map(|line| format!("> {line}")).collect();
    format!("{}\n{text}", quoted.join("\n"))
}

/// Keeps the name that the guest gives themselves. Where no stay is known, they are shown under it.
fn rename(tx: &mut Tx<'_>, guest: &Guest, name: &Name, now: DateTime<Utc>) -> Result<(), Error> {
    guests::rename(tx, guest.id, name)?;
    match conversations::find_without_stay(tx.conn(), guest.id)? {
        Some(it) => settle::show_anew(tx, &it, now),
        None => Ok(()),
    }
}

/// The guest's current stay. Of several one that has begun comes first; then the one they last wrote in, else the newest.
fn current_stay(tx: &mut Tx<'_>, guest: &Guest, today: NaiveDate) -> Result<Option<Stay>, Error> {
    let mut current = stays::not_checked_out(tx.conn(), guest.id)?;
    current.retain(|it| it.is_current(today));
    if current.len() < 2 {
        return Ok(current.pop());
    }
    let mut heard = Vec::new();
    for stay in current {
        let at = match conversations::find(tx.conn(), Which::Stay(stay.id))? {
            Some(it) => conversations::last_heard(tx.conn(), it.id)?,
            None => None,
        };
        heard.push((stay.has_begun(today), at, stay));
    }
    Ok(heard.into_iter().max_by_key(|(begun, at, stay)| (*begun, *at, stay.id)).map(|(_, _, stay)| stay))
}

/// For so long after a stay its guest still writes into its conversation.
const AFTER_STAY: TimeDelta = TimeDelta::days(14);

/// The stay of a guest that ended last, not long ago.
fn last_stay(tx: &mut Tx<'_>, hotel: &Hotel, guest: &Guest, now: DateTime<Utc>) -> Result<Option<Stay>, Error> {
    let since = now - AFTER_STAY;
    // The last day itself, whatever the time zone.
    let day = since.date_naive() - Days::new(2);
    let ended = stays::ended_since(tx.conn(), guest.id, since, day)?.into_iter();
    let ended = ended.filter_map(|stay| ended_at(&stay, hotel, now).map(|at| (at, stay)));
    Ok(ended.filter(|(at, _)| *at >= since).max_by_key(|(at, stay)| (*at, stay.id)).map(|(_, stay)| stay))
}

/// When a stay ended: at check-out, or after its last day. `None` for one that goes on or is to come.
fn ended_at(stay: &Stay, hotel: &Hotel, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if stay.checked_out_at.is_some() {
        return stay.checked_out_at;
    }
    if stay.is_current(today(hotel, now)) {
        return None;
    }
    let midnight = (stay.check_out + Days::new(1)).and_time(NaiveTime::MIN);
    // Where clocks are put forward at midnight the day begins later; an hour does not matter.
    midnight.and_local_timezone(zone(hotel)).earliest().map(|at| at.to_utc()).or_else(|| Some(midnight.and_utc()))
}

/// The stay's conversation, or the guest's without a stay; made where there is none.
pub(crate) fn conversation_of(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: GuestId,
    stay: Option<&Stay>,
    now: DateTime<Utc>,
) -> Result<Conversation, Error> {
    let known = match stay {
        Some(stay) => conversations::find(tx.conn(), Which::Stay(stay.id))?,
        None => conversations::find_without_stay(tx.conn(), guest)?,
    };
    if let Some(known) = known {
        return Ok(known);
    }
    let status = stay.map_or(Status::Demo, |stay| stay.unrouted_status(today(hotel, now)));
    let made = conversations::insert(tx, (hotel.id, guest, stay.map(|it| it.id)), status, now)?;
    let kind = EventKind::NewConversation { conversation: made.id, stay: made.stay, department: None };
    tx.record(hotel.id, now, kind);
    Ok(made)
}

/// The day it is in the hotel.
pub(crate) fn today(hotel: &Hotel, now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&zone(hotel)).date_naive()
}

/// Names are checked when they are set; one that this build's table has lost counts as UTC.
fn zone(hotel: &Hotel) -> Tz {
    hotel.timezone.parse().unwrap_or(Tz::UTC)
}
