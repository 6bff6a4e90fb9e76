//! Conversations: lookup, locking and changes. Lists and views are in the submodules.

mod inbox;
mod list;
mod row;
mod view;

pub use self::{
    inbox::{HotelInbox, hotel_inbox, inbox},
    list::{ConversationFilter, ConversationOrder, list},
    row::{ResponseClock, save, touch},
    view::views,
};

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{prelude::*, sql_types::Bool};
use domain::{
    Conversation, ConversationId, ConversationRef, DepartmentId, GuestId, Hotel, HotelId, Reach, Role, Staff, StaffId,
    Status, StayId, guest::GuestConversation,
};

pub(crate) use self::row::{ClockColumns, ConversationRow, response_clock};
use crate::{
    StoreError, Tx,
    hotels::{HotelParts, hotel as hotels_row, whole_hotel},
    sql::{
        cached_statement::{Fixed, fixed, prepared},
        column_types::{Json, Ts},
        id_list::among,
        schema::{conversations, departments, guests, hotels, message_templates, messages, stays},
        search_key,
    },
    store::connection::{Conn, on_db},
};

/// Returns the conversation if it is visible to the caller.
pub fn find_visible(
    conn: &mut Conn,
    reach: &Reach,
    which: ConversationRef,
) -> Result<Option<Conversation>, StoreError> {
    Ok(find(conn, which)?.filter(|it| reach.covers(it.hotel(), it.department())))
}

/// Loads many conversations, without a check of visibility, in at most two statements.
pub fn find_many<'a>(
    conn: &mut Conn,
    references: impl IntoIterator<Item = &'a ConversationRef>,
) -> Result<ConversationLookup, StoreError> {
    let (mut ids, mut stays) = (Vec::new(), Vec::new());
    for reference in references {
        match reference {
            ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => ids.push(id.0),
            ConversationRef::Stay(id) => stays.push(id.0),
        }
    }
    let mut rows: Vec<ConversationRow> = Vec::new();
    for (by_stay, mut ids) in [(false, ids), (true, stays)] {
        if ids.is_empty() {
            continue;
        }
        ids.sort_unstable();
        ids.dedup();
        rows.extend(on_db!(conn, |c| {
            let all = conversations::table.select(ConversationRow::as_select());
            if by_stay {
                all.filter(among(conversations::stay_id, &ids)).load::<ConversationRow>(c)
            } else {
                all.filter(among(conversations::id, &ids)).load::<ConversationRow>(c)
            }
        })?);
    }
    let found = rows.into_iter().map(Conversation::try_from).collect::<Result<Vec<_>, _>>()?;
    let by_stay = found.iter().filter_map(|it| Some((it.stay()?, it.id()))).collect();
    Ok(ConversationLookup { by_id: found.into_iter().map(|it| (it.id(), it)).collect(), by_stay })
}

/// Conversations that were loaded together. Visibility is checked at each access.
pub struct ConversationLookup {
    by_id: HashMap<ConversationId, Conversation>,
    by_stay: HashMap<StayId, ConversationId>,
}

impl ConversationLookup {
    /// Returns the conversation if it was loaded and is visible to the caller.
    pub fn visible(&self, reach: &Reach, which: ConversationRef) -> Option<&Conversation> {
        let id = match which {
            ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => id,
            ConversationRef::Stay(stay) => *self.by_stay.get(&stay)?,
        };
        self.by_id.get(&id).filter(|it| reach.covers(it.hotel(), it.department()))
    }
}

/// Returns the conversation, without a check of visibility.
pub fn find(conn: &mut Conn, which: ConversationRef) -> Result<Option<Conversation>, StoreError> {
    let row: Option<ConversationRow> = on_db!(conn, |c| {
        let query = conversations::table.select(ConversationRow::as_select());
        match which {
            ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => {
                query.filter(conversations::id.eq(id.0)).first(c)
            }
            ConversationRef::Stay(id) => query.filter(conversations::stay_id.eq(id.0)).first(c),
        }
        .optional()
    })?;
    row.map(Conversation::try_from).transpose()
}

/// A conversation with what decides about a message to its guest.
#[derive(Debug)]
pub struct ConversationInHotel {
    pub conversation: Conversation,
    pub hotel: Hotel,
    /// The time at which the guest last wrote to the hotel's current WhatsApp number, in any conversation.
    pub last_guest_message_at: Option<DateTime<Utc>>,
}

/// Returns the conversation with its hotel if it is visible to the caller.
pub fn find_visible_with_hotel(
    conn: &mut Conn,
    reach: &Reach,
    which: ConversationRef,
) -> Result<Option<ConversationInHotel>, StoreError> {
    let found = find_with_hotel(conn, which)?;
    Ok(found.filter(|it| reach.covers(it.conversation.hotel(), it.conversation.department())))
}

/// Returns the conversation with its hotel, without a check of visibility.
pub fn find_with_hotel(conn: &mut Conn, which: ConversationRef) -> Result<Option<ConversationInHotel>, StoreError> {
    type Found = (ConversationRow, (Option<String>, Option<Ts>), HotelParts);
    let found: Option<Found> = on_db!(conn, |c| {
        let query = conversations::table
            .inner_join(hotels::table.on(hotels::id.eq(conversations::hotel_id)))
            .inner_join(guests::table.on(guests::id.eq(conversations::guest_id)))
            .select((
                ConversationRow::as_select(),
                (guests::window_phone_number_id, guests::last_wrote_at),
                whole_hotel!(),
            ));
        match which {
            ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => {
                query.filter(conversations::id.eq(id.0)).first(c)
            }
            ConversationRef::Stay(id) => query.filter(conversations::stay_id.eq(id.0)).first(c),
        }
        .optional()
    })?;
    let Some((row, (number, wrote_at), of_hotel)) = found else { return Ok(None) };
    let (conversation, hotel) = (Conversation::try_from(row)?, hotels_row(of_hotel));
    let is_of_number = number.is_some() && number == hotel.whatsapp_phone_number_id;
    let last_guest_message_at = wrote_at.filter(|_| is_of_number).map(|it| it.0);
    Ok(Some(ConversationInHotel { conversation, hotel, last_guest_message_at }))
}

/// Returns the conversation without a stay of this guest, if there is one.
pub fn find_without_stay(conn: &mut Conn, guest: GuestId) -> Result<Option<Conversation>, StoreError> {
    let row: Option<ConversationRow> = on_db!(conn, |c| conversations::table
        .filter(conversations::guest_id.eq(guest.0).and(conversations::stay_id.is_null()))
        .select(ConversationRow::as_select())
        .first(c)
        .optional())?;
    row.map(Conversation::try_from).transpose()
}

pub fn ids_of_guest(conn: &mut Conn, guest: GuestId) -> Result<Vec<ConversationId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| conversations::table
        .filter(conversations::guest_id.eq(guest.0))
        .select(conversations::id)
        .load(c))?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// Returns the newest conversations of a guest that are visible to the caller, last created first.
pub fn visible_of_guest(
    conn: &mut Conn,
    reach: &Reach,
    guest: GuestId,
    limit: i64,
) -> Result<Vec<GuestConversation>, StoreError> {
    let mine: Vec<i64> = reach.departments.iter().map(|it| it.0).collect();
    let sees_all = reach.is_manager().into_sql::<Bool>();
    let is_visible = conversations::department_id.is_null().or(among(conversations::department_id, &mine));
    let rows: Vec<(i64, String, Option<i64>, Option<Ts>)> = on_db!(conn, |c| conversations::table
        .left_join(messages::table.on(messages::id.nullable().eq(conversations::last_message_id)))
        .filter(conversations::hotel_id.eq(reach.hotel.0).and(conversations::guest_id.eq(guest.0)))
        .filter(sees_all.or(is_visible))
        .order(conversations::id.desc())
        .select((conversations::id, conversations::status, conversations::stay_id, messages::timestamp.nullable()))
        .limit(limit)
        .load(c))?;
    let conversation = |(id, status, stay, at): (i64, String, Option<i64>, Option<Ts>)| {
        Ok(GuestConversation {
            id: ConversationId(id),
            status: status.parse().map_err(|_| StoreError::Corrupt("status"))?,
            stay: stay.map(StayId),
            last_message_at: at.map(|it| it.0),
        })
    };
    rows.into_iter().map(conversation).collect()
}

pub fn last_guest_message_at(conn: &mut Conn, id: ConversationId) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at: Option<Ts> =
        on_db!(conn, |c| conversations::table.find(id.0).select(conversations::last_guest_message_at).first(c))?;
    Ok(at.map(|it| it.0))
}

/// Returns the number of guest messages in a conversation.
pub fn count_guest_messages(conn: &mut Conn, id: ConversationId) -> Result<i64, StoreError> {
    Ok(on_db!(conn, |c| conversations::table.find(id.0).select(conversations::guest_messages).first(c))?)
}

pub fn insert(
    tx: &mut Tx<'_>,
    (hotel, guest, stay): (HotelId, GuestId, Option<StayId>),
    status: Status,
    at: DateTime<Utc>,
) -> Result<Conversation, StoreError> {
    let at = Ts::from(at);
    let row: ConversationRow = on_db!(tx.changing(), |c| diesel::insert_into(conversations::table)
        .values((
            conversations::hotel_id.eq(hotel.0),
            conversations::guest_id.eq(guest.0),
            conversations::stay_id.eq(stay.map(|it| it.0)),
            conversations::status.eq(status.as_str()),
            conversations::context_data.eq(Json("{}".into())),
            conversations::created_at.eq(at),
            conversations::updated_at.eq(at),
            conversations::search_key.eq(""),
        ))
        .returning(ConversationRow::as_returning())
        .get_result(c))?;
    update_search_key(tx, ConversationId(row.id))?;
    row.try_into()
}

/// The condition "the conversation is open", written literally, so that the partial index of open conversations is
/// used.
const OPEN: Fixed = fixed("conversations.status <> 'closed'");

/// Returns the ids of open conversations that are assigned to a staff member, in ascending order.
pub fn open_ids_assigned_to(conn: &mut Conn, staff: StaffId, limit: i64) -> Result<Vec<ConversationId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| conversations::table
        .filter(conversations::assigned_to.eq(staff.0).and(OPEN))
        .order(conversations::id)
        .select(conversations::id)
        .limit(limit)
        .load(c))?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// A query for the open conversations that are assigned to a staff member who can no longer see them, ordered by id.
macro_rules! assigned_out_of_reach {
    ($member:expr, $limit:expr) => {{
        let ids: Vec<i64> = $member.departments.iter().map(|it| it.0).collect();
        let elsewhere = conversations::department_id.is_not_null().and(conversations::department_id.ne_all(ids));
        let all = (!$member.active).into_sql::<Bool>();
        conversations::table
            .filter(conversations::assigned_to.eq($member.id.0).and(OPEN))
            .filter(all.or(elsewhere))
            .order(conversations::id)
            .limit($limit)
    }};
}

fn sees_everything(member: &Staff) -> bool {
    member.active && member.role == Role::Manager
}

/// Returns the ids of open conversations that are assigned to a staff member who can no longer see them, in ascending
/// order.
pub fn ids_assigned_out_of_reach(
    conn: &mut Conn,
    member: &Staff,
    limit: i64,
) -> Result<Vec<ConversationId>, StoreError> {
    if sees_everything(member) {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = on_db!(conn, |c| assigned_out_of_reach!(member, limit).select(conversations::id).load(c))?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// Locks and returns the conversations of [`ids_assigned_out_of_reach`]. Those that another transaction has locked are
/// left out, unless the job named them in its `Locks`: the staff member is locked already, so to wait for a conversation
/// would break the lock order.
pub fn lock_assigned_out_of_reach(
    tx: &mut Tx<'_>,
    member: &Staff,
    limit: i64,
) -> Result<Vec<Conversation>, StoreError> {
    if sees_everything(member) {
        return Ok(Vec::new());
    }
    let theirs = assigned_out_of_reach!(member, limit);
    let rows: Vec<ConversationRow> = match tx.conn() {
        Conn::Pg(c) => theirs.select(ConversationRow::as_select()).for_no_key_update().skip_locked().load(c)?,
        Conn::Sqlite(c) => theirs.select(ConversationRow::as_select()).load(c)?,
    };
    rows.into_iter().map(Conversation::try_from).collect()
}

/// Returns the ids of open conversations that are routed to a department, in ascending order.
pub fn open_ids_of_department(conn: &mut Conn, id: DepartmentId) -> Result<Vec<ConversationId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| conversations::table
        .filter(conversations::department_id.eq(id.0).and(conversations::status.eq(Status::Relay.as_str())))
        .order(conversations::id)
        .select(conversations::id)
        .load(c))?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// Locks and returns the open conversations that are routed to a department, ordered by id. Those that the job did not
/// name in its `Locks` are locked after the department, against the lock order; a deadlock is a conflict, after which the
/// writer runs the job again.
pub fn lock_open_of_department(tx: &mut Tx<'_>, id: DepartmentId) -> Result<Vec<Conversation>, StoreError> {
    let open = conversations::table
        .filter(conversations::department_id.eq(id.0).and(conversations::status.eq(Status::Relay.as_str())))
        .order(conversations::id);
    let rows: Vec<ConversationRow> = match tx.conn() {
        Conn::Pg(c) => open.select(ConversationRow::as_select()).for_no_key_update().load(c)?,
        Conn::Sqlite(c) => open.select(ConversationRow::as_select()).load(c)?,
    };
    rows.into_iter().map(Conversation::try_from).collect()
}

/// Returns the ids of conversations in status `checkin` whose stay has begun by today, in ascending order.
pub fn ids_with_begun_stay(
    conn: &mut Conn,
    hotel: HotelId,
    today: NaiveDate,
    limit: i64,
) -> Result<Vec<ConversationId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| conversations::table
        .inner_join(stays::table)
        .filter(conversations::hotel_id.eq(hotel.0).and(conversations::status.eq(Status::Checkin.as_str())))
        .filter(stays::check_in.le(today))
        .order(conversations::id)
        .select(conversations::id)
        .limit(limit)
        .load(c))?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// The condition "the conversation is snoozed", written literally, so that the partial index is used.
const SNOOZED: Fixed = fixed("conversations.snoozed_until IS NOT NULL");

/// Returns the conversations of all hotels whose snooze ends at `now` or before, the oldest end first.
pub fn ids_with_due_snooze(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(HotelId, ConversationId)>, StoreError> {
    let due: Vec<(i64, i64)> = on_db!(conn, |c| prepared(
        conversations::table
            .filter(SNOOZED.and(conversations::snoozed_until.le(Ts::from(now))))
            .order(conversations::snoozed_until)
            .select((conversations::hotel_id, conversations::id))
            .limit(limit)
    )
    .load(c))?;
    Ok(due.into_iter().map(|(hotel, id)| (HotelId(hotel), ConversationId(id))).collect())
}

/// Recomputes the search key of a conversation. Call it after a change of the guest's name or of the stay.
pub fn update_search_key(tx: &mut Tx<'_>, id: ConversationId) -> Result<(), StoreError> {
    let Some(view) = views(tx.conn(), None, &[id])?.pop() else { return Ok(()) };
    let parts = [Some(view.guest_name.as_str()), view.room_number.as_deref(), view.guest_phone.as_deref()];
    let key = search_key::key(parts.into_iter().flatten());
    on_db!(tx.changing(), |c| diesel::update(conversations::table.find(id.0))
        .set(conversations::search_key.eq(key))
        .execute(c))?;
    Ok(())
}
