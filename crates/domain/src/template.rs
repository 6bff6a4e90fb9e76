//! Message templates: prepared texts for guests.

use std::fmt;

use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

use crate::{
    ids::{DepartmentId, HotelId, TemplateId},
    text::{MessageText, Name},
};

/// A template: a prepared text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Id of the template, unique over all hotels.
    pub id: TemplateId,
    /// The hotel that owns the template.
    pub hotel: HotelId,
    /// Name of the template, unique in the hotel. For a WhatsApp template, the name under which Meta approved it.
    pub name: Name,
    /// The text of the template, with placeholders such as `{{guest_name}}`.
    pub content: MessageText,
    /// The department that may use the template; `None` for all departments.
    pub department: Option<DepartmentId>,
    /// How the template is sent: as free text, or as a template that Meta has approved.
    pub kind: TemplateKind,
    /// A short name of the template, which staff type to find it.
    pub shortcut: Option<TemplateShortcut>,
}

/// A short name of a template, unique in the hotel: 1 to 32 of the characters `a` to `z`, `0` to `9`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateShortcut(String);

/// Error: the text is no shortcut of a template. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A shortcut has 1 to 32 of the characters a to z, 0 to 9, _ and -.")]
pub struct BadTemplateShortcut;

impl TemplateShortcut {
    const MAX_CHARS: usize = 32;

    /// Parses a shortcut.
    pub fn parse(text: &str) -> Result<Self, BadTemplateShortcut> {
        let is_allowed = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_-".contains(&it);
        let is_shortcut = (1..=Self::MAX_CHARS).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_shortcut { Ok(Self(text.to_owned())) } else { Err(BadTemplateShortcut) }
    }

    /// The shortcut as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The type of a template, as clients name it; [`TemplateKind`] adds the language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum TemplateType {
    /// The template is sent as free text.
    #[default]
    Text,
    /// The template is sent as a template that Meta has approved.
    WhatsApp,
}

named_values!(TemplateType);

/// How a template is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateKind {
    /// The template is rendered and sent as free text, which needs an open 24-hour window.
    Text,
    /// The template is sent as a template that Meta has approved, which is allowed at any time.
    WhatsApp {
        /// The language in which Meta has approved the template.
        language: TemplateLanguage,
    },
}

/// A language code of Meta, such as `en` or `en_GB`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateLanguage(String);

/// Error: the text is not a language code of Meta. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Please give the language as WhatsApp names it, like en_GB.")]
pub struct BadTemplateLanguage;

/// Error: type and language of a template contradict each other. Displays as a sentence for a person, about the
/// language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// A template of type `whatsapp` has no language.
    #[error("A template of type whatsapp needs the language that it was approved in.")]
    NoLanguage,
    /// A template of type `text` has a language.
    #[error("A template of type text has no language.")]
    LanguageOfText,
}

impl TemplateKind {
    /// Combines type and language of a template.
    ///
    /// Fails unless exactly the templates of type `whatsapp` have a language.
    pub fn new(template_type: TemplateType, language: Option<TemplateLanguage>) -> Result<Self, BadTemplate> {
        match (template_type, language) {
            (TemplateType::WhatsApp, Some(language)) => Ok(Self::WhatsApp { language }),
            (TemplateType::Text, None) => Ok(Self::Text),
            (TemplateType::WhatsApp, None) => Err(BadTemplate::NoLanguage),
            (TemplateType::Text, Some(_)) => Err(BadTemplate::LanguageOfText),
        }
    }

    /// The type of the template, without the language.
    pub fn template_type(&self) -> TemplateType {
        match self {
            Self::Text => TemplateType::Text,
            Self::WhatsApp { .. } => TemplateType::WhatsApp,
        }
    }

    /// The language of a WhatsApp template.
    pub fn language(&self) -> Option<&TemplateLanguage> {
        match self {
            Self::Text => None,
            Self::WhatsApp { language } => Some(language),
        }
    }
}

impl TemplateLanguage {
    /// Parses a language code of Meta: two or three lower-case letters, optionally followed by `_` and two capitals for
    /// the region.
    pub fn parse(text: &str) -> Result<Self, BadTemplateLanguage> {
        let (language, region) = text.split_once('_').map_or((text, None), |(one, other)| (one, Some(other)));
        let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|it| it.is_ascii_lowercase());
        let is_region = |it: &str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_uppercase());
        if is_language && region.is_none_or(is_region) { Ok(Self(text.to_owned())) } else { Err(BadTemplateLanguage) }
    }

    /// The language code as Meta writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TemplateLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_codes_are_those_of_meta() {
        for good in ["en", "en_GB", "pt_BR", "fil", "prs_AF"] {
            assert_eq!(TemplateLanguage::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "e", "EN", "en-GB", "en_gb", "en_GBR", "en_", "_GB", "english", "en_GB_x", " en"] {
            assert_eq!(TemplateLanguage::parse(bad), Err(BadTemplateLanguage), "{bad:?}");
        }
    }

    #[test]
    fn a_shortcut_is_short_and_plain() {
        for good in ["w", "wifi", "check-in_2", &"x".repeat(32)] {
            assert_eq!(TemplateShortcut::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "WiFi", "wi fi", "/wifi", "wïfi", &"x".repeat(33)] {
            assert_eq!(TemplateShortcut::parse(bad), Err(BadTemplateShortcut), "{bad:?}");
        }
    }

    #[test]
    fn exactly_whatsapp_templates_have_a_language() {
        let language = || TemplateLanguage::parse("en_GB").unwrap();
        let kind = TemplateKind::new(TemplateType::WhatsApp, Some(language())).unwrap();
        assert_eq!((kind.template_type(), kind.language()), (TemplateType::WhatsApp, Some(&language())));
        assert_eq!(TemplateKind::new(TemplateType::Text, None), Ok(TemplateKind::Text));
        assert_eq!(TemplateKind::new(TemplateType::WhatsApp, None), Err(BadTemplate::NoLanguage));
        assert_eq!(TemplateKind::new(TemplateType::Text, Some(language())), Err(BadTemplate::LanguageOfText));
    }
}
