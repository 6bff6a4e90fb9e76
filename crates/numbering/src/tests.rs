use phonenumber::{country, metadata::DATABASE};
use proptest::prelude::*;

use super::*;

fn number(text: &str) -> PhoneNumber {
    parse(text, None).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn in_country(text: &str, country: &str) -> Result<String, BadPhoneNumber> {
    parse(text, Some(Country::parse(country).unwrap())).map(|it| it.to_string())
}

#[test]
fn the_lists_of_domain_are_those_of_the_rules() {
    let letters = || 'A'..='Z';
    for text in letters().flat_map(|one| letters().map(move |other| format!("{one}{other}"))) {
        let has_rules = text.parse::<country::Id>().is_ok() && DATABASE.by_id(&text).is_some();
        assert_eq!(Country::parse(&text).is_ok(), has_rules, "{text}");
    }
    for code in 1..=999_u16 {
        let digits = format!("{code}0000000000");
        let found = domain::phone::country_code(&digits).map(str::to_owned);
        let has_rules = DATABASE.by_code(&code).is_some();
        assert_eq!(found == Some(code.to_string()), has_rules, "{code}");
    }
}

#[test]
fn numbers_keep_their_digits() {
    for (text, expected) in [
        ("+1234567890", "+1234567890"), // the example of the API specification
        ("+44 7700 900123", "+447700900123"),
        ("+34-600 000 001", "+34600000001"),
        ("+5531987654321", "+5531987654321"),
        ("+15550000001", "+15550000001"),
        ("+34600000001", "+34600000001"),
        ("+4915112345678", "+4915112345678"),
        ("+78005553535", "+78005553535"),
        ("+390612345678", "+390612345678"),
        ("+39 333 123 4567", "+393331234567"),
        ("+2290197123456", "+2290197123456"),
        // Former forms of numbers that people still write.
        ("+22997123456", "+22997123456"),
        ("+553187654321", "+553187654321"),
        ("+5215512345678", "+5215512345678"),
    ] {
        assert_eq!(number(text).as_str(), expected, "{text}");
    }
}

#[test]
fn every_spelling_of_an_international_number_is_accepted() {
    for text in [
        "+49 (0)171 1234567",
        "+49 (0) 171 / 123 45 67",
        "+49 [0]171-1234567",
        "+49 0171 1234567",
        "+490171 1234567",
        "0049 171 1234567",
        "0049 (0)171 1234567",
        "+0049 171 1234567",
        "00 49 171 1234567",
        "+49\u{a0}171\u{202f}1234567",
        "\u{202a}+49 171 1234567\u{202c}",
        "\u{2066}+49\u{200b} 171\u{200e} 1234567\u{2069}",
        "\u{feff}+49 171 1234567",
        "+49\u{2011}171\u{2013}1234567",
        "+49.171.1234567",
        "+49 171 123 45 67",
        "+49 171 1234567 ext. 12",
        "+49 171 1234567 x12",
        "+49 171 1234567;ext=12",
        "+49 171 1234567 #12",
        "\u{ff0b}\u{ff14}\u{ff19} \u{ff11}\u{ff17}\u{ff11} \u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}",
        "+\u{664}\u{669} \u{661}\u{667}\u{661} \u{661}\u{662}\u{663}\u{664}\u{665}\u{666}\u{667}",
        "tel:+49-171-1234567",
        "'+491711234567",
        "=\"+491711234567\"",
    ] {
        assert_eq!(parse(text, None).map(|it| it.to_string()), Ok("+491711234567".to_owned()), "{text:?}");
    }
}

#[test]
fn national_prefixes_are_removed_unless_they_belong_to_the_number() {
    for (text, expected) in [
        ("+44 (0)20 7946 0000", "+442079460000"),
        ("+39 (0)6 1234 5678", "+390612345678"), // an Italian number keeps its zero
        ("+34 (0)600 000 001", "+34600000001"),  // Spain has no prefix, and people write one
        ("+7 8 912 345 67 89", "+79123456789"),
        ("+1 (1) 212 555 0123", "+12125550123"),
        ("+54 11 15 1234 5678", "+5491112345678"),
        ("+54 9 11 15 1234 5678", "+5491112345678"),
        ("+54 (0)11 15 1234-5678", "+5491112345678"),
    ] {
        assert_eq!(parse(text, None).map(|it| it.to_string()), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn the_country_of_the_hotel_completes_national_numbers() {
    for (text, country, expected) in [
        ("600 000 001", "ES", "+34600000001"),
        ("34600000001", "ES", "+34600000001"),
        ("0171 1234567", "DE", "+491711234567"),
        ("(0171) 123 45 67", "DE", "+491711234567"),
        ("07700 900123", "GB", "+447700900123"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("1-212-555-0123", "us", "+12125550123"),
        ("011 49 171 1234567", "US", "+491711234567"),
        ("0049 171 1234567", "US", "+491711234567"),
        ("+49 171 1234567", "US", "+491711234567"),
        ("011 15 1234-5678", "AR", "+5491112345678"),
        ("(31) 98765-4321", "BR", "+5531987654321"),
        ("031 98765-4321", "BR", "+5531987654321"),
        ("55 1234 5678", "MX", "+525512345678"),
        ("97 12 34 56", "BJ", "+22997123456"),
    ] {
        assert_eq!(in_country(text, country), Ok(expected.to_owned()), "{text} in {country}");
    }
}

#[test]
fn refusals_give_the_right_reason() {
    use BadPhoneNumber::*;
    for (text, reason) in [
        ("", NotANumber),
        ("+", NotANumber),
        ("n/a", NotANumber),
        ("+34abc", NotANumber),
        ("4.91712E+11", NotANumber),
        ("+34600000001 +34600000002", NotANumber),
        ("+34+600000001", NotANumber),
        ("++34600000001", NotANumber),
        ("ask at desk 34600000001", NotANumber),
        ("600000001", CountryCodeMissing),
        ("600\u{a0}000\u{a0}001", CountryCodeMissing),
        ("0171 1234567", CountryCodeMissing),
        ("+0123456789", UnknownCountryCode),
        ("+210 123 456 789", UnknownCountryCode),
        ("+12", TooShort),
        ("+34 600 00", TooShort),
        ("600", TooShort),
        ("+34600000001234567", TooLong),
        ("+34 600 000 001 2", TooLong),
        ("+34 100 000 001", NoSuchRange),
        ("+1 100 555 0123", NoSuchRange),
    ] {
        assert_eq!(parse(text, None), Err(reason), "{text:?}");
    }
    assert_eq!(in_country("600 000", "ES"), Err(TooShort));
    assert_eq!(in_country("600 000 001 0171 1234567", "ES"), Err(TooLong));
    assert_eq!(in_country("100 000 001", "ES"), Err(NoSuchRange));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,40}", country in "[A-Z]{2}") {
        let country = Country::parse(&country).ok();
        if let Ok(number) = WrittenNumber::parse(&text).and_then(|it| it.complete(country)) {
            prop_assert!(PhoneNumber::from_stored(number.as_str()).is_some());
        }
    }

    #[test]
    fn parsing_a_parsed_number_returns_it(text in "[+0]{0,2}[1-9][0-9 ()-]{6,16}") {
        if let Ok(number) = parse(&text, None) {
            prop_assert_eq!(parse(number.as_str(), None), Ok(number.clone()));
            prop_assert_eq!(PhoneNumber::parse(number.as_str()), Ok(number));
        }
    }
}
