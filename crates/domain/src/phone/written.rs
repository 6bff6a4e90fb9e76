//! Phone numbers as people and booking systems write them: recognizing the digits.

use unicode_normalization::UnicodeNormalization;

use super::number::{BadPhoneNumber, PhoneNumber};

/// Maximum length of a text that can be a phone number, in characters; longer texts are refused unread.
const MAX_CHARACTERS: usize = 100;

/// Words and signs that introduce the extension of a phone number. Of two with a common prefix the longer comes first.
const EXTENSION_MARKS: [&str; 11] =
    [";ext=", "extension", "extn", "ext", "durchwahl", "dw", "anexo", "interno", "int", "x", "#"];

/// A text in which a phone number was recognized: the digits, with or without `+` and country code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenNumber {
    has_plus: bool,
    digits: String,
    bracketed_zero: Option<usize>,
}

impl WrittenNumber {
    /// Extracts the digits of a text: of any script, separated by white space, dashes, dots, brackets and invisible
    /// marks. An extension is dropped, because WhatsApp has none.
    ///
    /// Fails with [`BadPhoneNumber::NotANumber`] if the text contains anything else.
    pub fn parse(text: &str) -> Result<Self, BadPhoneNumber> {
        if text.chars().nth(MAX_CHARACTERS).is_some() {
            return Err(BadPhoneNumber::NotANumber);
        }
        let text: String = text.nfkc().filter(|it| !is_invisible(*it)).flat_map(char::to_lowercase).collect();
        let text = text.trim();
        let text = text.strip_prefix("tel:").unwrap_or(text);
        let mut number = Self { has_plus: false, digits: String::new(), bracketed_zero: None };
        for (at, character) in text.char_indices() {
            let rest = &text[at..];
            if let Some(digit) = decimal_digit(character) {
                if number.bracketed_zero.is_none()
                    && !number.digits.is_empty()
                    && digit == '0'
                    && is_bracketed(text, at)
                {
                    number.bracketed_zero = Some(number.digits.len());
                }
                number.digits.push(digit);
            } else if character == '+' && number.digits.is_empty() && !number.has_plus {
                number.has_plus = true;
            } else if is_extension(rest) && number.digits.len() > 4 {
                break;
            } else if !is_separator(character) {
                return Err(BadPhoneNumber::NotANumber);
            }
        }
        if number.digits.is_empty() { Err(BadPhoneNumber::NotANumber) } else { Ok(number) }
    }

    /// The digits of the number, as written.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Index of a zero written in brackets, as in `+44 (0)20`, which callers from abroad leave out.
    pub fn bracketed_zero(&self) -> Option<usize> {
        self.bracketed_zero
    }

    /// Whether the text has a `+`, and therefore a country code.
    pub fn is_international(&self) -> bool {
        self.has_plus
    }

    /// Whether the text repeats a stored phone number exactly, so that it is accepted even if the numbering rules have
    /// changed.
    pub fn repeats(&self, stored: &PhoneNumber) -> bool {
        self.has_plus && stored.digits() == self.digits
    }

    /// The digits for searching a part of a phone number: without the leading zeros that are dialled within a country.
    pub fn significant_digits(&self) -> String {
        let mut digits = self.digits.clone();
        if let Some(at) = self.bracketed_zero {
            digits.remove(at);
        }
        digits.trim_start_matches('0').to_owned()
    }
}

parsers!(WrittenNumber: BadPhoneNumber);

impl From<PhoneNumber> for WrittenNumber {
    fn from(number: PhoneNumber) -> Self {
        Self { has_plus: true, digits: number.digits().to_owned(), bracketed_zero: None }
    }
}

/// Whether the digit at index `at` stands alone between brackets.
fn is_bracketed(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end();
    let after = text[at..].trim_start_matches(|it| decimal_digit(it) == Some('0'));
    let digits = text.len() - at - after.len();
    let alone = text[at..].chars().next().is_some_and(|it| it.len_utf8() == digits);
    alone && before.ends_with(['(', '[']) && after.trim_start().starts_with([')', ']'])
}

/// Whether the rest of the text is the extension of a phone number.
fn is_extension(rest: &str) -> bool {
    let number = EXTENSION_MARKS.iter().find_map(|mark| rest.strip_prefix(mark));
    let number = number.map(|it| it.trim_start_matches([' ', '.', ':', '=', '-', '#', '\u{a0}']).trim_end());
    number.is_some_and(|it| (1..=7).contains(&it.chars().count()) && it.chars().all(|it| decimal_digit(it).is_some()))
}

/// Whether a character may separate the digits of a phone number.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{30fc}' | '~' | '\u{301c}')
        || matches!(character, '(' | ')' | '[' | ']' | '.' | '/' | '_')
        || matches!(character, '\u{b7}' | '\u{2022}' | '\u{2027}' | '\u{3002}')
        || matches!(character, '\u{2044}' | '\u{2215}' | '\'' | '`' | '"' | '\u{301}' | '\u{2018}'..='\u{201f}')
        // Spreadsheets write ="…" to keep a number as text.
        || character == '='
}

/// Whether a character has no width: marks for direction, joining, soft hyphens, byte order, emoji presentation.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}')
        || matches!(character, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The ASCII form of a decimal digit of any script in which phones display numbers.
fn decimal_digit(character: char) -> Option<char> {
    const ZEROS: [u32; 19] = [
        0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20,
        0x1040, 0x17e0, 0x1810,
    ];
    let digit = ZEROS.iter().find_map(|zero| u32::from(character).checked_sub(*zero).filter(|it| *it < 10))?;
    char::from_digit(digit, 10)
}
