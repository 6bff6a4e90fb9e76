//! Application services: one method of [`Desk`] for each use case. This crate contains no HTTP, no sockets and no JSON.
//!
//! A use case reads one snapshot or writes one transaction, together with its events ([`transaction`]). Session and
//! visibility of the [`Caller`] are loaded in the same snapshot or transaction, so a logout or a change of departments
//! applies to the next request. [`KeyedWrite`] makes a write idempotent. A refused use case returns [`Error`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod api_keys;
pub mod attachments;
pub mod conversations;
pub mod departments;
pub mod diagnostics;
pub mod drafts;
pub mod feed_query;
pub mod generate;
pub mod guests;
pub mod history;
pub mod hotels;
pub mod idempotency;
pub mod inbound;
pub mod inbox;
pub mod labels;
pub mod maintenance;
pub mod messages;
pub mod nodes;
pub mod outbound;
pub mod pagination;
pub mod personal_settings;
pub mod principal;
pub mod reply;
pub mod reports;
pub mod scheduled;
pub mod search;
pub mod session_list;
pub mod sessions;
pub mod sign_in;
pub mod snooze;
pub mod staff;
pub mod stays;
pub mod supervisor;
pub mod templates;
pub mod timers;
pub mod transaction;
pub mod unsent_messages;

mod audited_change;
mod away;
mod clock;
mod conversation_events;
mod conversation_for_stay;
mod device_secret;
mod directory;
mod error;
mod existence;
mod file_type;
mod flow_runner;
mod hash_queue;
mod hotel_calendar;
mod own_password;
mod passwords;
mod phone_search;
mod pictures;
mod read_limit;
mod record_message;
mod response_clock;
mod save_conversation;
mod thumbnails;
mod visibility;

pub use auth::Caller;
pub use clock::{Clock, SystemClock};
pub use device_secret::DeviceSecret;
pub use domain::ConversationRef;
pub use error::Error;
pub use idempotency::{KeyedWrite, WriteOutcome};
pub use pagination::PageRequest;
pub use persistence::{
    Committed, DbUrl, OnCommit, StoreError,
    sessions::SessionLifetimes,
    store::{
        backup::{BackupError, back_up},
        connection::InvalidDbUrl,
        copy_database::{CopyError, CopyStep},
        pg_notify::{PgNotify, PgNotifyEvent},
    },
};
pub use principal::Principal;
pub use supervisor::Supervisor;

use std::sync::Arc;

use auth::{AccessTokens, RefreshTokens, ShortSecret};
use chrono::{DateTime, Utc};
use persistence::Store;
use tokio::sync::{Mutex, Notify};

use crate::{hash_queue::HashQueue, outbound::read_receipts::queue::ReadReceiptQueue, read_limit::ReadLimiter};

/// All use cases of one node, and the state that they share.
///
/// A process opens one `Desk`; a clone is cheap and shares everything. The database stays open until the last clone
/// is dropped. Use cases are implemented in the modules, each in the file of its resource.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    clock: Arc<dyn Clock>,
    access_tokens: Arc<AccessTokens>,
    refresh_tokens: Arc<RefreshTokens>,
    lifetimes: SessionLifetimes,
    hash_queue: Arc<HashQueue>,
    /// Wakes the outbox worker, for example when a message to a guest was queued.
    outbox_wakeup: Arc<Notify>,
    read_receipts: Arc<ReadReceiptQueue>,
    read_limiter: Arc<ReadLimiter>,
    /// Serializes imports that carry an idempotency key, so that a concurrent retry waits for the first import and
    /// returns its result.
    keyed_import: Arc<Mutex<()>>,
    supervisor: Supervisor,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Secret(#[from] ShortSecret),
}

impl Desk {
    /// Opens the database, applies pending migrations and starts the first epoch if there is none.
    ///
    /// All nodes must share `jwt_secret`, because it signs their tokens. `on_commit` receives the events of every
    /// commit.
    pub async fn open(
        url: &DbUrl,
        jwt_secret: &[u8],
        lifetimes: SessionLifetimes,
        clock: Arc<dyn Clock>,
        on_commit: OnCommit,
    ) -> Result<Self, OpenError> {
        let outbox_wakeup = Arc::new(Notify::new());
        let desk = Self {
            access_tokens: Arc::new(AccessTokens::new(jwt_secret)?),
            refresh_tokens: Arc::new(RefreshTokens::new(jwt_secret)?),
            store: Store::open(url, wake_outbox_on_commit(outbox_wakeup.clone(), on_commit))?,
            clock,
            lifetimes,
            hash_queue: Arc::default(),
            outbox_wakeup,
            read_receipts: Arc::default(),
            read_limiter: Arc::default(),
            keyed_import: Arc::default(),
            supervisor: Supervisor::default(),
        };
        desk.ensure_epoch().await?;
        Ok(desk)
    }

    /// Returns whether the database exists: the file of SQLite, or tables of this program in PostgreSQL.
    pub fn database_exists(url: &DbUrl) -> Result<bool, StoreError> {
        Store::exists(url)
    }

    /// Returns whether the database schema lacks migrations of this program. Changes nothing.
    pub fn has_pending_migrations(url: &DbUrl) -> Result<bool, StoreError> {
        Store::has_pending_migrations(url)
    }

    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// Returns the names of background tasks that should run but do not, and `writer` if a writer thread of the
    /// database has ended.
    pub fn not_running(&self) -> Vec<&'static str> {
        let mut names = self.supervisor.not_running();
        names.extend((!self.store.can_write()).then_some("writer"));
        names
    }

    #[cfg(feature = "test-access")]
    pub async fn stop_writers(&self) {
        self.store.stop_writers().await;
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// Wakes the outbox worker if a commit has queued a message, and forwards every commit to `on_commit`.
fn wake_outbox_on_commit(outbox_wakeup: Arc<Notify>, on_commit: OnCommit) -> OnCommit {
    Arc::new(move |committed: Committed| {
        if committed.events.iter().any(|it| it.kind.queues_message()) {
            outbox_wakeup.notify_one();
        }
        on_commit(committed);
    })
}

/// Returns the digest of a request, which is stored with its idempotency key to detect another request under the same
/// key.
pub fn request_digest(request: &[u8]) -> String {
    auth::Digest::of(request).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{
        ConversationId, Delivery, Event, EventKind, HotelId, Message, MessageId, SenderType, Seq, event::StatusChange,
    };
    use tokio::time::timeout;

    use super::*;

    fn message(delivery: Option<Delivery>) -> EventKind {
        let message = Message {
            id: MessageId(1),
            conversation: ConversationId(1),
            stay: None,
            content: "Hello".to_owned(),
            sender_type: SenderType::Staff,
            author: None,
            sender_name: "A".to_owned(),
            at: Utc::now(),
            delivery,
            failure: None,
            attachments: vec![],
            internal: false,
            client_ref: None,
            reply_to: None,
            reactions: vec![],
            send_at: None,
            is_removed: false,
        };
        EventKind::Message(Box::new(message))
    }

    fn status(delivery: Delivery) -> EventKind {
        let (conversation, message) = (ConversationId(1), MessageId(1));
        EventKind::MessageStatus(StatusChange { conversation, stay: None, message, delivery, failure: None })
    }

    #[tokio::test]
    async fn only_a_queued_message_wakes_the_outbox_worker() {
        for (kind, wakes) in [
            (message(Some(Delivery::Queued)), true),
            (status(Delivery::Queued), true),
            (message(Some(Delivery::Held)), false),
            (message(None), false),
            (status(Delivery::Sent), false),
        ] {
            let (outbox_wakeup, forwarded) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let forward = forwarded.clone();
            let on_commit = wake_outbox_on_commit(outbox_wakeup.clone(), Arc::new(move |_| forward.notify_one()));
            let event = Event { hotel: HotelId(1), seq: Seq(1), at: Utc::now(), kind };
            on_commit(Committed { events: [event].into(), has_more: false, has_other_nodes: false });
            let is_awake = timeout(Duration::ZERO, outbox_wakeup.notified()).await.is_ok();
            assert_eq!(is_awake, wakes);
            assert!(timeout(Duration::ZERO, forwarded.notified()).await.is_ok(), "commit not forwarded");
        }
    }
}
