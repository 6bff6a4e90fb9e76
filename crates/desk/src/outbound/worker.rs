//! The outbox worker: sends due messages to guests through WhatsApp.
//!
//! A message is claimed in one transaction, sent outside any, and the outcome is recorded in another. One message per
//! conversation is in flight, so messages of a conversation arrive in order. A message that may have reached the guest
//! is not sent again automatically: it stays `unknown` until a receipt arrives or staff retry it.
//!
//! ```text
//! Outbox row   held ──release (the guest writes)──▶ queued ──claim (lease and permit)──▶ sending ──finish──▶ settled
//!              queued → queued    the limit per guest is reached, or the upload of the file failed
//!              queued → settled   window over, hotel without number, or a receipt of an earlier attempt
//!              sending → queued   no connection or suspended sender (attempt not counted), retryable error (counted)
//!              sending → settled  sent, failed, or unknown (no response, or the node that claimed the row is gone)
//!              settled → queued   staff retry a failed or unknown message
//! ```

mod hotel_queue;
mod rate_limit;
mod send_retry;
mod uploads;

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, Hotel, HotelId};
use persistence::{
    StoreError, early_receipts, hotels,
    outbox::{self, DueMessage},
    sender_leases::{self, SenderLease},
};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;
use whatsapp::{
    AcceptedMessage, CallError, CloudApiClient, ErrorPolicy, NotSent, OutgoingBody, OutgoingMessage, SuspensionCause,
    policy_for_code,
};

use crate::{
    Desk, Error,
    outbound::{
        outbox::is_window_open,
        worker::{
            hotel_queue::{Admission, HotelQueues, Suspension, to_timer},
            rate_limit::RateLimited,
            send_retry::OutcomeRecorder,
            uploads::{upload_and_record, usable_upload},
        },
    },
};

/// How often to poll the outbox for messages enqueued by other nodes and for retries that have become due. Local
/// enqueues wake the worker at once.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The most messages of one hotel that are in flight at the same time.
const MAX_IN_FLIGHT: usize = 32;
/// Time that messages in flight get to finish when the node stops, out of the 10 s of the whole shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(6);
const SHUTDOWN_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Age up to which every round searches for early receipts that no transaction has applied. Two concurrent transactions
/// can miss each other's rows, and no transaction lasts that long.
const EARLY_RECEIPT_SEARCH: TimeDelta = TimeDelta::minutes(5);
/// Time at the end of the sender lease that is not used, as a margin for delays that cannot be measured.
const LEASE_MARGIN: Duration = Duration::from_secs(1);
/// A message is not sent if its response would have less time than this before the lease expires.
const MIN_SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// The failure shown to staff for a message that was not sent because the hotel has lost its WhatsApp number.
const NO_NUMBER: &str = "The hotel has no WhatsApp number any more, so this was not sent.";
/// The failure shown to staff for a message whose stored form this version of the program cannot read.
const UNREADABLE_BODY: &str = "This was stored in a form that cannot be sent any more. Please write it again.";

/// Sends the messages of all hotels for which this node holds the sender lease.
///
/// A process runs one worker. [`OutboxWorker::stop`] waits for the messages in flight and releases the leases; a worker
/// that is dropped without it leaves them to the expiry of the leases.
pub struct OutboxWorker {
    desk: Desk,
    client: CloudApiClient,
    /// Random id of this worker as the holder of sender leases.
    lease_holder: String,
    /// Digest of the access token for WhatsApp. A suspension of the sender applies to one token.
    token_digest: String,
    queues: Arc<HotelQueues>,
    outcomes: Arc<OutcomeRecorder>,
}

/// What the sender lease of a hotel permits this node to send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SendPermission {
    Full,
    /// The sender is suspended; one message is sent to find out whether it works again.
    Probe,
    /// The sender is suspended because WhatsApp refused the access token; WhatsApp is asked whether it accepts the token
    /// again. No message is sent for that, because a refused token would count as a failure of the message.
    CheckToken,
    Suspended,
    HeldByOtherNode,
}

/// How a round over the due messages of a hotel continues after one message.
enum NextStep {
    Continue,
    /// No message of the hotel can be sent before this delay.
    Pause(Duration),
}

/// One round of the outbox worker over the due messages of a hotel.
struct SendRound {
    hotel: Hotel,
    now: DateTime<Utc>,
}

impl OutboxWorker {
    pub fn new(desk: Desk, client: CloudApiClient, token_digest: String) -> Arc<Self> {
        let lease_holder = Uuid::new_v4().simple().to_string();
        let queues = Arc::<HotelQueues>::default();
        let outcomes = OutcomeRecorder {
            desk: desk.clone(),
            lease_holder: lease_holder.clone(),
            token_digest: token_digest.clone(),
            queues: queues.clone(),
        };
        Arc::new(Self { desk, client, lease_holder, token_digest, queues, outcomes: Arc::new(outcomes) })
    }

    /// Sends due messages until [`OutboxWorker::stop`] is called.
    pub async fn run(self: Arc<Self>) {
        let mut last_search = Instant::now();
        // The first search covers all early receipts, which no node may have applied while none was running.
        let mut search_age = early_receipts::RECEIPT_LIFETIME;
        while !self.queues.is_stopping() {
            let wait = match self.clone().send_due().await {
                Ok(wait) => wait,
                Err(error) => {
                    log::warn!("cannot read the outbox; retry in {} s: {error}", POLL_INTERVAL.as_secs());
                    sleep(POLL_INTERVAL).await;
                    POLL_INTERVAL
                }
            };
            if last_search.elapsed() >= POLL_INTERVAL {
                last_search = Instant::now();
                match self.outcomes.apply_missed_early_receipts(search_age).await {
                    Ok(()) => search_age = EARLY_RECEIPT_SEARCH,
                    Err(error) => log::warn!("cannot apply early receipts; retry in the next round: {error}"),
                }
            }
            let _ = timeout(wait, self.desk.outbox_wakeup.notified()).await;
        }
    }

    /// Starts to send the due messages of all hotels; they are in flight when this returns. Returns the delay until the
    /// next round.
    pub async fn send_due(self: Arc<Self>) -> Result<Duration, Error> {
        let hotels = self.desk.read(|conn| Ok(outbox::hotels_with_open_messages(conn)?)).await?;
        let mut wait = POLL_INTERVAL;
        for hotel in hotels {
            match self.clone().send_due_of_hotel(hotel).await {
                Ok(hotel_wait) => wait = wait.min(hotel_wait),
                // An unavailable database affects all hotels; any other error only this one.
                Err(error @ Error::Store(StoreError::Unavailable(_))) => return Err(error),
                Err(error) => log::error!("hotel {hotel}: cannot send due messages; retry in the next round: {error}"),
            }
        }
        Ok(wait)
    }

    /// Stops sending, waits for the messages in flight and releases all leases, so that another node can take over at
    /// once. A message that is still in flight after the grace period becomes `unknown`.
    pub async fn stop(&self) -> Result<(), Error> {
        self.queues.stop();
        self.desk.outbox_wakeup.notify_one();
        let started = Instant::now();
        while !self.queues.all_in_flight().is_empty() && started.elapsed() < SHUTDOWN_GRACE {
            sleep(SHUTDOWN_POLL_INTERVAL).await;
        }
        for (hotel, callback, conversation) in self.queues.all_in_flight() {
            self.outcomes.mark_unknown(hotel, callback, conversation).await?;
        }
        let holder = self.lease_holder.clone();
        self.desk.write_global(move |tx| Ok(sender_leases::release_all(tx, &holder)?)).await
    }

    async fn send_due_of_hotel(self: Arc<Self>, id: HotelId) -> Result<Duration, Error> {
        let Some(hotel) = self.desk.read(move |conn| Ok(hotels::find(conn, id)?)).await? else {
            return Ok(POLL_INTERVAL);
        };
        let max_in_flight = match self.acquire_lease(id).await? {
            SendPermission::Full => MAX_IN_FLIGHT,
            SendPermission::Probe => 1,
            SendPermission::CheckToken => {
                self.clone().check_token(&hotel);
                0
            }
            SendPermission::Suspended => 0,
            SendPermission::HeldByOtherNode => return Ok(POLL_INTERVAL),
        };
        let (now, own) = (self.desk.now(), self.queues.in_flight(id));
        // A row can be due again before its outcome is recorded, so read more rows than may be sent.
        let limit = (max_in_flight + own.len()) as i64;
        let (sending, due) = self
            .desk
            .read(move |conn| Ok((outbox::list_in_flight(conn, id)?, outbox::list_due(conn, id, now, limit)?)))
            .await?;
        self.mark_abandoned(id, sending, &own).await?;
        let round = SendRound { hotel, now };
        let free = max_in_flight.saturating_sub(own.len());
        for message in due.into_iter().filter(|message| !own.contains(&message.callback)).take(free) {
            if let NextStep::Pause(wait) = self.clone().send_if_permitted(&round, message).await? {
                return Ok(wait);
            }
        }
        Ok(POLL_INTERVAL)
    }

    /// Marks messages as unknown that a dead node was sending, or that this worker claimed without learning of it.
    async fn mark_abandoned(
        &self,
        hotel: HotelId,
        sending: Vec<(String, ConversationId)>,
        own: &HashSet<String>,
    ) -> Result<(), Error> {
        for (callback, conversation) in sending.into_iter().filter(|(callback, _)| !own.contains(callback)) {
            self.outcomes.mark_unknown(hotel, callback, conversation).await?;
        }
        Ok(())
    }

    /// Claims a due message and spawns the task that sends it. A message that cannot be sent any more fails; a message
    /// whose file is not uploaded yet is uploaded first.
    async fn send_if_permitted(self: Arc<Self>, round: &SendRound, message: DueMessage) -> Result<NextStep, Error> {
        let hotel = round.hotel.id;
        let Some(number) = round.hotel.whatsapp_phone_number_id.clone() else {
            self.outcomes.fail_queued(hotel, &message, NO_NUMBER).await?;
            return Ok(NextStep::Continue);
        };
        let Some(mut body) = body_of(&message) else {
            log::error!("hotel {hotel}: the stored body of message {} is unreadable; it fails", message.message);
            self.outcomes.fail_queued(hotel, &message, UNREADABLE_BODY).await?;
            return Ok(NextStep::Continue);
        };
        if !matches!(body, OutgoingBody::Template { .. }) && !is_window_open(message.last_guest_message_at, round.now) {
            self.outcomes.fail_outside_window(hotel, &message).await?;
            return Ok(NextStep::Continue);
        }
        if let OutgoingBody::Media { media_id, .. } = &mut body {
            let Some(uploaded) = usable_upload(&message, &number, round.now) else {
                if self.queues.admit_upload(hotel, &message) {
                    tokio::spawn(upload_and_record(self.outcomes.clone(), self.client.clone(), hotel, number, message));
                }
                return Ok(NextStep::Continue);
            };
            *media_id = uploaded;
        }
        match self.queues.admit(hotel, &message, self.desk.now()) {
            Admission::Admitted => {}
            Admission::Stopping => return Ok(NextStep::Pause(POLL_INTERVAL)),
            Admission::RateLimited(RateLimited::Number(delay)) => return Ok(NextStep::Pause(to_timer(delay))),
            Admission::RateLimited(RateLimited::Guest(delay)) => {
                let due = self.desk.now() + delay;
                self.outcomes.defer(hotel, &message, due, false).await?;
                return Ok(NextStep::Continue);
            }
        }
        match self.claim(hotel, &message).await {
            Ok(Some(deadline)) => drop(tokio::spawn(self.send_and_record(hotel, number, message, body, deadline))),
            not_claimed => {
                self.queues.remove(hotel, &message.callback);
                not_claimed?;
            }
        }
        Ok(NextStep::Continue)
    }

    /// Acquires or renews the sender lease of a hotel, and returns what may be sent under it.
    async fn acquire_lease(&self, hotel: HotelId) -> Result<SendPermission, Error> {
        let (holder, token) = (self.lease_holder.clone(), self.token_digest.clone());
        let now = self.desk.now();
        // The lease of a suspended sender is released at once, so that a node with another access token can take over,
        // unless messages are in flight or a probe needs the lease.
        let is_busy = !self.queues.in_flight(hotel).is_empty() || self.queues.is_probe_due(hotel, now);
        let acquired = self
            .desk
            .write(hotel, vec![], move |tx| {
                Ok(sender_leases::acquire(tx, SenderLease { hotel, holder: &holder }, &token, is_busy)?)
            })
            .await?;
        let sender_leases::LeaseStatus::Held { suspended_by } = acquired else {
            self.queues.remove_if_idle(hotel);
            return Ok(SendPermission::HeldByOtherNode);
        };
        let Some(code) = suspended_by else {
            self.queues.note_active(hotel);
            return Ok(SendPermission::Full);
        };
        let suspension = self.queues.note_suspended(hotel, now);
        if suspension == Suspension::Waiting {
            return Ok(SendPermission::Suspended);
        }
        log::error!("hotel {hotel}: sender suspended, because WhatsApp rejects its account or token (error {code})");
        Ok(match suspension {
            Suspension::ProbeDue if is_token_error(code) => SendPermission::CheckToken,
            Suspension::ProbeDue => SendPermission::Probe,
            Suspension::New | Suspension::Waiting => SendPermission::Suspended,
        })
    }

    /// Queries the hotel's number in the background, and ends the suspension of the sender if WhatsApp accepts the
    /// access token again: a token may be refused for a while, for example while the rights of its user are changed.
    fn check_token(self: Arc<Self>, hotel: &Hotel) {
        let (id, Some(number)) = (hotel.id, hotel.whatsapp_phone_number_id.clone()) else { return };
        tokio::spawn(async move {
            if let Err(error) = self.client.phone_number_info(&number).await {
                log::warn!("hotel {id}: sending stays suspended, next check in 5 minutes: {error}");
                return;
            }
            match self.desk.resume_sender(id, self.token_digest.clone()).await {
                Ok(_) => {
                    log::info!("hotel {id}: WhatsApp accepts the access token again; waiting messages are sent");
                    self.desk.outbox_wakeup.notify_one();
                }
                Err(error) => log::warn!("hotel {id}: cannot end the suspension, next check in 5 minutes: {error}"),
            }
        });
    }

    /// Claims a message. Returns the time until which it may be sent, because another node may take the lease then;
    /// `None` if the message is not queued any more, or the lease is lost.
    async fn claim(&self, hotel: HotelId, message: &DueMessage) -> Result<Option<Instant>, Error> {
        let (holder, callback) = (self.lease_holder.clone(), message.callback.clone());
        // The start is measured before the claim: its result may be late, and this process may have been suspended.
        let started = Instant::now();
        let claimed = self
            .desk
            .write(hotel, vec![], move |tx| Ok(outbox::claim(tx, SenderLease { hotel, holder: &holder }, &callback)?))
            .await?;
        Ok(claimed.map(|lease_left| started + to_timer(lease_left).saturating_sub(LEASE_MARGIN)))
    }

    async fn send_and_record(
        self: Arc<Self>,
        hotel: HotelId,
        number: String,
        message: DueMessage,
        body: OutgoingBody,
        deadline: Instant,
    ) {
        let sent = self.send(&number, &message, body, deadline).await;
        // The message stays in flight until the outcome is recorded; otherwise the next round would mark it as unknown.
        while let Err(error) = self.outcomes.record(hotel, &message, &sent).await {
            let id = message.message;
            if !matches!(&error, Error::Store(error) if error.is_temporary()) {
                log::warn!("hotel {hotel}: cannot record the outcome of message {id}; it becomes unknown: {error}");
                break;
            }
            let seconds = POLL_INTERVAL.as_secs();
            log::warn!("hotel {hotel}: cannot record the outcome of message {id}; retry in {seconds} s: {error}");
            sleep(POLL_INTERVAL).await;
        }
        self.queues.remove(hotel, &message.callback);
        self.desk.outbox_wakeup.notify_one();
    }

    async fn send(
        &self,
        number: &str,
        message: &DueMessage,
        body: OutgoingBody,
        deadline: Instant,
    ) -> Result<AcceptedMessage, CallError> {
        let limit = deadline.saturating_duration_since(Instant::now());
        if limit < MIN_SEND_TIMEOUT {
            // Another node could take the lease before the response arrives.
            return Err(NotSent::NoConnection("the claim is too old".to_owned()).into());
        }
        let (to, callback, quotes) = (message.to.clone(), message.callback.clone(), message.quotes.clone());
        let outgoing = OutgoingMessage { to, callback, quotes, body };
        self.client.send(number, &outgoing, limit).await
    }
}

/// Returns the WhatsApp message to send for an outbox row; `None` if its stored form is unreadable.
fn body_of(message: &DueMessage) -> Option<OutgoingBody> {
    message
        .body
        .as_deref()
        .map_or_else(|| Some(OutgoingBody::Text(message.text.clone())), OutgoingBody::from_stored_json)
}

fn is_token_error(code: i64) -> bool {
    policy_for_code(code) == ErrorPolicy::SuspendSender(SuspensionCause::AccessToken)
}
