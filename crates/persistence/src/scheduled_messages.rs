//! Scheduled messages: what staff have written for guests and is sent later. Every write holds the lock of the
//! conversation.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::{dsl::count_star, prelude::*, sql_types::Bool};
use domain::{
    ConversationId, GuestId, HotelId, IfGuestWrites, MessageId, MessageText, Person, Reach, ScheduledContent,
    ScheduledMessage, ScheduledMessageId, ScheduledState, ScheduledStatus, StaffId, StayId, TemplateId,
};

use crate::{
    StoreError, Tx,
    sql::{
        cached_statement::{Fixed, fixed, prepared},
        column_types::{Json, Ts},
        id_list::among,
        pagination::Slice,
        schema::{conversations, scheduled_messages, staff},
    },
    store::connection::{Conn, on_db},
};

/// The condition "the message waits for its time", written literally, so that the partial indexes are used.
pub(crate) const PENDING: Fixed = fixed("scheduled_messages.status = 'pending'");

#[derive(Queryable, Selectable)]
#[diesel(table_name = scheduled_messages)]
struct ScheduledRow {
    id: i64,
    hotel_id: i64,
    conversation_id: i64,
    guest_id: i64,
    author_id: i64,
    text: Option<String>,
    template_id: Option<i64>,
    variables: Option<Json>,
    reply_to: Option<i64>,
    hold: bool,
    send_at: Ts,
    if_guest_writes: String,
    status: String,
    review_reason: Option<String>,
    message_id: Option<i64>,
    answered_guest_messages: i64,
    created_at: Ts,
    approved_at: Ts,
}

/// A row with the stay of its conversation and the name of its author.
type ScheduledParts = (ScheduledRow, Option<i64>, String);

fn scheduled_message((row, stay, author_name): ScheduledParts) -> Result<ScheduledMessage, StoreError> {
    let content = content(&row)?;
    let status: ScheduledStatus = parse("scheduled status", &row.status)?;
    let state = match (status, row.review_reason, row.message_id) {
        (ScheduledStatus::Pending, None, None) => ScheduledState::Pending,
        (ScheduledStatus::NeedsReview, Some(reason), None) => {
            ScheduledState::NeedsReview(parse("review reason", &reason)?)
        }
        (ScheduledStatus::Sent, None, Some(message)) => ScheduledState::Sent(MessageId(message)),
        (ScheduledStatus::Cancelled, None, None) => ScheduledState::Cancelled,
        _ => return Err(StoreError::Corrupt("scheduled message")),
    };
    Ok(ScheduledMessage {
        id: ScheduledMessageId(row.id),
        hotel: HotelId(row.hotel_id),
        conversation: ConversationId(row.conversation_id),
        stay: stay.map(StayId),
        guest: GuestId(row.guest_id),
        author: Person { id: StaffId(row.author_id), name: author_name },
        content,
        send_at: row.send_at.0,
        if_guest_writes: parse("rule of a scheduled message", &row.if_guest_writes)?,
        state,
        answered_guest_messages: row.answered_guest_messages,
        created_at: row.created_at.0,
        approved_at: row.approved_at.0,
    })
}

fn content(row: &ScheduledRow) -> Result<ScheduledContent, StoreError> {
    let corrupt = || StoreError::Corrupt("scheduled content");
    match (&row.text, row.template_id, &row.variables) {
        (Some(text), None, None) => Ok(ScheduledContent::Text {
            text: MessageText::parse(text).map_err(|_| corrupt())?,
            reply_to: row.reply_to.map(MessageId),
            hold: row.hold,
        }),
        (None, Some(template), Some(Json(variables))) => Ok(ScheduledContent::Template {
            template: TemplateId(template),
            variables: serde_json::from_str(variables).map_err(|_| corrupt())?,
        }),
        _ => Err(corrupt()),
    }
}

fn parse<T: std::str::FromStr>(what: &'static str, name: &str) -> Result<T, StoreError> {
    name.parse().map_err(|_| StoreError::Corrupt(what))
}

/// The values of a message that is to be scheduled.
#[derive(Clone, Debug)]
pub struct NewScheduledMessage<'a> {
    pub hotel: HotelId,
    pub conversation: ConversationId,
    pub guest: GuestId,
    pub author: StaffId,
    pub content: &'a ScheduledContent,
    pub send_at: DateTime<Utc>,
    pub if_guest_writes: IfGuestWrites,
    pub at: DateTime<Utc>,
}

/// The text, the template and the values of the template's placeholders, as they are stored.
fn stored_content(content: &ScheduledContent) -> (Option<&str>, Option<i64>, Option<Json>) {
    match content {
        ScheduledContent::Text { text, .. } => (Some(text.as_str()), None, None),
        ScheduledContent::Template { template, variables } => (None, Some(template.0), Some(json(variables))),
    }
}

fn json(variables: &BTreeMap<String, String>) -> Json {
    Json(serde_json::json!(variables).to_string())
}

/// Stores a new scheduled message, which answers the messages of the guest so far.
pub fn insert(tx: &mut Tx<'_>, new: &NewScheduledMessage<'_>) -> Result<ScheduledMessage, StoreError> {
    let (text, template, variables) = stored_content(new.content);
    let guest_messages = conversations::table.find(new.conversation.0).select(conversations::guest_messages);
    let id: i64 = on_db!(tx.changing(), |c| diesel::insert_into(scheduled_messages::table)
        .values((
            scheduled_messages::hotel_id.eq(new.hotel.0),
            scheduled_messages::conversation_id.eq(new.conversation.0),
            scheduled_messages::guest_id.eq(new.guest.0),
            scheduled_messages::author_id.eq(new.author.0),
            scheduled_messages::text.eq(text),
            scheduled_messages::template_id.eq(template),
            scheduled_messages::variables.eq(variables),
            scheduled_messages::reply_to.eq(new.content.reply_to().map(|it| it.0)),
            scheduled_messages::hold.eq(new.content.hold()),
            scheduled_messages::send_at.eq(Ts::from(new.send_at)),
            scheduled_messages::if_guest_writes.eq(new.if_guest_writes.as_str()),
            scheduled_messages::status.eq(ScheduledStatus::Pending.as_str()),
            scheduled_messages::answered_guest_messages.eq(guest_messages.single_value().assume_not_null()),
            scheduled_messages::created_at.eq(Ts::from(new.at)),
            scheduled_messages::approved_at.eq(Ts::from(new.at)),
        ))
        .returning(scheduled_messages::id)
        .get_result(c))?;
    find(tx.conn(), ScheduledMessageId(id))?.ok_or(StoreError::Corrupt("scheduled message"))
}

/// Stores a changed scheduled message. Fails with a conflict if its status is not `before` any more: then the writer runs
/// the job again.
pub fn save(tx: &mut Tx<'_>, before: ScheduledStatus, message: &ScheduledMessage) -> Result<(), StoreError> {
    let (text, _, _) = stored_content(&message.content);
    let row = scheduled_messages::table.find(message.id.0).filter(scheduled_messages::status.eq(before.as_str()));
    let changed = on_db!(tx.changing(), |c| diesel::update(row)
        .set((
            scheduled_messages::guest_id.eq(message.guest.0),
            scheduled_messages::author_id.eq(message.author.id.0),
            scheduled_messages::text.eq(text),
            scheduled_messages::send_at.eq(Ts::from(message.send_at)),
            scheduled_messages::status.eq(message.state.status().as_str()),
            scheduled_messages::review_reason.eq(message.state.review_reason().map(|it| it.as_str())),
            scheduled_messages::message_id.eq(message.state.message().map(|it| it.0)),
            scheduled_messages::answered_guest_messages.eq(message.answered_guest_messages),
            scheduled_messages::approved_at.eq(Ts::from(message.approved_at)),
        ))
        .execute(c))?;
    match changed {
        1 => Ok(()),
        _ => Err(StoreError::Conflict(diesel::result::Error::RollbackTransaction)),
    }
}

/// All scheduled messages with the stay of the conversation and the name of the author, as a query.
macro_rules! with_author {
    () => {
        scheduled_messages::table
            .inner_join(conversations::table.on(conversations::id.eq(scheduled_messages::conversation_id)))
            .inner_join(staff::table.on(staff::id.eq(scheduled_messages::author_id)))
    };
}

/// The columns that `scheduled_message` needs.
macro_rules! parts {
    () => {
        (ScheduledRow::as_select(), conversations::stay_id, staff::name)
    };
}

/// Returns a scheduled message, without a check of visibility.
pub fn find(conn: &mut Conn, id: ScheduledMessageId) -> Result<Option<ScheduledMessage>, StoreError> {
    let found: Option<ScheduledParts> =
        on_db!(conn, |c| with_author!().filter(scheduled_messages::id.eq(id.0)).select(parts!()).first(c).optional())?;
    found.map(scheduled_message).transpose()
}

/// Returns scheduled messages by id; ids that do not exist are left out.
pub fn by_ids(
    conn: &mut Conn,
    ids: &[ScheduledMessageId],
) -> Result<HashMap<ScheduledMessageId, ScheduledMessage>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let rows: Vec<ScheduledParts> =
        on_db!(conn, |c| with_author!().filter(among(scheduled_messages::id, &keys)).select(parts!()).load(c))?;
    rows.into_iter().map(|row| scheduled_message(row).map(|it| (it.id, it))).collect()
}

/// The condition that a conversation is visible.
macro_rules! visible_to {
    ($reach:expr) => {{
        let mine: Vec<i64> = $reach.departments.iter().map(|it| it.0).collect();
        let in_reach = conversations::department_id.is_null().or(among(conversations::department_id, &mine));
        $reach.is_manager().into_sql::<Bool>().or(in_reach)
    }};
}

/// Conditions of a list of scheduled messages, combined with AND.
#[derive(Clone, Debug)]
pub struct ScheduledFilter {
    /// Selects those of one conversation.
    pub conversation: Option<ConversationId>,
    pub statuses: Vec<ScheduledStatus>,
}

/// Returns the number of scheduled messages in visible conversations that match a filter, and one slice of them, soonest
/// first.
pub fn list_visible(
    conn: &mut Conn,
    reach: &Reach,
    filter: &ScheduledFilter,
    slice: Slice,
) -> Result<(i64, Vec<ScheduledMessage>), StoreError> {
    let statuses: Vec<&str> = filter.statuses.iter().map(|it| it.as_str()).collect();
    macro_rules! matching {
        () => {{
            let query = with_author!()
                .filter(scheduled_messages::hotel_id.eq(reach.hotel.0))
                .filter(scheduled_messages::status.eq_any(&statuses))
                .filter(visible_to!(reach))
                .into_boxed();
            match filter.conversation {
                Some(id) => query.filter(scheduled_messages::conversation_id.eq(id.0)),
                None => query,
            }
        }};
    }
    let (count, rows): (i64, Vec<ScheduledParts>) = on_db!(conn, |c| (
        matching!().select(count_star()).get_result(c)?,
        matching!()
            .select(parts!())
            .order((scheduled_messages::send_at, scheduled_messages::id))
            .offset(slice.offset)
            .limit(slice.limit)
            .load(c)?
    ));
    Ok((count, rows.into_iter().map(scheduled_message).collect::<Result<_, _>>()?))
}

/// A pending scheduled message whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueScheduledMessage {
    pub id: ScheduledMessageId,
    pub hotel: HotelId,
    pub conversation: ConversationId,
    /// Whether it may be held, which needs the lock of the guest.
    pub hold: bool,
}

/// Returns pending messages of all hotels whose time has come, soonest first, at most `limit`.
pub fn list_due(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<Vec<DueScheduledMessage>, StoreError> {
    let rows: Vec<(i64, i64, i64, bool)> = on_db!(conn, |c| prepared(
        scheduled_messages::table
            .filter(PENDING)
            .filter(scheduled_messages::send_at.le(Ts::from(now)))
            .order((scheduled_messages::send_at, scheduled_messages::id))
            .select((
                scheduled_messages::id,
                scheduled_messages::hotel_id,
                scheduled_messages::conversation_id,
                scheduled_messages::hold,
            ))
            .limit(limit)
    )
    .load(c))?;
    let due = rows.into_iter().map(|(id, hotel, conversation, hold)| DueScheduledMessage {
        id: ScheduledMessageId(id),
        hotel: HotelId(hotel),
        conversation: ConversationId(conversation),
        hold,
    });
    Ok(due.collect())
}

/// Returns the pending messages to a guest, in any conversation, that need a review if the guest has written at this
/// time: before their own time.
pub fn list_to_review(
    conn: &mut Conn,
    guest: GuestId,
    wrote_at: DateTime<Utc>,
) -> Result<Vec<ScheduledMessage>, StoreError> {
    let rows: Vec<ScheduledParts> = on_db!(conn, |c| with_author!()
        .filter(scheduled_messages::guest_id.eq(guest.0).and(PENDING))
        .filter(scheduled_messages::if_guest_writes.eq(IfGuestWrites::Review.as_str()))
        .filter(scheduled_messages::send_at.gt(Ts::from(wrote_at)))
        .order(scheduled_messages::id)
        .select(parts!())
        .load(c))?;
    rows.into_iter().map(scheduled_message).collect()
}

/// Returns the conversations of a hotel with a scheduled message that needs a review.
pub fn conversations_to_review(conn: &mut Conn, hotel: HotelId) -> Result<HashSet<ConversationId>, StoreError> {
    let to_review = scheduled_messages::table
        .filter(scheduled_messages::hotel_id.eq(hotel.0))
        .filter(scheduled_messages::status.eq(ScheduledStatus::NeedsReview.as_str()))
        .select(scheduled_messages::conversation_id);
    let ids: Vec<i64> = on_db!(conn, |c| to_review.load(c))?;
    Ok(ids.into_iter().map(ConversationId).collect())
}
