//! Reading the log for somebody: what of it concerns them, by what they want and by what they see now.

use std::collections::{HashMap, HashSet};

use desk::{Caller, Desk, Error, LogRange, Look, Seen, Survey, Surveyed};
use domain::{ConversationId, Event, EventKind, HotelId, Reach, Seq};
use wire::Logged;

use crate::seat::Seat;

/// Events that are looked at for an answer.
const PAGE: i64 = 1000;

/// Where a reader without a socket goes on.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// The history that the place is in; where none is named, the one there is.
    pub epoch: Option<String>,
    /// The last place that is known.
    pub after: Seq,
}

/// A page of the log after a cursor, as far as it concerns a staff member: all of it that they may see.
///
/// # Errors
/// [`Error::Unauthenticated`] where the session is over, [`Error::ResyncRequired`] where the log does not
/// go on from the cursor, [`Error::Store`].
pub async fn missed(desk: &Desk, caller: Caller, cursor: Cursor) -> Result<wire::Missed, Error> {
    let looks = vec![Look { caller, which: vec![] }];
    let log = Some(LogRange { after: cursor.after, limit: PAGE });
    let told = desk.survey_to_answer(caller, Survey { hotel: caller.hotel, looks, log, views: vec![] }).await?;
    let Some(Some(seen)) = told.seen.first() else { return Err(Error::Unauthenticated) };
    if !told.goes_on_from(cursor.epoch.as_deref(), cursor.after) {
        return Err(Error::ResyncRequired);
    }
    let results = Reader::of_everything(caller.hotel, seen, &told).concerned_by(&told);
    Ok(wire::Missed { seq: told.read_to().0, epoch: told.epoch, results })
}

/// Who reads the log.
pub(crate) struct Reader {
    reach: Reach,
    /// In sight now: since when it was sent live; `None`: not yet.
    subscriptions: HashMap<ConversationId, Option<Seq>>,
    /// Whether the inbox is wanted, and since when it was sent live.
    inbox: Option<Option<Seq>>,
    joined: Seq,
    /// Up to here live events were sent.
    live_until: Seq,
}

impl Reader {
    /// A socket: it gets what it subscribes to and asks for, unless that was sent live.
    pub(crate) fn on(seat: &Seat, seen: &Seen, inbox: bool) -> Self {
        let standing = seat.standing();
        let standing = standing.as_ref();
        let since = |id: &ConversationId| standing.and_then(|it| it.subscriptions.get(id)).map(|it| it.since);
        let visible = seen.conversations.iter().flatten();
        let since_inbox = standing.and_then(|it| it.inbox);
        Self {
            reach: seen.live.staff.reach(),
            subscriptions: visible.map(|it| (it.id, since(&it.id))).collect(),
            inbox: (inbox || since_inbox.is_some()).then_some(since_inbox),
            joined: standing.map_or(Seq(0), |it| it.joined),
            live_until: standing.and_then(|it| it.replaying).unwrap_or_default(),
        }
    }

    /// Somebody without a socket: as if it subscribed to all that is in sight, and nothing were sent yet.
    fn of_everything(hotel: HotelId, seen: &Seen, told: &Surveyed) -> Self {
        let reach = seen.live.staff.reach();
        let visible = told.views.values().filter(|view| reach.covers(hotel, view.conversation.department));
        Self {
            subscriptions: visible.map(|view| (view.conversation.id, None)).collect(),
            reach,
            inbox: Some(None),
            joined: Seq(0),
            live_until: Seq(0),
        }
    }

    /// What concerns them of a part of the log, in order. Of the changes of a conversation only the
    /// newest is given: it is shown as it is now anyway.
    pub(crate) fn concerned_by(&self, told: &Surveyed) -> Vec<Logged> {
        let mut changed = HashSet::new();
        let newest_first = told.log.events.iter().rev();
        let mut events: Vec<Logged> = newest_first.filter_map(|it| self.event(it, told, &mut changed)).collect();
        events.reverse();
        events
    }

    fn event(&self, event: &Event, told: &Surveyed, changed: &mut HashSet<ConversationId>) -> Option<Logged> {
        let view = event.kind.conversation().and_then(|id| told.views.get(&id));
        let sees = |department| self.reach.covers(event.hotel, department);
        let sees_now = view.is_some_and(|view| sees(view.conversation.department));
        match &event.kind {
            EventKind::Message { stay, message } => {
                let since = self.subscriptions.get(&message.conversation)?;
                let own = message.author == Some(self.reach.staff);
                self.is_new(event.seq, *since).then(|| Logged::message(event.seq, *stay, message, own))
            }
            EventKind::MessageStatus(change) => {
                let since = self.subscriptions.get(&change.conversation)?;
                self.is_new(event.seq, *since).then(|| Logged::message_status(event.seq, change))
            }
            EventKind::NewConversation { department, .. } => {
                let concerned = sees_now && department.is_none_or(|department| self.reach.is_member(department));
                let new = concerned && self.is_new(event.seq, Some(self.joined));
                view.filter(|_| new).map(|view| Logged::new_conversation(event.seq, event.at, view))
            }
            EventKind::ConversationUpdated(change) => {
                let id = change.conversation;
                let by_subscription = self.subscriptions.get(&id).copied().filter(|_| !change.only_message);
                let ways = || self.inbox.into_iter().chain(by_subscription);
                // It went one way only: whichever was there has brought it.
                let is_new = ways().count() > 0 && ways().all(|since| self.is_new(event.seq, since));
                let told = if is_new && sees_now {
                    view.map(|view| Logged::conversation_updated(event.seq, view))
                } else if is_new && self.inbox.is_some() && sees(change.before) {
                    Some(Logged::conversation_removed(event.seq, id, change.stay))
                } else {
                    None
                };
                told.filter(|_| changed.insert(id))
            }
            EventKind::ConversationRemoved { conversation, stay, staff } => {
                let by_inbox = self.inbox.is_some_and(|since| self.is_new(event.seq, since));
                let concerned = by_inbox && *staff == self.reach.staff && !sees_now && changed.insert(*conversation);
                concerned.then(|| Logged::conversation_removed(event.seq, *conversation, *stay))
            }
            EventKind::StaffChanged { .. } => None,
        }
    }

    /// Whether an event was not sent live before.
    fn is_new(&self, seq: Seq, since: Option<Seq>) -> bool {
        !since.is_some_and(|since| since < seq && seq <= self.live_until)
    }
}
