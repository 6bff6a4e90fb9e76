//! Signing in and out.

use std::{net::IpAddr, time::Duration};

use auth::{Digest, PasswordHash, RefreshState, Refreshed, Secret, decide, new_session_id};
use chrono::{DateTime, Utc};
use domain::{Department, EventKind, Hotel, HotelId, SessionId, Staff, StaffId};
use persistence::{
    Tx, departments, hotels, logins,
    sessions::{self, Key, Live, SupersededBy, Which},
    staff,
};

use crate::{Caller, Desk, Error, Lifetimes, call::TOUCH_AFTER};

/// A name and a password, as typed.
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
    /// From where.
    pub address: IpAddr,
}

/// A password that was the right one when it was verified.
pub(crate) struct Verified {
    username: String,
    staff: StaffId,
    hotel: HotelId,
    hash: String,
    /// The digest of the name, and the network of the address, under which the attempt was counted.
    name: String,
    address: String,
    at: DateTime<Utc>,
}

/// What a sign-in gives.
#[derive(Debug)]
pub struct SignedIn {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The session's cookie, where it is given anew: at login.
    pub cookie: Option<String>,
    /// Who.
    pub staff: Staff,
    /// Their hotel.
    pub hotel: Hotel,
    /// Their departments, the first one first.
    pub departments: Vec<Department>,
}

/// By what a session is refreshed.
pub enum Refresh {
    /// The refresh token.
    Token(String),
    /// The cookie.
    Cookie(String),
}

impl Desk {
    /// Signs a staff member in. A wrong name takes as long as a wrong password.
    ///
    /// # Errors
    /// [`Error::BadCredentials`], [`Error::TooManyAttempts`].
    pub async fn login(&self, credentials: Credentials) -> Result<SignedIn, Error> {
        let verified = self.verify_credentials(credentials).await?;
        self.begin_session(verified).await
    }

    /// Verifies name and password, outside any transaction: [`Desk::begin_session`] looks again.
    pub(crate) async fn verify_credentials(&self, credentials: Credentials) -> Result<Verified, Error> {
        let Credentials { username, password, address } = credentials;
        let now = self.now();
        let (name, address) = (Digest::of(username.as_bytes()).to_string(), network(address));
        let attempt = (name.clone(), address.clone());
        // An attempt under way counts as failed. Few are at once, so that a shift that signs in
        // together does not look like an attack.
        let turn = self.hashing.acquire().await.map_err(|_| Error::BadCredentials)?;
        // Sign-ins belong to no hotel yet: one lane counts them all.
        let free = self
            .store
            .write(HotelId(0), vec![], move |tx| Ok::<_, Error>(logins::begin(tx, &attempt.0, &attempt.1, now)?))
            .await?;
        if let Err(at) = free {
            let wait = (at - now).to_std().unwrap_or_default();
            return Err(Error::TooManyAttempts { retry_after: Duration::from_secs(wait.as_secs() + 1) });
        }
        let asked = username.clone();
        let found = self.store.read(move |conn| Ok::<_, Error>(staff::find_by_username(conn, &asked)?)).await?;
        let (member, hash) = found.filter(|(staff, _)| staff.active).unzip();
        let right = verifies(hash.clone(), password).await;
        drop(turn);
        let (member, hash) = member.zip(hash).filter(|_| right).ok_or(Error::BadCredentials)?;
        Ok(Verified { username, staff: member.id, hotel: member.hotel, hash, name, address, at: now })
    }

    /// Begins a session for a verified password, if it still is the password of an active staff member of this name.
    pub(crate) async fn begin_session(&self, verified: Verified) -> Result<SignedIn, Error> {
        let (session, cookie) = (new_session_id(), Secret::new());
        let digest = Digest::of(cookie.as_str().as_bytes()).to_string();
        let (hotel, now) = (verified.hotel, verified.at);
        let staff = self
            .store
            .write(hotel, vec![], move |tx| {
                logins::forget(tx, &verified.name, &verified.address)?;
                // Hashing takes a while. A password, a name or an account that was changed meanwhile, here or on
                // another node, must not begin a session that the change did not revoke.
                let known = staff::find_to_sign_in(tx, &verified.username)?;
                let still = known.filter(|(it, hash)| it.active && it.id == verified.staff && *hash == verified.hash);
                let (staff, _) = still.ok_or(Error::BadCredentials)?;
                sessions::insert(tx, session, &staff, &digest, now)?;
                Ok::<_, Error>(staff)
            })
            .await?;
        let signed_in = self.signed_in(session, staff, 0, Some(cookie.as_str().to_owned()), now).await;
        // Revoked since: the answer is that of a sign-in that came a moment later.
        signed_in.map_err(|error| if matches!(error, Error::Unauthenticated) { Error::BadCredentials } else { error })
    }

    async fn signed_in(
        &self,
        session: SessionId,
        staff: Staff,
        generation: u32,
        cookie: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<SignedIn, Error> {
        let caller = Caller { staff: staff.id, hotel: staff.hotel, session };
        let (access, refresh) = (self.access.mint(&caller, now), self.refresh.mint(session, generation));
        let (staff, hotel, departments) = self.me(caller).await?;
        Ok(SignedIn { access, refresh, cookie, staff, hotel, departments })
    }

    /// Gives a session new tokens.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; a refresh token that was used before ends its session.
    pub async fn refresh(&self, by: Refresh) -> Result<SignedIn, Error> {
        let now = self.now();
        let (live, generation) = match by {
            Refresh::Token(token) => self.refresh_by_token(&token, now).await?,
            Refresh::Cookie(cookie) => self.refresh_by_cookie(&cookie, now).await?,
        };
        self.signed_in(live.id, live.staff, generation, None, now).await
    }

    async fn refresh_by_token(&self, token: &str, now: DateTime<Utc>) -> Result<(Live, u32), Error> {
        let (id, presented) = self.refresh.verify(token).ok_or(Error::Unauthenticated)?;
        let hotel = self.live(Key::Id(id)).await?.staff.hotel;
        let lifetimes = self.lifetimes;
        let outcome = self
            .store
            .write(hotel, vec![], move |tx| {
                // Locked before it is read: a refresh of the same token on another node waits, and is then answered
                // with the pair that this one made.
                sessions::lock(tx, id)?;
                let live =
                    sessions::find_live(tx.conn(), Key::Id(id), lifetimes, now)?.ok_or(Error::Unauthenticated)?;
                let presented_void = sessions::is_void(tx.conn(), id, presented)?;
                let state = RefreshState { generation: live.generation, superseded: live.superseded, presented_void };
                let generation = live.generation;
                match decide(&state, presented, now) {
                    Refreshed::Rotate if sessions::rotate(tx, id, generation, SupersededBy::Token, now)? => {
                        Ok(Some((live, generation + 1)))
                    }
                    Refreshed::AnswerCurrent => Ok(Some((live, generation))),
                    Refreshed::RevokeSession => {
                        log::warn!("session {id}: a superseded refresh token was used again; the session is revoked");
                        end(tx, &live.staff, Which::One(id), now)?;
                        Ok(None)
                    }
                    Refreshed::Rotate | Refreshed::Refuse => Err(Error::Unauthenticated),
                }
            })
            .await?;
        outcome.ok_or(Error::Unauthenticated)
    }

    async fn refresh_by_cookie(&self, cookie: &str, now: DateTime<Utc>) -> Result<(Live, u32), Error> {
        let live = self.live_by_cookie(cookie).await?;
        let (id, lifetimes) = (live.id, self.lifetimes);
        self.store
            .write(live.staff.hotel, vec![], move |tx| {
                sessions::lock(tx, id)?;
                let live =
                    sessions::find_live(tx.conn(), Key::Id(id), lifetimes, now)?.ok_or(Error::Unauthenticated)?;
                sessions::rotate(tx, id, live.generation, SupersededBy::Cookie, now)?;
                let generation = live.generation + 1;
                Ok::<_, Error>((live, generation))
            })
            .await
    }

    /// Ends the caller's session, or all of theirs.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where it is over already.
    pub async fn logout(&self, caller: Caller, all: bool) -> Result<(), Error> {
        let now = self.now();
        let which = if all { Which::AllOf(caller.staff) } else { Which::One(caller.session) };
        self.act(caller, vec![], move |tx, live| end(tx, &live.staff, which, now)).await
    }

    /// Gives the caller another password, and ends their other sessions.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the current password is wrong, or the new one too weak.
    pub async fn change_password(&self, caller: Caller, current: String, new: String) -> Result<(), Error> {
        let verified = self.ask(caller, |conn, live| Ok(staff::password_hash(conn, live.staff.id)?)).await?;
        let turn = self.hashing.acquire().await.map_err(|_| Error::BadCredentials)?;
        let right = verifies(Some(verified.clone()), current).await;
        drop(turn);
        if !right {
            return Err(wrong_current_password());
        }
        let new = auth::Password::parse(new).map_err(|error| Error::invalid("new_password", error.to_string()))?;
        let hash = self.hash(new).await?;
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.act(caller, vec![], move |tx, live| {
            let live = lock_staff(tx, live, live.staff.id, lifetimes, now)?;
            // Another change was faster: what was verified is not the current password any more.
            if staff::password_hash(tx.conn(), live.staff.id)? != verified {
                return Err(wrong_current_password());
            }
            staff::set_password_hash(tx, live.staff.id, &hash)?;
            end(tx, &live.staff, Which::OthersOf(live.staff.id, live.id), now)
        })
        .await
    }

    /// Who the caller is: they, their hotel, their departments.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn me(&self, caller: Caller) -> Result<(Staff, Hotel, Vec<Department>), Error> {
        self.ask(caller, |conn, live| {
            let staff = live.staff.clone();
            let hotel = hotels::find(conn, staff.hotel)?.ok_or(Error::NotFound)?;
            let departments = departments::by_ids(conn, staff.hotel, &staff.departments)?;
            Ok((staff, hotel, departments))
        })
        .await
    }

    /// Reads an access token. Whether its session is still live, each use case looks itself.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub fn caller_of_token(&self, token: &str) -> Result<Caller, Error> {
        self.access.verify(token, self.now()).map_err(|_| Error::Unauthenticated)
    }

    /// Finds the live session of a cookie.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn caller_of_cookie(&self, cookie: &str) -> Result<Caller, Error> {
        let live = self.live_by_cookie(cookie).await?;
        Ok(Caller { staff: live.staff.id, hotel: live.staff.hotel, session: live.id })
    }

    /// Looks whether the caller's session is live.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn authenticate(&self, caller: Caller) -> Result<Staff, Error> {
        self.ask(caller, |_, live| Ok(live.staff.clone())).await
    }

    /// Looks whether the caller's session is live, and writes down that it is in use, as opening a
    /// socket is.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn use_session(&self, caller: Caller) -> Result<(), Error> {
        let last_used = self.ask(caller, |_, live| Ok(live.last_used_at)).await?;
        // Every change of the caller's is a use; this one changes nothing else.
        if self.now() - last_used > TOUCH_AFTER { self.act(caller, vec![], |_, _| Ok(())).await } else { Ok(()) }
    }

    async fn live_by_cookie(&self, cookie: &str) -> Result<Live, Error> {
        let digest = Digest::of(cookie.as_bytes()).to_string();
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.store
            .read(move |conn| {
                sessions::find_live(conn, Key::Cookie(&digest), lifetimes, now)?.ok_or(Error::Unauthenticated)
            })
            .await
    }

    async fn live(&self, key: Key<'static>) -> Result<Live, Error> {
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.store.read(move |conn| sessions::find_live(conn, key, lifetimes, now)?.ok_or(Error::Unauthenticated)).await
    }
}

fn wrong_current_password() -> Error {
    Error::invalid("current_password", "This is not your current password.")
}

/// Whether it is the password; of a hash that there is none of, after the same time, not. To be
/// called with one of the turns to hash.
async fn verifies(hash: Option<String>, password: String) -> bool {
    let hash = hash.map(PasswordHash::from_stored);
    let verified = tokio::task::spawn_blocking(move || match &hash {
        Some(hash) => hash.verifies(&password),
        None => {
            PasswordHash::decoy().verifies(&password);
            false
        }
    });
    verified.await.unwrap_or(false)
}

/// Locks the rows of a caller and of a staff member who is to be changed, until the end of the transaction, and reads
/// the caller's session again: a change of the caller that was committed meanwhile on another node may have revoked
/// it, or taken their role.
pub(crate) fn lock_staff(
    tx: &mut Tx<'_>,
    caller: &Live,
    changed: StaffId,
    lifetimes: Lifetimes,
    now: DateTime<Utc>,
) -> Result<Live, Error> {
    staff::lock(tx, &[caller.staff.id, changed])?;
    sessions::find_live(tx.conn(), Key::Id(caller.id), lifetimes, now)?.ok_or(Error::Unauthenticated)
}

/// Revokes sessions and tells their sockets.
pub(crate) fn end(tx: &mut Tx<'_>, staff: &Staff, which: Which, at: DateTime<Utc>) -> Result<(), Error> {
    sessions::revoke(tx, which, at)?;
    tx.record(staff.hotel, at, EventKind::StaffChanged { staff: staff.id });
    Ok(())
}

/// The address that counts: of IPv6 the /64, since one customer has all of it.
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
    fn an_ipv6_address_counts_as_its_network() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }
}
