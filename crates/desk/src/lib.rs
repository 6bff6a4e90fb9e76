//! The use cases: what both doors, REST and socket, call, and what guests' messages come in by.
//!
//! A [`Desk`] has a method for each. Whoever asks is a [`Caller`], read from a verified token; what
//! they may see is read from the database inside the same snapshot or transaction as the rest, so
//! a change of it bites at once. A use case that changes something is one transaction, with its
//! events; [`Once`] makes it happen once for a key that comes again. Refusals are an [`Error`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod api_keys;
mod attachments;
mod call;
mod caller_reads;
mod checkup;
mod clock;
mod conversations;
mod departments;
mod error;
mod file_type;
mod flow;
mod generate;
mod hotels;
mod identities;
mod messages;
mod nodes;
mod outgoing;
mod receive;
mod sending;
mod sessions;
mod settle;
mod speaking;
mod staff;
mod stays;
mod supervisor;
mod survey;
mod templates;
mod upkeep;
mod webhook;

pub use auth::Caller;
pub use call::{Done, Once, Page, Principal};
pub use checkup::{Checkup, HotelCheckup, Stopped};
pub use clock::{Clock, SystemClock};
pub use conversations::{ConversationList, WithCursor};
pub use error::{Error, Field};
pub use generate::{Generated, GeneratedHotel, GeneratedStaff, GeneratedStay, Sizes};
pub use hotels::{DemoHotel, DemoSignIn, Restored};
pub use messages::MessagePage;
pub use outgoing::WhatsAppCounts;
pub use persistence::{
    BackupError, BadDbUrl, Committed, DbUrl, Heard, Notices, OnCommit, StoreError, back_up,
    conversations::{Filter, Which},
    hotels::HotelChange,
    idempotency::Key,
    messages::Page as MessageRange,
    parked::Parked,
    sessions::{Lifetimes, Live},
    stays::Booking,
    templates::Wording,
};
pub use receive::{Came, FromGuest, Received, Spoken};
pub use sending::Sending;
pub use sessions::{Credentials, Refresh, SignedIn};
pub use speaking::{OutgoingFile, Replied, Reply};
pub use staff::{NewMember, StaffChange};
pub use stays::{ImportError, RowOutcome, RowResult, StayChange, WrittenBooking};
pub use supervisor::Supervisor;
pub use survey::{LogPage, LogRange, Look, Seen, Survey, Surveyed};
pub use templates::TemplateChange;
pub use upkeep::Keep;
pub use webhook::TakenIn;

use std::sync::Arc;

use auth::{AccessTokens, RefreshTokens, ShortSecret};
use persistence::Store;
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::{caller_reads::CallerReads, sending::Marks};

/// Password hashes that may be made at once: each takes 19 MiB and a core.
const HASHES_AT_ONCE: usize = 2;

/// Where all use cases are.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    clock: Arc<dyn Clock>,
    access: Arc<AccessTokens>,
    refresh: Arc<RefreshTokens>,
    lifetimes: Lifetimes,
    hashing: Arc<Semaphore>,
    /// Wakes whoever sends.
    to_send: Arc<Notify>,
    marks: Arc<Marks>,
    reads: Arc<CallerReads>,
    /// Whoever imports under a key.
    importing: Arc<Mutex<()>>,
    supervisor: Supervisor,
}

/// Why a desk could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret.
    #[error(transparent)]
    Secret(#[from] ShortSecret),
}

impl Desk {
    /// Opens the database, brings it up to date, and begins its history where it has none.
    /// `jwt_secret` signs tokens, so nodes share it. `on_commit` is told every event.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(
        url: &DbUrl,
        jwt_secret: &[u8],
        lifetimes: Lifetimes,
        clock: Arc<dyn Clock>,
        on_commit: OnCommit,
    ) -> Result<Self, OpenError> {
        let to_send = Arc::new(Notify::new());
        let desk = Self {
            access: Arc::new(AccessTokens::new(jwt_secret)?),
            refresh: Arc::new(RefreshTokens::new(jwt_secret)?),
            store: Store::open(url, waking(to_send.clone(), on_commit))?,
            clock,
            lifetimes,
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            to_send,
            marks: Arc::default(),
            reads: Arc::default(),
            importing: Arc::default(),
            supervisor: Supervisor::default(),
        };
        desk.begin_history().await?;
        Ok(desk)
    }

    /// Whether the database's schema is behind this program's; asks only.
    ///
    /// # Errors
    /// [`StoreError`] where it is away, or newer.
    pub fn is_behind(url: &DbUrl) -> Result<bool, StoreError> {
        Store::is_behind(url)
    }

    /// Who keeps the background tasks of this process alive.
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// What should run in this process and does not: background tasks, and `writer` where a hotel's writes are
    /// not carried out.
    pub fn not_running(&self) -> Vec<&'static str> {
        let mut names = self.supervisor.not_running();
        names.extend((!self.store.can_write()).then_some("writer"));
        names
    }

    /// Ends the writers: for tests of what becomes of the rest.
    #[cfg(feature = "test-access")]
    pub async fn end_writers(&self) {
        self.store.end_writers().await;
    }

    /// The time, as this desk sees it.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }
}

/// Wakes whoever sends, where a commit put something into the queue, and passes every commit on.
fn waking(to_send: Arc<Notify>, on_commit: OnCommit) -> OnCommit {
    Arc::new(move |committed: Committed| {
        if committed.events.iter().any(|it| it.kind.is_queued()) {
            to_send.notify_one();
        }
        on_commit(committed);
    })
}

/// The digest under which a request is kept, to tell another one under the same key.
pub fn fingerprint(request: &[u8]) -> String {
    auth::Digest::of(request).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{
        ConversationId, Delivery, Event, EventKind, HotelId, Message, MessageId, SenderType, Seq, StatusChange,
    };
    use tokio::time::timeout;

    use super::*;

    fn message(delivery: Option<Delivery>) -> EventKind {
        let message = Message {
            id: MessageId(1),
            conversation: ConversationId(1),
            content: "Hello".to_owned(),
            sender_type: SenderType::Staff,
            author: None,
            sender_name: "A".to_owned(),
            at: chrono::Utc::now(),
            delivery,
            failure: None,
            attachments: vec![],
            internal: false,
            client_ref: None,
        };
        EventKind::Message { stay: None, message: Box::new(message) }
    }

    fn status(delivery: Delivery) -> EventKind {
        let (conversation, message) = (ConversationId(1), MessageId(1));
        EventKind::MessageStatus(StatusChange { conversation, stay: None, message, delivery, failure: None })
    }

    #[tokio::test]
    async fn what_is_queued_wakes_whoever_sends() {
        for (kind, wakes) in [
            (message(Some(Delivery::Queued)), true),
            (status(Delivery::Queued), true),
            (message(Some(Delivery::Held)), false),
            (message(None), false),
            (status(Delivery::Sent), false),
        ] {
            let (to_send, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let passed_on = told.clone();
            let on_commit = waking(to_send.clone(), Arc::new(move |_| passed_on.notify_one()));
            let event = Event { hotel: HotelId(1), seq: Seq(1), at: chrono::Utc::now(), kind };
            on_commit(Committed { events: [event].into(), more: false, others: false });
            let is_awake = timeout(Duration::ZERO, to_send.notified()).await.is_ok();
            assert_eq!(is_awake, wakes);
            assert!(timeout(Duration::ZERO, told.notified()).await.is_ok(), "not passed on");
        }
    }
}
