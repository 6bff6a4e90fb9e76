//! Sign-ins, from login to logout.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{DepartmentId, SessionId, Staff, StaffId};

use crate::{
    StoreError, Tx,
    among::among_texts,
    conn::{Conn, on_db},
    schema::{sessions, staff, staff_departments, void_refresh_tokens},
    staff::Row as StaffRow,
    types::Ts,
};

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// After their last use.
    pub idle: TimeDelta,
    /// After login.
    pub most: TimeDelta,
}

/// A session that is live, and its staff member, who is active.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub staff: Staff,
    /// The generation of the refresh token that is good.
    pub generation: u32,
    /// The generation that its token superseded last, and when.
    pub superseded: Option<(u32, DateTime<Utc>)>,
    /// When it was used last, as far as that is written down.
    pub last_used_at: DateTime<Utc>,
    /// When it ends if it is not used any more.
    pub ends_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct Row {
    id: String,
    generation: i64,
    superseded_generation: Option<i64>,
    superseded_at: Option<Ts>,
    created_at: Ts,
    last_used_at: Ts,
}

type Joined = (Row, StaffRow, Option<i64>);

/// The live sessions, each in a row for each department of its staff member.
macro_rules! all_live {
    ($lifetimes:expr, $now:expr) => {
        sessions::table
            .inner_join(staff::table)
            .left_join(staff_departments::table.on(staff_departments::staff_id.eq(staff::id)))
            .filter(sessions::revoked_at.is_null().and(staff::active.eq(true)))
            .filter(sessions::last_used_at.gt(Ts::from($now - $lifetimes.idle)))
            .filter(sessions::created_at.gt(Ts::from($now - $lifetimes.most)))
            .order(staff_departments::position)
            .select((Row::as_select(), StaffRow::as_select(), staff_departments::department_id.nullable()))
    };
}

/// By what a session is found.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// Its id, from a verified token.
    Id(SessionId),
    /// The digest of its cookie.
    Cookie(&'a str),
}

/// The session, if it is live: not revoked, not over, its staff member active.
///
/// # Errors
/// [`StoreError`].
pub fn find_live(
    conn: &mut Conn,
    key: Key<'_>,
    lifetimes: Lifetimes,
    now: DateTime<Utc>,
) -> Result<Option<Live>, StoreError> {
    // One query, since every request asks it: a row for each department, one for none. Not boxed, so that its text is
    // not written anew each time.
    let rows: Vec<Joined> = on_db!(conn, |c| {
        let live = all_live!(lifetimes, now);
        match key {
            Key::Id(id) => live.filter(sessions::id.eq(id.to_string())).load(c),
            Key::Cookie(digest) => live.filter(sessions::cookie_digest.eq(digest)).load(c),
        }
    })?;
    live_of(rows, lifetimes)
}

/// The session that these rows are of, one for each department of its staff member.
fn live_of(rows: Vec<Joined>, lifetimes: Lifetimes) -> Result<Option<Live>, StoreError> {
    let mut departments = Vec::with_capacity(rows.len());
    let mut found = None;
    for (row, member, department) in rows {
        departments.extend(department.map(DepartmentId));
        found.get_or_insert((row, member));
    }
    let Some((row, member)) = found else { return Ok(None) };
    let (created_at, last_used_at) = (row.created_at.0, row.last_used_at.0);
    Ok(Some(Live {
        id: row.id.parse().map_err(|_| StoreError::Corrupt("session id"))?,
        staff: member.with(departments)?,
        generation: generation(row.generation)?,
        superseded: row
            .superseded_generation
            .zip(row.superseded_at)
            .map(|(last, at)| Ok::<_, StoreError>((generation(last)?, at.0)))
            .transpose()?,
        last_used_at,
        ends_at: (last_used_at + lifetimes.idle).min(created_at + lifetimes.most),
    }))
}

fn generation(stored: i64) -> Result<u32, StoreError> {
    u32::try_from(stored).map_err(|_| StoreError::Corrupt("generation"))
}

/// Locks a session's row until the end of the transaction, so that it is still as read when it is changed.
///
/// # Errors
/// [`StoreError`].
pub fn lock(tx: &mut Tx<'_>, id: SessionId) -> Result<(), StoreError> {
    // SQLite has one writer anyway.
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    sessions::table.find(id.to_string()).select(sessions::id).for_no_key_update().load::<String>(conn)?;
    Ok(())
}

/// Stores a new session.
///
/// # Errors
/// [`StoreError`].
pub fn insert(
    tx: &mut Tx<'_>,
    id: SessionId,
    member: &Staff,
    cookie_digest: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let at = Ts::from(at);
    on_db!(tx.changing(), |c| diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id.to_string()),
            sessions::hotel_id.eq(member.hotel.0),
            sessions::staff_id.eq(member.id.0),
            sessions::cookie_digest.eq(cookie_digest),
            sessions::generation.eq(0),
            sessions::created_at.eq(at),
            sessions::last_used_at.eq(at),
        ))
        .execute(c))?;
    Ok(())
}

/// Writes down that the session is in use.
///
/// # Errors
/// [`StoreError`].
pub fn touch(tx: &mut Tx<'_>, id: SessionId, at: DateTime<Utc>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(sessions::table.find(id.to_string()))
        .set(sessions::last_used_at.eq(Ts::from(at)))
        .execute(c))?;
    Ok(())
}

/// What superseded a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupersededBy {
    /// A refresh with the token itself.
    Token,
    /// A refresh with the cookie.
    Cookie,
}

/// Makes the next generation the good one, if `current` still is: false where another request was
/// faster.
///
/// # Errors
/// [`StoreError`].
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

/// Whether a refresh by cookie superseded this generation.
///
/// # Errors
/// [`StoreError`].
pub fn is_void(conn: &mut Conn, id: SessionId, generation: u32) -> Result<bool, StoreError> {
    let of = void_refresh_tokens::table.find((id.to_string(), i64::from(generation)));
    Ok(on_db!(conn, |c| diesel::select(diesel::dsl::exists(of)).get_result(c))?)
}

/// Which sessions to revoke.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All of a staff member.
    AllOf(StaffId),
    /// All of a staff member but this one.
    OthersOf(StaffId, SessionId),
}

/// Revokes sessions.
///
/// # Errors
/// [`StoreError`].
pub fn revoke(tx: &mut Tx<'_>, which: Which, at: DateTime<Utc>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        let live = diesel::update(sessions::table).filter(sessions::revoked_at.is_null());
        let live = live.set(sessions::revoked_at.eq(Ts::from(at))).into_boxed();
        match which {
            Which::One(id) => live.filter(sessions::id.eq(id.to_string())),
            Which::AllOf(staff) => live.filter(sessions::staff_id.eq(staff.0)),
            Which::OthersOf(staff, id) => {
                live.filter(sessions::staff_id.eq(staff.0)).filter(sessions::id.ne(id.to_string()))
            }
        }
        .execute(c)
    })?;
    Ok(())
}

/// Which of these sessions are live, with what their staff members may see: in one statement, however many they are.
///
/// # Errors
/// [`StoreError`].
pub fn live_among(
    conn: &mut Conn,
    ids: &[SessionId],
    lifetimes: Lifetimes,
    now: DateTime<Utc>,
) -> Result<HashMap<SessionId, Live>, StoreError> {
    match ids {
        [] => return Ok(HashMap::new()),
        [id] => return Ok(find_live(conn, Key::Id(*id), lifetimes, now)?.map(|it| (*id, it)).into_iter().collect()),
        _ => {}
    }
    let ids: Vec<String> = ids.iter().map(SessionId::to_string).collect();
    let rows: Vec<Joined> =
        on_db!(conn, |c| all_live!(lifetimes, now).filter(among_texts(sessions::id, &ids)).load(c))?;
    let mut by_session: HashMap<String, Vec<Joined>> = HashMap::new();
    for row in rows {
        by_session.entry(row.0.id.clone()).or_default().push(row);
    }
    let live = by_session.into_values().filter_map(|rows| live_of(rows, lifetimes).transpose());
    live.map(|it| it.map(|it| (it.id, it))).collect()
}
