//! Templates of messages.

use std::fmt;

use crate::{DepartmentId, HotelId, MessageText, Name, TemplateId};

/// A text that is written once and sent often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Its hotel.
    pub hotel: HotelId,
    /// Its name, unique in the hotel.
    pub name: Name,
    /// The text, with its placeholders.
    pub content: MessageText,
    /// The department that it is for; none: all.
    pub department: Option<DepartmentId>,
    /// How it goes out.
    pub kind: TemplateKind,
}

/// Which way a template goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateType {
    /// As free text.
    Text,
    /// As one that Meta has approved.
    WhatsApp,
}

/// How a template goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateKind {
    /// Rendered, as free text.
    Text,
    /// As one that Meta has approved under its name: at any time.
    WhatsApp {
        /// The language that it was approved in.
        language: Language,
    },
}

/// A language as Meta names it: `en`, `en_GB`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language(String);

/// A language that is none. Its display is a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Please give the language as WhatsApp names it, like en_GB.")]
pub struct BadLanguage;

/// A type and a language that do not go together. Its display is a sentence for a person about the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// One of type `whatsapp` without.
    #[error("A template of type whatsapp needs the language that it was approved in.")]
    NoLanguage,
    /// One of type `text` with one.
    #[error("A template of type text has no language.")]
    LanguageOfText,
}

impl TemplateType {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Text, Self::WhatsApp];

    /// The word for it in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::WhatsApp => "whatsapp",
        }
    }
}

impl std::str::FromStr for TemplateType {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.as_str() == word).ok_or(())
    }
}

impl TemplateKind {
    /// The kind that a type and a language make.
    ///
    /// # Errors
    /// [`BadTemplate`].
    pub fn new(kind: TemplateType, language: Option<Language>) -> Result<Self, BadTemplate> {
        match (kind, language) {
            (TemplateType::WhatsApp, Some(language)) => Ok(Self::WhatsApp { language }),
            (TemplateType::Text, None) => Ok(Self::Text),
            (TemplateType::WhatsApp, None) => Err(BadTemplate::NoLanguage),
            (TemplateType::Text, Some(_)) => Err(BadTemplate::LanguageOfText),
        }
    }

    /// Its type.
    pub fn template_type(&self) -> TemplateType {
        match self {
            Self::Text => TemplateType::Text,
            Self::WhatsApp { .. } => TemplateType::WhatsApp,
        }
    }

    /// The language, where it has one.
    pub fn language(&self) -> Option<&Language> {
        match self {
            Self::Text => None,
            Self::WhatsApp { language } => Some(language),
        }
    }
}

impl Language {
    /// Reads it: two or three small letters, then, where there is a region, `_` and two capital ones.
    ///
    /// # Errors
    /// [`BadLanguage`].
    pub fn parse(text: &str) -> Result<Self, BadLanguage> {
        let (language, region) = text.split_once('_').map_or((text, None), |(one, other)| (one, Some(other)));
        let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|it| it.is_ascii_lowercase());
        let is_region = |it: &str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_uppercase());
        if is_language && region.is_none_or(is_region) { Ok(Self(text.to_owned())) } else { Err(BadLanguage) }
    }

    /// As Meta names it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_named_as_meta_does() {
        for good in ["en", "en_GB", "pt_BR", "fil", "prs_AF"] {
            assert_eq!(Language::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "e", "EN", "en-GB", "en_gb", "en_GBR", "en_", "_GB", "english", "en_GB_x", " en"] {
            assert_eq!(Language::parse(bad), Err(BadLanguage), "{bad:?}");
        }
    }

    #[test]
    fn templates_of_whatsapp_have_a_language_and_no_others() {
        let language = || Language::parse("en_GB").unwrap();
        let kind = TemplateKind::new(TemplateType::WhatsApp, Some(language())).unwrap();
        assert_eq!((kind.template_type(), kind.language()), (TemplateType::WhatsApp, Some(&language())));
        assert_eq!(TemplateKind::new(TemplateType::Text, None), Ok(TemplateKind::Text));
        assert_eq!(TemplateKind::new(TemplateType::WhatsApp, None), Err(BadTemplate::NoLanguage));
        assert_eq!(TemplateKind::new(TemplateType::Text, Some(language())), Err(BadTemplate::LanguageOfText));
    }
}
