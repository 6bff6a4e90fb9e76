//! The cluster bus on PostgreSQL: `LISTEN` and `NOTIFY`, one channel per hotel.
//!
//! One thread with one connection listens and notifies. `NOTIFY` is a statement of its own after the commit that it
//! reports: inside the transaction it takes a lock on the whole database and costs two thirds of the commits.

use std::{
    collections::HashSet,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
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
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::{
    StoreError,
    sql::cached_statement::{Number, prepared},
    store::connection::{Conn, DbUrl},
};

/// Poll intervals for notifications, because libpq wakes no thread. The short interval applies for [`BUSY_PERIOD`]
/// after a notification, because more are likely to follow.
const BUSY_POLL_INTERVAL: Duration = Duration::from_millis(2);
const IDLE_POLL_INTERVAL: Duration = Duration::from_millis(10);
const BUSY_PERIOD: Duration = Duration::from_secs(1);
const RECONNECT_DELAY: Duration = Duration::from_millis(500);
/// Maximum number of waiting publish requests. Further requests fail at once.
const MAX_PUBLISH_REQUESTS: usize = 4;

/// Prefix of the name of a hotel's notification channel; the hotel id follows.
const CHANNEL_PREFIX: &str = "mm_hotel_";

/// An event of the notification connection.
#[derive(Debug)]
pub enum PgNotifyEvent {
    /// A notification from the channel of a hotel, possibly published by this process.
    Notification { hotel: HotelId, payload: String },
    /// `LISTEN` is active: from now on every notification of the wanted hotels is received.
    Listening,
    /// The connection is lost: nothing is received or published until the next `Listening`. The thread reconnects by
    /// itself.
    Disconnected(String),
}

/// The handle of the notification thread. If it is dropped, the thread ends.
pub struct PgNotify {
    requests: SyncSender<PublishRequest>,
    wanted: Arc<Mutex<WantedChannels>>,
}

impl fmt::Debug for PgNotify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgNotify").finish_non_exhaustive()
    }
}

/// A request to publish notifications. If the request is dropped, its caller receives an error.
struct PublishRequest {
    notifications: Vec<(HotelId, String)>,
    done: oneshot::Sender<()>,
}

#[derive(Default)]
struct WantedChannels {
    hotels: HashSet<HotelId>,
    has_changed: bool,
}

impl PgNotify {
    /// Starts the thread, which connects and reconnects by itself. `on_event` runs on that thread and must not block.
    /// Returns `None` for SQLite, which has no notifications.
    pub fn open(url: &DbUrl, on_event: impl Fn(PgNotifyEvent) + Send + 'static) -> Result<Option<Self>, StoreError> {
        let DbUrl::Postgres(_) = url else { return Ok(None) };
        let (requests, queue) = sync_channel(MAX_PUBLISH_REQUESTS);
        let wanted = Arc::<Mutex<WantedChannels>>::default();
        let (url, shared) = (url.clone(), wanted.clone());
        thread::Builder::new()
            .name("pg-notify".to_owned())
            .spawn(move || run(&url, &shared, &queue, &on_event))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Some(Self { requests, wanted }))
    }

    /// Listens to the channels of these hotels and no others. [`PgNotifyEvent::Listening`] reports that this has begun.
    pub fn listen_to(&self, hotels: HashSet<HotelId>) {
        *self.wanted.lock() = WantedChannels { hotels, has_changed: true };
    }

    /// Publishes notifications to all listeners, including this process. A payload has at most 8,000 bytes.
    ///
    /// Fails if the notifications cannot be published now; they are not retried.
    pub async fn publish(&self, notifications: Vec<(HotelId, String)>) -> Result<(), StoreError> {
        let (done, published) = oneshot::channel();
        self.requests
            .try_send(PublishRequest { notifications, done })
            .map_err(|_| StoreError::Unavailable("too many notifications wait".to_owned()))?;
        published.await.map_err(|_| StoreError::Unavailable("notifications cannot be published".to_owned()))
    }
}

/// Runs the notification thread: connects and reconnects until the handle is dropped.
fn run(
    url: &DbUrl,
    wanted: &Mutex<WantedChannels>,
    requests: &Receiver<PublishRequest>,
    on_event: &dyn Fn(PgNotifyEvent),
) {
    // A panic must not end the thread: this node would receive no signals any more.
    let run_connection = || {
        catch_unwind(AssertUnwindSafe(|| run_connection(url, wanted, requests, on_event)))
            .unwrap_or_else(|_| Err("the notification thread panicked".to_owned()))
    };
    while let Err(error) = run_connection() {
        on_event(PgNotifyEvent::Disconnected(error));
        let since = Instant::now();
        // Publish requests are dropped while there is no connection: a late signal is worthless.
        while let Some(left) = RECONNECT_DELAY.checked_sub(since.elapsed()) {
            if matches!(requests.recv_timeout(left), Err(RecvTimeoutError::Disconnected)) {
                return;
            }
        }
    }
}

/// Receives and publishes notifications on one connection. Returns `Ok` if the handle is dropped.
fn run_connection(
    url: &DbUrl,
    wanted: &Mutex<WantedChannels>,
    requests: &Receiver<PublishRequest>,
    on_event: &dyn Fn(PgNotifyEvent),
) -> Result<(), String> {
    let mut conn = Conn::establish(url).map_err(|error| error.to_string())?;
    let Conn::Pg(conn) = conn.writable() else { return Ok(()) };
    let failed = |error: diesel::result::Error| error.to_string();
    // A NOTIFY is a commit, but nothing of it has to survive a power failure.
    conn.batch_execute("SET synchronous_commit = off").map_err(failed)?;
    let mut listening = HashSet::new();
    wanted.lock().has_changed = true;
    let mut last_received: Option<Instant> = None;
    loop {
        let is_busy = last_received.is_some_and(|at| at.elapsed() < BUSY_PERIOD);
        match requests.recv_timeout(if is_busy { BUSY_POLL_INTERVAL } else { IDLE_POLL_INTERVAL }) {
            Ok(PublishRequest { notifications, done }) => {
                notify(conn, notifications).map_err(failed)?;
                // The caller of the publish request may have timed out.
                let _ = done.send(());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if let Some(hotels) = take_change(wanted) {
            listen(conn, &listening, &hotels).map_err(failed)?;
            listening = hotels;
            on_event(PgNotifyEvent::Listening);
        }
        for notification in conn.notifications_iter() {
            let notification = notification.map_err(failed)?;
            last_received = Some(Instant::now());
            if let Some(hotel) = notification.channel.strip_prefix(CHANNEL_PREFIX).and_then(|id| id.parse().ok()) {
                on_event(PgNotifyEvent::Notification { hotel: HotelId(hotel), payload: notification.payload });
            }
        }
    }
}

/// Returns the hotels to listen to, if they have changed since the last call.
fn take_change(wanted: &Mutex<WantedChannels>) -> Option<HashSet<HotelId>> {
    let mut wanted = wanted.lock();
    mem::take(&mut wanted.has_changed).then(|| wanted.hotels.clone())
}

fn listen(conn: &mut PgConnection, before: &HashSet<HotelId>, now: &HashSet<HotelId>) -> QueryResult<()> {
    let added = now.difference(before).map(|hotel| format!("LISTEN {CHANNEL_PREFIX}{};", hotel.0));
    let removed = before.difference(now).map(|hotel| format!("UNLISTEN {CHANNEL_PREFIX}{};", hotel.0));
    let statements: String = added.chain(removed).collect();
    if statements.is_empty() { Ok(()) } else { conn.batch_execute(&statements) }
}

fn notify(conn: &mut PgConnection, notifications: Vec<(HotelId, String)>) -> QueryResult<()> {
    let (channels, payloads): (Vec<_>, Vec<_>) =
        notifications.into_iter().map(|(hotel, payload)| (format!("{CHANNEL_PREFIX}{}", hotel.0), payload)).unzip();
    let statement =
        sql_query("SELECT count(pg_notify(channel, payload)) AS number FROM unnest($1, $2) AS new (channel, payload)")
            .bind::<Array<Text>, _>(channels)
            .bind::<Array<Text>, _>(payloads);
    prepared(statement).get_result::<Number>(conn).map(drop)
}
