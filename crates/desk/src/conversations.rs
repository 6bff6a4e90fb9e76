//! Conversations: lists, routing to departments, assignment, closing and reopening.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    Conversation, ConversationId, ConversationRef, ConversationView, DepartmentId, MessageText, Person, Reach, StaffId,
    Status,
};
use persistence::{Conn, Tx, answers, conversations, departments, hotels, reports, sql::pagination::Slice, staff};

pub use persistence::conversations::{ConversationFilter, ConversationOrder};

use crate::{
    Desk, Error, KeyedWrite, PageRequest, WriteOutcome,
    existence::ensure_active_department,
    flow_runner,
    phone_search::phone_search_terms,
    read_limit::ReadCost,
    record_message::record_note,
    save_conversation::{record_handled, save_with_events, save_with_note},
    transaction::WithCursor,
    visibility::{assignee_reach, assignee_reach_on_reopen, find_visible, load_view_for},
};

/// One page of a list of conversations, and the number of conversations on all pages.
#[derive(Debug)]
pub struct ConversationList {
    /// Number of conversations that match the filter, on all pages.
    pub count: i64,
    pub page: Vec<ConversationView>,
}

/// The most conversations that the list of conversations with status `active` contains.
const MAX_ACTIVE: i64 = 500;

/// A part of a list of conversations in the order of ids.
#[derive(Debug)]
pub struct ConversationListPart {
    pub list: ConversationList,
    /// The id below which the next part begins; `None` at the end of the list.
    pub next_below: Option<ConversationId>,
}

impl Desk {
    /// Returns a page of the visible conversations.
    pub async fn list_conversations(
        &self,
        caller: Caller,
        filter: ConversationFilter,
        page: PageRequest,
    ) -> Result<WithCursor<ConversationList>, Error> {
        // These filters and orders may read every conversation of the hotel; other lists are found through an index.
        let is_any_state = filter.status.is_empty() && filter.waiting.is_none() && !filter.unsent && !filter.unread;
        let is_any_state = is_any_state && filter.snoozed.is_none() && filter.overdue_at.is_none();
        let is_indexed = is_any_state && filter.search.is_none() && filter.order == ConversationOrder::Updated;
        let cost = if is_indexed { ReadCost::Indexed } else { ReadCost::Scan };
        self.read_with_cursor(caller, cost, move |conn, reach| {
            let list = load_list(conn, reach, filter, page.slice())?;
            page.ensure_exists(list.count)?;
            Ok(list)
        })
        .await
    }

    /// Returns at most `size` visible conversations with ids below `below`, newest id first.
    pub async fn list_conversations_below(
        &self,
        caller: Caller,
        filter: ConversationFilter,
        below: Option<ConversationId>,
        size: i64,
    ) -> Result<WithCursor<ConversationListPart>, Error> {
        let filter = ConversationFilter { order: ConversationOrder::Newest { below }, ..filter };
        self.read_with_cursor(caller, ReadCost::Scan, move |conn, reach| {
            // One row more shows whether another part follows.
            let mut list = load_list(conn, reach, filter, Slice { offset: 0, limit: size + 1 })?;
            let is_last = (list.page.len() as i64) <= size;
            list.page.truncate(size as usize);
            let last = list.page.last().map(|it| it.conversation.id());
            Ok(ConversationListPart { list, next_below: last.filter(|_| !is_last) })
        })
        .await
    }

    /// Returns the visible conversations with status `active`, most recently changed first, at most 500.
    pub async fn list_active_conversations(&self, caller: Caller) -> Result<WithCursor<Vec<ConversationView>>, Error> {
        self.read_with_cursor(caller, ReadCost::Indexed, |conn, reach| {
            let filter = ConversationFilter { status: vec![Status::Active], ..ConversationFilter::default() };
            Ok(conversations::list(conn, reach, &filter, Slice { offset: 0, limit: MAX_ACTIVE })?.1)
        })
        .await
    }

    pub async fn conversation(
        &self,
        caller: Caller,
        id: ConversationId,
    ) -> Result<WithCursor<ConversationView>, Error> {
        self.read_with_cursor(caller, ReadCost::Indexed, move |conn, reach| {
            let view = load_view_for(conn, reach.staff, id)?;
            if reach.covers(view.conversation.hotel(), view.conversation.department()) {
                Ok(view)
            } else {
                Err(Error::NotFound)
            }
        })
        .await
    }

    /// Routes a conversation to a department, or transfers it to another. Clears an assignee without access to the new
    /// department. `note` is stored as an internal note.
    pub async fn start_relay(
        &self,
        caller: Caller,
        reference: ConversationRef,
        to: DepartmentId,
        note: Option<MessageText>,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        self.change_conversation(caller, reference, write, move |tx, reach, conversation, at| {
            ensure_active_department(tx, reach.hotel, "department_id", to)?;
            let assignee = match conversation.assignee() {
                None => None,
                Some(id) => assignee_reach(tx, id)?,
            };
            let before = conversation.clone();
            conversation.start_relay(to, assignee.as_ref())?;
            save_with_note(tx, &before, conversation, Some(reach.staff), note.as_ref(), at)?;
            if let Some(note) = &note {
                record_note(tx, conversation, reach.staff, note, at)?;
            }
            Ok(())
        })
        .await
    }

    /// Hands a conversation back to the guest flow, which sends its menu.
    pub async fn end_relay(
        &self,
        caller: Caller,
        reference: ConversationRef,
        write: KeyedWrite<()>,
    ) -> Result<WriteOutcome<()>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let before = find_visible(tx.conn(), &live.staff.reach(), reference)?;
            let mut conversation = before.clone();
            conversation.end_relay()?;
            save_with_events(tx, &before, &conversation, Some(live.staff.id), now)?;
            let hotel = hotels::find(tx.conn(), conversation.hotel())?.ok_or(Error::NotFound)?;
            flow_runner::resume_after_relay(tx, &hotel, &mut conversation, now)
        })
        .await
    }

    /// Assigns a conversation to a staff member who can see it, or clears the assignee. With `if_unassigned`, fails with
    /// [`Error::AlreadyAssigned`] if another staff member is the assignee.
    pub async fn assign(
        &self,
        caller: Caller,
        reference: ConversationRef,
        to: Option<StaffId>,
        if_unassigned: bool,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        self.change_conversation(caller, reference, write, move |tx, reach, conversation, at| {
            conversation.ensure_open()?;
            if let Some(other) = conversation.assignee().filter(|it| if_unassigned && Some(*it) != to) {
                let other = staff::find(tx.conn(), other)?.ok_or(Error::NotFound)?;
                return Err(Error::AlreadyAssigned { assigned_to: Person { id: other.id, name: other.name } });
            }
            let assignee = match to {
                None => None,
                Some(id) => {
                    let assignee = assignee_reach(tx, id)?.filter(|it| it.hotel == reach.hotel);
                    Some(assignee.ok_or(domain::conversation::AssigneeOutOfReach(id))?)
                }
            };
            let before = conversation.clone();
            conversation.assign(assignee.as_ref())?;
            save_with_events(tx, &before, conversation, Some(reach.staff), at)
        })
        .await
    }

    /// Records that the guest of a conversation needs no answer, for example to "Thanks!".
    pub async fn mark_handled(
        &self,
        caller: Caller,
        reference: ConversationRef,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        self.change_conversation(caller, reference, write, |tx, reach, conversation, at| {
            record_handled(tx, conversation, Some(reach.staff), at)
        })
        .await
    }

    /// Closes a conversation; its guest then waits for no answer. A conversation that is already closed stays unchanged.
    pub async fn close(
        &self,
        caller: Caller,
        reference: ConversationRef,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        self.change_conversation(caller, reference, write, |tx, reach, conversation, at| {
            let before = conversation.clone();
            conversation.close();
            if before != *conversation {
                reports::record_end_of_wait(tx, conversation.id(), at)?;
                answers::mark_handled(tx, conversation.id())?;
                reports::record_closing(tx, conversation, reach.staff, at)?;
            }
            save_with_events(tx, &before, conversation, Some(reach.staff), at)
        })
        .await
    }

    /// Reopens a conversation. A conversation that is already open stays unchanged.
    pub async fn reopen(
        &self,
        caller: Caller,
        reference: ConversationRef,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        self.change_conversation(caller, reference, write, |tx, reach, conversation, at| {
            let assignee = assignee_reach_on_reopen(tx, conversation)?;
            let before = conversation.clone();
            if let Some(department) = conversation.department()
                && departments::lock_active(tx, reach.hotel, department)?.is_none()
            {
                let hotel = hotels::find(tx.conn(), reach.hotel)?.ok_or(Error::NotFound)?;
                conversation.replace_inactive_department(hotel.default_department);
            }
            conversation.reopen(assignee.as_ref());
            save_with_events(tx, &before, conversation, Some(reach.staff), at)?;
            match before.status() {
                Status::Closed => Ok(reports::take_back_closing(tx, conversation, at)?),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Runs `job` on a visible conversation and returns the conversation afterwards.
    pub(crate) async fn change_conversation(
        &self,
        caller: Caller,
        reference: ConversationRef,
        write: KeyedWrite<ConversationView>,
        mut job: impl FnMut(&mut Tx<'_>, &Reach, &mut Conversation, DateTime<Utc>) -> Result<(), Error> + Send + 'static,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let reach = live.staff.reach();
            let mut conversation = find_visible(tx.conn(), &reach, reference)?;
            job(tx, &reach, &mut conversation, now)?;
            load_view_for(tx.conn(), reach.staff, conversation.id())
        })
        .await
    }
}

fn load_list(
    conn: &mut Conn,
    reach: &Reach,
    mut filter: ConversationFilter,
    slice: Slice,
) -> Result<ConversationList, Error> {
    if let Some(text) = &filter.search {
        filter.search_numbers = phone_search_terms(conn, reach.hotel, text)?;
    }
    let (count, page) = conversations::list(conn, reach, &filter, slice)?;
    Ok(ConversationList { count, page })
}
