//! Sessions: refresh, logout, and the caller of a request.

use auth::{Caller, Digest, RefreshDecision, RefreshState, decide_refresh};
use chrono::{DateTime, Utc};
use domain::{Department, EventKind, Hotel, SessionId, Staff, StaffId};
use persistence::{
    Tx, departments, hotels,
    sessions::{self, SessionKey, SessionLifetimes, SessionSelector, SupersededBy},
    staff,
};

pub use persistence::sessions::LiveSession;

use crate::{Desk, Error, device_secret::DeviceSecret, transaction::touch_interval};

/// The tokens of a session, and its owner.
#[derive(Debug)]
pub struct SignInResult {
    pub access: String,
    pub refresh: String,
    /// The session cookie; `None` after a refresh, because only a sign-in sets the cookie.
    pub cookie: Option<String>,
    /// The device cookie; `None` after a refresh.
    pub device: Option<DeviceSecret>,
    /// Whether the staff member must choose another password before anything else.
    pub must_change_password: bool,
    pub staff: Staff,
    pub hotel: Hotel,
    /// The departments of the staff member, the main department first.
    pub departments: Vec<Department>,
}

/// What a client presents to get new tokens for its session: a refresh token or the session cookie.
pub enum RefreshCredential {
    Token(String),
    Cookie(String),
}

impl Desk {
    /// Returns new tokens of a session, and its owner.
    pub(crate) async fn issue_tokens(
        &self,
        session: SessionId,
        staff: &Staff,
        generation: u32,
        now: DateTime<Utc>,
    ) -> Result<SignInResult, Error> {
        let caller = Caller { staff: staff.id, hotel: staff.hotel, session };
        let access = self.access_tokens.mint(&caller, now);
        let refresh = self.refresh_tokens.mint(session, generation);
        let (staff, hotel, departments, must_change_password) = self.find_owner(caller).await?;
        let (cookie, device) = (None, None);
        Ok(SignInResult { access, refresh, cookie, device, must_change_password, staff, hotel, departments })
    }

    /// Issues new tokens for a session. A superseded refresh token that is used again revokes the session.
    pub async fn refresh(&self, credential: RefreshCredential) -> Result<SignInResult, Error> {
        let now = self.now();
        let (live, generation) = match credential {
            RefreshCredential::Token(token) => self.refresh_by_token(&token, now).await?,
            RefreshCredential::Cookie(cookie) => self.refresh_by_cookie(&cookie, now).await?,
        };
        self.issue_tokens(live.id, &live.staff, generation, now).await
    }

    async fn refresh_by_token(&self, token: &str, now: DateTime<Utc>) -> Result<(LiveSession, u32), Error> {
        let (id, presented) = self.refresh_tokens.verify(token).ok_or(Error::Unauthenticated)?;
        let lifetimes = self.lifetimes;
        let hotel = self.read(move |conn| find_live(conn, SessionKey::Id(id), lifetimes, now)).await?.staff.hotel;
        let rotated = self
            .write(hotel, vec![], move |tx| {
                let live = lock_session(tx, id, lifetimes, now)?;
                let superseded_by_cookie = sessions::is_void(tx.conn(), id, presented)?;
                let state =
                    RefreshState { generation: live.generation, superseded: live.superseded, superseded_by_cookie };
                let generation = live.generation;
                match decide_refresh(&state, presented, now) {
                    RefreshDecision::Rotate if sessions::rotate(tx, id, generation, SupersededBy::Token, now)? => {
                        Ok(Some((live, generation + 1)))
                    }
                    RefreshDecision::AnswerCurrent => Ok(Some((live, generation))),
                    RefreshDecision::RevokeSession => {
                        log::warn!(
                            "hotel {hotel}, session {id}: a superseded refresh token was used again; the session is \
                             revoked"
                        );
                        revoke_sessions(tx, &live.staff, SessionSelector::One(id), now)?;
                        Ok(None)
                    }
                    RefreshDecision::Rotate | RefreshDecision::Refuse => Err(Error::Unauthenticated),
                }
            })
            .await?;
        rotated.ok_or(Error::Unauthenticated)
    }

    async fn refresh_by_cookie(&self, cookie: &str, now: DateTime<Utc>) -> Result<(LiveSession, u32), Error> {
        let live = self.live_by_cookie(cookie).await?;
        let (id, lifetimes) = (live.id, self.lifetimes);
        self.write(live.staff.hotel, vec![], move |tx| {
            let live = lock_session(tx, id, lifetimes, now)?;
            sessions::rotate(tx, id, live.generation, SupersededBy::Cookie, now)?;
            let generation = live.generation + 1;
            Ok((live, generation))
        })
        .await
    }

    /// Revokes the caller's session, or if `all` every session of the staff member.
    pub async fn logout(&self, caller: Caller, all: bool) -> Result<(), Error> {
        let now = self.now();
        let selector = if all { SessionSelector::AllOf(caller.staff) } else { SessionSelector::One(caller.session) };
        self.write_own_session(caller, vec![], move |tx, live| revoke_sessions(tx, &live.staff, selector, now)).await
    }

    /// Returns the caller's staff member, hotel and active departments.
    pub async fn me(&self, caller: Caller) -> Result<(Staff, Hotel, Vec<Department>), Error> {
        let (staff, hotel, departments, _) = self.find_owner(caller).await?;
        Ok((staff, hotel, departments))
    }

    /// Returns the owner of a session with hotel and active departments, and whether the password must be changed.
    async fn find_owner(&self, caller: Caller) -> Result<(Staff, Hotel, Vec<Department>, bool), Error> {
        self.read_own_session(caller, |conn, live| {
            let staff = live.staff.clone();
            let hotel = hotels::find(conn, staff.hotel)?.ok_or(Error::NotFound)?;
            let mut departments = departments::by_ids(conn, staff.hotel, &staff.departments)?;
            departments.retain(|department| department.active);
            Ok((staff, hotel, departments, live.must_change_password))
        })
        .await
    }

    /// Verifies an access token. Every use case checks in addition that the session is live.
    pub fn caller_of_token(&self, token: &str) -> Result<Caller, Error> {
        self.access_tokens.verify(token, self.now()).map_err(|_| Error::Unauthenticated)
    }

    /// Authenticates a session cookie: returns the caller of its live session.
    pub async fn caller_of_cookie(&self, cookie: &str) -> Result<Caller, Error> {
        let live = self.live_by_cookie(cookie).await?;
        Ok(Caller { staff: live.staff.id, hotel: live.staff.hotel, session: live.id })
    }

    /// Returns the staff member of a caller. Fails with [`Error::Unauthenticated`] unless the caller's session is live.
    pub async fn authenticate(&self, caller: Caller) -> Result<Staff, Error> {
        self.read_as(caller, |_, live| Ok(live.staff.clone())).await
    }

    /// As [`Desk::authenticate`], also for a caller who must change the password first.
    pub async fn authenticate_owner(&self, caller: Caller) -> Result<Staff, Error> {
        self.read_own_session(caller, |_, live| Ok(live.staff.clone())).await
    }

    /// Records that a session is in use, for a socket that opens. Fails with [`Error::Unauthenticated`] unless the
    /// caller's session is live.
    pub async fn touch_session(&self, caller: Caller) -> Result<(), Error> {
        let (last_used, interval) =
            self.read_as(caller, |_, live| Ok((live.last_used_at, touch_interval(live)))).await?;
        if self.now() - last_used <= interval {
            return Ok(());
        }
        // Every write of a caller updates the session's time of last use; this write does nothing else.
        self.write_as(caller, vec![], |_, _| Ok(())).await
    }

    async fn live_by_cookie(&self, cookie: &str) -> Result<LiveSession, Error> {
        let digest = Digest::of(cookie.as_bytes()).to_string();
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.read(move |conn| find_live(conn, SessionKey::Cookie(&digest), lifetimes, now)).await
    }
}

fn find_live(
    conn: &mut persistence::Conn,
    key: SessionKey<'_>,
    lifetimes: SessionLifetimes,
    now: DateTime<Utc>,
) -> Result<LiveSession, Error> {
    sessions::find_live(conn, key, lifetimes, now)?.ok_or(Error::Unauthenticated)
}

/// Locks a session row before reading it: a concurrent refresh of the same token on another node waits, and then
/// returns the tokens of the first one.
fn lock_session(
    tx: &mut Tx<'_>,
    id: SessionId,
    lifetimes: SessionLifetimes,
    now: DateTime<Utc>,
) -> Result<LiveSession, Error> {
    sessions::lock(tx, id)?;
    find_live(tx.conn(), SessionKey::Id(id), lifetimes, now)
}

/// Locks the rows of the caller and of the staff member who is about to be changed, and reads the caller's session
/// again: a concurrent change on another node may have revoked the session or changed the caller's role.
pub(crate) fn lock_staff(
    tx: &mut Tx<'_>,
    caller: &LiveSession,
    changed: StaffId,
    lifetimes: SessionLifetimes,
    now: DateTime<Utc>,
) -> Result<LiveSession, Error> {
    staff::lock(tx, &[caller.staff.id, changed])?;
    find_live(tx.conn(), SessionKey::Id(caller.id), lifetimes, now)
}

/// Revokes sessions of a staff member and records an event, so that the sockets of these sessions are closed.
pub(crate) fn revoke_sessions(
    tx: &mut Tx<'_>,
    staff: &Staff,
    selector: SessionSelector,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sessions::revoke(tx, selector, at)?;
    tx.record(staff.hotel, at, EventKind::StaffChanged { staff: staff.id });
    Ok(())
}
