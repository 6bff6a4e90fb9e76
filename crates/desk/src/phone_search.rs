//! Search texts that are phone numbers, or parts of one.

use domain::{HotelId, PhoneNumber, WrittenNumber};
use numbering::CompleteNumber;
use persistence::{Conn, hotels};

use crate::Error;

/// Digits that a search text needs to be treated as a phone number. A shorter one is more likely a room number, and is
/// searched for as written.
const MIN_PHONE_DIGITS: usize = 5;

/// Returns the forms in which a phone number given as search text may be stored; none if the text is not a number or a
/// part of one.
pub(crate) fn phone_search_terms(conn: &mut Conn, hotel: HotelId, text: &str) -> Result<Vec<String>, Error> {
    let Ok(written) = WrittenNumber::parse(text) else { return Ok(Vec::new()) };
    let digits = written.significant_digits();
    if digits.len() < MIN_PHONE_DIGITS {
        return Ok(Vec::new());
    }
    let country = hotels::find(conn, hotel)?.and_then(|hotel| hotel.country);
    Ok(match written.complete(country) {
        Ok(number) => number.equivalent_forms().iter().map(PhoneNumber::to_string).collect(),
        Err(_) => vec![digits],
    })
}
