//! What the system answers when a guest writes.
//!
//! [`answer`] is the flow: what was meant, at which step, and what follows. Around it stand
//! [`given_back`] and [`farewell`], which nobody asks for. All are pure: who calls them stores the
//! [`Turn`]. What a hotel can change of it is told in `docs/flow.md`.

mod memory;
mod say;
mod talk;
mod texts;
mod understand;
mod words;

pub use memory::{Memory, Step};
pub use say::{Choice, Say};
pub use texts::{LANGUAGE, Language, TextName, Texts};

use chrono::NaiveDate;

use crate::{Department, DepartmentId, Status};
use talk::Talk;
use understand::{Meant::*, Pick, Pick::*};

/// A conversation, as far as it matters to the flow.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Where it stood before the guest wrote: a closed one begins anew.
    pub was: Status,
    /// Where it stands now.
    pub status: Status,
    /// Its step; an unknown word of the column counts as the start.
    pub step: Step,
    /// What the flow knows of it.
    pub memory: &'a Memory,
    /// The guest's name.
    pub guest_name: &'a str,
    /// The room, where a stay is known.
    pub room_number: Option<&'a str>,
    /// First and last day of the stay, where one is known.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// Whether that stay is over.
    pub after_stay: bool,
    /// The hotel's name.
    pub hotel_name: &'a str,
    /// The hotel's departments, in the order of the menu.
    pub departments: &'a [Department],
    /// Who helps where nobody else is asked for. One that is not among them counts as none, and
    /// then it is the first of them.
    pub default_department: Option<DepartmentId>,
    /// What the flow says.
    pub texts: &'a Texts,
}

/// What the guest wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// A text, or the caption of a picture.
    Text(&'a str),
    /// A row of a list or a button.
    Choice {
        /// Its id, as in [`Choice::id`].
        id: &'a str,
        /// Its label. Where the id is not known, it counts as if it were typed.
        title: &'a str,
    },
    /// What is no text: a picture, a voice message, a place.
    Other,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What the system says, in this order.
    pub say: Vec<Say>,
    /// The conversation's step from now on.
    pub step: Step,
    /// What the flow knows from now on.
    pub memory: Memory,
    /// The department to which the conversation is routed.
    pub route: Option<DepartmentId>,
}

/// What the system answers to what a guest said. While people talk it is silent.
pub fn answer(situation: &Situation<'_>, said: &Said<'_>) -> Turn {
    if matches!(situation.status, Status::Relay | Status::Closed) {
        return Turn::silent(situation);
    }
    let talk = Talk::hearing(situation, said);
    match (talk.step(), talk.understand(said)) {
        // At any step.
        (_, Stop) => Turn::silent(situation),
        (_, Again) => talk.ask_again(),
        (_, Speak(language)) => talk.in_language(language).ask_again(),
        (_, Picked(Person)) => talk.connect_by_default(),
        (_, Picked(Department(id))) => talk.connect(id),
        // The first message, or the first in a long time.
        (Step::Start | Step::Menu, Several(departments)) => talk.which(&departments),
        (Step::Start, meant) => talk.begin(&meant),
        // No stay is known.
        (Step::Offered, Picked(Yes)) => talk.connect_by_default(),
        (Step::Offered, Picked(No) | Thanks) => talk.decline(),
        // The stay has not begun.
        (Step::Arrival, Answer(text)) if !is_question(text) => talk.note_arrival(text),
        (Step::Wishes, Answer(text)) => talk.note_wishes(text),
        (Step::Wishes, Picked(No)) => talk.note_wishes(""),
        (Step::Confirm, Picked(Yes)) => talk.confirm(),
        (Step::Confirm, Picked(No)) => talk.ask(Some(TextName::Change), Step::Confirm),
        (Step::Confirm | Step::Ready, Picked(ChangeArrival)) => talk.change(Step::Arrival),
        (Step::Confirm | Step::Ready, Picked(ChangeWishes)) => talk.change(Step::Wishes),
        (Step::Ready, Picked(Yes | No) | Thanks) => Turn::silent(situation),
        // The stay has begun.
        (Step::Menu, Picked(More)) => talk.next_page(),
        (Step::Menu, Picked(No) | Thanks) => Turn::silent(situation),
        (Step::Menu, Greeting) => {
            talk.miss(if situation.after_stay { TextName::AfterStay } else { TextName::Greeting })
        }
        // What means nothing, and if it was the second in a row, a person helps.
        _ => talk.miss(TextName::NotUnderstood),
    }
}

/// What the system says after staff have ended their talk: the menu again. The situation is the
/// one after it.
pub fn given_back(situation: &Situation<'_>) -> Turn {
    match situation.status {
        Status::Relay | Status::Closed => Turn::silent(situation),
        _ => Talk::anew(situation).begin_with(TextName::GivenBack),
    }
}

/// What the system says to a guest who has checked out, whoever they talk with.
pub fn farewell(situation: &Situation<'_>) -> Turn {
    Talk::anew(situation).farewell()
}

impl Turn {
    /// Nothing is said, and nothing changes.
    fn silent(situation: &Situation<'_>) -> Self {
        Self { say: Vec::new(), step: situation.step, memory: situation.memory.clone(), route: None }
    }
}

/// Whether it asks instead of answering; "15:00?" answers.
fn is_question(text: &str) -> bool {
    text.trim_end().ends_with(['?', '？']) && !text.chars().any(char::is_numeric)
}

#[cfg(test)]
mod tests;
