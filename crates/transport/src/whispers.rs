//! Who types, and who has read: told and not kept. The sockets here are told, and by the bus those of other
//! servers; losing one does no harm.

use std::sync::Arc;

use domain::{ConversationId, MessageId, Person, StaffId, StayId};
use wire::Signal;

use crate::{
    feed::Feed,
    frames,
    seat::Seat,
    subscription::{Except, Tell},
};

/// That somebody types, for other servers.
pub(crate) fn typing(conversation: ConversationId, who: StaffId, typing: bool) -> Signal {
    Signal::Typing { conversation: conversation.0, staff: who.0, typing }
}

/// That somebody has read, for other servers.
pub(crate) fn read(conversation: ConversationId, who: StaffId, to: MessageId) -> Signal {
    Signal::Read { conversation: conversation.0, staff: who.0, message: to.0 }
}

impl Feed {
    /// Tells the sockets here what another server whispered. It knows ids; names are looked up here, where
    /// somebody is to be told.
    pub(crate) async fn pass_on(&mut self, signal: Signal) {
        let (conversation, staff) = match signal {
            Signal::Head { .. } => return,
            Signal::Typing { conversation, staff, .. } | Signal::Read { conversation, staff, .. } => {
                (ConversationId(conversation), StaffId(staff))
            }
        };
        let own = matches!(signal, Signal::Read { .. }) && self.seats.values().any(|seat| seat.caller.staff == staff);
        if !own && !self.stays.contains_key(&conversation) {
            return;
        }
        let (who, stay) = match self.desk.person_and_stay(self.hotel, staff, conversation).await {
            Ok(Some(known)) => known,
            Ok(None) => return,
            Err(error) => return log::debug!("hotel {}: a whisper is lost: {error}", self.hotel),
        };
        match signal {
            Signal::Head { .. } => {}
            Signal::Typing { typing, .. } => self.tell_typing(conversation, stay, &who, typing).await,
            Signal::Read { message, .. } => {
                self.tell_read(conversation, stay, &who, MessageId(message), None).await;
            }
        }
    }

    /// Tells the conversation's subscribers here, but for the typist's own sockets: they know.
    pub(crate) async fn tell_typing(
        &mut self,
        conversation: ConversationId,
        stay: Option<StayId>,
        who: &Person,
        typing: bool,
    ) {
        let frame = frames::typing(stay, conversation, who, typing);
        self.tell_subscribers(conversation, Tell::Whisper { frame, except: Except::Staff(who.id) }).await;
    }

    /// The same of reading. The reader's own other sockets are told even where they do not subscribe.
    pub(crate) async fn tell_read(
        &mut self,
        conversation: ConversationId,
        stay: Option<StayId>,
        reader: &Person,
        to: MessageId,
        by: Option<Arc<Seat>>,
    ) {
        let frame = frames::read(stay, conversation, reader, to);
        let by = by.map(|seat| seat.id);
        for seat in self.seats.values().filter(|it| it.caller.staff == reader.id && Some(it.id) != by) {
            let subscribes = seat.standing().as_ref().is_some_and(|it| it.subscriptions.contains_key(&conversation));
            if !subscribes {
                seat.give(frame.clone(), &self.wakes);
            }
        }
        let except = by.map_or(Except::Nobody, Except::Seat);
        self.tell_subscribers(conversation, Tell::Whisper { frame, except }).await;
    }
}
