//! Sessions: sign-in, refresh, logout and change of password.

use std::{net::IpAddr, time::Duration};

use auth::{Caller, Digest, Password, RefreshDecision, RefreshState, Secret, decide_refresh, new_session_id};
use chrono::{DateTime, Utc};
use domain::{Department, EventKind, Hotel, HotelId, SessionId, Staff, StaffId};
use persistence::{
    Tx, departments, hotels, login_attempts,
    sessions::{self, SessionKey, SessionLifetimes, SessionSelector, SupersededBy},
    staff,
};

pub use persistence::sessions::LiveSession;

use crate::{Desk, Error, passwords::verify_password, transaction::TOUCH_INTERVAL};

/// The input of a sign-in: user name, password and client address.
pub struct Credentials {
    pub username: String,
    pub password: String,
    /// The client's IP address, which is part of the rate limit.
    pub address: IpAddr,
}

/// User name and password of a sign-in, correct when they were verified; the session is not started yet.
pub(crate) struct VerifiedCredentials {
    username: String,
    staff: StaffId,
    hotel: HotelId,
    hash: String,
    attempt: LoginAttempt,
    at: DateTime<Utc>,
}

/// The key under which failed sign-ins are counted: user name and client network.
#[derive(Clone)]
struct LoginAttempt {
    username_digest: String,
    network: String,
}

/// The tokens of a session, and its owner.
#[derive(Debug)]
pub struct SignInResult {
    pub access: String,
    pub refresh: String,
    /// The session cookie; `None` after a refresh, because only a sign-in sets the cookie.
    pub cookie: Option<String>,
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
    /// Signs a staff member in. An unknown user name takes as long as a wrong password.
    pub async fn login(&self, credentials: Credentials) -> Result<SignInResult, Error> {
        let verified = self.verify_credentials(credentials).await?;
        self.start_session(verified).await
    }

    /// Verifies user name and password outside any transaction. [`Desk::start_session`] checks again that they are
    /// still valid.
    pub(crate) async fn verify_credentials(&self, credentials: Credentials) -> Result<VerifiedCredentials, Error> {
        let Credentials { username, password, address } = credentials;
        let now = self.now();
        let username_digest = Digest::of(username.as_bytes()).to_string();
        let attempt = LoginAttempt { username_digest, network: network(address) };
        // A sign-in attempt in progress counts as failed. With few in progress, a whole shift can sign in at once
        // without reaching the limit.
        let permit = self.hashing_permit().await.map_err(|_| Error::BadCredentials)?;
        let counted = attempt.clone();
        let allowed = self
            .write_global(move |tx| {
                Ok(login_attempts::begin_attempt(tx, &counted.username_digest, &counted.network, now)?)
            })
            .await?;
        if let Err(retry_at) = allowed {
            let wait = (retry_at - now).to_std().unwrap_or_default();
            return Err(Error::TooManyAttempts { retry_after: Duration::from_secs(wait.as_secs() + 1) });
        }
        let wanted = username.clone();
        let found = self.read(move |conn| Ok(staff::find_by_username(conn, &wanted)?)).await?;
        let (member, hash) = found.filter(|(staff, _)| staff.active).unzip();
        let is_correct = verify_password(hash.clone(), password).await;
        drop(permit);
        let (member, hash) = member.zip(hash).filter(|_| is_correct).ok_or(Error::BadCredentials)?;
        Ok(VerifiedCredentials { username, staff: member.id, hotel: member.hotel, hash, attempt, at: now })
    }

    /// Starts a session if the verified password is still the password of an active staff member with this user name.
    pub(crate) async fn start_session(&self, verified: VerifiedCredentials) -> Result<SignInResult, Error> {
        let (session, cookie) = (new_session_id(), Secret::new());
        let digest = Digest::of(cookie.as_str().as_bytes()).to_string();
        let (hotel, now) = (verified.hotel, verified.at);
        let staff = self
            .write(hotel, vec![], move |tx| {
                login_attempts::delete_attempts(tx, &verified.attempt.username_digest, &verified.attempt.network)?;
                // Password hashing takes a while. If password, user name or account were changed in the meantime, that
                // change could not revoke this session, so the credentials are checked again.
                let found = staff::find_and_lock_for_sign_in(tx, &verified.username)?;
                let current =
                    found.filter(|(staff, hash)| staff.active && staff.id == verified.staff && *hash == verified.hash);
                let (staff, _) = current.ok_or(Error::BadCredentials)?;
                sessions::insert(tx, session, &staff, &digest, now)?;
                Ok(staff)
            })
            .await?;
        let signed_in = self.sign_in_result(session, staff, 0, Some(cookie.as_str().to_owned()), now).await;
        // If the new session was revoked immediately, return the same error as for a sign-in a moment later.
        signed_in.map_err(|error| if matches!(error, Error::Unauthenticated) { Error::BadCredentials } else { error })
    }

    async fn sign_in_result(
        &self,
        session: SessionId,
        staff: Staff,
        generation: u32,
        cookie: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<SignInResult, Error> {
        let caller = Caller { staff: staff.id, hotel: staff.hotel, session };
        let access = self.access_tokens.mint(&caller, now);
        let refresh = self.refresh_tokens.mint(session, generation);
        let (staff, hotel, departments) = self.me(caller).await?;
        Ok(SignInResult { access, refresh, cookie, staff, hotel, departments })
    }

    /// Issues new tokens for a session. A superseded refresh token that is used again revokes the session.
    pub async fn refresh(&self, credential: RefreshCredential) -> Result<SignInResult, Error> {
        let now = self.now();
        let (live, generation) = match credential {
            RefreshCredential::Token(token) => self.refresh_by_token(&token, now).await?,
            RefreshCredential::Cookie(cookie) => self.refresh_by_cookie(&cookie, now).await?,
        };
        self.sign_in_result(live.id, live.staff, generation, None, now).await
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
                        log::warn!("session {id}: a superseded refresh token was used again; the session is revoked");
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
        self.write_as(caller, vec![], move |tx, live| revoke_sessions(tx, &live.staff, selector, now)).await
    }

    /// Changes the caller's password and revokes the other sessions. Fails with [`Error::Invalid`] if the current
    /// password is wrong, or the new one too weak.
    pub async fn change_password(&self, caller: Caller, current: String, new: String) -> Result<(), Error> {
        let verified = self.read_as(caller, |conn, live| Ok(staff::password_hash(conn, live.staff.id)?)).await?;
        let permit = self.hashing_permit().await.map_err(|_| Error::BadCredentials)?;
        let is_correct = verify_password(Some(verified.clone()), current).await;
        drop(permit);
        if !is_correct {
            return Err(wrong_current_password());
        }
        let new = Password::parse(new).map_err(|error| Error::invalid("new_password", error.to_string()))?;
        let hash = self.hash_password(new).await?;
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.write_as(caller, vec![], move |tx, live| {
            let live = lock_staff(tx, live, live.staff.id, lifetimes, now)?;
            // Another change has replaced the current password since it was verified.
            if staff::password_hash(tx.conn(), live.staff.id)? != verified {
                return Err(wrong_current_password());
            }
            staff::set_password_hash(tx, live.staff.id, &hash)?;
            revoke_sessions(tx, &live.staff, SessionSelector::OthersOf(live.staff.id, live.id), now)
        })
        .await
    }

    /// Returns the caller's staff member, hotel and active departments.
    pub async fn me(&self, caller: Caller) -> Result<(Staff, Hotel, Vec<Department>), Error> {
        self.read_as(caller, |conn, live| {
            let staff = live.staff.clone();
            let hotel = hotels::find(conn, staff.hotel)?.ok_or(Error::NotFound)?;
            let mut departments = departments::by_ids(conn, staff.hotel, &staff.departments)?;
            departments.retain(|department| department.active);
            Ok((staff, hotel, departments))
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

    /// Records that a session is in use, for a socket that opens. Fails with [`Error::Unauthenticated`] unless the
    /// caller's session is live.
    pub async fn touch_session(&self, caller: Caller) -> Result<(), Error> {
        let last_used = self.read_as(caller, |_, live| Ok(live.last_used_at)).await?;
        if self.now() - last_used <= TOUCH_INTERVAL {
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
fn revoke_sessions(tx: &mut Tx<'_>, staff: &Staff, selector: SessionSelector, at: DateTime<Utc>) -> Result<(), Error> {
    sessions::revoke(tx, selector, at)?;
    tx.record(staff.hotel, at, EventKind::StaffChanged { staff: staff.id });
    Ok(())
}

fn wrong_current_password() -> Error {
    Error::invalid("current_password", "This is not your current password.")
}

/// Returns the network by which failed sign-ins are counted: an IPv4 address, or a /64 of IPv6, because one customer
/// owns all of it.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_addresses_are_counted_by_network() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }
}
