//! User names: the form of new ones, and how they are compared.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::text::BadText;

/// Maximum number of characters of a new user name.
const MAX_LENGTH: usize = 64;

/// A new user name: 1 to 64 letters, digits, `.`, `_` and `-`. User names that were stored before this rule may contain
/// other characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Validates a user name from outside. It is trimmed, and compatible forms of letters and digits become the plain
    /// ones (NFKC).
    pub fn parse(text: &str) -> Result<Self, BadText> {
        let name: String = text.trim().nfkc().collect();
        if name.is_empty() {
            return Err(BadText::Empty);
        }
        if name.contains('\0') {
            return Err(BadText::Nul);
        }
        if !name.chars().all(|it| it.is_alphanumeric() || matches!(it, '.' | '_' | '-')) {
            return Err(BadText::NotUsername);
        }
        if name.chars().count() > MAX_LENGTH {
            return Err(BadText::TooLong { max: MAX_LENGTH });
        }
        Ok(Self(name))
    }

    /// The user name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The user name for comparisons: see [`username_key`].
    pub fn key(&self) -> String {
        username_key(&self.0)
    }
}

parsed_texts!(Username: BadText);

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The form of a user name that is compared: trimmed, NFKC, case folded. Two user names with the same key are the same.
pub fn username_key(username: &str) -> String {
    // Lower, upper and lower case after each other fold letters with several forms, too: ẞ and ß become ss, ς becomes σ.
    let folded = username.trim().nfkc().flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    folded.flat_map(char::to_lowercase).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_letters_digits_and_three_signs() {
        for good in ["ana", "Ana.María-2_x", "李雷", "x"] {
            assert_eq!(Username::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(Username::parse(" ａｎａ\n").unwrap().as_str(), "ana");
        assert_eq!(Username::parse(" ").map(|_| ()), Err(BadText::Empty));
        for bad in ["a b", "a@b", "ana\u{200b}", "a\u{202e}b", "a/b", "😀", "a,b"] {
            assert_eq!(Username::parse(bad), Err(BadText::NotUsername), "{bad:?}");
        }
        assert_eq!(Username::parse("a\0"), Err(BadText::Nul));
        assert!(Username::parse(&"é".repeat(64)).is_ok());
        assert_eq!(Username::parse(&"é".repeat(65)), Err(BadText::TooLong { max: 64 }));
    }

    #[test]
    fn user_names_are_compared_without_case_and_form() {
        for (one, other) in [
            ("Ana", " aNA "),
            ("MARÍA", "mari\u{301}a"),
            ("ｂｅｎ", "Ben"),
            ("STRASSE", "straße"),
            ("STRAẞE", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ] {
            assert_eq!(username_key(one), username_key(other), "{one} {other}");
        }
        for (one, other) in [("ana", "anna"), ("jose", "josé"), ("a.b", "a_b")] {
            assert_ne!(username_key(one), username_key(other));
        }
    }
}
