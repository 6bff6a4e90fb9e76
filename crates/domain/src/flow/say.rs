//! What is said, within WhatsApp's limits.

use unicode_segmentation::UnicodeSegmentation;

use super::Pick;

/// The most rows of a list.
pub(super) const ROWS: usize = 10;
/// The most characters of a message.
const TEXT: usize = 4096;
/// The most characters of a message with a list.
const LIST_TEXT: usize = 1024;
/// The most characters of a list's button.
const BUTTON: usize = 20;
/// The most characters of a row's title.
const TITLE: usize = 24;
/// The most characters of a row's description.
const DESCRIPTION: usize = 72;
/// The most characters of a label in the text: ten of them leave room for the question.
const LABEL: usize = 60;

/// A message to the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// Its text, at most 4,096 characters, 1,024 with choices. It names the choices with their
    /// numbers, so that they can be answered where lists are not shown.
    pub text: String,
    /// The label of the button that opens the list, at most 20 characters; empty without choices.
    pub button: String,
    /// What the guest may choose, at most ten.
    pub choices: Vec<Choice>,
}

/// A row of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What comes back when it is chosen, at most 200 characters.
    pub id: String,
    /// Its label, at most 24 characters.
    pub title: String,
    /// The label, at most 72 characters, where the title had to be cut.
    pub description: Option<String>,
}

/// A choice, with the number by which it can be typed.
pub(super) struct Offer {
    pub number: usize,
    pub pick: Pick,
    pub label: String,
}

impl Say {
    /// A text, and what may be chosen.
    pub(super) fn new(text: &str, button: &str, offers: &[Offer]) -> Self {
        if offers.is_empty() {
            return Self { text: cut(text, TEXT), button: String::new(), choices: Vec::new() };
        }
        let line = |it: &Offer| format!("{}. {}", it.number, cut(&it.label, LABEL));
        let lines = offers.iter().map(line).collect::<Vec<_>>().join("\n");
        let text = cut(text, LIST_TEXT.saturating_sub(length(&lines) + 2));
        Self {
            text: format!("{text}\n\n{lines}"),
            button: cut(button, BUTTON),
            choices: offers.iter().map(Choice::new).collect(),
        }
    }
}

impl Choice {
    fn new(it: &Offer) -> Self {
        let title = cut(&it.label, TITLE);
        let description = (title != it.label).then(|| cut(&it.label, DESCRIPTION));
        Self { id: it.pick.id(), title, description }
    }
}

/// At most so many characters of a text, counted as the stricter of those who count them do: in
/// UTF-16. What is seen as one character is kept or left out as a whole.
pub(super) fn cut(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut room = most.saturating_sub(1);
    for grapheme in text.graphemes(true) {
        let Some(left) = room.checked_sub(length(grapheme)) else { break };
        room = left;
        kept.push_str(grapheme);
    }
    format!("{}…", kept.trim_end())
}

fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}
