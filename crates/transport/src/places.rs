//! The sockets that a staff member may have, counted over all nodes.
//!
//! A node writes down how many sockets each staff member has here, the one that is being opened among
//! them, and only then looks how many they have elsewhere: of two nodes that do so at once at least one
//! sees the other's. So there are never too many, and no node waits for another's lock. What comes
//! while that is under way is written down together, next.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use desk::{Desk, Error, StoreError};
use domain::{NodeId, StaffId};
use tokio::{
    sync::{Notify, oneshot},
    time::{MissedTickBehavior, interval, sleep},
};

use crate::limits::SOCKETS_OF_ONE;

/// How often a node says that it lives: twice may fail before the others give it up.
const RENEWAL: Duration = Duration::from_secs(10);
/// After a failure the next try waits so long.
const PAUSE: Duration = Duration::from_secs(1);
/// Staff members whose sockets are written down in one transaction.
const BATCH: usize = 256;
/// How often they are, where the node was forgotten: then it begins anew.
const TRIES: usize = 2;

/// The sockets of this node by staff member, and what of that the database does not know yet.
#[derive(Default)]
pub(crate) struct Places {
    state: Mutex<State>,
    /// Tells the keeper that something is to be written down, or that all is over.
    news: Notify,
}

#[derive(Default)]
struct State {
    /// How many sockets there are here; nobody has none.
    taken: HashMap<StaffId, i64>,
    /// Whose count is to be written down.
    changed: BTreeSet<StaffId>,
    /// Who waits to hear how many sockets there are elsewhere. They are all in `changed`.
    waiting: HashMap<StaffId, Vec<oneshot::Sender<i64>>>,
    over: bool,
}

/// One of the sockets that a staff member may have; given back when it is dropped.
pub(crate) struct Place {
    staff: StaffId,
    places: Arc<Places>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        if let Some(taken) = state.taken.get_mut(&self.staff) {
            *taken -= 1;
            if *taken == 0 {
                state.taken.remove(&self.staff);
            }
        }
        state.changed.insert(self.staff);
        self.places.news.notify_one();
    }
}

/// Counts to be written down, and who waits to hear how many sockets there are elsewhere.
struct Batch {
    counts: Vec<(StaffId, i64)>,
    waiting: HashMap<StaffId, Vec<oneshot::Sender<i64>>>,
}

impl Places {
    /// A place for one more socket; `None` where its staff member has as many as one may.
    pub(crate) async fn take(self: &Arc<Self>, staff: StaffId) -> Result<Option<Place>, Error> {
        let Some((place, nth, answer)) = self.count(staff) else { return Ok(None) };
        // Not answered: what happened is in the log, and the place is given back.
        let elsewhere = answer.await.map_err(|_| StoreError::Unavailable("sockets cannot be counted".into()))?;
        Ok((nth + elsewhere <= SOCKETS_OF_ONE).then_some(place))
    }

    /// Counts a socket here: its place, the how many-th it is, and how many there are elsewhere, once that
    /// is known.
    fn count(self: &Arc<Self>, staff: StaffId) -> Option<(Place, i64, oneshot::Receiver<i64>)> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.lock();
        let taken = state.taken.get(&staff).map_or(1, |it| it + 1);
        if taken > SOCKETS_OF_ONE {
            return None;
        }
        state.taken.insert(staff, taken);
        if !state.over {
            state.changed.insert(staff);
            state.waiting.entry(staff).or_default().push(reply);
            self.news.notify_one();
        }
        Some((Place { staff, places: self.clone() }, taken, answer))
    }

    /// Ends the counting: the keeper gives all places back, and nobody gets one any more.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.over = true;
        state.waiting.clear();
        self.news.notify_one();
    }

    /// What is to be written down next; after it there may be more.
    fn due(&self) -> Batch {
        let mut state = self.lock();
        let mut batch = Batch { counts: Vec::new(), waiting: HashMap::new() };
        while batch.counts.len() < BATCH
            && let Some(staff) = state.changed.pop_first()
        {
            batch.counts.push((staff, state.taken.get(&staff).copied().unwrap_or(0)));
            batch.waiting.extend(state.waiting.remove_entry(&staff));
        }
        if !state.changed.is_empty() {
            self.news.notify_one();
        }
        batch
    }

    /// The database does not know these: they are to be written down again.
    fn repeat(&self, staff: impl IntoIterator<Item = StaffId>) {
        self.lock().changed.extend(staff);
        self.news.notify_one();
    }

    /// As [`Places::take`], whatever there is elsewhere.
    #[cfg(test)]
    pub(crate) fn take_here(self: &Arc<Self>, staff: StaffId) -> Option<Place> {
        self.count(staff).map(|(place, ..)| place)
    }

    fn all(&self) -> Vec<StaffId> {
        self.lock().taken.keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the database's counts up to date until [`Places::end`], and then takes them all back.
pub(crate) async fn keep(places: Arc<Places>, desk: Desk) {
    let mut keeper = Keeper { places: places.clone(), desk, node: None, begun: false };
    let mut renewal = interval(RENEWAL);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let told = tokio::select! {
            biased;
            _ = renewal.tick() => keeper.renew().await,
            () = places.news.notified() => keeper.write_down().await,
        };
        if places.lock().over {
            return keeper.end().await;
        }
        if let Err(error) = told {
            log::warn!("sockets cannot be counted with other nodes, which is tried again: {error}");
            sleep(PAUSE).await;
            renewal.reset_immediately();
        }
    }
}

struct Keeper {
    places: Arc<Places>,
    desk: Desk,
    /// As which node this server is known; `None` before it is, and after it was given up as dead.
    node: Option<NodeId>,
    /// Whether this process was known as a node before.
    begun: bool,
}

impl Keeper {
    async fn renew(&mut self) -> Result<(), Error> {
        if let Some(node) = self.node
            && self.desk.renew_node(node).await?
        {
            return Ok(());
        }
        self.begin().await.map(drop)
    }

    /// Becomes a node, perhaps anew: then all is to be written down again.
    async fn begin(&mut self) -> Result<NodeId, Error> {
        self.node = None;
        let node = self.desk.begin_node(!self.begun).await?;
        (self.node, self.begun) = (Some(node), true);
        self.places.repeat(self.places.all());
        Ok(node)
    }

    async fn write_down(&mut self) -> Result<(), Error> {
        let mut batch = self.places.due();
        if batch.counts.is_empty() {
            return Ok(());
        }
        let elsewhere = self.count(&batch).await.inspect_err(|_| {
            self.places.repeat(batch.counts.iter().map(|(staff, _)| *staff));
        })?;
        for (staff, waiting) in batch.waiting.drain() {
            let sockets = elsewhere.get(&staff).copied().unwrap_or(0);
            for reply in waiting {
                // Who waited may have gone away.
                let _ = reply.send(sockets);
            }
        }
        Ok(())
    }

    /// Writes a batch down; how many sockets there are elsewhere of those who wait to hear it.
    async fn count(&mut self, batch: &Batch) -> Result<HashMap<StaffId, i64>, Error> {
        for _ in 0..TRIES {
            let node = match self.node {
                Some(node) => node,
                None => self.begin().await?,
            };
            if !self.desk.note_sockets(node, batch.counts.clone()).await? {
                self.node = None;
                continue;
            }
            if batch.waiting.is_empty() {
                return Ok(HashMap::new());
            }
            return self.desk.sockets_elsewhere(node, batch.waiting.keys().copied().collect()).await;
        }
        Err(StoreError::Unavailable("this node is not known as one".into()).into())
    }

    async fn end(self) {
        if let Some(node) = self.node
            && let Err(error) = self.desk.end_node(node).await
        {
            log::warn!("the places of this node come free only after its lease: {error}");
        }
    }
}
