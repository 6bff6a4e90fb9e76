//! State of the guest flow that is stored between two messages: step and memory.

use strum::{IntoStaticStr, VariantArray, VariantNames};

use super::texts::FlowLanguage;
use crate::conversation::Status;

/// Step of the guest flow: the question that the guest was asked last.
///
/// ```text
/// demo      start ──▶ offered ──yes──▶ (routed)
/// checkin   start ──▶ arrival ──answer──▶ wishes ──answer──▶ confirm ──yes──▶ ready
///           confirm, ready ──change──▶ arrival or wishes ──answer──▶ confirm
/// active    start ──▶ menu ──department──▶ (routed)
/// any step  two messages in a row that are not understood ──▶ (routed to the default department)
/// ```
///
/// A step that does not fit the status counts as `start`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
pub enum FlowStep {
    /// The guest was asked no question yet.
    #[default]
    #[strum(serialize = "")]
    Start,
    /// A guest without a stay was asked: do you want to talk to a person?
    #[strum(serialize = "demo.offer")]
    Offered,
    /// Before the stay, the guest was asked for the arrival time.
    #[strum(serialize = "checkin.arrival")]
    Arrival,
    /// Before the stay, the guest was asked for wishes.
    #[strum(serialize = "checkin.wishes")]
    Wishes,
    /// Before the stay, the guest was asked whether the answers are correct.
    #[strum(serialize = "checkin.confirm")]
    Confirm,
    /// Before the stay, the guest has answered all questions; the answers can be changed.
    #[strum(serialize = "checkin.ready")]
    Ready,
    /// During the stay, the guest was shown the menu of departments.
    #[strum(serialize = "active.menu")]
    Menu,
}

named_values!(FlowStep);

impl FlowStep {
    /// Whether a conversation of this status can be at this step.
    pub(super) fn belongs_to(self, status: Status) -> bool {
        match self {
            Self::Start => true,
            Self::Offered => status == Status::Demo,
            Self::Arrival | Self::Wishes | Self::Confirm | Self::Ready => status == Status::Checkin,
            Self::Menu => status == Status::Active,
        }
    }
}

/// Memory of the guest flow: answers of the guest and counters, stored beside the step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FlowMemory {
    /// Arrival time in the guest's words; `None` if not answered yet.
    pub arrival_time: Option<String>,
    /// Wishes in the guest's words; empty if the guest has none, `None` if not answered yet.
    pub wishes: Option<String>,
    /// Whether the guest confirmed arrival time and wishes.
    pub confirmed: bool,
    /// Number of the guest's consecutive messages that were not understood.
    pub misses: u32,
    /// Page of the menu of departments that was shown last, from 0.
    pub page: usize,
    /// Language chosen by the guest; `None` for the hotel's language.
    pub language: Option<FlowLanguage>,
}

impl FlowMemory {
    /// The first question before a stay that is not answered yet.
    pub(super) fn next_question(&self) -> FlowStep {
        match (&self.arrival_time, &self.wishes) {
            (None, _) => FlowStep::Arrival,
            (_, None) => FlowStep::Wishes,
            _ if !self.confirmed => FlowStep::Confirm,
            _ => FlowStep::Ready,
        }
    }
}
