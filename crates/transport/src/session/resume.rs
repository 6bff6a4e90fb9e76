//! Resume: sends the events that a socket has missed from the log, in pages, as fast as the client reads. No live event
//! is queued meanwhile; at the head of the log the feed switches the socket to live events.

use std::{collections::HashSet, sync::Arc};

use bytestring::ByteString;
use desk::{
    Desk,
    feed_query::{FeedQuery, LogRange, ShownObjects},
};
use domain::{ConversationRef, Seq};
use tokio::sync::oneshot;
use wire::socket::commands::MAX_RESUME_SUBSCRIPTIONS;

use crate::{
    feed::{
        event_filter::EventFilter,
        registry::FeedHandle,
        requests::{FeedRequest, HeadSnapshot, ReplayEnd, SocketRequest},
    },
    limits::{MAX_SUBSCRIPTIONS, REPLAY_PAGE},
    socket::{
        SocketHandle,
        frames::{self, ReplyTo},
        send_queue::CloseCause,
    },
};

/// The content of a `resume` command.
pub(crate) struct ReplayRequest {
    pub(crate) epoch: String,
    pub(crate) after: Seq,
    /// Conversations that the `resume` command names, to subscribe to.
    pub(crate) named: Vec<ConversationRef>,
    pub(crate) inbox: bool,
}

/// Runs a `resume`: replays the log and makes the socket live again. Returns `false` if the socket has to be closed.
pub(crate) async fn resume(
    desk: &Desk,
    feed: &FeedHandle,
    socket: &Arc<SocketHandle>,
    request: ReplayRequest,
    reply_to: ReplyTo,
) -> bool {
    if request.named.len() > MAX_RESUME_SUBSCRIPTIONS {
        socket.send_client_error(frames::too_many_subscriptions(&reply_to));
        return true;
    }
    if !feed.request_and_wait(socket, SocketRequest::Pause).await {
        return false;
    }
    match replay(desk, feed, socket, &request).await {
        Ok(progress) => return finish(desk, feed, socket, request, progress, reply_to).await,
        Err(ReplayError::InvalidCursor { epoch, head }) => {
            socket.send(frames::resync_required(&epoch, head));
            if let Some(error) = frames::cursor_refused(&reply_to) {
                socket.send(error);
            }
        }
        Err(ReplayError::TooManySubscriptions) => {
            socket.send_client_error(frames::too_many_subscriptions(&reply_to));
        }
        Err(ReplayError::Refused(error)) => socket.send_client_error(frames::refused(&reply_to, &error)),
    }
    undo_pause(feed, socket).await
}

/// What a replay has reached when it is at the head of the log.
struct ReplayProgress {
    /// Log position up to which the replay has sent events.
    after: Seq,
    /// The conversations named by the `resume` command that are visible.
    named: Vec<ConversationRef>,
    /// Number of events that the replay has sent.
    count: i64,
    at_head: HeadSnapshot,
}

enum ReplayError {
    /// The cursor of the `resume` belongs to another epoch or a pruned part of the log, or lies beyond the log's head.
    InvalidCursor {
        epoch: String,
        head: Seq,
    },
    TooManySubscriptions,
    /// The staff session is over, or the database is unavailable.
    Refused(desk::Error),
}

impl From<desk::Error> for ReplayError {
    fn from(error: desk::Error) -> Self {
        Self::Refused(error)
    }
}

/// Sends the log to a socket up to the log's head, filtered for the socket.
async fn replay(
    desk: &Desk,
    feed: &FeedHandle,
    socket: &Arc<SocketHandle>,
    request: &ReplayRequest,
) -> Result<ReplayProgress, ReplayError> {
    let mut after = request.after;
    let mut named = request.named.clone();
    let mut count = 0;
    loop {
        let mut session = socket.session_query();
        let subscribed = session.conversations.len();
        session.conversations.extend(&named);
        let log = Some(LogRange { after, limit: REPLAY_PAGE });
        let query = FeedQuery { hotel: feed.hotel, sessions: vec![session], log, shown: ShownObjects::default() };
        let mut snapshot = desk.query_feed_for_replay(socket.caller, query).await?;
        if !snapshot.continues_from(Some(&request.epoch), after) {
            return Err(ReplayError::InvalidCursor { epoch: snapshot.epoch, head: snapshot.head });
        }
        let seen = snapshot.sessions.pop().flatten().ok_or(desk::Error::Unauthenticated)?;
        let visible: HashSet<_> = seen.conversations.iter().flatten().map(|conversation| conversation.id()).collect();
        if visible.len() > MAX_SUBSCRIPTIONS {
            return Err(ReplayError::TooManySubscriptions);
        }
        let found = seen.conversations.iter().skip(subscribed);
        let lost: HashSet<ConversationRef> =
            named.iter().zip(found).filter(|(_, found)| found.is_none()).map(|(which, _)| *which).collect();
        for which in &lost {
            send_when_room(socket, frames::unsubscribed_not_visible(*which)).await?;
        }
        named.retain(|which| !lost.contains(which));
        let page = EventFilter::for_socket(socket, &seen, request.inbox).select(&snapshot);
        count += page.len() as i64;
        for event in page {
            send_when_room(socket, frames::logged(event)).await?;
        }
        after = snapshot.read_up_to();
        if after == snapshot.head {
            let at_head = HeadSnapshot { epoch: snapshot.epoch, seen };
            return Ok(ReplayProgress { after, named, count, at_head });
        }
    }
}

/// Sends a frame when the send queue has room, so that a replay never closes the socket as a slow reader.
async fn send_when_room(socket: &Arc<SocketHandle>, frame: ByteString) -> Result<(), ReplayError> {
    if !socket.send_queue.wait_for_room().await {
        // The socket is being closed, so no result of the `resume` command can be sent.
        return Err(desk::Error::Unauthenticated.into());
    }
    socket.send(frame);
    Ok(())
}

/// Ends a replay: the feed switches the socket to live events. Reads on whenever the log has become longer meanwhile.
async fn finish(
    desk: &Desk,
    feed: &FeedHandle,
    socket: &Arc<SocketHandle>,
    mut request: ReplayRequest,
    mut progress: ReplayProgress,
    reply_to: ReplyTo,
) -> bool {
    loop {
        if !socket.send_queue.wait_for_room().await {
            return false;
        }
        let ReplayProgress { after, named, count, at_head } = progress;
        let (is_done, answer) = oneshot::channel();
        let replayed = Some((count, reply_to.clone()));
        let at_head = Some(Box::new(at_head));
        let end = ReplayEnd { after, named: named.clone(), inbox: request.inbox, at_head, replayed, is_done };
        if !feed.request(FeedRequest::Socket(socket.clone(), SocketRequest::FinishReplay(end))) {
            return false;
        }
        match answer.await {
            Ok(true) => return true,
            Ok(false) => {}
            Err(_) => return false,
        }
        request.after = after;
        request.named = named;
        match replay(desk, feed, socket, &request).await {
            Ok(further) => progress = ReplayProgress { count: count + further.count, ..further },
            // Reading on has failed, although the cursor was valid a moment ago. The client reconnects, resumes, and
            // gets the error then.
            Err(_) => {
                socket.close(CloseCause::Restart);
                return false;
            }
        }
    }
}

/// Makes the socket live again after a replay that failed at its begin.
async fn undo_pause(feed: &FeedHandle, socket: &Arc<SocketHandle>) -> bool {
    let paused_at = socket.state().as_ref().and_then(|state| state.replaying_from);
    let Some(after) = paused_at else { return false };
    let (is_done, answer) = oneshot::channel();
    let end = ReplayEnd { after, named: vec![], inbox: false, at_head: None, replayed: None, is_done };
    let is_queued = feed.request(FeedRequest::Socket(socket.clone(), SocketRequest::FinishReplay(end)));
    let is_live = is_queued && answer.await == Ok(true);
    if !is_live {
        socket.close(CloseCause::Restart);
    }
    is_live
}
