//! What the sockets' feeds ask: who still is who, what they see, and what the log says, all of
//! one moment.

use std::collections::HashMap;

use auth::Caller;
use domain::{Conversation, ConversationId, ConversationView, Event, HotelId, Person, Seq, StaffId, StayId};
use persistence::{
    conversations::{self, Which},
    events,
    sessions::{self, Key, Live},
    staff,
};

use crate::{Desk, Error};

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
    /// Answers a survey.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn survey(&self, survey: Survey) -> Result<Surveyed, Error> {
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.store
            .read(move |conn| {
                let (epoch, head) = events::cursor(conn, survey.hotel)?;
                let mut seen = Vec::with_capacity(survey.looks.len());
                for look in &survey.looks {
                    let live = sessions::find_live(conn, Key::Id(look.caller.session), lifetimes, now)?;
                    let Some(live) = live else {
                        seen.push(None);
                        continue;
                    };
                    let reach = live.staff.reach();
                    let found = look.which.iter().map(|which| conversations::find_visible(conn, &reach, *which));
                    let found = found.collect::<Result<Vec<_>, _>>()?;
                    seen.push(Some(Seen { live, conversations: found }));
                }
                let log = match survey.log {
                    Some(range) => read_log(conn, survey.hotel, range, head)?,
                    None => LogPage::default(),
                };
                let mut ids = survey.views;
                if !survey.looks.is_empty() {
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
            .read(move |conn| {
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
        self.store.read(move |conn| Ok((events::epoch(conn)?, events::heads(conn, &hotels)?))).await
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
