//! Messages of the guest flow with numbered choices, within WhatsApp's limits.

use unicode_segmentation::UnicodeSegmentation;

use super::choice::Choice;

/// Maximum number of rows in a list message of WhatsApp.
pub(super) const MAX_ROWS: usize = 10;
const MAX_TEXT: usize = 4096;
/// Maximum length of the text of a list message, in UTF-16 code units.
const MAX_LIST_TEXT: usize = 1024;
const MAX_BUTTON: usize = 20;
const MAX_ROW_TITLE: usize = 24;
const MAX_ROW_DESCRIPTION: usize = 72;
/// Maximum length of a choice's label within the text of a message, so that ten labels leave room for the question.
const MAX_LABEL: usize = 60;

/// A message of the flow to the guest, optionally with a list of choices. Lengths are in UTF-16 code units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Text of the message: at most 4,096 units, 1,024 with choices. The text lists the choices with their numbers, so
    /// that guests without list support can type a number.
    pub text: String,
    /// Label of the button that opens the list of choices, at most 20 units; empty without choices.
    pub button: String,
    /// Rows of the list of choices, at most ten.
    pub choices: Vec<PromptRow>,
}

/// A row of a list of choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptRow {
    /// Id that WhatsApp returns if the guest selects the row, at most 200 units.
    pub id: String,
    /// Label of the row, at most 24 units.
    pub title: String,
    /// Description of the row: its label in at most 72 units, if the title had to be truncated.
    pub description: Option<String>,
}

/// A choice with its label and the number that the guest can type.
pub(super) struct NumberedChoice {
    pub number: usize,
    pub choice: Choice,
    pub label: String,
}

impl Prompt {
    pub(super) fn new(text: &str, button: &str, choices: &[NumberedChoice]) -> Self {
        if choices.is_empty() {
            return Self { text: truncate(text, MAX_TEXT), button: String::new(), choices: Vec::new() };
        }
        let line = |it: &NumberedChoice| format!("{}. {}", it.number, truncate(&it.label, MAX_LABEL));
        let lines = choices.iter().map(line).collect::<Vec<_>>().join("\n");
        let text = truncate(text, MAX_LIST_TEXT.saturating_sub(utf16_length(&lines) + 2));
        Self {
            text: format!("{text}\n\n{lines}"),
            button: truncate(button, MAX_BUTTON),
            choices: choices.iter().map(PromptRow::new).collect(),
        }
    }
}

impl PromptRow {
    fn new(choice: &NumberedChoice) -> Self {
        let title = truncate(&choice.label, MAX_ROW_TITLE);
        let description = (title != choice.label).then(|| truncate(&choice.label, MAX_ROW_DESCRIPTION));
        Self { id: choice.choice.id(), title, description }
    }
}

/// The first `max` UTF-16 code units of a text, which is the strictest way in which WhatsApp clients count. Grapheme
/// clusters are kept or dropped as a whole.
pub(super) fn truncate(text: &str, max: usize) -> String {
    if utf16_length(text) <= max {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut room = max.saturating_sub(1);
    for grapheme in text.graphemes(true) {
        let Some(left) = room.checked_sub(utf16_length(grapheme)) else { break };
        room = left;
        kept.push_str(grapheme);
    }
    format!("{}…", kept.trim_end())
}

fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}
