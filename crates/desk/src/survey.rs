//! What the sockets' feeds ask: who still is who, what they see, and what the log says, all of
//! one moment.

use std::collections::HashMap;

use auth::Caller;
use domain::{Conversation, ConversationId, ConversationView, Event, HotelId, Person, Seq, SessionId, StaffId, StayId};
use persistence::{
    Purpose,
    conversations::{self, Which},
    events,
    sessions::{self, Live},
    staff,
};

use crate::{
    Desk, Error,
    caller_reads::{Turn, Weight},
};

/// A question about a hotel at one moment.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The hotel.
    pub hotel: HotelId,
    /// Sessions to look at, and conversations whose sight is asked for them.
    pub looks: Vec<Look>,
    /// A part of the log to read.
    pub log: Option<LogRange>,
    /// Conversations that are wanted as they are now.
    pub views: Vec<ConversationId>,
}

/// A session to look at.
#[derive(Clone, Debug)]
pub struct Look {
    /// Whose.
    pub caller: Caller,
    /// Conversations of which it is asked whether they see them.
    pub which: Vec<Which>,
}

/// A part of the log.
#[derive(Clone, Copy, Debug)]
pub struct LogRange {
    /// Events after this place.
    pub after: Seq,
    /// At most so many.
    pub limit: i64,
}

/// The answer to a [`Survey`].
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The name of the log's history.
    pub epoch: String,
    /// The last place in the hotel's log at that moment.
    pub head: Seq,
    /// What was asked of each session, in order; `None`: it is over.
    pub seen: Vec<Option<Seen>>,
    /// What was asked of the log.
    pub log: LogPage,
    /// The conversations asked for, as they are now; where sessions were looked at, also those that the log's
    /// events tell of.
    pub views: HashMap<ConversationId, ConversationView>,
}

/// A live session, and what it sees.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The session.
    pub live: Live,
    /// What was asked for.
    pub asked: Vec<Which>,
    /// The conversations asked for, in order; `None`: not there, or out of sight.
    pub conversations: Vec<Option<Conversation>>,
}

/// A part of the log, as read.
#[derive(Clone, Debug, Default)]
pub struct LogPage {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The place asked for where the log still has it, else the first that it has; the next to come where it is
    /// empty.
    pub first: Seq,
}

impl Surveyed {
    /// Whether a reader who knows the log up to `after` can go on from there: it is this history (any, where
    /// none is named), nothing after that place is forgotten, and the log has come so far.
    pub fn goes_on_from(&self, epoch: Option<&str>, after: Seq) -> bool {
        epoch.is_none_or(|epoch| epoch == self.epoch) && after <= self.head && self.log.first <= after.next()
    }

    /// Up to where the log was read: its head, unless the part asked for ends before.
    pub fn read_to(&self) -> Seq {
        self.log.events.last().map_or(self.head, |last| last.seq)
    }
}

impl Desk {
    /// Answers a survey of a feed, by readers that are kept for that.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn survey(&self, survey: Survey) -> Result<Surveyed, Error> {
        self.survey_for(Purpose::Feed, None, survey).await
    }

    /// Answers a survey for a socket that catches up.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn survey_to_replay(&self, caller: Caller, survey: Survey) -> Result<Surveyed, Error> {
        let turn = self.reads.turn(caller.staff, Weight::Replay).await?;
        self.survey_for(Purpose::Replay, Some(turn), survey).await
    }

    /// Answers a survey for whoever asks once.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn survey_to_answer(&self, caller: Caller, survey: Survey) -> Result<Surveyed, Error> {
        let turn = self.reads.turn(caller.staff, Weight::Light).await?;
        self.survey_for(Purpose::Request, Some(turn), survey).await
    }

    async fn survey_for(&self, purpose: Purpose, turn: Option<Turn>, survey: Survey) -> Result<Surveyed, Error> {
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.store
            .read_for(purpose, move |conn| {
                let _turn = turn;
                let (epoch, head) = events::cursor(conn, survey.hotel)?;
                let sessions: Vec<SessionId> = survey.looks.iter().map(|look| look.caller.session).collect();
                let live = sessions::live_among(conn, &sessions, lifetimes, now)?;
                let found = conversations::find_all(conn, survey.looks.iter().flat_map(|look| &look.which))?;
                let seen = survey.looks.into_iter().map(|look| {
                    let live = live.get(&look.caller.session)?.clone();
                    let reach = live.staff.reach();
                    let visible = look.which.iter().map(|which| found.visible(&reach, *which).cloned()).collect();
                    Some(Seen { live, asked: look.which, conversations: visible })
                });
                let seen: Vec<Option<Seen>> = seen.collect();
                let log = match survey.log {
                    Some(range) => read_log(conn, survey.hotel, range, head)?,
                    None => LogPage::default(),
                };
                let mut ids = survey.views;
                if !seen.is_empty() {
                    ids.extend(log.events.iter().filter_map(|it| it.kind.conversation()));
                }
                ids.sort_unstable();
                ids.dedup();
                let views = conversations::views(conn, None, &ids)?;
                let views = views.into_iter().map(|it| (it.conversation.id, it)).collect();
                Ok(Surveyed { epoch, head, seen, log, views })
            })
            .await
    }

    /// Who a staff member of a hotel is, and of which stay one of its conversations; `None` where either
    /// is not there.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn person_and_stay(
        &self,
        hotel: HotelId,
        person: StaffId,
        conversation: ConversationId,
    ) -> Result<Option<(Person, Option<StayId>)>, Error> {
        self.store
            .read_for(Purpose::Feed, move |conn| {
                let person = staff::find(conn, person)?.filter(|it| it.hotel == hotel);
                let conversation = conversations::find(conn, Which::Conversation(conversation))?;
                let conversation = conversation.filter(|it| it.hotel == hotel);
                Ok(person.zip(conversation).map(|(who, it)| (Person { id: who.id, name: who.name }, it.stay)))
            })
            .await
    }

    /// The last places in these hotels' logs, and the name of their history.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn heads(&self, hotels: Vec<HotelId>) -> Result<(String, Vec<(HotelId, Seq)>), Error> {
        self.store.read_for(Purpose::Feed, move |conn| Ok((events::epoch(conn)?, events::heads(conn, &hotels)?))).await
    }
}

fn read_log(conn: &mut persistence::Conn, hotel: HotelId, range: LogRange, head: Seq) -> Result<LogPage, Error> {
    let found = events::after(conn, hotel, range.after, range.limit)?;
    let first = match found.first() {
        Some(it) if it.seq == range.after.next() => it.seq,
        _ => events::first(conn, hotel)?.unwrap_or(head.next()),
    };
    Ok(LogPage { events: found, first })
}
