use proptest::prelude::*;

use super::{BadCountry, BadPhoneNumber, Country, PhoneNumber, WrittenNumber};

fn stored(digits: &str) -> PhoneNumber {
    PhoneNumber::from_stored(&format!("+{digits}")).unwrap()
}

#[test]
fn a_number_in_e164_has_a_country_code_and_5_to_15_digits() {
    use BadPhoneNumber::*;
    for good in ["+34600000001", "+1234567890", "+491000001000001", "+2290197123456", "+6834000"] {
        assert_eq!(PhoneNumber::parse(good).map(|it| it.to_string()), Ok(good.to_owned()), "{good}");
    }
    for (bad, reason) in [
        ("", CountryCodeMissing),
        ("34600000001", CountryCodeMissing),
        ("+", NotANumber),
        ("+34 600 000 001", NotANumber),
        ("+0123456789", UnknownCountryCode),
        ("+210123456789", UnknownCountryCode),
        ("+3460", TooShort),
        ("+3460000000123456", TooLong),
    ] {
        assert_eq!(PhoneNumber::parse(bad), Err(reason), "{bad:?}");
    }
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
}
