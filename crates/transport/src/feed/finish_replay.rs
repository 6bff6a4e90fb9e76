//! Ends a replay: sends the rest of the log and switches the socket to live events, with no event in between.

use std::sync::Arc;

use bytestring::ByteString;
use desk::feed_query::{FeedQuery, FeedSnapshot, LogRange, SessionView, ShownObjects};
use domain::Seq;

use crate::{
    feed::{
        event_filter::EventFilter,
        requests::{HeadSnapshot, ReplayEnd},
        state::Feed,
    },
    limits::{MAX_QUEUED_BYTES, MAX_QUEUED_FRAMES, REPLAY_PAGE},
    socket::{SocketHandle, frames, send_queue::CloseCause},
};

/// Maximum number of frames that may be queued at the end of a replay. The feed cannot wait for the reader; a replay
/// can.
const MAX_LAST_FRAMES: usize = MAX_QUEUED_FRAMES / 4;
const MAX_LAST_BYTES: usize = MAX_QUEUED_BYTES / 4;

impl Feed {
    pub(crate) async fn finish_replay(&mut self, socket: &Arc<SocketHandle>, mut end: ReplayEnd) {
        if let Some(snapshot) = end.at_head.take()
            && self.reach_snapshot(end.after, &snapshot).await
            && self.sockets.contains_key(&socket.id)
        {
            self.go_live(socket, end.inbox, &snapshot.seen).await;
            return self.confirm_replay(socket, end, 0);
        }
        let Some((snapshot, subscribed)) = self.load_rest(socket, &end).await else { return };
        let Some(Some(seen)) = snapshot.sessions.first() else {
            socket.close(CloseCause::SessionOver);
            return self.leave(socket).await;
        };
        let page = EventFilter::for_socket(socket, seen, end.inbox).select(&snapshot);
        let count = page.len() as i64;
        let mut rest: Vec<ByteString> = page.into_iter().map(frames::logged).collect();
        let named = end.named.iter().zip(seen.conversations.iter().skip(subscribed));
        let lost = named.filter(|(_, found)| found.is_none());
        rest.extend(lost.map(|(which, _)| frames::unsubscribed_not_visible(*which)));
        let is_long =
            rest.len() > MAX_LAST_FRAMES || rest.iter().map(|frame| frame.len()).sum::<usize>() > MAX_LAST_BYTES;
        if snapshot.read_up_to() < snapshot.head || (end.replayed.is_some() && is_long) {
            // Too much of the log is left: the replay has to read on instead of ending.
            let _ = end.is_done.send(false);
            return;
        }
        self.fan_out_to(snapshot.head).await;
        rest.into_iter().for_each(|frame| socket.send(frame));
        self.go_live(socket, end.inbox, seen).await;
        self.confirm_replay(socket, end, count);
    }

    /// Fans out the events up to the snapshot of a replay. Returns `true` if the feed is then exactly at the snapshot.
    /// In that case the snapshot is still valid, because every change is an event.
    async fn reach_snapshot(&mut self, after: Seq, snapshot: &HeadSnapshot) -> bool {
        if self.epoch == snapshot.epoch && self.position < after {
            self.fan_out_to(after).await;
        }
        self.epoch == snapshot.epoch && self.position == after
    }

    /// Loads what the end of a replay needs: the rest of the log, the session, and the visibility of the subscribed and
    /// the named conversations. Returns the snapshot and the number of subscribed conversations, or `None` if the
    /// socket had to be closed.
    async fn load_rest(&mut self, socket: &Arc<SocketHandle>, end: &ReplayEnd) -> Option<(FeedSnapshot, usize)> {
        let mut session = socket.session_query();
        let subscribed = session.conversations.len();
        session.conversations.extend(&end.named);
        let log = Some(LogRange { after: end.after, limit: REPLAY_PAGE });
        let query = FeedQuery { hotel: self.hotel, sessions: vec![session], log, shown: ShownObjects::default() };
        match self.context.desk.query_feed(query).await {
            Ok(snapshot) => {
                self.check_epoch(&snapshot).await;
                self.sockets.contains_key(&socket.id).then_some((snapshot, subscribed))
            }
            Err(error) => {
                log::warn!("hotel {}: a replay cannot end; its socket is closed to resume: {error}", self.hotel);
                socket.close(CloseCause::Restart);
                self.leave(socket).await;
                None
            }
        }
    }

    /// Confirms the end of a replay: sends `resumed` and the ack of the command.
    fn confirm_replay(&self, socket: &SocketHandle, end: ReplayEnd, count: i64) {
        if let Some((replayed, reply_to)) = &end.replayed {
            socket.send(frames::resumed(self.position, replayed + count));
            self.send_ack(socket, reply_to);
        }
        // Nothing waits for the end of the replay if the client has disconnected.
        let _ = end.is_done.send(true);
    }

    async fn go_live(&mut self, socket: &Arc<SocketHandle>, inbox: bool, seen: &SessionView) {
        if let Some(state) = socket.state().as_mut() {
            state.replaying_from = None;
            // Events of the replay may have changed the numbers.
            self.counts.mark(state);
        }
        if inbox {
            self.set_inbox(socket, true);
        }
        for conversation in seen.conversations.iter().flatten() {
            self.subscribe(socket, conversation).await;
        }
        // Ends the subscriptions whose conversations became invisible during the replay.
        self.update_access(socket, seen).await;
    }
}
