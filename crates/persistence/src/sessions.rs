//! Sessions of staff members, from login to logout.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{DepartmentId, Seq, SessionId, Staff, StaffId};

use crate::{
    StoreError, Tx,
    event_log::{LogCursor, newest_epoch},
    sql::{
        column_types::Ts,
        id_list::among_texts,
        schema::{epochs, hotel_counters, sessions, staff, staff_departments, void_refresh_tokens},
    },
    staff::StaffRow,
    store::connection::{Conn, on_db},
};

/// Maximum age of sessions: since the last use, and since the login.
#[derive(Clone, Copy, Debug)]
pub struct SessionLifetimes {
    /// Maximum time since the last use of the session.
    pub idle: TimeDelta,
    /// Maximum time since the login.
    pub max: TimeDelta,
}

impl SessionLifetimes {
    /// The lifetimes of sessions that are not remembered, on shared computers.
    pub fn on_shared_computers(self) -> Self {
        Self { idle: self.idle.min(TimeDelta::minutes(30)), max: self.max.min(TimeDelta::hours(12)) }
    }

    fn of(self, is_remembered: bool) -> Self {
        if is_remembered { self } else { self.on_shared_computers() }
    }
}

/// A session that is neither revoked nor expired, and its active staff member.
#[derive(Clone, Debug)]
pub struct LiveSession {
    pub id: SessionId,
    pub staff: Staff,
    /// The generation of the valid refresh token.
    pub generation: u32,
    /// The generation of the refresh token that was last superseded by a refresh with the token itself, and the time.
    pub superseded: Option<(u32, DateTime<Utc>)>,
    /// The last use of the session, stored now and then, not by every request.
    pub last_used_at: DateTime<Utc>,
    /// The time at which the session expires if it is not used again.
    pub ends_at: DateTime<Utc>,
    /// Whether the session lasts for days; false on shared computers.
    pub is_remembered: bool,
    /// Whether the staff member must choose another password before anything else.
    pub must_change_password: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub(crate) struct SessionRow {
    id: String,
    generation: i64,
    superseded_generation: Option<i64>,
    superseded_at: Option<Ts>,
    created_at: Ts,
    last_used_at: Ts,
    remember: bool,
}

/// A session joined with its staff member and one of the member's departments: one row per department.
pub(crate) type SessionJoinRow = (SessionRow, StaffRow, Option<i64>);

/// The condition that a session is neither revoked nor expired.
macro_rules! is_live {
    ($lifetimes:expr, $now:expr) => {{
        use $crate::sql::schema::sessions::{created_at, last_used_at, remember, revoked_at};
        let shared = $lifetimes.on_shared_computers();
        let is_young = remember
            .eq(true)
            .or(last_used_at.gt(Ts::from($now - shared.idle)).and(created_at.gt(Ts::from($now - shared.max))));
        revoked_at
            .is_null()
            .and(last_used_at.gt(Ts::from($now - $lifetimes.idle)))
            .and(created_at.gt(Ts::from($now - $lifetimes.max)))
            .and(is_young)
    }};
}
pub(crate) use is_live;

/// A query for the live sessions in a join of sessions, staff and the departments of the staff member.
macro_rules! live_in {
    ($joined:expr, $lifetimes:expr, $now:expr) => {
        $joined.filter($crate::sessions::is_live!($lifetimes, $now)).filter($crate::sql::schema::staff::active.eq(true))
    };
}
pub(crate) use live_in;

/// A query for the live sessions, one row per department of the staff member.
macro_rules! all_live {
    ($lifetimes:expr, $now:expr) => {{
        let joined = sessions::table
            .inner_join(staff::table)
            .left_join(staff_departments::table.on(staff_departments::staff_id.eq(staff::id)));
        live_in!(joined, $lifetimes, $now).order(staff_departments::position).select((
            SessionRow::as_select(),
            StaffRow::as_select(),
            staff_departments::department_id.nullable(),
        ))
    }};
}

/// A session id from a verified access token, and what decides whether the session is live.
#[derive(Clone, Copy, Debug)]
pub struct SessionCheck {
    pub id: SessionId,
    pub lifetimes: SessionLifetimes,
    pub now: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug)]
pub enum SessionKey<'a> {
    /// The session id from a verified access token.
    Id(SessionId),
    /// The digest of the session cookie.
    Cookie(&'a str),
}

/// Returns the session if it is live and its staff member is active.
pub fn find_live(
    conn: &mut Conn,
    key: SessionKey<'_>,
    lifetimes: SessionLifetimes,
    now: DateTime<Utc>,
) -> Result<Option<LiveSession>, StoreError> {
    // Runs for every request, so it is one query: one row per department of the staff member, or one row if there is no
    // department. A boxed query would build its SQL text each time.
    let rows: Vec<SessionJoinRow> = on_db!(conn, |c| {
        let live = all_live!(lifetimes, now);
        match key {
            SessionKey::Id(id) => live.filter(sessions::id.eq(id.to_string())).load(c),
            SessionKey::Cookie(digest) => live.filter(sessions::cookie_digest.eq(digest)).load(c),
        }
    })?;
    collect_session(rows, lifetimes)
}

/// A [`SessionJoinRow`], and epoch and head of the event log.
type SessionAtCursorRow = (SessionRow, StaffRow, Option<i64>, Option<String>, i64);

/// Returns a live session as [`find_live`], with the head of the hotel's event log: one statement, because both belong to
/// every list that a client keeps up to date.
pub fn find_live_at_cursor(
    conn: &mut Conn,
    session: SessionCheck,
) -> Result<Option<(LiveSession, LogCursor)>, StoreError> {
    let joined = sessions::table
        .inner_join(staff::table)
        .inner_join(hotel_counters::table.on(hotel_counters::hotel_id.eq(staff::hotel_id)))
        .left_join(staff_departments::table.on(staff_departments::staff_id.eq(staff::id)));
    let rows: Vec<SessionAtCursorRow> = on_db!(conn, |c| live_in!(joined, session.lifetimes, session.now)
        .filter(sessions::id.eq(session.id.to_string()))
        .order(staff_departments::position)
        .select((
            SessionRow::as_select(),
            StaffRow::as_select(),
            staff_departments::department_id.nullable(),
            newest_epoch!(),
            hotel_counters::seq,
        ))
        .load(c))?;
    let mut cursor = None;
    let mut joined = Vec::with_capacity(rows.len());
    for (session, member, department, epoch, seq) in rows {
        joined.push((session, member, department));
        cursor = epoch.map(|epoch| LogCursor { epoch, seq: Seq(seq) });
    }
    let Some(live) = collect_session(joined, session.lifetimes)? else { return Ok(None) };
    Ok(Some((live, cursor.ok_or(StoreError::Corrupt("epoch"))?)))
}

/// Builds one live session from its rows, which differ in the department.
pub(crate) fn collect_session(
    rows: Vec<SessionJoinRow>,
    lifetimes: SessionLifetimes,
) -> Result<Option<LiveSession>, StoreError> {
    let mut departments = Vec::with_capacity(rows.len());
    let mut found = None;
    for (row, member, department) in rows {
        departments.extend(department.map(DepartmentId));
        found.get_or_insert((row, member));
    }
    let Some((row, member)) = found else { return Ok(None) };
    let must_change_password = member.must_change_password;
    let lifetimes = lifetimes.of(row.remember);
    let (created_at, last_used_at) = (row.created_at.0, row.last_used_at.0);
    Ok(Some(LiveSession {
        id: row.id.parse().map_err(|_| StoreError::Corrupt("session id"))?,
        staff: member.with(departments)?,
        generation: generation(row.generation)?,
        superseded: row
            .superseded_generation
            .zip(row.superseded_at)
            .map(|(last, at)| Ok::<_, StoreError>((generation(last)?, at.0)))
            .transpose()?,
        last_used_at,
        ends_at: (last_used_at + lifetimes.idle).min(created_at + lifetimes.max),
        is_remembered: row.remember,
        must_change_password,
    }))
}

fn generation(stored: i64) -> Result<u32, StoreError> {
    u32::try_from(stored).map_err(|_| StoreError::Corrupt("generation"))
}

/// Locks a session's row until the end of the transaction.
pub fn lock(tx: &mut Tx<'_>, id: SessionId) -> Result<(), StoreError> {
    // SQLite has one writer and no row locks.
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    sessions::table.find(id.to_string()).select(sessions::id).for_no_key_update().load::<String>(conn)?;
    Ok(())
}

/// The values of a session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub id: SessionId,
    pub cookie_digest: String,
    /// Whether the session lasts for days; false on shared computers.
    pub is_remembered: bool,
    /// The network address of the sign-in.
    pub address: String,
    /// The browser or program of the sign-in, shortened.
    pub user_agent: Option<String>,
}

pub fn insert(tx: &mut Tx<'_>, new: &NewSession, member: &Staff, at: DateTime<Utc>) -> Result<(), StoreError> {
    let at = Ts::from(at);
    on_db!(tx.changing(), |c| diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(new.id.to_string()),
            sessions::hotel_id.eq(member.hotel.0),
            sessions::staff_id.eq(member.id.0),
            sessions::cookie_digest.eq(&new.cookie_digest),
            sessions::generation.eq(0),
            sessions::created_at.eq(at),
            sessions::last_used_at.eq(at),
            sessions::remember.eq(new.is_remembered),
            sessions::address.eq(&new.address),
            sessions::user_agent.eq(&new.user_agent),
        ))
        .execute(c))?;
    Ok(())
}

/// Updates the time of the last use of the session.
pub fn touch(tx: &mut Tx<'_>, id: SessionId, at: DateTime<Utc>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(sessions::table.find(id.to_string()))
        .set(sessions::last_used_at.eq(Ts::from(at)))
        .execute(c))?;
    Ok(())
}

/// The credential of the refresh that superseded a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupersededBy {
    /// The session was refreshed with the refresh token itself.
    Token,
    /// The session was refreshed with the cookie.
    Cookie,
}

/// Makes the next generation of the session's refresh token valid. Returns `false` if generation `current` is not valid
/// any more, because a concurrent request was faster.
pub fn rotate(
    tx: &mut Tx<'_>,
    id: SessionId,
    current: u32,
    by: SupersededBy,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let key = id.to_string();
    let superseded = (by == SupersededBy::Token).then(|| {
        (sessions::superseded_generation.eq(Some(i64::from(current))), sessions::superseded_at.eq(Some(Ts::from(at))))
    });
    let this = sessions::table.find(&key).filter(sessions::generation.eq(i64::from(current)));
    let rotated = on_db!(tx.changing(), |c| diesel::update(this)
        .set((sessions::generation.eq(i64::from(current) + 1), superseded, sessions::last_used_at.eq(Ts::from(at))))
        .execute(c))?;
    if rotated == 1 && by == SupersededBy::Cookie {
        on_db!(tx.changing(), |c| diesel::insert_into(void_refresh_tokens::table)
            .values((void_refresh_tokens::session_id.eq(&key), void_refresh_tokens::generation.eq(i64::from(current)),))
            .execute(c))?;
    }
    Ok(rotated == 1)
}

/// Whether a refresh by cookie superseded this generation of the refresh token.
pub fn is_void(conn: &mut Conn, id: SessionId, generation: u32) -> Result<bool, StoreError> {
    let of = void_refresh_tokens::table.find((id.to_string(), i64::from(generation)));
    Ok(on_db!(conn, |c| diesel::select(diesel::dsl::exists(of)).get_result(c))?)
}

/// Selects the sessions to revoke.
#[derive(Clone, Copy, Debug)]
pub enum SessionSelector {
    One(SessionId),
    AllOf(StaffId),
    /// All sessions of the staff member except the session with this id.
    OthersOf(StaffId, SessionId),
}

pub fn revoke(tx: &mut Tx<'_>, selector: SessionSelector, at: DateTime<Utc>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        let live = diesel::update(sessions::table).filter(sessions::revoked_at.is_null());
        let live = live.set(sessions::revoked_at.eq(Ts::from(at))).into_boxed();
        match selector {
            SessionSelector::One(id) => live.filter(sessions::id.eq(id.to_string())),
            SessionSelector::AllOf(staff) => live.filter(sessions::staff_id.eq(staff.0)),
            SessionSelector::OthersOf(staff, id) => {
                live.filter(sessions::staff_id.eq(staff.0)).filter(sessions::id.ne(id.to_string()))
            }
        }
        .execute(c)
    })?;
    Ok(())
}

/// A live session in the list of a staff member's sessions.
#[derive(Clone, Debug)]
pub struct ListedSession {
    pub id: SessionId,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    /// Address and program of the sign-in; `None` for sessions that began before they were stored.
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

/// Returns the live sessions of a staff member, last used first, at most `limit`.
pub fn list_of(
    conn: &mut Conn,
    staff: StaffId,
    lifetimes: SessionLifetimes,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ListedSession>, StoreError> {
    type Row = (String, Ts, Ts, Option<String>, Option<String>);
    let rows: Vec<Row> = on_db!(conn, |c| sessions::table
        .filter(sessions::staff_id.eq(staff.0).and(is_live!(lifetimes, now)))
        .order((sessions::last_used_at.desc(), sessions::id))
        .limit(limit)
        .select((sessions::id, sessions::created_at, sessions::last_used_at, sessions::address, sessions::user_agent,))
        .load(c))?;
    let listed = |(id, created_at, last_used_at, address, user_agent): Row| {
        let id = id.parse().map_err(|_| StoreError::Corrupt("session id"))?;
        Ok(ListedSession { id, created_at: created_at.0, last_used_at: last_used_at.0, address, user_agent })
    };
    rows.into_iter().map(listed).collect()
}

/// Returns the stored session of a staff member with this number (see [`SessionId::number`]), live or not.
pub fn find_by_number(conn: &mut Conn, staff: StaffId, number: i64) -> Result<Option<SessionId>, StoreError> {
    let ids: Vec<String> =
        on_db!(conn, |c| sessions::table.filter(sessions::staff_id.eq(staff.0)).select(sessions::id).load(c))?;
    let mut parsed = ids.iter().filter_map(|id| id.parse::<SessionId>().ok());
    Ok(parsed.find(|id| id.number() == number))
}

/// Returns those of the given sessions that are live, in one statement.
pub fn find_live_many(
    conn: &mut Conn,
    ids: &[SessionId],
    lifetimes: SessionLifetimes,
    now: DateTime<Utc>,
) -> Result<HashMap<SessionId, LiveSession>, StoreError> {
    match ids {
        [] => return Ok(HashMap::new()),
        [id] => {
            return Ok(find_live(conn, SessionKey::Id(*id), lifetimes, now)?.map(|it| (*id, it)).into_iter().collect());
        }
        _ => {}
    }
    let ids: Vec<String> = ids.iter().map(SessionId::to_string).collect();
    let rows: Vec<SessionJoinRow> =
        on_db!(conn, |c| all_live!(lifetimes, now).filter(among_texts(sessions::id, &ids)).load(c))?;
    let mut by_session: HashMap<String, Vec<SessionJoinRow>> = HashMap::new();
    for row in rows {
        by_session.entry(row.0.id.clone()).or_default().push(row);
    }
    let live = by_session.into_values().filter_map(|rows| collect_session(rows, lifetimes).transpose());
    live.map(|it| it.map(|it| (it.id, it))).collect()
}
