//! The outbox: queues messages for guests, and moves their delivery status forward.

use chrono::{DateTime, Utc};
use domain::{
    Conversation, ConversationId, ConversationRef, Delivery, EventKind, GuestId, Hotel, HotelId, Message, MessageId,
    conversation::SERVICE_WINDOW, event::StatusChange,
};
use persistence::{
    ReadPurpose, Tx, conversations, diagnostics,
    messages::{self, MessageSender},
    outbox::{self, NewOutboxRow, OutboxEntry, OutboxKey},
    reactions, reports,
};
use uuid::Uuid;
use whatsapp::OutgoingBody;

use crate::{
    Desk, Error,
    record_message::{record_message, record_updated_message},
    save_conversation::refresh_answers,
};

/// The failure shown to staff for a message that was not sent because its conversation has got another guest.
pub(crate) const OTHER_GUEST: &str =
    "The conversation has another guest now, so this was not sent. Check it, and send it again if it is for them.";

/// Returns whether the 24-hour window is open, given the time of the guest's last message.
pub(crate) fn is_window_open(last_guest_message: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    last_guest_message.is_some_and(|at| now < at + SERVICE_WINDOW)
}

/// Adds a stored message to the outbox. `body` is the WhatsApp message, if it is not just the text.
pub(crate) fn enqueue(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    guest: GuestId,
    message: &Message,
    body: Option<&OutgoingBody>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let body = body.map(OutgoingBody::to_stored_json);
    let new = NewOutboxRow {
        guest,
        message: message.id,
        conversation: message.conversation,
        hotel,
        callback: &new_callback_id(),
        body: body.as_deref(),
        held: message.delivery == Some(Delivery::Held),
        at,
    };
    Ok(outbox::insert(tx, &new)?)
}

/// Queues a reaction of staff, which a hidden message carries, and returns that message. The conversation is locked.
pub(crate) fn queue_reaction(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    reacts_to: MessageId,
    (whatsapp_message_id, emoji): (String, &str),
    at: DateTime<Utc>,
) -> Result<MessageId, Error> {
    let carrier = messages::insert_reaction_carrier(tx, conversation.id(), reacts_to, emoji, at)?;
    let body = OutgoingBody::Reaction { message_id: whatsapp_message_id, emoji: emoji.to_owned() };
    let new = NewOutboxRow {
        guest: conversation.guest(),
        message: carrier,
        conversation: conversation.id(),
        hotel: conversation.hotel(),
        callback: &new_callback_id(),
        body: Some(&body.to_stored_json()),
        held: false,
        at,
    };
    outbox::insert(tx, &new)?;
    Ok(carrier)
}

/// Records and queues a message to a guest in the name of the hotel, such as a reply of the guest flow. In a hotel without
/// WhatsApp number it counts as sent at once.
pub(crate) fn queue_system_message(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &Conversation,
    text: &str,
    body: Option<&OutgoingBody>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let is_on_whatsapp = hotel.whatsapp_phone_number_id.is_some();
    let new = messages::NewMessage {
        conversation: conversation.id(),
        content: text,
        sender: MessageSender::System(&hotel.name),
        at,
        inbound: None,
        delivery: Some(if is_on_whatsapp { Delivery::Queued } else { Delivery::Sent }),
        internal: false,
        client_ref: None,
        quote: None,
        send_at: None,
    };
    let message = record_message(tx, conversation, &new)?;
    if is_on_whatsapp {
        enqueue(tx, hotel.id, conversation.guest(), &message, body, at)?;
    }
    Ok(())
}

/// Queues all held messages of a guest, because the guest has opened the 24-hour window.
pub(crate) fn release_held_messages(tx: &mut Tx<'_>, guest: GuestId, at: DateTime<Utc>) -> Result<(), Error> {
    for id in outbox::release_held(tx, guest, at)? {
        if let Some(message) = outbox::find(tx.conn(), &OutboxKey::Id(id))? {
            advance_delivery(tx, &message, Delivery::Queued, None, at)?;
        }
    }
    Ok(())
}

/// Fails the waiting messages of a conversation that has got another guest: they were not written for the new guest.
/// The conversation is locked.
pub(crate) fn fail_messages_of_former_guest(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    former: GuestId,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    for id in outbox::finish_waiting_for_former_guest(tx, former, conversation)? {
        if let Some(message) = outbox::find(tx.conn(), &OutboxKey::Id(id))? {
            advance_delivery(tx, &message, Delivery::Failed, Some(OTHER_GUEST), at)?;
        }
    }
    Ok(())
}

/// Moves the delivery status of a message forward and records the event. Receipts can arrive out of order: a status
/// that is not newer is ignored. The status of a reaction is shown nowhere, but a refused reaction is removed.
pub(crate) fn advance_delivery(
    tx: &mut Tx<'_>,
    message: &OutboxEntry,
    to: Delivery,
    failure: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    if to > message.delivery && outbox::advance_delivery(tx, message.message, to, failure)? {
        match message.reacts_to {
            None => record_delivery(tx, message, to, failure, at)?,
            Some(target) if to == Delivery::Failed => remove_refused_reaction(tx, message, target, at)?,
            Some(_) => {}
        }
    }
    Ok(())
}

/// Removes a reaction that WhatsApp has refused, unless staff have reacted anew.
fn remove_refused_reaction(
    tx: &mut Tx<'_>,
    carrier: &OutboxEntry,
    target: MessageId,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    if reactions::remove_refused(tx, target, carrier.message)?
        && let Some(conversation) = conversations::find(tx.conn(), ConversationRef::Conversation(carrier.conversation))?
    {
        record_updated_message(tx, &conversation, target, at)?;
    }
    Ok(())
}

/// Records the event of a changed delivery status, and what follows for the conversation. The conversation is locked.
pub(crate) fn record_delivery(
    tx: &mut Tx<'_>,
    message: &OutboxEntry,
    delivery: Delivery,
    failure: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let change = StatusChange {
        conversation: message.conversation,
        stay: message.stay,
        message: message.message,
        delivery,
        failure: failure.map(str::to_owned),
    };
    tx.record(message.hotel, at, EventKind::MessageStatus(change));
    // Only these messages are unsent, and only a failed one is no answer.
    let is_unsent = |delivery| matches!(delivery, Delivery::Held | Delivery::Unknown | Delivery::Failed);
    if is_unsent(message.delivery) || is_unsent(delivery) {
        refresh_answers(tx, message.conversation, at)?;
    }
    let failed = [message.delivery, delivery].map(|it| it == Delivery::Failed);
    if failed[0] != failed[1] {
        reports::set_counted(tx, message.message, !failed[1])?;
    }
    Ok(())
}

/// Returns a new callback id, which identifies one attempt to send a message and is repeated in its delivery receipts.
/// Random, so that it reveals nothing to Meta.
pub(crate) fn new_callback_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Numbers of waiting messages, suspended senders and dead letters, over all hotels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WhatsAppCounts {
    /// Messages to guests that are queued or being sent.
    pub queued: i64,
    /// Messages to guests that wait until the guest opens the 24-hour window.
    pub held: i64,
    /// Hotels with a suspended sender.
    pub stopped: i64,
    /// Dead letters that are not processed yet.
    pub parked: i64,
}

impl Desk {
    pub async fn whatsapp_counts(&self) -> Result<WhatsAppCounts, Error> {
        self.read_for(ReadPurpose::Replay, None, |conn| {
            let sum = |counts: Vec<(HotelId, i64)>| counts.into_iter().map(|(_, count)| count).sum();
            Ok(WhatsAppCounts {
                queued: sum(diagnostics::count_queued(conn)?),
                held: sum(diagnostics::count_held(conn)?),
                stopped: diagnostics::suspended_senders(conn)?.len() as i64,
                parked: diagnostics::count_dead_letters(conn)?.0,
            })
        })
        .await
    }
}
