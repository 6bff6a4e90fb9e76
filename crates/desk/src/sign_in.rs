//! Sign-in: rate limits, verification of the password, and the start of a session.

use std::{net::IpAddr, time::Duration};

use auth::{Digest, Secret, new_session_id};
use chrono::{DateTime, Utc};
use domain::{HotelId, Staff, StaffId, username::username_key};
use persistence::{
    Conn, Tx,
    audit_log::{self, AuditActor, AuditEntry},
    login_attempts::{self, AttemptKey},
    sessions::{self, NewSession},
    sign_in_devices, staff,
};

use crate::{
    Desk, Error,
    device_secret::DeviceSecret,
    hash_queue::{HashPermit, HashPriority},
    passwords::verify_password,
    sessions::SignInResult,
};

/// The most characters that are stored of a `User-Agent`.
const MAX_USER_AGENT_CHARS: usize = 200;

/// What a request reveals about its client.
#[derive(Clone, Debug)]
pub struct ClientFacts {
    /// The client's IP address, which is part of the rate limit.
    pub address: IpAddr,
    /// The device cookie, by which a browser is known in which a person has signed in before.
    pub device: Option<DeviceSecret>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
}

/// The input of a sign-in.
pub struct Credentials {
    pub username: String,
    pub password: String,
    /// Whether the session lasts for days; false on shared computers.
    pub remember: bool,
    pub client: ClientFacts,
}

/// User name and password of a sign-in, correct when they were verified; the session is not started yet.
pub(crate) struct VerifiedCredentials {
    username: String,
    staff: StaffId,
    hotel: HotelId,
    hash: String,
    remember: bool,
    client: ClientFacts,
    attempt: AttemptKey,
    at: DateTime<Utc>,
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
        let Credentials { username, password, remember, client } = credentials;
        // In a flood, sign-ins of browsers that cannot be known cost no read of the database.
        if client.device.is_none() && self.hash_queue.is_full() {
            return Err(Error::TooManySignIns);
        }
        let now = self.now();
        let (wanted, facts) = (username.clone(), client.clone());
        let (found, attempt) = self
            .read(move |conn| {
                let found = staff::find_by_username(conn, &wanted)?;
                let attempt = attempt_key(conn, &wanted, found.as_ref().map(|(staff, _)| staff.id), &facts, now)?;
                ensure_attempt_allowed(conn, &attempt, now)?;
                Ok((found, attempt))
            })
            .await?;
        let is_known = attempt.device_digest.is_some();
        let priority = if is_known { HashPriority::Known } else { HashPriority::Unknown };
        let permit = self.begin_attempt(&attempt, priority).await?;
        let member = found.as_ref().map(|(staff, _)| staff.clone());
        let (active, hash) = found.filter(|(staff, _)| staff.active).unzip();
        let is_correct = verify_password(permit, hash.clone(), password).await;
        match active.zip(hash).filter(|_| is_correct) {
            Some((Staff { id, hotel, .. }, hash)) => {
                Ok(VerifiedCredentials { username, staff: id, hotel, hash, remember, client, attempt, at: now })
            }
            None => {
                self.audit_failure("sign_in_failed", member, client.address);
                Err(Error::BadCredentials)
            }
        }
    }

    /// Counts an attempt and waits for the turn to hash. An attempt in progress counts as failed until it succeeds.
    pub(crate) async fn begin_attempt(
        &self,
        attempt: &AttemptKey,
        priority: HashPriority,
    ) -> Result<HashPermit, Error> {
        let place = self.hash_queue.enter(priority).map_err(|_| Error::TooManySignIns)?;
        let (counted, now) = (attempt.clone(), self.now());
        let id = self
            .write_global(move |tx| {
                login_attempts::begin_attempt(tx, &counted, now)?.map_err(|retry_at| too_many_attempts(retry_at, now))
            })
            .await?;
        if let Ok(permit) = place.turn().await {
            return Ok(permit);
        }
        // The password was not verified, so the attempt does not count.
        self.write_global(move |tx| Ok(login_attempts::cancel_attempt(tx, id)?)).await?;
        Err(Error::TooManySignIns)
    }

    /// Starts a session if the verified password is still the password of an active staff member with this user name.
    pub(crate) async fn start_session(&self, verified: VerifiedCredentials) -> Result<SignInResult, Error> {
        let (session, cookie) = (new_session_id(), Secret::new());
        // A browser that is new to the person gets a new device cookie: if somebody else has put the former one there,
        // it does not become this person's.
        let known = verified.client.device.clone().filter(|_| verified.attempt.device_digest.is_some());
        let device = known.unwrap_or_else(|| DeviceSecret(Secret::new().as_str().to_owned()));
        let new = NewSession {
            id: session,
            cookie_digest: Digest::of(cookie.as_str().as_bytes()).to_string(),
            is_remembered: verified.remember,
            address: verified.client.address.to_string(),
            user_agent: verified.client.user_agent.as_deref().and_then(shorten_user_agent),
        };
        let (hotel, now, device_digest) = (verified.hotel, verified.at, device.digest());
        let staff = self
            .write(hotel, vec![], move |tx| {
                login_attempts::delete_attempts(tx, &verified.attempt)?;
                // Password hashing takes a while. If password, user name or account were changed in the meantime, that
                // change could not revoke this session, so the credentials are checked again.
                let found = staff::find_and_lock_for_sign_in(tx, &verified.username)?;
                let current =
                    found.filter(|(staff, hash)| staff.active && staff.id == verified.staff && *hash == verified.hash);
                let (staff, _) = current.ok_or(Error::BadCredentials)?;
                sessions::insert(tx, &new, &staff, now)?;
                audit_sign_in(tx, "sign_in", &staff, true, verified.client.address, now)?;
                if verified.attempt.device_digest.is_none() {
                    if let Some(former) = &verified.client.device {
                        sign_in_devices::copy(tx, &former.digest(), &device_digest, now)?;
                    }
                    audit_sign_in(tx, "new_device", &staff, true, verified.client.address, now)?;
                }
                sign_in_devices::save(tx, &device_digest, &staff, now)?;
                Ok(staff)
            })
            .await?;
        let signed_in = self.issue_tokens(session, &staff, 0, now).await;
        // If the new session was revoked immediately, return the same error as for a sign-in a moment later.
        let signed_in = signed_in
            .map_err(|error| if matches!(error, Error::Unauthenticated) { Error::BadCredentials } else { error })?;
        let cookie = Some(cookie.as_str().to_owned());
        Ok(SignInResult { cookie, device: Some(device), ..signed_in })
    }

    /// Stores a failure in the audit log, in the background: a response to an unknown user name has nothing to store, and
    /// must not be faster.
    pub(crate) fn audit_failure(&self, action: &'static str, member: Option<Staff>, address: IpAddr) {
        let Some(member) = member else { return };
        let (desk, now) = (self.clone(), self.now());
        tokio::spawn(async move {
            let hotel = member.hotel;
            let stored = desk.write(hotel, vec![], move |tx| audit_sign_in(tx, action, &member, false, address, now));
            if let Err(error) = stored.await {
                log::warn!("a failed sign-in is missing in the audit log of hotel {hotel}: {error}");
            }
        });
    }
}

/// Returns by what an attempt is counted: a browser that knows the person counts on its own.
pub(crate) fn attempt_key(
    conn: &mut Conn,
    username: &str,
    staff: Option<StaffId>,
    client: &ClientFacts,
    now: DateTime<Utc>,
) -> Result<AttemptKey, Error> {
    let device = client.device.as_ref().map(DeviceSecret::digest);
    let device_digest = match (staff, device) {
        (Some(staff), Some(digest)) if sign_in_devices::is_known(conn, &digest, staff, now)? => Some(digest),
        _ => None,
    };
    // All forms of a user name share one count of failures.
    let name_digest = Digest::of(username_key(username).as_bytes()).to_string();
    Ok(AttemptKey { name_digest, network: network(client.address), device_digest })
}

/// Fails with [`Error::TooManyAttempts`] if a limit is reached.
pub(crate) fn ensure_attempt_allowed(conn: &mut Conn, attempt: &AttemptKey, now: DateTime<Utc>) -> Result<(), Error> {
    let until = login_attempts::refused_until(conn, attempt, now)?;
    until.map_or(Ok(()), |retry_at| Err(too_many_attempts(retry_at, now)))
}

fn too_many_attempts(retry_at: DateTime<Utc>, now: DateTime<Utc>) -> Error {
    let wait = (retry_at - now).to_std().unwrap_or_default();
    Error::TooManyAttempts { retry_after: Duration::from_secs(wait.as_secs() + 1) }
}

/// Stores a sign-in or a failure in the audit log. Only a success proves who the actor was.
fn audit_sign_in(
    tx: &mut Tx<'_>,
    action: &'static str,
    member: &Staff,
    is_proven: bool,
    address: IpAddr,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let entry = AuditEntry {
        hotel: member.hotel,
        actor: if is_proven { AuditActor::Staff(member.id) } else { AuditActor::System },
        action,
        conversation: None,
        staff: Some(member.id),
        before: None,
        after: None,
    };
    Ok(audit_log::insert_from(tx, &entry, Some(address), at)?)
}

/// The part of a `User-Agent` that is stored, without control characters; `None` if nothing is left.
fn shorten_user_agent(text: &str) -> Option<String> {
    let short: String = text.trim().chars().filter(|it| !it.is_control()).take(MAX_USER_AGENT_CHARS).collect();
    (!short.is_empty()).then_some(short)
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

    #[test]
    fn a_user_agent_is_shortened() {
        assert_eq!(shorten_user_agent(" Mozilla/5.0\u{7} (X11) ").as_deref(), Some("Mozilla/5.0 (X11)"));
        assert_eq!(shorten_user_agent(&"x".repeat(500)).map(|it| it.len()), Some(MAX_USER_AGENT_CHARS));
        assert_eq!(shorten_user_agent(" "), None);
    }
}
