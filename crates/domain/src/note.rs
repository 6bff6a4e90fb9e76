//! Notes about guests and stays.

use crate::text::BadText;

/// What staff note about a guest or a stay: trimmed, at most 2,000 characters, no NUL. May be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestNote(String);

impl GuestNote {
    /// Maximum number of characters of a note.
    pub const MAX_LENGTH: usize = 2000;

    /// Validates a note from outside.
    pub fn parse(text: &str) -> Result<Self, BadText> {
        let text = text.trim();
        if text.contains('\0') {
            return Err(BadText::Nul);
        }
        if text.chars().count() > Self::MAX_LENGTH {
            return Err(BadText::TooLong { max: Self::MAX_LENGTH });
        }
        Ok(Self(text.to_owned()))
    }

    /// The validated text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_texts!(GuestNote: BadText);
