//! Guest flow: the automatic replies to a guest while no department has the conversation.
//!
//! [`reply_to`] answers a guest's message: it finds the intent of the input at the current [`FlowStep`] (`intent.rs`)
//! and computes the next step (`dialogue.rs`). [`resume_after_relay`] and [`farewell`] send messages that no guest
//! message caused. All three are pure: the caller stores the [`FlowOutcome`]. `docs/flow.md` lists the settings of a
//! hotel.

mod choice;
mod context;
mod dialogue;
mod intent;
mod lexicon;
mod prompt;
mod state;
mod texts;

pub use context::{FlowContext, FlowInput, FlowOutcome};
pub use prompt::{BadPrompt, Prompt, PromptRow};
pub use state::{FlowMemory, FlowStep};
pub use texts::{FlowLanguage, FlowText, FlowTexts, LANGUAGE_SETTING};

use crate::conversation::Status;
use choice::Choice;
use dialogue::Dialogue;
use intent::Intent;

/// Replies to a guest's message. While staff have the conversation, and in a closed one, the flow is silent.
pub fn reply_to(context: &FlowContext<'_>, input: &FlowInput<'_>) -> FlowOutcome {
    if matches!(context.status, Status::Relay | Status::Closed) {
        return FlowOutcome::silent(context);
    }
    let dialogue = Dialogue::resume(context, input);
    let intent = intent::recognize(&dialogue, input);
    let only_polite = matches!(intent, Intent::Greeting | Intent::Thanks);
    match (dialogue.step(), intent) {
        // Intents that have the same effect at every step.
        (_, Intent::Stop) => FlowOutcome::silent(context),
        (_, Intent::AskAgain) => dialogue.ask_again(),
        (_, Intent::SwitchLanguage(language)) => dialogue.in_language(language).ask_again(),
        (_, Intent::Choose(Choice::Person)) => dialogue.connect_by_default(),
        (_, Intent::Choose(Choice::Department(id))) => dialogue.connect(id),
        // The guest's first message, or the first after a long time; at the menu, also a message that names several
        // departments.
        (FlowStep::Start | FlowStep::Menu, Intent::NameSeveral(departments)) => dialogue.ask_which(&departments),
        (FlowStep::Start, _) => dialogue.begin(only_polite),
        // Steps of a guest without a known stay.
        (FlowStep::Offered, Intent::Choose(Choice::Yes)) => dialogue.connect_by_default(),
        (FlowStep::Offered, Intent::Choose(Choice::No) | Intent::Thanks) => dialogue.decline(),
        // Steps before the stay has begun.
        (FlowStep::Arrival, Intent::Answer(text)) if !is_question(text) => dialogue.note_arrival(text),
        (FlowStep::Wishes, Intent::Answer(text)) => dialogue.note_wishes(text),
        (FlowStep::Wishes, Intent::Choose(Choice::No)) => dialogue.note_wishes(""),
        (FlowStep::Confirm, Intent::Choose(Choice::Yes)) => dialogue.confirm(),
        (FlowStep::Confirm, Intent::Choose(Choice::No)) => dialogue.ask(Some(FlowText::Change), FlowStep::Confirm),
        (FlowStep::Confirm | FlowStep::Ready, Intent::Choose(Choice::ChangeArrival)) => {
            dialogue.change(FlowStep::Arrival)
        }
        (FlowStep::Confirm | FlowStep::Ready, Intent::Choose(Choice::ChangeWishes)) => {
            dialogue.change(FlowStep::Wishes)
        }
        (FlowStep::Ready, Intent::Choose(Choice::Yes | Choice::No) | Intent::Thanks) => FlowOutcome::silent(context),
        // The menu, once the stay has begun.
        (FlowStep::Menu, Intent::Choose(Choice::More)) => dialogue.next_page(),
        (FlowStep::Menu, Intent::Choose(Choice::No) | Intent::Thanks) => FlowOutcome::silent(context),
        (FlowStep::Menu, Intent::Greeting) => {
            dialogue.ask_after_miss(if context.after_stay { FlowText::AfterStay } else { FlowText::Greeting })
        }
        // The message is not understood; after the second such message in a row the guest is connected with a person.
        _ => dialogue.ask_after_miss(FlowText::NotUnderstood),
    }
}

/// Shows the menu after staff have ended the relay. `context` has the status after the end of the relay.
pub fn resume_after_relay(context: &FlowContext<'_>) -> FlowOutcome {
    match context.status {
        Status::Relay | Status::Closed => FlowOutcome::silent(context),
        _ => Dialogue::restart(context).ask_first_question(FlowText::GivenBack),
    }
}

/// Says goodbye to a guest who has checked out, in any status of the conversation.
pub fn farewell(context: &FlowContext<'_>) -> FlowOutcome {
    Dialogue::restart(context).farewell()
}

/// Whether a guest's text is a question. "15:00?" counts as an answer.
fn is_question(text: &str) -> bool {
    text.trim_end().ends_with(['?', '？']) && !text.chars().any(char::is_numeric)
}

#[cfg(test)]
mod tests;
