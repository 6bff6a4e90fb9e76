//! Which numbers reach the same subscriber.
//!
//! WhatsApp names a subscriber by an id that may differ from the number that the subscriber gives: it keeps the
//! form of a former numbering plan, or a mobile prefix that is written in some cases and left out in others. Each
//! rule below maps all forms of a number to one subscriber, and a subscriber to all forms. So the relation is
//! symmetric and transitive, and two subscribers share no form.

/// The most forms of one number.
pub(super) const MOST_FORMS: usize = 4;

/// A subscriber whose number has several forms. Each holds the part that all forms share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subscriber<'a> {
    /// A mobile: area code, and the eight digits it had before all mobiles got a 9 in front. Former mobile numbers
    /// began with 6 to 9. Landlines begin with 2 to 5 and never got the 9.
    Brazil(&'a str, &'a str),
    /// Area code and number; mobiles were called with a 1 in front until 2019, and WhatsApp keeps it.
    Mexico(&'a str),
    /// Area code and number, ten digits. From abroad mobiles have a 9 in front, within the country a 15 behind the
    /// area code. No number is both a landline and somebody else's mobile.
    Argentina(&'a str, &'a str),
    /// A mobile of before 2021: eight digits, of which the second says which operator's two digits came in front.
    IvoryCoast(&'static str, &'a str),
    /// Eight digits of before the end of 2024, when all numbers got 01 in front.
    Benin(&'a str),
}

/// The other forms of a number of these digits, with its country code and without `+`.
pub(super) fn other_forms(digits: &str) -> Vec<String> {
    let mut forms = subscriber(digits).map(forms).unwrap_or_default();
    forms.retain(|it| it != digits);
    forms
}

/// The international form of an Argentinian number that is written with the 15 of calls within the country.
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
                // How long such an area code is, no rule says. The wrong one of the two is nobody's number.
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

/// Area code and number around the 15. Only one length of the area code fits.
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
    // A number given out since then has the digits of nobody's former number.
    (national.len() == 8 || national.starts_with(operator)).then_some(Subscriber::IvoryCoast(operator, local))
}

fn benin(national: &str) -> Option<Subscriber<'_>> {
    let local = if national.len() == 10 { national.strip_prefix("01")? } else { national };
    (local.len() == 8 && begins_with(local, '2'..='9')).then_some(Subscriber::Benin(local))
}

fn begins_with(digits: &str, range: std::ops::RangeInclusive<char>) -> bool {
    digits.starts_with(|it| range.contains(&it))
}
