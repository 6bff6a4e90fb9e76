//! Runs a use case on one snapshot (`read`, `read_as`) or in one transaction (`write`, `write_as`, `write_once`).
//!
//! No other file of this crate calls the store, except [`Desk`] itself to open it. The `_as` variants load the
//! caller's session first, in the same snapshot or transaction, and fail with [`Error::Unauthenticated`] if it is over.
//!
//! A job of a write may run several times, because the writer repeats a group that was rolled back. A job must keep no
//! state between two runs.

use crate::{
    Desk, Error, KeyedWrite, Principal, WriteOutcome,
    principal::Initiator,
    read_limit::{ReadCost, ReadPermit},
};
use auth::Caller;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ApiKeyId, HotelId, Reach};
use persistence::{
    Conn, Locks, ReadPurpose, Ticket, Tx, WriteKey, api_keys,
    event_log::LogCursor,
    idempotency::{self, KeyRetention, KeyStatus},
    sessions::{self, LiveSession, SessionCheck, SessionKey},
};

/// Minimum time between two updates of a session's last use. A session on a shared computer ends after 30 minutes, so its
/// last use has to be more exact.
pub(crate) fn touch_interval(live: &LiveSession) -> TimeDelta {
    if live.is_remembered { TimeDelta::hours(1) } else { TimeDelta::minutes(1) }
}

/// Whether a use case runs for a caller who must change the password first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordRule {
    /// It is refused until the password was changed.
    MustBeOwn,
    /// It runs: it belongs to the sign-in.
    MayBeForeign,
}

impl PasswordRule {
    pub(crate) fn check(self, live: &LiveSession) -> Result<(), Error> {
        let is_refused = self == Self::MustBeOwn && live.must_change_password;
        if is_refused { Err(Error::PasswordChangeRequired) } else { Ok(()) }
    }
}

/// A result, and the position in the hotel's event log from which a client continues.
#[derive(Debug)]
pub struct WithCursor<T> {
    pub value: T,
    /// Head of the hotel's event log in the snapshot from which `value` was read.
    pub cursor: LogCursor,
}

pub(crate) type WriteTicket<T> = Ticket<T, Error>;

impl Desk {
    /// Runs a read `job` on one snapshot of the database.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.store.read(job).await
    }

    /// Runs `job` on one snapshot, on a connection that is reserved for `purpose`. `permit` is released when the job
    /// has ended, which may be after the caller has stopped waiting.
    pub(crate) async fn read_for<T: Send + 'static>(
        &self,
        purpose: ReadPurpose,
        permit: Option<ReadPermit>,
        job: impl FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.store
            .read_for(purpose, move |conn| {
                let _permit = permit;
                job(conn)
            })
            .await
    }

    pub(crate) async fn read_as<T: Send + 'static>(
        &self,
        caller: Caller,
        job: impl FnOnce(&mut Conn, &LiveSession) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read_as_with_cost(caller, ReadCost::Indexed, job).await
    }

    pub(crate) async fn read_as_with_cost<T: Send + 'static>(
        &self,
        caller: Caller,
        cost: ReadCost,
        job: impl FnOnce(&mut Conn, &LiveSession) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read_in_session(caller, cost, PasswordRule::MustBeOwn, job).await
    }

    /// Runs a read `job` for a caller who may have to change the password first: for the calls of the sign-in.
    pub(crate) async fn read_own_session<T: Send + 'static>(
        &self,
        caller: Caller,
        job: impl FnOnce(&mut Conn, &LiveSession) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read_in_session(caller, ReadCost::Indexed, PasswordRule::MayBeForeign, job).await
    }

    async fn read_in_session<T: Send + 'static>(
        &self,
        caller: Caller,
        cost: ReadCost,
        rule: PasswordRule,
        job: impl FnOnce(&mut Conn, &LiveSession) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = self.read_limiter.acquire(caller.staff, cost).await?;
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.read_for(cost.purpose(), Some(permit), move |conn| {
            let live = sessions::find_live(conn, SessionKey::Id(caller.session), lifetimes, now)?;
            let live = live.ok_or(Error::Unauthenticated)?;
            rule.check(&live)?;
            job(conn, &live)
        })
        .await
    }

    /// Runs a read `job` that loads the caller's session together with the rows, in one statement on PostgreSQL. The job
    /// returns `None` if the session is over; its caller applies the [`PasswordRule`].
    pub(crate) async fn read_statement_as<T: Send + 'static>(
        &self,
        caller: Caller,
        mut job: impl FnMut(&mut Conn, SessionCheck) -> Result<Option<T>, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = self.read_limiter.acquire(caller.staff, ReadCost::Indexed).await?;
        let session = self.session_check(caller);
        self.store
            .read_statement(ReadPurpose::Request, move |conn| {
                let _permit = &permit;
                job(conn, session)?.ok_or(Error::Unauthenticated)
            })
            .await
    }

    fn session_check(&self, caller: Caller) -> SessionCheck {
        SessionCheck { id: caller.session, lifetimes: self.lifetimes, now: self.now() }
    }

    /// Runs a read `job` for a caller, and returns its result with the head of the event log in the same snapshot.
    pub(crate) async fn read_with_cursor<T: Send + 'static>(
        &self,
        caller: Caller,
        cost: ReadCost,
        job: impl FnOnce(&mut Conn, &Reach) -> Result<T, Error> + Send + 'static,
    ) -> Result<WithCursor<T>, Error> {
        let permit = self.read_limiter.acquire(caller.staff, cost).await?;
        let session = self.session_check(caller);
        self.read_for(cost.purpose(), Some(permit), move |conn| {
            let found = sessions::find_live_at_cursor(conn, session)?;
            let (live, cursor) = found.ok_or(Error::Unauthenticated)?;
            PasswordRule::MustBeOwn.check(&live)?;
            Ok(WithCursor { value: job(conn, &live.staff.reach())?, cursor })
        })
        .await
    }

    /// Runs a read `job` for a staff session or an API key, with its hotel and visibility scope. An API key has none: it
    /// sees no conversation.
    pub(crate) async fn read_by<T: Send + 'static>(
        &self,
        principal: Principal,
        cost: ReadCost,
        job: impl FnOnce(&mut Conn, HotelId, Option<&Reach>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        match principal {
            Principal::Staff(caller) => {
                self.read_as_with_cost(caller, cost, |conn, live| {
                    let reach = live.staff.reach();
                    job(conn, reach.hotel, Some(&reach))
                })
                .await
            }
            Principal::ApiKey { id, hotel } => {
                let now = self.now();
                self.read_for(cost.purpose(), None, move |conn| {
                    ensure_valid_key(conn, id, now)?;
                    job(conn, hotel, None)
                })
                .await
            }
        }
    }

    /// Runs `job` in a transaction of the hotel's writer, and returns when it is durable. `locks` names the rows that
    /// the job decides about; they are locked before the job runs.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        hotel: HotelId,
        locks: impl Into<Locks>,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.store.write(hotel, locks, job).await
    }

    /// Runs `job` in a transaction of the global writer, for data that belongs to no single hotel. Returns when it is
    /// durable.
    pub(crate) async fn write_global<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.store.write(WriteKey::Global, Locks::default(), job).await
    }

    /// Queues a write and returns as soon as it is in the writer's queue; [`Ticket::result`] waits for its result.
    /// Writes of one hotel run in the order in which they were queued. A write is not begun if its ticket is dropped.
    pub(crate) async fn submit_write<T: Send + 'static>(
        &self,
        hotel: HotelId,
        locks: impl Into<Locks>,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<WriteTicket<T>, Error> {
        self.store.submit_write(hotel, locks, job).await
    }

    pub(crate) async fn write_as<T: Send + 'static>(
        &self,
        caller: Caller,
        locks: impl Into<Locks>,
        job: impl FnMut(&mut Tx<'_>, &LiveSession) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.write(caller.hotel, locks, self.in_session(caller, PasswordRule::MustBeOwn, job)).await
    }

    /// Runs `job` in a transaction for a caller who may have to change the password first: for the calls of the sign-in.
    pub(crate) async fn write_own_session<T: Send + 'static>(
        &self,
        caller: Caller,
        locks: impl Into<Locks>,
        job: impl FnMut(&mut Tx<'_>, &LiveSession) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.write(caller.hotel, locks, self.in_session(caller, PasswordRule::MayBeForeign, job)).await
    }

    /// Queues a write for a caller, and returns as soon as it is in the writer's queue; see [`Desk::submit_write`]. `load`
    /// loads the session together with what the job needs, and returns `None` if the session is over.
    pub(crate) async fn submit_write_as<T: Send + 'static, L: 'static>(
        &self,
        caller: Caller,
        locks: impl Into<Locks>,
        load: impl FnMut(&mut Conn, SessionCheck) -> Result<Option<(LiveSession, L)>, Error> + Send + 'static,
        job: impl FnMut(&mut Tx<'_>, &LiveSession, L) -> Result<T, Error> + Send + 'static,
    ) -> Result<WriteTicket<T>, Error> {
        self.submit_write(caller.hotel, locks, self.in_loaded_session(caller, PasswordRule::MustBeOwn, load, job)).await
    }

    /// Runs `job` with the session of the caller, which is loaded in the same transaction.
    fn in_session<T, J>(
        &self,
        caller: Caller,
        rule: PasswordRule,
        mut job: J,
    ) -> impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + use<T, J> + 'static
    where
        T: 'static,
        J: FnMut(&mut Tx<'_>, &LiveSession) -> Result<T, Error> + Send + 'static,
    {
        let load = |conn: &mut Conn, SessionCheck { id, lifetimes, now }| {
            Ok(sessions::find_live(conn, SessionKey::Id(id), lifetimes, now)?.map(|live| (live, ())))
        };
        self.in_loaded_session(caller, rule, load, move |tx, live, ()| job(tx, live))
    }

    fn in_loaded_session<T, L, F, J>(
        &self,
        caller: Caller,
        rule: PasswordRule,
        mut load: F,
        mut job: J,
    ) -> impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + use<T, L, F, J> + 'static
    where
        T: 'static,
        L: 'static,
        F: FnMut(&mut Conn, SessionCheck) -> Result<Option<(LiveSession, L)>, Error> + Send + 'static,
        J: FnMut(&mut Tx<'_>, &LiveSession, L) -> Result<T, Error> + Send + 'static,
    {
        let session = self.session_check(caller);
        move |tx| {
            let (live, loaded) = load(tx.conn(), session)?.ok_or(Error::Unauthenticated)?;
            rule.check(&live)?;
            let result = job(tx, &live, loaded)?;
            // A socket lives long without a new token, so its writes also count as use of the session.
            if session.now - live.last_used_at > touch_interval(&live) {
                sessions::touch(tx, live.id, session.now)?;
            }
            Ok(result)
        }
    }

    /// Runs `job` for a caller in a transaction. If the idempotency key of `write` was used in the last day, returns
    /// the stored result instead of running the job.
    pub(crate) async fn write_once<T: Send + 'static>(
        &self,
        caller: Caller,
        locks: impl Into<Locks>,
        write: KeyedWrite<T>,
        job: impl FnMut(&mut Tx<'_>, &LiveSession) -> Result<T, Error> + Send + 'static,
    ) -> Result<WriteOutcome<T>, Error> {
        self.write_once_within(KeyRetention::Day, caller, locks, write, job).await
    }

    /// Runs `job`, which sends a message to a guest, as [`Desk::write_once`], but stores the idempotency key without
    /// expiry.
    pub(crate) async fn send_once<T: Send + 'static>(
        &self,
        caller: Caller,
        locks: impl Into<Locks>,
        write: KeyedWrite<T>,
        job: impl FnMut(&mut Tx<'_>, &LiveSession) -> Result<T, Error> + Send + 'static,
    ) -> Result<WriteOutcome<T>, Error> {
        self.write_once_within(KeyRetention::Forever, caller, locks, write, job).await
    }

    async fn write_once_within<T: Send + 'static>(
        &self,
        lifetime: KeyRetention,
        caller: Caller,
        locks: impl Into<Locks>,
        write: KeyedWrite<T>,
        mut job: impl FnMut(&mut Tx<'_>, &LiveSession) -> Result<T, Error> + Send + 'static,
    ) -> Result<WriteOutcome<T>, Error> {
        let now = self.now();
        self.write_as(caller, locks, move |tx, live| {
            let Some(key) = &write.key else { return job(tx, live).map(WriteOutcome::Performed) };
            match idempotency::find(tx.conn(), key, now)? {
                KeyStatus::Completed(stored) => Ok(WriteOutcome::Replayed(stored)),
                KeyStatus::Mismatch => Err(Error::IdempotencyMismatch),
                KeyStatus::New => {
                    let result = job(tx, live)?;
                    idempotency::save(tx, key, &(write.serialize)(&result), lifetime, now)?;
                    Ok(WriteOutcome::Performed(result))
                }
            }
        })
        .await
    }

    /// Runs `job` as [`Desk::write_once`], for a staff session or an API key. An API key has no idempotency keys: its
    /// use cases change nothing when they are repeated.
    pub(crate) async fn write_once_by<T: Send + 'static>(
        &self,
        principal: Principal,
        locks: impl Into<Locks>,
        write: KeyedWrite<T>,
        mut job: impl FnMut(&mut Tx<'_>, Initiator) -> Result<T, Error> + Send + 'static,
    ) -> Result<WriteOutcome<T>, Error> {
        match principal {
            Principal::Staff(caller) => {
                self.write_once(caller, locks, write, move |tx, live| job(tx, live.into())).await
            }
            Principal::ApiKey { id, hotel } => {
                let (initiator, now) = (Initiator::api_key(id, hotel), self.now());
                self.write(hotel, locks, move |tx| {
                    ensure_valid_key(tx.conn(), id, now)?;
                    job(tx, initiator.clone())
                })
                .await
                .map(WriteOutcome::Performed)
            }
        }
    }
}

/// Fails with [`Error::Unauthenticated`] if an API key was revoked, or has expired, since it was authenticated.
fn ensure_valid_key(conn: &mut Conn, id: ApiKeyId, now: DateTime<Utc>) -> Result<(), Error> {
    if api_keys::is_valid(conn, id, now)? { Ok(()) } else { Err(Error::Unauthenticated) }
}
