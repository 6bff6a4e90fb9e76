//! Values that are valid once they exist: texts, names, ids, phone numbers, templates.
//!
//! `cargo run -p domain --example values`

use std::error::Error;

use domain::{
    LabelColour, MessageText, PhoneNumber, StayId, UnknownName, WrittenNumber,
    opening_hours::OpeningHours,
    phone::Country,
    placeholders::{self, MissingValue},
    text::BadText,
};

pub fn main() -> Result<(), Box<dyn Error>> {
    // Each type is built by `parse`, `FromStr` or `TryFrom`, and each has an error whose text is for a person.
    let text: MessageText = "  Breakfast is from seven.\n".parse()?;
    assert_eq!(text.as_str(), "Breakfast is from seven.");
    assert_eq!(MessageText::try_from(" "), Err(BadText::Empty));
    assert_eq!("17".parse::<StayId>()?, StayId(17));
    assert_eq!("pale".parse::<LabelColour>(), Err(UnknownName { names: LabelColour::NAMES }));
    println!("{}", UnknownName { names: LabelColour::NAMES });

    // A number in E.164, and the other numbers of the same subscriber: WhatsApp keeps old forms in its ids.
    let phone: PhoneNumber = "+5531987654321".parse()?;
    let forms: Vec<String> = phone.equivalent_forms().iter().map(PhoneNumber::to_string).collect();
    assert_eq!(forms, ["+5531987654321", "+553187654321"]);

    // What people write is only recognized here; the crate `numbering` completes it with a country.
    let written: WrittenNumber = "Tel:(0171) 123-45 67 ext. 3".parse()?;
    assert_eq!((written.digits(), written.is_international()), ("01711234567", false));
    assert_eq!(Country::parse("de")?.as_str(), "DE");

    // Templates: a placeholder without a value is an error that names it.
    let value_of = |name: &str| (name == "guest_name").then(|| "Ana".to_owned());
    assert_eq!(placeholders::render("Dear {{guest_name}},", &value_of)?, "Dear Ana,");
    assert_eq!(placeholders::render("Until {{time}}", &value_of), Err(MissingValue(vec!["time".to_owned()])));

    // With the feature `serde`, values are stored as JSON and read with the same checks.
    let hours: OpeningHours = serde_json::from_str(r#"{"mon":[["08:00","12:00"],["14:00","22:00"]]}"#)?;
    assert_eq!(hours.days().count(), 1);
    let overlap = serde_json::from_str::<OpeningHours>(r#"{"mon":[["08:00","12:00"],["11:00","22:00"]]}"#);
    println!("{}", overlap.map_or_else(|error| error.to_string(), |hours| format!("{hours:?}")));
    Ok(())
}
