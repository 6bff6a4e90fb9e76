//! Texts folded to units that can be compared: words without case and accents, and single characters of scripts that put
//! no spaces between words.

use std::ops::Range;

use unicode_normalization::{
    UnicodeNormalization,
    char::{canonical_combining_class, is_combining_mark},
};

use crate::emoji::is_picture_base;

/// A word, an emoji, or one character of a script without spaces, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) text: String,
    /// The place of the unit in [`FoldedText::source`], in bytes.
    pub(super) bytes: Range<usize>,
    /// Whether the unit continues a run of characters without spaces, directly after the unit before.
    pub(super) is_joined: bool,
}

impl Unit {
    /// Whether the unit is a word, neither an emoji nor a character of a script without spaces.
    pub(super) fn is_word(&self) -> bool {
        self.text.chars().next().is_some_and(|c| c.is_alphanumeric() && !is_unspaced(c))
    }
}

/// A text and its units.
pub(super) struct FoldedText {
    source: String,
    units: Vec<Unit>,
}

/// What stands directly before a character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Word,
    Unspaced,
    Picture,
}

impl FoldedText {
    pub(super) fn new(text: &str) -> Self {
        let source: String = text.nfc().collect();
        let mut units: Vec<Unit> = Vec::new();
        let mut before = Before::Nothing;
        let mut folded = String::new();
        for (start, c) in source.char_indices() {
            if is_ignored(c) {
                continue;
            }
            let bytes = start..start + c.len_utf8();
            folded.clear();
            fold(c, &mut folded);
            if folded.is_empty() {
                extend(&mut units, before, None, bytes.end);
            }
            for f in folded.chars() {
                before = push(&mut units, before, f, &bytes);
            }
        }
        Self { source, units }
    }

    /// The text in the normal form to which the places of the units refer.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn units(&self) -> &[Unit] {
        &self.units
    }
}

fn push(units: &mut Vec<Unit>, before: Before, c: char, bytes: &Range<usize>) -> Before {
    let unit = |is_joined| Unit { text: c.to_string(), bytes: bytes.clone(), is_joined };
    if is_combining_mark(c) {
        extend(units, before, Some(c), bytes.end);
        return before;
    }
    if is_unspaced(c) {
        units.push(unit(before == Before::Unspaced));
        return Before::Unspaced;
    }
    if c.is_alphanumeric() {
        match before {
            Before::Word => extend(units, before, Some(c), bytes.end),
            Before::Nothing | Before::Unspaced | Before::Picture => units.push(unit(false)),
        }
        return Before::Word;
    }
    if is_picture_base(c) {
        units.push(unit(false));
        return Before::Picture;
    }
    Before::Nothing
}

/// Adds a character to the last unit, if that stands directly before it.
fn extend(units: &mut [Unit], before: Before, c: Option<char>, end: usize) {
    if let Some(unit) = units.last_mut().filter(|_| before != Before::Nothing) {
        unit.text.extend(c.filter(|_| before != Before::Picture));
        if matches!(c, Some('\u{3099}' | '\u{309a}')) {
            // Half-width characters are composed with their voicing mark only after the mark is full-width.
            unit.text = unit.text.nfc().collect();
        }
        unit.bytes.end = end;
    }
}

/// Appends a character without case, accent and typographic form. Appends nothing for an accent.
fn fold(c: char, to: &mut String) {
    if c.is_ascii() {
        return to.push(c.to_ascii_lowercase());
    }
    let letters = std::iter::once(c).nfkd().filter(|c| !is_accent(*c) && !is_ignored(*c)).flat_map(char::to_lowercase);
    for c in letters.nfc() {
        match without_stroke(c) {
            Some(letters) => to.push_str(letters),
            None => to.push(c),
        }
    }
}

/// Whether a mark only changes the letter before it: accents, and the vowel signs of Hebrew and Arabic. Marks that are
/// letters of their own, as in Thai or Hindi, and the voicing marks of Japanese are kept.
fn is_accent(c: char) -> bool {
    matches!(canonical_combining_class(c), 1 | 10..=36 | 200..)
}

/// Letters that Unicode does not take apart, as they are written without accents.
fn without_stroke(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'þ' => "th",
        'ς' => "σ",
        _ => return None,
    })
}

/// Whether a character is invisible and separates nothing: soft hyphens, joiners, marks of direction, the stretching
/// line of Arabic, and the modifiers of emoji.
fn is_ignored(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{640}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character belongs to a script that puts no spaces between words, or joins endings to them: Thai, Lao,
/// Burmese, Khmer, Chinese, Japanese, Korean; also the letters of flags.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{1f1e6}'..='\u{1f1ff}' | '\u{30fc}' | '\u{3005}'..='\u{3007}')
        || c.is_alphabetic()
            && matches!(c,
                '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
                | '\u{2e80}'..='\u{2fdf}' | '\u{3040}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
                | '\u{4e00}'..='\u{a4cf}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
                | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<String> {
        FoldedText::new(text).units().iter().map(|unit| unit.text.clone()).collect()
    }

    #[test]
    fn case_accents_and_forms_are_folded() {
        assert_eq!(units("Zoë ÅNGSTRÖM, Straße Łódź"), ["zoe", "angstrom", "strasse", "lodz"]);
        assert_eq!(units("e\u{301}te\u{301} ÉTÉ"), ["ete", "ete"]);
        assert_eq!(units("ＷＩＦＩ ﬁne ²"), ["wifi", "fine", "2"]);
        assert_eq!(units("ΟΔΟΣ οδός"), ["οδοσ", "οδοσ"]);
        assert_eq!(units("İstanbul ısı"), ["istanbul", "isi"]);
    }

    #[test]
    fn punctuation_separates_and_invisible_characters_do_not() {
        assert_eq!(units("check-in l'hôtel, 20:30"), ["check", "in", "l", "hotel", "20", "30"]);
        assert_eq!(units("tow\u{ad}els \u{200f}שלום\u{200f}"), ["towels", "שלום"]);
        assert_eq!(units("\0a\0\u{202e}b"), ["a", "b"]);
    }

    #[test]
    fn vowel_signs_of_hebrew_and_arabic_are_dropped() {
        assert_eq!(units("שָׁלוֹם"), units("שלום"));
        assert_eq!(units("مُنْشَفَةٌ"), units("منشفة"));
        assert_eq!(units("أحمد"), units("احمد"));
        assert_eq!(units("a\u{fe71}b"), ["ab"]);
    }

    #[test]
    fn characters_of_scripts_without_spaces_are_units() {
        let folded = FoldedText::new("请送 早餐ok");
        let found: Vec<(&str, bool)> = folded.units().iter().map(|unit| (unit.text.as_str(), unit.is_joined)).collect();
        assert_eq!(found, [("请", false), ("送", true), ("早", false), ("餐", true), ("ok", false)]);
        assert_eq!(units("ｶﾞ が か"), ["ガ", "が", "か"]);
        assert_eq!(units("น้ำ").len(), 2);
        assert_eq!(units("수건"), ["수", "건"]);
        assert_eq!(units("हिन्दी"), ["हिन्दी"]);
    }

    #[test]
    fn emoji_are_units_without_their_modifiers() {
        assert_eq!(units("ok👍🏽👍 ❤️"), ["ok", "👍", "👍", "❤"]);
        assert_eq!(units("🇩🇪"), ["🇩", "🇪"]);
    }

    #[test]
    fn only_words_of_scripts_with_spaces_are_words() {
        let words = |text: &str| {
            let folded = FoldedText::new(text);
            folded.units().iter().filter(|unit| unit.is_word()).map(|unit| unit.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(words("Zoë 2 שלום हिन्दी ok"), ["zoe", "2", "שלום", "हिन्दी", "ok"]);
        assert_eq!(words("早餐 수건 ｶﾞ ที่ 👍 🇩🇪"), Vec::<String>::new());
    }

    #[test]
    fn a_unit_knows_its_place() {
        let folded = FoldedText::new("Ein Cafe\u{301}!");
        assert_eq!(&folded.source()[folded.units()[1].bytes.clone()], "Café");
    }
}
