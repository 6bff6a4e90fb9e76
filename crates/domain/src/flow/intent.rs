//! Intent recognition: the meaning of a guest's message at the current step.

use super::{
    choice::Choice,
    context::FlowInput,
    dialogue::Dialogue,
    lexicon::{self, Words},
    prompt::NumberedChoice,
    state::FlowStep,
    texts::FlowLanguage,
};
use crate::{conversation::Status, ids::DepartmentId};

/// The intent of a guest: the meaning of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Intent<'a> {
    Choose(Choice),
    /// The guest names more than one department.
    NameSeveral(Vec<DepartmentId>),
    /// The guest asks to repeat the last question.
    AskAgain,
    /// The guest asks for no more automatic messages.
    Stop,
    SwitchLanguage(FlowLanguage),
    /// The guest sends nothing but a greeting.
    Greeting,
    /// The guest sends nothing but thanks.
    Thanks,
    /// The guest sends free text, which may answer a question.
    Answer(&'a str),
    /// The guest's message cannot be understood at any step.
    Unknown,
}

/// Finds the intent of a guest's message.
pub(super) fn recognize<'i>(dialogue: &Dialogue<'_>, input: &FlowInput<'i>) -> Intent<'i> {
    match *input {
        FlowInput::Other => Intent::Unknown,
        FlowInput::Text(text) => intent_of_text(dialogue, text),
        FlowInput::Choice { id, title } => match (valid_choice(dialogue, id), intent_of_text(dialogue, title)) {
            (Some(choice), _) => Intent::Choose(choice),
            // The label of a button that is not from the flow is no answer to a question of the flow.
            (None, Intent::Answer(_)) => Intent::Unknown,
            (None, intent) => intent,
        },
    }
}

/// The choice with this id, if it is valid. Rows of old lists stay valid as long as their department exists.
fn valid_choice(dialogue: &Dialogue<'_>, id: &str) -> Option<Choice> {
    Choice::from_id(id).filter(|choice| match choice {
        Choice::Department(id) => dialogue.department(*id).is_some(),
        _ => true,
    })
}

fn intent_of_text<'t>(dialogue: &Dialogue<'_>, text: &'t str) -> Intent<'t> {
    let words = Words::of(text);
    offered_choice(dialogue, text, &words)
        .or_else(|| named_departments(dialogue, &words))
        .or_else(|| phrase(dialogue, &words))
        .unwrap_or(Intent::Answer(text))
}

/// The choice of the last question that the guest selects by its number or its whole label. Labels of departments are
/// compared in [`named_departments`], because several departments may have the same name.
fn offered_choice(dialogue: &Dialogue<'_>, text: &str, words: &Words) -> Option<Intent<'static>> {
    let number = lexicon::number(text);
    let is_label =
        |it: &NumberedChoice| !matches!(it.choice, Choice::Department(_)) && words.equal(&Words::of(&it.label));
    let mut choices = dialogue.choices(dialogue.step()).into_iter();
    choices.find(|it| number == Some(it.number) || is_label(it)).map(|it| Intent::Choose(it.choice))
}

/// The departments named in a guest's text. If both "Spa" and "Spa Bar" match, only the latter counts.
fn named_departments(dialogue: &Dialogue<'_>, words: &Words) -> Option<Intent<'static>> {
    match dialogue.status() {
        Status::Active => {}
        // Guests without a stay can reach the default department only.
        Status::Demo => {
            let default = dialogue.default_department().is_some_and(|it| words.contain(&Words::of(&it.name)));
            return (default || words.mention(&lexicon::RECEPTION)).then_some(Intent::Choose(Choice::Person));
        }
        // Before the stay no department is looked for, because a wish may name one.
        _ => return None,
    }
    let named = dialogue.departments().iter().map(|it| (it.id, Words::of(&it.name)));
    let named: Vec<_> = named.filter(|(_, name)| words.contain(name)).collect();
    let is_part = |name: &Words| named.iter().any(|(_, other)| other.contain(name) && !other.equal(name));
    let longest: Vec<_> = named.iter().filter(|(_, name)| !is_part(name)).map(|(id, _)| *id).collect();
    match *longest {
        [] => None,
        [id] => Some(Intent::Choose(Choice::Department(id))),
        _ => Some(Intent::NameSeveral(longest)),
    }
}

/// The intent expressed by the whole message, such as "stop" or "thank you", independent of the question.
fn phrase(dialogue: &Dialogue<'_>, words: &Words) -> Option<Intent<'static>> {
    let phrases = [
        (&lexicon::STOP, Intent::Stop),
        (&lexicon::MENU, Intent::AskAgain),
        (&lexicon::PERSON, Intent::Choose(Choice::Person)),
        (&lexicon::NO, Intent::Choose(Choice::No)),
    ];
    let mut phrases = phrases.into_iter();
    if let Some((_, intent)) = phrases.find(|(vocabulary, _)| words.express(vocabulary)) {
        return Some(intent);
    }
    if let Some(language) = words.requested_language() {
        return Some(Intent::SwitchLanguage(language));
    }
    // "OK, thank you" chooses nothing from a menu.
    if dialogue.step() != FlowStep::Menu && words.express(&lexicon::YES) {
        return Some(Intent::Choose(Choice::Yes));
    }
    if words.express(&lexicon::THANKS) {
        return Some(Intent::Thanks);
    }
    lexicon::GREETINGS.iter().any(|(_, greeting)| words.express(greeting)).then_some(Intent::Greeting)
}
