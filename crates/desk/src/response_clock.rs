//! Response clocks: by when staff should answer a waiting guest, and the alarm that nobody has.
//!
//! The clock of a conversation follows from `waiting_since`, the department (of an unrouted conversation: the default
//! one) with its target and opening hours, and the time zone of the hotel. It is set in the transaction that changes the
//! conversation. A change of a department or hotel requests a refresh of all clocks of the hotel, in batches.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::{
    Conversation, ConversationId, ConversationRef, Department, EventKind, Hotel, HotelId, event::OverdueResponse,
};
use persistence::{
    ReadPurpose, Tx,
    conversations::ResponseClock,
    departments, hotels,
    response_clock::{self, set_due},
};

use crate::{Desk, Error, conversation_events::record_for_inbox, existence::find_hotel};

/// The most conversations whose clocks one transaction changes.
const MAX_CLOCKS_PER_TRANSACTION: i64 = 200;
/// The most transactions for which a request that changes a target waits.
const MAX_BATCHES_OF_REQUEST: usize = 10;
/// The most alarms that are raised before the other timers run.
const MAX_ALARMS: i64 = 1000;
/// How long after a change of a target the clocks are computed once more: transactions that began before the change, and
/// set clocks by the former target, have ended by then.
const REFRESH_DELAY: TimeDelta = TimeDelta::seconds(10);
/// How long a node may take to compute the clocks of a hotel, before another node begins.
const REFRESH_TIMEOUT: TimeDelta = TimeDelta::seconds(60);

/// Sets the clock of a conversation whose department has changed. `routed_to` is the new department, if it is loaded.
pub(crate) fn set_for_department(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    before: ResponseClock,
    routed_to: Option<Department>,
) -> Result<(), Error> {
    let Some(waiting_since) = before.waiting_since else { return Ok(()) };
    let due_at = due_at(tx, conversation, waiting_since, routed_to)?;
    if due_at.is_some() || before.due_at.is_some() {
        set_due(tx, conversation.id(), due_at)?;
    }
    Ok(())
}

/// Sets the clock of a conversation whose guest waits since another time than before, or waits no more.
pub(crate) fn set_for_wait(tx: &mut Tx<'_>, id: ConversationId) -> Result<(), Error> {
    let found = response_clock::clocks(tx.conn(), &[id])?.pop();
    if let Some((conversation, ResponseClock { waiting_since: Some(since), due_at: None, .. })) = found
        && let Some(due_at) = due_at(tx, &conversation, since, None)?
    {
        set_due(tx, id, Some(due_at))?;
    }
    Ok(())
}

fn due_at(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    waiting_since: DateTime<Utc>,
    routed_to: Option<Department>,
) -> Result<Option<DateTime<Utc>>, Error> {
    // Only opening hours need the time zone.
    if let Some(department) = &routed_to
        && (department.first_response.is_none() || department.opening_hours.is_none())
    {
        return Ok(department.response_due_at(waiting_since, Tz::UTC));
    }
    let hotel = hotels::find(tx.conn(), conversation.hotel())?.ok_or(Error::NotFound)?;
    let department = match (routed_to, conversation.department().or(hotel.default_department)) {
        (Some(department), _) => Some(department),
        (None, Some(id)) => departments::find(tx.conn(), hotel.id, id)?,
        (None, None) => None,
    };
    Ok(department.and_then(|it| it.response_due_at(waiting_since, hotel.zone())))
}

/// Requests that the clocks of a hotel are computed again, because a target, opening hours, the default department or
/// the time zone changed. Call it in the transaction of the change, and [`Desk::refresh_clocks`] after it.
pub(crate) fn request_refresh(tx: &mut Tx<'_>, hotel: HotelId, now: DateTime<Utc>) -> Result<(), Error> {
    Ok(response_clock::request_refresh(tx, hotel, now + REFRESH_DELAY)?)
}

impl Desk {
    /// Computes the clocks of a hotel after a change; of very many guests a timer computes the rest, and all if this fails.
    pub(crate) async fn refresh_clocks(&self, hotel: HotelId) {
        if let Err(error) = self.compute_clocks(hotel, MAX_BATCHES_OF_REQUEST).await {
            log::warn!("hotel {hotel}: cannot compute the response clocks: {error}; next attempt in 10 s");
        }
    }

    /// Computes the clocks of waiting guests of a hotel in small transactions, at most `max_batches`.
    async fn compute_clocks(&self, hotel: HotelId, max_batches: usize) -> Result<(), Error> {
        let mut after = ConversationId(0);
        for _ in 0..max_batches {
            let waiting = self
                .read(move |conn| Ok(response_clock::waiting_after(conn, hotel, after, MAX_CLOCKS_PER_TRANSACTION)?));
            let ids = waiting.await?;
            let Some(last) = ids.last().copied() else { return Ok(()) };
            let now = self.now();
            self.write(hotel, locks_of(&ids), move |tx| compute_batch(tx, hotel, &ids, now)).await?;
            after = last;
        }
        Ok(())
    }

    /// Computes the clocks of hotels in which a target changed, once more or because the node of the change died.
    pub(crate) async fn run_due_clock_refreshes(&self) -> Result<(), Error> {
        let now = self.now();
        let due = self.read_for(ReadPurpose::Feed, None, move |conn| Ok(response_clock::due_refreshes(conn, now)?));
        for hotel in due.await? {
            let until = now + REFRESH_TIMEOUT;
            let is_claimed =
                self.write(hotel, vec![], move |tx| Ok(response_clock::claim_refresh(tx, hotel, now, until)?));
            if is_claimed.await? {
                self.compute_clocks(hotel, usize::MAX).await?;
                self.write(hotel, vec![], move |tx| Ok(response_clock::finish_refresh(tx, hotel, until)?)).await?;
            }
        }
        Ok(())
    }

    /// Raises the alarms of guests who have waited longer than the target of the department.
    pub(crate) async fn raise_overdue_alarms(&self) -> Result<(), Error> {
        let now = self.now();
        let due =
            self.read_for(ReadPurpose::Feed, None, move |conn| Ok(response_clock::due_alarms(conn, now, MAX_ALARMS)?));
        let mut by_hotel: HashMap<HotelId, Vec<ConversationId>> = HashMap::new();
        for (hotel, conversation) in due.await? {
            by_hotel.entry(hotel).or_default().push(conversation);
        }
        for (hotel, ids) in by_hotel {
            for batch in ids.chunks(MAX_CLOCKS_PER_TRANSACTION as usize) {
                let ids = batch.to_vec();
                self.write(hotel, locks_of(&ids), move |tx| raise_alarms(tx, hotel, &ids, now)).await?;
            }
        }
        Ok(())
    }
}

fn locks_of(ids: &[ConversationId]) -> Vec<ConversationRef> {
    ids.iter().copied().map(ConversationRef::Conversation).collect()
}

/// Computes the clocks of conversations, which are locked, and records the events of those that change.
fn compute_batch(tx: &mut Tx<'_>, hotel: HotelId, ids: &[ConversationId], at: DateTime<Utc>) -> Result<(), Error> {
    let hotel = find_hotel(tx.conn(), hotel)?;
    let departments: HashMap<_, _> =
        departments::all(tx.conn(), hotel.id)?.into_iter().map(|department| (department.id, department)).collect();
    for (conversation, clock) in response_clock::clocks(tx.conn(), ids)? {
        let Some(waiting_since) = clock.waiting_since else { continue };
        let department = conversation.department().or(hotel.default_department).and_then(|id| departments.get(&id));
        let due_at = department.and_then(|it| it.response_due_at(waiting_since, hotel.zone()));
        if due_at != clock.due_at {
            set_due(tx, conversation.id(), due_at)?;
            record_for_inbox(tx, &conversation, at);
        } else if due_at.is_some() && clock.alarm_at.is_none() {
            // The alarm was raised, but perhaps for another default department.
            set_due(tx, conversation.id(), due_at)?;
        }
    }
    Ok(())
}

/// Raises alarms that are still due. The conversations are locked.
fn raise_alarms(tx: &mut Tx<'_>, hotel: HotelId, ids: &[ConversationId], at: DateTime<Utc>) -> Result<(), Error> {
    let mut hotel_of_unrouted: Option<Hotel> = None;
    for (conversation, waiting_since) in response_clock::take_due_alarms(tx, ids, at)? {
        if conversation.department().is_none() && hotel_of_unrouted.is_none() {
            hotel_of_unrouted = Some(find_hotel(tx.conn(), hotel)?);
        }
        let default = hotel_of_unrouted.as_ref().and_then(|it| it.default_department);
        let Some(department) = conversation.department().or(default) else { continue };
        let overdue =
            OverdueResponse { conversation: conversation.id(), stay: conversation.stay(), department, waiting_since };
        if response_clock::record_alarm(tx, hotel, &overdue, at)? {
            tx.record(hotel, at, EventKind::ResponseOverdue(overdue));
        }
    }
    Ok(())
}
