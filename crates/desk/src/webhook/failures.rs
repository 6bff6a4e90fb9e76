//! Updates that the store did not take, though it is there.
//!
//! Meta is told 503, and delivers them again. One that fails for hours would hold up all that comes with it: it is
//! parked then, and tried again by itself.

use std::error::Error as _;

use chrono::{DateTime, TimeDelta, Utc};
use domain::HotelId;
use persistence::{StoreError, parked};
use whatsapp::{Update, What};

use super::{Source, Unprocessed};
use crate::{Desk, Error};

/// An update that is not taken for so long is parked.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(6);
/// Parked updates that are tried again at once.
const BATCH: i64 = 50;
/// How long a parked update waits before it is tried again: the first time, and at most.
const FIRST_WAIT: TimeDelta = TimeDelta::minutes(1);
const MOST_WAIT: TimeDelta = TimeDelta::hours(6);

/// An update that the store did not take.
pub(super) struct Failed {
    /// What tells it from others.
    pub(super) key: String,
    /// As it is parked.
    pub(super) unprocessed: Unprocessed,
}

/// What tells an update from others: the same again is the same one.
pub(super) fn key(update: &Update) -> String {
    match &update.what {
        What::Message(it) => it.wamid.clone(),
        What::Status(it) => format!("{} {:?}", it.wamid, it.state.delivery()),
        What::OtherField(_) | What::Errors(_) | What::Unreadable(_) => crate::fingerprint(update.raw.as_bytes()),
    }
}

/// Logs why an update was not stored: enough to find it, and nothing of what it says.
pub(super) fn log(update: &Update, hotel: HotelId, error: &Error) {
    let constraint = match error {
        Error::Store(error) => error.constraint(),
        _ => None,
    };
    let cause = error.source().map(|it| format!(": {it}")).unwrap_or_default();
    log::error!(
        "an update of the webhook could not be stored: hotel {hotel}, update {}, constraint {}: {error}{cause}",
        key(update),
        constraint.unwrap_or("none"),
    );
}

impl Desk {
    /// What is to be parked of those that the store did not take.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where one of them is to be delivered again.
    pub(super) async fn give_up_or_refuse(
        &self,
        failed: Vec<Failed>,
        source: Source,
    ) -> Result<Vec<Unprocessed>, Error> {
        if failed.is_empty() {
            return Ok(Vec::new());
        }
        let refused = || Error::from(StoreError::Unavailable("an update could not be stored".into()));
        if source == Source::Parked {
            return Err(refused());
        }
        let mut keys: Vec<String> = failed.iter().map(|it| it.key.clone()).collect();
        // In one order on all nodes, so that none waits for another crosswise.
        keys.sort_unstable();
        let now = self.now();
        let is_over = self
            .store
            .write(HotelId(0), vec![], move |tx| {
                let since = parked::note_failures(tx, &keys, now)?;
                let is_over = since.len() == keys.len() && since.values().all(|at| *at + GIVE_UP_AFTER <= now);
                if is_over {
                    parked::forget_failures(tx, &keys)?;
                }
                Ok::<_, Error>(is_over)
            })
            .await?;
        if is_over { Ok(failed.into_iter().map(|it| it.unprocessed).collect()) } else { Err(refused()) }
    }

    /// Tries parked updates again that the store did not take, a bounded number at a time.
    ///
    /// # Errors
    /// [`Error::Store`] where the database is away.
    pub async fn retry_failed_updates(&self) -> Result<(), Error> {
        let now = self.now();
        let due = self.store.read(move |conn| Ok::<_, Error>(parked::due(conn, now, BATCH)?)).await?;
        for it in due {
            match self.retry_parked(it.id, None).await {
                Ok(_) => log::info!("parked update {} was processed", it.id),
                // Another node was faster.
                Err(Error::NotFound) => {}
                Err(error) => {
                    log::warn!("parked update {} still cannot be processed: {error}", it.id);
                    let (id, at) = (it.id, next_attempt(it.attempts, now));
                    self.store
                        .write(HotelId(0), vec![], move |tx| Ok::<_, Error>(parked::try_again_at(tx, id, at)?))
                        .await?;
                }
            }
        }
        Ok(())
    }
}

/// Each wait is twice as long as the one before, up to a bound.
fn next_attempt(attempts: i32, now: DateTime<Utc>) -> DateTime<Utc> {
    let doubled = FIRST_WAIT * (1 << attempts.clamp(0, 9));
    now + doubled.min(MOST_WAIT)
}
