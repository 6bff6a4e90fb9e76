//! What the flow knows from one message to the next.

use std::str::FromStr;

use super::Language;
use crate::Status;

/// What the guest was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Step {
    /// Nothing yet.
    #[default]
    Start,
    /// Where no stay is known: whether they want to talk to a person.
    Offered,
    /// Before the stay: when they arrive.
    Arrival,
    /// Before the stay: what they wish.
    Wishes,
    /// Before the stay: whether that is right.
    Confirm,
    /// Before the stay: nothing more; they may change their answers.
    Ready,
    /// In the stay: to which department they want to talk.
    Menu,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Start, Self::Offered, Self::Arrival, Self::Wishes, Self::Confirm, Self::Ready, Self::Menu];

    /// The word for it in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "",
            Self::Offered => "demo.offer",
            Self::Arrival => "checkin.arrival",
            Self::Wishes => "checkin.wishes",
            Self::Confirm => "checkin.confirm",
            Self::Ready => "checkin.ready",
            Self::Menu => "active.menu",
        }
    }

    /// Whether a conversation that stands there can be at this step. Where not, it is at the start.
    pub(super) fn belongs_to(self, status: Status) -> bool {
        match self {
            Self::Start => true,
            Self::Offered => status == Status::Demo,
            Self::Arrival | Self::Wishes | Self::Confirm | Self::Ready => status == Status::Checkin,
            Self::Menu => status == Status::Active,
        }
    }
}

impl FromStr for Step {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.as_str() == word).ok_or(())
    }
}

/// What the flow keeps of a conversation beside the step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// When the guest arrives, in their words.
    pub arrival_time: Option<String>,
    /// What they wish, in their words; empty: nothing.
    pub wishes: Option<String>,
    /// Whether they said that both are right.
    pub confirmed: bool,
    /// How many of their messages in a row meant nothing to the flow.
    pub misses: u32,
    /// Which page of the menu they saw last, from 0.
    pub page: usize,
    /// The language that they chose; `None`: the hotel's.
    pub language: Option<Language>,
}

impl Memory {
    /// The first question before a stay that has no answer yet.
    pub(super) fn next_question(&self) -> Step {
        match (&self.arrival_time, &self.wishes) {
            (None, _) => Step::Arrival,
            (_, None) => Step::Wishes,
            _ if !self.confirmed => Step::Confirm,
            _ => Step::Ready,
        }
    }
}
