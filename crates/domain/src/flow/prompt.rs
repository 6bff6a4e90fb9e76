//! Messages of the guest flow with numbered choices, within WhatsApp's limits.

use unicode_segmentation::UnicodeSegmentation;

use super::choice::Choice;

/// Maximum number of rows in a list message of WhatsApp.
pub(super) const MAX_ROWS: usize = 10;
const MAX_TEXT: usize = 4096;
/// Maximum length of the text of a list message, in UTF-16 code units.
const MAX_LIST_TEXT: usize = 1024;
const MAX_BUTTON: usize = 20;
const MAX_ROW_ID: usize = 200;
const MAX_ROW_TITLE: usize = 24;
const MAX_ROW_DESCRIPTION: usize = 72;
/// Maximum length of a choice's label within the text of a message, so that ten labels leave room for the question.
const MAX_LABEL: usize = 60;

/// A message of the flow to the guest, optionally with a list of choices. Lengths are in UTF-16 code units.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "UncheckedPrompt"))]
pub struct Prompt {
    text: String,
    button: String,
    choices: Vec<PromptRow>,
}

/// A row of a list of choices.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "UncheckedPromptRow"))]
pub struct PromptRow {
    id: String,
    title: String,
    description: Option<String>,
}

/// Reason for refusing a prompt: a part of it is missing, or longer than WhatsApp allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPrompt {
    /// The text is empty or too long.
    #[error("The text of a prompt must have 1 to {max} characters.")]
    Text {
        /// The most UTF-16 code units of the text.
        max: usize,
    },
    /// The label of the button is too long, is missing although there are choices, or the reverse.
    #[error("A prompt has a button of at most {MAX_BUTTON} characters if it has choices, and else none.")]
    Button,
    /// There are too many choices, or two have the same id.
    #[error("A prompt has at most {MAX_ROWS} choices, each with an id of its own.")]
    Choices,
    /// Id, title or description of a choice is empty or too long.
    #[error(
        "A choice has an id, a title and perhaps a description of at most {MAX_ROW_ID}, {MAX_ROW_TITLE} and {MAX_ROW_DESCRIPTION} characters."
    )]
    Row,
}

/// The prompt in JSON, before it is checked.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct UncheckedPrompt {
    text: String,
    button: String,
    choices: Vec<PromptRow>,
}

#[cfg(feature = "serde")]
impl TryFrom<UncheckedPrompt> for Prompt {
    type Error = BadPrompt;

    fn try_from(stored: UncheckedPrompt) -> Result<Self, BadPrompt> {
        Self::from_parts(stored.text, stored.button, stored.choices)
    }
}

/// The row in JSON, before it is checked.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct UncheckedPromptRow {
    id: String,
    title: String,
    description: Option<String>,
}

#[cfg(feature = "serde")]
impl TryFrom<UncheckedPromptRow> for PromptRow {
    type Error = BadPrompt;

    fn try_from(stored: UncheckedPromptRow) -> Result<Self, BadPrompt> {
        Self::from_parts(stored.id, stored.title, stored.description)
    }
}

/// A choice with its label and the number that the guest can type.
pub(super) struct NumberedChoice {
    pub number: usize,
    pub choice: Choice,
    pub label: String,
}

impl Prompt {
    /// Checks the parts of a prompt that was stored or sent. Fails if WhatsApp would refuse them.
    pub fn from_parts(text: String, button: String, choices: Vec<PromptRow>) -> Result<Self, BadPrompt> {
        let max = if choices.is_empty() { MAX_TEXT } else { MAX_LIST_TEXT };
        if !has_length(&text, max) {
            return Err(BadPrompt::Text { max });
        }
        if button.is_empty() != choices.is_empty() || utf16_length(&button) > MAX_BUTTON {
            return Err(BadPrompt::Button);
        }
        let is_repeated = |(at, row): (usize, &PromptRow)| choices.iter().take(at).any(|other| other.id == row.id);
        if choices.len() > MAX_ROWS || choices.iter().enumerate().any(is_repeated) {
            return Err(BadPrompt::Choices);
        }
        Ok(Self { text, button, choices })
    }

    /// Text of the message: at most 4,096 units, 1,024 with choices. The text lists the choices with their numbers, so
    /// that guests without list support can type a number.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Label of the button that opens the list of choices, at most 20 units; empty without choices.
    pub fn button(&self) -> &str {
        &self.button
    }

    /// Rows of the list of choices, at most ten.
    pub fn choices(&self) -> &[PromptRow] {
        &self.choices
    }

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
    /// Checks the parts of a row that was stored or sent. Fails if WhatsApp would refuse them.
    pub fn from_parts(id: String, title: String, description: Option<String>) -> Result<Self, BadPrompt> {
        let is_described = description.as_ref().is_none_or(|it| has_length(it, MAX_ROW_DESCRIPTION));
        let is_valid = has_length(&id, MAX_ROW_ID) && has_length(&title, MAX_ROW_TITLE) && is_described;
        if is_valid { Ok(Self { id, title, description }) } else { Err(BadPrompt::Row) }
    }

    /// Id that WhatsApp returns if the guest selects the row, at most 200 units.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Label of the row, at most 24 units.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Description of the row: its label in at most 72 units, if the title had to be truncated.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

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

/// Whether a text is not empty and has at most `max` UTF-16 code units.
fn has_length(text: &str, max: usize) -> bool {
    (1..=max).contains(&utf16_length(text))
}

fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}
