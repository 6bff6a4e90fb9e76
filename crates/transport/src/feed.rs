//! The feed of one hotel on this node: a loop that hands out events and does what sockets ask,
//! one after another. What a socket asks is answered from a snapshot of the database, and done when
//! exactly the events of that snapshot were handed out: so nothing lies between the two.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::AtomicI64},
};

use actix::{Actor, Addr, prelude::SendError};
use desk::{Desk, LogRange, Look, Seen, Survey, Which};
use domain::{Conversation, ConversationId, Event, HotelId, Seq};
use tokio::sync::{Semaphore, mpsc};

use crate::{
    delivery::look,
    frames::{self, Reason},
    hub::Hub,
    limits::{SUBSCRIPTIONS, WAITING_BYTES, WAITING_FRAMES},
    news::News,
    outbox::Closing,
    pace::Pace,
    reader::Reader,
    replay::PAGE,
    requests::{FeedHandle, ReplyTo, Request, Switch, Wish},
    seat::{Seat, SeatId, Standing, Subscription},
    subscription::{Enter, StaySubscription},
    wakes::Wakes,
    whispers,
};

/// Bytes that a replay may still have to send when it ends.
const AT_ONCE: usize = WAITING_BYTES / 4;
/// As [`AT_ONCE`], in frames.
const FRAMES_AT_ONCE: usize = WAITING_FRAMES / 4;
/// Whispers of other servers that may wait for their turn.
const WHISPERS: usize = 64;
/// Requests that are answered from one snapshot.
const BATCH: usize = 256;

/// The feed of a hotel.
pub(crate) struct Feed {
    pub(crate) hotel: HotelId,
    pub(crate) desk: Desk,
    pub(crate) seats: HashMap<SeatId, Arc<Seat>>,
    /// Those of the seats that subscribe to the inbox.
    pub(crate) inboxes: HashMap<SeatId, Arc<Seat>>,
    pub(crate) stays: HashMap<ConversationId, Addr<StaySubscription>>,
    /// The sockets that the events handed out last have something for.
    pub(crate) wakes: Wakes,
    /// How many events those are.
    pub(crate) unwoken: usize,
    pub(crate) pace: Pace,
    pub(crate) hub: Hub,
    pub(crate) news: Arc<News>,
    /// The history that the log is of; empty before it was looked at.
    pub(crate) epoch: String,
    /// What commits carried and is still to be handed out.
    pub(crate) carried: VecDeque<Arc<[Event]>>,
    /// How far the log is known to go.
    pub(crate) head: Seq,
    /// Up to here all was handed out.
    pub(crate) position: Seq,
    pub(crate) shared_position: Arc<AtomicI64>,
}

impl Feed {
    /// Starts the feed of a hotel on this thread.
    pub(crate) fn start(hotel: HotelId, desk: Desk, hub: Hub) -> FeedHandle {
        let (requests, queue) = mpsc::unbounded_channel();
        let feed = Self::new(hotel, desk, hub);
        let (news, position) = (feed.news.clone(), feed.shared_position.clone());
        actix::spawn(feed.run(queue));
        FeedHandle { hotel, news, position, requests, whispers: Arc::new(Semaphore::new(WHISPERS)) }
    }

    fn new(hotel: HotelId, desk: Desk, hub: Hub) -> Self {
        Self {
            hotel,
            desk,
            hub,
            news: Arc::default(),
            epoch: String::new(),
            seats: HashMap::new(),
            inboxes: HashMap::new(),
            stays: HashMap::new(),
            wakes: Wakes::default(),
            unwoken: 0,
            pace: Pace::default(),
            carried: VecDeque::new(),
            head: Seq(0),
            position: Seq(0),
            shared_position: Arc::default(),
        }
    }

    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Request>) {
        let news = self.news.clone();
        loop {
            let mut batch = Vec::new();
            let followed = !(self.stays.is_empty() && self.inboxes.is_empty());
            tokio::select! {
                () = self.pace.due(&news, followed) => {}
                request = queue.recv() => match request {
                    Some(request) => batch.push(request),
                    None => return,
                },
            }
            while batch.len() < BATCH
                && let Ok(request) = queue.try_recv()
            {
                batch.push(request);
            }
            // Before anybody has joined there is nobody to hand anything to.
            if !self.seats.is_empty() {
                self.catch_up().await;
            }
            if !batch.is_empty() {
                self.answer(batch).await;
            }
            if self.seats.is_empty() && self.hub.retire(self.hotel, &queue) {
                return;
            }
        }
    }

    async fn answer(&mut self, mut batch: Vec<Request>) {
        // A switch hands out events past the snapshot that the others are answered from: it comes last.
        batch.sort_by_key(|request| matches!(request, Request::Of(_, Wish::Switch(_))));
        let looks: Vec<Look> = batch.iter().filter_map(|request| self.look_for(request)).collect();
        let told = if looks.is_empty() && !batch.iter().any(|it| matches!(it, Request::Look)) {
            None
        } else {
            let survey = Survey { hotel: self.hotel, looks, log: None, views: vec![] };
            match self.desk.survey(survey).await {
                Ok(told) => Some(told),
                Err(error) => {
                    log::warn!("hotel {}: the feed cannot look: {error}", self.hotel);
                    return self.refuse(batch, &error).await;
                }
            }
        };
        let mut seen = match told {
            Some(told) => {
                self.keep_to_history(&told).await;
                self.begin_at(told.head);
                self.hand_out_to(told.head).await;
                told.seen.into_iter()
            }
            None => vec![].into_iter(),
        };
        for request in batch {
            let seen = if asks(&request) { seen.next().flatten() } else { None };
            self.grant(request, seen).await;
            self.wake();
        }
    }

    /// The first who joins finds the feed at the head of the log.
    fn begin_at(&mut self, head: Seq) {
        if self.seats.is_empty() {
            self.carried.clear();
            self.head = head;
            self.come_to(head.max(self.position));
        }
    }

    fn look_for(&self, request: &Request) -> Option<Look> {
        let Request::Of(seat, wish) = request else { return None };
        match wish {
            Wish::Subscribe(which, ..)
            | Wish::Typing { which, .. }
            | Wish::Unsubscribe(which @ Which::Both(..), ..) => Some(Look { caller: seat.caller, which: vec![*which] }),
            Wish::Join(_) | Wish::Inbox { .. } => Some(Look { caller: seat.caller, which: vec![] }),
            Wish::LookAgain => Some(look(seat)),
            Wish::Leave | Wish::Unsubscribe(..) | Wish::Pause(_) | Wish::Switch(_) => None,
        }
    }

    async fn grant(&mut self, request: Request, seen: Option<Seen>) {
        let (seat, wish) = match request {
            Request::Of(seat, wish) => (seat, wish),
            // That was done before anything is granted.
            Request::Look => return,
            Request::Read { conversation, stay, reader, message, by } => {
                self.hub.bus().whisper(self.hotel, whispers::read(conversation, reader.id, message));
                return self.tell_read(conversation, stay, &reader, message, by).await;
            }
            Request::Whispered(signal, _place) => return self.pass_on(signal).await,
        };
        let joined = self.seats.contains_key(&seat.id);
        if matches!(wish, Wish::Leave) || !(joined || matches!(wish, Wish::Join(_))) {
            return self.leave(&seat).await;
        }
        match wish {
            Wish::Leave => {}
            Wish::Unsubscribe(which, to, _done) if !matches!(which, Which::Both(..)) => {
                self.unsubscribe(&seat, which, &to).await;
            }
            Wish::Pause(_done) => {
                let position = self.position;
                if let Some(it) = seat.standing().as_mut() {
                    it.replaying = Some(position);
                }
            }
            Wish::Switch(switch) => self.switch(&seat, switch).await,
            Wish::Join(_)
            | Wish::LookAgain
            | Wish::Subscribe(..)
            | Wish::Unsubscribe(..)
            | Wish::Inbox { .. }
            | Wish::Typing { .. } => {
                let Some(seen) = seen else {
                    seat.close(Closing::SessionOver);
                    return self.leave(&seat).await;
                };
                self.grant_seen(&seat, wish, seen).await;
            }
        }
    }

    async fn grant_seen(&mut self, seat: &Arc<Seat>, wish: Wish, seen: Seen) {
        let found = seen.conversations.first().cloned().flatten();
        match wish {
            Wish::Join(_done) => {
                seat.set_end(seen.live.ends_at);
                // Before anybody knows it, and sends it something else.
                seat.send(frames::welcome(seat.caller.session, &self.epoch, self.position));
                *seat.standing() = Some(Standing::new(&seen.live, self.position));
                self.seats.insert(seat.id, seat.clone());
            }
            Wish::LookAgain => self.look_again(seat, &seen).await,
            Wish::Subscribe(which, to, _done) => match found {
                Some(it) if !which.is_of(&it) => seat.fail(frames::not_together(&to)),
                Some(it) => self.subscribe(seat, &it, &to).await,
                None => seat.fail(frames::not_found(&to)),
            },
            Wish::Inbox { on, to, done: _done } => {
                let since = self.position;
                if let Some(it) = seat.standing().as_mut() {
                    it.inbox = on.then(|| it.inbox.unwrap_or(since));
                }
                if on {
                    self.inboxes.insert(seat.id, seat.clone());
                } else {
                    self.inboxes.remove(&seat.id);
                }
                frames::ack(&to, Some(since)).into_iter().for_each(|ack| seat.send(ack));
            }
            Wish::Unsubscribe(which, to, _done) => match found {
                Some(it) if !which.is_of(&it) => seat.fail(frames::not_together(&to)),
                _ => self.unsubscribe(seat, which, &to).await,
            },
            Wish::Typing { which, typing, to, done: _done } => match found {
                Some(it) if !which.is_of(&it) => seat.fail(frames::not_together(&to)),
                Some(it) => {
                    let person = seat.standing().as_ref().map(Standing::person);
                    if let Some(person) = person {
                        self.hub.bus().whisper(self.hotel, whispers::typing(it.id, person.id, typing));
                        self.tell_typing(it.id, it.stay, &person, typing).await;
                    }
                    frames::ack(&to, None).into_iter().for_each(|ack| seat.send(ack));
                }
                None => seat.fail(frames::not_found(&to)),
            },
            Wish::Leave | Wish::Pause(_) | Wish::Switch(_) => {}
        }
    }

    async fn subscribe(&mut self, seat: &Arc<Seat>, to: &Conversation, reply: &ReplyTo) {
        let full = seat
            .standing()
            .as_ref()
            .is_some_and(|it| it.subscriptions.len() >= SUBSCRIPTIONS && !it.subscriptions.contains_key(&to.id));
        if full {
            return seat.fail(frames::too_many_subscriptions(reply));
        }
        self.enter(seat, to).await;
        frames::ack(reply, Some(self.position)).into_iter().for_each(|ack| seat.send(ack));
    }

    /// Adds a subscription; one that is there stays as it is.
    async fn enter(&mut self, seat: &Arc<Seat>, to: &Conversation) {
        let subscription = Subscription { since: self.position, stay: to.stay };
        if let Some(it) = seat.standing().as_mut() {
            it.subscriptions.entry(to.id).or_insert(subscription);
        }
        let hotel = self.hotel;
        let made = || StaySubscription::new(hotel, to.id, self.wakes.clone()).start();
        let actor = self.stays.entry(to.id).or_insert_with(made);
        // Mostly there is room, and nobody needs to wait: what is told it afterwards comes after this.
        let entered = match actor.try_send(Enter(seat.clone())) {
            Ok(()) => true,
            Err(SendError::Closed(_)) => false,
            Err(SendError::Full(enter)) => actor.send(enter).await.is_ok(),
        };
        if !entered {
            self.give_up(to.id);
        }
    }

    async fn unsubscribe(&mut self, seat: &Arc<Seat>, which: Which, to: &ReplyTo) {
        let found = seat.standing().as_mut().and_then(|it| {
            let id = match which {
                Which::Conversation(id) | Which::Both(id, _) => Some(id),
                Which::Stay(stay) => it.subscriptions.iter().find(|(_, s)| s.stay == Some(stay)).map(|(id, _)| *id),
            };
            id.filter(|id| it.subscriptions.remove(id).is_some())
        });
        if let Some(conversation) = found {
            self.exit(seat.id, conversation).await;
        }
        frames::ack(to, Some(self.position)).into_iter().for_each(|ack| seat.send(ack));
    }

    /// Ends a replay: what is left of the log is sent, and from there on live events.
    async fn switch(&mut self, seat: &Arc<Seat>, mut switch: Switch) {
        if let Some(known) = switch.at_head.take()
            && self.has_come_to(switch.after, &known.epoch).await
            && self.seats.contains_key(&seat.id)
        {
            self.go_live(seat, switch.inbox, &known.seen).await;
            return self.finish(seat, switch, 0);
        }
        let mut looked = look(seat);
        let subscribed = looked.which.len();
        looked.which.extend(&switch.named);
        let log = Some(LogRange { after: switch.after, limit: PAGE });
        let survey = Survey { hotel: self.hotel, looks: vec![looked], log, views: vec![] };
        let told = match self.desk.survey(survey).await {
            Ok(told) => told,
            Err(error) => {
                log::warn!("hotel {}: a replay cannot end: {error}", self.hotel);
                seat.close(Closing::Restart);
                return self.leave(seat).await;
            }
        };
        self.keep_to_history(&told).await;
        if !self.seats.contains_key(&seat.id) {
            return;
        }
        let Some(Some(seen)) = told.seen.first() else {
            seat.close(Closing::SessionOver);
            return self.leave(seat).await;
        };
        let page = Reader::on(seat, seen, switch.inbox).concerned_by(&told);
        let count = page.len() as i64;
        let named = switch.named.iter().zip(seen.conversations.iter().skip(subscribed));
        let lost = named.filter(|(_, found)| found.is_none()).map(|(which, _)| *which);
        let lost = lost.map(|which| frames::unsubscribed_named(which, Reason::RoutedAway));
        let frames: Vec<_> = page.into_iter().map(frames::logged).chain(lost).collect();
        // What is much is paced by the reader: here nothing can wait for one.
        let much = frames.len() > FRAMES_AT_ONCE || frames.iter().map(|it| it.len()).sum::<usize>() > AT_ONCE;
        if told.read_to() < told.head || (switch.replayed.is_some() && much) {
            // The socket may be gone; then nobody waits.
            let _ = switch.done.send(false);
            return;
        }
        self.hand_out_to(told.head).await;
        frames.into_iter().for_each(|frame| seat.send(frame));
        self.go_live(seat, switch.inbox, seen).await;
        self.finish(seat, switch, count);
    }

    /// Whether the feed is at exactly this place of this history, after handing out what comes before it. Then a
    /// snapshot of that place still holds, for every change is an event: nothing has to be asked again.
    async fn has_come_to(&mut self, place: Seq, epoch: &str) -> bool {
        if self.epoch == epoch && self.position < place {
            self.hand_out_to(place).await;
        }
        self.epoch == epoch && self.position == place
    }

    /// Tells that a replay has ended.
    fn finish(&self, seat: &Seat, switch: Switch, count: i64) {
        if let Some((replayed, to)) = &switch.replayed {
            seat.send(frames::resumed(self.position, replayed + count));
            frames::ack(to, Some(self.position)).into_iter().for_each(|ack| seat.send(ack));
        }
        let _ = switch.done.send(true);
    }

    async fn go_live(&mut self, seat: &Arc<Seat>, inbox: bool, seen: &Seen) {
        let position = self.position;
        if let Some(it) = seat.standing().as_mut() {
            it.replaying = None;
            if inbox {
                it.inbox.get_or_insert(position);
            }
        }
        if inbox {
            self.inboxes.insert(seat.id, seat.clone());
        }
        for it in seen.conversations.iter().flatten() {
            self.enter(seat, it).await;
        }
        // What was transferred, or lost with a department, while nobody looked.
        self.look_again(seat, seen).await;
    }

    /// Forgets a socket.
    pub(crate) async fn leave(&mut self, seat: &Arc<Seat>) {
        self.seats.remove(&seat.id);
        self.inboxes.remove(&seat.id);
        let standing = seat.standing().take();
        for conversation in standing.into_iter().flat_map(|it| it.subscriptions.into_keys()) {
            self.exit(seat.id, conversation).await;
        }
    }

    /// Answers a batch of which nothing can be looked up.
    async fn refuse(&mut self, batch: Vec<Request>, error: &desk::Error) {
        for request in batch {
            match request {
                Request::Of(seat, Wish::Unsubscribe(Which::Both(..), to, _)) => {
                    seat.send(frames::refused(&to, error));
                }
                request @ (Request::Read { .. }
                | Request::Whispered(..)
                | Request::Of(_, Wish::Leave | Wish::Unsubscribe(..) | Wish::Pause(_) | Wish::Switch(_))) => {
                    self.grant(request, None).await;
                }
                Request::Of(seat, Wish::Subscribe(_, to, _) | Wish::Inbox { to, .. } | Wish::Typing { to, .. }) => {
                    seat.send(frames::refused(&to, error))
                }
                // It tries again, at another node if there is one.
                Request::Of(seat, Wish::Join(_)) => seat.close(Closing::Restart),
                // The watch asks again in a second.
                Request::Of(_, Wish::LookAgain) => {}
                // So does whoever looks at the log next.
                Request::Look => {}
            }
        }
        self.wake();
    }
}

/// Whether a request is answered from the snapshot.
fn asks(request: &Request) -> bool {
    matches!(
        request,
        Request::Of(
            _,
            Wish::Join(_)
                | Wish::LookAgain
                | Wish::Subscribe(..)
                | Wish::Unsubscribe(Which::Both(..), ..)
                | Wish::Inbox { .. }
                | Wish::Typing { .. }
        )
    )
}

/// A feed that ends by a panic leaves no socket behind that would wait for ever, be it one whose
/// wish to join was still to be granted. They come back, and find a new feed.
impl Drop for Feed {
    fn drop(&mut self) {
        self.wake();
        if self.hub.feed_ended(self.hotel, &self.shared_position) {
            let seats = self.hub.seats().into_iter().filter(|seat| seat.caller.hotel == self.hotel);
            seats.for_each(|seat| seat.close(Closing::Restart));
        }
    }
}

#[cfg(test)]
mod tests;
