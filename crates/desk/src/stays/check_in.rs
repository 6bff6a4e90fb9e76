//! Check-in and check-out, cancellation and its reversal.

use domain::{ConversationRef, StayId, StayView, stay::Cancellation};
use persistence::{Locks, Tx, hotels};

use crate::{
    Desk, Error, KeyedWrite, Principal, WriteOutcome,
    stays::{lock_to_administer, record_update, status::StayStatusChange, view},
};

impl Desk {
    /// Records that the guest has arrived. The stay's conversation becomes `active`, unless a department has it.
    /// Changes nothing if the stay was checked in or out before.
    pub async fn check_in(
        &self,
        principal: Principal,
        id: StayId,
        write: KeyedWrite<StayView>,
    ) -> Result<WriteOutcome<StayView>, Error> {
        self.change_status(principal, id, write, |tx, change| change.check_in(tx)).await
    }

    /// Records that the guest has left, and closes the stay's conversation. Changes nothing if the stay was checked out
    /// before.
    pub async fn check_out(
        &self,
        principal: Principal,
        id: StayId,
        write: KeyedWrite<StayView>,
    ) -> Result<WriteOutcome<StayView>, Error> {
        self.change_status(principal, id, write, |tx, change| change.check_out(tx)).await
    }

    /// Records that the guest does not come. Closes the stay's conversation, unless a department has it. Fails with
    /// [`Error::NotAllowedNow`] unless the stay is booked.
    pub async fn cancel_stay(
        &self,
        principal: Principal,
        id: StayId,
        why: Cancellation,
        write: KeyedWrite<StayView>,
    ) -> Result<WriteOutcome<StayView>, Error> {
        self.change_status(principal, id, write, move |tx, change| change.cancel(tx, why)).await
    }

    /// Makes a cancelled stay booked again. Fails with [`Error::NotAllowedNow`] if the guest was checked in or out.
    pub async fn reinstate_stay(
        &self,
        principal: Principal,
        id: StayId,
        write: KeyedWrite<StayView>,
    ) -> Result<WriteOutcome<StayView>, Error> {
        self.change_status(principal, id, write, |tx, change| change.reinstate(tx)).await
    }

    /// Changes the status of a stay. `change` returns whether the stay has changed.
    async fn change_status(
        &self,
        principal: Principal,
        id: StayId,
        write: KeyedWrite<StayView>,
        change: impl Fn(&mut Tx<'_>, &mut StayStatusChange<'_>) -> Result<bool, Error> + Send + Sync + 'static,
    ) -> Result<WriteOutcome<StayView>, Error> {
        let now = self.now();
        let locks = Locks::from(vec![ConversationRef::Stay(id)]).guest_of_stay(id);
        self.write_once_by(principal, locks, write, move |tx, initiator| {
            let mut stay = lock_to_administer(tx, &initiator, id)?;
            let hotel = hotels::find(tx.conn(), stay.hotel)?.ok_or(Error::NotFound)?;
            let mut status = StayStatusChange { hotel: &hotel, stay: &mut stay, actor: initiator.actor, now };
            if change(tx, &mut status)? {
                record_update(tx, &stay, now);
            }
            view(tx.conn(), initiator.reach.as_ref(), stay)
        })
        .await
    }
}
