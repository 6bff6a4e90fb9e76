//! Texts that were checked once, at the door.

use std::fmt;

use unicode_normalization::char::is_combining_mark;

/// Why a text was refused. Its display is a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// Nothing is left after trimming.
    #[error("Please write something.")]
    Empty,
    /// More characters (Unicode scalar values) than allowed.
    #[error("At most {most} characters are allowed.")]
    TooLong {
        /// How many are allowed.
        most: usize,
    },
    /// U+0000 is in it, which PostgreSQL cannot store.
    #[error("The character NUL is not allowed.")]
    Nul,
    /// A character outside the visible ASCII ones.
    #[error("Only visible ASCII characters are allowed.")]
    NotVisible,
}

fn checked(text: &str, most: usize) -> Result<String, BadText> {
    let text = text.trim();
    if text.contains('\0') {
        return Err(BadText::Nul);
    }
    if text.is_empty() {
        return Err(BadText::Empty);
    }
    // A byte length within the bound spares the counting.
    if text.len() > most && text.chars().count() > most {
        return Err(BadText::TooLong { most });
    }
    Ok(text.to_owned())
}

/// Whether anything of a text can be seen: not only spaces, marks without a letter, and characters that are made to show
/// nothing.
pub fn has_visible_character(text: &str) -> bool {
    text.chars().any(|it| !(it.is_whitespace() || it.is_control() || is_combining_mark(it) || is_blank(it)))
}

/// The code points that Unicode lists as default-ignorable, the format characters beside them, and the Braille cell
/// without dots.
fn is_blank(it: char) -> bool {
    matches!(it,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $parse:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks a text from outside.
            ///
            /// # Errors
            /// A [`BadText`] that says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, BadText> {
                let parse: fn(&str) -> Result<String, BadText> = $parse;
                parse(text).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, given away.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

texts! {
    /// The text of a message: trimmed of Unicode white space, 1 to 4,096 characters, no NUL.
    MessageText: |text| checked(text, 4096);
    /// A name of a hotel, department, guest or staff member: trimmed, 1 to 200 characters, no NUL.
    Name: |text| checked(text, 200);
    /// What a sender calls a message before it has an id, and the `Idempotency-Key` of a
    /// request: 1 to 128 visible ASCII characters.
    ClientRef: |text| visible(text, 128);
    /// What a socket's client calls a command: 1 to 64 characters.
    RequestId: |text| {
        if text.contains('\0') {
            return Err(BadText::Nul);
        }
        match text.chars().count() {
            0 => Err(BadText::Empty),
            1..=64 => Ok(text.to_owned()),
            _ => Err(BadText::TooLong { most: 64 }),
        }
    };
}

fn visible(text: &str, most: usize) -> Result<String, BadText> {
    if text.is_empty() {
        return Err(BadText::Empty);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BadText::NotVisible);
    }
    if text.len() > most {
        return Err(BadText::TooLong { most });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_of_unicode_white_space() {
        assert_eq!(MessageText::parse("\u{2003} two towels\u{a0}\n").unwrap().as_str(), "two towels");
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        assert!(MessageText::parse(&"é".repeat(4096)).is_ok());
        assert_eq!(MessageText::parse(&"é".repeat(4097)), Err(BadText::TooLong { most: 4096 }));
    }

    #[test]
    fn nothing_and_nul_are_refused() {
        assert_eq!(MessageText::parse(" \t\n"), Err(BadText::Empty));
        assert_eq!(MessageText::parse("a\0b"), Err(BadText::Nul));
        assert_eq!(MessageText::parse("\0"), Err(BadText::Nul));
    }

    #[test]
    fn a_text_without_a_visible_character_is_told() {
        for blank in [
            "",
            " \t",
            "\u{200b}\u{200d}",
            "\u{3164}",
            "\u{2800}\u{a0}",
            "\u{202e}",
            "\u{feff}",
            "\u{301}",
            "\u{e0061}",
        ] {
            assert!(!has_visible_character(blank), "{blank:?}");
        }
        for visible in ["a", ".", "\u{202e}a", "🏳\u{fe0f}\u{200d}🌈", "é", "王", "ع", "\u{115f}가"] {
            assert!(has_visible_character(visible), "{visible:?}");
        }
    }

    #[test]
    fn a_client_ref_is_visible_ascii() {
        assert!(ClientRef::parse(&"x".repeat(128)).is_ok());
        for bad in ["", "a b", "é", "a\n", &"x".repeat(129)] {
            assert!(ClientRef::parse(bad).is_err(), "{bad:?}");
        }
    }
}
