//! Resuming: what a socket missed is read from the log, page by page, at the reader's own pace.
//! Nothing is queued meanwhile; the feed switches it over to live events at the log's head.

use std::{collections::HashSet, sync::Arc};

use bytestring::ByteString;
use desk::{Desk, LogRange, Survey, Which};
use domain::Seq;
use tokio::sync::oneshot;

use crate::{
    delivery::look,
    frames::{self, Reason},
    limits::SUBSCRIPTIONS,
    outbox::Closing,
    reader::Reader,
    requests::{AtHead, FeedHandle, ReplyTo, Request, Switch, Wish},
    seat::Seat,
};

/// Events of a page. Small against what may wait for a reader.
pub(crate) const PAGE: i64 = 200;

/// What a socket asks to be resumed.
pub(crate) struct Resume {
    pub(crate) epoch: String,
    pub(crate) after: Seq,
    pub(crate) named: Vec<Which>,
    pub(crate) inbox: bool,
}

/// Resumes a socket. False where the socket cannot go on.
pub(crate) async fn resume(desk: &Desk, feed: &FeedHandle, seat: &Arc<Seat>, asked: Resume, to: ReplyTo) -> bool {
    if asked.named.len() > wire::MOST_NAMED {
        seat.fail(frames::too_many_subscriptions(&to));
        return true;
    }
    if !feed.ask_and_wait(seat, Wish::Pause).await {
        return false;
    }
    match replay(desk, feed, seat, &asked).await {
        Ok(so_far) => return finish(desk, feed, seat, &asked, so_far, to).await,
        Err(NotReplayed::Worthless { epoch, head }) => {
            seat.send(frames::resync_required(&epoch, head));
            frames::cursor_refused(&to).into_iter().for_each(|error| seat.send(error));
        }
        Err(NotReplayed::TooMany) => seat.fail(frames::too_many_subscriptions(&to)),
        Err(NotReplayed::Refused(error)) => seat.fail(frames::refused(&to, &error)),
    }
    // Live again, as before.
    let paused_at = seat.standing().as_ref().and_then(|it| it.replaying);
    go_back(feed, seat, paused_at).await
}

/// How far the log was read.
struct Replayed {
    /// Everything up to here was sent.
    after: Seq,
    /// What of the named is in sight.
    named: Vec<Which>,
    /// How many events were sent.
    count: i64,
    /// What the socket saw then.
    at_head: AtHead,
}

/// Why nothing was replayed.
enum NotReplayed {
    /// The cursor is of another history, or of what the log has no more, or not yet.
    Worthless { epoch: String, head: Seq },
    /// With what it has, the socket would have too many subscriptions.
    TooMany,
    /// The desk refused: the session is over, or the database away.
    Refused(desk::Error),
}

impl From<desk::Error> for NotReplayed {
    fn from(error: desk::Error) -> Self {
        Self::Refused(error)
    }
}

/// Reads the log up to its head, and sends what concerns the socket.
async fn replay(desk: &Desk, feed: &FeedHandle, seat: &Arc<Seat>, asked: &Resume) -> Result<Replayed, NotReplayed> {
    let (mut after, mut named, mut replayed) = (asked.after, asked.named.clone(), 0);
    loop {
        let mut looked = look(seat);
        let subscribed = looked.which.len();
        looked.which.extend(&named);
        let log = Some(LogRange { after, limit: PAGE });
        let survey = Survey { hotel: feed.hotel, looks: vec![looked], log, views: vec![] };
        let mut told = desk.survey_to_replay(seat.caller, survey).await?;
        if !told.goes_on_from(Some(&asked.epoch), after) {
            return Err(NotReplayed::Worthless { epoch: told.epoch, head: told.head });
        }
        let seen = told.seen.pop().flatten().ok_or(desk::Error::Unauthenticated)?;
        let subscriptions: HashSet<_> = seen.conversations.iter().flatten().map(|it| it.id).collect();
        if subscriptions.len() > SUBSCRIPTIONS {
            return Err(NotReplayed::TooMany);
        }
        let found = seen.conversations.iter().skip(subscribed);
        let lost: HashSet<Which> =
            named.iter().zip(found).filter(|(_, found)| found.is_none()).map(|(which, _)| *which).collect();
        for which in &lost {
            send_paced(seat, frames::unsubscribed_named(*which, Reason::RoutedAway)).await?;
        }
        named.retain(|which| !lost.contains(which));
        let page = Reader::on(seat, &seen, asked.inbox).concerned_by(&told);
        replayed += page.len() as i64;
        for event in page {
            send_paced(seat, frames::logged(event)).await?;
        }
        after = told.read_to();
        if after == told.head {
            let at_head = AtHead { epoch: told.epoch, seen };
            return Ok(Replayed { after, named, count: replayed, at_head });
        }
    }
}

/// Sends when its reader has room, so that no replay closes a socket as too slow.
async fn send_paced(seat: &Arc<Seat>, frame: ByteString) -> Result<(), NotReplayed> {
    if !seat.outbox.has_room().await {
        return Err(desk::Error::Unauthenticated.into());
    }
    seat.send(frame);
    Ok(())
}

/// Switches over to live events, reading on as often as the log has run on.
async fn finish(
    desk: &Desk,
    feed: &FeedHandle,
    seat: &Arc<Seat>,
    asked: &Resume,
    mut so_far: Replayed,
    to: ReplyTo,
) -> bool {
    loop {
        if !seat.outbox.has_room().await {
            return false;
        }
        let Replayed { after, named, count, at_head } = so_far;
        let (done, answer) = oneshot::channel();
        let replayed = Some((count, to.clone()));
        let at_head = Some(Box::new(at_head));
        let switch = Switch { after, named: named.clone(), inbox: asked.inbox, at_head, replayed, done };
        if !feed.ask(Request::Of(seat.clone(), Wish::Switch(switch))) {
            return false;
        }
        match answer.await {
            Ok(true) => return true,
            Ok(false) => {}
            Err(_) => return false,
        }
        let on = Resume { epoch: asked.epoch.clone(), after, named, inbox: asked.inbox };
        match replay(desk, feed, seat, &on).await {
            Ok(further) => so_far = Replayed { count: count + further.count, ..further },
            // It was good a moment ago: what is wrong now, a new connection will tell.
            Err(_) => {
                seat.close(Closing::Restart);
                return false;
            }
        }
    }
}

/// Ends a replay that did not begin: live again from where it was.
async fn go_back(feed: &FeedHandle, seat: &Arc<Seat>, paused_at: Option<Seq>) -> bool {
    let Some(after) = paused_at else { return false };
    let (done, answer) = oneshot::channel();
    let switch = Switch { after, named: vec![], inbox: false, at_head: None, replayed: None, done };
    let asked = feed.ask(Request::Of(seat.clone(), Wish::Switch(switch)));
    let live = asked && answer.await == Ok(true);
    if !live {
        seat.close(Closing::Restart);
    }
    live
}
