//! What time brings: stays begin, and what is over is forgotten.

use domain::{ConversationId, Hotel, HotelId};
use persistence::{
    conversations::{self, Which},
    hotels, upkeep,
};

use crate::{Desk, Error, Keep, receive::today, settle};

/// Conversations of a hotel that are moved in one transaction.
const AT_ONCE: i64 = 200;

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

    /// Deletes a batch of events, keys, failed sign-ins and sessions that are over. Whether there
    /// may be more.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn prune(&self, keep: Keep) -> Result<bool, Error> {
        let now = self.now();
        // What is over belongs to all hotels: the lane of none does it.
        self.store.write(HotelId(0), vec![], move |tx| Ok(upkeep::prune(tx, keep, now)?)).await
    }
}

#[cfg(test)]
mod tests;
