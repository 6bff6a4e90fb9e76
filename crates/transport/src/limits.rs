//! Limits and timeouts of sockets, as the contract fixes them. Command and error rates are in
//! `session/rate_limit`.

use std::time::Duration;

/// Connection quota: maximum number of sockets of one staff member, over all nodes.
pub(crate) const MAX_SOCKETS_PER_STAFF: i64 = 20;
/// Maximum number of subscriptions to conversations of one socket.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 1000;
/// Maximum size of a WebSocket message from a client, all fragments together.
pub(crate) const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Maximum number of commands of one socket that wait for an earlier command.
pub(crate) const MAX_PENDING_COMMANDS: usize = 512;
/// Maximum number of sends of one socket that run side by side.
pub(crate) const MAX_CONCURRENT_SENDS: usize = 32;

/// Bound of the send queue in frames. The socket of a client that does not read is closed when a frame exceeds it.
pub(crate) const MAX_QUEUED_FRAMES: usize = 1000;
/// Bound of the send queue in bytes.
pub(crate) const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// Maximum number of pongs in the send queue. Beyond it the oldest are dropped.
pub(crate) const MAX_QUEUED_PONGS: usize = 256;
/// Maximum number of events per page of a replay; small compared with the send queue.
pub(crate) const REPLAY_PAGE: i64 = 200;

pub(crate) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(25);
/// Idle timeout: a socket from which no frame arrives for this long is closed.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Close timeout: a peer that has not answered the close frame after this time is cut off.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Delay between the end of a WebSocket session and the shutdown of its connection: enough for the kernel to take over
/// the close frame.
pub(crate) const CLOSE_FRAME_FLUSH: Duration = Duration::from_millis(200);
/// Time in which a client that has closed its socket still gets the results of its earlier commands.
pub(crate) const LAST_RESULTS_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for which the commands of a closed socket still run after [`LAST_RESULTS_TIMEOUT`]; longer than a write may
/// take.
pub(crate) const LAST_COMMANDS_TIMEOUT: Duration = Duration::from_secs(30);

/// Timeout of a publish on the cluster bus, and of a request to Redis.
pub(crate) const BUS_TIMEOUT: Duration = Duration::from_secs(2);

/// Delay before a feed queries the database again after a failure.
pub(crate) const FEED_RETRY_DELAY: Duration = Duration::from_millis(500);
