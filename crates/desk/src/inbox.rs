//! The inbox of a staff member: everything that a client needs at its start, from one snapshot.

use auth::Caller;
use domain::{
    ConversationId, ConversationView, Department, DepartmentId, Draft, Hotel, Label, Reach, Staff,
    inbox::{DepartmentCounts, InboxCounts},
};
use persistence::{
    Conn, conversations,
    departments::{self, DepartmentSelector},
    drafts, hotels, labels,
    sql::pagination::Slice,
    staff,
};

use crate::{
    Desk, Error, drafts::MAX_LISTED_DRAFTS, personal_settings::stored_settings, read_limit::ReadCost,
    transaction::WithCursor,
};

/// The most conversations that an inbox contains.
const MAX_CONVERSATIONS: usize = 5000;
/// The most departments, and the most staff members, that an inbox contains.
const MAX_DIRECTORY: Slice = Slice { offset: 0, limit: 5000 };

/// Everything that a client needs at its start.
#[derive(Debug)]
pub struct Inbox {
    /// The visible conversations that are open or whose guest waits for an answer, last changed first, up to a limit.
    pub conversations: Vec<ConversationView>,
    /// Whether the inbox contains more conversations than `conversations`.
    pub is_truncated: bool,
    /// The active departments of the hotel.
    pub departments: Vec<Department>,
    pub staff: Vec<Staff>,
    pub labels: Vec<Label>,
    pub hotel: Hotel,
    /// The caller's settings, the text of a JSON object.
    pub settings: String,
    /// The caller's drafts of visible conversations.
    pub drafts: Vec<Draft>,
    pub counts: CountsOfInbox,
}

/// The numbers of conversations in an inbox, with the names of the departments.
#[derive(Debug)]
pub struct CountsOfInbox {
    pub counts: InboxCounts,
    /// The active departments of the caller; for a manager all.
    pub departments: Vec<(Department, DepartmentCounts)>,
}

impl Desk {
    pub async fn inbox(&self, caller: Caller) -> Result<WithCursor<Inbox>, Error> {
        self.read_with_cursor(caller, ReadCost::Indexed, |conn, reach| {
            let entries = conversations::inbox(conn, reach)?;
            let counts = InboxCounts::of(&entries, reach.staff);
            let ids: Vec<ConversationId> = entries.iter().take(MAX_CONVERSATIONS).map(|it| it.id).collect();
            let departments = departments::list(conn, reach.hotel, DepartmentSelector::Active, MAX_DIRECTORY)?.1;
            Ok(Inbox {
                conversations: conversations::views(conn, Some(reach.staff), &ids)?,
                is_truncated: entries.len() > ids.len(),
                counts: with_names(counts, reach, &departments),
                departments,
                staff: staff::list(conn, reach.hotel, MAX_DIRECTORY)?.1,
                labels: labels::list(conn, reach.hotel, MAX_DIRECTORY)?.1,
                hotel: hotels::find(conn, reach.hotel)?.ok_or(Error::NotFound)?,
                settings: stored_settings(conn, reach.staff)?,
                drafts: drafts::list_visible(conn, reach, MAX_LISTED_DRAFTS)?,
            })
        })
        .await
    }

    /// Returns the numbers of the conversations that [`Desk::inbox`] contains.
    pub async fn inbox_counts(&self, caller: Caller) -> Result<WithCursor<CountsOfInbox>, Error> {
        self.read_with_cursor(caller, ReadCost::Indexed, count_inbox).await
    }
}

fn count_inbox(conn: &mut Conn, reach: &Reach) -> Result<CountsOfInbox, Error> {
    let counts = InboxCounts::of(&conversations::inbox(conn, reach)?, reach.staff);
    let departments = departments::list(conn, reach.hotel, DepartmentSelector::Active, MAX_DIRECTORY)?.1;
    Ok(with_names(counts, reach, &departments))
}

fn with_names(counts: InboxCounts, reach: &Reach, departments: &[Department]) -> CountsOfInbox {
    let is_shown = |id: DepartmentId| reach.is_manager() || reach.is_member(id);
    let shown = departments.iter().filter(|it| is_shown(it.id));
    let departments =
        shown.map(|it| (it.clone(), counts.departments.get(&it.id).copied().unwrap_or_default())).collect();
    CountsOfInbox { counts, departments }
}
