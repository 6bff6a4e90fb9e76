//! Requests to a hotel's feed. The feed runs them between two events.

use std::sync::Arc;

use desk::feed_query::SessionView;
use domain::{ConversationId, ConversationRef, Person, ReadPosition, Seq, StaffId, StayId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use wire::cluster_signal::ClusterSignal;

use crate::{
    drop_signal::DropGuard,
    socket::{SocketHandle, SocketId, frames::ReplyTo},
};

pub(crate) enum FeedRequest {
    /// Compare epoch and head of the feed with the log, because a backup may have been restored.
    CheckLog,
    /// A request that a socket sends to its feed.
    Socket(Arc<SocketHandle>, SocketRequest),
    /// Send a read indicator: a staff member has read up to a message.
    Read(ReadIndicator),
    /// Send a changed draft to the other sockets of its writer.
    Draft(DraftSignal),
    /// Announce a change of the personal settings to the sockets of a staff member.
    Settings(StaffId),
    /// Send an ephemeral signal that came from another node.
    RemoteSignal { node: u64, signal: ClusterSignal, _permit: OwnedSemaphorePermit },
    /// End the presence of staff members who have not repeated it.
    EndExpiredViewing,
}

/// Read indicator: a staff member has moved a read position. Sent to the subscribers, and to the reader's other sockets.
pub(crate) struct ReadIndicator {
    pub(crate) conversation: ConversationId,
    pub(crate) stay: Option<StayId>,
    pub(crate) reader: Person,
    pub(crate) position: ReadPosition,
    /// The socket whose command marked the message as read; it gets an ack instead of the indicator.
    pub(crate) sent_by: Option<SocketId>,
}

/// A staff member's draft in a conversation has changed. The feed loads the draft when it sends it, so that two changes
/// never arrive in the wrong order.
pub(crate) struct DraftSignal {
    pub(crate) conversation: ConversationId,
    pub(crate) writer: StaffId,
    /// The socket whose command changed the draft; it gets an ack instead of the signal.
    pub(crate) sent_by: Option<SocketId>,
}

/// A request of a socket to its feed. The `DropGuard` is dropped when the request is done, successfully or not.
pub(crate) enum SocketRequest {
    /// Register the socket with the feed; answered by the `welcome` event.
    Join(DropGuard),
    Leave,
    /// Load the socket's session again, which may be over, and the visibility of all its subscriptions.
    RecheckAccess,
    Subscribe(ConversationRef, ReplyTo, DropGuard),
    Unsubscribe(ConversationRef, ReplyTo, DropGuard),
    SetInbox {
        is_wanted: bool,
        /// Whether the socket gets the numbers of its inbox.
        with_counts: bool,
        reply_to: ReplyTo,
        done: DropGuard,
    },
    Typing {
        which: ConversationRef,
        typing: bool,
        reply_to: ReplyTo,
        done: DropGuard,
    },
    Viewing {
        which: ConversationRef,
        viewing: bool,
        reply_to: ReplyTo,
        done: DropGuard,
    },
    /// Send the socket no more live events, because a replay begins.
    Pause(DropGuard),
    /// End the replay of a socket: send live events again, from the log position that the replay has reached.
    FinishReplay(ReplayEnd),
}

/// The end of a replay, as the socket reports it to the feed.
pub(crate) struct ReplayEnd {
    /// Log position that the replay has reached.
    pub(crate) after: Seq,
    /// Conversations to subscribe to at the end of the replay.
    pub(crate) named: Vec<ConversationRef>,
    /// Whether the socket subscribes to the inbox at the end of the replay.
    pub(crate) inbox: bool,
    /// The snapshot of the last page of the replay, if that page reached the head of the log.
    pub(crate) at_head: Option<Box<HeadSnapshot>>,
    /// Number of replayed events, and the `resume` command to acknowledge. `None` if the replay failed at its begin:
    /// then the socket only becomes live again.
    pub(crate) replayed: Option<(i64, ReplyTo)>,
    /// Receives `true` when the socket is live again, and `false` if the log is longer by now, so that the replay has
    /// to read on.
    pub(crate) is_done: oneshot::Sender<bool>,
}

/// The snapshot of the last page of a replay, taken at the head of the log. Saves a query if the feed has the same
/// position.
pub(crate) struct HeadSnapshot {
    pub(crate) epoch: String,
    pub(crate) seen: SessionView,
}
