//! Language tags of BCP 47, such as `en`, `pt-BR` or `zh-Hant-TW`.

use std::fmt;

/// A language tag of BCP 47 in its usual spelling: `en`, `pt-BR`, `zh-Hant-TW`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LanguageTag(String);

/// Error: the text is not a language tag of BCP 47. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Please give the language as a tag of BCP 47, like en, pt-BR or zh-Hant.")]
pub struct BadLanguageTag;

/// The two-letter codes of ISO 639-1, in alphabetical order.
const TWO_LETTER_LANGUAGES: &str = "\
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en \
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv \
    ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne \
    ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss \
    st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// The languages whose tag may be followed by an extended language of three letters, such as `zh-yue`.
const EXTENDED_LANGUAGES: [&str; 8] = ["ar", "kok", "lv", "ms", "sgn", "sw", "uz", "zh"];

/// Maximum length of a tag, in characters; longer ones do not occur.
const MAX_LENGTH: usize = 64;

impl LanguageTag {
    /// Parses a tag in any case. The first part must be a code of ISO 639 with two letters, or have the form of one with
    /// three; the other parts must have the form and order of BCP 47.
    pub fn parse(text: &str) -> Result<Self, BadLanguageTag> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(BadLanguageTag);
        }
        let parts: Vec<String> = text.split('-').map(str::to_ascii_lowercase).collect();
        let Some((language, mut rest)) = parts.split_first() else { return Err(BadLanguageTag) };
        let is_language = match language.len() {
            2 => TWO_LETTER_LANGUAGES.split(' ').any(|known| known == language),
            3 => is_alphabetic(language),
            _ => false,
        };
        if !is_language {
            return Err(BadLanguageTag);
        }
        let mut tag = language.clone();
        let mut take = |rest: &mut &[String], is_part: fn(&str) -> bool, spell: fn(&str) -> String| {
            let Some((part, others)) = rest.split_first().filter(|(part, _)| is_part(part)) else { return false };
            tag = format!("{tag}-{}", spell(part));
            *rest = others;
            true
        };
        if EXTENDED_LANGUAGES.contains(&language.as_str()) {
            take(&mut rest, |part| part.len() == 3 && is_alphabetic(part), str::to_owned);
        }
        take(&mut rest, |part| part.len() == 4 && is_alphabetic(part), capitalized);
        take(&mut rest, is_region, str::to_ascii_uppercase);
        let from_variants = rest;
        while take(&mut rest, is_variant, str::to_owned) {}
        let variants = &from_variants[..from_variants.len() - rest.len()];
        let has_duplicate = variants.iter().enumerate().any(|(n, variant)| variants[..n].contains(variant));
        if has_duplicate || !are_extensions(rest) {
            return Err(BadLanguageTag);
        }
        for part in rest {
            tag = format!("{tag}-{part}");
        }
        Ok(Self(tag))
    }

    /// The tag in its usual spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_texts!(LanguageTag: BadLanguageTag);

impl fmt::Display for LanguageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_alphabetic(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_alphanumeric(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_region(part: &str) -> bool {
    match part.len() {
        2 => is_alphabetic(part),
        3 => part.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

fn is_variant(part: &str) -> bool {
    let is_long = (5..=8).contains(&part.len());
    let is_year = part.len() == 4 && part.starts_with(|first: char| first.is_ascii_digit());
    (is_long || is_year) && is_alphanumeric(part)
}

/// Whether the parts are extensions (a letter or digit, then parts of 2 to 8 characters; each letter once), and at the
/// end perhaps a part for private use (`x`, then parts of 1 to 8 characters).
fn are_extensions(parts: &[String]) -> bool {
    let mut singletons = Vec::new();
    let mut rest = parts;
    while let Some((first, others)) = rest.split_first() {
        if first.len() != 1 || !is_alphanumeric(first) || singletons.contains(&first) {
            return false;
        }
        singletons.push(first);
        let is_private = first == "x";
        let lengths = if is_private { 1..=8 } else { 2..=8 };
        let count = others.iter().take_while(|part| lengths.contains(&part.len()) && is_alphanumeric(part)).count();
        rest = &others[count..];
        if count == 0 || is_private && !rest.is_empty() {
            return false;
        }
    }
    true
}

fn capitalized(part: &str) -> String {
    let (first, rest) = part.split_at(1);
    first.to_ascii_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_get_their_usual_spelling() {
        for (text, expected) in [
            ("en", "en"),
            ("EN", "en"),
            (" pt-br ", "pt-BR"),
            ("ZH-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("de-ch-1901", "de-CH-1901"),
            ("sl-rozaj-biske", "sl-rozaj-biske"),
            ("gsw", "gsw"),
            ("zh-yue-hk", "zh-yue-HK"),
            ("de-u-co-phonebk", "de-u-co-phonebk"),
            ("en-x-a-bcd", "en-x-a-bcd"),
            ("ar-EG-u-nu-latn-x-twain", "ar-EG-u-nu-latn-x-twain"),
        ] {
            assert_eq!(LanguageTag::parse(text).as_ref().map(LanguageTag::as_str), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!("en-x{}", "-abcdefgh".repeat(8));
        for bad in [
            "",
            "-",
            "e",
            "xx",
            "english",
            "en-",
            "-en",
            "en--GB",
            "en_GB",
            "en GB",
            "en-GB-US",
            "en-Latn-Cyrl",
            "en-G",
            "de-1901-1901",
            "en-u",
            "en-x",
            "en-u-co-u-nu",
            "en-é",
            "e1",
            "12",
            "en-GB\0",
            "x-private",
            "i-klingon",
            "en-abcdefghi",
            "en-GBR",
            &long,
        ] {
            assert_eq!(LanguageTag::parse(bad), Err(BadLanguageTag), "{bad:?}");
        }
    }
}
