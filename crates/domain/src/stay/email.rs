//! E-mail addresses of bookings. They are shown, never written to, so only their form is checked.

/// An e-mail address in its usual form: one `@` with text on both sides, no white space, at most 254 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(String);

/// Error: the text is no e-mail address. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Please give the e-mail address as name@example.com.")]
pub struct BadEmail;

impl EmailAddress {
    /// Maximum number of characters of an address.
    const MAX_CHARS: usize = 254;

    /// Parses an address; white space around it is removed.
    pub fn parse(text: &str) -> Result<Self, BadEmail> {
        let text = text.trim();
        let (name, host) = text.rsplit_once('@').ok_or(BadEmail)?;
        let has_gap = text.chars().any(|it| it.is_whitespace() || it.is_control());
        let is_address = !name.is_empty() && !host.is_empty() && !name.contains('@') && !has_gap;
        if is_address && text.chars().count() <= Self::MAX_CHARS { Ok(Self(text.to_owned())) } else { Err(BadEmail) }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_texts!(EmailAddress: BadEmail);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_of_an_address_is_checked() {
        for good in ["ana@example.com", " a.b+c@host ", "josé@müller.example"] {
            assert_eq!(EmailAddress::parse(good).unwrap().as_str(), good.trim());
        }
        let long = format!("{}@example.com", "x".repeat(250));
        for bad in ["", "ana", "@example.com", "ana@", "a b@example.com", "a@b@c", "a\0@example.com", &long] {
            assert_eq!(EmailAddress::parse(bad), Err(BadEmail), "{bad:?}");
        }
    }
}
