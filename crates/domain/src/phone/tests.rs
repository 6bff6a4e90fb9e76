use proptest::prelude::*;

use super::{BadCountry, BadPhoneNumber, Country, PhoneNumber, WrittenNumber};

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn stored(digits: &str) -> PhoneNumber {
    PhoneNumber::from_stored(&format!("+{digits}")).unwrap()
}

fn in_country(text: &str, country: &str) -> Result<String, BadPhoneNumber> {
    let written = WrittenNumber::parse(text)?;
    written.complete(Some(Country::parse(country).unwrap())).map(|it| it.to_string())
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
        assert_eq!(PhoneNumber::parse(text).map(|it| it.to_string()), Ok("+491711234567".to_owned()), "{text:?}");
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
        assert_eq!(PhoneNumber::parse(text).map(|it| it.to_string()), Ok(expected.to_owned()), "{text}");
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
        assert_eq!(PhoneNumber::parse(text), Err(reason), "{text:?}");
    }
    assert_eq!(in_country("600 000", "ES"), Err(TooShort));
    assert_eq!(in_country("600 000 001 0171 1234567", "ES"), Err(TooLong));
    assert_eq!(in_country("100 000 001", "ES"), Err(NoSuchRange));
}

#[test]
fn a_country_is_two_letters_of_iso_3166() {
    assert_eq!(Country::parse(" es ").map(|it| it.to_string()), Ok("ES".to_owned()));
    for bad in ["", "E", "ESP", "34", "UK", "ZZ", "001"] {
        assert_eq!(Country::parse(bad), Err(BadCountry), "{bad}");
    }
}

#[test]
fn stored_numbers_stay_readable_and_whatsapp_ids_are_trusted() {
    for old in ["+490171123456", "+34100000001", "+491510000001"] {
        assert_eq!(PhoneNumber::from_stored(old).unwrap().as_str(), old);
        assert!(WrittenNumber::parse(old).unwrap().repeats(&stored(&old[1..])));
    }
    assert_eq!(PhoneNumber::from_stored("34600000001"), None);
    assert_eq!(PhoneNumber::from_whatsapp_id("34100000001").map(|it| it.to_string()), Some("+34100000001".to_owned()));
    for bad in ["", "+34600000001", "0123456789", "12345", "1234567890123456", "ES.123456789"] {
        assert_eq!(PhoneNumber::from_whatsapp_id(bad), None, "{bad}");
    }
}

#[test]
fn whatsapp_spellings_are_equivalent() {
    for forms in [
        &["5531987654321", "553187654321"][..],
        &["5511961234567", "551161234567"],
        &["525512345678", "5215512345678"],
        &["541112345678", "5491112345678", "54111512345678"],
        &["543512345678", "5493512345678", "54351152345678", "54351215345678"],
        &["2250712345678"], // not a former number of the operator 07
        &["2250707123456", "22507123456"],
        &["2250504123456", "22504123456"],
        &["2250102123456", "22502123456"],
        &["2290197123456", "22997123456"],
    ] {
        for one in forms {
            let mut alike: Vec<String> =
                stored(one).equivalent_forms().iter().map(|it| it.as_str()[1..].to_owned()).collect();
            assert_eq!(&alike[0], one);
            alike.sort();
            let mut expected: Vec<String> = forms.iter().map(|it| (*it).to_owned()).collect();
            expected.sort();
            assert_eq!(alike, expected, "{one}");
        }
    }
}

#[test]
fn different_subscribers_are_not_equivalent() {
    for (one, other) in [
        ("553132654321", "5531932654321"), // a landline and a mobile number of Brazil
        ("551152345678", "5511952345678"),
        ("5531032654321", "553132654321"),
        ("525512345678", "525512345679"),
        ("22527212345678", "22521234567"),
        ("2252721234567", "22521234567"), // landlines of Ivory Coast
        ("2250507123456", "22507123456"), // the prefix of another operator
        ("2290297123456", "22997123456"),
        ("34600000001", "346000000011"),
    ] {
        assert!(!stored(one).equivalent_forms().contains(&stored(other)), "{one} {other}");
        assert!(!stored(other).equivalent_forms().contains(&stored(one)), "{other} {one}");
    }
}

/// Random digits of phone numbers: countries with equivalent forms and other countries, in any length that can be
/// stored.
fn digits() -> impl Strategy<Value = String> {
    prop_oneof![
        "55[1-9][0-9][2-9][0-9]{7}",
        "55[1-9][0-9]9[0-9]{8}",
        "521?[0-9]{10}",
        "549?[1-4][0-9]{9}",
        "54(11|[23][0-9]{2,3})15[0-9]{6,8}",
        "225[0-9]{8}",
        "225(01|05|07|2[157])[0-9]{8}",
        "229[0-9]{8}",
        "22901[0-9]{8}",
        "[1-9][0-9]{6,14}",
    ]
}

/// Whether the phone number has the form of the current numbering plan.
fn is_current_form(number: &PhoneNumber) -> bool {
    let digits = &number.as_str()[1..];
    let (code, length) = (digits.get(..3).unwrap_or_default(), digits.len());
    match code {
        "225" | "229" => length == 13,
        _ if digits.starts_with("55") => {
            length == 13 || (length == 12 && ('2'..='5').contains(&digits.chars().nth(4).unwrap()))
        }
        _ if digits.starts_with("52") => length == 12,
        _ if digits.starts_with("54") => length == 13 && digits.starts_with("549"),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equivalence_is_symmetric_and_transitive(digits in digits()) {
        let number = stored(&digits);
        let alike = number.equivalent_forms();
        prop_assert_eq!(&alike[0], &number);
        prop_assert!(alike.len() <= PhoneNumber::MAX_EQUIVALENT_FORMS);
        // All equivalent forms have the same equivalent forms: the relation is symmetric and transitive.
        let sorted = |mut it: Vec<PhoneNumber>| { it.sort(); it };
        for form in &alike {
            prop_assert_eq!(sorted(form.equivalent_forms()), sorted(alike.clone()));
        }
        // A subscriber has at most one number in the current numbering plan.
        prop_assert!(alike.iter().filter(|it| is_current_form(it)).count() <= 1, "{:?}", alike);
        // Equivalent forms differ in a prefix or an infix: the last six digits are the same.
        for form in &alike {
            prop_assert!(form.as_str().ends_with(&digits[digits.len() - 6..]));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,40}", country in "[A-Z]{2}") {
        let country = Country::parse(&country).ok();
        if let Ok(number) = WrittenNumber::parse(&text).and_then(|it| it.complete(country)) {
            prop_assert!(PhoneNumber::from_stored(number.as_str()).is_some());
        }
    }

    #[test]
    fn parsing_a_parsed_number_returns_it(text in "[+0]{0,2}[1-9][0-9 ()-]{6,16}") {
        if let Ok(number) = PhoneNumber::parse(&text) {
            prop_assert_eq!(PhoneNumber::parse(number.as_str()), Ok(number));
        }
    }
}
