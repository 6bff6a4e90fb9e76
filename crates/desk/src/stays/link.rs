//! Links: staff make the guest of a conversation without stay the guest of a stay, and undo that.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    Conversation, ConversationRef, ConversationView, HistoryChange, HistoryKind, Hotel, Stay, StayId, stay::StayLink,
};
use persistence::{
    Locks, Tx,
    audit_log::{self, AuditActor, AuditEntry},
    conversations, guests, hotels,
    stays::{self, StayGuest},
};

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome,
    conversation_for_stay::{adopt_conversation, attach_to_stay},
    history,
    outbound::outbox,
    principal::ensure_stay_handler,
    save_conversation::{record_changed_details, save_with_events},
    stays::{find_in_hotel, lock, record_update},
    visibility::{find_visible, load_view_for},
};

const HAS_STAY: &str = "This conversation belongs to a stay already.";
const NOT_LINKED: &str = "This conversation is not linked to a stay.";
const HAS_OTHER_CONVERSATION: &str =
    "The guest has another conversation without a stay now, so this one cannot be without a stay, too.";

impl Desk {
    /// Makes the guest of a conversation without stay the guest of a stay, from now on. A stay without conversation gets this
    /// one; the conversation of a stay that has one now belongs to this guest. No message moves.
    ///
    /// Fails with [`Error::NotAllowedNow`] if the conversation has a stay. Changes nothing if the stay is already linked to
    /// this guest.
    pub async fn link_stay(
        &self,
        caller: Caller,
        reference: ConversationRef,
        to: StayId,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        let now = self.now();
        let locks = Locks::from(vec![reference, ConversationRef::Stay(to)]).guest_of(reference).guest_of_stay(to);
        self.write_once(caller, locks, write, move |tx, live| {
            let reach = live.staff.reach();
            let conversation = find_visible(tx.conn(), &reach, reference)?;
            ensure_stay_handler(tx.conn(), live)?;
            let stay = match find_in_hotel(tx.conn(), reach.hotel, to) {
                Err(Error::NotFound) => return Err(Error::invalid("stay_id", "The hotel has no such stay.")),
                found => found?,
            };
            if conversation.stay().is_some() {
                return Err(Error::NotAllowedNow(HAS_STAY));
            }
            guests::lock_with_conversations(tx, conversation.guest())?;
            let stay = lock(tx, &stay)?;
            let hotel = hotels::find(tx.conn(), reach.hotel)?.ok_or(Error::NotFound)?;
            LinkChange { hotel: &hotel, stay: &stay, actor: Some(reach.staff).into(), now }.link(tx, &conversation)?;
            load_view_for(tx.conn(), reach.staff, conversation.id())
        })
        .await
    }

    /// Undoes a link, on the conversation of the stay: the guest of the stay is again the one of its phone number. A
    /// conversation that became the stay's by the link returns to its guest.
    ///
    /// Fails with [`Error::NotAllowedNow`] without a link, or if that guest has another conversation without stay.
    pub async fn unlink_stay(
        &self,
        caller: Caller,
        reference: ConversationRef,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        let now = self.now();
        let locks = self.locks_to_unlink(caller, reference).await?;
        self.write_once(caller, locks, write, move |tx, live| {
            let reach = live.staff.reach();
            let conversation = find_visible(tx.conn(), &reach, reference)?;
            ensure_stay_handler(tx.conn(), live)?;
            let stay =
                find_in_hotel(tx.conn(), reach.hotel, conversation.stay().ok_or(Error::NotAllowedNow(NOT_LINKED))?)?;
            let stay = lock(tx, &stay)?;
            let link = stay.link.ok_or(Error::NotAllowedNow(NOT_LINKED))?;
            let hotel = hotels::find(tx.conn(), reach.hotel)?.ok_or(Error::NotFound)?;
            let change = LinkChange { hotel: &hotel, stay: &stay, actor: Some(reach.staff).into(), now };
            change.unlink(tx, &conversation, link)?;
            load_view_for(tx.conn(), reach.staff, conversation.id())
        })
        .await
    }

    /// Returns the locks of an unlinking: the present guest of the conversation, and the one of the stay's phone number, who
    /// may have to be created.
    async fn locks_to_unlink(&self, caller: Caller, reference: ConversationRef) -> Result<Locks, Error> {
        let locks = Locks::from(vec![reference]).guest_of(reference).creating(true);
        self.read_as(caller, move |conn, live| {
            let conversation = find_visible(conn, &live.staff.reach(), reference)?;
            let stay = match conversation.stay() {
                Some(id) => stays::find(conn, id)?,
                None => None,
            };
            Ok(match stay.and_then(|it| it.guest_phone) {
                Some(phone) => locks.guest(phone.into()),
                None => locks,
            })
        })
        .await
    }
}

/// A link of a locked stay that is made or undone by `actor` now.
struct LinkChange<'a> {
    hotel: &'a Hotel,
    stay: &'a Stay,
    actor: AuditActor,
    now: DateTime<Utc>,
}

impl LinkChange<'_> {
    /// Links the stay to the guest of a locked conversation without stay.
    fn link(&self, tx: &mut Tx<'_>, conversation: &Conversation) -> Result<(), Error> {
        let guest = conversation.guest();
        if self.stay.link.is_some() && self.stay.guest == Some(guest) {
            return Ok(());
        }
        let of_stay = conversations::find(tx.conn(), ConversationRef::Stay(self.stay.id))?;
        let conversation_lender = match &of_stay {
            None => Some(guest),
            Some(_) => self.stay.link.and_then(|former| former.conversation_lender),
        };
        let link = Some(StayLink { conversation_lender });
        let linked = self.set_guest(tx, StayGuest { guest: Some(guest), link })?;
        match of_stay {
            None => attach_to_stay(tx, self.hotel, conversation, &linked, self.actor, self.now)?,
            Some(of_stay) => {
                let mut after = of_stay.clone();
                after.give_to_guest(guest);
                self.save_with_guest(tx, &of_stay, &after)?;
                self.add_to_history(tx, &of_stay, HistoryKind::Linked)?;
                record_changed_details(tx, conversation, self.now)?;
            }
        }
        self.add_to_history(tx, conversation, HistoryKind::Linked)?;
        self.write_audit_entry(tx, "linked", conversation, &linked)
    }

    /// Undoes the link of the stay, whose locked conversation is `conversation`.
    fn unlink(&self, tx: &mut Tx<'_>, conversation: &Conversation, link: StayLink) -> Result<(), Error> {
        let (guest, is_first) = match &self.stay.guest_phone {
            None => (None, false),
            Some(phone) => {
                let guest = guests::find_or_insert(tx, self.hotel.id, phone, self.now)?.id;
                guests::lock_with_conversations(tx, guest)?;
                (Some(guest), !stays::has_any(tx.conn(), guest)?)
            }
        };
        let mut after = conversation.clone();
        match link.conversation_lender {
            Some(lender) => {
                guests::lock_with_conversations(tx, lender)?;
                if conversations::find_without_stay(tx.conn(), lender)?.is_some() {
                    return Err(Error::NotAllowedNow(HAS_OTHER_CONVERSATION));
                }
                after.give_to_guest(lender);
                after.detach_stay();
            }
            None => after.give_to_guest(guest.ok_or(Error::NoGuestNumber)?),
        }
        self.save_with_guest(tx, conversation, &after)?;
        let unlinked = self.set_guest(tx, StayGuest { guest, link: None })?;
        self.add_to_history(tx, &after, HistoryKind::Unlinked)?;
        self.write_audit_entry(tx, "unlinked", &after, &unlinked)?;
        if is_first && after.stay().is_none() && unlinked.cancellation.is_none() {
            adopt_conversation(tx, self.hotel, &unlinked, self.now)?;
        }
        Ok(())
    }

    /// Stores the guest of the stay and records the event. Returns the changed stay.
    fn set_guest(&self, tx: &mut Tx<'_>, guest: StayGuest) -> Result<Stay, Error> {
        stays::set_guest(tx, self.stay.id, guest)?;
        record_update(tx, self.stay, self.now);
        Ok(Stay { guest: guest.guest, link: guest.link, ..self.stay.clone() })
    }

    /// Stores a conversation that gets another guest or loses its stay. Messages that wait for the former guest fail.
    fn save_with_guest(&self, tx: &mut Tx<'_>, before: &Conversation, after: &Conversation) -> Result<(), Error> {
        save_with_events(tx, before, after, self.actor, self.now)?;
        if before.guest() != after.guest() {
            outbox::fail_messages_of_former_guest(tx, before.id(), before.guest(), self.now)?;
        }
        Ok(conversations::update_search_key(tx, after.id())?)
    }

    fn add_to_history(&self, tx: &mut Tx<'_>, of: &Conversation, kind: HistoryKind) -> Result<(), Error> {
        history::add_entry(tx, of, &HistoryChange::of(kind), self.actor, None, self.now)
    }

    fn write_audit_entry(
        &self,
        tx: &mut Tx<'_>,
        action: &'static str,
        conversation: &Conversation,
        after: &Stay,
    ) -> Result<(), Error> {
        let text = |stay: &Stay| match stay.guest {
            Some(guest) => format!("stay {}: guest {guest}", stay.id),
            None => format!("stay {}: no guest", stay.id),
        };
        let entry = AuditEntry {
            hotel: self.hotel.id,
            actor: self.actor,
            action,
            conversation: Some(conversation.id()),
            staff: None,
            before: Some(text(self.stay)),
            after: Some(text(after)),
        };
        Ok(audit_log::insert(tx, &entry, self.now)?)
    }
}
