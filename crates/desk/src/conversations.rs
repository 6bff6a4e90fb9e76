//! Conversations: looking at them, and moving them.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    Conversation, ConversationId, ConversationView, DepartmentId, HotelId, MessageText, PhoneNumber, Reach, Seq,
    StaffId, Status, WrittenNumber,
};
use persistence::{
    Conn, StoreError, Tx,
    conversations::{self, Filter, Slice, Which},
    events, hotels,
};

use crate::{Desk, Done, Error, Once, Page, caller_reads::Weight, departments::refuse_foreign, flow, messages, settle};

/// An answer, and where in the hotel's log it stands: events after it are not in the answer yet.
#[derive(Debug)]
pub struct WithCursor<T> {
    /// The answer.
    pub answer: T,
    /// The name of the log's history.
    pub epoch: String,
    /// The last place in the log, read before the answer.
    pub seq: Seq,
}

/// A page of conversations.
#[derive(Debug)]
pub struct ConversationList {
    /// How many match in all.
    pub count: i64,
    /// Those of the page.
    pub page: Vec<ConversationView>,
}

/// The most conversations that the list of active ones gives.
const MOST_ACTIVE: i64 = 500;

impl Desk {
    /// Lists conversations that the caller sees, newest change first.
    ///
    /// # Errors
    /// [`Error::NotFound`] past the last page.
    pub async fn conversations(
        &self,
        caller: Caller,
        filter: Filter,
        page: Page,
    ) -> Result<WithCursor<ConversationList>, Error> {
        // Only the list of open work is found by an index alone.
        let is_light = filter.status.is_empty() && filter.search.is_none() && !filter.unread;
        let weight = if is_light { Weight::Light } else { Weight::Heavy };
        self.ask_much_with_cursor(caller, weight, move |conn, reach| {
            let mut filter = filter.clone();
            if let Some(text) = &filter.search {
                filter.search_numbers = searched_numbers(conn, reach.hotel, text)?;
            }
            let (count, found) = conversations::list(conn, reach, &filter, page.slice())?;
            page.refuse_past(count)?;
            Ok(ConversationList { count, page: found })
        })
        .await
    }

    /// Lists the hotel's active conversations, newest change first, at most 500.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn active_conversations(&self, caller: Caller) -> Result<WithCursor<Vec<ConversationView>>, Error> {
        self.ask_with_cursor(caller, |conn, reach| {
            let filter = Filter { status: vec![Status::Active], ..Filter::default() };
            Ok(conversations::list(conn, reach, &filter, Slice { offset: 0, limit: MOST_ACTIVE })?.1)
        })
        .await
    }

    /// Shows a conversation.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn conversation(
        &self,
        caller: Caller,
        id: ConversationId,
    ) -> Result<WithCursor<ConversationView>, Error> {
        self.ask_with_cursor(caller, move |conn, reach| {
            let found = conversations::views(conn, Some(reach.staff), &[id])?.pop();
            found.filter(|it| reach.covers(it.conversation.hotel, it.conversation.department)).ok_or(Error::NotFound)
        })
        .await
    }

    /// Routes a conversation to a department, or transfers it. The note is kept for its staff.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for another hotel's department, [`Error::ConversationClosed`].
    pub async fn start_relay(
        &self,
        caller: Caller,
        which: Which,
        to: DepartmentId,
        note: Option<MessageText>,
        once: Once<ConversationView>,
    ) -> Result<Done<ConversationView>, Error> {
        self.move_once(caller, which, once, move |tx, reach, it, at| {
            refuse_foreign(tx.conn(), reach.hotel, "department_id", to)?;
            let assignee = match it.assignee {
                None => None,
                Some(id) => settle::assignee_reach(tx, id)?,
            };
            let before = it.clone();
            it.start_relay(to, assignee.as_ref())?;
            settle::save(tx, &before, it, Some(reach.staff), at)?;
            if let Some(note) = &note {
                messages::append_note(tx, it, reach.staff, note, at)?;
            }
            Ok(())
        })
        .await
    }

    /// Ends the relay of a conversation: the guest is with the flow again.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotInRelay`].
    pub async fn end_relay(&self, caller: Caller, which: Which, once: Once<()>) -> Result<Done<()>, Error> {
        let now = self.now();
        self.act_once(caller, vec![which], once, move |tx, live| {
            let mut it = visible(tx.conn(), &live.staff.reach(), which)?;
            let before = it.clone();
            it.end_relay()?;
            settle::save(tx, &before, &it, Some(live.staff.id), now)?;
            let hotel = hotels::find(tx.conn(), it.hotel)?.ok_or(Error::NotFound)?;
            flow::give_back(tx, &hotel, &mut it, now)
        })
        .await
    }

    /// Gives a conversation to a staff member, or to nobody.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::ConversationClosed`], [`Error::Invalid`] where they may not see it.
    pub async fn assign(
        &self,
        caller: Caller,
        which: Which,
        to: Option<StaffId>,
        once: Once<ConversationView>,
    ) -> Result<Done<ConversationView>, Error> {
        self.move_once(caller, which, once, move |tx, reach, it, at| {
            let assignee = match to {
                None => None,
                Some(id) => {
                    let theirs = settle::assignee_reach(tx, id)?.filter(|it| it.hotel == reach.hotel);
                    Some(theirs.ok_or(domain::AssigneeOutOfReach(id))?)
                }
            };
            // A request that makes no sense at all is told so, whatever the state.
            let before = it.clone();
            it.assign(assignee.as_ref())?;
            before.open()?;
            settle::save(tx, &before, it, Some(reach.staff), at)
        })
        .await
    }

    /// Closes a conversation; nothing happens to a closed one.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn close(
        &self,
        caller: Caller,
        which: Which,
        once: Once<ConversationView>,
    ) -> Result<Done<ConversationView>, Error> {
        self.move_once(caller, which, once, |tx, reach, it, at| {
            let before = it.clone();
            it.close();
            settle::save(tx, &before, it, Some(reach.staff), at)
        })
        .await
    }

    /// Opens a closed conversation; nothing happens to an open one.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn reopen(
        &self,
        caller: Caller,
        which: Which,
        once: Once<ConversationView>,
    ) -> Result<Done<ConversationView>, Error> {
        self.move_once(caller, which, once, |tx, reach, it, at| {
            let (before, assignee) = (it.clone(), settle::reach_at_reopening(tx, it)?);
            it.reopen(assignee.as_ref());
            settle::save(tx, &before, it, Some(reach.staff), at)
        })
        .await
    }

    async fn move_once(
        &self,
        caller: Caller,
        which: Which,
        once: Once<ConversationView>,
        mut job: impl FnMut(&mut Tx<'_>, &Reach, &mut Conversation, DateTime<Utc>) -> Result<(), Error> + Send + 'static,
    ) -> Result<Done<ConversationView>, Error> {
        let now = self.now();
        self.act_once(caller, vec![which], once, move |tx, live| {
            let reach = live.staff.reach();
            let mut it = visible(tx.conn(), &reach, which)?;
            job(tx, &reach, &mut it, now)?;
            shown(tx.conn(), &reach, &it)
        })
        .await
    }

    pub(crate) async fn ask_with_cursor<T: Send + 'static>(
        &self,
        caller: Caller,
        job: impl FnMut(&mut Conn, &Reach) -> Result<T, Error> + Send + 'static,
    ) -> Result<WithCursor<T>, Error> {
        self.ask_much_with_cursor(caller, Weight::Light, job).await
    }

    async fn ask_much_with_cursor<T: Send + 'static>(
        &self,
        caller: Caller,
        weight: Weight,
        mut job: impl FnMut(&mut Conn, &Reach) -> Result<T, Error> + Send + 'static,
    ) -> Result<WithCursor<T>, Error> {
        self.ask_much(caller, weight, move |conn, live| {
            let (epoch, seq) = events::cursor(conn, live.staff.hotel)?;
            Ok(WithCursor { answer: job(conn, &live.staff.reach())?, epoch, seq })
        })
        .await
    }
}

/// The conversation, if the reach covers it, and it is what was meant.
pub(crate) fn visible(conn: &mut Conn, reach: &Reach, which: Which) -> Result<Conversation, Error> {
    let found = conversations::find_visible(conn, reach, which)?.ok_or(Error::NotFound)?;
    if which.is_of(&found) { Ok(found) } else { Err(Error::not_together()) }
}

/// A conversation with what is shown of it, but for what is one staff member's own.
pub(crate) fn view(conn: &mut Conn, id: ConversationId) -> Result<ConversationView, Error> {
    Ok(conversations::views(conn, None, &[id])?.pop().ok_or(StoreError::Corrupt("conversation"))?)
}

/// How a conversation is shown to its asker, even if they have just lost sight of it.
fn shown(conn: &mut Conn, reach: &Reach, it: &Conversation) -> Result<ConversationView, Error> {
    conversations::views(conn, Some(reach.staff), &[it.id])?.pop().ok_or(Error::NotFound)
}

/// Fewer digits are rather a room, and are searched for as they are written.
const FEWEST_SEARCHED_DIGITS: usize = 5;

/// What to search for in numbers, where the text may be a number or a part of one: all its forms, or its digits.
fn searched_numbers(conn: &mut Conn, hotel: HotelId, text: &str) -> Result<Vec<String>, Error> {
    let Ok(written) = WrittenNumber::parse(text) else { return Ok(Vec::new()) };
    let digits = written.significant_digits();
    if digits.len() < FEWEST_SEARCHED_DIGITS {
        return Ok(Vec::new());
    }
    let country = hotels::find(conn, hotel)?.and_then(|it| it.country);
    Ok(match written.complete(country) {
        Ok(number) => number.alike().iter().map(PhoneNumber::to_string).collect(),
        Err(_) => vec![digits],
    })
}
