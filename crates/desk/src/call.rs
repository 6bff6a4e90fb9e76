//! How a use case is run: for whom, and once.

use auth::Caller;
use domain::{ApiKeyId, HotelId, Role};
use persistence::{
    Conn, Locks, Tx,
    audit::Actor,
    conversations::Slice,
    idempotency::{self, Key, Known, Lifetime},
    sessions::{self, Live},
};

use crate::{Desk, Error, caller_reads::Weight};

/// A page of a list: from 1, of so many.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Its number, from 1.
    pub number: i64,
    /// How many entries a page has, 1 to 100.
    pub size: i64,
}

impl Page {
    pub(crate) fn slice(self) -> Slice {
        Slice { offset: (self.number - 1).saturating_mul(self.size), limit: self.size }
    }

    /// Refuses a page past the end; the first one exists even where nothing is listed.
    pub(crate) fn refuse_past(self, count: i64) -> Result<(), Error> {
        if self.number > 1 && self.slice().offset >= count { Err(Error::NotFound) } else { Ok(()) }
    }
}

/// How a write answers, so that a key that comes again gets the same.
pub struct Once<T> {
    /// The key, if the request has one.
    pub key: Option<Key>,
    /// Writes the answer down.
    pub answer: fn(&T) -> String,
}

impl<T> Once<T> {
    /// A write without a key.
    pub fn unkeyed() -> Self {
        Self { key: None, answer: |_| String::new() }
    }
}

/// What came of a write.
#[derive(Debug)]
pub enum Done<T> {
    /// It was done now.
    Now(T),
    /// It was done before, under the same key: the answer as written down then.
    Before(String),
}

/// Who asks: a member of the hotel's staff, or another system of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A staff member. Whether their session is live, each use case looks itself.
    Staff(Caller),
    /// A system that knows an API key.
    ApiKey {
        /// The key's id.
        id: ApiKeyId,
        /// Its hotel.
        hotel: HotelId,
    },
}

/// For whom a change is made, as it is within its transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agent {
    pub(crate) hotel: HotelId,
    pub(crate) actor: Actor,
    administers: bool,
}

impl From<&Live> for Agent {
    fn from(live: &Live) -> Self {
        let administers = live.staff.role == Role::Manager;
        Self { hotel: live.staff.hotel, actor: Actor::Staff(live.staff.id), administers }
    }
}

impl Agent {
    /// Refuses who is no manager, nor another system of the hotel.
    pub(crate) fn refuse_unless_administers(self) -> Result<(), Error> {
        if self.administers { Ok(()) } else { Err(Error::Forbidden) }
    }
}

impl Desk {
    /// Runs a question of a caller, on one snapshot with what they may see.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        caller: Caller,
        job: impl FnMut(&mut Conn, &Live) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.ask_much(caller, Weight::Light, job).await
    }

    /// As [`Desk::ask`], with how much there may be to look at.
    pub(crate) async fn ask_much<T: Send + 'static>(
        &self,
        caller: Caller,
        weight: Weight,
        mut job: impl FnMut(&mut Conn, &Live) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.reads.turn(caller.staff, weight).await?;
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.store
            .read(move |conn| {
                let _turn = turn;
                let live = sessions::find_live(conn, sessions::Key::Id(caller.session), lifetimes, now)?;
                job(conn, live.as_ref().ok_or(Error::Unauthenticated)?)
            })
            .await
    }

    /// Runs a caller's change, in one transaction with what they may see.
    pub(crate) async fn act<T: Send + 'static>(
        &self,
        caller: Caller,
        locks: impl Into<Locks>,
        mut job: impl FnMut(&mut Tx<'_>, &Live) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.store
            .write(caller.hotel, locks, move |tx| {
                let live = sessions::find_live(tx.conn(), sessions::Key::Id(caller.session), lifetimes, now)?
                    .ok_or(Error::Unauthenticated)?;
                let result = job(tx, &live)?;
                // A socket lives long without a new token: its writes are use of its session, too.
                if now - live.last_used_at > TOUCH_AFTER {
                    sessions::touch(tx, live.id, now)?;
                }
                Ok(result)
            })
            .await
    }

    /// As [`Desk::act`], but once: a key that was answered before gets that answer again.
    pub(crate) async fn act_once<T: Send + 'static>(
        &self,
        caller: Caller,
        locks: impl Into<Locks>,
        once: Once<T>,
        job: impl FnMut(&mut Tx<'_>, &Live) -> Result<T, Error> + Send + 'static,
    ) -> Result<Done<T>, Error> {
        self.act_once_within(Lifetime::Day, caller, locks, once, job).await
    }

    /// As [`Desk::act_once`], for what is sent to a guest: the key is kept for ever.
    pub(crate) async fn send_once<T: Send + 'static>(
        &self,
        caller: Caller,
        locks: impl Into<Locks>,
        once: Once<T>,
        job: impl FnMut(&mut Tx<'_>, &Live) -> Result<T, Error> + Send + 'static,
    ) -> Result<Done<T>, Error> {
        self.act_once_within(Lifetime::Forever, caller, locks, once, job).await
    }

    async fn act_once_within<T: Send + 'static>(
        &self,
        lifetime: Lifetime,
        caller: Caller,
        locks: impl Into<Locks>,
        once: Once<T>,
        mut job: impl FnMut(&mut Tx<'_>, &Live) -> Result<T, Error> + Send + 'static,
    ) -> Result<Done<T>, Error> {
        let now = self.now();
        self.act(caller, locks, move |tx, live| {
            let Some(key) = &once.key else { return job(tx, live).map(Done::Now) };
            match idempotency::find(tx.conn(), key, now)? {
                Known::Answered(answer) => Ok(Done::Before(answer)),
                Known::Mismatch => Err(Error::IdempotencyMismatch),
                Known::New => {
                    let done = job(tx, live)?;
                    idempotency::keep(tx, key, &(once.answer)(&done), lifetime, now)?;
                    Ok(Done::Now(done))
                }
            }
        })
        .await
    }

    /// As [`Desk::act_once`], for staff or an API key. Who acts by an API key has no keys for this: what they
    /// may do changes nothing when it is done again.
    pub(crate) async fn act_for<T: Send + 'static>(
        &self,
        by: Principal,
        locks: impl Into<Locks>,
        once: Once<T>,
        mut job: impl FnMut(&mut Tx<'_>, Agent) -> Result<T, Error> + Send + 'static,
    ) -> Result<Done<T>, Error> {
        match by {
            Principal::Staff(caller) => self.act_once(caller, locks, once, move |tx, live| job(tx, live.into())).await,
            Principal::ApiKey { id, hotel } => {
                let agent = Agent { hotel, actor: Actor::ApiKey(id), administers: true };
                self.store.write(hotel, locks, move |tx| job(tx, agent)).await.map(Done::Now)
            }
        }
    }

    /// The answer that was given to a key, for a request that is not understood any more.
    ///
    /// # Errors
    /// [`Error::IdempotencyMismatch`] where the key came with another body.
    pub async fn answered(&self, caller: Caller, key: Key) -> Result<Option<String>, Error> {
        let now = self.now();
        self.ask(caller, move |conn, _| match idempotency::find(conn, &key, now)? {
            Known::New => Ok(None),
            Known::Answered(answer) => Ok(Some(answer)),
            Known::Mismatch => Err(Error::IdempotencyMismatch),
        })
        .await
    }
}

/// A session's last use is written down at most so often.
pub(crate) const TOUCH_AFTER: chrono::TimeDelta = chrono::TimeDelta::hours(1);
