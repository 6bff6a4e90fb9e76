//! Maintenance: tasks of every minute. Running a task twice changes nothing.

use chrono::TimeDelta;
use domain::{ConversationId, ConversationRef, Hotel, MessageId};
use persistence::{Tx, conversations, hotels, messages, reports::backfill, retention};

use crate::{Desk, Error, SessionLifetimes, hotel_calendar::today, save_conversation::save_with_events};

const MAX_CONVERSATIONS_PER_TRANSACTION: i64 = 200;
const MAX_MESSAGES_PER_TRANSACTION: i64 = 200;
const REPORTED_MESSAGES_PER_TRANSACTION: i64 = 1000;

/// Retention: the age at which rows of each kind are deleted.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub events: TimeDelta,
    /// Age of outbox rows of messages that were sent.
    pub sent: TimeDelta,
    /// Age of the JSON of guest messages; the messages themselves are kept.
    pub raw: TimeDelta,
    /// Age of dead letters that were processed.
    pub parked: TimeDelta,
    pub audit: TimeDelta,
    pub sessions: SessionLifetimes,
}

impl Desk {
    /// Moves conversations from `checkin` to `active` if the first day of the stay has begun in the hotel's time zone.
    pub async fn start_begun_stays(&self) -> Result<(), Error> {
        let now = self.now();
        let due = self.read(move |conn| {
            let by_hotel = hotels::all(conn)?.into_iter().map(|hotel| {
                let today = today(&hotel, now);
                let due = conversations::ids_with_begun_stay(conn, hotel.id, today, MAX_CONVERSATIONS_PER_TRANSACTION)?;
                Ok((hotel, due))
            });
            by_hotel.collect::<Result<Vec<_>, Error>>()
        });
        for (hotel, due) in due.await? {
            if !due.is_empty() {
                self.activate(hotel, due).await?;
            }
        }
        Ok(())
    }

    async fn activate(&self, hotel: Hotel, due: Vec<ConversationId>) -> Result<(), Error> {
        let now = self.now();
        let references: Vec<ConversationRef> = due.into_iter().map(ConversationRef::Conversation).collect();
        self.write(hotel.id, references.clone(), move |tx| {
            for reference in &references {
                // `begin_stay` does nothing if another node or a guest message has activated the conversation first.
                if let Some(before) = conversations::find(tx.conn(), *reference)? {
                    let mut conversation = before.clone();
                    conversation.begin_stay();
                    save_with_events(tx, &before, &conversation, None, now)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Fills the column with the stable part of WhatsApp message ids, for messages that are older than the column.
    pub async fn fill_stable_ids(&self) -> Result<(), Error> {
        self.write_batches(|tx| Ok(messages::backfill_stable_ids(tx, MAX_MESSAGES_PER_TRANSACTION)?)).await
    }

    /// Stores the rows of reports of messages that are older than the reports.
    pub async fn fill_reports(&self) -> Result<(), Error> {
        self.write_batches(|tx| Ok(backfill::fill(tx, REPORTED_MESSAGES_PER_TRANSACTION)?)).await
    }

    /// Deletes rows that are older than their retention, in small transactions, so that other writes run in between.
    pub async fn prune(&self, retention: Retention) -> Result<(), Error> {
        let now = self.now();
        let before = now - retention.events;
        for hotel in self.read(move |conn| Ok(retention::hotels_with_events_before(conn, before)?)).await? {
            let prune = move |tx: &mut Tx<'_>| Ok(retention::delete_events(tx, hotel, before)?);
            while self.write(hotel, vec![], prune).await? {}
        }
        self.write_batches(move |tx| Ok(retention::delete_expired(tx, retention.sessions, now)?)).await?;
        self.write_batches(move |tx| Ok(retention::delete_audit_entries(tx, now - retention.audit)?)).await?;
        self.write_batches(move |tx| Ok(retention::delete_raw_messages(tx, now - retention.raw)?)).await?;
        self.write_batches(move |tx| Ok(retention::delete_reaction_updates(tx, now - retention.raw)?)).await?;
        self.write_batches(move |tx| Ok(retention::delete_dead_letters(tx, now - retention.parked)?)).await?;
        let mut after = Some(MessageId(0));
        while let Some(from) = after {
            after = self
                .write_global(move |tx| Ok(retention::delete_sent_outbox_rows(tx, from, now - retention.sent)?))
                .await?;
        }
        Ok(())
    }

    /// Runs `batch` in one global transaction after another, until it returns `false`.
    async fn write_batches(
        &self,
        batch: impl Fn(&mut Tx<'_>) -> Result<bool, Error> + Copy + Send + 'static,
    ) -> Result<(), Error> {
        while self.write_global(batch).await? {}
        Ok(())
    }
}

#[cfg(test)]
mod tests;
