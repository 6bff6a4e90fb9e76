//! What time brings: stays begin, and what is over is forgotten.

use chrono::TimeDelta;
use domain::{ConversationId, Hotel, HotelId, MessageId};
use persistence::{
    Tx,
    conversations::{self, Which},
    hotels, messages, upkeep,
};

use crate::{Desk, Error, Lifetimes, receive::today, settle};

/// Conversations of a hotel that are moved in one transaction.
const AT_ONCE: i64 = 200;

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Events.
    pub events: TimeDelta,
    /// What was needed to send a message, once it is sent.
    pub sent: TimeDelta,
    /// Guests' messages as they came; the messages are kept.
    pub raw: TimeDelta,
    /// What was parked, once it is settled.
    pub parked: TimeDelta,
    /// The audit log.
    pub audit: TimeDelta,
    /// Sessions.
    pub sessions: Lifetimes,
}

impl Desk {
    /// Moves the conversations whose stay has begun, by the day in the hotel, out of `checkin`.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn begin_stays(&self) -> Result<(), Error> {
        let now = self.now();
        let due = self.store.read(move |conn| {
            let all = hotels::all(conn)?.into_iter().map(|hotel| {
                let waiting = conversations::of_begun_stays(conn, hotel.id, today(&hotel, now), AT_ONCE)?;
                Ok((hotel, waiting))
            });
            all.collect::<Result<Vec<_>, Error>>()
        });
        for (hotel, waiting) in due.await? {
            if !waiting.is_empty() {
                self.begin(hotel, waiting).await?;
            }
        }
        Ok(())
    }

    async fn begin(&self, hotel: Hotel, waiting: Vec<ConversationId>) -> Result<(), Error> {
        let now = self.now();
        let all: Vec<Which> = waiting.into_iter().map(Which::Conversation).collect();
        self.store
            .write(hotel.id, all.clone(), move |tx| {
                for which in &all {
                    // Another node, or the guest, may have been faster.
                    if let Some(before) = conversations::find(tx.conn(), *which)? {
                        let mut it = before.clone();
                        it.stay_begins();
                        settle::save(tx, &before, &it, None, now)?;
                    }
                }
                Ok(())
            })
            .await
    }

    /// Stores the stable part of WhatsApp's ids of messages from before there was a column for it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn fill_stable_ids(&self) -> Result<(), Error> {
        let fill = |tx: &mut Tx<'_>| Ok::<_, Error>(messages::fill_stable_ids(tx, AT_ONCE)?);
        while self.store.write(HotelId(0), vec![], fill).await? {}
        Ok(())
    }

    /// Forgets what is over: events, keys, failed sign-ins, sessions, reports of messages that nobody knows, and what
    /// was kept of messages for long enough. In small batches, each a write of its own, so that others come between.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn prune(&self, keep: Keep) -> Result<(), Error> {
        let now = self.now();
        let before = now - keep.events;
        let hotels = self.store.read(move |conn| Ok::<_, Error>(upkeep::hotels_with_events_before(conn, before)?));
        for hotel in hotels.await? {
            let forget = move |tx: &mut Tx<'_>| Ok::<_, Error>(upkeep::forget_events(tx, hotel, before)?);
            while self.store.write(hotel, vec![], forget).await? {}
        }
        // The rest belongs to all hotels: the lane of none does it.
        let prune = move |tx: &mut Tx<'_>| Ok::<_, Error>(upkeep::prune(tx, keep.sessions, now)?);
        while self.store.write(HotelId(0), vec![], prune).await? {}
        let forget = move |tx: &mut Tx<'_>| Ok::<_, Error>(upkeep::forget_audit(tx, now - keep.audit)?);
        while self.store.write(HotelId(0), vec![], forget).await? {}
        let forget = move |tx: &mut Tx<'_>| Ok::<_, Error>(upkeep::forget_raw(tx, now - keep.raw)?);
        while self.store.write(HotelId(0), vec![], forget).await? {}
        let forget = move |tx: &mut Tx<'_>| Ok::<_, Error>(upkeep::forget_parked(tx, now - keep.parked)?);
        while self.store.write(HotelId(0), vec![], forget).await? {}
        let mut after = Some(MessageId(0));
        while let Some(from) = after {
            let forget = move |tx: &mut Tx<'_>| Ok::<_, Error>(upkeep::forget_sent(tx, from, now - keep.sent)?);
            after = self.store.write(HotelId(0), vec![], forget).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
