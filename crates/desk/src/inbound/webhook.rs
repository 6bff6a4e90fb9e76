//! Processes the body of WhatsApp's webhook.
//!
//! Each update is stored in its own transaction; the writer commits many of them together. An update that cannot be
//! processed becomes a dead letter and does not block the rest. If the database is unavailable, the request fails; Meta
//! then delivers the whole batch again, and stored messages are skipped by their id.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{ConversationRef, GuestIdentity, Hotel, HotelId, Name, PhoneNumber};
use futures_util::future::join_all;
use persistence::{Conn, Locks, StoreError, Tx, dead_letters::DeadLetterKind, hotels};
use tokio::time::sleep;
use whatsapp::{InboundMessage, MessageContent, SenderIdentity, Update, UpdatePayload};

use crate::{
    Desk, Error,
    inbound::{
        dead_letters::{RefusedUpdate, UnprocessedUpdate, UpdateSource, log_refusal, update_key},
        delivery_receipts::{apply_receipt, find_attempt},
        receive_message::{
            GuestInput, GuestMessage, ReactionChange, WhatsAppMetadata, locks_for_guest, receive_message,
        },
    },
    transaction::WriteTicket,
};

/// The number of updates in a webhook body, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookSummary {
    /// Number of guest messages that were processed.
    pub messages: usize,
    /// Number of delivery receipts that were processed.
    pub reports: usize,
    /// Number of updates that became dead letters.
    pub parked: usize,
    /// Number of updates without a meaning for the product.
    pub ignored: usize,
    /// Number of delivery receipts for WhatsApp numbers that belong to no hotel.
    pub unknown_receipts: usize,
}

/// Retries of a webhook update that the database refused to store, and the backoff before the first one.
/// The phone number id in the test messages that Meta's page for webhooks sends. They come from no guest.
const META_TEST_NUMBER: &str = "123456123";
const MAX_RETRIES: u32 = 3;
const MIN_BACKOFF: Duration = Duration::from_millis(50);

/// A webhook update with its hotel, and the locks for its transaction.
struct RoutedUpdate {
    update: Update,
    hotel: Option<Hotel>,
    locks: Locks,
}

/// What became of one webhook update.
enum UpdateOutcome {
    Message,
    Receipt,
    Ignored,
    UnknownReceipt,
    DeadLetter(UnprocessedUpdate),
    /// The database refused to store the update.
    Refused(RefusedUpdate),
}

/// A webhook update whose transaction is queued, or that needs none.
enum SubmittedUpdate {
    Done(UpdateOutcome),
    Queued { routed: Arc<RoutedUpdate>, hotel: HotelId, ticket: Result<WriteTicket<UpdateOutcome>, Error> },
}

impl Desk {
    /// Processes an authentic webhook body. Fails with [`Error::Store`] unless all updates are stored; Meta then has to
    /// deliver the body again.
    pub async fn process_webhook(&self, body: &[u8]) -> Result<WebhookSummary, Error> {
        match whatsapp::parse_webhook(body) {
            Ok(updates) => self.process_updates(updates, None, UpdateSource::Meta).await,
            Err(why) => {
                let raw = String::from_utf8_lossy(body).into_owned();
                let reason = why.to_string();
                let unprocessed = UnprocessedUpdate {
                    kind: DeadLetterKind::Unusable,
                    reason,
                    phone_number_id: None,
                    hotel: None,
                    raw,
                };
                self.store_dead_letters(vec![unprocessed]).await?;
                Ok(WebhookSummary { parked: 1, ..WebhookSummary::default() })
            }
        }
    }

    /// Processes webhook updates for `hotel`, or if it is `None` for the hotels of the numbers that they name.
    pub(super) async fn process_updates(
        &self,
        updates: Vec<Update>,
        hotel: Option<Hotel>,
        source: UpdateSource,
    ) -> Result<WebhookSummary, Error> {
        let mut routed = self.read(move |conn| route_updates(conn, updates, hotel)).await?;
        // Meta does not deliver messages in the order in which they were written. The sort is stable.
        routed.sort_by_key(|routed| match &routed.update.payload {
            UpdatePayload::Message(message) => message.at,
            _ => DateTime::<Utc>::MIN_UTC,
        });
        // The updates are queued one after another, so that the messages of a guest are stored in this order.
        let mut submitted = Vec::with_capacity(routed.len());
        for update in routed {
            submitted.push(self.submit_update(Arc::new(update)).await);
        }
        let outcomes = join_all(submitted.into_iter().map(|update| self.finish_update(update))).await;
        let (mut summary, mut unprocessed, mut refused) = (WebhookSummary::default(), Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome? {
                UpdateOutcome::Message => summary.messages += 1,
                UpdateOutcome::Receipt => summary.reports += 1,
                UpdateOutcome::Ignored => summary.ignored += 1,
                UpdateOutcome::UnknownReceipt => summary.unknown_receipts += 1,
                UpdateOutcome::DeadLetter(update) => unprocessed.push(update),
                UpdateOutcome::Refused(update) => refused.push(update),
            }
        }
        // Refused updates are decided before dead letters are stored, because a redelivery contains the unprocessed
        // updates again.
        unprocessed.extend(self.give_up_refused(refused, source).await?);
        summary.parked = unprocessed.len();
        self.store_dead_letters(unprocessed).await?;
        Ok(summary)
    }

    async fn submit_update(&self, routed: Arc<RoutedUpdate>) -> SubmittedUpdate {
        match hotel_to_write(&routed) {
            Ok(hotel) => {
                let hotel = hotel.id;
                let ticket = self.submit_transaction(&routed, hotel).await;
                SubmittedUpdate::Queued { routed, hotel, ticket }
            }
            Err(outcome) => SubmittedUpdate::Done(outcome),
        }
    }

    async fn submit_transaction(
        &self,
        routed: &Arc<RoutedUpdate>,
        hotel: HotelId,
    ) -> Result<WriteTicket<UpdateOutcome>, Error> {
        let (now, update) = (self.now(), routed.clone());
        self.submit_write(hotel, routed.locks.clone(), move |tx| store_update(tx, &update, now)).await
    }

    /// Waits for the transaction of an update, and retries it with exponential backoff if the database refuses it.
    async fn finish_update(&self, submitted: SubmittedUpdate) -> Result<UpdateOutcome, Error> {
        let (routed, hotel, mut ticket) = match submitted {
            SubmittedUpdate::Done(outcome) => return Ok(outcome),
            SubmittedUpdate::Queued { routed, hotel, ticket } => (routed, hotel, ticket),
        };
        let mut retries = 0;
        loop {
            let result = match ticket {
                Ok(ticket) => ticket.result().await,
                Err(error) => Err(error),
            };
            let error = match result {
                Err(Error::Store(StoreError::Unavailable(why))) => return Err(StoreError::Unavailable(why).into()),
                Err(error) => error,
                Ok(outcome) => return Ok(outcome),
            };
            if retries == MAX_RETRIES {
                log_refusal(&routed.update, hotel, &error, "Meta has to deliver it again");
                let unprocessed = unprocessed(&routed, DeadLetterKind::Store, "it could not be stored");
                return Ok(UpdateOutcome::Refused(RefusedUpdate { key: update_key(&routed.update), unprocessed }));
            }
            let backoff = MIN_BACKOFF * 2_u32.pow(retries);
            log_refusal(&routed.update, hotel, &error, &format!("retry in {} ms", backoff.as_millis()));
            sleep(backoff).await;
            retries += 1;
            ticket = self.submit_transaction(&routed, hotel).await;
        }
    }
}

/// Finds the hotel of each webhook update, and the rows that its transaction locks.
fn route_updates(conn: &mut Conn, updates: Vec<Update>, hotel: Option<Hotel>) -> Result<Vec<RoutedUpdate>, Error> {
    let mut by_number: HashMap<String, Option<Hotel>> = HashMap::new();
    // The locks of each guest are loaded once, because a webhook body usually contains many messages of few guests.
    let mut by_guest: HashMap<(HotelId, Option<String>, Option<String>), Locks> = HashMap::new();
    let mut routed = Vec::with_capacity(updates.len());
    for update in updates {
        let hotel = match (&hotel, &update.phone_number_id) {
            (Some(hotel), _) => Some(hotel.clone()),
            (None, Some(number)) => match by_number.get(number) {
                Some(hotel) => hotel.clone(),
                None => {
                    let hotel = hotels::find_by_whatsapp(conn, number)?;
                    by_number.insert(number.clone(), hotel.clone());
                    hotel
                }
            },
            (None, None) => None,
        };
        let locks = match (&update.payload, &hotel) {
            (UpdatePayload::Message(message), Some(hotel)) => {
                let guest = (hotel.id, message.from.wa_id.clone(), message.from.bsuid.clone());
                let locks = match by_guest.get(&guest) {
                    Some(locks) => locks.clone(),
                    None => {
                        let locks = locks_for_guest(conn, hotel.id, sender_identity(&message.from))?;
                        by_guest.insert(guest, locks.clone());
                        locks
                    }
                };
                match new_identity(&message.content) {
                    Some(new) => locks.guest(new).creating(true),
                    None => locks,
                }
            }
            (UpdatePayload::Receipt(receipt), Some(_)) => {
                let found = find_attempt(conn, receipt)?;
                let conversation = found.map(|(message, _)| ConversationRef::Conversation(message.conversation));
                conversation.into_iter().collect::<Vec<_>>().into()
            }
            _ => Locks::default(),
        };
        routed.push(RoutedUpdate { update, hotel, locks });
    }
    Ok(routed)
}

/// Returns the hotel whose writer stores the update, or the outcome of an update that is not stored.
fn hotel_to_write(routed: &RoutedUpdate) -> Result<&Hotel, UpdateOutcome> {
    match (&routed.update.payload, &routed.hotel) {
        (UpdatePayload::OtherField(field), _) => {
            log::info!("ignored an update of the webhook field {field:?}");
            Err(UpdateOutcome::Ignored)
        }
        (UpdatePayload::AccountErrors(errors), _) => {
            let hotel = routed.hotel.as_ref().map_or_else(|| "unknown".to_owned(), |hotel| hotel.id.to_string());
            for error in errors {
                log::warn!("hotel {hotel}: WhatsApp reports an error of the account: {error}");
            }
            Err(UpdateOutcome::Ignored)
        }
        (UpdatePayload::Invalid(reason), _) => {
            Err(UpdateOutcome::DeadLetter(unprocessed(routed, DeadLetterKind::Unusable, reason)))
        }
        // Without a hotel there is no message that the receipt could belong to.
        (UpdatePayload::Receipt(_), None) => Err(UpdateOutcome::UnknownReceipt),
        (UpdatePayload::Message(_), None) if routed.update.phone_number_id.as_deref() == Some(META_TEST_NUMBER) => {
            log::info!("a test of the webhook from Meta's page arrived; it belongs to no hotel and is not stored");
            Err(UpdateOutcome::Ignored)
        }
        (UpdatePayload::Message(_), None) => Err(UpdateOutcome::DeadLetter(unprocessed(
            routed,
            DeadLetterKind::UnknownNumber,
            "no hotel has this number",
        ))),
        (UpdatePayload::Message(_) | UpdatePayload::Receipt(_), Some(hotel)) => Ok(hotel),
    }
}

fn unprocessed(routed: &RoutedUpdate, kind: DeadLetterKind, reason: &str) -> UnprocessedUpdate {
    UnprocessedUpdate {
        kind,
        reason: reason.to_owned(),
        phone_number_id: routed.update.phone_number_id.clone(),
        hotel: routed.hotel.as_ref().map(|hotel| hotel.id),
        raw: routed.update.standalone_body(),
    }
}

fn store_update(tx: &mut Tx<'_>, routed: &RoutedUpdate, now: DateTime<Utc>) -> Result<UpdateOutcome, Error> {
    match (&routed.update.payload, &routed.hotel) {
        (UpdatePayload::Message(message), Some(hotel)) => {
            receive_message(tx, hotel, &guest_message(message, &routed.update), now)?;
            Ok(UpdateOutcome::Message)
        }
        (UpdatePayload::Receipt(receipt), Some(hotel)) => {
            apply_receipt(tx, hotel, receipt, now)?;
            Ok(UpdateOutcome::Receipt)
        }
        _ => Ok(UpdateOutcome::Ignored),
    }
}

fn guest_message(message: &InboundMessage, update: &Update) -> GuestMessage {
    let quoted_id = match &message.content {
        MessageContent::Reaction { to, .. } => Some(to.clone()),
        _ => message.quotes.clone(),
    };
    let reaction = match &message.content {
        MessageContent::Reaction { emoji, .. } => Some(ReactionChange { emoji: emoji.clone() }),
        _ => None,
    };
    let media = match &message.content {
        MessageContent::Media(media) => Some(media.clone()),
        _ => None,
    };
    let input = match &message.content {
        MessageContent::Text(text) => GuestInput::Text(text.clone()),
        MessageContent::Choice(choice) => GuestInput::Choice { id: choice.id.clone(), title: choice.title.clone() },
        MessageContent::Media(media) => media.caption.clone().map_or(GuestInput::Other, GuestInput::Text),
        _ => GuestInput::Other,
    };
    GuestMessage {
        identity: sender_identity(&message.from),
        name: message.from.profile_name.as_deref().and_then(|name| Name::parse(name).ok()),
        text: message.display_text(),
        input,
        whatsapp: Some(WhatsAppMetadata {
            whatsapp_message_id: message.wamid.clone(),
            to_number: update.phone_number_id.clone(),
            written_at: message.at,
            raw: update.raw.clone(),
            opens_window: message.content.opens_window(),
            media,
            quoted_id,
            reaction,
            new_identity: new_identity(&message.content),
        }),
    }
}

fn sender_identity(sender: &SenderIdentity) -> GuestIdentity {
    guest_identity(sender.wa_id.as_ref(), sender.bsuid.as_ref())
}

/// Returns the new identity of a guest who has changed their number or id; `None` for any other message.
fn new_identity(content: &MessageContent) -> Option<GuestIdentity> {
    match content {
        MessageContent::IdentityChanged { wa_id, bsuid } => Some(guest_identity(wa_id.as_ref(), bsuid.as_ref())),
        _ => None,
    }
}

/// Returns the identity of a guest with the phone number that the WhatsApp id contains: the id consists of the digits
/// of the phone number, except in a few countries.
fn guest_identity(wa_id: Option<&String>, bsuid: Option<&String>) -> GuestIdentity {
    let phone = wa_id.and_then(|id| PhoneNumber::from_whatsapp_id(id));
    GuestIdentity { phone, wa_id: wa_id.cloned(), bsuid: bsuid.cloned() }
}
