//! All connections, and which of them have sent no request's head yet.
//!
//! The HTTP library gives those up, too, but by a clock that it reads twice a second: it ends all that came within
//! half a second in one instant, and everybody else waits meanwhile. Here each ends in its own time. Where
//! connections become scarce, those are the first to go, so that whoever does send a request gets in.

use std::{
    any::Any,
    collections::VecDeque,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use actix_web::{dev::Extensions, rt::net::TcpStream};

use crate::connection::{Connection, prepare};

/// Of so many connections one stays free.
const FREE: usize = 64;
/// So many at most are ended at once, and then not before so long: those of a burst do not end in one, either.
const AT_ONCE: usize = 32;
const PAUSE: Duration = Duration::from_millis(10);
/// How many may be in the queue that do not wait any more, beside as many as do.
const SLACK: u64 = 1024;

/// The connections of this node.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    /// Beyond so many the one that waits longest makes room.
    most: u64,
    /// How long a head is waited for.
    patience: Duration,
    queue: Mutex<Queue>,
    tally: Arc<Tally>,
}

/// When each came, the oldest first. Many of them have sent a head, or are gone.
type Queue = VecDeque<(Instant, Weak<Connection>)>;

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
    /// Those that have sent no request's head yet.
    pub waiting: u64,
    /// Those that were ended because of that, since the start.
    pub ended: u64,
}

impl Connections {
    /// None yet. There may be `limit` of them, and a head is waited for with `patience`.
    pub fn new(limit: usize, patience: Duration) -> Self {
        let most = (limit - limit.div_ceil(FREE)) as u64;
        Self(Arc::new(Inner { most, patience, queue: Mutex::default(), tally: Arc::default() }))
    }

    /// Takes an accepted connection in. To be given to `HttpServer::on_connect`.
    pub fn accept(&self, connection: &dyn Any, extensions: &mut Extensions) {
        if let Some(descriptor) = connection.downcast_ref::<TcpStream>().and_then(prepare) {
            extensions.insert(self.add(descriptor));
        }
    }

    /// Ends those whose heads do not come, for ever.
    pub async fn watch(self) {
        loop {
            let (due, pause) = self.due();
            due.iter().for_each(|it| it.time_out());
            tokio::time::sleep(pause).await;
        }
    }

    /// Figures of now.
    pub fn counts(&self) -> ConnectionCounts {
        let Tally { open, waiting, ended } = &*self.0.tally;
        ConnectionCounts { open: open.load(Relaxed), waiting: waiting.load(Relaxed), ended: ended.load(Relaxed) }
    }

    fn add(&self, descriptor: OwnedFd) -> Arc<Connection> {
        let connection = Arc::new(Connection::new(descriptor, self.0.tally.clone()));
        let ConnectionCounts { open, waiting, .. } = self.counts();
        let mut queue = self.queue();
        let in_excess = if open > self.0.most { take_oldest(&mut queue) } else { None };
        if queue.len() as u64 > 2 * waiting + SLACK {
            queue.retain(|(_, it)| it.upgrade().is_some_and(|it| it.waits()));
        }
        queue.push_back((Instant::now(), Arc::downgrade(&connection)));
        drop(queue);
        if let Some((_, oldest)) = in_excess {
            oldest.time_out();
        }
        connection
    }

    /// Takes those out whose time is over, and says how long to pause then: none that comes later is due before.
    fn due(&self) -> (Vec<Arc<Connection>>, Duration) {
        let (now, mut due) = (Instant::now(), Vec::new());
        let mut queue = self.queue();
        while let Some((came, connection)) = take_oldest(&mut queue) {
            let left = self.0.patience.saturating_sub(now.saturating_duration_since(came));
            if left.is_zero() && due.len() < AT_ONCE {
                due.push(connection);
            } else {
                queue.push_front((came, Arc::downgrade(&connection)));
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
fn take_oldest(queue: &mut Queue) -> Option<(Instant, Arc<Connection>)> {
    std::iter::from_fn(|| queue.pop_front())
        .find_map(|(came, it)| it.upgrade().filter(|it| it.waits()).map(|it| (came, it)))
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
        let connections = Connections::new(1000, Duration::from_millis(300));
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
    fn of_a_burst_few_end_at_once() {
        let connections = Connections::new(1000, Duration::ZERO);
        let all: Vec<_> = (0..AT_ONCE + 1).map(|_| came(&connections)).collect();
        assert_eq!(end_due(&connections), PAUSE);
        assert_eq!(connections.counts(), counts(all.len() as u64, 1, AT_ONCE as u64));
        end_due(&connections);
        assert_eq!(connections.counts().waiting, 0);
    }

    #[test]
    fn where_nearly_all_are_taken_the_one_that_waits_longest_makes_room() {
        let connections = Connections::new(5, Duration::from_secs(10));
        let all: Vec<_> = (0..4).map(|_| came(&connections)).collect();
        assert!(all[0].0.stop_waiting());
        let _one_more = came(&connections);
        assert_eq!(all.iter().map(|(it, _)| it.waits()).collect::<Vec<_>>(), [false, false, true, true]);
        assert_eq!(connections.counts(), counts(5, 3, 1));
    }

    #[test]
    fn those_who_wait_no_more_do_not_fill_the_queue() {
        let connections = Connections::new(10_000, Duration::from_secs(10));
        let (descriptor, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        for _ in 0..3 * SLACK {
            connections.add(descriptor.try_clone().unwrap().into());
        }
        assert!(connections.queue().len() as u64 <= SLACK + 3);
    }
}
