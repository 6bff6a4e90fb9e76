//! What came of a sending, and what is reported of it too early.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Delivery, GuestIdentity, HotelId, MessageId, SERVICE_WINDOW};
use persistence::{
    Locks, Tx, channels,
    conversations::Which,
    guests,
    outbox::{self, By, Due},
    reports,
};
use whatsapp::{Accepted, Advice, CallError, NotSent};

use super::{AtWork, NO_ANSWER, Sending};
use crate::{Error, outgoing};

/// While no connection comes about: the shortest and the longest wait before the next try.
const LEAST_WAIT: TimeDelta = TimeDelta::seconds(1);
const MOST_WAIT: TimeDelta = TimeDelta::seconds(60);
/// Of a window that WhatsApp holds to be over though so much of it is left, it is asked once more.
const CLEARLY_OPEN: TimeDelta = TimeDelta::hours(1);
const ONCE_MORE: TimeDelta = TimeDelta::minutes(1);

/// What staff are told of a message that cannot even be put into a call.
const NO_CALL: &str = "This message cannot be sent by WhatsApp.";

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
                let wait = self.unreachable_for(hotel, now).clamp(LEAST_WAIT, MOST_WAIT);
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

    /// For how long no connection has come about, this one included.
    fn unreachable_for(&self, hotel: HotelId, now: DateTime<Utc>) -> TimeDelta {
        let mut hotels = self.lock();
        let since = hotels.entry(hotel).or_insert_with(AtWork::new).unreachable_since.get_or_insert(now);
        now - *since
    }

    fn is_reachable(&self, hotel: HotelId) {
        if let Some(it) = self.lock().get_mut(&hotel) {
            it.unreachable_since = None;
        }
    }

    /// Stores that WhatsApp has a message, and what was reported of it before that was known.
    async fn accepted(&self, hotel: HotelId, it: &Due, accepted: Accepted) -> Result<(), Error> {
        let (callback, now) = (it.callback.clone(), self.desk.now());
        self.is_reachable(hotel);
        let was_stopped = self.lock().get(&hotel).is_some_and(|it| it.probed_at.is_some());
        self.desk
            .store
            .write(hotel, Locks::default().guest_of_conversation(it.conversation), move |tx| {
                if was_stopped {
                    channels::go_on(tx, hotel)?;
                }
                // Where staff have begun another try meanwhile, this one counts no more.
                let Some(found) = outbox::find(tx.conn(), &By::Callback(callback.clone()))? else { return Ok(()) };
                outbox::settle(tx, found.message)?;
                outbox::name(tx, found.message, &accepted.wamid)?;
                outgoing::advance(tx, &found, Delivery::Sent, None, now)?;
                take_reports(tx, hotel, found.message, &accepted.wamid, now)?;
                learn(tx, found.message, &accepted)
            })
            .await?;
        if was_stopped && let Some(it) = self.lock().get_mut(&hotel) {
            it.probed_at = None;
        }
        Ok(())
    }

    /// Takes the reports that were kept by one server while another stored what they are of: neither saw the other.
    pub(super) async fn take_missed_reports(&self) -> Result<(), Error> {
        let missed = self.desk.store.read(|conn| Ok::<_, Error>(reports::missed(conn)?)).await?;
        for it in missed {
            let now = self.desk.now();
            self.desk
                .store
                .write(it.hotel, vec![Which::Conversation(it.conversation)], move |tx| {
                    outbox::settle(tx, it.message)?;
                    take_reports(tx, it.hotel, it.message, &it.whatsapp_message_id, now)
                })
                .await?;
        }
        Ok(())
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
        let (holder, callback) = (self.holder.clone(), it.callback.clone());
        let put_back = move |tx: &mut Tx<'_>| Ok(outbox::put_back(tx, (hotel, &holder), &callback, due, counted)?);
        self.desk.store.write(hotel, vec![], put_back).await
    }

    async fn stop(&self, hotel: HotelId, code: i64) -> Result<(), Error> {
        let token = self.token.clone();
        self.desk.store.write(hotel, vec![], move |tx| Ok(channels::stop(tx, hotel, code, &token)?)).await
    }
}

/// Takes the reports of a message that came before it was known what WhatsApp calls it.
fn take_reports(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    message: MessageId,
    wamid: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for (delivery, failure) in reports::take(tx, hotel, wamid)? {
        if let Some(found) = outbox::find(tx.conn(), &By::Id(message))? {
            outgoing::advance(tx, &found, delivery, failure.as_deref(), now)?;
        }
    }
    Ok(())
}

/// Keeps what WhatsApp calls the guest whom it found by a number.
fn learn(tx: &mut Tx<'_>, message: MessageId, accepted: &Accepted) -> Result<(), Error> {
    let Some(guest) = guests::of_message(tx.conn(), message)? else { return Ok(()) };
    let identity = &guest.identity;
    let learned = GuestIdentity {
        phone: identity.phone.clone(),
        wa_id: identity.wa_id.clone().or_else(|| accepted.wa_id.clone()),
        bsuid: identity.bsuid.clone().or_else(|| accepted.bsuid.clone()),
    };
    if learned == *identity {
        return Ok(());
    }
    let named = GuestIdentity { phone: None, ..learned.clone() };
    let known = guests::find_by_identity(tx.conn(), guest.hotel, &named)?;
    if known.iter().all(|it| it.id == guest.id) {
        guests::set_identity(tx, guest.id, &learned)?;
    }
    Ok(())
}
