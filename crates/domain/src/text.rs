//! Validated texts: message texts, names, client references and request ids. Each type is parsed once, at the boundary;
//! an invalid value cannot exist.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Error: reason for refusing a text. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// The text is empty after trimming.
    #[error("Please write something.")]
    Empty,
    /// The text has more characters (Unicode scalar values) than allowed.
    #[error("At most {max} characters are allowed.")]
    TooLong {
        /// Maximum number of characters.
        max: usize,
    },
    /// The text contains U+0000 (NUL), which PostgreSQL cannot store.
    #[error("The character NUL is not allowed.")]
    Nul,
    /// The text contains a control, format or bidi character, or a line separator.
    #[error("Control characters and invisible characters are not allowed.")]
    Unprintable,
    /// The text is no user name: it contains another character than letters, digits, `.`, `_` and `-`.
    #[error("Only letters, digits and the characters . _ - are allowed.")]
    NotUsername,
    /// The text contains a character other than visible ASCII.
    #[error("Only visible ASCII characters are allowed.")]
    NotVisible,
}

fn trimmed(text: &str, max: usize) -> Result<String, BadText> {
    let text = text.trim();
    if text.is_empty() {
        return Err(BadText::Empty);
    }
    untrimmed(text, max)
}

fn untrimmed(text: &str, max: usize) -> Result<String, BadText> {
    if text.contains('\0') {
        return Err(BadText::Nul);
    }
    // A text never has more characters than bytes, so the characters of a short text need not be counted.
    if text.len() > max && text.chars().count() > max {
        return Err(BadText::TooLong { max });
    }
    Ok(text.to_owned())
}

/// Whether a text contains a visible character: not only white space, combining marks without a letter, and invisible
/// characters.
pub fn has_visible_character(text: &str) -> bool {
    text.chars().any(|it| !(it.is_whitespace() || it.is_control() || is_combining_mark(it) || is_invisible(it)))
}

/// Whether a character is invisible: Unicode lists it as default-ignorable, or it is another format character or the
/// Braille cell without dots.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character has no place in a name: a control, format or bidi character, or a separator of lines. Such
/// characters let two different names look the same, or change the look of the text around a name.
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Removes the characters that names may not contain ([`is_unprintable`]), for names that another system or a guest
/// gives and that must not be refused. A separator of lines or columns becomes a space.
pub fn without_unprintable(text: &str) -> String {
    let kept = |character: char| match character {
        '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        _ if is_unprintable(character) => None,
        _ => Some(character),
    };
    text.chars().filter_map(kept).collect()
}

/// The name of a file as it is stored and shown: without characters that names may not contain, and without path
/// separators. Empty if nothing is left.
pub fn clean_file_name(name: &str) -> String {
    let cleaned = without_unprintable(name).replace(['/', '\\'], "");
    let cleaned = cleaned.trim();
    if cleaned.chars().all(|it| it == '.') { String::new() } else { cleaned.to_owned() }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $parse:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Validates a text from outside, such as a field of a request.
            pub fn parse(text: &str) -> Result<Self, BadText> {
                let parse: fn(&str) -> Result<String, BadText> = $parse;
                parse(text).map(Self)
            }

            /// The validated text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The validated text, without a copy.
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
    MessageText: |text| trimmed(text, 4096);
    /// The text of a draft: as typed, at most 4,096 characters, no NUL. May be empty.
    DraftText: |text| untrimmed(text, 4096);
    /// A name of a hotel, department, guest, staff member, room or booking: trimmed, 1 to 200 characters, no NUL.
    Name: |text| trimmed(text, 200);
    /// The name of a label: trimmed, 1 to 40 characters, one of them visible, no NUL.
    LabelName: |text| trimmed(text, 40).and_then(|it| if has_visible_character(&it) { Ok(it) } else { Err(BadText::Empty) });
    /// A client reference: a client's own id of a message, which makes sending idempotent; also the `Idempotency-Key`
    /// of a request. 1 to 128 visible ASCII characters.
    ClientRef: |text| visible_ascii(text, 128);
    /// A client's id of a WebSocket command, repeated in the response: 1 to 64 characters, no NUL.
    RequestId: |text| {
        if text.contains('\0') {
            return Err(BadText::Nul);
        }
        match text.chars().count() {
            0 => Err(BadText::Empty),
            1..=64 => Ok(text.to_owned()),
            _ => Err(BadText::TooLong { max: 64 }),
        }
    };
}

parsed_texts! {
    MessageText: BadText,
    DraftText: BadText,
    Name: BadText,
    LabelName: BadText,
    ClientRef: BadText,
    RequestId: BadText,
}

impl Name {
    /// Validates a name that a person gives to a person, hotel or department: as [`Name::parse`], and without control,
    /// format and bidi characters. Names that were stored before this rule stay valid.
    pub fn parse_new(text: &str) -> Result<Self, BadText> {
        let name = Self::parse(text)?;
        if name.as_str().contains(is_unprintable) { Err(BadText::Unprintable) } else { Ok(name) }
    }
}

impl LabelName {
    /// The name without regard to case and to equivalent characters: names with the same key count as the same.
    pub fn key(&self) -> String {
        self.0.nfkc().flat_map(char::to_lowercase).collect()
    }
}

fn visible_ascii(text: &str, max: usize) -> Result<String, BadText> {
    if text.is_empty() {
        return Err(BadText::Empty);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BadText::NotVisible);
    }
    if text.len() > max {
        return Err(BadText::TooLong { max });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicode_white_space_is_trimmed() {
        assert_eq!(MessageText::parse("\u{2003} two towels\u{a0}\n").unwrap().as_str(), "two towels");
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        assert!(MessageText::parse(&"é".repeat(4096)).is_ok());
        assert_eq!(MessageText::parse(&"é".repeat(4097)), Err(BadText::TooLong { max: 4096 }));
    }

    #[test]
    fn empty_texts_and_nul_are_refused() {
        assert_eq!(MessageText::parse(" \t\n"), Err(BadText::Empty));
        assert_eq!(MessageText::parse("a\0b"), Err(BadText::Nul));
        assert_eq!(MessageText::parse("\0"), Err(BadText::Nul));
    }

    #[test]
    fn a_draft_is_kept_as_typed_and_may_be_empty() {
        assert_eq!(DraftText::parse(" two\n").unwrap().as_str(), " two\n");
        assert_eq!(DraftText::parse("").unwrap().as_str(), "");
        assert!(DraftText::parse(&"é".repeat(4096)).is_ok());
        assert_eq!(DraftText::parse(&" ".repeat(4097)), Err(BadText::TooLong { max: 4096 }));
        assert_eq!(DraftText::parse("a\0b"), Err(BadText::Nul));
    }

    #[test]
    fn invisible_texts_are_recognized() {
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
    fn new_names_contain_only_printable_characters() {
        for good in ["Zoë Ångström", "王芳", "محمد", "O'Neil, Ana-María (2)", "👩🏽 Ana"] {
            assert_eq!(Name::parse_new(good).unwrap().as_str(), good);
        }
        for bad in ["a\u{202e}b", "a\u{200b}b", "a\nb", "a\u{7f}", "\u{feff}a", "a\u{2066}b\u{2069}", "a\u{2028}b"] {
            assert_eq!(Name::parse_new(bad), Err(BadText::Unprintable), "{bad:?}");
            assert!(Name::parse(bad).is_ok(), "{bad:?}");
        }
        assert_eq!(Name::parse_new("a\0"), Err(BadText::Nul));
        assert_eq!(Name::parse_new("\u{200b}").map(|it| it.into_string()), Err(BadText::Unprintable));
        assert!(Name::parse_new(&"é".repeat(200)).is_ok() && Name::parse_new(&"é".repeat(201)).is_err());
    }

    #[test]
    fn names_from_elsewhere_are_cleaned() {
        assert_eq!(without_unprintable("Ana\u{202e} Ma\u{ad}ria\tLee\0"), "Ana Maria Lee");
        for (given, cleaned) in [
            ("menu.pdf", "menu.pdf"),
            ("../../etc/passwd", "....etcpasswd"),
            ("C:\\menu\u{202e}fdp.exe", "C:menufdp.exe"),
            (" a\r\nb.txt ", "a  b.txt"),
            ("..", ""),
            ("/\u{200b}", ""),
        ] {
            assert_eq!(clean_file_name(given), cleaned, "{given:?}");
        }
    }

    #[test]
    fn label_names_are_compared_without_case() {
        let key = |text: &str| LabelName::parse(text).unwrap().key();
        assert_eq!(key("Übergabe"), key(" ÜBERGABE "));
        assert_eq!(key("VIP"), key("ＶＩＰ"));
        assert_ne!(key("Uber"), key("Über"));
        assert!(LabelName::parse(&"é".repeat(40)).is_ok());
        for bad in ["", " ", "\u{200b}", "a\0", &"é".repeat(41)] {
            assert!(LabelName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn client_references_are_visible_ascii() {
        assert!(ClientRef::parse(&"x".repeat(128)).is_ok());
        for bad in ["", "a b", "é", "a\n", &"x".repeat(129)] {
            assert!(ClientRef::parse(bad).is_err(), "{bad:?}");
        }
    }
}
