//! The event log of each hotel. Sequence numbers have no gaps, because they come from a counter that is locked until
//! the commit. Each epoch begins a new history: see [`begin_epoch`].

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Nullable, Text},
};
use domain::{
    ConversationId, DepartmentId, Event, EventKind, HistoryEntryId, HotelId, Message, MessageId, ScheduledMessageId,
    Seq, StaffId, StayId,
    event::{ConversationChange, OverdueResponse, StatusChange},
};

use crate::{
    StoreError, audit_log, messages, outbox,
    sql::{
        cached_statement::prepared,
        column_types::{Ts, UtcTs},
        id_list::among,
        schema::{epochs, events, hotel_counters},
    },
    store::{
        connection::{Conn, WriteConn, on_db},
        transaction::NewEvent,
    },
};

/// The newest epoch, as an expression in a query.
macro_rules! newest_epoch {
    () => {
        epochs::table.order(epochs::id.desc()).select(epochs::epoch).limit(1).single_value()
    };
}
pub(crate) use newest_epoch;

#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct NewEventRow {
    hotel_id: i64,
    seq: i64,
    at: Ts,
    kind: &'static str,
    conversation_id: Option<i64>,
    stay_id: Option<i64>,
    message_id: Option<i64>,
    staff_id: Option<i64>,
    department_before: Option<i64>,
    department_after: Option<i64>,
    only_message: bool,
    delivery: Option<&'static str>,
    failure: Option<String>,
    what: Option<&'static str>,
    history_id: Option<i64>,
    scheduled_id: Option<i64>,
    waiting_since: Option<Ts>,
}

/// The events of one transaction, after they are stored.
#[derive(Default)]
pub(crate) struct LoggedEvents {
    /// The stored events with their sequence numbers, in `seq` order within each hotel.
    pub(crate) events: Vec<Event>,
    /// Whether other nodes may share the database, so that they need a signal.
    pub(crate) has_other_nodes: bool,
}

/// A hotel's event counter after an append: `last` is the newest sequence number.
#[derive(QueryableByName)]
struct AppendedRow {
    #[diesel(sql_type = BigInt)]
    last: i64,
    #[diesel(sql_type = Bool)]
    has_other_nodes: bool,
}

/// Assigns sequence numbers and stores events, hotel by hotel in the order of hotel ids, so that all transactions lock
/// the event counters in the same order.
pub(crate) fn append(conn: &mut Conn, new_events: Vec<NewEvent>) -> Result<LoggedEvents, StoreError> {
    let mut logged = LoggedEvents::default();
    let mut by_hotel: BTreeMap<HotelId, Vec<Event>> = BTreeMap::new();
    for NewEvent { hotel, at, kind } in new_events {
        let events = by_hotel.entry(hotel).or_default();
        // A number from 1 within this call; becomes a sequence number when the event counter is read.
        let seq = Seq(events.len() as i64 + 1);
        events.push(Event { hotel, seq, at: Ts::from(at).0, kind });
    }
    for (hotel, events) in &mut by_hotel {
        let rows: Vec<NewEventRow> = events.iter().map(NewEventRow::from).collect();
        let appended = match conn.writable() {
            Conn::Pg(conn) => insert_at_once(conn, *hotel, &rows)?,
            Conn::Sqlite(conn) => insert(conn, *hotel, rows)?,
        };
        let before = appended.last - events.len() as i64;
        events.iter_mut().for_each(|event| event.seq.0 += before);
        logged.has_other_nodes |= appended.has_other_nodes;
    }
    logged.events = by_hotel.into_values().flatten().collect();
    Ok(logged)
}

/// Stores events whose `seq` counts from 1 within this call, and advances the event counter.
fn insert(conn: &mut SqliteConnection, hotel: HotelId, rows: Vec<NewEventRow>) -> QueryResult<AppendedRow> {
    let count = rows.len() as i64;
    let counter = diesel::update(hotel_counters::table.find(hotel.0));
    let last: i64 =
        prepared(counter.set(hotel_counters::seq.eq(hotel_counters::seq + count)).returning(hotel_counters::seq))
            .get_result(conn)?;
    for mut row in rows {
        row.seq += last - count;
        diesel::insert_into(events::table).values(row).execute(conn)?;
    }
    // Whether other processes use the same SQLite file is unknown.
    Ok(AppendedRow { last, has_other_nodes: true })
}

/// Stores events as `insert` does, but in one statement, which saves round trips to PostgreSQL.
fn insert_at_once(conn: &mut PgConnection, hotel: HotelId, rows: &[NewEventRow]) -> QueryResult<AppendedRow> {
    fn column<T>(rows: &[NewEventRow], value: impl Fn(&NewEventRow) -> T) -> Vec<T> {
        rows.iter().map(value).collect()
    }
    let statement = sql_query(
        "WITH counter AS (\
           UPDATE hotel_counters SET seq = seq + $2 WHERE hotel_id = $1 RETURNING seq\
         ), stored AS (\
           INSERT INTO events (hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, \
             department_before, department_after, only_message, delivery, failure, what, history_id, \
             scheduled_id, waiting_since) \
           SELECT $1, counter.seq - $2 + new.position, new.at, new.kind, new.conversation, new.stay, new.message, \
             new.staff, new.before, new.after, new.only_message, new.delivery, new.failure, new.what, new.history, \
             new.scheduled, new.waiting_since \
           FROM counter, unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
             AS new (position, at, kind, conversation, stay, message, staff, before, after, only_message, delivery, \
               failure, what, history, scheduled, waiting_since)\
         ) SELECT seq AS last, EXISTS (SELECT FROM nodes OFFSET 1) AS has_other_nodes FROM counter",
    )
    .bind::<BigInt, _>(hotel.0)
    .bind::<BigInt, _>(rows.len() as i64)
    .bind::<Array<BigInt>, _>(column(rows, |it| it.seq))
    .bind::<Array<UtcTs>, _>(column(rows, |it| it.at))
    .bind::<Array<Text>, _>(column(rows, |it| it.kind))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| it.conversation_id))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| it.stay_id))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| it.message_id))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| it.staff_id))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| it.department_before))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| it.department_after))
    .bind::<Array<Bool>, _>(column(rows, |it| it.only_message))
    .bind::<Array<Nullable<Text>>, _>(column(rows, |it| it.delivery))
    .bind::<Array<Nullable<Text>>, _>(column(rows, |it| it.failure.clone()))
    .bind::<Array<Nullable<Text>>, _>(column(rows, |it| it.what))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| it.history_id))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |it| it.scheduled_id))
    .bind::<Array<Nullable<UtcTs>>, _>(column(rows, |it| it.waiting_since));
    prepared(statement).get_result(conn)
}

impl From<&Event> for NewEventRow {
    fn from(event: &Event) -> Self {
        let mut row = Self {
            hotel_id: event.hotel.0,
            seq: event.seq.0,
            at: event.at.into(),
            kind: "",
            conversation_id: event.kind.conversation().map(|it| it.0),
            stay_id: None,
            message_id: None,
            staff_id: None,
            department_before: None,
            department_after: None,
            only_message: false,
            delivery: None,
            failure: None,
            what: None,
            history_id: None,
            scheduled_id: None,
            waiting_since: None,
        };
        match &event.kind {
            EventKind::Message(message) => {
                row.kind = "message";
                row.stay_id = message.stay.map(|it| it.0);
                row.message_id = Some(message.id.0);
            }
            EventKind::MessageUpdated(message) => {
                row.kind = "message_updated";
                row.stay_id = message.stay.map(|it| it.0);
                row.message_id = Some(message.id.0);
            }
            EventKind::MessageRemoved { stay, message, .. } => {
                row.kind = "message_removed";
                row.stay_id = stay.map(|it| it.0);
                row.message_id = Some(message.0);
            }
            EventKind::MessageStatus(change) => {
                row.kind = "message_status";
                row.stay_id = change.stay.map(|it| it.0);
                row.message_id = Some(change.message.0);
                row.delivery = Some(change.delivery.as_str());
                row.failure.clone_from(&change.failure);
            }
            EventKind::NewConversation { stay, department, .. } => {
                row.kind = "new_conversation";
                row.stay_id = stay.map(|it| it.0);
                row.department_after = department.map(|it| it.0);
            }
            EventKind::ConversationUpdated(change) => {
                row.kind = "conversation_updated";
                row.stay_id = change.stay.map(|it| it.0);
                row.department_before = change.before.map(|it| it.0);
                row.department_after = change.after.map(|it| it.0);
                row.only_message = change.only_message;
            }
            EventKind::ConversationRemoved { stay, staff, .. } => {
                row.kind = "conversation_removed";
                row.stay_id = stay.map(|it| it.0);
                row.staff_id = Some(staff.0);
            }
            EventKind::StaffChanged { staff } => {
                row.kind = "staff_changed";
                row.staff_id = Some(staff.0);
            }
            EventKind::DirectoryUpdated { what, staff } => {
                row.kind = "directory_updated";
                row.what = Some(what.as_str());
                row.staff_id = staff.map(|it| it.0);
            }
            EventKind::StayUpdated { stay } => {
                row.kind = "stay_updated";
                row.stay_id = Some(stay.0);
            }
            EventKind::ResponseOverdue(overdue) => {
                row.kind = "response_overdue";
                row.stay_id = overdue.stay.map(|it| it.0);
                row.department_after = Some(overdue.department.0);
                row.waiting_since = Some(overdue.waiting_since.into());
            }
            EventKind::HistoryAdded { stay, entry, .. } => {
                row.kind = "history_added";
                row.stay_id = stay.map(|it| it.0);
                row.history_id = Some(entry.0);
            }
            EventKind::ScheduledUpdated { stay, scheduled, .. } => {
                row.kind = "scheduled_updated";
                row.stay_id = stay.map(|it| it.0);
                row.scheduled_id = Some(scheduled.0);
            }
        }
        row
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
struct EventRow {
    seq: i64,
    at: Ts,
    kind: String,
    conversation_id: Option<i64>,
    stay_id: Option<i64>,
    message_id: Option<i64>,
    staff_id: Option<i64>,
    department_before: Option<i64>,
    department_after: Option<i64>,
    only_message: bool,
    delivery: Option<String>,
    failure: Option<String>,
    what: Option<String>,
    history_id: Option<i64>,
    scheduled_id: Option<i64>,
    waiting_since: Option<Ts>,
}

impl EventRow {
    /// Whether the event shows its message, as the message is when the log is read.
    fn shows_message(&self) -> bool {
        matches!(self.kind.as_str(), "message" | "message_updated")
    }

    fn message(&self, messages: &HashMap<MessageId, Message>) -> Option<Box<Message>> {
        let message = messages.get(&MessageId(self.message_id?))?.clone();
        // The stay is the one that the conversation had at the time of the event, as in the live event.
        Some(Box::new(Message { stay: self.stay_id.map(StayId), ..message }))
    }

    fn event(self, hotel: HotelId, messages: &HashMap<MessageId, Message>) -> Option<Event> {
        let conversation = self.conversation_id.map(ConversationId);
        let stay = self.stay_id.map(StayId);
        let kind = match self.kind.as_str() {
            "message" => EventKind::Message(self.message(messages)?),
            "message_updated" => EventKind::MessageUpdated(self.message(messages)?),
            "message_removed" => {
                EventKind::MessageRemoved { conversation: conversation?, stay, message: MessageId(self.message_id?) }
            }
            "message_status" => EventKind::MessageStatus(StatusChange {
                conversation: conversation?,
                stay,
                message: MessageId(self.message_id?),
                delivery: self.delivery?.parse().ok()?,
                failure: self.failure,
            }),
            "new_conversation" => EventKind::NewConversation {
                conversation: conversation?,
                stay,
                department: self.department_after.map(DepartmentId),
            },
            "conversation_updated" => EventKind::ConversationUpdated(ConversationChange {
                conversation: conversation?,
                stay,
                before: self.department_before.map(DepartmentId),
                after: self.department_after.map(DepartmentId),
                only_message: self.only_message,
            }),
            "conversation_removed" => {
                EventKind::ConversationRemoved { conversation: conversation?, stay, staff: StaffId(self.staff_id?) }
            }
            "staff_changed" => EventKind::StaffChanged { staff: StaffId(self.staff_id?) },
            "directory_updated" => {
                EventKind::DirectoryUpdated { what: self.what?.parse().ok()?, staff: self.staff_id.map(StaffId) }
            }
            "stay_updated" => EventKind::StayUpdated { stay: stay? },
            "response_overdue" => EventKind::ResponseOverdue(OverdueResponse {
                conversation: conversation?,
                stay,
                department: DepartmentId(self.department_after?),
                waiting_since: self.waiting_since?.0,
            }),
            "history_added" => {
                EventKind::HistoryAdded { conversation: conversation?, stay, entry: HistoryEntryId(self.history_id?) }
            }
            "scheduled_updated" => EventKind::ScheduledUpdated {
                conversation: conversation?,
                stay,
                scheduled: ScheduledMessageId(self.scheduled_id?),
            },
            _ => return None,
        };
        Some(Event { hotel, seq: Seq(self.seq), at: self.at.0, kind })
    }
}

/// Returns the hotel's events after a sequence number, in order, at most `limit`.
pub fn list_after(conn: &mut Conn, hotel: HotelId, after: Seq, limit: i64) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<EventRow> = on_db!(conn, |c| events::table
        .filter(events::hotel_id.eq(hotel.0).and(events::seq.gt(after.0)))
        .order(events::seq)
        .limit(limit)
        .select(EventRow::as_select())
        .load(c))?;
    let message_events = rows.iter().filter(|row| row.shows_message());
    let ids = message_events.filter_map(|row| row.message_id).map(MessageId).collect::<Vec<_>>();
    let messages = messages::by_ids(conn, &ids)?;
    rows.into_iter().map(|row| row.event(hotel, &messages).ok_or(StoreError::Corrupt("event"))).collect()
}

/// The head of a hotel's event log in the current epoch: where a client that has loaded everything continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCursor {
    pub epoch: String,
    pub seq: Seq,
}

/// Returns the head of a hotel's log. Fails if the database has no epoch.
pub fn cursor(conn: &mut Conn, hotel: HotelId) -> Result<LogCursor, StoreError> {
    let (epoch, seq): (Option<String>, i64) =
        on_db!(conn, |c| hotel_counters::table.find(hotel.0).select((newest_epoch!(), hotel_counters::seq)).first(c))?;
    Ok(LogCursor { epoch: epoch.ok_or(StoreError::Corrupt("epoch"))?, seq: Seq(seq) })
}

/// Returns the heads of the event logs of these hotels.
pub fn heads(conn: &mut Conn, hotels: &[HotelId]) -> Result<Vec<(HotelId, Seq)>, StoreError> {
    let ids: Vec<i64> = hotels.iter().map(|it| it.0).collect();
    let rows: Vec<(i64, i64)> = on_db!(conn, |c| hotel_counters::table
        .filter(among(hotel_counters::hotel_id, &ids))
        .select((hotel_counters::hotel_id, hotel_counters::seq))
        .load(c))?;
    Ok(rows.into_iter().map(|(hotel, seq)| (HotelId(hotel), Seq(seq))).collect())
}

/// Returns the oldest sequence number that is still in the hotel's log, or `None` if the log is empty.
pub fn first_seq(conn: &mut Conn, hotel: HotelId) -> Result<Option<Seq>, StoreError> {
    let seq: Option<i64> = on_db!(conn, |c| events::table
        .filter(events::hotel_id.eq(hotel.0))
        .order(events::seq)
        .select(events::seq)
        .first(c)
        .optional())?;
    Ok(seq.map(Seq))
}

/// Returns the name of the current epoch. Fails if the database has none.
pub fn current_epoch(conn: &mut Conn) -> Result<String, StoreError> {
    let epoch: Option<String> = on_db!(conn, |c| diesel::select(newest_epoch!()).get_result(c))?;
    epoch.ok_or(StoreError::Corrupt("epoch"))
}

/// Returns the time when the current epoch began. Fails if the database has none.
pub fn epoch_began_at(conn: &mut Conn) -> Result<DateTime<Utc>, StoreError> {
    let newest = epochs::table.order(epochs::id.desc()).select(epochs::began_at);
    let at: Option<Ts> = on_db!(conn, |c| newest.first(c).optional())?;
    at.map(|it| it.0).ok_or(StoreError::Corrupt("epoch"))
}

/// Begins the first epoch, unless the database has one.
pub fn begin_first_epoch(tx: &mut crate::Tx<'_>, epoch: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    let epoch_count: i64 = on_db!(tx.conn(), |c| epochs::table.count().get_result(c))?;
    if epoch_count == 0 { begin_epoch(tx, epoch, at) } else { Ok(()) }
}

/// Begins a new epoch. All cursors of the former epoch become invalid, and unfinished outbox rows are settled as
/// unknown.
pub fn begin_epoch(tx: &mut crate::Tx<'_>, epoch: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    insert_epoch(tx.changing(), epoch, at)
}

pub(crate) fn insert_epoch(mut conn: WriteConn<'_>, epoch: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    let row = (epochs::epoch.eq(epoch), epochs::began_at.eq(Ts::from(at)));
    on_db!(conn.reborrow(), |c| diesel::insert_into(epochs::table).values(row).execute(c))?;
    audit_log::insert_for_all_hotels(conn.reborrow(), "epoch_begun", at)?;
    outbox::finish_all_as_unknown(conn)
}
