//! Lists of stays.

use chrono::NaiveDate;
use diesel::prelude::*;
use domain::{HotelId, Stay, StayId, stay::StayStatus};

use crate::{
    StoreError,
    sql::{
        cached_statement::{FixedText, fixed_text},
        pagination::Slice,
        schema::stays,
        search_key,
    },
    stays::{StayRow, by_ids},
    store::connection::{Conn, on_db},
};

/// Conditions of a list of stays, combined with AND.
#[derive(Clone, Debug, Default)]
pub struct StayFilter {
    pub reservation_code: Option<String>,
    pub room: Option<String>,
    /// Search words, which must all occur in guest name, room, phone number or reservation code.
    pub search: Option<String>,
    /// The forms in which a phone number can be stored, if the search text is one: alternatives to each search word.
    pub search_numbers: Vec<String>,
    /// Selects only stays in one of these statuses; empty: all.
    pub status: Vec<StayStatus>,
    /// Whether to select only current stays; see [`Stay::is_current`].
    pub current: bool,
    /// Whether to select only stays whose first day is today, without cancelled and no-show ones.
    pub arriving: bool,
    /// Whether to select only stays whose last day is today, without cancelled and no-show ones.
    pub leaving: bool,
}

impl StayFilter {
    /// Whether the stays are found without reading all stays of the hotel.
    pub fn is_indexed(&self) -> bool {
        let is_narrowed = self.room.is_some() || self.search.is_some() || !self.status.is_empty();
        let reads_all = is_narrowed || self.current || self.arriving || self.leaving;
        self.reservation_code.is_some() || !reads_all
    }

    /// Whether a search key contains every word of the search text, or a form of the number that it is.
    fn matches(&self, key: &str) -> bool {
        let mut words = self.search.iter().flat_map(|it| it.split_whitespace());
        let has_number = || self.search_numbers.iter().any(|number| search_key::contains(key, number));
        words.all(|word| search_key::contains(key, word) || has_number())
    }
}

/// The status of a stay, as [`domain::Stay::status`] computes it.
const STATUS: FixedText = fixed_text(
    "CASE WHEN stays.cancellation IS NOT NULL THEN stays.cancellation \
     WHEN stays.checked_out_at IS NOT NULL THEN 'checked_out' \
     WHEN stays.checked_in_at IS NOT NULL THEN 'checked_in' ELSE 'booked' END",
);

/// The columns that a search compares: id, guest name, room, phone number, reservation code.
type SearchedColumns = (i64, String, Option<String>, Option<String>, String);

/// A boxed query for the stays of a hotel that match a filter, apart from its search text.
macro_rules! matching {
    ($hotel:expr, $filter:expr, $today:expr) => {{
        let filter: &StayFilter = $filter;
        let mut query = stays::table.filter(stays::hotel_id.eq($hotel.0)).into_boxed();
        if let Some(code) = &filter.reservation_code {
            query = query.filter(stays::reservation_code.eq(code.as_str()));
        }
        if let Some(room) = &filter.room {
            query = query.filter(stays::room_number.eq(room.as_str()));
        }
        if !filter.status.is_empty() {
            let names: Vec<&str> = filter.status.iter().map(|status| status.as_str()).collect();
            query = query.filter(STATUS.eq_any(names).assume_not_null());
        }
        if filter.current || filter.arriving || filter.leaving {
            query = query.filter(stays::cancellation.is_null());
        }
        if filter.current {
            let is_here_or_expected = stays::checked_in_at.is_not_null().or(stays::check_out.ge($today));
            query = query.filter(stays::checked_out_at.is_null().and(is_here_or_expected));
        }
        if filter.arriving {
            query = query.filter(stays::check_in.eq($today));
        }
        if filter.leaving {
            query = query.filter(stays::check_out.eq($today));
        }
        query
    }};
}

/// Returns the number of stays that match a filter and one slice of them, newest first. `today` is the current day in
/// the hotel's time zone.
pub fn list(
    conn: &mut Conn,
    hotel: HotelId,
    filter: &StayFilter,
    today: NaiveDate,
    slice: Slice,
) -> Result<(i64, Vec<Stay>), StoreError> {
    if filter.search.is_some() {
        return search(conn, hotel, filter, today, slice);
    }
    let (count, rows): (i64, Vec<StayRow>) = on_db!(conn, |c| (
        matching!(hotel, filter, today).count().get_result(c)?,
        matching!(hotel, filter, today)
            .order(stays::id.desc())
            .select(StayRow::as_select())
            .offset(slice.offset)
            .limit(slice.limit)
            .load(c)?
    ));
    Ok((count, rows.into_iter().map(Stay::try_from).collect::<Result<_, _>>()?))
}

/// As [`list`], with a search text. Case and accents are ignored, which no database does in the same way as the other,
/// so the text columns of the hotel's stays are compared here.
fn search(
    conn: &mut Conn,
    hotel: HotelId,
    filter: &StayFilter,
    today: NaiveDate,
    slice: Slice,
) -> Result<(i64, Vec<Stay>), StoreError> {
    let rows: Vec<SearchedColumns> = on_db!(conn, |c| matching!(hotel, filter, today)
        .order(stays::id.desc())
        .select((stays::id, stays::guest_name, stays::room_number, stays::guest_phone, stays::reservation_code))
        .load(c))?;
    let is_found = |row: &SearchedColumns| {
        let (_, name, room, phone, code) = row;
        let texts = [Some(name), room.as_ref(), phone.as_ref(), Some(code)];
        filter.matches(&search_key::key(texts.into_iter().flatten().map(String::as_str)))
    };
    let ids: Vec<StayId> = rows.iter().filter(|row| is_found(row)).map(|row| StayId(row.0)).collect();
    let (offset, limit) =
        (usize::try_from(slice.offset).unwrap_or(usize::MAX), usize::try_from(slice.limit).unwrap_or(0));
    let page: Vec<StayId> = ids.iter().skip(offset).take(limit).copied().collect();
    let mut found = by_ids(conn, &page)?;
    Ok((ids.len() as i64, page.iter().filter_map(|id| found.remove(id)).map(|it| it.stay).collect()))
}
