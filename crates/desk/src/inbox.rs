//! The inbox of a staff member: everything that a client needs at its start, from one snapshot.

use std::collections::HashMap;

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    ConversationId, ConversationView, Department, DepartmentId, Draft, Hotel, HotelId, Label, Reach, SessionId, Staff,
    StaffId,
    inbox::{DepartmentCounts, InboxCounts},
};
use persistence::{
    Conn, ReadPurpose, conversations,
    departments::{self, DepartmentSelector},
    drafts, hotels, labels, sessions,
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
#[derive(Clone, Debug)]
pub struct CountsOfInbox {
    pub counts: InboxCounts,
    /// The active departments of the caller; for a manager all.
    pub departments: Vec<(Department, DepartmentCounts)>,
}

/// The numbers of a staff member's inbox, and the visibility scope for which they hold.
#[derive(Clone, Debug)]
pub struct CountsInReach {
    pub reach: Reach,
    pub counts: CountsOfInbox,
}

impl Desk {
    pub async fn inbox(&self, caller: Caller) -> Result<WithCursor<Inbox>, Error> {
        let now = self.now();
        self.read_with_cursor(caller, ReadCost::Indexed, move |conn, reach| {
            let entries = conversations::inbox(conn, reach, now)?;
            let counts = InboxCounts::of(&entries, reach.staff);
            let ids: Vec<ConversationId> = entries.iter().take(MAX_CONVERSATIONS).map(|it| it.id).collect();
            let departments = active_departments(conn, reach.hotel)?;
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
        let now = self.now();
        self.read_with_cursor(caller, ReadCost::Indexed, move |conn, reach| count_inbox(conn, reach, now)).await
    }

    /// Returns the numbers of the inboxes of several staff members of a hotel, from one snapshot: of each once, however
    /// many callers they have. Those whose session is over are left out.
    pub async fn count_inboxes(
        &self,
        hotel: HotelId,
        callers: Vec<Caller>,
    ) -> Result<HashMap<StaffId, CountsInReach>, Error> {
        let (lifetimes, now) = (self.lifetimes, self.now());
        // Not on the connections of the feeds: live events must not wait for numbers.
        self.read_for(ReadPurpose::Request, None, move |conn| {
            let ids: Vec<SessionId> = callers.iter().map(|it| it.session).collect();
            let live = sessions::find_live_many(conn, &ids, lifetimes, now)?.into_values();
            let reaches: HashMap<StaffId, Reach> = live.map(|it| (it.staff.id, it.staff.reach())).collect();
            let staff: Vec<StaffId> = reaches.keys().copied().collect();
            let entries = conversations::hotel_inbox(conn, hotel, &staff, now)?;
            let departments = active_departments(conn, hotel)?;
            let counted = reaches.into_iter().map(|(staff, reach)| {
                let counts = with_names(InboxCounts::of(&entries.of(&reach), staff), &reach, &departments);
                (staff, CountsInReach { reach, counts })
            });
            Ok(counted.collect())
        })
        .await
    }
}

fn active_departments(conn: &mut Conn, hotel: HotelId) -> Result<Vec<Department>, Error> {
    Ok(departments::list(conn, hotel, DepartmentSelector::Active, MAX_DIRECTORY)?.1)
}

fn count_inbox(conn: &mut Conn, reach: &Reach, now: DateTime<Utc>) -> Result<CountsOfInbox, Error> {
    let counts = InboxCounts::of(&conversations::inbox(conn, reach, now)?, reach.staff);
    let departments = active_departments(conn, reach.hotel)?;
    Ok(with_names(counts, reach, &departments))
}

fn with_names(counts: InboxCounts, reach: &Reach, departments: &[Department]) -> CountsOfInbox {
    let is_shown = |id: DepartmentId| reach.is_manager() || reach.is_member(id);
    let shown = departments.iter().filter(|it| is_shown(it.id));
    let departments =
        shown.map(|it| (it.clone(), counts.departments.get(&it.id).copied().unwrap_or_default())).collect();
    CountsOfInbox { counts, departments }
}
