//! Records the outcome of an attempt to send: sent, failed, unknown, or queued again with a backoff.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, ConversationRef, Delivery, GuestIdentity, HotelId, conversation::SERVICE_WINDOW};
use persistence::{
    Locks, Tx, early_receipts, guests,
    outbox::{self, DueMessage, OutboxKey},
    sender_leases::{self, SenderLease},
    service_windows,
};
use whatsapp::{AcceptedMessage, ApiError, CallError, ErrorPolicy, NotSent};

use crate::{
    Desk, Error,
    inbound::delivery_receipts::apply_early_receipts,
    outbound::{
        outbox::{OTHER_GUEST, advance_delivery, is_window_open},
        worker::hotel_queue::HotelQueues,
    },
};

/// Delay before a retry if the backoff by the policy of an error code exceeds the range of a date.
const FALLBACK_BACKOFF: TimeDelta = TimeDelta::seconds(60);
/// Remaining time with which a 24-hour window is clearly open: if WhatsApp reports it as closed even so, the message is
/// retried once.
const CLEARLY_OPEN: TimeDelta = TimeDelta::hours(1);
const CLOSED_WINDOW_RETRY_DELAY: TimeDelta = TimeDelta::minutes(1);

/// The failure shown to staff for a message that cannot be expressed as a call of the Cloud API.
pub(super) const NO_CALL: &str = "This message cannot be sent by WhatsApp.";
/// The failure shown to staff for a message whose sending WhatsApp did not answer, so that its outcome is unknown.
const NO_RESPONSE: &str = "WhatsApp did not answer, so it is not known whether the guest got this.";
/// The failure shown to staff for a message that was still queued when the 24-hour window closed.
const WINDOW_CLOSED: &str =
    "The guest's 24 hours were over before this could be sent, so WhatsApp takes only an approved template.";

/// Records the outcomes of attempts to send a message, for the outbox worker and the uploads of files.
pub(super) struct OutcomeRecorder {
    pub(super) desk: Desk,
    pub(super) lease_holder: String,
    pub(super) token_digest: String,
    pub(super) queues: Arc<HotelQueues>,
}

impl OutcomeRecorder {
    pub(super) async fn record(
        &self,
        hotel: HotelId,
        message: &DueMessage,
        sent: &Result<AcceptedMessage, CallError>,
    ) -> Result<(), Error> {
        let (now, id) = (self.desk.now(), message.message);
        match sent {
            Ok(accepted) => self.record_sent(hotel, message, accepted.clone()).await,
            Err(CallError::NotSent(NotSent::InvalidRequest(why))) => {
                log::error!("hotel {hotel}: message {id} cannot be sent; it fails: {why}");
                self.finish(hotel, message, Delivery::Failed, NO_CALL).await
            }
            Err(error @ CallError::NotSent(_)) => {
                let backoff = self.queues.connect_backoff(hotel, now);
                let seconds = backoff.num_seconds();
                log::warn!("hotel {hotel}: no connection for message {id}; retry in {seconds} s: {error}");
                // This attempt is not counted, because the message itself was not rejected.
                self.requeue(hotel, message, now + backoff, false).await
            }
            Err(error @ CallError::NoResponse(_)) => {
                log::warn!("hotel {hotel}: no response for message {id}; it becomes unknown: {error}");
                self.finish(hotel, message, Delivery::Unknown, NO_RESPONSE).await
            }
            Err(CallError::Rejected { error, retry_after }) => {
                self.record_refused(hotel, message, error, *retry_after).await
            }
        }
    }

    async fn record_refused(
        &self,
        hotel: HotelId,
        message: &DueMessage,
        error: &ApiError,
        retry_after: Option<Duration>,
    ) -> Result<(), Error> {
        let (now, id) = (self.desk.now(), message.message);
        self.queues.note_reachable(hotel);
        match refusal_policy(message, error, retry_after, now) {
            RefusalPolicy::SuspendSender => {
                log::warn!("hotel {hotel}: WhatsApp refused message {id}; the sender is suspended: {error}");
                self.suspend_sender(hotel, error.code).await?;
                self.requeue(hotel, message, now, false).await
            }
            RefusalPolicy::Retry(delay) => {
                let seconds = delay.num_seconds();
                log::warn!("hotel {hotel}: WhatsApp refused message {id}; retry in {seconds} s: {error}");
                self.requeue(hotel, message, now + delay, true).await
            }
            RefusalPolicy::Fail => {
                log::warn!("hotel {hotel}: WhatsApp refused message {id}; it fails: {error}");
                self.finish(hotel, message, Delivery::Failed, &error.sentence()).await
            }
        }
    }

    /// Records that WhatsApp has accepted a message, and applies the early receipts of the message.
    async fn record_sent(&self, hotel: HotelId, message: &DueMessage, accepted: AcceptedMessage) -> Result<(), Error> {
        let (callback, now) = (message.callback.clone(), self.desk.now());
        let whatsapp_message_id = accepted.wamid.clone();
        self.queues.note_reachable(hotel);
        let was_suspended = self.queues.is_suspended(hotel);
        self.desk
            .write(hotel, vec![ConversationRef::Conversation(message.conversation)], move |tx| {
                if was_suspended {
                    sender_leases::resume(tx, hotel)?;
                }
                match outbox::find(tx.conn(), &OutboxKey::Callback(callback.clone()))? {
                    Some(found) => {
                        outbox::finish(tx, found.message)?;
                        outbox::set_whatsapp_message_id(tx, found.message, &whatsapp_message_id)?;
                        advance_delivery(tx, &found, Delivery::Sent, None, now)?;
                    }
                    // Staff have retried the message in the meantime; receipts of this attempt still count.
                    None => outbox::set_former_whatsapp_message_id(tx, &callback, &whatsapp_message_id)?,
                }
                apply_early_receipts(tx, hotel, &whatsapp_message_id, now)
            })
            .await?;
        // The message counts as sent even if the WhatsApp ids of its guest cannot be stored.
        if let Err(error) = self.learn_guest_ids(hotel, message, &accepted).await {
            let id = message.message;
            log::warn!("hotel {hotel}: cannot store the WhatsApp ids of the guest of message {id}; skipped: {error}");
        }
        if was_suspended {
            self.queues.note_active(hotel);
        }
        Ok(())
    }

    /// Applies early receipts that no transaction has applied: if the receipt and the response were stored at the same
    /// moment on two nodes, neither saw the other. Searches receipts up to `age` old.
    pub(super) async fn apply_missed_early_receipts(&self, age: TimeDelta) -> Result<(), Error> {
        let since = self.desk.now() - age;
        for missed in self.desk.read(move |conn| Ok(early_receipts::list_unapplied(conn, since)?)).await? {
            let now = self.desk.now();
            self.desk
                .write(missed.hotel, vec![ConversationRef::Conversation(missed.conversation)], move |tx| {
                    apply_early_receipts(tx, missed.hotel, &missed.whatsapp_message_id, now)
                })
                .await?;
        }
        Ok(())
    }

    /// Stores the WhatsApp ids of the guest to whom the message was sent, even if its conversation has another guest by
    /// now.
    async fn learn_guest_ids(
        &self,
        hotel: HotelId,
        message: &DueMessage,
        accepted: &AcceptedMessage,
    ) -> Result<(), Error> {
        let new = |known: &Option<String>, reported: &Option<String>| reported.clone().filter(|_| known.is_none());
        let wa_id = new(&message.to.wa_id, &accepted.wa_id);
        let bsuid = new(&message.to.bsuid, &accepted.bsuid);
        if wa_id.is_none() && bsuid.is_none() {
            return Ok(());
        }
        let callback = message.callback.clone();
        self.desk
            .write(hotel, vec![], move |tx| {
                // The guest of the attempt is read again: guests may have been merged in the meantime.
                let Some(guest) = outbox::find_recipient(tx.conn(), &callback)? else { return Ok(()) };
                let identity = GuestIdentity { phone: None, wa_id: wa_id.clone(), bsuid: bsuid.clone() };
                let matches = guests::find_by_identity(tx.conn(), hotel, &identity)?;
                if matches.iter().all(|other| other.id == guest) {
                    guests::add_whatsapp_ids(tx, guest, wa_id.as_deref(), bsuid.as_deref())?;
                }
                Ok(())
            })
            .await
    }

    /// Marks a message that is still queued as failed. `failure` is shown to staff.
    pub(super) async fn fail_queued(&self, hotel: HotelId, message: &DueMessage, failure: &str) -> Result<(), Error> {
        self.fail_queued_if(hotel, message, failure, |_| Ok(true)).await
    }

    /// Marks a queued message whose 24-hour window is over as failed, unless the guest has just written.
    pub(super) async fn fail_outside_window(&self, hotel: HotelId, message: &DueMessage) -> Result<(), Error> {
        let (guest, now) = (message.guest, self.desk.now());
        let is_over = move |tx: &mut Tx<'_>| {
            service_windows::lock_guest(tx, guest)?;
            Ok(!is_window_open(service_windows::last_message_at(tx.conn(), guest)?, now))
        };
        self.fail_queued_if(hotel, message, WINDOW_CLOSED, is_over).await
    }

    async fn fail_queued_if(
        &self,
        hotel: HotelId,
        message: &DueMessage,
        failure: &str,
        condition: impl Fn(&mut Tx<'_>) -> Result<bool, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (holder, callback) = (self.lease_holder.clone(), message.callback.clone());
        let (failure, now) = (failure.to_owned(), self.desk.now());
        // Guests are locked before conversations, and the condition locks the guest's window.
        let locks = Locks::from(vec![ConversationRef::Conversation(message.conversation)])
            .guest_of_conversation(message.conversation);
        self.desk
            .write(hotel, locks, move |tx| {
                if condition(tx)?
                    && outbox::finish_queued(tx, SenderLease { hotel, holder: &holder }, &callback)?
                    && let Some(found) = outbox::find(tx.conn(), &OutboxKey::Callback(callback.clone()))?
                {
                    advance_delivery(tx, &found, Delivery::Failed, Some(&failure), now)?;
                }
                Ok(())
            })
            .await
    }

    /// Ends the attempt to send a message as failed or unknown.
    async fn finish(
        &self,
        hotel: HotelId,
        message: &DueMessage,
        delivery: Delivery,
        failure: &str,
    ) -> Result<(), Error> {
        let (callback, failure, now) = (message.callback.clone(), failure.to_owned(), self.desk.now());
        self.desk
            .write(hotel, vec![ConversationRef::Conversation(message.conversation)], move |tx| {
                // If staff have retried the message in the meantime, this attempt does not count.
                let Some(found) = outbox::find(tx.conn(), &OutboxKey::Callback(callback.clone()))? else {
                    return Ok(());
                };
                // A message that became unknown may still turn out to have failed.
                if outbox::finish(tx, found.message)? || found.delivery == Delivery::Unknown {
                    advance_delivery(tx, &found, delivery, Some(&failure), now)?;
                }
                Ok(())
            })
            .await
    }

    /// Finishes a message as unknown that is marked as being sent although no node is sending it.
    pub(super) async fn mark_unknown(
        &self,
        hotel: HotelId,
        callback: String,
        conversation: ConversationId,
    ) -> Result<(), Error> {
        let now = self.desk.now();
        self.desk
            .write(hotel, vec![ConversationRef::Conversation(conversation)], move |tx| {
                if outbox::finish_sending(tx, &callback)?
                    && let Some(found) = outbox::find(tx.conn(), &OutboxKey::Callback(callback.clone()))?
                {
                    advance_delivery(tx, &found, Delivery::Unknown, Some(NO_RESPONSE), now)?;
                }
                Ok(())
            })
            .await
    }

    /// Puts a message that was being sent back into the queue until `due`. It fails if its conversation has got another
    /// guest.
    async fn requeue(
        &self,
        hotel: HotelId,
        message: &DueMessage,
        due: DateTime<Utc>,
        is_counted: bool,
    ) -> Result<(), Error> {
        let (holder, callback, now) = (self.lease_holder.clone(), message.callback.clone(), self.desk.now());
        self.desk
            .write(hotel, vec![ConversationRef::Conversation(message.conversation)], move |tx| {
                if !outbox::requeue(tx, SenderLease { hotel, holder: &holder }, &callback, due, is_counted)?
                    && let Some(found) = outbox::find(tx.conn(), &OutboxKey::Callback(callback.clone()))?
                {
                    advance_delivery(tx, &found, Delivery::Failed, Some(OTHER_GUEST), now)?;
                }
                Ok(())
            })
            .await
    }

    /// Lets a queued message wait until `due`. `is_counted` counts the wait as an attempt.
    pub(super) async fn defer(
        &self,
        hotel: HotelId,
        message: &DueMessage,
        due: DateTime<Utc>,
        is_counted: bool,
    ) -> Result<(), Error> {
        let callback = message.callback.clone();
        self.desk.write(hotel, vec![], move |tx| Ok(outbox::defer(tx, &callback, due, is_counted)?)).await
    }

    pub(super) async fn suspend_sender(&self, hotel: HotelId, code: i64) -> Result<(), Error> {
        let token = self.token_digest.clone();
        self.desk.write(hotel, vec![], move |tx| Ok(sender_leases::suspend(tx, hotel, code, &token)?)).await
    }
}

/// The consequence of WhatsApp's error code for a message: retry it, fail it, or suspend the sender.
pub(super) enum RefusalPolicy {
    Retry(TimeDelta),
    Fail,
    SuspendSender,
}

impl RefusalPolicy {
    /// Applies the policy of WhatsApp's error code to the number of attempts of the message, and the `Retry-After` of
    /// the response.
    pub(super) fn of(error: &ApiError, message: &DueMessage, retry_after: Option<Duration>) -> Self {
        let policy = error.policy();
        if let ErrorPolicy::SuspendSender(_) = policy {
            return Self::SuspendSender;
        }
        match policy.retry_delay(message.attempts.unsigned_abs()) {
            Some(backoff) => Self::retry(TimeDelta::from_std(backoff).unwrap_or(FALLBACK_BACKOFF), retry_after),
            None => Self::Fail,
        }
    }

    fn retry(backoff: TimeDelta, retry_after: Option<Duration>) -> Self {
        let retry_after = retry_after.and_then(|it| TimeDelta::from_std(it).ok()).unwrap_or_default();
        Self::Retry(backoff.max(retry_after))
    }
}

/// Returns the policy for a refused message, as [`RefusalPolicy::of`]. If WhatsApp reports a closed window that is
/// clearly open, the message is retried once.
fn refusal_policy(
    message: &DueMessage,
    error: &ApiError,
    retry_after: Option<Duration>,
    now: DateTime<Utc>,
) -> RefusalPolicy {
    let is_clearly_open = message.last_guest_message_at.is_some_and(|at| now + CLEARLY_OPEN < at + SERVICE_WINDOW);
    if error.policy() == ErrorPolicy::AwaitWindow && is_clearly_open && message.attempts == 0 {
        return RefusalPolicy::retry(CLOSED_WINDOW_RETRY_DELAY, retry_after);
    }
    RefusalPolicy::of(error, message, retry_after)
}
