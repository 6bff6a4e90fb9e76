//! The history of a conversation: entries are stored with the change that they record.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{Conversation, ConversationRef, EventKind, HistoryChange, HistoryEntry};
use persistence::{Tx, audit_log::AuditActor, history};

use crate::{Desk, Error, PageRequest, visibility::find_visible};

impl Desk {
    /// Returns the number of entries in the history of a conversation and one page of them, newest first.
    pub async fn list_history(
        &self,
        caller: Caller,
        reference: ConversationRef,
        page: PageRequest,
    ) -> Result<(i64, Vec<HistoryEntry>), Error> {
        self.read_as(caller, move |conn, live| {
            let conversation = find_visible(conn, &live.staff.reach(), reference)?;
            let (count, entries) = history::list(conn, conversation.id(), page.slice())?;
            page.ensure_exists(count)?;
            Ok((count, entries))
        })
        .await
    }
}

/// Stores an entry in the history of a conversation and records its event. Only a staff member is named in the entry:
/// guests, timers, API keys and the command line are not.
pub(crate) fn add_entry(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    change: &HistoryChange,
    actor: AuditActor,
    note: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let by = match actor {
        AuditActor::Staff(id) => Some(id),
        AuditActor::ApiKey(_) | AuditActor::CommandLine | AuditActor::Guest | AuditActor::System => None,
    };
    let entry = history::insert(tx, conversation, change, by, note, at)?;
    let (id, stay) = (conversation.id(), conversation.stay());
    tx.record(conversation.hotel(), at, EventKind::HistoryAdded { conversation: id, stay, entry });
    Ok(())
}
