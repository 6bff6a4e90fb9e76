//! What guests write.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::{
    Conversation, ConversationId, EventKind, Guest, Hotel, HotelId, MessageId, MessageText, Name, PhoneNumber, Status,
    Stay, StayId,
};
use persistence::{
    Conn, Tx,
    conversations::{self, Which},
    guests, hotels,
    messages::{self, Draft, Sender},
    stays,
};

use crate::{Desk, Error, messages::append, settle};

/// A guest's message, as it comes in.
#[derive(Clone, Debug)]
pub struct FromGuest {
    /// Their number.
    pub phone: PhoneNumber,
    /// What they wrote.
    pub text: MessageText,
    /// The name they give themselves.
    pub name: Option<Name>,
    /// The hotel; `None`: that of this number's stay, else the first.
    pub hotel: Option<HotelId>,
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
    /// Takes in a guest's message: finds whose it is, and stores it with its events.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such hotel.
    pub async fn receive(&self, it: FromGuest) -> Result<Received, Error> {
        let now = self.now();
        let (hotel, locks) = self.asked_for(&it).await?;
        self.store.write(hotel.id, locks, move |tx| receive(tx, &hotel, &it, now)).await
    }

    /// The hotel that the guest means, and their conversations there: known before, these are
    /// locked in the same order as everybody else's.
    async fn asked_for(&self, it: &FromGuest) -> Result<(Hotel, Vec<Which>), Error> {
        let (named, phone) = (it.hotel, it.phone.clone());
        self.store
            .read(move |conn| {
                let hotel = hotel_of(conn, named, &phone)?;
                let guest = guests::find_by_phone(conn, hotel.id, &phone)?;
                let known = guest.map(|it| conversations::of_guest(conn, it.id)).transpose()?.unwrap_or_default();
                Ok((hotel, known.into_iter().map(Which::Conversation).collect()))
            })
            .await
    }
}

fn hotel_of(conn: &mut Conn, named: Option<HotelId>, phone: &PhoneNumber) -> Result<Hotel, Error> {
    let id = match named {
        Some(id) => Some(id),
        None => stays::hotels_of_phone(conn, phone)?.first().copied(),
    };
    let hotel = match id {
        Some(id) => hotels::find(conn, id)?,
        None => hotels::all(conn)?.into_iter().next(),
    };
    hotel.ok_or_else(|| Error::invalid("hotel_id", "There is no such hotel."))
}

fn receive(tx: &mut Tx<'_>, hotel: &Hotel, it: &FromGuest, now: DateTime<Utc>) -> Result<Received, Error> {
    let guest = guests::find_or_insert(tx, hotel.id, &it.phone, now)?;
    guests::hold(tx, guest.id)?;
    if let Some(name) = it.name.as_ref().filter(|name| guest.profile_name.as_deref() != Some(name.as_str())) {
        rename(tx, &guest, name, now)?;
    }
    let stay = current_stay(tx, &guest, today(hotel, now))?;
    let mut conversation = conversation_of(tx, hotel, &guest, stay.as_ref(), now)?;
    let before = conversation.clone();
    conversation.hear(stay.as_ref().is_some_and(|stay| stay.has_begun(today(hotel, now))));
    settle::save(tx, &before, &conversation, None, now)?;
    let name = messages::guest_name(tx.conn(), guest.id, conversation.id)?;
    let draft = Draft {
        conversation: conversation.id,
        content: it.text.as_str(),
        sender: Sender::Guest(&name),
        at: now,
        delivery: None,
        internal: false,
        client_ref: None,
    };
    let message = append(tx, &conversation, &draft)?;
    Ok(Received { message: message.id, conversation: conversation.id, stay: conversation.stay, hotel: hotel.id })
}

/// Keeps the name that the guest gives themselves. Where no stay is known, they are shown under it.
fn rename(tx: &mut Tx<'_>, guest: &Guest, name: &Name, now: DateTime<Utc>) -> Result<(), Error> {
    guests::rename(tx, guest.id, name)?;
    match conversations::find_without_stay(tx.conn(), guest.id)? {
        Some(it) => settle::show_anew(tx, &it, now),
        None => Ok(()),
    }
}

/// The guest's current stay; of several the one they last wrote in, else the newest.
fn current_stay(tx: &mut Tx<'_>, guest: &Guest, today: NaiveDate) -> Result<Option<Stay>, Error> {
    let mut current = Vec::new();
    for stay in stays::not_checked_out(tx.conn(), guest.id)? {
        if stay.is_current(today) {
            let heard = match conversations::find(tx.conn(), Which::Stay(stay.id))? {
                Some(it) => conversations::last_heard(tx.conn(), it.id)?,
                None => None,
            };
            current.push((heard, stay));
        }
    }
    Ok(current.into_iter().max_by_key(|(heard, stay)| (*heard, stay.id)).map(|(_, stay)| stay))
}

/// The stay's conversation, or the guest's without a stay; made where there is none.
fn conversation_of(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: &Guest,
    stay: Option<&Stay>,
    now: DateTime<Utc>,
) -> Result<Conversation, Error> {
    let known = match stay {
        Some(stay) => conversations::find(tx.conn(), Which::Stay(stay.id))?,
        None => conversations::find_without_stay(tx.conn(), guest.id)?,
    };
    if let Some(known) = known {
        return Ok(known);
    }
    let status = stay.map_or(Status::Demo, |stay| stay.unrouted_status(today(hotel, now)));
    let made = conversations::insert(tx, (hotel.id, guest.id, stay.map(|it| it.id)), status, now)?;
    let kind = EventKind::NewConversation { conversation: made.id, stay: made.stay, department: None };
    tx.record(hotel.id, now, kind);
    Ok(made)
}

/// The day it is in the hotel.
pub(crate) fn today(hotel: &Hotel, now: DateTime<Utc>) -> NaiveDate {
    // Names are checked when they are set; one that this build's table has lost counts as UTC.
    let zone: Tz = hotel.timezone.parse().unwrap_or(Tz::UTC);
    now.with_timezone(&zone).date_naive()
}
