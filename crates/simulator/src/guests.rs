//! The simulated guests: their ids, and the time of their last message.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    bounded_map::BoundedMap,
    clock::{DAY, Millis},
};

const MAX_GUESTS: usize = 200_000;

/// A simulated WhatsApp user. At least one of `wa_id` and `user_id` is present.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedGuest {
    pub(crate) wa_id: Option<String>,
    /// The guest's business-scoped user id.
    pub(crate) user_id: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) name: Option<String>,
    /// `true` if the guest hides the phone number from businesses.
    pub(crate) is_number_hidden: bool,
    /// The time of the guest's last message to each phone number id.
    last_messages: HashMap<String, Millis>,
}

impl SimulatedGuest {
    /// Returns the guest's WhatsApp id unless the guest hides it.
    pub(crate) fn visible_wa_id(&self) -> Option<&str> {
        self.wa_id.as_deref().filter(|_| !self.is_number_hidden)
    }

    /// Returns an id of the guest that does not depend on how the guest is addressed.
    pub(crate) fn key(&self) -> &str {
        self.wa_id.as_deref().or(self.user_id.as_deref()).unwrap_or_default()
    }

    /// Returns `true` if the guest's 24-hour window for this phone number id is open.
    pub(crate) fn is_window_open(&self, phone_number_id: &str, now: Millis) -> bool {
        self.last_messages.get(phone_number_id).is_some_and(|last| now < last + DAY)
    }

    pub(crate) fn record_message(&mut self, phone_number_id: &str, at: Millis) {
        let last = self.last_messages.entry(phone_number_id.to_owned()).or_insert(at);
        *last = at.max(*last);
    }
}

pub(crate) struct GuestRegistry {
    guests: BoundedMap<String, SimulatedGuest>,
    /// The WhatsApp id for each user id, of guests that have both.
    wa_ids: BoundedMap<String, String>,
}

impl GuestRegistry {
    pub(crate) fn new() -> Self {
        Self { guests: BoundedMap::new(MAX_GUESTS), wa_ids: BoundedMap::new(MAX_GUESTS) }
    }

    /// Finds or creates the guest with this phone number (in any notation) or user id. If both are given, they are
    /// linked from now on.
    pub(crate) fn find_or_create(&mut self, phone: Option<&str>, user_id: Option<&str>) -> &mut SimulatedGuest {
        let wa_id = phone.map(wa_id_of).or_else(|| user_id.and_then(|id| self.wa_ids.get(id).cloned()));
        let key = wa_id.clone().or_else(|| user_id.map(str::to_owned)).unwrap_or_default();
        let mut unlinked = None;
        if let (Some(wa_id), Some(user_id)) = (&wa_id, user_id) {
            self.wa_ids.insert(user_id.to_owned(), wa_id.clone());
            unlinked = self.guests.remove(user_id);
        }
        let guest = self.guests.get_or_insert_with(key, SimulatedGuest::default);
        for (phone_number_id, at) in unlinked.into_iter().flat_map(|it| it.last_messages) {
            guest.record_message(&phone_number_id, at);
        }
        guest.wa_id = wa_id;
        if let Some(user_id) = user_id {
            guest.user_id = Some(user_id.to_owned());
        }
        guest
    }
}

/// Returns the WhatsApp id of a phone number: usually its digits.
///
/// In WhatsApp, mobile numbers of Brazil lack the ninth digit; those of Mexico have a 1 and those of Argentina a 9
/// after the country code.
pub(crate) fn wa_id_of(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let (country, rest) = digits.split_at_checked(2).unwrap_or(("", ""));
    match (country, rest.len()) {
        ("55", 11) if rest.get(2..3) == Some("9") => {
            let (area, number) = (rest.get(..2).unwrap_or_default(), rest.get(3..).unwrap_or_default());
            format!("55{area}{number}")
        }
        ("52", 10) => format!("521{rest}"),
        ("54", 10) => format!("549{rest}"),
        _ => digits,
    }
}

/// Returns the business-scoped user id that WhatsApp gives to the owner of a number. It does not reveal the number.
pub(crate) fn user_id_of(wa_id: &str) -> String {
    const COUNTRIES: [(&str, &str); 12] = [
        ("351", "PT"),
        ("966", "SA"),
        ("1", "US"),
        ("31", "NL"),
        ("33", "FR"),
        ("34", "ES"),
        ("39", "IT"),
        ("44", "GB"),
        ("49", "DE"),
        ("52", "MX"),
        ("54", "AR"),
        ("55", "BR"),
    ];
    let country = COUNTRIES.iter().find(|(prefix, _)| wa_id.starts_with(prefix)).map_or("ZZ", |(_, country)| country);
    // FNV-1a: the same id in every run.
    let hash = wa_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{country}.{hash:020}")
}

/// Returns `true` for a business-scoped user id: a country code, `.` or `.ENT.`, and up to 128 letters or digits.
pub(crate) fn is_user_id(text: &str) -> bool {
    let Some((country, rest)) = text.split_once('.') else { return false };
    let id = rest.strip_prefix("ENT.").unwrap_or(rest);
    country.len() == 2
        && country.chars().all(|it| it.is_ascii_uppercase())
        && (1..=128).contains(&id.len())
        && id.chars().all(|it| it.is_ascii_alphanumeric())
}

/// Creates a WhatsApp message id in Meta's binary layout, which contains the guest's number.
pub(crate) fn new_wamid(guest: &str, is_inbound: bool) -> String {
    let (direction, random_bytes) = if is_inbound { (0x12, 10) } else { (0x11, 9) };
    let digits: Vec<u8> = guest.bytes().filter(u8::is_ascii_digit).take(20).collect();
    let unique = hex::encode_upper(rand::random::<[u8; 16]>().get(..random_bytes).unwrap_or_default());
    let length = |it: usize| u8::try_from(it).unwrap_or(u8::MAX);
    let mut bytes = vec![0x1d, 0x18, length(digits.len())];
    bytes.extend(digits);
    bytes.extend([0x15, 0x02, 0x00, direction, 0x18, length(unique.len())]);
    bytes.extend(unique.bytes());
    bytes.push(0);
    format!("wamid.{}", BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wa_ids_of_some_countries_differ_from_the_number() {
        for (phone, id) in [
            ("+44 7700 900123", "447700900123"),
            ("+5531987654321", "553187654321"),
            ("553187654321", "553187654321"),
            ("+525512345678", "5215512345678"),
            ("5215512345678", "5215512345678"),
            ("+541112345678", "5491112345678"),
        ] {
            assert_eq!(wa_id_of(phone), id, "{phone}");
        }
    }

    #[test]
    fn a_phone_number_and_a_user_id_can_be_linked() {
        let mut guests = GuestRegistry::new();
        guests.find_or_create(None, Some("GB.1")).record_message("n", 5);
        assert_eq!(guests.find_or_create(None, Some("GB.1")).visible_wa_id(), None);
        guests.find_or_create(Some("+447700900123"), Some("GB.1"));
        assert!(guests.find_or_create(Some("447700900123"), None).is_window_open("n", 6));
        assert_eq!(guests.find_or_create(None, Some("GB.1")).key(), "447700900123");
    }

    #[test]
    fn every_number_has_a_user_id_of_its_own() {
        assert!(is_user_id(&user_id_of("447700900123")) && user_id_of("447700900123").starts_with("GB."));
        assert_eq!(user_id_of("447700900123"), user_id_of("447700900123"));
        assert_ne!(user_id_of("447700900123"), user_id_of("447700900124"));
        assert!(!user_id_of("447700900123").contains("7700900123"));
    }

    #[test]
    fn a_window_belongs_to_a_number_and_closes_after_a_day() {
        let mut guests = GuestRegistry::new();
        let guest = guests.find_or_create(Some("447700900123"), None);
        guest.record_message("n", DAY);
        guest.record_message("n", 5);
        assert!(guest.is_window_open("n", 2 * DAY - 1));
        assert!(!guest.is_window_open("n", 2 * DAY) && !guest.is_window_open("m", DAY));
    }

    #[test]
    fn wamids_are_unique_and_contain_the_number() {
        let (one, other) = (new_wamid("447700900123", true), new_wamid("447700900123", true));
        assert_ne!(one, other);
        let bytes = BASE64_STANDARD.decode(one.strip_prefix("wamid.").unwrap()).unwrap();
        assert!(bytes.windows(12).any(|it| it == b"447700900123"));
        assert!(is_user_id("GB.70010000000000001") && is_user_id("GB.ENT.7"));
        assert!(!is_user_id("447700900123") && !is_user_id("gb.7") && !is_user_id("GB."));
    }
}
