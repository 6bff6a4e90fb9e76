//! Changes of a stay's status, with what they mean for the stay's conversation.

use chrono::{DateTime, Utc};
use domain::{
    ConversationRef, HistoryChange, HistoryKind, Hotel, Status, Stay,
    stay::{Cancellation, StayStatus},
};
use persistence::{
    Tx,
    audit_log::{self, AuditActor, AuditEntry},
    conversations, stays,
};

use crate::{
    Error,
    conversation_for_stay::{adopt_conversation, find_or_create_conversation},
    flow_runner, history,
    hotel_calendar::end_of_last_day,
    save_conversation::save_with_events,
    visibility::assignee_reach_on_reopen,
};

const CHECKED_IN: HistoryChange = HistoryChange::of(HistoryKind::CheckedIn);
const CHECKED_OUT: HistoryChange = HistoryChange::of(HistoryKind::CheckedOut);

/// A locked stay whose status is changed by `actor` now.
pub(super) struct StayStatusChange<'a> {
    pub(super) hotel: &'a Hotel,
    pub(super) stay: &'a mut Stay,
    pub(super) actor: AuditActor,
    pub(super) now: DateTime<Utc>,
}

impl StayStatusChange<'_> {
    /// Records that the guest has arrived. The stay's conversation becomes `active`, unless a department has it. Changes
    /// nothing if the stay was checked in or out before: a late repetition of a check-in must not check in a guest who has
    /// left. Returns whether the stay has changed.
    ///
    /// Fails with [`Error::NotAllowedNow`] if the stay is cancelled.
    pub(super) fn check_in(&mut self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        self.ensure_expected()?;
        if self.stay.status() != StayStatus::Booked {
            return Ok(false);
        }
        let former = self.stay.status();
        self.stay.checked_in_at = Some(self.now);
        stays::save_status(tx, self.stay)?;
        self.write_audit_entry(tx, former)?;
        if let Some(guest) = self.stay.guest {
            find_or_create_conversation(tx, self.hotel, guest, Some(self.stay), self.now)?;
            self.activate_conversation(tx)?;
        }
        Ok(true)
    }

    /// Records that the guest has left, and closes the stay's conversation. Changes nothing if the stay was checked out
    /// before. Returns whether the stay has changed.
    ///
    /// Fails with [`Error::NotAllowedNow`] if the stay is cancelled.
    pub(super) fn check_out(&mut self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        self.ensure_expected()?;
        if self.stay.status() == StayStatus::CheckedOut {
            return Ok(false);
        }
        self.record_departure(tx, self.now)?;
        Ok(true)
    }

    /// Records that the guest does not come. Closes the stay's conversation, unless a department has it. Returns whether
    /// the stay has changed.
    ///
    /// Fails with [`Error::NotAllowedNow`] unless the stay is booked, or has this cancellation already.
    pub(super) fn cancel(&mut self, tx: &mut Tx<'_>, why: Cancellation) -> Result<bool, Error> {
        match self.stay.status() {
            StayStatus::Booked => self.set_cancellation(tx, Some(why)).map(|()| true),
            _ if self.stay.cancellation == Some(why) => Ok(false),
            StayStatus::Cancelled | StayStatus::NoShow => {
                Err(Error::NotAllowedNow("The guest of this stay is not expected. Reinstate the stay first."))
            }
            StayStatus::CheckedIn | StayStatus::CheckedOut => {
                Err(Error::NotAllowedNow("The guest was checked in, so this stay cannot be cancelled."))
            }
        }
    }

    /// Makes a cancelled stay booked again. Returns whether the stay has changed.
    ///
    /// Fails with [`Error::NotAllowedNow`] if the guest was checked in or out.
    pub(super) fn reinstate(&mut self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        match self.stay.status() {
            StayStatus::Booked => Ok(false),
            StayStatus::Cancelled | StayStatus::NoShow => self.set_cancellation(tx, None).map(|()| true),
            StayStatus::CheckedIn | StayStatus::CheckedOut => {
                Err(Error::NotAllowedNow("This stay is not cancelled: the guest was checked in."))
            }
        }
    }

    /// Brings the stay to the status that an import gives; see [`imported_status`]. Unlike a check-in at the reception, an
    /// import creates no conversation: the first one of a hotel would create hundreds of empty ones.
    pub(super) fn import(&mut self, tx: &mut Tx<'_>, to: StayStatus) -> Result<(), Error> {
        let cancellation = match to {
            StayStatus::Cancelled => Some(Cancellation::Cancelled),
            StayStatus::NoShow => Some(Cancellation::NoShow),
            StayStatus::Booked | StayStatus::CheckedIn | StayStatus::CheckedOut => None,
        };
        if cancellation != self.stay.cancellation {
            self.set_cancellation(tx, cancellation)?;
        }
        match to {
            StayStatus::CheckedIn => {
                let former = self.stay.status();
                self.stay.checked_in_at = Some(self.now);
                stays::save_status(tx, self.stay)?;
                self.write_audit_entry(tx, former)?;
                self.activate_conversation(tx)
            }
            StayStatus::CheckedOut => {
                // A stay of last year did not end today.
                let at = self.now.min(end_of_last_day(self.stay, self.hotel));
                self.record_departure(tx, self.stay.checked_in_at.map_or(at, |arrival| at.max(arrival)))
            }
            StayStatus::Booked | StayStatus::Cancelled | StayStatus::NoShow => Ok(()),
        }
    }

    fn ensure_expected(&self) -> Result<(), Error> {
        match self.stay.cancellation {
            None => Ok(()),
            Some(_) => Err(Error::NotAllowedNow("The guest of this stay is not expected. Reinstate the stay first.")),
        }
    }

    fn activate_conversation(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let of = ConversationRef::Stay(self.stay.id);
        let Some(before) = conversations::find(tx.conn(), of)? else { return Ok(()) };
        let assignee = assignee_reach_on_reopen(tx, &before)?;
        let mut conversation = before.clone();
        conversation.record_check_in(assignee.as_ref());
        history::add_entry(tx, &before, &CHECKED_IN, self.actor, None, self.now)?;
        save_with_events(tx, &before, &conversation, self.actor, self.now)
    }

    fn record_departure(&mut self, tx: &mut Tx<'_>, at: DateTime<Utc>) -> Result<(), Error> {
        let former = self.stay.status();
        self.stay.checked_out_at = Some(at);
        stays::save_status(tx, self.stay)?;
        self.write_audit_entry(tx, former)?;
        let of = ConversationRef::Stay(self.stay.id);
        let Some(mut conversation) = conversations::find(tx.conn(), of)? else { return Ok(()) };
        flow_runner::send_farewell(tx, self.hotel, &mut conversation, self.now)?;
        let before = conversation.clone();
        conversation.close();
        history::add_entry(tx, &before, &CHECKED_OUT, self.actor, None, self.now)?;
        save_with_events(tx, &before, &conversation, self.actor, self.now)
    }

    fn set_cancellation(&mut self, tx: &mut Tx<'_>, cancellation: Option<Cancellation>) -> Result<(), Error> {
        let former = self.stay.status();
        let is_only = match self.stay.guest {
            Some(guest) => self.stay.cancellation.is_some() && !stays::has_any(tx.conn(), guest)?,
            None => false,
        };
        self.stay.cancellation = cancellation;
        stays::save_status(tx, self.stay)?;
        self.write_audit_entry(tx, former)?;
        match (conversations::find(tx.conn(), ConversationRef::Stay(self.stay.id))?, cancellation) {
            (Some(before), Some(_)) if before.status() != Status::Relay => {
                let mut conversation = before.clone();
                conversation.close();
                save_with_events(tx, &before, &conversation, self.actor, self.now)
            }
            // The stay is the guest's first one again.
            (None, None) if is_only => adopt_conversation(tx, self.hotel, self.stay, self.now),
            _ => Ok(()),
        }
    }

    fn write_audit_entry(&self, tx: &mut Tx<'_>, former: StayStatus) -> Result<(), Error> {
        let text = |status: StayStatus| format!("stay {}: {}", self.stay.id, status.as_str());
        let entry = AuditEntry {
            hotel: self.hotel.id,
            actor: self.actor,
            action: "stay_status_changed",
            conversation: None,
            staff: None,
            before: Some(text(former)),
            after: Some(text(self.stay.status())),
        };
        Ok(audit_log::insert(tx, &entry, self.now)?)
    }
}

/// Returns the status that a stay gets by an import that gives the status `given`; `None`: it keeps its status. A guest
/// who has arrived or left stays so, because a table may be older than the check-in at the reception.
///
/// Fails with a sentence for staff if the table cancels the stay of a guest who has arrived.
pub(super) fn imported_status(stored: StayStatus, given: StayStatus) -> Result<Option<StayStatus>, &'static str> {
    use StayStatus::{Booked, Cancelled, CheckedIn, CheckedOut, NoShow};
    match (stored, given) {
        (CheckedIn | CheckedOut, Cancelled | NoShow) => {
            Err("The guest was checked in, so this stay cannot be cancelled.")
        }
        (CheckedIn | CheckedOut, Booked) | (CheckedOut, CheckedIn) => Ok(None),
        (stored, given) => Ok((stored != given).then_some(given)),
    }
}
