//! The conversation of a stay, opened by staff before the guest has written.

use auth::Caller;
use domain::{ConversationRef, ConversationView, StayId};
use persistence::{
    Locks,
    audit_log::{self, AuditEntry},
    conversations, hotels,
};

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome,
    conversation_for_stay::find_or_create_conversation,
    stays::{find_in_hotel, lock, record_update},
    visibility::load_view_for,
};

/// The conversation of a stay, and whether it was just created.
#[derive(Clone, Debug)]
pub struct StayConversation {
    pub view: ConversationView,
    pub is_new: bool,
}

impl Desk {
    /// Returns the conversation of a stay, so that staff can send a template before the guest has written. Creates a
    /// missing one. Fails with [`Error::NotFound`] if the conversation exists and is not visible, and if it is missing with
    /// [`Error::NoGuestNumber`] for a stay without guest and [`Error::NotAllowedNow`] for a cancelled one.
    pub async fn open_conversation_of_stay(
        &self,
        caller: Caller,
        id: StayId,
        write: KeyedWrite<StayConversation>,
    ) -> Result<WriteOutcome<StayConversation>, Error> {
        let now = self.now();
        let locks = Locks::from(vec![ConversationRef::Stay(id)]).guest_of_stay(id);
        self.write_once(caller, locks, write, move |tx, live| {
            let reach = live.staff.reach();
            let stay = find_in_hotel(tx.conn(), reach.hotel, id)?;
            let stay = lock(tx, &stay)?;
            if let Some(existing) = conversations::find(tx.conn(), ConversationRef::Stay(id))? {
                if !reach.covers(existing.hotel(), existing.department()) {
                    return Err(Error::NotFound);
                }
                let view = load_view_for(tx.conn(), reach.staff, existing.id())?;
                return Ok(StayConversation { view, is_new: false });
            }
            let guest = stay.guest.ok_or(Error::NoGuestNumber)?;
            if stay.cancellation.is_some() {
                return Err(Error::NotAllowedNow("The guest of this stay is not expected. Reinstate the stay first."));
            }
            let hotel = hotels::find(tx.conn(), stay.hotel)?.ok_or(Error::NotFound)?;
            let created = find_or_create_conversation(tx, &hotel, guest, Some(&stay), now)?;
            let entry = AuditEntry::of_conversation(stay.hotel, live.staff.id, "conversation_created", created.id());
            audit_log::insert(tx, &entry, now)?;
            record_update(tx, &stay, now);
            let view = load_view_for(tx.conn(), reach.staff, created.id())?;
            Ok(StayConversation { view, is_new: true })
        })
        .await
    }
}
