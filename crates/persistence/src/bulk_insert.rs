//! Bulk inserts of generated data, for demos and load tests.

use chrono::{DateTime, Utc};
use diesel::{dsl::max, prelude::*};
use domain::{
    ConversationId, Delivery, DepartmentId, HotelId, MessageId, Name, PhoneNumber, SenderType, StaffId, Status, StayId,
};

use crate::{
    StoreError, Tx,
    message_words::{self, IndexedMessage},
    reports::backfill,
    sql::{
        column_types::{Json, Ts},
        schema::{conversations, guests, messages, stays},
        search_key,
    },
    stays::{Booking, NewStayRow},
    store::connection::on_db,
};

/// Rows per INSERT statement. PostgreSQL allows at most 65,535 bound values in a statement, SQLite 32,766.
const ROWS_PER_STATEMENT: usize = 1000;

/// A generated stay with a new guest, and its conversation in the state after all its messages.
#[derive(Clone, Debug)]
pub struct BulkStay {
    /// The booking, with a phone number of which the hotel has no guest yet.
    pub booking: Booking,
    pub status: Status,
    pub department: Option<DepartmentId>,
    /// Number of messages from the guest in the conversation.
    pub guest_messages: i64,
    pub last_guest_message_at: Option<DateTime<Utc>>,
    /// The time of the oldest guest message since the last staff message.
    pub waiting_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// The time of the last message in the conversation.
    pub updated_at: DateTime<Utc>,
}

#[derive(Insertable)]
#[diesel(table_name = conversations, treat_none_as_default_value = false)]
struct BulkConversationRow {
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
    waiting_since: Option<Ts>,
    guest_messages: i64,
    search_key: String,
}

/// Stores generated stays with their guests and conversations. Returns the ids in the same order.
pub fn insert_stays(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &[BulkStay],
) -> Result<Vec<(StayId, ConversationId)>, StoreError> {
    let mut inserted = Vec::with_capacity(new.len());
    for new in new.chunks(ROWS_PER_STATEMENT) {
        inserted.extend(insert_chunk(tx, hotel, new)?);
    }
    Ok(inserted)
}

fn insert_chunk(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &[BulkStay],
) -> Result<impl Iterator<Item = (StayId, ConversationId)> + use<>, StoreError> {
    let rows: Vec<_> = new.iter().map(|it| guest_row(hotel, it)).collect();
    let guest_ids: Vec<i64> = on_db!(tx.changing(), |c| diesel::insert_into(guests::table)
        .values(rows)
        .returning(guests::id)
        .get_results(c))?;
    let guest_ids = sorted_ids(guest_ids);
    let rows: Vec<_> = new
        .iter()
        .zip(&guest_ids)
        .map(|(it, guest)| {
            let row = NewStayRow::new(hotel, Some(domain::GuestId(*guest)), &it.booking);
            (row, stays::created_at.eq(Ts::from(it.created_at)))
        })
        .collect();
    let stay_ids: Vec<i64> =
        on_db!(tx.changing(), |c| diesel::insert_into(stays::table).values(rows).returning(stays::id).get_results(c))?;
    let stay_ids = sorted_ids(stay_ids);
    let rows: Vec<_> = new
        .iter()
        .zip(guest_ids.iter().zip(&stay_ids))
        .map(|(it, (guest, stay))| conversation_row(hotel, *guest, *stay, it))
        .collect();
    let ids: Vec<i64> = on_db!(tx.changing(), |c| diesel::insert_into(conversations::table)
        .values(rows)
        .returning(conversations::id)
        .get_results(c))?;
    Ok(stay_ids.into_iter().map(StayId).zip(sorted_ids(ids).into_iter().map(ConversationId)))
}

/// Sorts ids returned by an INSERT: ids are assigned in the order of the rows, but `RETURNING` may list them in another
/// order.
fn sorted_ids(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}

#[derive(Insertable)]
#[diesel(table_name = guests)]
struct BulkGuestRow<'a> {
    hotel_id: i64,
    phone: Option<&'a str>,
    created_at: Ts,
}

fn guest_row(hotel: HotelId, stay: &BulkStay) -> BulkGuestRow<'_> {
    BulkGuestRow {
        hotel_id: hotel.0,
        phone: stay.booking.guest_phone.as_ref().map(PhoneNumber::as_str),
        created_at: stay.created_at.into(),
    }
}

fn conversation_row(hotel: HotelId, guest: i64, stay_id: i64, new: &BulkStay) -> BulkConversationRow {
    let booking = &new.booking;
    let room = booking.room_number.as_ref().map(Name::as_str);
    let phone = booking.guest_phone.as_ref().map(PhoneNumber::as_str);
    let searched = [Some(booking.guest_name.as_str()), room, phone];
    BulkConversationRow {
        hotel_id: hotel.0,
        guest_id: guest,
        stay_id,
        status: new.status.as_str(),
        current_step: "",
        department_id: new.department.map(|it| it.0),
        context_data: Json("{}".into()),
        created_at: new.created_at.into(),
        updated_at: new.updated_at.into(),
        last_guest_message_at: new.last_guest_message_at.map(Ts::from),
        waiting_since: new.waiting_since.map(Ts::from),
        guest_messages: new.guest_messages,
        search_key: search_key::key(searched.into_iter().flatten()),
    }
}

/// A generated message. Its conversation must contain only generated messages.
#[derive(Clone, Copy, Debug)]
pub struct BulkMessage {
    pub conversation: ConversationId,
    pub content: &'static str,
    /// The staff member who wrote the message; `None` for a message from the guest.
    pub author: Option<StaffId>,
    pub at: DateTime<Utc>,
    /// Number of guest messages in the conversation up to and including this message.
    pub guest_ordinal: i64,
}

#[derive(Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
struct BulkMessageRow {
    conversation_id: i64,
    content: &'static str,
    sender_type: &'static str,
    staff_sender: Option<i64>,
    timestamp: Ts,
    delivery: Option<&'static str>,
    internal: bool,
    guest_ordinal: i64,
}

/// Stores generated messages of a hotel. The messages of one conversation must be ordered by time.
pub fn insert_messages(tx: &mut Tx<'_>, hotel: HotelId, new: &[BulkMessage]) -> Result<(), StoreError> {
    for new in new.chunks(ROWS_PER_STATEMENT) {
        let rows: Vec<_> = new.iter().map(BulkMessageRow::from).collect();
        let ids: Vec<i64> = on_db!(tx.changing(), |c| diesel::insert_into(messages::table)
            .values(rows)
            .returning(messages::id)
            .get_results(c))?;
        let ids = sorted_ids(ids);
        if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
            backfill::fill_range(tx, *first, last + 1)?;
        }
        let words: Vec<IndexedMessage<'_>> = ids
            .into_iter()
            .zip(new)
            .map(|(id, it)| IndexedMessage { id: MessageId(id), conversation: it.conversation, content: it.content })
            .collect();
        message_words::insert(tx, hotel, &words)?;
    }
    Ok(())
}

impl From<&BulkMessage> for BulkMessageRow {
    fn from(message: &BulkMessage) -> Self {
        let sender_type = if message.author.is_some() { SenderType::Staff } else { SenderType::Guest };
        Self {
            conversation_id: message.conversation.0,
            content: message.content,
            sender_type: sender_type.as_str(),
            staff_sender: message.author.map(|it| it.0),
            timestamp: message.at.into(),
            delivery: message.author.map(|_| Delivery::Sent.as_str()),
            internal: false,
            guest_ordinal: message.guest_ordinal,
        }
    }
}

/// Sets the last message of a conversation after all its messages are stored.
pub fn set_last_message(tx: &mut Tx<'_>, id: ConversationId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        let last: Option<i64> =
            messages::table.filter(messages::conversation_id.eq(id.0)).select(max(messages::id)).first(c)?;
        diesel::update(conversations::table.find(id.0)).set(conversations::last_message_id.eq(last)).execute(c)
    })?;
    Ok(())
}
