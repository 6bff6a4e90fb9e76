//! Storing made-up data in bulk.

use chrono::{DateTime, Utc};
use diesel::{dsl::max, prelude::*};
use domain::{ConversationId, Delivery, DepartmentId, HotelId, SenderType, StaffId, Status, StayId};

use crate::{
    StoreError, Tx,
    conn::on_db,
    schema::{conversations, guests, messages, stays},
    search,
    stays::{Booking, NewRow as StayRow},
    types::{Json, Ts},
};

/// Rows of one statement: PostgreSQL takes at most 65,535 values in it, SQLite 32,766.
const ROWS: usize = 1000;

/// A stay with a new guest, and its conversation as it stands when all its messages are stored.
#[derive(Clone, Debug)]
pub struct NewStay {
    /// What the booking says. The hotel has no guest of this number yet.
    pub booking: Booking,
    /// Where the conversation stands.
    pub status: Status,
    /// Where it is routed.
    pub department: Option<DepartmentId>,
    /// How many messages the guest wrote.
    pub guest_messages: i64,
    /// When they last did.
    pub last_guest_message_at: Option<DateTime<Utc>>,
    /// When the conversation came into being.
    pub created_at: DateTime<Utc>,
    /// When the last message was written.
    pub updated_at: DateTime<Utc>,
}

#[derive(Insertable)]
#[diesel(table_name = conversations, treat_none_as_default_value = false)]
struct ConversationRow {
    hotel_id: i64,
    guest_id: i64,
    stay_id: i64,
    status: &'static str,
    current_step: &'static str,
    department_id: Option<i64>,
    context_data: Json,
    created_at: Ts,
    updated_at: Ts,
    last_guest_message_at: Option<Ts>,
    guest_messages: i64,
    search_key: String,
}

/// Stores stays with their guests and conversations, and gives their ids in the same order.
///
/// # Errors
/// [`StoreError`].
pub fn insert_stays(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &[NewStay],
) -> Result<Vec<(StayId, ConversationId)>, StoreError> {
    let mut made = Vec::with_capacity(new.len());
    for new in new.chunks(ROWS) {
        made.extend(insert_chunk(tx, hotel, new)?);
    }
    Ok(made)
}

fn insert_chunk(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &[NewStay],
) -> Result<impl Iterator<Item = (StayId, ConversationId)> + use<>, StoreError> {
    let rows: Vec<_> = new.iter().map(|it| guest_row(hotel, it)).collect();
    let guest_ids: Vec<i64> = on_db!(tx.changing(), |c| diesel::insert_into(guests::table)
        .values(rows)
        .returning(guests::id)
        .get_results(c))?;
    let guest_ids = in_order(guest_ids);
    let rows: Vec<_> = new
        .iter()
        .zip(&guest_ids)
        .map(|(it, guest)| {
            let row = StayRow::new(hotel, domain::GuestId(*guest), &it.booking);
            (row, stays::created_at.eq(Ts::from(it.created_at)))
        })
        .collect();
    let stay_ids: Vec<i64> =
        on_db!(tx.changing(), |c| diesel::insert_into(stays::table).values(rows).returning(stays::id).get_results(c))?;
    let stay_ids = in_order(stay_ids);
    let rows: Vec<_> = new
        .iter()
        .zip(guest_ids.iter().zip(&stay_ids))
        .map(|(it, (guest, stay))| conversation_row(hotel, *guest, *stay, it))
        .collect();
    let ids: Vec<i64> = on_db!(tx.changing(), |c| diesel::insert_into(conversations::table)
        .values(rows)
        .returning(conversations::id)
        .get_results(c))?;
    Ok(stay_ids.into_iter().map(StayId).zip(in_order(ids).into_iter().map(ConversationId)))
}

/// Ids are given in the order of a statement's rows; in which order it tells them is not said.
fn in_order(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}

#[derive(Insertable)]
#[diesel(table_name = guests)]
struct GuestRow<'a> {
    hotel_id: i64,
    phone: &'a str,
    created_at: Ts,
}

fn guest_row(hotel: HotelId, it: &NewStay) -> GuestRow<'_> {
    GuestRow { hotel_id: hotel.0, phone: it.booking.guest_phone.as_str(), created_at: it.created_at.into() }
}

fn conversation_row(hotel: HotelId, guest: i64, stay: i64, it: &NewStay) -> ConversationRow {
    let booking = &it.booking;
    let searched = [booking.guest_name.as_str(), booking.room_number.as_str(), booking.guest_phone.as_str()];
    ConversationRow {
        hotel_id: hotel.0,
        guest_id: guest,
        stay_id: stay,
        status: it.status.as_str(),
        current_step: "",
        department_id: it.department.map(|it| it.0),
        context_data: Json("{}".into()),
        created_at: it.created_at.into(),
        updated_at: it.updated_at.into(),
        last_guest_message_at: it.last_guest_message_at.map(Ts::from),
        guest_messages: it.guest_messages,
        search_key: search::key(searched.into_iter()),
    }
}

/// A message of a conversation without others than such.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage {
    /// Its conversation.
    pub conversation: ConversationId,
    /// What was said.
    pub content: &'static str,
    /// The staff member who spoke, and it was sent; none: the guest.
    pub author: Option<StaffId>,
    /// When.
    pub at: DateTime<Utc>,
    /// How many messages of the conversation up to this one are the guest's.
    pub guest_ordinal: i64,
}

#[derive(Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
struct MessageRow {
    conversation_id: i64,
    content: &'static str,
    sender_type: &'static str,
    staff_sender: Option<i64>,
    timestamp: Ts,
    delivery: Option<&'static str>,
    internal: bool,
    guest_ordinal: i64,
}

/// Stores messages; those of a conversation in the order of their times.
///
/// # Errors
/// [`StoreError`].
pub fn insert_messages(tx: &mut Tx<'_>, new: &[NewMessage]) -> Result<(), StoreError> {
    for new in new.chunks(ROWS) {
        let rows: Vec<_> = new.iter().map(MessageRow::from).collect();
        on_db!(tx.changing(), |c| diesel::insert_into(messages::table).values(rows).execute(c))?;
    }
    Ok(())
}

impl From<&NewMessage> for MessageRow {
    fn from(it: &NewMessage) -> Self {
        let sender_type = if it.author.is_some() { SenderType::Staff } else { SenderType::Guest };
        Self {
            conversation_id: it.conversation.0,
            content: it.content,
            sender_type: sender_type.as_str(),
            staff_sender: it.author.map(|it| it.0),
            timestamp: it.at.into(),
            delivery: it.author.map(|_| Delivery::Sent.as_str()),
            internal: false,
            guest_ordinal: it.guest_ordinal,
        }
    }
}

/// Notes the newest message of a conversation whose messages are all stored.
///
/// # Errors
/// [`StoreError`].
pub fn note_last_message(tx: &mut Tx<'_>, id: ConversationId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        let last: Option<i64> =
            messages::table.filter(messages::conversation_id.eq(id.0)).select(max(messages::id)).first(c)?;
        diesel::update(conversations::table.find(id.0)).set(conversations::last_message_id.eq(last)).execute(c)
    })?;
    Ok(())
}
