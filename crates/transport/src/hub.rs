//! This node's sockets, and the feeds of the hotels that have some here.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{
            AtomicBool, AtomicI64, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use desk::{Caller, Committed, Desk, Error, OnCommit};
use domain::{ConversationId, HotelId, MessageId, Person, StaffId, StayId};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    bus::{self, Bus, BusCounts, BusKind},
    connection::Connection,
    feed::Feed,
    incoming::Dropped,
    outbox::Closing,
    places::{self, Place, Places},
    requests::{FeedHandle, Request, Wish},
    seat::{Seat, SeatId},
    watch, whispers,
};

/// How long sockets are waited for at the end.
const GOODBYE: Duration = Duration::from_secs(3);

/// This node's sockets.
#[derive(Clone, Default)]
pub struct Hub(Arc<Inner>);

#[derive(Default)]
struct Inner {
    desk: OnceLock<Desk>,
    feeds: RwLock<HashMap<HotelId, FeedHandle>>,
    seats: Mutex<HashMap<SeatId, Arc<Seat>>>,
    places: Arc<Places>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    next: AtomicU64,
    stopping: AtomicBool,
    tally: Arc<Tally>,
    bus: Bus,
}

/// What is counted as it happens.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) deliveries: AtomicU64,
    pub(crate) overflows: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) violations: AtomicU64,
    pub(crate) log_reads: AtomicU64,
}

/// Figures of this node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Open sockets.
    pub sockets: u64,
    /// Their subscriptions to conversations.
    pub subscriptions: u64,
    /// Hotels that have sockets here.
    pub hotels: u64,
    /// Frames put into outboxes since the start.
    pub deliveries: u64,
    /// Sockets closed because they read too slowly, since the start.
    pub overflows: u64,
    /// Commands begun since the start.
    pub commands: u64,
    /// Commands refused since they were too many, since the start.
    pub refused: u64,
    /// Sockets closed because of too many errors, since the start.
    pub violations: u64,
    /// Times that a feed read the log, having missed something or being behind, since the start.
    pub log_reads: u64,
    /// The bus.
    pub bus: BusCounts,
}

impl Hub {
    /// A hub without sockets.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is to be told every commit.
    pub fn on_commit(&self) -> OnCommit {
        let hub = self.clone();
        Arc::new(move |commit| hub.carry(&commit))
    }

    /// Begins to serve sockets with this desk's use cases, and to reach other servers. Every
    /// `compare_every` it is looked for commits that nobody told of. To be called once, in an actix system.
    pub fn begin(&self, desk: Desk, bus: BusKind, compare_every: Duration) {
        if self.0.desk.set(desk.clone()).is_ok() {
            bus::begin(self, bus);
            let (hub, asked) = (self.clone(), desk.clone());
            self.supervise("watch", move || watch::run(hub.clone(), asked.clone(), compare_every));
            let places = self.0.places.clone();
            let keeper = self.supervise("places", move || places::keep(places.clone(), desk.clone()));
            *lock(&self.0.keeper) = Some(keeper);
        }
    }

    /// Tells every socket that the server restarts, gives their places back for other nodes, and waits
    /// shortly until they are gone.
    pub async fn shut_down(&self) {
        self.0.stopping.store(true, SeqCst);
        self.seats().iter().for_each(|seat| seat.close(Closing::Restart));
        self.0.places.end();
        let keeper = lock(&self.0.keeper).take();
        let given_back = async {
            if let Some(keeper) = keeper {
                // Where the database is away, they come free when this node's lease is over.
                let _ = tokio::time::timeout(GOODBYE, keeper).await;
            }
        };
        tokio::join!(self.emptied(), given_back);
    }

    async fn emptied(&self) {
        let deadline = tokio::time::Instant::now() + GOODBYE;
        while tokio::time::Instant::now() < deadline && !lock(&self.0.seats).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Tells who is concerned that a staff member has read up to a message.
    pub fn announce_read(
        &self,
        hotel: HotelId,
        conversation: ConversationId,
        stay: Option<StayId>,
        reader: Person,
        message: MessageId,
    ) {
        let signal = whispers::read(conversation, reader.id, message);
        let request = Request::Read { conversation, stay, reader, message, by: None };
        // The feed tells other servers as well; there may be none here.
        if !self.feed(hotel).is_some_and(|feed| feed.ask(request)) {
            self.bus().whisper(hotel, signal);
        }
    }

    /// Looks whether Redis answers; `None` where this server uses none.
    pub async fn redis_answers(&self) -> Option<bool> {
        self.bus().redis_answers().await
    }

    /// Figures of this node.
    pub fn counts(&self) -> Counts {
        let seats = self.seats();
        let of = |seat: &Arc<Seat>| seat.standing().as_ref().map_or(0, |it| it.subscriptions.len() as u64);
        let tally = &self.0.tally;
        Counts {
            sockets: seats.len() as u64,
            subscriptions: seats.iter().map(of).sum(),
            hotels: self.feeds().len() as u64,
            deliveries: tally.deliveries.load(Relaxed),
            overflows: tally.overflows.load(Relaxed),
            commands: tally.commands.load(Relaxed),
            refused: tally.refused.load(Relaxed),
            violations: tally.violations.load(Relaxed),
            log_reads: tally.log_reads.load(Relaxed),
            bus: self.bus().counts(),
        }
    }

    /// A place for one more socket; `None` where its staff member has as many as one may.
    pub(crate) async fn place(&self, staff: StaffId) -> Result<Option<Place>, Error> {
        self.0.places.take(staff).await
    }

    /// A seat for a new socket.
    pub(crate) fn seat(&self, caller: Caller, connection: Option<Arc<Connection>>, place: Place) -> Arc<Seat> {
        let id = SeatId(self.0.next.fetch_add(1, Relaxed));
        Arc::new(Seat::new(id, caller, connection, place, self.0.tally.clone()))
    }

    /// Lets a socket join its hotel's feed, which is started if there is none. The receiver tells by being dropped
    /// that the socket has joined, or never will.
    pub(crate) fn join(&self, seat: &Arc<Seat>) -> Option<(FeedHandle, Dropped)> {
        let desk = self.0.desk.get()?.clone();
        // Before it is looked whether the server stops: whoever comes in between is told by one of both.
        lock(&self.0.seats).insert(seat.id, seat.clone());
        if self.0.stopping.load(SeqCst) {
            seat.close(Closing::Restart);
        }
        let hotel = seat.caller.hotel;
        // Under the lock, so that a feed does not retire between being found and being asked.
        let mut feeds = self.0.feeds.write().unwrap_or_else(PoisonError::into_inner);
        let feed = feeds.entry(hotel).or_insert_with(|| {
            self.bus().listen_to(hotel);
            Feed::start(hotel, desk, self.clone())
        });
        let (done, joined) = oneshot::channel();
        feed.ask(Request::Of(seat.clone(), Wish::Join(done)));
        Some((feed.clone(), joined))
    }

    /// Forgets a socket that is gone.
    pub(crate) fn forget(&self, seat: &Seat) {
        lock(&self.0.seats).remove(&seat.id);
    }

    /// Ends a feed without seats, unless somebody is about to join. Whether it is to end.
    pub(crate) fn retire(&self, hotel: HotelId, queue: &mpsc::UnboundedReceiver<Request>) -> bool {
        let mut feeds = self.0.feeds.write().unwrap_or_else(PoisonError::into_inner);
        let idle = queue.is_empty();
        if idle {
            feeds.remove(&hotel);
            self.bus().forget(hotel);
        }
        idle
    }

    /// Forgets a feed that has ended. Whether it ended without having retired.
    pub(crate) fn feed_ended(&self, hotel: HotelId, position: &Arc<AtomicI64>) -> bool {
        let mut feeds = self.0.feeds.write().unwrap_or_else(PoisonError::into_inner);
        let there = feeds.get(&hotel).is_some_and(|feed| Arc::ptr_eq(&feed.position, position));
        if there {
            feeds.remove(&hotel);
            self.bus().forget(hotel);
        }
        there
    }

    /// All sockets.
    pub(crate) fn seats(&self) -> Vec<Arc<Seat>> {
        lock(&self.0.seats).values().cloned().collect()
    }

    /// All feeds.
    pub(crate) fn feeds(&self) -> Vec<FeedHandle> {
        self.0.feeds.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn feed(&self, hotel: HotelId) -> Option<FeedHandle> {
        self.0.feeds.read().unwrap_or_else(PoisonError::into_inner).get(&hotel).cloned()
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.0.bus
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    pub(crate) fn desk(&self) -> Option<&Desk> {
        self.0.desk.get()
    }

    /// Starts a task on this thread that is started again if it panics.
    pub(crate) fn supervise<F: Future<Output = ()> + 'static>(
        &self,
        name: &'static str,
        start: impl FnMut() -> F + 'static,
    ) -> JoinHandle<()> {
        let supervisor = self.desk().map(|desk| desk.supervisor().clone()).unwrap_or_default();
        actix::spawn(async move { supervisor.run(name, start).await })
    }

    fn carry(&self, commit: &Committed) {
        let mut heads = HashMap::new();
        for event in commit.events.iter() {
            let (head, for_all) = heads.entry(event.hotel).or_insert((event.seq, false));
            *head = event.seq;
            *for_all |= event.kind.is_for_all();
        }
        for (hotel, (head, for_all)) in heads {
            if let Some(feed) = self.feed(hotel) {
                feed.news.carry(commit, head, for_all);
            }
            if commit.others {
                self.bus().announce(hotel, head, for_all);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl Hub {
    /// As [`Hub::begin`], without the watch.
    pub(crate) fn begin_unwatched(&self, desk: Desk) {
        assert!(self.0.desk.set(desk).is_ok());
    }

    /// A seat whose place only this node knows of.
    pub(crate) fn seat_here(&self, caller: Caller) -> Arc<Seat> {
        self.seat(caller, None, self.0.places.take_here(caller.staff).unwrap())
    }
}
