//! The transaction that a write job runs in.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{EventKind, GuestId, HotelId};

use crate::store::connection::{Conn, WriteConn};

/// An event to be stored, which has no sequence number yet.
pub(crate) struct NewEvent {
    pub(crate) hotel: HotelId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) kind: EventKind,
}

/// The words of a message on SQLite, which are not in the index yet.
pub(crate) struct NewWords {
    pub(crate) message: i64,
    /// Separated by spaces.
    pub(crate) tokens: String,
}

/// What the jobs of a group have left for the end of their transaction.
#[derive(Default)]
pub(crate) struct DeferredWrites {
    pub(crate) events: Vec<NewEvent>,
    /// FTS5 writes its changes to the file before each later statement, which costs far more than the changes.
    pub(crate) words: Vec<NewWords>,
}

/// An open transaction, borrowed by one write job from the writer.
///
/// Several jobs share the database transaction of their group; each gets a `Tx` of its own. Events recorded here are
/// stored just before the commit. Dropping a `Tx` neither commits nor rolls back: the writer does.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    deferred: &'a mut DeferredWrites,
    locked_guests: &'a mut BTreeSet<i64>,
    has_changes: bool,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(
        conn: &'a mut Conn,
        deferred: &'a mut DeferredWrites,
        locked_guests: &'a mut BTreeSet<i64>,
    ) -> Self {
        Self { conn, deferred, locked_guests, has_changes: false }
    }

    /// The connection for queries and row locks. It cannot write ([`ReadOnly`](crate::store::read_only::ReadOnly)).
    pub fn conn(&mut self) -> &mut Conn {
        self.conn
    }

    /// The connection for changes. From now on a refusal of the job rolls the transaction back.
    pub(crate) fn changing(&mut self) -> WriteConn<'_> {
        self.has_changes = true;
        self.conn.writable()
    }

    /// The connection for any statement, for tests of this crate.
    #[cfg(feature = "test-access")]
    pub fn unrestricted(&mut self) -> Conn<&mut diesel::PgConnection, &mut diesel::SqliteConnection> {
        self.changing()
    }

    /// Whether the job has changed anything, so that a refusal needs a rollback.
    pub(crate) fn has_changes(&self) -> bool {
        self.has_changes
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.conn.is_postgres()
    }

    /// Whether the transaction holds the locks of this guest and of all conversations of the guest.
    pub(crate) fn has_locked(&self, guest: GuestId) -> bool {
        self.locked_guests.contains(&guest.0)
    }

    /// Records that the transaction holds the locks of these guests and of all their conversations.
    pub(crate) fn note_locked(&mut self, guests: impl IntoIterator<Item = i64>) {
        self.locked_guests.extend(guests);
    }

    /// Adds an event to the hotel's log. The sequence number is assigned at the end of the transaction.
    pub fn record(&mut self, hotel: HotelId, at: DateTime<Utc>, kind: EventKind) {
        self.has_changes = true;
        self.deferred.events.push(NewEvent { hotel, at, kind });
    }

    /// Adds words to the index at the end of the transaction.
    pub(crate) fn add_words(&mut self, words: NewWords) {
        self.has_changes = true;
        self.deferred.words.push(words);
    }

    /// Returns the words that are not in the index yet, for a caller that needs them there now.
    pub(crate) fn take_words(&mut self) -> Vec<NewWords> {
        std::mem::take(&mut self.deferred.words)
    }
}
