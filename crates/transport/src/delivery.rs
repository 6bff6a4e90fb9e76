//! Handing out events, one after another.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use actix::Addr;
use desk::{Look, Seen, Survey, Which};
use domain::{
    ConversationChange, ConversationId, ConversationView, DepartmentId, Event, EventKind, Message, Seq, StaffId, StayId,
};

use crate::{
    feed::Feed,
    frames::{self, Reason},
    outbox::Closing,
    seat::{Seat, SeatId},
    subscription::{Exit, Said, StaySubscription, Tell},
};

/// So many events at most are put into outboxes before the sockets are woken: far less than what may
/// wait for a reader.
const UNWOKEN: usize = 32;

/// What events need beside themselves: conversations as they are now, and what the sockets of
/// changed staff members may see now.
#[derive(Default)]
struct Known {
    views: HashMap<ConversationId, ConversationView>,
    seen: HashMap<SeatId, Option<Seen>>,
}

impl Feed {
    /// Hands out events that follow the feed's position without a gap. The caller wakes their sockets.
    pub(crate) async fn hand_out(&mut self, events: &[&Event]) {
        let (mut known, mut left) = (None, events);
        while let Some(event) = left.first() {
            let together = match &event.kind {
                EventKind::Message { message, .. } => self.tell_messages(left, message.conversation).await,
                EventKind::MessageStatus(change) => self.tell_messages(left, change.conversation).await,
                _ => {
                    // Asked once for all that is left, and only when the messages before are on their way.
                    if known.is_none() {
                        known = Some(self.learn(left).await);
                    }
                    if let Some(known) = &known {
                        self.tell(event, known).await;
                    }
                    1
                }
            };
            let (told, rest) = left.split_at(together);
            left = rest;
            told.last().into_iter().for_each(|event| self.come_to(event.seq));
            self.unwoken += together;
            if self.unwoken >= UNWOKEN {
                self.wake();
            }
        }
    }

    /// Wakes the sockets that what was handed out has something for.
    pub(crate) fn wake(&mut self) {
        self.unwoken = 0;
        self.pace.woke(self.wakes.wake());
    }

    async fn tell(&mut self, event: &Event, known: &Known) {
        match &event.kind {
            EventKind::Message { .. } | EventKind::MessageStatus(_) => {}
            EventKind::NewConversation { conversation, department, .. } => {
                if let Some(view) = known.views.get(conversation) {
                    self.tell_new_conversation(event, view, *department);
                }
            }
            EventKind::ConversationUpdated(change) => {
                self.tell_updated(event, change, known.views.get(&change.conversation)).await;
            }
            EventKind::ConversationRemoved { conversation, stay, staff } => {
                let department = known.views.get(conversation).and_then(|view| view.conversation.department);
                self.tell_removed(event, *conversation, *stay, *staff, department);
            }
            EventKind::StaffChanged { staff } => self.change_staff(*staff, known).await,
        }
    }

    /// Tells the messages of a conversation that come first, and how far they have come, up to what concerns
    /// anybody else. How many events that makes.
    async fn tell_messages(&mut self, events: &[&Event], conversation: ConversationId) -> usize {
        let (mut said, mut together) = (Vec::new(), 0);
        for event in events.iter().take(UNWOKEN) {
            match &event.kind {
                EventKind::Message { stay, message } if message.conversation == conversation => {
                    if self.stays.contains_key(&conversation) {
                        said.push(message_said(event.seq, *stay, message));
                    }
                }
                EventKind::MessageStatus(change) if change.conversation == conversation => {
                    if self.stays.contains_key(&conversation) {
                        said.push(Said { frame: frames::message_status(event.seq, change), own: None });
                    }
                }
                // Of the inbox only.
                EventKind::ConversationUpdated(change) if change.only_message && self.inboxes.is_empty() => {}
                _ => break,
            }
            together += 1;
        }
        if !said.is_empty() {
            self.tell_subscribers(conversation, Tell::Said(said)).await;
        }
        together
    }

    fn tell_new_conversation(&self, event: &Event, view: &ConversationView, department: Option<DepartmentId>) {
        let frame = frames::new_conversation(event, view);
        for seat in self.seats.values() {
            let standing = seat.standing();
            let concerned = standing.as_ref().is_some_and(|it| {
                it.replaying.is_none()
                    && it.reach.covers(self.hotel, view.conversation.department)
                    && department.is_none_or(|department| it.reach.is_member(department))
            });
            drop(standing);
            if concerned {
                seat.give(frame.clone(), &self.wakes);
            }
        }
    }

    async fn tell_updated(&mut self, event: &Event, change: &ConversationChange, view: Option<&ConversationView>) {
        let frame = view.map(|view| frames::conversation_updated(event.seq, view));
        if !change.only_message && self.stays.contains_key(&change.conversation) {
            let now = frame.clone().zip(view.map(|view| view.conversation.department));
            let tell = Tell::Updated { now, routed_to: change.after, stay: change.stay };
            self.tell_subscribers(change.conversation, tell).await;
        }
        let Some((view, frame)) = view.zip(frame) else { return };
        let removed = frames::conversation_removed(event.seq, change.conversation, change.stay);
        for seat in self.inboxes.values() {
            let standing = seat.standing();
            let Some(it) = standing.as_ref().filter(|it| it.replaying.is_none()) else { continue };
            let sees = |department| it.reach.covers(self.hotel, department);
            let told = match (sees(change.before), sees(change.after)) {
                (_, true) if sees(view.conversation.department) => &frame,
                (true, false) => &removed,
                _ => continue,
            };
            drop(standing);
            seat.give(told.clone(), &self.wakes);
        }
    }

    fn tell_removed(
        &self,
        event: &Event,
        conversation: ConversationId,
        stay: Option<StayId>,
        staff: StaffId,
        department: Option<DepartmentId>,
    ) {
        for seat in self.inboxes.values().filter(|seat| seat.caller.staff == staff) {
            let standing = seat.standing();
            let concerned =
                standing.as_ref().is_some_and(|it| it.replaying.is_none() && !it.reach.covers(self.hotel, department));
            drop(standing);
            if concerned {
                seat.give(frames::conversation_removed(event.seq, conversation, stay), &self.wakes);
            }
        }
    }

    /// Looks again at the sockets of a staff member whose reach or sessions changed.
    async fn change_staff(&mut self, staff: StaffId, known: &Known) {
        let seats: Vec<Arc<Seat>> = self.seats.values().filter(|it| it.caller.staff == staff).cloned().collect();
        for seat in seats {
            match known.seen.get(&seat.id) {
                Some(Some(seen)) => self.look_again(&seat, seen).await,
                Some(None) => {
                    seat.close(Closing::SessionOver);
                    self.leave(&seat).await;
                }
                // It joined after the question: with what it sees now.
                None => {}
            }
        }
    }

    /// Takes over what a socket sees now, and ends the subscriptions that it does not see any more.
    pub(crate) async fn look_again(&mut self, seat: &Arc<Seat>, seen: &Seen) {
        seat.set_end(seen.live.ends_at);
        let visible: HashSet<ConversationId> = seen.conversations.iter().flatten().map(|it| it.id).collect();
        // What it has subscribed to since the question was asked was looked at by itself.
        let asked: HashSet<ConversationId> = seen
            .asked
            .iter()
            .filter_map(|which| match which {
                Which::Conversation(id) | Which::Both(id, _) => Some(*id),
                Which::Stay(_) => None,
            })
            .collect();
        let (mut lost, mut reason) = (Vec::new(), Reason::RoutedAway);
        // In a replay nothing ends: it looks again when it is over.
        if let Some(it) = seat.standing().as_mut().filter(|it| it.replaying.is_none()) {
            let reach = seen.live.staff.reach();
            if it.reach != reach {
                (it.reach, reason) = (reach, Reason::ReachChanged);
            }
            it.name.clone_from(&seen.live.staff.name);
            let is_lost = |id: &ConversationId| asked.contains(id) && !visible.contains(id);
            lost = it.subscriptions.iter().filter(|(id, _)| is_lost(id)).map(|(id, s)| (*id, s.stay)).collect();
            for (id, _) in &lost {
                it.subscriptions.remove(id);
            }
        }
        for (conversation, stay) in lost {
            self.exit(seat.id, conversation).await;
            seat.give(frames::unsubscribed(stay, Some(conversation), reason), &self.wakes);
        }
    }

    /// Tells the subscribers of a conversation, if there are any, and waits until they were told.
    pub(crate) async fn tell_subscribers(&mut self, conversation: ConversationId, tell: Tell) {
        let Some(subscription) = self.stays.get(&conversation) else { return };
        match subscription.send(tell).await {
            Ok(left) => self.forget_empty(conversation, left),
            Err(_) => self.give_up(conversation),
        }
    }

    /// Ends a subscription.
    pub(crate) async fn exit(&mut self, seat: SeatId, conversation: ConversationId) {
        let Some(subscription) = self.stays.get(&conversation) else { return };
        match Addr::<StaySubscription>::send(subscription, Exit(seat)).await {
            Ok(left) => self.forget_empty(conversation, left),
            Err(_) => self.give_up(conversation),
        }
    }

    fn forget_empty(&mut self, conversation: ConversationId, left: usize) {
        if left == 0 {
            self.stays.remove(&conversation);
        }
    }

    /// The actor of a conversation is gone, by a panic: its subscribers would miss what is said there,
    /// so they are to come back and read on in the log.
    pub(crate) fn give_up(&mut self, conversation: ConversationId) {
        log::error!("hotel {}: the subscription of conversation {conversation} is gone", self.hotel);
        self.stays.remove(&conversation);
        for seat in self.seats.values() {
            let subscribes = seat.standing().as_ref().is_some_and(|it| it.subscriptions.contains_key(&conversation));
            if subscribes {
                seat.close(Closing::Restart);
            }
        }
    }

    /// Asks what these events need to be told. Until the database answers, nothing is handed out.
    async fn learn(&mut self, events: &[&Event]) -> Known {
        let mut views = Vec::new();
        let mut seats: HashMap<SeatId, Look> = HashMap::new();
        for event in events {
            match &event.kind {
                EventKind::StaffChanged { staff } => {
                    for seat in self.seats.values().filter(|seat| seat.caller.staff == *staff) {
                        seats.insert(seat.id, look(seat));
                    }
                }
                EventKind::ConversationUpdated(change) => {
                    let followed = !change.only_message && self.stays.contains_key(&change.conversation);
                    views.extend((followed || !self.inboxes.is_empty()).then_some(change.conversation));
                }
                EventKind::NewConversation { conversation, .. } => views.push(*conversation),
                // There may be very many of them, and they concern one person only.
                EventKind::ConversationRemoved { conversation, staff, .. } => {
                    let here = self.inboxes.values().any(|seat| seat.caller.staff == *staff);
                    views.extend(here.then_some(*conversation));
                }
                // They carry all that is told of them.
                EventKind::Message { .. } | EventKind::MessageStatus(_) => {}
            }
        }
        views.sort_unstable();
        views.dedup();
        if views.is_empty() && seats.is_empty() {
            return Known::default();
        }
        self.wake();
        let (ids, looks): (Vec<_>, Vec<_>) = seats.into_iter().unzip();
        let survey = Survey { hotel: self.hotel, looks, log: None, views };
        loop {
            match self.desk.survey(survey.clone()).await {
                Ok(told) => return Known { views: told.views, seen: ids.into_iter().zip(told.seen).collect() },
                Err(error) => {
                    log::warn!("hotel {}: the feed waits for the database: {error}", self.hotel);
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }
}

fn message_said(seq: Seq, stay: Option<StayId>, message: &Message) -> Said {
    let own = message.author.filter(|_| message.client_ref.is_some());
    Said {
        frame: frames::message(seq, stay, message, false),
        own: own.map(|author| (author, frames::message(seq, stay, message, true))),
    }
}

/// The question what a socket sees of its subscriptions.
pub(crate) fn look(seat: &Seat) -> Look {
    let standing = seat.standing();
    let which = standing.iter().flat_map(|it| it.subscriptions.keys()).map(|id| Which::Conversation(*id)).collect();
    Look { caller: seat.caller, which }
}
