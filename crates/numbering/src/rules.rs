//! Numbering rules of all countries: which phone numbers exist. The rules come from the metadata of the `phonenumber`
//! library.
//!
//! Only the library's data is used. Its parser strips a national prefix without checking whether the number was valid
//! before: `+7 800 555 35 35` loses its 8.

use domain::{
    PhoneNumber,
    phone::{BadPhoneNumber, Country},
};
use phonenumber::{Metadata, metadata::DATABASE};

/// Prefix and number of digits of fictitious phone numbers, which appear in documentation, generated data and tests.
/// They are accepted although no country has assigned them.
const FICTITIOUS: [(&str, usize); 5] = [
    ("447700900", 12),  // reserved by Ofcom for films and books
    ("1555", 11),       // test numbers of Meta
    ("1999", 12),       // command numbers of the WhatsApp simulator
    ("4910", 15),       // numbers of the command `generate`
    ("1234567890", 10), // the example number of the API specification
];

/// Digits of a phone number as written, before prefixes are interpreted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digits<'a> {
    pub(crate) all: &'a str,
    /// Index of a zero written in brackets, as in `+44 (0)20`, which callers from abroad leave out.
    pub(crate) bracketed_zero: Option<usize>,
}

impl<'a> Digits<'a> {
    pub(crate) fn after(self, prefix: usize) -> Self {
        Self { all: &self.all[prefix..], bracketed_zero: self.bracketed_zero.and_then(|it| it.checked_sub(prefix)) }
    }

    pub(crate) fn without_bracketed_zero(self) -> Option<String> {
        let at = self.bracketed_zero?;
        Some(format!("{}{}", &self.all[..at], &self.all[at + 1..]))
    }
}

/// The E.164 digits of a phone number written with its country code.
pub(crate) fn international(digits: Digits<'_>) -> Result<String, BadPhoneNumber> {
    let (code, regions) = split(digits.all).ok_or(BadPhoneNumber::UnknownCountryCode)?;
    let national = digits.after(code.len());
    let mobile = stored(digits.all).and_then(|it| it.without_domestic_mobile_prefix());
    if let Some(mobile) = mobile.map(|it| it.digits().to_owned()).filter(|it| is_number(it)) {
        return Ok(mobile);
    }
    first_number(code, national, &regions).ok_or_else(|| refusal_reason(national.all, &regions))
}

/// The E.164 digits of a phone number as dialled within `country`.
pub(crate) fn national(digits: Digits<'_>, country: Country) -> Result<String, BadPhoneNumber> {
    let own = DATABASE.by_id(country.as_str()).ok_or(BadPhoneNumber::CountryCodeMissing)?;
    let abroad = own.international_prefix().and_then(|it| it.find(digits.all)).filter(|it| it.start() == 0);
    if let Some(number) = abroad.and_then(|prefix| international(digits.after(prefix.end())).ok()) {
        return Ok(number);
    }
    let code = own.country_code().to_string();
    let as_national = first_number(&code, digits, &[own]);
    let as_international = digits.all.starts_with(&code).then(|| international(digits).ok()).flatten();
    match (as_national, as_international) {
        // The digits are two valid numbers of two subscribers, so the country code must be given.
        (Some(one), Some(other)) if one != other => Err(BadPhoneNumber::CountryCodeMissing),
        (Some(number), _) | (None, Some(number)) => Ok(number),
        (None, None) => Err(refusal_reason(digits.all, &[own])),
    }
}

/// Splits off the country code at the beginning, and returns it with the regions that share it. No country code is the
/// beginning of another.
fn split(digits: &str) -> Option<(&str, Vec<&'static Metadata>)> {
    (1..=3).find_map(|length| {
        let code = digits.get(..length).filter(|it| !it.starts_with('0'))?;
        Some((code, DATABASE.by_code(&code.parse::<u16>().ok()?)?))
    })
}

/// The phone number as written if it is valid, or else without the prefix for calls within the country.
fn first_number(code: &str, national: Digits<'_>, regions: &[&Metadata]) -> Option<String> {
    let full = |national: &str| format!("{code}{national}");
    let as_written = full(national.all);
    if is_assigned(&as_written) {
        return Some(as_written);
    }
    let stripped = regions.iter().flat_map(|region| without_prefix(region, national.all));
    let shorter = national.without_bracketed_zero().into_iter().chain(stripped).map(|it| full(&it));
    let mut candidates: Vec<String> = shorter.collect();
    if let Some(number) = candidates.iter().find(|it| is_assigned(it)) {
        return Some(number.clone());
    }
    candidates.insert(0, as_written);
    candidates.into_iter().find(|it| is_number(it))
}

/// The phone number without the national prefix, by each rule of the region that matches.
fn without_prefix(region: &Metadata, national: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(captures) = region.national_prefix_for_parsing().and_then(|it| it.captures(national))
        && let Some(whole) = captures.get(0).filter(|it| it.start() == 0 && it.end() > 0)
    {
        let rest = &national[whole.end()..];
        let last = captures.get(captures.len() - 1).filter(|_| captures.len() > 1);
        match (region.national_prefix_transform_rule(), last) {
            (Some(rule), Some(_)) => {
                let mut begin = String::new();
                captures.expand(rule, &mut begin);
                found.push(begin + rest);
            }
            _ => found.push(rest.to_owned()),
        }
    }
    found.extend(region.national_prefix().and_then(|it| national.strip_prefix(it)).map(str::to_owned));
    found
}

/// Whether the phone number, or an equivalent form, is assigned.
fn is_number(digits: &str) -> bool {
    let forms = || stored(digits).map(|it| it.equivalent_forms()).unwrap_or_default();
    is_assigned(digits) || forms().iter().any(|it| is_assigned(it.digits()))
}

fn stored(digits: &str) -> Option<PhoneNumber> {
    PhoneNumber::from_stored(&format!("+{digits}"))
}

/// Whether a country assigns numbers of this range and length, or the number is fictitious.
fn is_assigned(digits: &str) -> bool {
    if FICTITIOUS.iter().any(|(begin, length)| digits.len() == *length && digits.starts_with(begin)) {
        return true;
    }
    let Some((code, regions)) = split(digits) else { return false };
    let national = &digits[code.len()..];
    digits.len() <= 15
        && regions.iter().any(|region| {
            region.descriptors().general().is_match(national) && kinds(region).any(|kind| kind.is_match(national))
        })
}

fn kinds(region: &Metadata) -> impl Iterator<Item = &phonenumber::metadata::Descriptor> {
    let of = region.descriptors();
    [
        of.mobile(),
        of.fixed_line(),
        of.toll_free(),
        of.premium_rate(),
        of.shared_cost(),
        of.voip(),
        of.personal_number(),
        of.pager(),
        of.uan(),
        of.voicemail(),
    ]
    .into_iter()
    .flatten()
}

/// The reason why a phone number is invalid: too short, too long, or no such range.
fn refusal_reason(national: &str, regions: &[&Metadata]) -> BadPhoneNumber {
    let lengths = || regions.iter().flat_map(|it| kinds(it)).flat_map(|it| it.possible_length().iter().copied());
    let (shortest, longest) = (lengths().min().unwrap_or(2), lengths().max().unwrap_or(15));
    // A national prefix does not count towards the length of the phone number.
    let shortened = regions.iter().flat_map(|it| without_prefix(it, national)).map(|it| it.len()).min();
    let length = shortened.unwrap_or(national.len());
    if length < usize::from(shortest) {
        BadPhoneNumber::TooShort
    } else if length > usize::from(longest) {
        BadPhoneNumber::TooLong
    } else {
        BadPhoneNumber::NoSuchRange
    }
}
