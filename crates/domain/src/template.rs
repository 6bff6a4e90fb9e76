//! Message templates: prepared texts for guests.

use std::fmt;

use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::{
    ids::{DepartmentId, HotelId, TemplateId},
    placeholders::{placeholders, render},
    text::{MessageText, Name},
};

/// A template: a prepared text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    /// Whether the template can be sent: Meta has not paused or deleted it. Always true for type `text`.
    pub is_available: bool,
}

/// How the values of an approved template are passed to WhatsApp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum ParameterFormat {
    /// In the order of the placeholders.
    #[default]
    Positional,
    /// Each with the name of its placeholder.
    Named,
}

named_values!(ParameterFormat);

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

parsed_texts!(TemplateShortcut: BadTemplateShortcut);

/// The type of a template, as clients name it; [`TemplateKind`] adds the language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoStaticStr, VariantArray, VariantNames)]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TemplateKind {
    /// The template is rendered and sent as free text, which needs an open 24-hour window.
    Text {
        /// The language of the text, for people who choose among texts.
        language: Option<TemplateLanguage>,
    },
    /// The template is sent as a template that Meta has approved, which is allowed at any time.
    WhatsApp {
        /// The language in which Meta has approved the template.
        language: TemplateLanguage,
        /// How the values are passed to WhatsApp.
        parameter_format: ParameterFormat,
    },
}

/// A language code of Meta, such as `en` or `en_GB`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateLanguage(String);

/// Error: the text is not a language code of Meta. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Please give the language as WhatsApp names it, like en_GB.")]
pub struct BadTemplateLanguage;

/// Error: a template of type `whatsapp` has no language. Displays as a sentence for a person, about the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A template of type whatsapp needs the language that it was approved in.")]
pub struct NoTemplateLanguage;

parsed_texts!(TemplateLanguage: BadTemplateLanguage);

impl TemplateKind {
    /// Combines type, language and parameter format of a template. A text has no parameter format.
    ///
    /// Fails if a template of type `whatsapp` has no language.
    pub fn new(
        template_type: TemplateType,
        language: Option<TemplateLanguage>,
        parameter_format: ParameterFormat,
    ) -> Result<Self, NoTemplateLanguage> {
        match (template_type, language) {
            (TemplateType::WhatsApp, Some(language)) => Ok(Self::WhatsApp { language, parameter_format }),
            (TemplateType::WhatsApp, None) => Err(NoTemplateLanguage),
            (TemplateType::Text, language) => Ok(Self::Text { language }),
        }
    }

    /// The type of the template, without the language.
    pub fn template_type(&self) -> TemplateType {
        match self {
            Self::Text { .. } => TemplateType::Text,
            Self::WhatsApp { .. } => TemplateType::WhatsApp,
        }
    }

    /// The language of the template.
    pub fn language(&self) -> Option<&TemplateLanguage> {
        match self {
            Self::Text { language } => language.as_ref(),
            Self::WhatsApp { language, .. } => Some(language),
        }
    }

    /// How the values are passed to WhatsApp; `Positional` for a text.
    pub fn parameter_format(&self) -> ParameterFormat {
        match self {
            Self::Text { .. } => ParameterFormat::Positional,
            Self::WhatsApp { parameter_format, .. } => *parameter_format,
        }
    }
}

/// Returns the names of a template's placeholders in the order in which WhatsApp expects their values: numbers by size,
/// as Meta numbers them, and names in order of first use.
pub fn parameter_order(content: &str) -> Vec<&str> {
    let mut names = placeholders(content);
    let number = |name: &str| name.parse::<u32>().ok();
    if names.iter().all(|name| number(name).is_some()) {
        names.sort_by_key(|name| number(name));
    }
    names
}

/// Returns the text of a template that Meta has changed or sent for the first time, with the placeholders' names of the
/// stored text `known`. Meta numbers the placeholders of a positional template, the hotel gives them names.
///
/// Numbers without a name stay numbers. So do all of them if Meta's text does not use them in order, because the order of
/// names is that of their first use.
pub fn with_known_names(text: &str, known: &str) -> String {
    let numbers = placeholders(text);
    let is_in_order = numbers.iter().enumerate().all(|(index, name)| *name == (index + 1).to_string());
    if !is_in_order {
        return text.to_owned();
    }
    let names = placeholders(known);
    let renamed = |number: &str| {
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let name = index.and_then(|index| names.get(index)).copied().unwrap_or(number);
        Some(format!("{{{{{name}}}}}"))
    };
    render(text, &renamed).unwrap_or_else(|_| text.to_owned())
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
    fn whatsapp_templates_need_a_language() {
        let language = || TemplateLanguage::parse("en_GB").unwrap();
        let kind = TemplateKind::new(TemplateType::WhatsApp, Some(language()), ParameterFormat::Named).unwrap();
        assert_eq!((kind.template_type(), kind.language()), (TemplateType::WhatsApp, Some(&language())));
        assert_eq!(kind.parameter_format(), ParameterFormat::Named);
        let text = |language| TemplateKind::new(TemplateType::Text, language, ParameterFormat::Named).unwrap();
        assert_eq!(text(None), TemplateKind::Text { language: None });
        assert_eq!(
            (text(Some(language())).language(), text(None).parameter_format()),
            (Some(&language()), ParameterFormat::Positional)
        );
        let missing = TemplateKind::new(TemplateType::WhatsApp, None, ParameterFormat::Positional);
        assert_eq!(missing, Err(NoTemplateLanguage));
    }

    #[test]
    fn values_are_passed_in_the_order_of_meta() {
        assert_eq!(parameter_order("{{2}} and {{1}}, {{10}}"), ["1", "2", "10"]);
        assert_eq!(parameter_order("{{room}} for {{guest}}, {{room}}"), ["room", "guest"]);
        assert_eq!(parameter_order("{{1}} for {{guest}}"), ["1", "guest"]);
    }

    #[test]
    fn placeholders_keep_the_names_that_the_hotel_gave() {
        for (text, known, expected) in [
            ("Hello {{1}}", "Hi {{guest_name}}", "Hello {{guest_name}}"),
            ("Hello {{1}}, room {{2}}, {{1}}", "Hi {{guest}}", "Hello {{guest}}, room {{2}}, {{guest}}"),
            ("Hello {{2}}, room {{1}}", "Hi {{guest}} in {{room}}", "Hello {{2}}, room {{1}}"),
            ("Hello {{guest}}", "Hi {{name}}", "Hello {{guest}}"),
            ("Hello", "Hi {{name}}", "Hello"),
        ] {
            assert_eq!(with_known_names(text, known), expected);
        }
    }
}
