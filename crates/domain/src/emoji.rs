//! Emoji: the values of reactions. WhatsApp refuses any other text as a reaction.

use std::fmt;

/// Joins two emoji into one, such as a family.
const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// Shows the character before it as a picture.
const EMOJI_PRESENTATION: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
/// Maximum length of an emoji, in Unicode scalar values. The longest emoji of Unicode have ten.
const MAX_CHARS: usize = 16;

/// A single emoji, by structure: whether Unicode has defined it already is not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emoji(String);

/// Error: the text is not a single emoji.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This must be one emoji, or empty to withdraw the reaction.")]
pub struct NotAnEmoji;

impl Emoji {
    /// Parses a single emoji.
    pub fn parse(text: &str) -> Result<Self, NotAnEmoji> {
        let chars: Vec<char> = text.chars().take(MAX_CHARS + 1).collect();
        if chars.len() > MAX_CHARS || !is_emoji(&chars) {
            return Err(NotAnEmoji);
        }
        Ok(Self(text.to_owned()))
    }

    /// The emoji as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_texts!(Emoji: NotAnEmoji);

impl fmt::Display for Emoji {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether the characters are one emoji: a flag, a keycap, or pictures that are joined into one.
fn is_emoji(chars: &[char]) -> bool {
    match chars {
        [one, other] if is_regional_indicator(*one) && is_regional_indicator(*other) => true,
        [digit, EMOJI_PRESENTATION, KEYCAP] | [digit, KEYCAP] => matches!(digit, '0'..='9' | '#' | '*'),
        _ => chars.split(|it| *it == ZERO_WIDTH_JOINER).all(is_picture),
    }
}

/// Whether the characters are one picture with modifiers: presentation, skin colour, or the tags of a region's flag.
fn is_picture(chars: &[char]) -> bool {
    chars
        .split_first()
        .is_some_and(|(base, modifiers)| is_picture_base(*base) && modifiers.iter().all(|it| is_modifier(*it)))
}

/// Whether a character can be an emoji of its own, which modifiers may follow.
pub(crate) fn is_picture_base(character: char) -> bool {
    matches!(character,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}' | '\u{24c2}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
        | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
        && !is_regional_indicator(character)
}

fn is_modifier(character: char) -> bool {
    matches!(character, EMOJI_PRESENTATION | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

fn is_regional_indicator(character: char) -> bool {
    matches!(character, '\u{1f1e6}'..='\u{1f1ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_is_accepted() {
        for emoji in ["👍", "👍🏽", "❤️", "❤", "🙏", "🇩🇪", "7️⃣", "#⃣", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "©️", "🧑🏻‍❤️‍💋‍🧑🏿", "🫶", "✅"]
        {
            assert_eq!(Emoji::parse(emoji).map(|it| it.to_string()), Ok(emoji.to_owned()), "{emoji}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            " ",
            "a",
            "ok",
            "1",
            "👍👍",
            "👍 ",
            "👍a",
            "🇩",
            "🇩🇪🇫🇷",
            "\u{200d}",
            "👍\u{200d}",
            "\0",
            "7",
            "🏽\u{fe0f}a",
        ] {
            assert_eq!(Emoji::parse(text), Err(NotAnEmoji), "{text:?}");
        }
        assert_eq!(Emoji::parse(&["👍"; 9].join("\u{200d}")), Err(NotAnEmoji));
    }
}
