//! Input and output of the guest flow: context, input and outcome of one turn.

use chrono::NaiveDate;

use super::{
    prompt::Prompt,
    state::{FlowMemory, FlowStep},
    texts::FlowTexts,
};
use crate::{conversation::Status, hotel::Department, ids::DepartmentId};

/// Everything that the guest flow needs to reply in a conversation.
#[derive(Clone, Copy, Debug)]
pub struct FlowContext<'a> {
    /// Status of the conversation before the guest wrote. If it was `closed`, the dialogue restarts.
    pub was: Status,
    /// Current status of the conversation.
    pub status: Status,
    /// Current step of the flow. An unknown name in the database counts as [`FlowStep::Start`].
    pub step: FlowStep,
    /// Answers of the guest and counters, stored for this conversation.
    pub memory: &'a FlowMemory,
    /// Name of the guest, for the texts of the flow.
    pub guest_name: &'a str,
    /// Room number of the stay, if a stay is known.
    pub room_number: Option<&'a str>,
    /// First and last day of the stay, if a stay is known.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// Whether the last day of the stay is over.
    pub after_stay: bool,
    /// Display name of the hotel.
    pub hotel_name: &'a str,
    /// Departments of the hotel, in the order of the menu.
    pub departments: &'a [Department],
    /// Department for guests who choose none. If it is missing in `departments`, the first of them is used.
    pub default_department: Option<DepartmentId>,
    /// Texts of the flow: the hotel's templates and built-in texts.
    pub texts: &'a FlowTexts,
}

/// A guest's message, as far as it matters to the guest flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowInput<'a> {
    /// The guest wrote a text, or the caption of a picture.
    Text(&'a str),
    /// The guest selected a list row or pressed a button.
    Choice {
        /// Id of the selected row or button, see [`PromptRow::id`](super::PromptRow::id).
        id: &'a str,
        /// Label of the selected row or button. If the id is unknown, the label counts as typed text.
        title: &'a str,
    },
    /// The guest sent a message without text: a picture, a voice message, a location.
    Other,
}

/// Outcome of one turn of the guest flow, to be stored by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FlowOutcome {
    /// Messages of the flow to the guest, in order.
    pub prompts: Vec<Prompt>,
    /// New step of the flow in the conversation.
    pub step: FlowStep,
    /// New answers and counters of the conversation.
    pub memory: FlowMemory,
    /// Department to which the flow routes the conversation; `None` for no routing.
    pub route: Option<DepartmentId>,
}

impl FlowOutcome {
    /// The outcome that sends nothing and changes nothing.
    pub(super) fn silent(context: &FlowContext<'_>) -> Self {
        Self { prompts: Vec::new(), step: context.step, memory: context.memory.clone(), route: None }
    }
}
