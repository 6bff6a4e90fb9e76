//! The flow at work: what it says is stored and queued, what it knows is kept, where it routes to is done.
//!
//! It talks where a hotel can answer by WhatsApp. Where a hotel has switched it off, people are asked at once.

use chrono::{DateTime, Utc};
use domain::{
    Conversation, Department, DepartmentId, Hotel, Status,
    flow::{self, Said, Say, Situation, Turn},
};
use persistence::{Tx, conversations::Slice, departments, flow as kept, windows};
use whatsapp::{Body, Row};

use crate::{
    Error,
    conversations::view,
    outgoing::{self, is_window_open},
    settle,
};

/// What made the flow speak.
#[derive(Clone, Copy)]
enum Cause<'a> {
    /// The guest said something.
    Heard(Heard<'a>),
    /// Staff ended their talk.
    GivenBack,
    /// The guest has checked out.
    Farewell,
}

/// What a guest said.
#[derive(Clone, Copy)]
pub(crate) struct Heard<'a> {
    /// Where the conversation stood before.
    pub(crate) was: Status,
    /// What they said.
    pub(crate) said: Said<'a>,
    /// Given where the stay is over.
    pub(crate) after_stay: Option<AfterStay>,
}

/// Whether a guest whose stay is over has written since it ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterStay {
    /// It is the first time: the dialogue begins anew.
    Begins,
    /// They have.
    GoesOn,
}

/// The guest said something.
pub(crate) fn hear(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    it: &mut Conversation,
    heard: Heard<'_>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if hotel.whatsapp_phone_number_id.is_none() || matches!(it.status, Status::Relay | Status::Closed) {
        return Ok(());
    }
    if hotel.flow {
        return speak(tx, hotel, it, Cause::Heard(heard), now);
    }
    match hotel.default_department {
        Some(department) => route(tx, it, department, now),
        None => Ok(()),
    }
}

/// Staff ended their talk: the guest gets the menu again.
pub(crate) fn give_back(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    it: &mut Conversation,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    speak(tx, hotel, it, Cause::GivenBack, now)
}

/// The guest has checked out. To be said before the conversation is closed.
pub(crate) fn bid_farewell(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    it: &mut Conversation,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    speak(tx, hotel, it, Cause::Farewell, now)
}

fn speak(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    it: &mut Conversation,
    cause: Cause<'_>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let heard = windows::last_wrote(tx.conn(), it.guest)?;
    if !hotel.flow || hotel.whatsapp_phone_number_id.is_none() || !is_window_open(heard, now) {
        return Ok(());
    }
    let turn = turn(tx, hotel, it, cause)?;
    // The move comes first: who is to help sees all that is said.
    if let Some(department) = turn.route {
        route(tx, it, department, now)?;
    }
    kept::save(tx, it.id, turn.step, &turn.memory)?;
    turn.say.iter().try_for_each(|say| utter(tx, hotel, it, say, now))
}

/// What the flow makes of it.
fn turn(tx: &mut Tx<'_>, hotel: &Hotel, it: &Conversation, cause: Cause<'_>) -> Result<Turn, Error> {
    let view = view(tx.conn(), it.id)?;
    let (step, memory) = kept::state(tx.conn(), it.id)?;
    let (departments, texts) = (menu(tx, hotel)?, kept::texts(tx.conn(), hotel.id)?);
    let situation = Situation {
        was: match cause {
            Cause::Heard(Heard { after_stay: Some(AfterStay::Begins), .. }) => Status::Closed,
            Cause::Heard(heard) => heard.was,
            Cause::GivenBack | Cause::Farewell => it.status,
        },
        status: it.status,
        step,
        memory: &memory,
        guest_name: &view.guest_name,
        room_number: view.room_number.as_deref(),
        days: view.days,
        after_stay: matches!(cause, Cause::Heard(Heard { after_stay: Some(_), .. })),
        hotel_name: &hotel.name,
        departments: &departments,
        default_department: hotel.default_department,
        texts: &texts,
    };
    Ok(match cause {
        Cause::Heard(heard) => flow::answer(&situation, &heard.said),
        Cause::GivenBack => flow::given_back(&situation),
        Cause::Farewell => flow::farewell(&situation),
    })
}

/// More departments no menu shows.
const MOST_DEPARTMENTS: i64 = 100;

fn menu(tx: &mut Tx<'_>, hotel: &Hotel) -> Result<Vec<Department>, Error> {
    let slice = Slice { offset: 0, limit: MOST_DEPARTMENTS };
    Ok(departments::list(tx.conn(), hotel.id, slice)?.1)
}

fn route(tx: &mut Tx<'_>, it: &mut Conversation, to: DepartmentId, now: DateTime<Utc>) -> Result<(), Error> {
    let before = it.clone();
    it.start_relay(to, None)?;
    settle::save(tx, &before, it, None, now)
}

fn utter(tx: &mut Tx<'_>, hotel: &Hotel, it: &Conversation, say: &Say, now: DateTime<Utc>) -> Result<(), Error> {
    let list = (!say.choices.is_empty()).then(|| list(say));
    outgoing::say(tx, hotel, it, &say.text, list.as_ref(), now)
}

fn list(say: &Say) -> Body {
    let row =
        |it: &flow::Choice| Row { id: it.id.clone(), title: it.title.clone(), description: it.description.clone() };
    Body::List { body: say.text.clone(), button: say.button.clone(), rows: say.choices.iter().map(row).collect() }
}
