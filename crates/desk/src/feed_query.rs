//! Feed queries: one snapshot with the sessions, visible conversations and log events that a batch of feed requests
//! needs.

use std::collections::HashMap;

use auth::Caller;
use domain::{
    Conversation, ConversationId, ConversationRef, ConversationView, Draft, Event, HistoryEntry, HistoryEntryId,
    HotelId, Person, ReadPosition, ScheduledMessage, ScheduledMessageId, Seq, SessionId, StaffId, StayId,
    stay::StayWithConversation,
};
use persistence::{
    Conn, ReadPurpose, conversations,
    event_log::{self, LogCursor},
    history, read_positions, scheduled_messages,
    sessions::{self, LiveSession},
    staff, stays,
};

use crate::{
    Desk, Error,
    read_limit::{ReadCost, ReadPermit},
};

/// A query of one hotel's feed, answered from one snapshot.
#[derive(Clone, Debug)]
pub struct FeedQuery {
    pub hotel: HotelId,
    pub sessions: Vec<SessionQuery>,
    /// The part of the hotel's event log to read; `None` reads no events.
    pub log: Option<LogRange>,
    /// Objects to load in their current state, without a check of visibility.
    pub shown: ShownObjects,
}

/// The objects that events show, by id.
#[derive(Clone, Debug, Default)]
pub struct ShownObjects {
    pub conversations: Vec<ConversationId>,
    pub stays: Vec<StayId>,
    pub history: Vec<HistoryEntryId>,
    pub scheduled: Vec<ScheduledMessageId>,
}

impl ShownObjects {
    pub fn is_empty(&self) -> bool {
        self.conversations.is_empty() && self.stays.is_empty() && self.history.is_empty() && self.scheduled.is_empty()
    }

    fn add_events(&mut self, events: &[Event]) {
        self.conversations.extend(events.iter().filter_map(|event| event.kind.conversation()));
        self.stays.extend(events.iter().filter_map(|event| event.kind.shown_stay()));
        self.history.extend(events.iter().filter_map(|event| event.kind.history_entry()));
        self.scheduled.extend(events.iter().filter_map(|event| event.kind.scheduled_message()));
    }

    fn load(mut self, conn: &mut Conn) -> Result<LoadedObjects, Error> {
        self.conversations.sort_unstable();
        self.conversations.dedup();
        self.stays.sort_unstable();
        self.stays.dedup();
        let views = conversations::views(conn, None, &self.conversations)?;
        Ok(LoadedObjects {
            views: views.into_iter().map(|view| (view.conversation.id(), view)).collect(),
            stays: stays::by_ids(conn, &self.stays)?,
            history: history::by_ids(conn, &self.history)?,
            scheduled: scheduled_messages::by_ids(conn, &self.scheduled)?,
        })
    }
}

/// The current state of [`ShownObjects`], without those that do not exist.
#[derive(Clone, Debug, Default)]
pub struct LoadedObjects {
    pub views: HashMap<ConversationId, ConversationView>,
    pub stays: HashMap<StayId, StayWithConversation>,
    pub history: HashMap<HistoryEntryId, HistoryEntry>,
    pub scheduled: HashMap<ScheduledMessageId, ScheduledMessage>,
}

#[derive(Clone, Debug)]
pub struct SessionQuery {
    pub caller: Caller,
    /// Conversations whose visibility for this session is checked.
    pub conversations: Vec<ConversationRef>,
}

#[derive(Clone, Copy, Debug)]
pub struct LogRange {
    /// The sequence number after which events are read from the log.
    pub after: Seq,
    pub limit: i64,
}

/// The answer to a [`FeedQuery`].
#[derive(Clone, Debug)]
pub struct FeedSnapshot {
    pub epoch: String,
    /// The log head: the newest sequence number in the hotel's event log.
    pub head: Seq,
    /// The queried sessions, in the order of [`FeedQuery::sessions`]; `None` for a session that is over.
    pub sessions: Vec<Option<SessionView>>,
    pub log: LogPage,
    /// The objects of [`FeedQuery::shown`]. If the query has sessions, also those of the log events.
    pub loaded: LoadedObjects,
}

/// A live session, and the conversations that it sees.
#[derive(Clone, Debug)]
pub struct SessionView {
    pub live: LiveSession,
    pub requested: Vec<ConversationRef>,
    /// The conversations of [`SessionView::requested`], in the same order; `None` for one that is absent or invisible
    /// to the session.
    pub conversations: Vec<Option<Conversation>>,
}

/// The present draft of a staff member in a conversation; `None` if there is none. Visibility is not checked.
#[derive(Clone, Debug)]
pub struct DraftView {
    pub conversation: Conversation,
    pub draft: Option<Draft>,
}

#[derive(Clone, Debug, Default)]
pub struct LogPage {
    pub events: Vec<Event>,
    /// The sequence number after the requested one if the log still contains it, otherwise the first sequence number in
    /// the log. Of an empty log, that of the next event.
    pub first: Seq,
}

impl FeedSnapshot {
    /// Returns whether a client can resume after the sequence number `after`: the epoch is the same (if given),
    /// retention has removed nothing after that position, and the position exists.
    pub fn continues_from(&self, epoch: Option<&str>, after: Seq) -> bool {
        epoch.is_none_or(|epoch| epoch == self.epoch) && after <= self.head && self.log.first <= after.next()
    }

    /// Returns the sequence number up to which the event log was read: that of the last event of the page, or the log
    /// head if the page is empty.
    pub fn read_up_to(&self) -> Seq {
        self.log.events.last().map_or(self.head, |last| last.seq)
    }
}

impl Desk {
    /// Runs a query of a live feed, on connections that are reserved for feeds.
    pub async fn query_feed(&self, query: FeedQuery) -> Result<FeedSnapshot, Error> {
        self.query_feed_with(ReadPurpose::Feed, None, query).await
    }

    /// Runs a feed query of a socket that replays the event log.
    pub async fn query_feed_for_replay(&self, caller: Caller, query: FeedQuery) -> Result<FeedSnapshot, Error> {
        let permit = self.read_limiter.acquire(caller.staff, ReadCost::Replay).await?;
        self.query_feed_with(ReadPurpose::Replay, Some(permit), query).await
    }

    /// Runs a feed query of a single request.
    pub async fn query_feed_for_request(&self, caller: Caller, query: FeedQuery) -> Result<FeedSnapshot, Error> {
        let permit = self.read_limiter.acquire(caller.staff, ReadCost::Indexed).await?;
        self.query_feed_with(ReadPurpose::Request, Some(permit), query).await
    }

    async fn query_feed_with(
        &self,
        purpose: ReadPurpose,
        permit: Option<ReadPermit>,
        query: FeedQuery,
    ) -> Result<FeedSnapshot, Error> {
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.read_for(purpose, permit, move |conn| {
            let LogCursor { epoch, seq: head } = event_log::cursor(conn, query.hotel)?;
            let ids: Vec<SessionId> = query.sessions.iter().map(|session| session.caller.session).collect();
            let live = sessions::find_live_many(conn, &ids, lifetimes, now)?;
            let found = conversations::find_many(conn, query.sessions.iter().flat_map(|it| &it.conversations))?;
            let sessions = query.sessions.into_iter().map(|session| {
                let live = live.get(&session.caller.session)?.clone();
                let reach = live.staff.reach();
                let requested = session.conversations;
                let conversations = requested.iter().map(|it| found.visible(&reach, *it).cloned()).collect();
                Some(SessionView { live, requested, conversations })
            });
            let sessions: Vec<Option<SessionView>> = sessions.collect();
            let log = match query.log {
                Some(range) => read_log(conn, query.hotel, range, head)?,
                None => LogPage::default(),
            };
            let mut shown = query.shown;
            if !sessions.is_empty() {
                shown.add_events(&log.events);
            }
            Ok(FeedSnapshot { epoch, head, sessions, log, loaded: shown.load(conn)? })
        })
        .await
    }

    /// Returns a staff member of the hotel, the stay of one of its conversations, and the staff member's read position
    /// there; `None` if the staff member or the conversation is absent.
    pub async fn find_reader(
        &self,
        hotel: HotelId,
        person: StaffId,
        conversation: ConversationId,
    ) -> Result<Option<(Person, Option<StayId>, ReadPosition)>, Error> {
        self.read_for(ReadPurpose::Feed, None, move |conn| {
            let staff = staff::find(conn, person)?.filter(|it| it.hotel == hotel);
            let conversation = conversations::find(conn, ConversationRef::Conversation(conversation))?;
            let conversation = conversation.filter(|it| it.hotel() == hotel);
            let Some((staff, conversation)) = staff.zip(conversation) else { return Ok(None) };
            let position = read_positions::find(conn, staff.id, conversation.id())?;
            Ok(Some((Person { id: staff.id, name: staff.name }, conversation.stay(), position)))
        })
        .await
    }

    /// Returns the current epoch, and the log heads (newest sequence numbers) of these hotels.
    pub async fn log_heads(&self, hotels: Vec<HotelId>) -> Result<(String, Vec<(HotelId, Seq)>), Error> {
        self.read_for(ReadPurpose::Feed, None, move |conn| {
            Ok((event_log::current_epoch(conn)?, event_log::heads(conn, &hotels)?))
        })
        .await
    }
}

fn read_log(conn: &mut Conn, hotel: HotelId, range: LogRange, head: Seq) -> Result<LogPage, Error> {
    let events = event_log::list_after(conn, hotel, range.after, range.limit)?;
    let first = match events.first() {
        Some(event) if event.seq == range.after.next() => event.seq,
        _ => event_log::first_seq(conn, hotel)?.unwrap_or(head.next()),
    };
    Ok(LogPage { events, first })
}
