//! Sending what waits to go to guests by WhatsApp.
//!
//! A message is claimed in one transaction, sent outside any, and what came of it is stored in another. Of each
//! conversation one message at a time is on its way, so that they go in order. A message that may have gone out is
//! not sent again by itself, since that could reach the guest twice: it is `unknown` until a report tells more.

mod marks;
mod outcomes;
mod pace;
mod uploads;

pub(crate) use self::marks::Marks;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, Delivery, HotelId};
use persistence::{
    StoreError, Tx,
    channels::{self, Channel},
    conversations::Which,
    hotels,
    outbox::{self, By, Due},
    reports,
};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;
use whatsapp::{Accepted, Advice, Body, CallError, Client, NotSent, Outgoing, Stop};

use self::pace::{Pace, Wait};
use crate::{Desk, Error, outgoing};

/// How often it is looked for what nobody told of: what other servers stored, and what is due again.
const LOOK: Duration = Duration::from_secs(1);
/// Messages of a hotel that are on their way at once.
const AT_ONCE: usize = 32;
/// At the end of this server: for so long it is waited for what is on its way. Together with all else it is out
/// within 10 s.
const FAREWELL: Duration = Duration::from_secs(6);
/// A channel stopped for the account's sake is tried again so often: nothing tells when it is well again.
const PROBE: TimeDelta = TimeDelta::minutes(5);

/// A report may be missed by the transactions that run while it is kept, none of which takes so long.
const MISSED: TimeDelta = TimeDelta::minutes(5);
/// Before the lease of a channel ends, so much is left for what is not measured.
const MARGIN: Duration = Duration::from_secs(1);
/// With less time than that a send is not begun.
const LEAST_LIMIT: Duration = Duration::from_secs(5);

/// What staff are told of a message that nobody knows about.
const NO_ANSWER: &str = "WhatsApp did not answer, so it is not known whether the guest got this.";
/// What staff are told of a message that waited until the guest's 24 hours were over.
const TOO_LATE: &str =
    "The guest's 24 hours were over before this could be sent, so WhatsApp takes only an approved template.";
/// What staff are told of a message of a hotel whose number was taken away.
const NO_NUMBER: &str = "The hotel has no WhatsApp number any more, so this was not sent.";
/// What staff are told of a message that an incompatible version of the program has stored.
const NOT_UNDERSTOOD: &str = "This was stored in a form that cannot be sent any more. Please write it again.";

/// Sends, on this server.
pub struct Sending {
    desk: Desk,
    client: Client,
    /// Tells this server from others that may send.
    holder: String,
    /// Tells the access token from others.
    token: String,
    hotels: Mutex<HashMap<HotelId, AtWork>>,
    /// Whether this server is about to end. Set and asked with `hotels` locked.
    is_ending: AtomicBool,
}

/// What is remembered of a hotel that this server sends for.
struct AtWork {
    pace: Pace,
    /// What this server has on its way, by callback: what is stored as being so, and is not here, nobody will end.
    on_their_way: HashMap<String, ConversationId>,
    /// When a stopped channel was last tried, or first found to be stopped.
    probed_at: Option<DateTime<Utc>>,
    /// Since when no connection has come about.
    unreachable_since: Option<DateTime<Utc>>,
}

/// Whether a message may go now.
enum Turn {
    /// It may, and counts as on its way.
    Taken,
    /// It may not.
    NotNow,
    /// Nor may any other of its hotel for so long.
    NobodyNow(Duration),
}

/// Whether a server may send for a hotel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    /// It may.
    Yes,
    /// One message, to see whether a stopped channel goes on.
    ToProbe,
    /// None: the channel is stopped.
    Stopped,
    /// Another server sends for it.
    ByOthers,
}

impl Sending {
    /// Sends with this client; `token` is a digest of its access token.
    pub fn new(desk: Desk, client: Client, token: String) -> Arc<Self> {
        let holder = Uuid::new_v4().simple().to_string();
        Arc::new(Self { desk, client, holder, token, hotels: Mutex::default(), is_ending: AtomicBool::new(false) })
    }

    /// Sends until [`Sending::end`].
    pub async fn run(self: Arc<Self>) {
        let mut looked = Instant::now();
        // At first all, which may have been missed while no server ran; then those of which it is not certain.
        let mut within = reports::KEPT;
        while !self.is_ending.load(Relaxed) {
            let wait = match self.clone().step().await {
                Ok(wait) => wait,
                Err(error) => {
                    log::warn!("cannot send what waits: {error}");
                    sleep(LOOK).await;
                    LOOK
                }
            };
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                match self.take_missed_reports(within).await {
                    Ok(()) => within = MISSED,
                    Err(error) => log::warn!("cannot look for reports that were missed: {error}"),
                }
            }
            let _ = timeout(wait, self.desk.to_send.notified()).await;
        }
    }

    /// Sends what is due now; it is on its way when this returns. For how long nothing more is due, at most.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn step(self: Arc<Self>) -> Result<Duration, Error> {
        let open = self.desk.store.read(|conn| Ok::<_, Error>(outbox::open_hotels(conn)?)).await?;
        let mut wait = LOOK;
        for hotel in open {
            match self.clone().step_of(hotel).await {
                Ok(its_own) => wait = wait.min(its_own),
                // The database is away for all of them; any other fault is this hotel's.
                Err(error @ Error::Store(StoreError::Unavailable(_))) => return Err(error),
                Err(error) => log::error!("cannot send what waits for hotel {hotel}: {error}"),
            }
        }
        Ok(wait)
    }

    /// Sends nothing more, waits a while for what is on its way, and gives back what this server holds, so that
    /// others need not wait. What is on its way even then may have gone out.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn end(&self) -> Result<(), Error> {
        {
            let _hotels = self.lock();
            self.is_ending.store(true, Relaxed);
        }
        self.desk.to_send.notify_one();
        let start = Instant::now();
        while !self.all_on_their_way().is_empty() && start.elapsed() < FAREWELL {
            sleep(Duration::from_millis(20)).await;
        }
        for (hotel, callback, conversation) in self.all_on_their_way() {
            self.give_up(hotel, callback, conversation).await?;
        }
        let holder = self.holder.clone();
        self.desk.store.write(HotelId(0), vec![], move |tx| Ok(channels::let_go(tx, &holder)?)).await
    }

    fn all_on_their_way(&self) -> Vec<(HotelId, String, ConversationId)> {
        let hotels = self.lock();
        let of = |(id, it): (&HotelId, &AtWork)| {
            let id = *id;
            it.on_their_way
                .iter()
                .map(move |(callback, conversation)| (id, callback.clone(), *conversation))
                .collect::<Vec<_>>()
        };
        hotels.iter().flat_map(of).collect()
    }

    async fn step_of(self: Arc<Self>, id: HotelId) -> Result<Duration, Error> {
        let Some(hotel) = self.desk.store.read(move |conn| Ok::<_, Error>(hotels::find(conn, id)?)).await? else {
            return Ok(LOOK);
        };
        let held = self.hold(id).await?;
        if held == Held::ByOthers {
            return Ok(LOOK);
        }
        let (now, ours) = (self.desk.now(), self.on_their_way(id));
        let most = match held {
            Held::Yes => AT_ONCE,
            Held::ToProbe => 1,
            Held::Stopped | Held::ByOthers => 0,
        };
        // Beside what is due again though it is not over yet what came of it.
        let limit = (most + ours.len()) as i64;
        let (sending, due) = self
            .desk
            .store
            .read(move |conn| Ok::<_, Error>((outbox::on_their_way(conn, id)?, outbox::due(conn, id, now, limit)?)))
            .await?;
        for (callback, conversation) in sending.into_iter().filter(|(callback, _)| !ours.contains(callback)) {
            self.give_up(id, callback, conversation).await?;
        }
        for it in due.into_iter().filter(|it| !ours.contains(&it.callback)).take(most.saturating_sub(ours.len())) {
            let Some(number) = hotel.whatsapp_phone_number_id.clone() else {
                self.refuse(id, &it, NO_NUMBER).await?;
                continue;
            };
            let Some(mut body) = body_of(&it) else {
                log::error!("the stored body of message {} is not understood", it.message);
                self.refuse(id, &it, NOT_UNDERSTOOD).await?;
                continue;
            };
            if !matches!(body, Body::Template { .. }) && !outgoing::is_window_open(it.last_heard, now) {
                self.refuse_late(id, &it).await?;
                continue;
            }
            if let Body::Media { media_id, .. } = &mut body {
                let Some(uploaded) = uploads::usable(&it, &number, now) else {
                    self.begin_upload(id, number, it);
                    continue;
                };
                *media_id = uploaded;
            }
            match self.take_turn(id, &it).await? {
                Turn::Taken => {}
                Turn::NotNow => continue,
                Turn::NobodyNow(wait) => return Ok(wait),
            }
            // Whatever becomes of the claim, it does not count any longer when this is over.
            match self.claim(id, &it).await {
                Ok(Some(until)) => drop(tokio::spawn(self.clone().send(id, number, it, body, until))),
                not_claimed => {
                    self.is_over(id, &it.callback);
                    not_claimed?;
                }
            }
        }
        Ok(LOOK)
    }

    /// Whether this server is the one that sends for a hotel, and may.
    async fn hold(&self, id: HotelId) -> Result<Held, Error> {
        let (holder, token) = (self.holder.clone(), self.token.clone());
        let now = self.desk.now();
        // A probe is a claim, which needs the lease.
        let busy = !self.on_their_way(id).is_empty() || self.is_probe_due(id, now);
        let hold = move |tx: &mut Tx<'_>| Ok::<_, Error>(channels::hold(tx, id, &holder, &token, busy)?);
        let Channel::Ours { stopped } = self.desk.store.write(id, vec![], hold).await? else {
            let mut hotels = self.lock();
            if hotels.get(&id).is_some_and(|it| it.on_their_way.is_empty()) {
                hotels.remove(&id);
            }
            return Ok(Held::ByOthers);
        };
        let mut hotels = self.lock();
        let at_work = hotels.entry(id).or_insert_with(AtWork::new);
        let Some(code) = stopped else {
            at_work.probed_at = None;
            return Ok(Held::Yes);
        };
        if at_work.probed_at.is_some() && !at_work.is_probe_due(now) {
            return Ok(Held::Stopped);
        }
        let is_first = at_work.probed_at.replace(now).is_none();
        log::error!("nothing is sent for hotel {id}: WhatsApp refuses its account or token (error {code})");
        // A refused token is refused again: only another one, or the account's recovery, changes that.
        Ok(if is_first || is_about_token(code) { Held::Stopped } else { Held::ToProbe })
    }

    /// Whether it is time to try one message of a stopped channel.
    fn is_probe_due(&self, hotel: HotelId, now: DateTime<Utc>) -> bool {
        self.lock().get(&hotel).is_some_and(|it| it.is_probe_due(now))
    }

    /// What a server that died had on its way may have gone out. So may what this one claimed, where the claim's
    /// answer was lost: that is not told apart.
    async fn give_up(&self, hotel: HotelId, callback: String, conversation: ConversationId) -> Result<(), Error> {
        let now = self.desk.now();
        self.desk
            .store
            .write(hotel, vec![Which::Conversation(conversation)], move |tx| {
                if outbox::abandon(tx, &callback)?
                    && let Some(found) = outbox::find(tx.conn(), &By::Callback(callback.clone()))?
                {
                    outgoing::advance(tx, &found, Delivery::Unknown, Some(NO_ANSWER), now)?;
                }
                Ok(())
            })
            .await
    }

    /// Whether a message may go now, by the rates that WhatsApp allows. It counts as on its way then; else it is put
    /// off.
    async fn take_turn(&self, hotel: HotelId, it: &Due) -> Result<Turn, Error> {
        let now = self.desk.now();
        let turn = {
            let mut hotels = self.lock();
            if self.is_ending.load(Relaxed) {
                return Ok(Turn::NobodyNow(LOOK));
            }
            let at_work = hotels.entry(hotel).or_insert_with(AtWork::new);
            let turn = at_work.pace.take(it.guest, now);
            if turn.is_ok() {
                at_work.on_their_way.insert(it.callback.clone(), it.conversation);
            }
            turn
        };
        match turn {
            Ok(()) => Ok(Turn::Taken),
            Err(Wait::Number(wait)) => Ok(Turn::NobodyNow(wait.to_std().unwrap_or_default())),
            Err(Wait::Pair(wait)) => {
                let callback = it.callback.clone();
                let put_off = move |tx: &mut Tx<'_>| Ok(outbox::put_off(tx, &callback, now + wait, false)?);
                self.desk.store.write(hotel, vec![], put_off).await.map(|()| Turn::NotNow)
            }
        }
    }

    /// Claims a message: until when it may be sent, since another server may take the channel after that.
    async fn claim(&self, hotel: HotelId, it: &Due) -> Result<Option<Instant>, Error> {
        let (holder, callback) = (self.holder.clone(), it.callback.clone());
        // From before the claim: its answer may be late, and this process may have stood still.
        let asked = Instant::now();
        let claim = move |tx: &mut Tx<'_>| Ok::<_, Error>(outbox::claim(tx, hotel, &holder, &callback)?);
        let left = self.desk.store.write(hotel, vec![], claim).await?;
        Ok(left.map(|left| asked + left.to_std().unwrap_or_default().saturating_sub(MARGIN)))
    }

    async fn send(self: Arc<Self>, hotel: HotelId, number: String, it: Due, body: Body, until: Instant) {
        let sent = self.send_by(&number, &it, body, until).await;
        // As long as it cannot be stored the message counts as on its way: stored it will be, or given up by
        // whoever sends next.
        while let Err(error) = self.store_outcome(hotel, &it, &sent).await {
            log::warn!("cannot store what came of a sending: {error}");
            if !matches!(&error, Error::Store(error) if error.may_pass()) {
                // It would fail again: it is given up, as if there had been no answer.
                break;
            }
            sleep(LOOK).await;
        }
        self.is_over(hotel, &it.callback);
        self.desk.to_send.notify_one();
    }

    async fn send_by(&self, number: &str, it: &Due, body: Body, until: Instant) -> Result<Accepted, CallError> {
        let limit = until.saturating_duration_since(Instant::now());
        if limit < LEAST_LIMIT {
            // Another server may send for the hotel before this is answered. Nothing went out.
            return Err(NotSent::NoConnection("it was claimed too long ago".to_owned()).into());
        }
        let message = Outgoing { to: it.to.clone(), callback: it.callback.clone(), quotes: None, body };
        self.client.send(number, &message, limit).await
    }

    fn on_their_way(&self, hotel: HotelId) -> HashSet<String> {
        self.lock().get(&hotel).map(|it| it.on_their_way.keys().cloned().collect()).unwrap_or_default()
    }

    fn is_over(&self, hotel: HotelId, callback: &str) {
        if let Some(it) = self.lock().get_mut(&hotel) {
            it.on_their_way.remove(callback);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HotelId, AtWork>> {
        self.hotels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtWork {
    fn is_probe_due(&self, now: DateTime<Utc>) -> bool {
        self.probed_at.is_some_and(|at| now >= at + PROBE)
    }

    fn new() -> Self {
        Self { pace: Pace::new(), on_their_way: HashMap::new(), probed_at: None, unreachable_since: None }
    }
}

/// What is sent of a message; nothing where what is stored is not understood, which must not go out as anything else.
fn body_of(it: &Due) -> Option<Body> {
    it.body.as_deref().map_or_else(|| Some(Body::Text(it.text.clone())), Body::read_stored)
}

/// Whether a code that stops a channel is about the access token, rather than the account.
fn is_about_token(code: i64) -> bool {
    whatsapp::advice_on(code) == Advice::StopChannel(Stop::Token)
}
