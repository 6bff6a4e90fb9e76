//! Sending what waits to go to guests by WhatsApp.
//!
//! A message is claimed in one transaction, sent outside any, and what came of it is stored in another. Of each
//! conversation one message at a time is on its way, so that they go in order. A message that may have gone out is
//! not sent again by itself, since that could reach the guest twice: it is `unknown` until a report tells more.

mod pace;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, Delivery, GuestIdentity, Hotel, HotelId, MessageId};
use persistence::{
    Tx,
    conversations::Which,
    guests, hotels,
    outbox::{self, By, Channel, Due},
    reports,
};
use tokio::time::timeout;
use uuid::Uuid;
use whatsapp::{Accepted, Advice, Body, CallError, Client, NotSent, Outgoing, Stop};

use self::pace::Pace;
use crate::{Desk, Error, outgoing};

/// How often it is looked for what nobody told of: what other servers stored, and what is due again.
const LOOK: Duration = Duration::from_secs(1);
/// Messages of a hotel that are on their way at once.
const AT_ONCE: usize = 32;
/// After no connection came about, the longest wait before the next try.
const MOST_WAIT: TimeDelta = TimeDelta::seconds(60);
/// A channel stopped for the account's sake is tried again so often: nothing tells when it is well again.
const PROBE: TimeDelta = TimeDelta::minutes(5);
/// Of a window that WhatsApp holds to be over though so much of it is left, it is asked once more.
const CLEARLY_OPEN: TimeDelta = TimeDelta::hours(1);
const ONCE_MORE: TimeDelta = TimeDelta::minutes(1);

/// What staff are told of a message that nobody knows about.
const NO_ANSWER: &str = "WhatsApp did not answer, so it is not known whether the guest got this.";
/// What staff are told of a message that waited until the guest's 24 hours were over.
const TOO_LATE: &str =
    "The guest's 24 hours were over before this could be sent, so WhatsApp takes only an approved template.";

/// Sends, on this server.
pub struct Sending {
    desk: Desk,
    client: Client,
    /// Tells this server from others that may send.
    holder: String,
    /// Tells the access token from others.
    token: String,
    hotels: Mutex<HashMap<HotelId, AtWork>>,
}

/// What is remembered of a hotel that this server sends for.
struct AtWork {
    pace: Pace,
    on_their_way: usize,
    probed_at: Option<DateTime<Utc>>,
}

impl Sending {
    /// Sends with this client; `token` is a digest of its access token.
    pub fn new(desk: Desk, client: Client, token: String) -> Arc<Self> {
        let holder = Uuid::new_v4().simple().to_string();
        Arc::new(Self { desk, client, holder, token, hotels: Mutex::default() })
    }

    /// Sends for ever.
    pub async fn run(self: Arc<Self>) {
        loop {
            if let Err(error) = self.clone().step().await {
                log::warn!("cannot send what waits: {error}");
                tokio::time::sleep(LOOK).await;
            }
            let _ = timeout(LOOK, self.desk.to_send.notified()).await;
        }
    }

    /// Sends what is due now; it is on its way when this returns.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn step(self: Arc<Self>) -> Result<(), Error> {
        let open = self.desk.store.read(|conn| Ok::<_, Error>(outbox::open_hotels(conn)?)).await?;
        for hotel in open {
            self.clone().step_of(hotel).await?;
        }
        Ok(())
    }

    /// Gives back what this server holds, so that others need not wait.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn let_go(&self) -> Result<(), Error> {
        let (holder, now) = (self.holder.clone(), Utc::now());
        self.desk.store.write(HotelId(0), vec![], move |tx| Ok(outbox::let_go(tx, &holder, now)?)).await
    }

    async fn step_of(self: Arc<Self>, id: HotelId) -> Result<(), Error> {
        let Some(hotel) = self.desk.store.read(move |conn| Ok::<_, Error>(hotels::find(conn, id)?)).await? else {
            return Ok(());
        };
        let Some(number) = hotel.whatsapp_phone_number_id.clone() else { return Ok(()) };
        if !self.holds(&hotel).await? {
            return Ok(());
        }
        let now = self.desk.now();
        let most = AT_ONCE.saturating_sub(self.lock().get(&id).map_or(0, |it| it.on_their_way));
        let due = self.desk.store.read(move |conn| Ok::<_, Error>(outbox::due(conn, id, now, most as i64)?)).await?;
        for it in due {
            if !self.take_turn(id, &it, now).await? {
                continue;
            }
            if self.claim(id, &it).await? {
                let (this, number) = (self.clone(), number.clone());
                tokio::spawn(async move { this.send(id, number, it).await });
            } else {
                self.one_less(id);
            }
        }
        Ok(())
    }

    /// Whether this server is the one that sends for a hotel, and may.
    async fn holds(&self, hotel: &Hotel) -> Result<bool, Error> {
        let (id, holder, token) = (hotel.id, self.holder.clone(), self.token.clone());
        // By the machine's clock: a lease is between servers.
        let hold = move |tx: &mut Tx<'_>| Ok::<_, Error>(outbox::hold(tx, id, &holder, &token, Utc::now())?);
        let Channel::Ours { taken, stopped } = self.desk.store.write(id, vec![], hold).await? else {
            self.lock().remove(&id);
            return Ok(false);
        };
        if taken {
            self.give_up_abandoned(id).await?;
        }
        let now = self.desk.now();
        let mut hotels = self.lock();
        let at_work = hotels.entry(id).or_insert_with(AtWork::new);
        match stopped {
            None => at_work.probed_at = None,
            Some(code) if at_work.probed_at.is_none_or(|at| at + PROBE <= now) => {
                let is_first = at_work.probed_at.replace(now).is_none();
                log::error!("nothing is sent for hotel {id}: WhatsApp refuses its account or token (error {code})");
                // A refused token is refused again: only another one, or the account's recovery, changes that.
                return Ok(!is_first && !is_about_token(code));
            }
            Some(_) => return Ok(false),
        }
        Ok(true)
    }

    /// What a server that died had on its way may have gone out.
    async fn give_up_abandoned(&self, hotel: HotelId) -> Result<(), Error> {
        let abandoned = move |conn: &mut persistence::Conn| Ok::<_, Error>(outbox::on_their_way(conn, hotel)?);
        for (message, conversation) in self.desk.store.read(abandoned).await? {
            self.settle(hotel, message, conversation, Delivery::Unknown, NO_ANSWER.to_owned()).await?;
        }
        Ok(())
    }

    /// Whether a message may go now, by the rates that WhatsApp allows and by the guest's window. It counts as on
    /// its way then; else it is put off, or has failed.
    async fn take_turn(&self, hotel: HotelId, it: &Due, now: DateTime<Utc>) -> Result<bool, Error> {
        let is_template = matches!(it.body.as_deref().and_then(Body::read_stored), Some(Body::Template { .. }));
        if !is_template && !outgoing::is_window_open(it.last_heard, now) {
            let (message, conversation) = (it.message, it.conversation);
            self.settle(hotel, message, conversation, Delivery::Failed, TOO_LATE.to_owned()).await?;
            return Ok(false);
        }
        let turn = {
            let mut hotels = self.lock();
            let at_work = hotels.entry(hotel).or_insert_with(AtWork::new);
            let turn = at_work.pace.take(it.conversation);
            at_work.on_their_way += usize::from(turn.is_ok());
            turn
        };
        match turn {
            Ok(()) => Ok(true),
            Err(wait) => {
                let due = now + TimeDelta::from_std(wait).unwrap_or(MOST_WAIT);
                self.put_back(hotel, it, due, true).await?;
                Ok(false)
            }
        }
    }

    async fn claim(&self, hotel: HotelId, it: &Due) -> Result<bool, Error> {
        let message = it.message;
        self.desk.store.write(hotel, vec![], move |tx| Ok(outbox::claim(tx, message)?)).await
    }

    async fn send(self: Arc<Self>, hotel: HotelId, number: String, it: Due) {
        let sent = self.send_by(&number, &it).await;
        // As long as it cannot be stored the message counts as on its way: stored it will be, or given up by
        // whoever sends next.
        while let Err(error) = self.store_outcome(hotel, &it, &sent).await {
            log::warn!("cannot store what came of a sending: {error}");
            tokio::time::sleep(LOOK).await;
        }
        self.one_less(hotel);
        self.desk.something_to_send();
    }

    async fn send_by(&self, number: &str, it: &Due) -> Result<Accepted, CallError> {
        let mut body = it.body.as_deref().and_then(Body::read_stored).unwrap_or_else(|| Body::Text(it.text.clone()));
        if let Body::Media { media_id, .. } = &mut body {
            *media_id = self.upload(number, it.message).await?;
        }
        let message = Outgoing { to: it.to.clone(), callback: it.callback.clone(), quotes: None, body };
        self.client.send(number, &message).await
    }

    /// Uploads a message's file. Nothing reaches the guest by that: whatever goes wrong, it may be done again.
    async fn upload(&self, number: &str, of: MessageId) -> Result<String, CallError> {
        let not_read = |error: Error| {
            log::warn!("a file to send cannot be read: {error}");
            CallError::from(NotSent::NoConnection("the file could not be read".to_owned()))
        };
        let (file, bytes) = self.desk.file_of(of).await.map_err(not_read)?;
        match self.client.upload(number, &file.name, &file.content_type, bytes).await {
            Err(CallError::NoAnswer(why)) => Err(NotSent::NoConnection(why.to_string()).into()),
            uploaded => uploaded,
        }
    }

    async fn store_outcome(&self, hotel: HotelId, it: &Due, sent: &Result<Accepted, CallError>) -> Result<(), Error> {
        let now = self.desk.now();
        let (message, conversation, before) = (it.message, it.conversation, it.attempts.unsigned_abs());
        match sent {
            Ok(accepted) => self.accepted(hotel, it, accepted.clone()).await,
            Err(CallError::NotSent(NotSent::NoCall(why))) => {
                log::error!("a message cannot be sent at all: {why}");
                let failure = "This message cannot be sent by WhatsApp.".to_owned();
                self.settle(hotel, message, conversation, Delivery::Failed, failure).await
            }
            Err(error @ CallError::NotSent(_)) => {
                log::warn!("WhatsApp cannot be reached: {error}");
                let wait = TimeDelta::seconds(1 << before.min(6)).min(MOST_WAIT);
                self.put_back(hotel, it, now + wait, true).await
            }
            Err(error @ CallError::NoAnswer(_)) => {
                log::warn!("what came of a message is not known: {error}");
                self.settle(hotel, message, conversation, Delivery::Unknown, NO_ANSWER.to_owned()).await
            }
            Err(CallError::Refused { error, retry_after }) => {
                log::warn!("WhatsApp refused a message: {error}");
                let failure = error.sentence();
                let advice = error.advice();
                if let Advice::StopChannel(_) = advice {
                    self.stop(hotel, error.code).await?;
                    return self.put_back(hotel, it, now, false).await;
                }
                let clearly_open = it.last_heard.is_some_and(|at| now + CLEARLY_OPEN < at + outgoing::WINDOW);
                let wait = match advice {
                    Advice::WindowClosed if clearly_open && before == 0 => Some(ONCE_MORE),
                    advice => advice.wait(before).map(|it| TimeDelta::from_std(it).unwrap_or(MOST_WAIT)),
                };
                match wait {
                    Some(wait) => {
                        let told = retry_after.and_then(|it| TimeDelta::from_std(it).ok()).unwrap_or_default();
                        self.put_back(hotel, it, now + wait.max(told), true).await
                    }
                    None => self.settle(hotel, message, conversation, Delivery::Failed, failure).await,
                }
            }
        }
    }

    /// Stores that WhatsApp has a message, and what was reported of it before that was known.
    async fn accepted(&self, hotel: HotelId, it: &Due, accepted: Accepted) -> Result<(), Error> {
        let (message, now) = (it.message, self.desk.now());
        let was_stopped = self.lock().get_mut(&hotel).is_some_and(|it| it.probed_at.take().is_some());
        self.desk
            .store
            .write(hotel, vec![Which::Conversation(it.conversation)], move |tx| {
                if was_stopped {
                    outbox::go_on(tx, hotel)?;
                }
                outbox::settle(tx, message)?;
                outbox::name(tx, message, &accepted.wamid)?;
                let mut come_to = vec![(Delivery::Sent, None)];
                come_to.extend(reports::take(tx, hotel, &accepted.wamid)?);
                for (delivery, failure) in come_to {
                    if let Some(found) = outbox::find(tx.conn(), &By::Id(message))? {
                        outgoing::advance(tx, &found, delivery, failure.as_deref(), now)?;
                    }
                }
                learn(tx, message, &accepted)
            })
            .await
    }

    /// Stores how a message ended.
    async fn settle(
        &self,
        hotel: HotelId,
        message: MessageId,
        conversation: ConversationId,
        delivery: Delivery,
        failure: String,
    ) -> Result<(), Error> {
        let now = self.desk.now();
        self.desk
            .store
            .write(hotel, vec![Which::Conversation(conversation)], move |tx| {
                if outbox::settle(tx, message)?
                    && let Some(found) = outbox::find(tx.conn(), &By::Id(message))?
                {
                    outgoing::advance(tx, &found, delivery, Some(&failure), now)?;
                }
                Ok(())
            })
            .await
    }

    async fn put_back(&self, hotel: HotelId, it: &Due, due: DateTime<Utc>, counted: bool) -> Result<(), Error> {
        let message = it.message;
        self.desk.store.write(hotel, vec![], move |tx| Ok(outbox::put_back(tx, message, due, counted)?)).await
    }

    async fn stop(&self, hotel: HotelId, code: i64) -> Result<(), Error> {
        let token = self.token.clone();
        self.desk.store.write(hotel, vec![], move |tx| Ok(outbox::stop(tx, hotel, code, &token)?)).await
    }

    fn one_less(&self, hotel: HotelId) {
        if let Some(it) = self.lock().get_mut(&hotel) {
            it.on_their_way = it.on_their_way.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HotelId, AtWork>> {
        self.hotels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtWork {
    fn new() -> Self {
        Self { pace: Pace::new(), on_their_way: 0, probed_at: None }
    }
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

/// Whether a code that stops a channel is about the access token, rather than the account.
fn is_about_token(code: i64) -> bool {
    whatsapp::advice_on(code) == Advice::StopChannel(Stop::Token)
}
