//! Numbers as people and booking systems write them.

use unicode_normalization::UnicodeNormalization;

use super::{
    BadPhoneNumber, PhoneNumber,
    numbering::{self, Country, Digits},
};

/// The longest text that is read.
const MOST_CHARACTERS: usize = 100;

/// What stands before an extension. The longer of two that begin alike comes first.
const EXTENSION_MARKS: [&str; 11] =
    [";ext=", "extension", "extn", "ext", "durchwahl", "dw", "anexo", "interno", "int", "x", "#"];

/// A text in which a telephone number was recognised, whether complete or not: the digits, with or without `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenNumber {
    has_plus: bool,
    digits: String,
    bracketed_zero: Option<usize>,
}

impl WrittenNumber {
    /// Finds the digits in a text: of any script, with any spaces, dashes, dots, brackets and invisible marks in
    /// between. An extension is left out, since WhatsApp knows none.
    ///
    /// # Errors
    /// [`BadPhoneNumber::NotANumber`].
    pub fn parse(text: &str) -> Result<Self, BadPhoneNumber> {
        if text.chars().nth(MOST_CHARACTERS).is_some() {
            return Err(BadPhoneNumber::NotANumber);
        }
        let text: String = text.nfkc().filter(|it| !is_invisible(*it)).flat_map(char::to_lowercase).collect();
        let text = text.trim();
        let text = text.strip_prefix("tel:").unwrap_or(text);
        let mut it = Self { has_plus: false, digits: String::new(), bracketed_zero: None };
        for (at, character) in text.char_indices() {
            let rest = &text[at..];
            if let Some(digit) = decimal_digit(character) {
                if it.bracketed_zero.is_none() && !it.digits.is_empty() && digit == '0' && is_bracketed(text, at) {
                    it.bracketed_zero = Some(it.digits.len());
                }
                it.digits.push(digit);
            } else if character == '+' && it.digits.is_empty() && !it.has_plus {
                it.has_plus = true;
            } else if is_extension(rest) && it.digits.len() > 4 {
                break;
            } else if !is_separator(character) {
                return Err(BadPhoneNumber::NotANumber);
            }
        }
        if it.digits.is_empty() { Err(BadPhoneNumber::NotANumber) } else { Ok(it) }
    }

    /// The number. `country` completes one that is written without its country code.
    ///
    /// # Errors
    /// [`BadPhoneNumber`].
    pub fn complete(&self, country: Option<Country>) -> Result<PhoneNumber, BadPhoneNumber> {
        let digits = Digits { all: &self.digits, bracketed_zero: self.bracketed_zero };
        let after_00 = self.digits.starts_with("00").then(|| digits.after(2));
        let found = match (self.has_plus, after_00, country) {
            (true, after_00, _) => numbering::international(after_00.unwrap_or(digits)),
            (false, Some(after_00), country) => numbering::international(after_00).or_else(|reason| {
                let within = country.and_then(|it| numbering::national(digits, it).ok());
                within.ok_or(reason)
            }),
            (false, None, Some(country)) => numbering::national(digits, country),
            (false, None, None) => Err(match self.digits.len() {
                0..=5 => BadPhoneNumber::TooShort,
                6..=15 => BadPhoneNumber::CountryCodeMissing,
                _ => BadPhoneNumber::TooLong,
            }),
        };
        found.map(|digits| PhoneNumber(format!("+{digits}")))
    }

    /// Whether it is written with a country code.
    pub fn is_international(&self) -> bool {
        self.has_plus
    }

    /// Whether it is written exactly as this number, which was accepted under former rules.
    pub fn repeats(&self, stored: &PhoneNumber) -> bool {
        self.has_plus && stored.as_str()[1..] == self.digits
    }

    /// A text that is the same for all ways to write the number, as far as that can be told without a country.
    pub fn normalized(&self) -> String {
        match self.complete(None) {
            Ok(number) => number.as_str().to_owned(),
            Err(_) => format!("{}{}", if self.has_plus { "+" } else { "" }, self.digits),
        }
    }

    /// The digits by which a part of a number is searched: without what callers within a country put in front.
    pub fn significant_digits(&self) -> String {
        let digits = Digits { all: &self.digits, bracketed_zero: self.bracketed_zero };
        digits.without_bracketed_zero().unwrap_or_else(|| self.digits.clone()).trim_start_matches('0').to_owned()
    }
}

impl From<PhoneNumber> for WrittenNumber {
    fn from(number: PhoneNumber) -> Self {
        Self { has_plus: true, digits: number.as_str()[1..].to_owned(), bracketed_zero: None }
    }
}

/// Whether the digit at this place stands alone between brackets.
fn is_bracketed(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end();
    let after = text[at..].trim_start_matches(|it| decimal_digit(it) == Some('0'));
    let digits = text.len() - at - after.len();
    let alone = text[at..].chars().next().is_some_and(|it| it.len_utf8() == digits);
    alone && before.ends_with(['(', '[']) && after.trim_start().starts_with([')', ']'])
}

/// Whether the rest of a text is an extension and nothing else.
fn is_extension(rest: &str) -> bool {
    let number = EXTENSION_MARKS.iter().find_map(|mark| rest.strip_prefix(mark));
    let number = number.map(|it| it.trim_start_matches([' ', '.', ':', '=', '-', '#', '\u{a0}']).trim_end());
    number.is_some_and(|it| (1..=7).contains(&it.chars().count()) && it.chars().all(|it| decimal_digit(it).is_some()))
}

/// Characters between digits. Spaces of all widths are white space.
fn is_separator(it: char) -> bool {
    it.is_whitespace()
        || matches!(it, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{30fc}' | '~' | '\u{301c}')
        || matches!(it, '(' | ')' | '[' | ']' | '.' | '/' | '_' | '\u{b7}' | '\u{2022}' | '\u{2027}' | '\u{3002}')
        || matches!(it, '\u{2044}' | '\u{2215}' | '\'' | '`' | '"' | '\u{301}' | '\u{2018}'..='\u{201f}')
        // A spreadsheet's ="…", which keeps it from counting with the number.
        || it == '='
}

/// Marks without a width: direction, joining, soft hyphens, byte order, the presentation of emoji.
fn is_invisible(it: char) -> bool {
    matches!(it, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}')
        || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}')
        || matches!(it, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A decimal digit of the scripts in which telephones show numbers, as an ASCII one.
fn decimal_digit(it: char) -> Option<char> {
    const ZEROS: [u32; 19] = [
        0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20,
        0x1040, 0x17e0, 0x1810,
    ];
    let digit = ZEROS.iter().find_map(|zero| u32::from(it).checked_sub(*zero).filter(|it| *it < 10))?;
    char::from_digit(digit, 10)
}
