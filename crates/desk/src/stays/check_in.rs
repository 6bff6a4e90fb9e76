//! Check-in and check-out.

use domain::{ConversationRef, HistoryChange, HistoryKind, StayId, StayView};
use persistence::{Locks, conversations, hotels, stays};

use crate::{
    Desk, Error, KeyedWrite, Principal, WriteOutcome,
    conversation_for_stay::find_or_create_conversation,
    flow_runner, history,
    save_conversation::save_with_events,
    stays::{lock_to_administer, record_update, view},
    visibility::assignee_reach_on_reopen,
};

const CHECKED_IN: HistoryChange = HistoryChange::of(HistoryKind::CheckedIn);
const CHECKED_OUT: HistoryChange = HistoryChange::of(HistoryKind::CheckedOut);

impl Desk {
    /// Records that the guest has arrived. The stay's conversation becomes `active`, unless a department has it.
    /// Changes nothing if the stay was checked in or out before.
    pub async fn check_in(
        &self,
        principal: Principal,
        id: StayId,
        write: KeyedWrite<StayView>,
    ) -> Result<WriteOutcome<StayView>, Error> {
        let now = self.now();
        let locks = Locks::from(vec![ConversationRef::Stay(id)]).guest_of_stay(id);
        self.write_once_by(principal, locks, write, move |tx, initiator| {
            let stay = lock_to_administer(tx, &initiator, id)?;
            // A late repetition of a check-in must not check in a guest who has left.
            if stay.checked_in_at.is_some() || stay.checked_out_at.is_some() {
                return view(tx.conn(), initiator.reach.as_ref(), stay);
            }
            let stay = stays::check_in(tx, id, now)?;
            let hotel = hotels::find(tx.conn(), stay.hotel)?.ok_or(Error::NotFound)?;
            let before = find_or_create_conversation(tx, &hotel, stay.guest, Some(&stay), now)?;
            let assignee = assignee_reach_on_reopen(tx, &before)?;
            let mut conversation = before.clone();
            conversation.record_check_in(assignee.as_ref());
            history::add_entry(tx, &before, &CHECKED_IN, initiator.actor, None, now)?;
            save_with_events(tx, &before, &conversation, initiator.actor, now)?;
            record_update(tx, &stay, now);
            view(tx.conn(), initiator.reach.as_ref(), stay)
        })
        .await
    }

    /// Records that the guest has left, and closes the stay's conversation. Changes nothing if the stay was checked out
    /// before.
    pub async fn check_out(
        &self,
        principal: Principal,
        id: StayId,
        write: KeyedWrite<StayView>,
    ) -> Result<WriteOutcome<StayView>, Error> {
        let now = self.now();
        let locks = Locks::from(vec![ConversationRef::Stay(id)]).guest_of_stay(id);
        self.write_once_by(principal, locks, write, move |tx, initiator| {
            let stay = lock_to_administer(tx, &initiator, id)?;
            if stay.checked_out_at.is_some() {
                return view(tx.conn(), initiator.reach.as_ref(), stay);
            }
            let stay = stays::check_out(tx, id, now)?;
            if let Some(mut conversation) = conversations::find(tx.conn(), ConversationRef::Stay(id))? {
                let hotel = hotels::find(tx.conn(), stay.hotel)?.ok_or(Error::NotFound)?;
                flow_runner::send_farewell(tx, &hotel, &mut conversation, now)?;
                let before = conversation.clone();
                conversation.close();
                history::add_entry(tx, &before, &CHECKED_OUT, initiator.actor, None, now)?;
                save_with_events(tx, &before, &conversation, initiator.actor, now)?;
            }
            record_update(tx, &stay, now);
            view(tx.conn(), initiator.reach.as_ref(), stay)
        })
        .await
    }
}
