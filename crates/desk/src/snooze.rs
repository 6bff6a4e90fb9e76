//! Snooze: hides an open conversation from the queues of all staff for a time.

use std::collections::BTreeMap;

use auth::Caller;
use chrono::{DateTime, SubsecRound, Utc};
use domain::{ConversationRef, ConversationView, HotelId};
use persistence::conversations;

use crate::{Desk, Error, KeyedWrite, WriteOutcome, save_conversation::save_with_events};

/// The most snoozes that end in one run of the timers; the others end a second later.
const MAX_ENDED: i64 = 200;

impl Desk {
    /// Snoozes a conversation until a time, or changes the end of its snooze. Fails if it is closed, or if the time is not
    /// in the future or more than 90 days ahead.
    pub async fn snooze(
        &self,
        caller: Caller,
        reference: ConversationRef,
        until: DateTime<Utc>,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        // The databases store microseconds. Without the rest the same time again is no change.
        let until = until.trunc_subsecs(6);
        self.change_conversation(caller, reference, write, move |tx, reach, conversation, at| {
            let before = conversation.clone();
            conversation.snooze(until, at)?;
            save_with_events(tx, &before, conversation, Some(reach.staff), at)
        })
        .await
    }

    /// Ends the snooze of a conversation. One that is not snoozed stays unchanged.
    pub async fn unsnooze(
        &self,
        caller: Caller,
        reference: ConversationRef,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        self.change_conversation(caller, reference, write, |tx, reach, conversation, at| {
            let before = conversation.clone();
            conversation.unsnooze();
            save_with_events(tx, &before, conversation, Some(reach.staff), at)
        })
        .await
    }

    /// Ends the snoozes whose time has come. A hotel that fails keeps no other from ending; its error is returned.
    pub(crate) async fn end_due_snoozes(&self) -> Result<(), Error> {
        let now = self.now();
        let due = self.read(move |conn| Ok(conversations::ids_with_due_snooze(conn, now, MAX_ENDED)?)).await?;
        let mut by_hotel: BTreeMap<HotelId, Vec<ConversationRef>> = BTreeMap::new();
        for (hotel, id) in due {
            by_hotel.entry(hotel).or_default().push(ConversationRef::Conversation(id));
        }
        let mut result = Ok(());
        for (hotel, conversations) in by_hotel {
            if let Err(error) = self.end_snoozes(hotel, conversations, now).await {
                log::warn!("hotel {hotel}: snoozes cannot end: {error}; the next run of the timers tries again");
                result = Err(error);
            }
        }
        result
    }

    async fn end_snoozes(&self, hotel: HotelId, due: Vec<ConversationRef>, now: DateTime<Utc>) -> Result<(), Error> {
        self.write(hotel, due.clone(), move |tx| {
            for reference in &due {
                // The snooze may be longer or over by now: staff, the guest or another node were first.
                if let Some(before) = conversations::find(tx.conn(), *reference)? {
                    let mut conversation = before.clone();
                    conversation.end_due_snooze(now);
                    save_with_events(tx, &before, &conversation, None, now)?;
                }
            }
            Ok(())
        })
        .await
    }
}
