//! Retries dead letters: by hand through the command line, and automatically with exponential backoff those that the
//! database had refused.

use chrono::{DateTime, TimeDelta, Utc};
use domain::HotelId;
use persistence::{audit_log::AuditActor, dead_letters, hotels};

use crate::{
    Desk, Error, audited_change,
    inbound::{dead_letters::UpdateSource, webhook::WebhookSummary},
};

/// The most dead letters that one run of maintenance retries.
const BATCH: i64 = 50;
const MIN_BACKOFF: TimeDelta = TimeDelta::minutes(1);
const MAX_BACKOFF: TimeDelta = TimeDelta::hours(6);

impl Desk {
    /// Processes a dead letter again, for the given hotel or the hotel that had the WhatsApp number. If the update
    /// cannot be processed, it becomes a new dead letter.
    ///
    /// Fails with [`Error::Invalid`] if the hotel is unknown. Fails with [`Error::Store`] if the database refuses the
    /// update; the dead letter is kept then.
    pub async fn retry_dead_letter(&self, id: i64, hotel: Option<HotelId>) -> Result<WebhookSummary, Error> {
        let dead_letter = self.find_dead_letter(id).await?;
        let hotel = hotel.or(dead_letter.hotel);
        let hotel = self
            .read(move |conn| match hotel {
                Some(id) => Ok(hotels::find(conn, id)?),
                None => Ok(None),
            })
            .await?
            .ok_or_else(|| Error::invalid("hotel", "Name the hotel that this is for."))?;
        let updates = whatsapp::parse_webhook(dead_letter.raw.as_bytes()).map_err(|why| {
            Error::invalid("id", format!("This version of the program cannot read the update either: {why}."))
        })?;
        let summary = self.process_updates(updates, Some(hotel), UpdateSource::DeadLetter).await?;
        let now = self.now();
        self.write_global(move |tx| Ok(dead_letters::mark_processed(tx, id, now)?)).await?;
        Ok(summary)
    }

    /// Processes a dead letter again for the command line, as [`Desk::retry_dead_letter`].
    pub async fn retry_dead_letter_by_operator(
        &self,
        id: i64,
        hotel: Option<HotelId>,
    ) -> Result<WebhookSummary, Error> {
        let hotel_before = self.find_dead_letter(id).await?.hotel;
        let summary = self.retry_dead_letter(id, hotel).await?;
        let now = self.now();
        if let Some(hotel) = hotel.or(hotel_before) {
            let retried = Some(format!("parked input {id}"));
            let by = (hotel, AuditActor::CommandLine);
            self.write(hotel, vec![], move |tx| {
                audited_change::record(tx, by, "parked_retried", (retried.clone(), None), now)
            })
            .await?;
        }
        Ok(summary)
    }

    /// Retries the dead letters whose next automatic attempt is due.
    pub async fn retry_due_dead_letters(&self) -> Result<(), Error> {
        let now = self.now();
        for dead_letter in self.read(move |conn| Ok(dead_letters::list_due_retries(conn, now, BATCH)?)).await? {
            let id = dead_letter.id;
            let hotel = dead_letter.hotel.map_or_else(|| "unknown".to_owned(), |hotel| hotel.to_string());
            match self.retry_dead_letter(id, None).await {
                Ok(_) => log::info!("hotel {hotel}: dead letter {id} was processed"),
                // Another node has already processed the dead letter.
                Err(Error::NotFound) => {}
                Err(error) => {
                    let retry_at = next_attempt(dead_letter.attempts, now);
                    log::warn!(
                        "hotel {hotel}: dead letter {id} could not be processed; next attempt at {retry_at}: {error}"
                    );
                    self.write_global(move |tx| Ok(dead_letters::schedule_retry(tx, id, retry_at)?)).await?;
                }
            }
        }
        Ok(())
    }
}

fn next_attempt(attempts: i32, now: DateTime<Utc>) -> DateTime<Utc> {
    let backoff = MIN_BACKOFF * (1 << attempts.clamp(0, 9));
    now + backoff.min(MAX_BACKOFF)
}
