//! What came of a sending, and what is reported of it too early.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Delivery, GuestIdentity, HotelId, SERVICE_WINDOW};
use persistence::{
    Locks, Tx, channels,
    conversations::Which,
    guests,
    outbox::{self, By, Due},
    reports, windows,
};
use whatsapp::{Accepted, Advice, CallError, NotSent};

use super::{AtWork, NO_ANSWER, Sending, TOO_LATE};
use crate::{
    Error,
    outgoing::{self, OTHER_GUEST, Try},
};

/// While no connection comes about: the shortest and the longest wait before the next try.
const LEAST_WAIT: TimeDelta = TimeDelta::seconds(1);
const MOST_WAIT: TimeDelta = TimeDelta::seconds(60);
/// Of a window that WhatsApp holds to be over though so much of it is left, it is asked once more.
const CLEARLY_OPEN: TimeDelta = TimeDelta::hours(1);
const ONCE_MORE: TimeDelta = TimeDelta::minutes(1);

/// What staff are told of a message that cannot even be put into a call.
pub(super) const NO_CALL: &str = "This message cannot be sent by WhatsApp.";

impl Sending {
    /// Stores what came of a sending.
    pub(super) async fn store_outcome(
        &self,
        hotel: HotelId,
        it: &Due,
        sent: &Result<Accepted, CallError>,
    ) -> Result<(), Error> {
        let (now, before) = (self.desk.now(), it.attempts.unsigned_abs());
        match sent {
            Ok(accepted) => self.accepted(hotel, it, accepted.clone()).await,
            Err(CallError::NotSent(NotSent::NoCall(why))) => {
                log::error!("a message cannot be sent at all: {why}");
                self.settle(hotel, it, Delivery::Failed, NO_CALL).await
            }
            Err(error @ CallError::NotSent(_)) => {
                log::warn!("WhatsApp cannot be reached: {error}");
                let wait = self.wait_for_connection(hotel, now);
                // It says nothing of the message.
                self.put_back(hotel, it, now + wait, false).await
            }
            Err(error @ CallError::NoAnswer(_)) => {
                log::warn!("what came of a message is not known: {error}");
                self.settle(hotel, it, Delivery::Unknown, NO_ANSWER).await
            }
            Err(CallError::Refused { error, retry_after }) => {
                log::warn!("WhatsApp refused a message: {error}");
                self.is_reachable(hotel);
                let advice = error.advice();
                if let Advice::StopChannel(_) = advice {
                    self.stop(hotel, error.code).await?;
                    return self.put_back(hotel, it, now, false).await;
                }
                let clearly_open = it.last_heard.is_some_and(|at| now + CLEARLY_OPEN < at + SERVICE_WINDOW);
                let wait = match advice {
                    Advice::WindowClosed if clearly_open && before == 0 => Some(ONCE_MORE),
                    advice => advice.wait(before).map(|it| TimeDelta::from_std(it).unwrap_or(MOST_WAIT)),
                };
                match wait {
                    Some(wait) => {
                        let told = retry_after.and_then(|it| TimeDelta::from_std(it).ok()).unwrap_or_default();
                        self.put_back(hotel, it, now + wait.max(told), true).await
                    }
                    None => self.settle(hotel, it, Delivery::Failed, &error.sentence()).await,
                }
            }
        }
    }

    /// How long to wait after a connection that did not come about: the longer, the longer none has.
    pub(super) fn wait_for_connection(&self, hotel: HotelId, now: DateTime<Utc>) -> TimeDelta {
        self.unreachable_for(hotel, now).clamp(LEAST_WAIT, MOST_WAIT)
    }

    /// For how long no connection has come about, this one included.
    fn unreachable_for(&self, hotel: HotelId, now: DateTime<Utc>) -> TimeDelta {
        let mut hotels = self.lock();
        let since = hotels.entry(hotel).or_insert_with(AtWork::new).unreachable_since.get_or_insert(now);
        now - *since
    }

    pub(super) fn is_reachable(&self, hotel: HotelId) {
        if let Some(it) = self.lock().get_mut(&hotel) {
            it.unreachable_since = None;
        }
    }

    /// Stores that WhatsApp has a message, and what was reported of it before that was known.
    async fn accepted(&self, hotel: HotelId, it: &Due, accepted: Accepted) -> Result<(), Error> {
        let (callback, now) = (it.callback.clone(), self.desk.now());
        let (learned_by, names) = (it.clone(), accepted.clone());
        self.is_reachable(hotel);
        let was_stopped = self.lock().get(&hotel).is_some_and(|it| it.probed_at.is_some());
        self.desk
            .store
            .write(hotel, vec![Which::Conversation(it.conversation)], move |tx| {
                if was_stopped {
                    channels::go_on(tx, hotel)?;
                }
                match outbox::find(tx.conn(), &By::Callback(callback.clone()))? {
                    Some(found) => {
                        outbox::settle(tx, found.message)?;
                        outbox::name(tx, found.message, &accepted.wamid)?;
                        outgoing::advance(tx, &found, Delivery::Sent, None, now)?;
                    }
                    // Staff have begun another try meanwhile, and this one counts no more; its receipts may.
                    None => outbox::name_former(tx, &callback, &accepted.wamid)?,
                }
                take_reports(tx, hotel, &accepted.wamid, now)
            })
            .await?;
        // Whatever becomes of this, the message is sent.
        if let Err(error) = self.learn(hotel, &learned_by, &names).await {
            log::warn!("what WhatsApp calls a guest could not be stored: {error}");
        }
        if was_stopped && let Some(it) = self.lock().get_mut(&hotel) {
            it.probed_at = None;
        }
        Ok(())
    }

    /// Takes the reports that were kept by one server while another stored what they are of: neither saw the other.
    /// `within`: the age of those that are looked at.
    pub(super) async fn take_missed_reports(&self, within: TimeDelta) -> Result<(), Error> {
        let since = self.desk.now() - within;
        let missed = self.desk.store.read(move |conn| Ok::<_, Error>(reports::missed(conn, since)?)).await?;
        for it in missed {
            let now = self.desk.now();
            self.desk
                .store
                .write(it.hotel, vec![Which::Conversation(it.conversation)], move |tx| {
                    take_reports(tx, it.hotel, &it.whatsapp_message_id, now)
                })
                .await?;
        }
        Ok(())
    }

    /// Keeps what WhatsApp calls the guest to whom a message was sent, whomever its conversation belongs to by now.
    async fn learn(&self, hotel: HotelId, it: &Due, accepted: &Accepted) -> Result<(), Error> {
        let news = |known: &Option<String>, told: &Option<String>| told.clone().filter(|_| known.is_none());
        let (wa_id, bsuid) = (news(&it.to.wa_id, &accepted.wa_id), news(&it.to.bsuid, &accepted.bsuid));
        if wa_id.is_none() && bsuid.is_none() {
            return Ok(());
        }
        let callback = it.callback.clone();
        self.desk
            .store
            .write(hotel, vec![], move |tx| {
                // By the try and not by what was read of it: two guests may have been found to be one since.
                let Some(guest) = outbox::guest_of(tx.conn(), &callback)? else { return Ok(()) };
                let named = GuestIdentity { phone: None, wa_id: wa_id.clone(), bsuid: bsuid.clone() };
                let known = guests::find_by_identity(tx.conn(), hotel, &named)?;
                if known.iter().all(|it| it.id == guest) {
                    guests::learn(tx, guest, wa_id.as_deref(), bsuid.as_deref())?;
                }
                Ok(())
            })
            .await
    }

    /// Stores that a message fails before it is on its way; nothing where it is not queued any more.
    pub(super) async fn refuse(&self, hotel: HotelId, it: &Due, failure: &str) -> Result<(), Error> {
        self.refuse_if(hotel, it, failure, |_| Ok(true)).await
    }

    /// The same, for a message whose guest's 24 hours are over, unless the guest has written just now.
    pub(super) async fn refuse_late(&self, hotel: HotelId, it: &Due) -> Result<(), Error> {
        let (guest, now) = (it.guest, self.desk.now());
        let is_late = move |tx: &mut Tx<'_>| {
            windows::hold(tx, guest)?;
            Ok(!outgoing::is_window_open(windows::last_wrote(tx.conn(), guest)?, now))
        };
        self.refuse_if(hotel, it, TOO_LATE, is_late).await
    }

    async fn refuse_if(
        &self,
        hotel: HotelId,
        it: &Due,
        failure: &str,
        condition: impl Fn(&mut Tx<'_>) -> Result<bool, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (holder, callback) = (self.holder.clone(), it.callback.clone());
        let (failure, now) = (failure.to_owned(), self.desk.now());
        // Guests are locked before conversations, and the condition may be about the guest.
        let locks = Locks::from(vec![Which::Conversation(it.conversation)]).guest_of_conversation(it.conversation);
        self.desk
            .store
            .write(hotel, locks, move |tx| {
                if condition(tx)?
                    && outbox::refuse(tx, (hotel, &holder), &callback)?
                    && let Some(found) = outbox::find(tx.conn(), &By::Callback(callback.clone()))?
                {
                    outgoing::advance(tx, &found, Delivery::Failed, Some(&failure), now)?;
                }
                Ok(())
            })
            .await
    }

    /// Stores how a message ended.
    pub(super) async fn settle(
        &self,
        hotel: HotelId,
        it: &Due,
        delivery: Delivery,
        failure: &str,
    ) -> Result<(), Error> {
        let (callback, failure, now) = (it.callback.clone(), failure.to_owned(), self.desk.now());
        self.desk
            .store
            .write(hotel, vec![Which::Conversation(it.conversation)], move |tx| {
                // Where staff have begun another try meanwhile, this one counts no more.
                let Some(found) = outbox::find(tx.conn(), &By::Callback(callback.clone()))? else { return Ok(()) };
                // What was given up may have failed for certain.
                if outbox::settle(tx, found.message)? || found.delivery == Delivery::Unknown {
                    outgoing::advance(tx, &found, delivery, Some(&failure), now)?;
                }
                Ok(())
            })
            .await
    }

    async fn put_back(&self, hotel: HotelId, it: &Due, due: DateTime<Utc>, counted: bool) -> Result<(), Error> {
        let (holder, callback, now) = (self.holder.clone(), it.callback.clone(), self.desk.now());
        self.desk
            .store
            .write(hotel, vec![Which::Conversation(it.conversation)], move |tx| {
                if !outbox::put_back(tx, (hotel, &holder), &callback, due, counted)?
                    && let Some(found) = outbox::find(tx.conn(), &By::Callback(callback.clone()))?
                {
                    outgoing::advance(tx, &found, Delivery::Failed, Some(OTHER_GUEST), now)?;
                }
                Ok(())
            })
            .await
    }

    pub(super) async fn stop(&self, hotel: HotelId, code: i64) -> Result<(), Error> {
        let token = self.token.clone();
        self.desk.store.write(hotel, vec![], move |tx| Ok(channels::stop(tx, hotel, code, &token)?)).await
    }
}

/// Takes the reports of a message that came before it was known what WhatsApp calls it, for the try that is called so:
/// staff may have begun another one since. The caller holds the conversation.
fn take_reports(tx: &mut Tx<'_>, hotel: HotelId, wamid: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let of = |tx: &mut Tx<'_>| {
        if let Some(found) = outbox::find(tx.conn(), &By::Name(wamid.to_owned()))? {
            return Ok(Some((found, Try::Named)));
        }
        let former = outbox::find(tx.conn(), &By::FormerName(wamid.to_owned()))?;
        Ok::<_, Error>(former.map(|found| (found, Try::Former)))
    };
    if of(tx)?.is_none() {
        return Ok(());
    }
    for (delivery, failure) in reports::take(tx, hotel, wamid)? {
        // Each as the one before it has left the message.
        if let Some((found, which)) = of(tx)?.filter(|(found, _)| found.hotel == hotel) {
            outgoing::take_report(tx, &found, which, (delivery, failure.as_deref()), now)?;
        }
    }
    Ok(())
}
