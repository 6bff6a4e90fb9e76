//! The bus between the servers on one database: what this one tells the others, and what it hears.
//!
//! It only wakes. It carries ids, and may lose or double what it carries: the log in the database is the
//! truth, a feed reads there what it misses, and the watch compares with it once a second. So nothing is
//! told twice, nothing waits for the bus, and who has much to tell tells the newest.

mod notices;
mod redis;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    mem,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use desk::{DbUrl, Notices};
use domain::{HotelId, Seq};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};
use wire::{FromNode, Signal};

use self::redis::Redis;
pub use self::redis::{BadRedisUrl, RedisUrl};
use crate::hub::Hub;

/// How long telling may take, and an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// From one telling to the next: what is committed meanwhile goes with the next.
const APART: Duration = Duration::from_millis(1);
/// How often it is tried, after it could not be told, whether anything can.
const AGAIN: Duration = Duration::from_secs(1);
/// Whispers that may wait to be told; what comes then is lost.
const WHISPERS: usize = 256;

/// By which way the servers on one database reach each other.
#[derive(Clone)]
pub enum BusKind {
    /// By none: this one is alone.
    Alone,
    /// Through that database.
    Database(DbUrl),
    /// Through Redis. `epoch` names the database's history, since others may use the same Redis.
    Redis {
        /// Where it is.
        url: RedisUrl,
        /// The history.
        epoch: String,
    },
}

/// This server's end of the bus.
pub(crate) struct Bus {
    /// Tells apart what comes back of our own.
    node: u64,
    way: OnceLock<Way>,
    outgoing: Mutex<Outgoing>,
    to_tell: Notify,
    /// The hotels that are to be heard of: those that have sockets here.
    wanted: watch::Sender<HashSet<HotelId>>,
    /// That it has begun to listen to a hotel: what came before, nobody told.
    listens: Notify,
    line: Mutex<Line>,
    told: AtomicU64,
    failed: AtomicU64,
    heard: AtomicU64,
}

enum Way {
    Notices(Notices),
    Redis(Box<Redis>),
}

/// What is to be told.
#[derive(Default)]
struct Outgoing {
    /// How far the logs go: one place a hotel, the newest, and whether something since is for all.
    heads: HashMap<HotelId, (Seq, bool)>,
    whispers: VecDeque<(HotelId, Signal)>,
}

/// How it stands with the way.
struct Line {
    hears: bool,
    tells: bool,
    /// Whether the log was told that it is away.
    away: bool,
}

/// Figures of the bus, since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct BusCounts {
    /// Whether others can be heard and told; true where there are none.
    pub up: bool,
    /// What others were told.
    pub told: u64,
    /// What they could not be told.
    pub failed: u64,
    /// What others told.
    pub heard: u64,
}

impl Default for Bus {
    fn default() -> Self {
        Self {
            node: rand::random(),
            way: OnceLock::new(),
            outgoing: Mutex::default(),
            to_tell: Notify::new(),
            wanted: watch::Sender::default(),
            listens: Notify::new(),
            line: Mutex::new(Line { hears: false, tells: true, away: false }),
            told: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            heard: AtomicU64::new(0),
        }
    }
}

/// Begins to hear and to tell, on this thread.
pub(crate) fn begin(hub: &Hub, kind: BusKind) {
    let way = match kind {
        BusKind::Alone => None,
        BusKind::Database(url) => notices::begin(hub, &url).map(Way::Notices),
        BusKind::Redis { url, epoch } => Some(Way::Redis(Box::new(redis::begin(hub, url, &epoch)))),
    };
    if let Some(way) = way
        && hub.bus().way.set(way).is_ok()
    {
        let teller = hub.clone();
        hub.supervise("bus", move || tell(teller.clone()));
    }
}

/// Tells the others, for ever.
async fn tell(hub: Hub) {
    let (bus, mut next) = (hub.bus(), Instant::now());
    loop {
        if lock(&bus.line).tells {
            bus.to_tell.notified().await;
        } else {
            // There may be nothing to tell for long; that it is possible again is to be known before.
            let _ = timeout(AGAIN, bus.to_tell.notified()).await;
        }
        sleep_until(next).await;
        next = Instant::now() + APART;
        let batch = bus.take_outgoing();
        let count = batch.len() as u64;
        let told = match bus.way.get() {
            Some(way) => timeout(PATIENCE, way.tell(batch)).await.unwrap_or_else(|_| Err("no answer in time".into())),
            None => return,
        };
        match told {
            Ok(()) => {
                bus.told.fetch_add(count, Relaxed);
                bus.note(|line| line.tells = true, None);
            }
            Err(why) => {
                bus.failed.fetch_add(count, Relaxed);
                bus.note(|line| line.tells = false, Some(&why));
            }
        }
    }
}

impl Way {
    /// Tells the others; with nothing to tell it tries whether that is possible.
    async fn tell(&self, batch: Vec<(HotelId, String)>) -> Result<(), String> {
        match self {
            Self::Notices(notices) => notices.give(batch).await.map_err(|error| error.to_string()),
            Self::Redis(redis) => redis.publish(&batch).await,
        }
    }
}

impl Bus {
    /// Tells the others that a hotel's log goes up to here, and whether there is something for sockets that
    /// follow nothing.
    pub(crate) fn announce(&self, hotel: HotelId, head: Seq, for_all: bool) {
        if self.way.get().is_some() {
            let mut outgoing = lock(&self.outgoing);
            let known = outgoing.heads.entry(hotel).or_default();
            *known = (head.max(known.0), known.1 || for_all);
            drop(outgoing);
            self.to_tell.notify_one();
        }
    }

    /// Tells the others something that is not logged.
    pub(crate) fn whisper(&self, hotel: HotelId, signal: Signal) {
        if self.way.get().is_none() {
            return;
        }
        let mut outgoing = lock(&self.outgoing);
        if outgoing.whispers.len() < WHISPERS {
            outgoing.whispers.push_back((hotel, signal));
            drop(outgoing);
            self.to_tell.notify_one();
        } else {
            self.failed.fetch_add(1, Relaxed);
        }
    }

    /// Listens to a hotel from now on.
    pub(crate) fn listen_to(&self, hotel: HotelId) {
        self.wanted.send_if_modified(|hotels| hotels.insert(hotel));
    }

    /// Listens to it no more.
    pub(crate) fn forget(&self, hotel: HotelId) {
        self.wanted.send_if_modified(|hotels| hotels.remove(&hotel));
    }

    /// Waits until it has begun to listen to some hotel, perhaps again.
    pub(crate) async fn listens(&self) {
        self.listens.notified().await;
    }

    /// Looks whether Redis answers; `None` where there is none.
    pub(crate) async fn redis_answers(&self) -> Option<bool> {
        let Some(Way::Redis(redis)) = self.way.get() else { return None };
        Some(matches!(timeout(PATIENCE, redis.ping()).await, Ok(Ok(()))))
    }

    pub(crate) fn counts(&self) -> BusCounts {
        let line = lock(&self.line);
        BusCounts {
            up: self.way.get().is_none() || line.hears && line.tells,
            told: self.told.load(Relaxed),
            failed: self.failed.load(Relaxed),
            heard: self.heard.load(Relaxed),
        }
    }

    /// Takes what another server told, or we ourselves.
    fn hear(&self, hub: &Hub, hotel: HotelId, text: &str) {
        let Some(FromNode { node, signal }) = FromNode::read(text) else {
            return log::debug!("the bus brought something that no server of this version says");
        };
        if node == self.node {
            return;
        }
        self.heard.fetch_add(1, Relaxed);
        if let Some(feed) = hub.feed(hotel) {
            match signal {
                Signal::Head { seq, for_all } => feed.news.reach(Seq(seq), for_all),
                Signal::Typing { .. } | Signal::Read { .. } => feed.whisper(signal),
            }
        }
    }

    /// Notes that all is heard of the hotels that are wanted.
    fn begins_to_listen(&self) {
        // After an outage there is no reason to think that telling fails.
        self.note(|line| *line = Line { hears: true, tells: line.tells || !line.hears, away: line.away }, None);
        self.listens.notify_one();
    }

    /// Notes that nothing is heard.
    fn hears_nothing(&self, why: &str) {
        self.note(|line| line.hears = false, Some(why));
    }

    /// Notes how it stands, and tells the log once when the bus goes and once when it is back.
    fn note(&self, change: impl FnOnce(&mut Line), trouble: Option<&str>) {
        let mut line = lock(&self.line);
        change(&mut line);
        let works = line.hears && line.tells;
        match trouble {
            Some(why) if !mem::replace(&mut line.away, true) => {
                log::warn!("the bus is away; what other servers do is known up to a second later: {why}");
            }
            None if works && mem::take(&mut line.away) => log::info!("the bus is back"),
            _ => {}
        }
    }

    fn take_outgoing(&self) -> Vec<(HotelId, String)> {
        let Outgoing { heads, whispers } = mem::take(&mut *lock(&self.outgoing));
        let heads = heads.into_iter().map(|(hotel, (Seq(seq), for_all))| (hotel, Signal::Head { seq, for_all }));
        let text = |signal| FromNode { node: self.node, signal }.text();
        heads.chain(whispers).map(|(hotel, signal)| (hotel, text(signal))).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
