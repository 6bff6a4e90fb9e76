//! What sockets ask of their hotel's feed, which does it between two events.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Acquire},
};

use desk::{Seen, Which};
use domain::{ConversationId, HotelId, MessageId, Person, RequestId, Seq, StayId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use wire::Signal;

use crate::{news::News, seat::Seat};

/// The feed of a hotel, as others see it.
#[derive(Clone)]
pub(crate) struct FeedHandle {
    pub(crate) hotel: HotelId,
    pub(crate) news: Arc<News>,
    /// Up to here every event was handed out.
    pub(crate) position: Arc<AtomicI64>,
    /// Bounded by who asks: a socket waits for its request before it makes another.
    pub(crate) requests: mpsc::UnboundedSender<Request>,
    /// Whispers of other servers that may wait.
    pub(crate) whispers: Arc<Semaphore>,
}

/// To which command an answer belongs.
#[derive(Clone, Debug)]
pub(crate) struct ReplyTo {
    pub(crate) request_id: Option<RequestId>,
    pub(crate) command: &'static str,
}

/// A request.
pub(crate) enum Request {
    /// To look whether the log still is the same: a backup may have been restored.
    Look,
    /// Of a socket.
    Of(Arc<Seat>, Wish),
    /// A staff member has read so far: tells the conversation's subscribers, and their own sockets.
    Read {
        conversation: ConversationId,
        stay: Option<StayId>,
        reader: Person,
        message: MessageId,
        by: Option<Arc<Seat>>,
    },
    /// What another server whispered: told to the sockets here.
    Whispered(Signal, OwnedSemaphorePermit),
}

/// What a socket asks.
pub(crate) enum Wish {
    /// To be heard of: the welcome is the answer.
    Join(Done),
    /// To be forgotten.
    Leave,
    /// To look again whether its session is live.
    LookAgain,
    Subscribe(Which, ReplyTo, Done),
    Unsubscribe(Which, ReplyTo, Done),
    Inbox {
        on: bool,
        to: ReplyTo,
        done: Done,
    },
    Typing {
        which: Which,
        typing: bool,
        to: ReplyTo,
        done: Done,
    },
    /// To be sent nothing, since a replay begins.
    Pause(Done),
    /// To be sent events again, from where the replay has come.
    Switch(Switch),
}

/// Dropped when a request is done, whatever came of it.
pub(crate) type Done = oneshot::Sender<std::convert::Infallible>;

/// What a replay found at the head of the log: no more than that is needed if the feed has come exactly there.
pub(crate) struct AtHead {
    pub(crate) epoch: String,
    pub(crate) seen: Seen,
}

/// The end of a replay.
pub(crate) struct Switch {
    /// Everything up to here was replayed.
    pub(crate) after: Seq,
    /// What was asked to be subscribed to.
    pub(crate) named: Vec<Which>,
    /// Whether the inbox was.
    pub(crate) inbox: bool,
    /// What the socket saw at `after`, if that was the head of the log then.
    pub(crate) at_head: Option<Box<AtHead>>,
    /// How many events were replayed before; `None`: nothing was, and nothing is told.
    pub(crate) replayed: Option<(i64, ReplyTo)>,
    /// Whether it was done. If not, the log has run on: the replay is to read on first.
    pub(crate) done: oneshot::Sender<bool>,
}

impl FeedHandle {
    /// Up to here every event was handed out.
    pub(crate) fn position(&self) -> Seq {
        Seq(self.position.load(Acquire))
    }

    /// Asks without waiting. False where the feed is gone.
    pub(crate) fn ask(&self, request: Request) -> bool {
        self.requests.send(request).is_ok()
    }

    /// Takes what another server whispered. Where many wait already it is lost.
    pub(crate) fn whisper(&self, signal: Signal) {
        if let Ok(place) = self.whispers.clone().try_acquire_owned() {
            self.ask(Request::Whispered(signal, place));
        }
    }

    /// Asks, and waits until it is done. False where the feed is gone; one that goes meanwhile
    /// closes the socket itself.
    pub(crate) async fn ask_and_wait(&self, seat: &Arc<Seat>, wish: impl FnOnce(Done) -> Wish) -> bool {
        let (done, dropped) = oneshot::channel();
        let asked = self.ask(Request::Of(seat.clone(), wish(done)));
        // Nothing is ever sent: that the request is dropped says that it is done.
        let _ = dropped.await;
        asked
    }
}
