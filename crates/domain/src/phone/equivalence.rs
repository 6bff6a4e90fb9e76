//! Equivalent phone numbers: numbers that reach the same subscriber.
//!
//! A WhatsApp id may differ from the number that the subscriber gives: it keeps the form of a former numbering plan, or
//! a mobile prefix that is optional in some contexts. Each rule below maps all forms of a number to one subscriber, and
//! a subscriber to all forms. Equivalence is therefore symmetric and transitive, and two subscribers share no form.

/// Maximum number of equivalent phone numbers of one subscriber.
pub(super) const MAX_FORMS: usize = 4;

/// A subscriber whose number has several forms; holds the part that all forms share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subscriber<'a> {
    /// Brazil: area code and last eight digits of a mobile number that was assigned before all mobile numbers got a
    /// leading 9. The eight digits begin with 6 to 9. Landline numbers begin with 2 to 5 and never got the 9.
    Brazil(&'a str, &'a str),
    /// Mexico: area code and number. Until 2019 mobile numbers were dialled with a leading 1, and WhatsApp keeps it.
    Mexico(&'a str),
    /// Argentina: area code and number, ten digits. Mobile numbers have a leading 9 if dialled from abroad, and a 15
    /// after the area code if dialled within the country. No number is a landline and another subscriber's mobile
    /// number.
    Argentina(&'a str, &'a str),
    /// Ivory Coast: the operator prefix, which was added in 2021, and the eight digits of a mobile number from before
    /// 2021. The second of the eight digits decides the prefix.
    IvoryCoast(&'static str, &'a str),
    /// Benin: the eight digits of a number. At the end of 2024 all numbers got the prefix 01.
    Benin(&'a str),
}

/// The other equivalent forms of a phone number. Digits include the country code and no `+`.
pub(super) fn other_forms(digits: &str) -> Vec<String> {
    let mut forms = subscriber(digits).map(forms).unwrap_or_default();
    forms.retain(|it| it != digits);
    forms
}

/// The international form of an Argentinian mobile number that is written with the domestic 15.
pub(super) fn without_argentinian_15(digits: &str) -> Option<String> {
    let national = digits.strip_prefix("549").or_else(|| digits.strip_prefix("54"))?;
    let (area, local) = argentinian_15(national)?;
    Some(format!("549{area}{local}"))
}

fn subscriber(digits: &str) -> Option<Subscriber<'_>> {
    if let Some(national) = digits.strip_prefix("55") {
        brazil(national)
    } else if let Some(national) = digits.strip_prefix("52") {
        mexico(national)
    } else if let Some(national) = digits.strip_prefix("54") {
        argentina(national)
    } else if let Some(national) = digits.strip_prefix("225") {
        ivory_coast(national)
    } else if let Some(national) = digits.strip_prefix("229") {
        benin(national)
    } else {
        None
    }
}

fn forms(subscriber: Subscriber<'_>) -> Vec<String> {
    match subscriber {
        Subscriber::Brazil(area, local) => vec![format!("55{area}9{local}"), format!("55{area}{local}")],
        Subscriber::Mexico(number) => vec![format!("52{number}"), format!("521{number}")],
        Subscriber::Argentina(area, local) => {
            let mut forms = vec![format!("549{area}{local}"), format!("54{area}{local}")];
            if area == "11" {
                forms.push(format!("54{area}15{local}"));
            } else {
                // The length of the area code is ambiguous, so both splits are tried. The wrong split is no
                // subscriber's number.
                let number = format!("{area}{local}");
                forms.extend([3, 4].map(|at| format!("54{}15{}", &number[..at], &number[at..])));
            }
            forms
        }
        Subscriber::IvoryCoast(operator, local) => vec![format!("225{operator}{local}"), format!("225{local}")],
        Subscriber::Benin(local) => vec![format!("22901{local}"), format!("229{local}")],
    }
}

fn brazil(national: &str) -> Option<Subscriber<'_>> {
    let (area, local) = national.split_at_checked(2)?;
    let local = if local.len() == 9 { local.strip_prefix('9')? } else { local };
    let is_mobile = local.len() == 8 && begins_with(local, '6'..='9');
    (is_mobile && !area.contains('0')).then_some(Subscriber::Brazil(area, local))
}

fn mexico(national: &str) -> Option<Subscriber<'_>> {
    let number = if national.len() == 11 { national.strip_prefix('1')? } else { national };
    (number.len() == 10 && begins_with(number, '2'..='9')).then_some(Subscriber::Mexico(number))
}

fn argentina(national: &str) -> Option<Subscriber<'_>> {
    if let Some((area, local)) = argentinian_15(national) {
        return Some(Subscriber::Argentina(area, local));
    }
    let number = if national.len() == 11 { national.strip_prefix('9')? } else { national };
    let is_number = number.len() == 10 && (number.starts_with("11") || begins_with(number, '2'..='3'));
    let (area, local) = number.split_at_checked(if number.starts_with("11") { 2 } else { 3 })?;
    is_number.then_some(Subscriber::Argentina(area, local))
}

/// Splits an Argentinian number at the domestic 15 into area code and local number. Only one length of the area code
/// fits.
fn argentinian_15(national: &str) -> Option<(&str, &str)> {
    if national.len() != 12 {
        return None;
    }
    let lengths = if national.starts_with("11") { 2..=2 } else { 3..=4 };
    if !national.starts_with("11") && !begins_with(national, '2'..='3') {
        return None;
    }
    lengths.into_iter().find_map(|at| Some((&national[..at], national[at..].strip_prefix("15")?)))
}

fn ivory_coast(national: &str) -> Option<Subscriber<'_>> {
    let local = if national.len() == 10 { &national[2..] } else { national };
    if local.len() != 8 || !(begins_with(local, '4'..='9') || local.starts_with('0')) {
        return None;
    }
    let operator = match local.as_bytes()[1] {
        b'0'..=b'3' => "01",
        b'4'..=b'6' => "05",
        _ => "07",
    };
    // Numbers of Ivory Coast assigned since 2021 do not contain the digits of a former number.
    (national.len() == 8 || national.starts_with(operator)).then_some(Subscriber::IvoryCoast(operator, local))
}

fn benin(national: &str) -> Option<Subscriber<'_>> {
    let local = if national.len() == 10 { national.strip_prefix("01")? } else { national };
    (local.len() == 8 && begins_with(local, '2'..='9')).then_some(Subscriber::Benin(local))
}

fn begins_with(digits: &str, range: std::ops::RangeInclusive<char>) -> bool {
    digits.starts_with(|it| range.contains(&it))
}
