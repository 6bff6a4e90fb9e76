//! The actor of one conversation that somebody listens to.

use std::{collections::HashMap, sync::Arc};

use actix::{Actor, Context, Handler, Message};
use bytestring::ByteString;
use domain::{ConversationId, DepartmentId, HotelId, StaffId, StayId};

use crate::{
    frames,
    seat::{Seat, SeatId, Standing},
    wakes::Wakes,
};

/// The sessions that listen to a stay's conversation. It fans out to them; who they are, the feed
/// decides.
pub(crate) struct StaySubscription {
    hotel: HotelId,
    conversation: ConversationId,
    seats: HashMap<SeatId, Arc<Seat>>,
    wakes: Wakes,
}

impl StaySubscription {
    pub(crate) fn new(hotel: HotelId, conversation: ConversationId, wakes: Wakes) -> Self {
        Self { hotel, conversation, seats: HashMap::new(), wakes }
    }
}

impl Actor for StaySubscription {
    type Context = Context<Self>;
}

/// Begins to listen.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Enter(pub(crate) Arc<Seat>);

/// Stops listening. Answers how many still do.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) struct Exit(pub(crate) SeatId);

/// Something to tell. Answers how many listen afterwards.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) enum Tell {
    /// Messages and notes, and how far they have come, one after another.
    Said(Vec<Said>),
    /// The conversation changed. Who does not see it in its new place is told so and leaves; who
    /// has an inbox is told there. The frame shows it as it is now, with the place where it is now.
    Updated { now: Option<(ByteString, Option<DepartmentId>)>, routed_to: Option<DepartmentId>, stay: Option<StayId> },
    /// Something that is not logged, for all but those.
    Whisper { frame: ByteString, except: Except },
}

/// Who is not told of something, though they listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Except {
    /// All are told.
    Nobody,
    /// One socket.
    Seat(SeatId),
    /// All sockets of a staff member.
    Staff(StaffId),
}

impl Except {
    fn covers(self, seat: &Seat) -> bool {
        match self {
            Self::Nobody => false,
            Self::Seat(id) => seat.id == id,
            Self::Staff(id) => seat.caller.staff == id,
        }
    }
}

/// Something said: one frame for all, and, of a message or a note, one for the sockets of its author.
pub(crate) struct Said {
    pub(crate) frame: ByteString,
    pub(crate) own: Option<(StaffId, ByteString)>,
}

impl Said {
    fn to(&self, reader: StaffId) -> ByteString {
        match &self.own {
            Some((author, own)) if *author == reader => own.clone(),
            _ => self.frame.clone(),
        }
    }
}

impl Handler<Enter> for StaySubscription {
    type Result = ();

    fn handle(&mut self, Enter(seat): Enter, _: &mut Self::Context) {
        self.seats.insert(seat.id, seat);
    }
}

impl Handler<Exit> for StaySubscription {
    type Result = usize;

    fn handle(&mut self, Exit(seat): Exit, _: &mut Self::Context) -> usize {
        self.seats.remove(&seat);
        self.seats.len()
    }
}

impl Handler<Tell> for StaySubscription {
    type Result = usize;

    fn handle(&mut self, tell: Tell, _: &mut Self::Context) -> usize {
        match tell {
            Tell::Said(said) => {
                for seat in self.live() {
                    seat.give_all(said.iter().map(|it| it.to(seat.caller.staff)), &self.wakes);
                }
            }
            Tell::Updated { now, routed_to, stay } => {
                self.leave_out_of_reach(routed_to, stay);
                if let Some((frame, place)) = now {
                    for seat in self.live() {
                        // Who does not see it where it is now will be told so in a moment.
                        let is_told = |it: &Standing| it.inbox.is_none() && it.reach.covers(self.hotel, place);
                        let concerned = seat.standing().as_ref().is_some_and(is_told);
                        if concerned {
                            seat.give(frame.clone(), &self.wakes);
                        }
                    }
                }
            }
            Tell::Whisper { frame, except } => {
                self.live().filter(|seat| !except.covers(seat)).for_each(|seat| seat.give(frame.clone(), &self.wakes));
            }
        }
        self.seats.len()
    }
}

impl StaySubscription {
    /// The seats that are not in a replay: those read the log.
    fn live(&self) -> impl Iterator<Item = &Arc<Seat>> {
        self.seats.values().filter(|seat| seat.standing().as_ref().is_some_and(|it| it.replaying.is_none()))
    }

    fn leave_out_of_reach(&mut self, routed_to: Option<DepartmentId>, stay: Option<StayId>) {
        let (hotel, conversation, wakes) = (self.hotel, self.conversation, &self.wakes);
        self.seats.retain(|_, seat| {
            let mut standing = seat.standing();
            let Some(it) = standing.as_mut() else { return false };
            if let Some(subscription) = it.subscriptions.get_mut(&conversation) {
                subscription.stay = stay;
            }
            // A replay looks for itself what is out of sight when it ends.
            if it.replaying.is_some() || it.reach.covers(hotel, routed_to) {
                return true;
            }
            it.subscriptions.remove(&conversation);
            drop(standing);
            seat.give(frames::unsubscribed(stay, Some(conversation), frames::Reason::RoutedAway), wakes);
            false
        });
    }
}
