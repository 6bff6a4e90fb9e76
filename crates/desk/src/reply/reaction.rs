//! Reactions of staff to messages of a guest.

use auth::Caller;
use domain::{ConversationRef, Emoji, Message, MessageId, SenderType};
use persistence::{
    audit_log::{self, AuditEntry},
    messages,
    reactions::{self, StaffReaction},
};

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome, outbound::outbox::queue_reaction, record_message::record_updated_message,
    reply::compose::ReplyContext,
};

impl Desk {
    /// Reacts to a message of a guest, or withdraws the reaction of staff (`None`). The same reaction again has no
    /// effect.
    ///
    /// Fails with [`Error::NotFound`], [`Error::Invalid`] if the message is not a guest's,
    /// [`Error::ConversationClosed`] or [`Error::WindowClosed`].
    pub async fn react(
        &self,
        caller: Caller,
        reference: ConversationRef,
        message: MessageId,
        emoji: Option<Emoji>,
        write: KeyedWrite<Message>,
    ) -> Result<WriteOutcome<Message>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let context = ReplyContext::load_visible(tx, live, reference)?;
            let conversation = context.conversation.clone();
            let target = messages::find_shown(tx.conn(), conversation.id(), message)?.ok_or(Error::NotFound)?;
            if target.sender_type != SenderType::Guest {
                return Err(Error::invalid("message_id", "Only to a message of the guest can staff react."));
            }
            context.conversation.ensure_open()?;
            if !context.is_free_text_allowed(now) {
                return Err(Error::WindowClosed);
            }
            let emoji = emoji.as_ref().map(Emoji::as_str);
            let former = reactions::find_of_staff(tx.conn(), message)?;
            if former.as_deref() == emoji {
                return Ok(target);
            }
            // The message of a simulated guest is not in WhatsApp, so nothing is sent.
            let in_whatsapp = messages::find_whatsapp_id(tx.conn(), message)?.filter(|_| context.is_on_whatsapp());
            let carrier = match in_whatsapp {
                Some(id) => Some(queue_reaction(tx, &conversation, message, (id, emoji.unwrap_or_default()), now)?),
                None => None,
            };
            reactions::save_of_staff(tx, &StaffReaction { message, staff: live.staff.id, emoji, at: now, carrier })?;
            let entry =
                AuditEntry::of_conversation(conversation.hotel(), live.staff.id, "reaction_changed", conversation.id());
            let (before, after) = (former, emoji.map(str::to_owned));
            audit_log::insert(tx, &AuditEntry { before, after, ..entry }, now)?;
            record_updated_message(tx, &conversation, message, now)
        })
        .await
    }
}
