//! All connections, and which of them owe the head of a request: new ones, and those of whose next request a part has
//! come.
//!
//! The HTTP library gives up the first of these only, and by a clock that it reads twice a second: it ends all that came
//! within half a second in one instant, and everybody else waits meanwhile. Here each ends in its own time. Where
//! connections become scarce, those are the first to go, so that whoever does send a request gets in.

use std::{
    collections::VecDeque,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::connection::Connection;

/// Of so many connections one stays free.
const FREE: usize = 64;
/// So many at most are ended at once, and then not before so long: those of a burst do not end in one, either.
const AT_ONCE: usize = 32;
const PAUSE: Duration = Duration::from_millis(10);
/// How many may be in the queue that do not wait any more, beside as many as do.
const SLACK: u64 = 1024;
/// The library forgets to end an idle connection that has sent the beginning of a head together with the request
/// before. Such ones are looked for so often.
const LOOK_FOR_IDLE: Duration = Duration::from_secs(10);

/// The connections of this node.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    /// Beyond so many the one that waits longest makes room.
    most: u64,
    /// How long a head is waited for.
    patience: Duration,
    /// After how long without a request a connection is ended, in seconds.
    most_idle: u32,
    queue: Mutex<Queue>,
    /// All of them. Many are gone.
    all: Mutex<Vec<Weak<Connection>>>,
    tally: Arc<Tally>,
}

/// Since when each owes a head, and which, the oldest first. Many of them have sent it, or are gone.
type Queue = VecDeque<(Instant, u32, Weak<Connection>)>;

/// What is counted as it happens.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) open: AtomicU64,
    pub(crate) waiting: AtomicU64,
    pub(crate) ended: AtomicU64,
}

/// Figures of this node's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Open ones, those of sockets among them.
    pub open: u64,
    /// Those that owe the head of a request.
    pub waiting: u64,
    /// Those that were ended because of that, since the start.
    pub ended: u64,
}

impl Connections {
    /// None yet. There may be `limit` of them, a head is waited for with `patience`, and an idle one is kept for at
    /// most so long.
    pub fn new(limit: usize, patience: Duration, most_idle: Duration) -> Self {
        let most = (limit - limit.div_ceil(FREE)) as u64;
        let most_idle = u32::try_from(most_idle.as_secs()).unwrap_or(u32::MAX);
        let (queue, all, tally) = Default::default();
        Self(Arc::new(Inner { most, patience, most_idle, queue, all, tally }))
    }

    /// Ends those whose heads do not come, for ever.
    pub async fn watch(self) {
        let mut looked = Instant::now();
        loop {
            let (due, pause) = self.due();
            due.iter().for_each(|it| it.time_out());
            if looked.elapsed() >= LOOK_FOR_IDLE {
                looked = Instant::now();
                self.end_idle();
            }
            tokio::time::sleep(pause.min(LOOK_FOR_IDLE)).await;
        }
    }

    /// Notes that bytes of a connection have come.
    pub(crate) fn bytes_came(&self, connection: &Arc<Connection>) {
        if connection.begin_head() {
            self.enqueue(&mut self.queue(), connection);
        }
    }

    /// Ends those that have been idle for too long.
    fn end_idle(&self) {
        let mut all = self.0.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|it| {
            let Some(connection) = it.upgrade() else { return false };
            if connection.is_idle_for(self.0.most_idle) {
                connection.shut_down();
            }
            true
        });
        if all.len() < all.capacity() / 4 {
            all.shrink_to_fit();
        }
    }

    fn enqueue(&self, queue: &mut Queue, connection: &Arc<Connection>) {
        let waiting = self.0.tally.waiting.load(Relaxed);
        if queue.len() as u64 > 2 * waiting + SLACK {
            queue.retain(|it| waits(it).is_some());
        }
        if let Some(head) = connection.awaited_head() {
            queue.push_back((Instant::now(), head, Arc::downgrade(connection)));
        }
    }

    /// Figures of now.
    pub fn counts(&self) -> ConnectionCounts {
        let Tally { open, waiting, ended } = &*self.0.tally;
        ConnectionCounts { open: open.load(Relaxed), waiting: waiting.load(Relaxed), ended: ended.load(Relaxed) }
    }

    pub(crate) fn add(&self, descriptor: OwnedFd) -> Arc<Connection> {
        let connection = Arc::new(Connection::new(descriptor, self.0.tally.clone()));
        let mut all = self.0.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::downgrade(&connection));
        drop(all);
        let mut queue = self.queue();
        let in_excess = if self.counts().open > self.0.most { take_oldest(&mut queue) } else { None };
        self.enqueue(&mut queue, &connection);
        drop(queue);
        if let Some((.., oldest)) = in_excess {
            oldest.time_out();
        }
        connection
    }

    /// Takes those out whose time is over, and says how long to pause then: none that comes later is due before.
    fn due(&self) -> (Vec<Arc<Connection>>, Duration) {
        let (now, mut due) = (Instant::now(), Vec::new());
        let mut queue = self.queue();
        while let Some((came, head, connection)) = take_oldest(&mut queue) {
            let left = self.0.patience.saturating_sub(now.saturating_duration_since(came));
            if left.is_zero() && due.len() < AT_ONCE {
                due.push(connection);
            } else {
                queue.push_front((came, head, Arc::downgrade(&connection)));
                return (due, left.max(PAUSE));
            }
        }
        // A queue that was long once does not stay so.
        *queue = VecDeque::new();
        (due, self.0.patience)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes out the one that waits longest; those before it wait no more.
fn take_oldest(queue: &mut Queue) -> Option<(Instant, u32, Arc<Connection>)> {
    std::iter::from_fn(|| queue.pop_front()).find_map(|it| waits(&it).map(|connection| (it.0, it.1, connection)))
}

/// The connection, if it still owes this head.
fn waits((_, head, connection): &(Instant, u32, Weak<Connection>)) -> Option<Arc<Connection>> {
    connection.upgrade().filter(|it| it.awaited_head() == Some(*head))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        net::{TcpListener, TcpStream as Peer},
    };

    use super::*;

    /// A connection that was taken in, and its peer.
    fn came(connections: &Connections) -> (Arc<Connection>, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Peer::connect(listener.local_addr().unwrap()).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        (connections.add(listener.accept().unwrap().0.into()), peer)
    }

    fn told(mut peer: Peer) -> String {
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        text
    }

    fn end_due(connections: &Connections) -> Duration {
        let (due, pause) = connections.due();
        due.iter().for_each(|it| it.time_out());
        pause
    }

    fn counts(open: u64, waiting: u64, ended: u64) -> ConnectionCounts {
        ConnectionCounts { open, waiting, ended }
    }

    #[test]
    fn each_ends_in_its_own_time_unless_it_has_sent_a_head() {
        let connections = Connections::new(1000, Duration::from_millis(300), Duration::MAX);
        let (silent, peer) = came(&connections);
        let (speaks, _its_peer) = came(&connections);
        assert_eq!(connections.counts(), counts(2, 2, 0));
        std::thread::sleep(Duration::from_millis(200));
        let (later, _) = came(&connections);
        assert!(speaks.stop_waiting());
        assert!(end_due(&connections) <= Duration::from_millis(100));
        assert_eq!(connections.counts(), counts(3, 2, 0));
        std::thread::sleep(Duration::from_millis(150));
        end_due(&connections);
        assert!(told(peer).starts_with("HTTP/1.1 408 Request Timeout\r\n"));
        assert_eq!((silent.waits(), later.waits(), connections.counts()), (false, true, counts(3, 1, 1)));
        drop((silent, speaks, later));
        assert_eq!(connections.counts(), counts(0, 0, 1));
        assert_eq!(end_due(&connections), Duration::from_millis(300));
    }

    #[test]
    fn every_head_is_waited_for_and_an_idle_connection_owes_none() {
        let connections = Connections::new(1000, Duration::from_millis(200), Duration::MAX);
        let (connection, peer) = came(&connections);
        for _ in 0..2 {
            connection.be_busy();
            connections.bytes_came(&connection);
            assert!(!connection.waits(), "it is a part of the request");
            connection.become_idle();
            std::thread::sleep(Duration::from_millis(250));
            end_due(&connections);
            assert_eq!(connections.counts(), counts(1, 0, 0));
            connections.bytes_came(&connection);
            connections.bytes_came(&connection);
            assert!(connection.waits());
            end_due(&connections);
            assert_eq!(connections.counts(), counts(1, 1, 0), "its time is that of this head");
        }
        std::thread::sleep(Duration::from_millis(250));
        end_due(&connections);
        assert!(told(peer).starts_with("HTTP/1.1 408 "));
        assert_eq!(connections.counts(), counts(1, 0, 1));
    }

    #[test]
    fn of_a_burst_few_end_at_once() {
        let connections = Connections::new(1000, Duration::ZERO, Duration::MAX);
        let all: Vec<_> = (0..AT_ONCE + 1).map(|_| came(&connections)).collect();
        assert_eq!(end_due(&connections), PAUSE);
        assert_eq!(connections.counts(), counts(all.len() as u64, 1, AT_ONCE as u64));
        end_due(&connections);
        assert_eq!(connections.counts().waiting, 0);
    }

    #[test]
    fn where_nearly_all_are_taken_the_one_that_waits_longest_makes_room() {
        let connections = Connections::new(5, Duration::from_secs(10), Duration::MAX);
        let all: Vec<_> = (0..4).map(|_| came(&connections)).collect();
        assert!(all[0].0.stop_waiting());
        let _one_more = came(&connections);
        assert_eq!(all.iter().map(|(it, _)| it.waits()).collect::<Vec<_>>(), [false, false, true, true]);
        assert_eq!(connections.counts(), counts(5, 3, 1));
    }

    #[test]
    fn those_who_wait_no_more_do_not_fill_the_queue() {
        let connections = Connections::new(10_000, Duration::from_secs(10), Duration::MAX);
        let (descriptor, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        for _ in 0..3 * SLACK {
            connections.add(descriptor.try_clone().unwrap().into());
        }
        assert!(connections.queue().len() as u64 <= SLACK + 3);
    }
}
