//! Notices between the processes that share a PostgreSQL: its `LISTEN` and `NOTIFY`.
//!
//! One thread with one connection does both. What is to be told comes in a statement of its own, after the
//! commit that it tells of: within it, it would take a lock of the whole database and two thirds of the speed.

use std::{
    collections::HashSet,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{
    PgConnection, QueryResult, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Array, Text},
};
use domain::HotelId;
use tokio::sync::oneshot;

use crate::{
    StoreError,
    conn::{Conn, DbUrl},
    prepared::{Number, prepared},
};

/// How often it is looked whether something has come: nothing in libpq wakes a thread. Shortly after
/// something came, more is likely.
const LIVELY: Duration = Duration::from_millis(2);
const QUIET: Duration = Duration::from_millis(10);
/// For so long after something came it is lively.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// How long until a lost connection is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// Orders that may wait; who gives one waits for it.
const ORDERS: usize = 4;

/// A hotel's channel is this with its id.
const CHANNEL: &str = "mm_hotel_";

/// What comes of a connection for notices.
#[derive(Debug)]
pub enum Heard {
    /// A notice, perhaps one of our own.
    Notice {
        /// The hotel it is about.
        hotel: HotelId,
        /// Its text.
        text: String,
    },
    /// From here on every notice about the hotels that are listened to is heard.
    Listening,
    /// Nothing is heard and nothing can be told, until it listens again by itself.
    Away(String),
}

/// A connection for notices.
pub struct Notices {
    orders: SyncSender<Order>,
    wanted: Arc<Mutex<Wanted>>,
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
    }
}

/// Notices to give. Dropped without a word, they could not be given.
struct Order {
    notices: Vec<(HotelId, String)>,
    done: oneshot::Sender<()>,
}

#[derive(Default)]
struct Wanted {
    hotels: HashSet<HotelId>,
    changed: bool,
}

impl Notices {
    /// Begins to connect, and goes on for ever: what comes is told on a thread of its own, which
    /// `tell` must not block. `None` where the database has no notices, as SQLite has none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where there can be no thread.
    pub fn open(url: &DbUrl, tell: impl Fn(Heard) + Send + 'static) -> Result<Option<Self>, StoreError> {
        let DbUrl::Postgres(_) = url else { return Ok(None) };
        let (orders, queue) = sync_channel(ORDERS);
        let wanted = Arc::<Mutex<Wanted>>::default();
        let (url, shared) = (url.clone(), wanted.clone());
        thread::Builder::new()
            .name("notices".to_owned())
            .spawn(move || work(&url, &shared, &queue, &tell))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Some(Self { orders, wanted }))
    }

    /// Listens from now on to these hotels and no others; [`Heard::Listening`] tells when it does.
    pub fn listen_to(&self, hotels: HashSet<HotelId>) {
        *lock(&self.wanted) = Wanted { hotels, changed: true };
    }

    /// Tells all who listen, this process too. A text is at most 8,000 bytes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where they cannot be told now. Nothing is tried again.
    pub async fn give(&self, notices: Vec<(HotelId, String)>) -> Result<(), StoreError> {
        let (done, given) = oneshot::channel();
        let away = |_| StoreError::Unavailable("notices cannot be given".to_owned());
        self.orders
            .try_send(Order { notices, done })
            .map_err(|_| StoreError::Unavailable("too many notices wait".to_owned()))?;
        given.await.map_err(away)
    }
}

fn lock(wanted: &Mutex<Wanted>) -> MutexGuard<'_, Wanted> {
    wanted.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects again and again, until nobody is left who would want it.
fn work(url: &DbUrl, wanted: &Mutex<Wanted>, orders: &Receiver<Order>, tell: &dyn Fn(Heard)) {
    // A panic must not end the thread: nobody would be heard any more.
    let attend = || {
        catch_unwind(AssertUnwindSafe(|| attend(url, wanted, orders, tell)))
            .unwrap_or_else(|_| Err("hearing of other servers panicked".to_owned()))
    };
    while let Err(error) = attend() {
        tell(Heard::Away(error));
        let since = Instant::now();
        // Meanwhile nothing is kept for later: who is told too late is told nothing.
        while let Some(left) = PAUSE.checked_sub(since.elapsed()) {
            if matches!(orders.recv_timeout(left), Err(RecvTimeoutError::Disconnected)) {
                return;
            }
        }
    }
}

/// Listens and tells on one connection, while it lasts.
fn attend(url: &DbUrl, wanted: &Mutex<Wanted>, orders: &Receiver<Order>, tell: &dyn Fn(Heard)) -> Result<(), String> {
    let mut conn = Conn::establish(url).map_err(|error| error.to_string())?;
    let Conn::Pg(conn) = conn.writable() else { return Ok(()) };
    let failed = |error: diesel::result::Error| error.to_string();
    // A notice is a commit: there is nothing in it that has to survive a power cut.
    conn.batch_execute("SET synchronous_commit = off").map_err(failed)?;
    let mut listening = HashSet::new();
    lock(wanted).changed = true;
    let mut came: Option<Instant> = None;
    loop {
        let lively = came.is_some_and(|came| came.elapsed() < AFTERWARDS);
        match orders.recv_timeout(if lively { LIVELY } else { QUIET }) {
            Ok(Order { notices, done }) => {
                notify(conn, notices).map_err(failed)?;
                // Who gave the order may have lost patience.
                let _ = done.send(());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if let Some(hotels) = newly(wanted) {
            listen(conn, &listening, &hotels).map_err(failed)?;
            listening = hotels;
            tell(Heard::Listening);
        }
        for notice in conn.notifications_iter() {
            let notice = notice.map_err(failed)?;
            came = Some(Instant::now());
            if let Some(hotel) = notice.channel.strip_prefix(CHANNEL).and_then(|id| id.parse().ok()) {
                tell(Heard::Notice { hotel: HotelId(hotel), text: notice.payload });
            }
        }
    }
}

/// The hotels to listen to, where those are others than before.
fn newly(wanted: &Mutex<Wanted>) -> Option<HashSet<HotelId>> {
    let mut wanted = lock(wanted);
    mem::take(&mut wanted.changed).then(|| wanted.hotels.clone())
}

fn listen(conn: &mut PgConnection, before: &HashSet<HotelId>, now: &HashSet<HotelId>) -> QueryResult<()> {
    let begun = now.difference(before).map(|hotel| format!("LISTEN {CHANNEL}{};", hotel.0));
    let ended = before.difference(now).map(|hotel| format!("UNLISTEN {CHANNEL}{};", hotel.0));
    let statements: String = begun.chain(ended).collect();
    if statements.is_empty() { Ok(()) } else { conn.batch_execute(&statements) }
}

fn notify(conn: &mut PgConnection, notices: Vec<(HotelId, String)>) -> QueryResult<()> {
    let (channels, texts): (Vec<_>, Vec<_>) =
        notices.into_iter().map(|(hotel, text)| (format!("{CHANNEL}{}", hotel.0), text)).unzip();
    let told =
        sql_query("SELECT count(pg_notify(channel, text)) AS number FROM unnest($1, $2) AS told (channel, text)")
            .bind::<Array<Text>, _>(channels)
            .bind::<Array<Text>, _>(texts);
    prepared(told).get_result::<Number>(conn).map(drop)
}
