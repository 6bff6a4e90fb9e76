//! Idempotency keys: a write that is repeated under the same key returns the first result.

use auth::Caller;
use persistence::idempotency::{self, KeyStatus};

pub use persistence::idempotency::IdempotencyKey;

use crate::{Desk, Error};

/// The idempotency key of a write, and the form in which its result is stored for replays.
pub struct KeyedWrite<T> {
    pub key: Option<IdempotencyKey>,
    pub serialize: fn(&T) -> String,
}

impl<T> KeyedWrite<T> {
    pub fn without_key() -> Self {
        Self { key: None, serialize: |_| String::new() }
    }
}

#[derive(Debug)]
pub enum WriteOutcome<T> {
    Performed(T),
    /// The write was not performed: the stored result of an earlier write under the same idempotency key.
    Replayed(String),
}

impl Desk {
    /// Returns the result that is stored under an idempotency key, for a request whose body is no longer valid.
    ///
    /// Fails with [`Error::IdempotencyMismatch`] if the key was used for another request.
    pub async fn find_stored_result(&self, caller: Caller, key: IdempotencyKey) -> Result<Option<String>, Error> {
        let now = self.now();
        self.read_as(caller, move |conn, _| match idempotency::find(conn, &key, now)? {
            KeyStatus::New => Ok(None),
            KeyStatus::Completed(stored) => Ok(Some(stored)),
            KeyStatus::Mismatch => Err(Error::IdempotencyMismatch),
        })
        .await
    }

    /// Returns the stored result of a write that is repeated, for a write whose password is checked before its
    /// transaction.
    pub(crate) async fn find_repeated<T>(
        &self,
        caller: Caller,
        write: &KeyedWrite<T>,
    ) -> Result<Option<String>, Error> {
        match &write.key {
            Some(key) => self.find_stored_result(caller, key.clone()).await,
            None => Ok(None),
        }
    }
}
