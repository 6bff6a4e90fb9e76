//! Slow-header (slowloris) protection: closes connections that do not send a complete request head in time, oldest
//! first. This holds for every request of a connection, not only for the first.
//!
//! actix-web checks its own header timeout only every half second and then closes all expired connections together,
//! which stalls the worker. Here each connection has its own deadline. If connections become scarce, the one that has
//! waited longest is closed early, so that clients which send requests still get in.

use std::{
    collections::VecDeque,
    os::fd::OwnedFd,
    sync::{Arc, Weak, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::tcp::{
    connection::ClientConnection,
    connection_counters::{ConnectionCounters, ConnectionStats},
};

/// Share of the connection limit that is kept free for new clients: one of this many connections.
const FREE_RATIO: usize = 64;
/// Maximum number of connections closed at once; a pause follows, so that a burst of expired connections does not stall
/// the thread.
const MAX_CLOSED_AT_ONCE: usize = 32;
const PAUSE_AFTER_CLOSING: Duration = Duration::from_millis(10);
/// Number of outdated entries that the header queue may have, in addition to one per waiting connection.
const MAX_OUTDATED_ENTRIES: u64 = 1024;
/// Interval at which idle connections are closed. actix-web forgets the keep-alive timeout of a connection that has
/// sent the first bytes of a head together with the previous request.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// All TCP connections of this node. A clone refers to the same connections.
#[derive(Clone)]
pub struct ClientConnections(Arc<ConnectionTable>);

struct ConnectionTable {
    /// Number of open connections above which the connection that has waited longest for its request head is closed.
    max_open: u64,
    header_timeout: Duration,
    max_idle_seconds: u32,
    awaiting_head: Mutex<HeaderQueue>,
    /// All accepted connections. Connections that are closed already are removed every [`IDLE_CHECK_INTERVAL`].
    all: Mutex<Vec<Weak<ClientConnection>>>,
    counters: Arc<ConnectionCounters>,
}

/// Connections that await a request head, oldest first. An entry is outdated if that request head has arrived, or if
/// the connection is closed.
type HeaderQueue = VecDeque<AwaitedHead>;

struct AwaitedHead {
    since: Instant,
    /// Number of the awaited request head on its connection.
    number: u32,
    connection: Weak<ClientConnection>,
}

impl AwaitedHead {
    /// Returns the connection that awaits the request head, or `None` if this entry is outdated.
    fn connection(&self) -> Option<Arc<ClientConnection>> {
        self.connection.upgrade().filter(|connection| connection.awaited_head() == Some(self.number))
    }
}

impl ClientConnections {
    /// Creates an empty table of connections. `limit` is the number of connections that the process can hold.
    pub fn new(limit: usize, header_timeout: Duration, max_idle: Duration) -> Self {
        Self(Arc::new(ConnectionTable {
            max_open: (limit - limit.div_ceil(FREE_RATIO)) as u64,
            header_timeout,
            max_idle_seconds: u32::try_from(max_idle.as_secs()).unwrap_or(u32::MAX),
            awaiting_head: Mutex::default(),
            all: Mutex::default(),
            counters: Arc::default(),
        }))
    }

    /// Closes the connections whose request head is late, and idle connections. Never returns.
    pub async fn close_expired(self) {
        let mut last_idle_check = Instant::now();
        loop {
            let (expired, pause) = self.take_expired();
            expired.iter().for_each(|connection| connection.time_out());
            if last_idle_check.elapsed() >= IDLE_CHECK_INTERVAL {
                last_idle_check = Instant::now();
                self.close_idle();
            }
            tokio::time::sleep(pause.min(IDLE_CHECK_INTERVAL)).await;
        }
    }

    pub fn stats(&self) -> ConnectionStats {
        self.0.counters.stats()
    }

    /// Registers an accepted connection. At the limit, closes the connection that has waited longest for its request
    /// head.
    pub(crate) fn register(&self, descriptor: OwnedFd) -> Arc<ClientConnection> {
        let connection = Arc::new(ClientConnection::new(descriptor, self.0.counters.clone()));
        self.0.all.lock().push(Arc::downgrade(&connection));
        let mut queue = self.0.awaiting_head.lock();
        let excess = if self.stats().open > self.0.max_open { take_oldest(&mut queue) } else { None };
        self.enqueue(&mut queue, &connection);
        drop(queue);
        if let Some((_, oldest)) = excess {
            oldest.time_out();
        }
        connection
    }

    /// Records that a connection has received bytes, which may begin a request head.
    pub(crate) fn record_bytes(&self, connection: &Arc<ClientConnection>) {
        if connection.begin_head() {
            self.enqueue(&mut self.0.awaiting_head.lock(), connection);
        }
    }

    fn enqueue(&self, queue: &mut HeaderQueue, connection: &Arc<ClientConnection>) {
        let waiting = self.0.counters.waiting.load(Relaxed);
        if queue.len() as u64 > 2 * waiting + MAX_OUTDATED_ENTRIES {
            queue.retain(|head| head.connection().is_some());
        }
        if let Some(number) = connection.awaited_head() {
            let (since, connection) = (Instant::now(), Arc::downgrade(connection));
            queue.push_back(AwaitedHead { since, number, connection });
        }
    }

    /// Returns the connections whose request head is late, to be closed now, and the time until the next call is due.
    fn take_expired(&self) -> (Vec<Arc<ClientConnection>>, Duration) {
        let now = Instant::now();
        let mut expired = Vec::new();
        let mut queue = self.0.awaiting_head.lock();
        while let Some((head, connection)) = take_oldest(&mut queue) {
            let time_left = self.0.header_timeout.saturating_sub(now.saturating_duration_since(head.since));
            if time_left.is_zero() && expired.len() < MAX_CLOSED_AT_ONCE {
                expired.push(connection);
            } else {
                queue.push_front(head);
                return (expired, time_left.max(PAUSE_AFTER_CLOSING));
            }
        }
        // The header queue is empty here: replacing it frees the memory of a queue that was long.
        *queue = VecDeque::new();
        (expired, self.0.header_timeout)
    }

    fn close_idle(&self) {
        let mut all = self.0.all.lock();
        all.retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            if connection.is_idle_for(self.0.max_idle_seconds) {
                connection.shut_down();
            }
            true
        });
        if all.len() < all.capacity() / 4 {
            all.shrink_to_fit();
        }
    }
}

/// Removes the connection that has waited longest for its request head, and the outdated entries before it.
fn take_oldest(queue: &mut HeaderQueue) -> Option<(AwaitedHead, Arc<ClientConnection>)> {
    std::iter::from_fn(|| queue.pop_front()).find_map(|head| head.connection().map(|connection| (head, connection)))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        net::{TcpListener, TcpStream as Peer},
    };

    use super::*;

    /// Opens a connection. Returns it as registered, and its peer.
    fn connect(connections: &ClientConnections) -> (Arc<ClientConnection>, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Peer::connect(listener.local_addr().unwrap()).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        (connections.register(listener.accept().unwrap().0.into()), peer)
    }

    fn read_to_end(mut peer: Peer) -> String {
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        text
    }

    fn close_expired_once(connections: &ClientConnections) -> Duration {
        let (expired, pause) = connections.take_expired();
        expired.iter().for_each(|connection| connection.time_out());
        pause
    }

    fn stats(open: u64, waiting: u64, ended: u64) -> ConnectionStats {
        ConnectionStats { open, waiting, ended }
    }

    #[test]
    fn each_connection_has_its_own_deadline_until_its_head_arrives() {
        let connections = ClientConnections::new(1000, Duration::from_millis(300), Duration::MAX);
        let (silent, peer) = connect(&connections);
        let (active, _active_peer) = connect(&connections);
        assert_eq!(connections.stats(), stats(2, 2, 0));
        std::thread::sleep(Duration::from_millis(200));
        let (later, _) = connect(&connections);
        assert!(active.stop_awaiting_head());
        assert!(close_expired_once(&connections) <= Duration::from_millis(100));
        assert_eq!(connections.stats(), stats(3, 2, 0));
        std::thread::sleep(Duration::from_millis(150));
        close_expired_once(&connections);
        assert!(read_to_end(peer).starts_with("HTTP/1.1 408 Request Timeout\r\n"));
        assert_eq!((silent.is_awaiting_head(), later.is_awaiting_head()), (false, true));
        assert_eq!(connections.stats(), stats(3, 1, 1));
        drop((silent, active, later));
        assert_eq!(connections.stats(), stats(0, 0, 1));
        assert_eq!(close_expired_once(&connections), Duration::from_millis(300));
    }

    #[test]
    fn every_head_has_a_timeout_and_an_idle_connection_has_none() {
        let connections = ClientConnections::new(1000, Duration::from_millis(200), Duration::MAX);
        let (connection, peer) = connect(&connections);
        for _ in 0..2 {
            connection.set_busy();
            connections.record_bytes(&connection);
            assert!(!connection.is_awaiting_head(), "bytes of the body began a head");
            connection.set_idle();
            std::thread::sleep(Duration::from_millis(250));
            close_expired_once(&connections);
            assert_eq!(connections.stats(), stats(1, 0, 0));
            connections.record_bytes(&connection);
            connections.record_bytes(&connection);
            assert!(connection.is_awaiting_head());
            close_expired_once(&connections);
            assert_eq!(connections.stats(), stats(1, 1, 0), "the deadline of an earlier head was used");
        }
        std::thread::sleep(Duration::from_millis(250));
        close_expired_once(&connections);
        assert!(read_to_end(peer).starts_with("HTTP/1.1 408 "));
        assert_eq!(connections.stats(), stats(1, 0, 1));
    }

    #[test]
    fn a_burst_of_expired_connections_is_closed_in_parts() {
        let connections = ClientConnections::new(1000, Duration::ZERO, Duration::MAX);
        let all: Vec<_> = (0..MAX_CLOSED_AT_ONCE + 1).map(|_| connect(&connections)).collect();
        assert_eq!(close_expired_once(&connections), PAUSE_AFTER_CLOSING);
        assert_eq!(connections.stats(), stats(all.len() as u64, 1, MAX_CLOSED_AT_ONCE as u64));
        close_expired_once(&connections);
        assert_eq!(connections.stats().waiting, 0);
    }

    #[test]
    fn at_the_limit_the_connection_that_has_waited_longest_is_closed() {
        let connections = ClientConnections::new(5, Duration::from_secs(10), Duration::MAX);
        let all: Vec<_> = (0..4).map(|_| connect(&connections)).collect();
        assert!(all[0].0.stop_awaiting_head());
        let _one_more = connect(&connections);
        let awaiting: Vec<bool> = all.iter().map(|(connection, _)| connection.is_awaiting_head()).collect();
        assert_eq!(awaiting, [false, false, true, true]);
        assert_eq!(connections.stats(), stats(5, 3, 1));
    }

    #[test]
    fn outdated_entries_do_not_fill_the_queue() {
        let connections = ClientConnections::new(10_000, Duration::from_secs(10), Duration::MAX);
        let (descriptor, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        for _ in 0..3 * MAX_OUTDATED_ENTRIES {
            connections.register(descriptor.try_clone().unwrap().into());
        }
        assert!(connections.0.awaiting_head.lock().len() as u64 <= MAX_OUTDATED_ENTRIES + 3);
    }
}
