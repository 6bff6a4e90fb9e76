//! Conversations: as they stand, and as they are shown.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{dsl::count_star, prelude::*, sql_types::Bool};
use domain::{
    Conversation, ConversationId, ConversationView, DepartmentId, GuestId, Hotel, HotelId, LastMessage, Person,
    PhoneNumber, Reach, Role, Staff, StaffId, Status, StayId,
};

use crate::{
    StoreError, Tx,
    among::among,
    conn::{Conn, on_db},
    guests::display_name as guests_name,
    hotels::{Whole as HotelRow, hotel as hotels_row, whole_hotel},
    prepared::{Fixed, fixed, prepared},
    schema::{conversations, departments, guests, hotels, message_templates, messages, read_marks, staff, stays},
    search,
    types::{Json, Ts},
};

/// Which conversation is meant: clients name either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// By its own id.
    Conversation(ConversationId),
    /// By its stay's.
    Stay(StayId),
    /// By its own, and its stay is said as well: see [`Which::is_of`].
    Both(ConversationId, StayId),
}

impl Which {
    /// Whether what was found by this is what was meant: if a stay was named beside the conversation, it is the
    /// conversation's.
    pub fn is_of(self, found: &Conversation) -> bool {
        match self {
            Self::Both(_, stay) => found.stay == Some(stay),
            Self::Conversation(_) | Self::Stay(_) => true,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
struct Row {
    id: i64,
    hotel_id: i64,
    guest_id: i64,
    stay_id: Option<i64>,
    status: String,
    department_id: Option<i64>,
    assigned_to: Option<i64>,
}

impl TryFrom<Row> for Conversation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ConversationId(row.id),
            hotel: HotelId(row.hotel_id),
            guest: GuestId(row.guest_id),
            stay: row.stay_id.map(StayId),
            status: row.status.parse().map_err(|()| StoreError::Corrupt("status"))?,
            department: row.department_id.map(DepartmentId),
            assignee: row.assigned_to.map(StaffId),
        })
    }
}

/// The conversation, where this reach covers it.
///
/// # Errors
/// [`StoreError`].
pub fn find_visible(conn: &mut Conn, reach: &Reach, which: Which) -> Result<Option<Conversation>, StoreError> {
    Ok(find(conn, which)?.filter(|it| reach.covers(it.hotel, it.department)))
}

/// Of these the conversations that there are, whoever asks, in two statements at most however many they are.
///
/// # Errors
/// [`StoreError`].
pub fn find_all<'a>(conn: &mut Conn, which: impl IntoIterator<Item = &'a Which>) -> Result<Found, StoreError> {
    let (mut ids, mut stays) = (Vec::new(), Vec::new());
    for it in which {
        match it {
            Which::Conversation(id) | Which::Both(id, _) => ids.push(id.0),
            Which::Stay(id) => stays.push(id.0),
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for (by_stay, mut ids) in [(false, ids), (true, stays)] {
        if ids.is_empty() {
            continue;
        }
        ids.sort_unstable();
        ids.dedup();
        rows.extend(on_db!(conn, |c| {
            let all = conversations::table.select(Row::as_select());
            if by_stay {
                all.filter(among(conversations::stay_id, &ids)).load::<Row>(c)
            } else {
                all.filter(among(conversations::id, &ids)).load::<Row>(c)
            }
        })?);
    }
    let found = rows.into_iter().map(Conversation::try_from).collect::<Result<Vec<_>, _>>()?;
    let by_stay = found.iter().filter_map(|it| Some((it.stay?, it.id))).collect();
    Ok(Found { by_id: found.into_iter().map(|it| (it.id, it)).collect(), by_stay })
}

/// What [`find_all`] has found.
pub struct Found {
    by_id: HashMap<ConversationId, Conversation>,
    by_stay: HashMap<StayId, ConversationId>,
}

impl Found {
    /// The conversation, where this reach covers it.
    pub fn visible(&self, reach: &Reach, which: Which) -> Option<&Conversation> {
        let id = match which {
            Which::Conversation(id) | Which::Both(id, _) => id,
            Which::Stay(stay) => *self.by_stay.get(&stay)?,
        };
        self.by_id.get(&id).filter(|it| reach.covers(it.hotel, it.department))
    }
}

/// The conversation, whoever asks.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, which: Which) -> Result<Option<Conversation>, StoreError> {
    let row: Option<Row> = on_db!(conn, |c| {
        let query = conversations::table.select(Row::as_select());
        match which {
            Which::Conversation(id) | Which::Both(id, _) => query.filter(conversations::id.eq(id.0)).first(c),
            Which::Stay(id) => query.filter(conversations::stay_id.eq(id.0)).first(c),
        }
        .optional()
    })?;
    row.map(Conversation::try_from).transpose()
}

/// The conversation, where this reach covers it, and its hotel.
///
/// # Errors
/// [`StoreError`].
pub fn find_visible_with_hotel(
    conn: &mut Conn,
    reach: &Reach,
    which: Which,
) -> Result<Option<(Conversation, Hotel)>, StoreError> {
    let found: Option<(Row, HotelRow)> = on_db!(conn, |c| {
        let query = conversations::table
            .inner_join(hotels::table.on(hotels::id.eq(conversations::hotel_id)))
            .select((Row::as_select(), whole_hotel!()));
        match which {
            Which::Conversation(id) | Which::Both(id, _) => query.filter(conversations::id.eq(id.0)).first(c),
            Which::Stay(id) => query.filter(conversations::stay_id.eq(id.0)).first(c),
        }
        .optional()
    })?;
    let Some((row, of_hotel)) = found else { return Ok(None) };
    let it = Conversation::try_from(row)?;
    Ok(reach.covers(it.hotel, it.department).then(|| (it, hotels_row(of_hotel))))
}

/// A guest's conversation without a stay.
///
/// # Errors
/// [`StoreError`].
pub fn find_without_stay(conn: &mut Conn, guest: GuestId) -> Result<Option<Conversation>, StoreError> {
    let row: Option<Row> = on_db!(conn, |c| conversations::table
        .filter(conversations::guest_id.eq(guest.0).and(conversations::stay_id.is_null()))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Conversation::try_from).transpose()
}

/// A guest's conversations, with and without a stay.
///
/// # Errors
/// [`StoreError`].
pub fn of_guest(conn: &mut Conn, guest: GuestId) -> Result<Vec<ConversationId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| conversations::table
        .filter(conversations::guest_id.eq(guest.0))
        .select(conversations::id)
        .load(c))?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// When the guest last wrote in a conversation.
///
/// # Errors
/// [`StoreError`].
pub fn last_heard(conn: &mut Conn, id: ConversationId) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at: Option<Ts> =
        on_db!(conn, |c| conversations::table.find(id.0).select(conversations::last_guest_message_at).first(c))?;
    Ok(at.map(|it| it.0))
}

/// Stores a new conversation and gives it its id.
///
/// # Errors
/// [`StoreError`].
pub fn insert(
    tx: &mut Tx<'_>,
    (hotel, guest, stay): (HotelId, GuestId, Option<StayId>),
    status: Status,
    at: DateTime<Utc>,
) -> Result<Conversation, StoreError> {
    let at = Ts::from(at);
    let row: Row = on_db!(tx.changing(), |c| diesel::insert_into(conversations::table)
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
        .returning(Row::as_returning())
        .get_result(c))?;
    index(tx, ConversationId(row.id))?;
    row.try_into()
}

/// Stores where a conversation stands now.
///
/// # Errors
/// [`StoreError`].
pub fn save(tx: &mut Tx<'_>, it: &Conversation, at: DateTime<Utc>) -> Result<(), StoreError> {
    let now = (
        conversations::stay_id.eq(it.stay.map(|it| it.0)),
        conversations::status.eq(it.status.as_str()),
        conversations::department_id.eq(it.department.map(|it| it.0)),
        conversations::assigned_to.eq(it.assignee.map(|it| it.0)),
        conversations::updated_at.eq(Ts::from(at)),
    );
    let conversation = conversations::table.find(it.id.0);
    on_db!(tx.changing(), |c| prepared(diesel::update(conversation).set(now).returning(conversations::id))
        .get_result::<i64>(c))?;
    Ok(())
}

/// Of an open conversation, as it stands in the index of the open ones.
const OPEN: Fixed = fixed("conversations.status <> 'closed'");

/// Open conversations that a staff member is assigned to, at most `limit`, in the order of ids.
///
/// # Errors
/// [`StoreError`].
pub fn open_assigned_to(conn: &mut Conn, staff: StaffId, limit: i64) -> Result<Vec<ConversationId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| conversations::table
        .filter(conversations::assigned_to.eq(staff.0).and(OPEN))
        .order(conversations::id)
        .select(conversations::id)
        .limit(limit)
        .load(c))?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// Open conversations that a staff member is assigned to though they may not see them (any more), at most `limit`, in
/// the order of ids; locked until the end of the transaction.
///
/// # Errors
/// [`StoreError`].
pub fn lock_assigned_out_of_reach(
    tx: &mut Tx<'_>,
    member: &Staff,
    limit: i64,
) -> Result<Vec<Conversation>, StoreError> {
    if member.active && member.role == Role::Manager {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = member.departments.iter().map(|it| it.0).collect();
    let elsewhere = conversations::department_id.is_not_null().and(conversations::department_id.ne_all(&ids));
    let all = (!member.active).into_sql::<Bool>();
    let theirs = conversations::table
        .filter(conversations::assigned_to.eq(member.id.0).and(OPEN))
        .filter(all.or(elsewhere))
        .order(conversations::id)
        .limit(limit);
    let rows: Vec<Row> = match tx.conn() {
        Conn::Pg(c) => theirs.select(Row::as_select()).for_no_key_update().load(c)?,
        Conn::Sqlite(c) => theirs.select(Row::as_select()).load(c)?,
    };
    rows.into_iter().map(Conversation::try_from).collect()
}

/// Conversations of a hotel that wait for their stay to begin, though its first day is here; at most
/// `limit`, in the order of ids.
///
/// # Errors
/// [`StoreError`].
pub fn of_begun_stays(
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

/// Which conversations to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In any of these states. Empty: those in relay with the asker's own departments (a
    /// manager's: with any).
    pub status: Vec<Status>,
    /// Routed there.
    pub department: Option<DepartmentId>,
    /// Assigned to this staff member, or to nobody.
    pub assigned_to: Option<Option<StaffId>>,
    /// With messages of the guest after the asker's mark.
    pub unread: bool,
    /// With these words in the guest's name, the room or the number.
    pub search: Option<String>,
    /// Or with one of these in the number: what is searched for may be a number, and a number has several forms.
    pub search_numbers: Vec<String>,
}

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// So many are left out.
    pub offset: i64,
    /// At most so many are given.
    pub limit: i64,
}

/// The conversations that this reach covers and the filter lets through, as a boxed query on `$from`.
macro_rules! matching {
    ($from:expr, $reach:expr, $filter:expr) => {{
        let (reach, filter): (&Reach, &Filter) = ($reach, $filter);
        let mine: Vec<i64> = reach.departments.iter().map(|it| it.0).collect();
        let mut query = $from.filter(conversations::hotel_id.eq(reach.hotel.0)).into_boxed();
        query = match (filter.status.as_slice(), reach.is_manager()) {
            ([], true) => query.filter(conversations::status.eq(Status::Relay.as_str())),
            // With one department the index gives the order, too.
            ([], false) => match mine.as_slice() {
                [one] => query
                    .filter(conversations::status.eq(Status::Relay.as_str()))
                    .filter(conversations::department_id.eq(*one)),
                _ => query
                    .filter(conversations::status.eq(Status::Relay.as_str()))
                    .filter(conversations::department_id.eq_any(mine)),
            },
            (states, manager) => {
                let query = match states {
                    [one] => query.filter(conversations::status.eq(one.as_str())),
                    _ => {
                        let states: Vec<&str> = states.iter().map(|it| it.as_str()).collect();
                        query.filter(conversations::status.eq_any(states))
                    }
                };
                let unrouted = conversations::department_id.is_null();
                if manager { query } else { query.filter(unrouted.or(conversations::department_id.eq_any(mine))) }
            }
        };
        if let Some(department) = filter.department {
            query = query.filter(conversations::department_id.eq(department.0));
        }
        query = match filter.assigned_to {
            Some(Some(staff)) => query.filter(conversations::assigned_to.eq(staff.0)),
            Some(None) => query.filter(conversations::assigned_to.is_null()),
            None => query,
        };
        const { assert!(PhoneNumber::MOST_ALIKE == 4) };
        for word in filter.search.iter().flat_map(|it| it.split_whitespace()) {
            let has = |text: &str| conversations::search_key.like(search::pattern(text)).escape('\\');
            let number = |n: usize| has(filter.search_numbers.get(n).map_or(word, String::as_str));
            query = match filter.search_numbers.as_slice() {
                [] => query.filter(has(word)),
                _ => query.filter(has(word).or(number(0)).or(number(1)).or(number(2)).or(number(3))),
            };
        }
        query
    }};
}

/// The same, of those with messages of the guest after the asker's mark.
macro_rules! matching_unread {
    ($reach:expr, $filter:expr) => {{
        let mark = read_marks::conversation_id.eq(conversations::id).and(read_marks::staff_id.eq($reach.staff.0));
        let without_mark = read_marks::guest_ordinal.nullable().is_null().and(conversations::guest_messages.gt(0));
        let after_mark = conversations::guest_messages.nullable().gt(read_marks::guest_ordinal.nullable());
        matching!(conversations::table.left_join(read_marks::table.on(mark)), $reach, $filter)
            .filter(without_mark.or(after_mark))
    }};
}

/// How many conversations match, and the ids of a slice of them, newest change first.
macro_rules! slice_of {
    ($conn:expr, $filter:expr, $slice:expr, $matching:expr) => {
        on_db!($conn, |c| {
            let count = $matching.select(count_star());
            let page = $matching
                .order((conversations::updated_at.desc(), conversations::id.desc()))
                .select(conversations::id)
                .offset($slice.offset)
                .limit($slice.limit);
            // diesel has a list of states or departments compiled anew each time by SQLite, which takes longer than
            // running it. There are few such texts; a search has as many as it may have words.
            let found: (i64, Vec<i64>) = if $filter.search.is_none() {
                (prepared(count).get_result(c)?, prepared(page).load(c)?)
            } else {
                (count.get_result(c)?, page.load(c)?)
            };
            found
        })
    };
}

/// How many conversations match, and a slice of them: newest change first.
///
/// # Errors
/// [`StoreError`].
pub fn list(
    conn: &mut Conn,
    reach: &Reach,
    filter: &Filter,
    slice: Slice,
) -> Result<(i64, Vec<ConversationView>), StoreError> {
    // The marks are looked up for each conversation that is counted, so only where they decide.
    let (count, ids) = if filter.unread {
        slice_of!(conn, filter, slice, matching_unread!(reach, filter))
    } else {
        slice_of!(conn, filter, slice, matching!(conversations::table, reach, filter))
    };
    let ids: Vec<ConversationId> = ids.into_iter().map(ConversationId).collect();
    Ok((count, views(conn, Some(reach.staff), &ids)?))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
struct ViewRow {
    #[diesel(embed)]
    state: Row,
    current_step: String,
    context_data: Json,
    created_at: Ts,
    updated_at: Ts,
    last_guest_message_at: Option<Ts>,
    guest_messages: i64,
}

type GuestNames = (Option<String>, Option<String>, Option<String>, Option<String>);
type Booking = (String, String, String, NaiveDate, NaiveDate);
type Joined = (
    ViewRow,
    GuestNames,
    (Option<String>, Option<Ts>),
    Option<Booking>,
    Option<String>,
    Option<String>,
    Option<(String, Ts, String)>,
    Option<String>,
    Option<i64>,
);

/// Conversations as they are shown, in the order of the ids; those that do not exist are left
/// out. Unread messages are counted for `me`; for nobody they are 0.
///
/// # Errors
/// [`StoreError`].
pub fn views(
    conn: &mut Conn,
    me: Option<StaffId>,
    ids: &[ConversationId],
) -> Result<Vec<ConversationView>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let rows: Vec<Joined> = on_db!(conn, |c| conversations::table
        .inner_join(guests::table)
        .inner_join(hotels::table)
        .left_join(stays::table)
        .left_join(departments::table)
        .left_join(staff::table)
        .left_join(messages::table.on(messages::id.nullable().eq(conversations::last_message_id)))
        .left_join(read_marks::table.on(
            read_marks::conversation_id.eq(conversations::id).and(read_marks::staff_id.eq(me.map_or(0, |it| it.0)))
        ),)
        .filter(among(conversations::id, &keys))
        .select((
            ViewRow::as_select(),
            (guests::profile_name, guests::phone, guests::wa_id, guests::bsuid),
            (guests::window_phone_number_id, guests::last_wrote_at),
            (stays::guest_name, stays::guest_phone, stays::room_number, stays::check_in, stays::check_out).nullable(),
            departments::name.nullable(),
            staff::name.nullable(),
            (messages::content, messages::timestamp, messages::sender_type).nullable(),
            hotels::whatsapp_phone_number_id,
            read_marks::guest_ordinal.nullable(),
        ))
        .load(c))?;
    let mut found: HashMap<i64, ConversationView> = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = row.0.state.id;
        found.insert(id, view(row, me.is_some())?);
    }
    Ok(keys.iter().filter_map(|id| found.remove(id)).collect())
}

fn view(
    (row, of_guest, (wrote_to, wrote_at), booking, department_name, assignee, last, whatsapp, mark): Joined,
    for_somebody: bool,
) -> Result<ConversationView, StoreError> {
    let conversation: Conversation = row.state.try_into()?;
    let last_message = last
        .map(|(content, at, sender_type)| {
            let sender_type = sender_type.parse().map_err(|()| StoreError::Corrupt("sender type"))?;
            Ok::<_, StoreError>(LastMessage { content, at: at.0, sender_type })
        })
        .transpose()?;
    let assignee = conversation.assignee.zip(assignee).map(|(id, name)| Person { id, name });
    let own_phone = of_guest.1.clone();
    let (guest_name, guest_phone, room_number, days) = match booking {
        Some((name, phone, room, check_in, check_out)) => (name, Some(phone), Some(room), Some((check_in, check_out))),
        None => (guests_name(of_guest), own_phone, None, None),
    };
    Ok(ConversationView {
        conversation,
        guest_name,
        guest_phone,
        room_number,
        days,
        department_name,
        assignee,
        last_message,
        unread: if for_somebody { row.guest_messages - mark.unwrap_or(0) } else { 0 },
        last_guest_message_at: row.last_guest_message_at.map(|it| it.0),
        window_opened_at: wrote_at.filter(|_| whatsapp.is_some() && wrote_to == whatsapp).map(|it| it.0),
        on_whatsapp: whatsapp.is_some(),
        current_step: row.current_step,
        context_data: row.context_data.0,
        created_at: row.created_at.0,
        updated_at: row.updated_at.0,
    })
}

/// Writes down anew what a conversation is searched by. To be called after a change of its
/// guest's name, or of its stay.
///
/// # Errors
/// [`StoreError`].
pub fn index(tx: &mut Tx<'_>, id: ConversationId) -> Result<(), StoreError> {
    let Some(it) = views(tx.conn(), None, &[id])?.pop() else { return Ok(()) };
    let parts = [Some(it.guest_name.as_str()), it.room_number.as_deref(), it.guest_phone.as_deref()];
    let key = search::key(parts.into_iter().flatten());
    on_db!(tx.changing(), |c| diesel::update(conversations::table.find(id.0))
        .set(conversations::search_key.eq(key))
        .execute(c))?;
    Ok(())
}
