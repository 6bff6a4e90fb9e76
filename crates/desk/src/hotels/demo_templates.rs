//! The templates of the demo hotel, and the variables that they use.

use std::collections::BTreeMap;

use domain::{
    HotelId, MessageText, Name,
    hotel::HotelVariables,
    template::{TemplateKind, TemplateShortcut},
};
use persistence::{
    Tx,
    hotels::{self, HotelChange},
    templates::{self, TemplateContent},
};

use crate::Error;

const VARIABLES: [(&str, &str); 4] = [
    ("wifi_name", "Seaside Guest"),
    ("wifi_code", "blue-lagoon-42"),
    ("breakfast_hours", "7:00 to 10:30"),
    ("reception_number", "9"),
];

/// Shortcut, name and text of each template.
const TEMPLATES: [(&str, &str, &str); 6] = [
    ("welcome", "Welcome", "Dear {{guest_name}}, welcome to {{hotel_name}}! We are here for you at any time."),
    ("wifi", "Wi-Fi", "Dear {{guest_name}}, the Wi-Fi is “{{wifi_name}}”, its password is {{wifi_code}}."),
    ("breakfast", "Breakfast", "Breakfast is served from {{breakfast_hours}} in the garden room."),
    (
        "checkout",
        "Check-out",
        "On the day of departure room {{room_number}} is yours until 11:00. We gladly keep your luggage.",
    ),
    ("onmyway", "On my way", "Thank you, {{guest_name}}. We are on our way to room {{room_number}}."),
    ("taxi", "Taxi", "Your taxi is ordered for {{time}}. It waits in front of the entrance."),
];

/// Stores templates and variables of the demo hotel.
pub(super) fn insert(tx: &mut Tx<'_>, hotel: HotelId) -> Result<(), Error> {
    let variables = VARIABLES.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let variables = HotelVariables::parse(BTreeMap::from(variables))
        .map_err(|error| Error::invalid("variables", error.to_string()))?;
    hotels::change(tx, hotel, &HotelChange { variables: Some(variables), ..HotelChange::default() })?;
    for (shortcut, name, text) in TEMPLATES {
        let shortcut =
            TemplateShortcut::parse(shortcut).map_err(|error| Error::invalid("shortcut", error.to_string()))?;
        let content = TemplateContent {
            name: Name::parse(name).map_err(|error| ("name", error))?,
            content: MessageText::parse(text).map_err(|error| ("content", error))?,
            department: None,
            kind: TemplateKind::Text { language: None },
            shortcut: Some(shortcut),
        };
        templates::insert(tx, hotel, &content)?.map_err(|_| Error::invalid("name", "This name is taken."))?;
    }
    Ok(())
}
