//! Dead letters: updates that could not be processed, stored for a retry by hand or by maintenance.
//!
//! An update that the database refuses is not a dead letter at first: the webhook returns 503, and Meta delivers the
//! batch again. Only after 6 hours it becomes a dead letter, because it would block the updates that are
//! delivered with it.

use std::error::Error as _;

use chrono::TimeDelta;
use domain::HotelId;
use persistence::{
    StoreError,
    dead_letters::{self, DeadLetterKind, NewDeadLetter},
};
use whatsapp::{Update, UpdatePayload};

pub use persistence::dead_letters::DeadLetter;

use crate::{Desk, Error, request_digest};

/// Time during which Meta redelivers a webhook update that the database refuses; then it becomes a dead letter.
const MAX_REDELIVERY_TIME: TimeDelta = TimeDelta::hours(6);

/// A webhook update that becomes a dead letter.
pub(super) struct UnprocessedUpdate {
    pub(super) kind: DeadLetterKind,
    pub(super) reason: String,
    pub(super) phone_number_id: Option<String>,
    pub(super) hotel: Option<HotelId>,
    /// A webhook body that contains this update alone, stored for a retry.
    pub(super) raw: String,
}

/// A webhook update that the database refused to store.
pub(super) struct RefusedUpdate {
    /// Key by which the update is recognized when Meta delivers it again.
    pub(super) key: String,
    pub(super) unprocessed: UnprocessedUpdate,
}

/// The source of updates, which delivers them again if the database refuses them: Meta, or the retry of a dead letter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum UpdateSource {
    Meta,
    DeadLetter,
}

impl Desk {
    /// Returns dead letters with a greater id than `after`, oldest first.
    pub async fn list_dead_letters(&self, after: i64, limit: i64) -> Result<Vec<DeadLetter>, Error> {
        self.read(move |conn| Ok(dead_letters::list(conn, after, limit)?)).await
    }

    pub async fn find_dead_letter(&self, id: i64) -> Result<DeadLetter, Error> {
        self.read(move |conn| dead_letters::find(conn, id)?.ok_or(Error::NotFound)).await
    }

    pub(super) async fn store_dead_letters(&self, updates: Vec<UnprocessedUpdate>) -> Result<(), Error> {
        if updates.is_empty() {
            return Ok(());
        }
        let now = self.now();
        for update in &updates {
            let hotel = update.hotel.map_or_else(|| "unknown".to_owned(), |hotel| hotel.to_string());
            log::warn!("hotel {hotel}: an update of the webhook becomes a dead letter: {}", update.reason);
        }
        self.write_global(move |tx| {
            for update in &updates {
                let dead_letter = NewDeadLetter {
                    kind: update.kind,
                    reason: &update.reason,
                    phone_number_id: update.phone_number_id.as_deref(),
                    hotel: update.hotel,
                    raw: &update.raw,
                };
                dead_letters::insert(tx, &dead_letter, now)?;
            }
            Ok(())
        })
        .await
    }

    /// Returns the refused updates that become dead letters: all of them, if each was refused for the first time at
    /// least [`MAX_REDELIVERY_TIME`] ago. Otherwise fails with [`StoreError::Unavailable`], so that all are delivered
    /// again.
    pub(super) async fn give_up_refused(
        &self,
        refused: Vec<RefusedUpdate>,
        source: UpdateSource,
    ) -> Result<Vec<UnprocessedUpdate>, Error> {
        if refused.is_empty() {
            return Ok(Vec::new());
        }
        let redeliver = || Error::from(StoreError::Unavailable("an update could not be stored".into()));
        if source == UpdateSource::DeadLetter {
            return Err(redeliver());
        }
        let mut keys: Vec<String> = refused.iter().map(|update| update.key.clone()).collect();
        // The keys are sorted, so that two nodes lock the rows in the same order.
        keys.sort_unstable();
        let now = self.now();
        let is_over = self
            .write_global(move |tx| {
                let first_refusals = dead_letters::record_update_failures(tx, &keys, now)?;
                let is_over = first_refusals.len() == keys.len()
                    && first_refusals.values().all(|at| *at + MAX_REDELIVERY_TIME <= now);
                if is_over {
                    dead_letters::delete_update_failures(tx, &keys)?;
                }
                Ok(is_over)
            })
            .await?;
        if is_over { Ok(refused.into_iter().map(|update| update.unprocessed).collect()) } else { Err(redeliver()) }
    }
}

/// Returns the key by which an update is recognized when Meta delivers it again.
pub(super) fn update_key(update: &Update) -> String {
    match &update.payload {
        UpdatePayload::Message(message) => message.wamid.clone(),
        UpdatePayload::Receipt(receipt) => format!("{} {:?}", receipt.wamid, receipt.state.delivery()),
        UpdatePayload::OtherField(_) | UpdatePayload::AccountErrors(_) | UpdatePayload::Invalid(_) => {
            request_digest(update.raw.as_bytes())
        }
    }
}

/// Logs why a webhook update could not be stored, without its content.
pub(super) fn log_refusal(update: &Update, hotel: HotelId, error: &Error, next_step: &str) {
    let constraint = match error {
        Error::Store(error) => error.constraint(),
        _ => None,
    };
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    log::error!(
        "hotel {hotel}: update {} could not be stored (constraint {}); {next_step}: {error}{cause}",
        update_key(update),
        constraint.unwrap_or("none"),
    );
}
