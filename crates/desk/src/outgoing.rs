//! What goes to guests: putting it into the queue, and how far it has come.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    Conversation, ConversationId, Delivery, EventKind, GuestId, Hotel, HotelId, Message, MessageId, SERVICE_WINDOW,
    StatusChange,
};
use persistence::{
    Purpose, Tx, checkup,
    conversations::Which,
    messages::{self, Sender},
    outbox::{self, By, Draft, Outgoing},
};
use uuid::Uuid;
use whatsapp::Body;

use crate::{Desk, Done, Error, Once, conversations::visible, messages::append};

/// Whether a guest who was last heard then may be written to freely.
pub(crate) fn is_window_open(last_heard: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    last_heard.is_some_and(|at| now < at + SERVICE_WINDOW)
}

/// Puts a stored message into the queue, for the guest of its conversation. `body`: what is sent, where it is not the
/// text.
pub(crate) fn queue(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    guest: GuestId,
    message: &Message,
    body: Option<&Body>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let body = body.map(Body::stored);
    let draft = Draft {
        guest,
        message: message.id,
        conversation: message.conversation,
        hotel,
        callback: &new_callback(),
        body: body.as_deref(),
        held: message.delivery == Some(Delivery::Held),
        at,
    };
    Ok(outbox::insert(tx, &draft)?)
}

/// Says something in the hotel's name. `body`: what is sent, where it is not the text.
pub(crate) fn say(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    to: &Conversation,
    text: &str,
    body: Option<&Body>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let draft = messages::Draft {
        conversation: to.id,
        content: text,
        sender: Sender::System(&hotel.name),
        at,
        came: None,
        delivery: Some(Delivery::Queued),
        internal: false,
        client_ref: None,
    };
    let message = append(tx, to, &draft)?;
    queue(tx, hotel.id, to.guest, &message, body, at)
}

/// Queues what waited for the guest to write, in whatever conversation, and tells so.
pub(crate) fn release(tx: &mut Tx<'_>, of: GuestId, at: DateTime<Utc>) -> Result<(), Error> {
    for message in outbox::release(tx, of, at)? {
        if let Some(it) = outbox::find(tx.conn(), &By::Id(message))? {
            advance(tx, &it, Delivery::Queued, None, at)?;
        }
    }
    Ok(())
}

/// What staff are told of a message that was to go to a guest whom its conversation does not have any more.
pub(crate) const OTHER_GUEST: &str =
    "The conversation has another guest now, so this was not sent. Check it, and send it again if it is for them.";

/// A conversation has another guest: what waits in it for the former one was not written for the new one, and fails, so
/// that staff check it. The caller holds the conversation.
pub(crate) fn refuse_for_former_guest(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    former: GuestId,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    for message in outbox::refuse_all_for(tx, former, conversation)? {
        if let Some(it) = outbox::find(tx.conn(), &By::Id(message))? {
            advance(tx, &it, Delivery::Failed, Some(OTHER_GUEST), at)?;
        }
    }
    Ok(())
}

/// Which try of a message a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try {
    /// The one that counts, under the name that is known.
    Named,
    /// The one that counts; its name is news.
    Unnamed,
    /// One after which staff began another.
    Former,
}

/// Takes in what became of a try of a message that is held.
pub(crate) fn take_report(
    tx: &mut Tx<'_>,
    it: &Outgoing,
    of: Try,
    (delivery, failure): (Delivery, Option<&str>),
    at: DateTime<Utc>,
) -> Result<(), Error> {
    // That the guest has it ends the other try, too; anything less says nothing of that one.
    if of == Try::Former && delivery < Delivery::Delivered {
        return Ok(());
    }
    outbox::settle(tx, it.message)?;
    advance(tx, it, delivery, failure, at)
}

/// Stores and tells that a message has come further; nothing where it has come so far already, in whatever
/// order that is reported.
pub(crate) fn advance(
    tx: &mut Tx<'_>,
    it: &Outgoing,
    to: Delivery,
    failure: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    if to > it.delivery && outbox::advance(tx, it.message, to, failure)? {
        tell(tx, it, to, failure, at);
    }
    Ok(())
}

fn tell(tx: &mut Tx<'_>, it: &Outgoing, delivery: Delivery, failure: Option<&str>, at: DateTime<Utc>) {
    let (conversation, stay, message) = (it.conversation, it.stay, it.message);
    let change = StatusChange { conversation, stay, message, delivery, failure: failure.map(str::to_owned) };
    tx.record(it.hotel, at, EventKind::MessageStatus(change));
}

/// A word for a message that comes back in reports, and says nothing to anybody else.
fn new_callback() -> String {
    Uuid::new_v4().simple().to_string()
}

/// How much waits, over all hotels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WhatsAppCounts {
    /// Messages that wait to be sent, or are on their way.
    pub queued: i64,
    /// Messages that wait for their guest to write.
    pub held: i64,
    /// Hotels for which nothing is sent.
    pub stopped: i64,
    /// What came and could not be processed.
    pub parked: i64,
}

impl Desk {
    /// How much waits.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn whatsapp_counts(&self) -> Result<WhatsAppCounts, Error> {
        self.store
            .read_for(Purpose::Replay, |conn| {
                let sum = |of: Vec<(HotelId, i64)>| of.into_iter().map(|(_, count)| count).sum();
                Ok(WhatsAppCounts {
                    queued: sum(checkup::queued(conn)?),
                    held: sum(checkup::held(conn)?),
                    stopped: checkup::stopped(conn)?.len() as i64,
                    parked: checkup::parked(conn)?.0,
                })
            })
            .await
    }

    /// Queues a message that failed, or of which nothing is known, once more.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotFailed`].
    pub async fn retry(
        &self,
        caller: Caller,
        which: Which,
        message: MessageId,
        once: Once<Message>,
    ) -> Result<Done<Message>, Error> {
        let now = self.now();
        self.act_once(caller, vec![which], once, move |tx, live| {
            let conversation = visible(tx.conn(), &live.staff.reach(), which)?;
            if !messages::exists(tx.conn(), conversation.id, message)? {
                return Err(Error::NotFound);
            }
            let it = outbox::find(tx.conn(), &By::Id(message))?.ok_or(Error::NotFailed)?;
            if ![Delivery::Failed, Delivery::Unknown].contains(&it.delivery) {
                return Err(Error::NotFailed);
            }
            outbox::begin_anew(tx, message, conversation.guest, &new_callback(), now)?;
            outbox::set_delivery(tx, message, Delivery::Queued, None)?;
            tell(tx, &it, Delivery::Queued, None, now);
            messages::by_ids(tx.conn(), &[message])?.remove(&message).ok_or(Error::NotFound)
        })
        .await
    }
}
