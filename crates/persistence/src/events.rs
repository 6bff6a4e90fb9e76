//! The hotels' logs of events.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Nullable, Text},
};
use domain::{
    ConversationChange, ConversationId, DepartmentId, Event, EventKind, HotelId, Message, MessageId, Seq, StaffId,
    StatusChange, StayId,
};

use crate::{
    StoreError,
    among::among,
    conn::{Conn, WriteConn, on_db},
    messages, outbox,
    prepared::prepared,
    schema::{epochs, events, hotel_counters},
    types::{Ts, UtcTs},
};

/// The epoch begun last, as a value in a query.
macro_rules! newest_epoch {
    () => {
        epochs::table.order(epochs::id.desc()).select(epochs::epoch).limit(1).single_value()
    };
}

/// An event that has no place yet.
pub(crate) struct Draft {
    pub(crate) hotel: HotelId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) kind: EventKind,
}

#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct Row {
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
}

/// What was put into the logs.
#[derive(Default)]
pub(crate) struct Logged {
    /// The events, each hotel's in order.
    pub(crate) events: Vec<Event>,
    /// See [`Committed`](crate::Committed).
    pub(crate) others: bool,
}

/// Where the events of a hotel ended up.
#[derive(QueryableByName)]
struct Placed {
    #[diesel(sql_type = BigInt)]
    last: i64,
    #[diesel(sql_type = Bool)]
    others: bool,
}

/// Gives the drafts their places, hotel by hotel in the order of ids, and stores them.
pub(crate) fn append(conn: &mut Conn, drafts: Vec<Draft>) -> Result<Logged, StoreError> {
    let mut logged = Logged::default();
    let mut of_hotels: BTreeMap<HotelId, Vec<Event>> = BTreeMap::new();
    for Draft { hotel, at, kind } in drafts {
        let events = of_hotels.entry(hotel).or_default();
        // The place within this group, until the log's is known.
        let seq = Seq(events.len() as i64 + 1);
        events.push(Event { hotel, seq, at: Ts::from(at).0, kind });
    }
    for (hotel, events) in &mut of_hotels {
        let rows: Vec<Row> = events.iter().map(Row::from).collect();
        let placed = match conn.writable() {
            Conn::Pg(conn) => insert_at_once(conn, *hotel, &rows)?,
            Conn::Sqlite(conn) => insert(conn, *hotel, rows)?,
        };
        let before = placed.last - events.len() as i64;
        events.iter_mut().for_each(|event| event.seq.0 += before);
        logged.others |= placed.others;
    }
    logged.events = of_hotels.into_values().flatten().collect();
    Ok(logged)
}

/// Stores rows that are numbered from 1.
fn insert(conn: &mut SqliteConnection, hotel: HotelId, rows: Vec<Row>) -> QueryResult<Placed> {
    let count = rows.len() as i64;
    let counter = diesel::update(hotel_counters::table.find(hotel.0));
    let last: i64 =
        prepared(counter.set(hotel_counters::seq.eq(hotel_counters::seq + count)).returning(hotel_counters::seq))
            .get_result(conn)?;
    for mut row in rows {
        row.seq += last - count;
        diesel::insert_into(events::table).values(row).execute(conn)?;
    }
    // A server that starts forgets the others there may be: here they are not known.
    Ok(Placed { last, others: true })
}

/// The same in one statement: on PostgreSQL each is a way to the server and back.
fn insert_at_once(conn: &mut PgConnection, hotel: HotelId, rows: &[Row]) -> QueryResult<Placed> {
    fn column<T>(rows: &[Row], of: impl Fn(&Row) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    let statement = sql_query(
        "WITH counter AS (\
           UPDATE hotel_counters SET seq = seq + $2 WHERE hotel_id = $1 RETURNING seq\
         ), stored AS (\
           INSERT INTO events (hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, \
             department_before, department_after, only_message, delivery, failure) \
           SELECT $1, counter.seq - $2 + new.place, new.at, new.kind, new.conversation, new.stay, new.message, \
             new.staff, new.before, new.after, new.only_message, new.delivery, new.failure \
           FROM counter, unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
             AS new (place, at, kind, conversation, stay, message, staff, before, after, only_message, delivery, failure)\
         ) SELECT seq AS last, EXISTS (SELECT FROM nodes OFFSET 1) AS others FROM counter",
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
    .bind::<Array<Nullable<Text>>, _>(column(rows, |it| it.failure.clone()));
    prepared(statement).get_result(conn)
}

impl From<&Event> for Row {
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
        };
        match &event.kind {
            EventKind::Message { stay, message } => {
                row.kind = "message";
                row.stay_id = stay.map(|it| it.0);
                row.message_id = Some(message.id.0);
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
        }
        row
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
struct Stored {
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
}

impl Stored {
    fn event(self, hotel: HotelId, messages: &mut HashMap<MessageId, Message>) -> Option<Event> {
        let conversation = self.conversation_id.map(ConversationId);
        let stay = self.stay_id.map(StayId);
        let kind = match self.kind.as_str() {
            "message" => EventKind::Message { stay, message: Box::new(messages.remove(&MessageId(self.message_id?))?) },
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
            _ => return None,
        };
        Some(Event { hotel, seq: Seq(self.seq), at: self.at.0, kind })
    }
}

/// A hotel's events after a place, in order, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn after(conn: &mut Conn, hotel: HotelId, after: Seq, limit: i64) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<Stored> = on_db!(conn, |c| events::table
        .filter(events::hotel_id.eq(hotel.0).and(events::seq.gt(after.0)))
        .order(events::seq)
        .limit(limit)
        .select(Stored::as_select())
        .load(c))?;
    let told = rows.iter().filter(|row| row.kind == "message");
    let ids = told.filter_map(|row| row.message_id).map(MessageId).collect::<Vec<_>>();
    let mut messages = messages::by_ids(conn, &ids)?;
    rows.into_iter().map(|row| row.event(hotel, &mut messages).ok_or(StoreError::Corrupt("event"))).collect()
}

/// Where a hotel's log stands: the name of its history, and the last place given in it.
///
/// # Errors
/// [`StoreError`].
pub fn cursor(conn: &mut Conn, hotel: HotelId) -> Result<(String, Seq), StoreError> {
    let (epoch, seq): (Option<String>, i64) =
        on_db!(conn, |c| hotel_counters::table.find(hotel.0).select((newest_epoch!(), hotel_counters::seq)).first(c))?;
    Ok((epoch.ok_or(StoreError::Corrupt("epoch"))?, Seq(seq)))
}

/// The last places given in these hotels' logs.
///
/// # Errors
/// [`StoreError`].
pub fn heads(conn: &mut Conn, hotels: &[HotelId]) -> Result<Vec<(HotelId, Seq)>, StoreError> {
    let ids: Vec<i64> = hotels.iter().map(|it| it.0).collect();
    let rows: Vec<(i64, i64)> = on_db!(conn, |c| hotel_counters::table
        .filter(among(hotel_counters::hotel_id, &ids))
        .select((hotel_counters::hotel_id, hotel_counters::seq))
        .load(c))?;
    Ok(rows.into_iter().map(|(hotel, seq)| (HotelId(hotel), Seq(seq))).collect())
}

/// The first place that is still in a hotel's log; `None` where it is empty.
///
/// # Errors
/// [`StoreError`].
pub fn first(conn: &mut Conn, hotel: HotelId) -> Result<Option<Seq>, StoreError> {
    let seq: Option<i64> = on_db!(conn, |c| events::table
        .filter(events::hotel_id.eq(hotel.0))
        .order(events::seq)
        .select(events::seq)
        .first(c)
        .optional())?;
    Ok(seq.map(Seq))
}

/// The name of this database's history.
///
/// # Errors
/// [`StoreError`], also where none was begun.
pub fn epoch(conn: &mut Conn) -> Result<String, StoreError> {
    let epoch: Option<String> = on_db!(conn, |c| diesel::select(newest_epoch!()).get_result(c))?;
    epoch.ok_or(StoreError::Corrupt("epoch"))
}

/// Begins the history of a database that has none.
///
/// # Errors
/// [`StoreError`].
pub fn begin_first_epoch(tx: &mut crate::Tx<'_>, epoch: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    let known: i64 = on_db!(tx.conn(), |c| epochs::table.count().get_result(c))?;
    if known == 0 { begin_epoch(tx, epoch, at) } else { Ok(()) }
}

/// Begins another history: every cursor of the one before is worthless.
///
/// # Errors
/// [`StoreError`].
pub fn begin_epoch(tx: &mut crate::Tx<'_>, epoch: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    insert_epoch(tx.changing(), epoch, at)
}

pub(crate) fn insert_epoch(mut conn: WriteConn<'_>, epoch: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    let row = (epochs::epoch.eq(epoch), epochs::began_at.eq(Ts::from(at)));
    on_db!(conn.reborrow(), |c| diesel::insert_into(epochs::table).values(row).execute(c))?;
    outbox::doubt_all(conn)
}
