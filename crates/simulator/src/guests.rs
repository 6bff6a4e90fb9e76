//! Guests: by which names they are known, and when they last wrote.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    bounded::BoundedMap,
    clock::{DAY, Millis},
    escape::hex,
};

/// Guests that are remembered.
const MOST: usize = 200_000;

/// A guest as WhatsApp knows them; at least one of the two ids is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guest {
    /// Their number, as WhatsApp has it.
    pub(crate) wa_id: Option<String>,
    /// Their business-scoped user id.
    pub(crate) user_id: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) name: Option<String>,
    /// Whether the business is not shown the number.
    pub(crate) hidden: bool,
    /// When they last wrote, to each number of the business.
    last: HashMap<String, Millis>,
}

impl Guest {
    /// The number, where the business is shown it.
    pub(crate) fn shown(&self) -> Option<&str> {
        self.wa_id.as_deref().filter(|_| !self.hidden)
    }

    /// What is the same for a guest however they are addressed.
    pub(crate) fn key(&self) -> &str {
        self.wa_id.as_deref().or(self.user_id.as_deref()).unwrap_or_default()
    }

    /// Whether the window for free-form messages from a number is open.
    pub(crate) fn window_open(&self, number: &str, now: Millis) -> bool {
        self.last.get(number).is_some_and(|last| now < last + DAY)
    }

    /// They wrote to a number.
    pub(crate) fn wrote(&mut self, number: &str, at: Millis) {
        let last = self.last.entry(number.to_owned()).or_insert(at);
        *last = at.max(*last);
    }
}

/// All guests.
pub(crate) struct Guests {
    guests: BoundedMap<String, Guest>,
    /// Numbers of those who are known by both.
    numbers: BoundedMap<String, String>,
}

impl Guests {
    pub(crate) fn new() -> Self {
        Self { guests: BoundedMap::new(MOST), numbers: BoundedMap::new(MOST) }
    }

    /// The guest with a number, in any form, or a user id, or both, which then belong together.
    pub(crate) fn get(&mut self, phone: Option<&str>, user_id: Option<&str>) -> &mut Guest {
        let number = phone.map(wa_id).or_else(|| user_id.and_then(|id| self.numbers.get(id).cloned()));
        let key = number.clone().or_else(|| user_id.map(str::to_owned)).unwrap_or_default();
        let mut before = None;
        if let (Some(number), Some(id)) = (&number, user_id) {
            self.numbers.insert(id.to_owned(), number.clone());
            before = self.guests.remove(id);
        }
        let guest = self.guests.or_insert(key, Guest::default);
        for (to, at) in before.into_iter().flat_map(|it| it.last) {
            guest.wrote(&to, at);
        }
        guest.wa_id = number;
        if let Some(id) = user_id {
            guest.user_id = Some(id.to_owned());
        }
        guest
    }
}

/// The id that WhatsApp has for a number: mostly its digits.
///
/// Brazil's mobiles there have no ninth digit, Mexico's have a 1 and Argentina's a 9 after the country code.
pub(crate) fn wa_id(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let (code, rest) = digits.split_at_checked(2).unwrap_or(("", ""));
    match (code, rest.len()) {
        ("55", 11) if rest.get(2..3) == Some("9") => {
            let (area, number) = (rest.get(..2).unwrap_or_default(), rest.get(3..).unwrap_or_default());
            format!("55{area}{number}")
        }
        ("52", 10) => format!("521{rest}"),
        ("54", 10) => format!("549{rest}"),
        _ => digits,
    }
}

/// Whether a text can be a business-scoped user id: two letters, perhaps `.ENT`, a dot and up to 128 characters.
pub(crate) fn is_user_id(text: &str) -> bool {
    let Some((country, rest)) = text.split_once('.') else { return false };
    let id = rest.strip_prefix("ENT.").unwrap_or(rest);
    country.len() == 2
        && country.chars().all(|it| it.is_ascii_uppercase())
        && (1..=128).contains(&id.len())
        && id.chars().all(|it| it.is_ascii_alphanumeric())
}

/// A new id of a message: it holds the guest's number, as Meta's do.
pub(crate) fn wamid(guest: &str, inbound: bool) -> String {
    let (mark, random) = if inbound { (0x12, 10) } else { (0x11, 9) };
    let digits: Vec<u8> = guest.bytes().filter(u8::is_ascii_digit).take(20).collect();
    let unique = hex(rand::random::<[u8; 16]>().get(..random).unwrap_or_default()).to_uppercase();
    let length = |it: usize| u8::try_from(it).unwrap_or(u8::MAX);
    let mut bytes = vec![0x1d, 0x18, length(digits.len())];
    bytes.extend(digits);
    bytes.extend([0x15, 0x02, 0x00, mark, 0x18, length(unique.len())]);
    bytes.extend(unique.bytes());
    bytes.push(0);
    format!("wamid.{}", BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_countries_have_other_ids_than_numbers() {
        for (phone, id) in [
            ("+44 7700 900123", "447700900123"),
            ("+5531987654321", "553187654321"),
            ("553187654321", "553187654321"),
            ("+525512345678", "5215512345678"),
            ("5215512345678", "5215512345678"),
            ("+541112345678", "5491112345678"),
        ] {
            assert_eq!(wa_id(phone), id, "{phone}");
        }
    }

    #[test]
    fn two_names_of_a_guest_belong_together_once_they_were_seen_so() {
        let mut guests = Guests::new();
        guests.get(None, Some("GB.1")).wrote("n", 5);
        assert_eq!(guests.get(None, Some("GB.1")).shown(), None);
        guests.get(Some("+447700900123"), Some("GB.1"));
        assert!(guests.get(Some("447700900123"), None).window_open("n", 6));
        assert_eq!(guests.get(None, Some("GB.1")).key(), "447700900123");
    }

    #[test]
    fn the_window_is_that_of_a_number_and_closes_after_a_day() {
        let mut guests = Guests::new();
        let guest = guests.get(Some("447700900123"), None);
        guest.wrote("n", DAY);
        guest.wrote("n", 5);
        assert!(guest.window_open("n", 2 * DAY - 1));
        assert!(!guest.window_open("n", 2 * DAY) && !guest.window_open("m", DAY));
    }

    #[test]
    fn ids_of_messages_differ_and_hold_the_number() {
        let (one, other) = (wamid("447700900123", true), wamid("447700900123", true));
        assert_ne!(one, other);
        let bytes = BASE64_STANDARD.decode(one.strip_prefix("wamid.").unwrap()).unwrap();
        assert!(bytes.windows(12).any(|it| it == b"447700900123"));
        assert!(is_user_id("GB.70010000000000001") && is_user_id("GB.ENT.7"));
        assert!(!is_user_id("447700900123") && !is_user_id("gb.7") && !is_user_id("GB."));
    }
}
