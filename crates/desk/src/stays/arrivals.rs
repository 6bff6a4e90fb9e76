//! Guests arrive, and leave.

use domain::{Stay, StayId};
use persistence::{
    Locks,
    conversations::{self, Which},
    hotels, stays,
};

use super::hold;
use crate::{Desk, Done, Error, Once, Principal, flow, receive::conversation_of, settle};

impl Desk {
    /// Takes in that the guest of a stay has arrived: its conversation, made where there is none, is with the
    /// flow, unless a department has it. Nothing happens to a stay that was checked in or out before.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub async fn check_in(&self, by: Principal, id: StayId, once: Once<Stay>) -> Result<Done<Stay>, Error> {
        let now = self.now();
        self.act_for(by, Locks::from(vec![Which::Stay(id)]).guest_of_stay(id), once, move |tx, agent| {
            let stay = hold(tx, agent, id)?;
            // A repetition that comes late must not bring back who has left.
            if stay.checked_in_at.is_some() || stay.checked_out_at.is_some() {
                return Ok(stay);
            }
            let stay = stays::check_in(tx, id, now)?;
            let hotel = hotels::find(tx.conn(), stay.hotel)?.ok_or(Error::NotFound)?;
            let mut it = conversation_of(tx, &hotel, stay.guest, Some(&stay), now)?;
            let (before, assignee) = (it.clone(), settle::reach_at_reopening(tx, &it)?);
            it.guest_arrives(assignee.as_ref());
            settle::save(tx, &before, &it, agent.actor, now)?;
            Ok(stay)
        })
        .await
    }

    /// Takes in that the guest of a stay has left: its conversation is closed. Nothing happens to a stay that
    /// was checked out before.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub async fn check_out(&self, by: Principal, id: StayId, once: Once<Stay>) -> Result<Done<Stay>, Error> {
        let now = self.now();
        self.act_for(by, Locks::from(vec![Which::Stay(id)]).guest_of_stay(id), once, move |tx, agent| {
            let stay = hold(tx, agent, id)?;
            if stay.checked_out_at.is_some() {
                return Ok(stay);
            }
            let stay = stays::check_out(tx, id, now)?;
            if let Some(mut it) = conversations::find(tx.conn(), Which::Stay(id))? {
                let hotel = hotels::find(tx.conn(), stay.hotel)?.ok_or(Error::NotFound)?;
                flow::bid_farewell(tx, &hotel, &mut it, now)?;
                let before = it.clone();
                it.close();
                settle::save(tx, &before, &it, agent.actor, now)?;
            }
            Ok(stay)
        })
        .await
    }
}
