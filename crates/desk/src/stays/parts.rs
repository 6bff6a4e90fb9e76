//! Decides for the rows of a table about one booking which stays they create and change.
//!
//! Rows that differ in room or guest are parts of the booking, each a stay of its own. Import and preview use the same plan.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Name, Stay, StayId,
    phone::Country,
    stay::{BookingPart, StayStatus},
};
use numbering::CompleteNumber;
use persistence::stays::Booking;

use super::{
    csv::{CsvRow, InvalidFields, WrittenRow, invalid_phone},
    status::imported_status,
    written::WrittenBooking,
};

/// The most rows of a table about one booking: the transaction that stores them must stay short.
const MAX_ROWS: usize = 500;

/// The valid rows of a table about one booking.
#[derive(Clone, Debug)]
pub(super) struct BookingRows {
    pub(super) code: Name,
    /// Positions of the rows in the table, and their contents.
    pub(super) rows: Vec<(usize, WrittenRow)>,
    /// Whether the table has invalid rows about the booking, which may be other parts of it.
    has_invalid_rows: bool,
}

/// The effect of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PlannedRow {
    Create {
        booking: Booking,
        status: StayStatus,
    },
    Update {
        /// The part of the booking as it is stored.
        part: BookingPart,
        booking: Booking,
        /// The new status; `None`: it stays.
        status: Option<StayStatus>,
    },
    Unchanged(BookingPart),
    Failed(InvalidFields),
}

impl PlannedRow {
    /// The part that the row is about, as it is stored; `None` if the row fails.
    pub(super) fn part(&self) -> Option<BookingPart> {
        match self {
            Self::Create { booking, .. } => Some(booking.part),
            Self::Update { part, .. } | Self::Unchanged(part) => Some(*part),
            Self::Failed(_) => None,
        }
    }
}

/// Groups the valid rows of a table by booking, in the order of their first rows.
pub(super) fn group_by_booking(rows: &[CsvRow]) -> Vec<BookingRows> {
    let mut groups: Vec<BookingRows> = Vec::new();
    let mut by_code: BTreeMap<&str, usize> = BTreeMap::new();
    for (position, row) in rows.iter().enumerate() {
        let Ok(content) = &row.content else { continue };
        let code = &content.booking.reservation_code;
        let index = *by_code.entry(code.as_str()).or_insert_with(|| {
            groups.push(BookingRows { code: code.clone(), rows: Vec::new(), has_invalid_rows: false });
            groups.len() - 1
        });
        groups[index].rows.push((position, content.clone()));
    }
    for row in rows.iter().filter(|row| row.content.is_err()) {
        if let Some(index) = by_code.get(row.reservation_code.as_str()) {
            groups[*index].has_invalid_rows = true;
        }
    }
    groups
}

/// Rows of a table about one part of a booking.
struct PartRows<'a> {
    /// The number of the part that the rows give.
    given: Option<BookingPart>,
    room: Option<&'a Name>,
    guest: &'a Name,
    /// Indexes of the rows within those of the booking.
    rows: Vec<usize>,
}

/// A stay of the booking, as it is after the rows so far.
struct KnownStay {
    booking: Booking,
    status: StayStatus,
}

/// Returns the effect of each row of a booking, in order. `stored` are the stays of the booking.
pub(super) fn plan(group: &BookingRows, stored: &[Stay], country: Option<Country>) -> Vec<PlannedRow> {
    let fail_all = |sentence: &str| group.rows.iter().map(|_| failed(sentence)).collect();
    if group.rows.len() > MAX_ROWS {
        return fail_all("The file has more than 500 rows of this reservation.");
    }
    let parts = part_rows(&group.rows);
    let Some(numbers) = match_parts(&parts, stored, group.has_invalid_rows) else {
        return fail_all("This reservation would have too many parts.");
    };
    let mut part_of_row: Vec<Option<BookingPart>> = vec![None; group.rows.len()];
    for (part, number) in parts.iter().zip(numbers) {
        if !contradict(part, &group.rows, country) {
            part.rows.iter().for_each(|row| part_of_row[*row] = Some(number));
        }
    }
    let mut known: BTreeMap<BookingPart, KnownStay> = stored.iter().map(|stay| (stay.part, stay.into())).collect();
    let planned = group.rows.iter().zip(part_of_row).map(|((_, row), part)| match part {
        Some(part) => plan_row(&mut known, row, part, country),
        None => failed("Other rows of this file contradict this row about the same reservation."),
    });
    planned.collect()
}

/// Returns the rows of each part: of a given number, or of the same room and guest.
fn part_rows(rows: &[(usize, WrittenRow)]) -> Vec<PartRows<'_>> {
    let mut parts: Vec<PartRows<'_>> = Vec::new();
    let mut by_number: BTreeMap<BookingPart, usize> = BTreeMap::new();
    let mut by_room_and_guest: BTreeMap<(Option<&str>, &str), usize> = BTreeMap::new();
    // Rows with a number come first: others that agree with them in room and guest belong to them.
    let (numbered, others): (Vec<_>, Vec<_>) =
        rows.iter().enumerate().partition(|(_, (_, row))| row.booking.part.is_some());
    for (index, (_, row)) in numbered.into_iter().chain(others) {
        let WrittenBooking { part: given, room_number, guest_name: guest, .. } = &row.booking;
        let room = room_number.as_ref();
        let key = (room.map(Name::as_str), guest.as_str());
        let existing = match given {
            Some(number) => by_number.get(number),
            None => by_room_and_guest.get(&key),
        };
        let at = existing.copied().unwrap_or_else(|| {
            parts.push(PartRows { given: *given, room, guest, rows: Vec::new() });
            parts.len() - 1
        });
        if let Some(number) = given {
            by_number.insert(*number, at);
        }
        by_room_and_guest.entry(key).or_insert(at);
        parts[at].rows.push(index);
    }
    parts
}

/// Whether rows of a table are about a stored stay.
type MatchingRule<'a> = &'a dyn Fn(&PartRows<'_>, &Stay) -> bool;

/// Returns the number of each part: the given one; else that of the stored stay with the same room and guest, the same
/// room, or the same guest; else, if both booking and table have one part, that of the stored stay; else a new one.
/// Returns `None` if no number is left.
fn match_parts(parts: &[PartRows<'_>], stored: &[Stay], has_invalid_rows: bool) -> Option<Vec<BookingPart>> {
    let mut numbers: Vec<Option<BookingPart>> = parts.iter().map(|part| part.given).collect();
    let mut taken: BTreeSet<BookingPart> = numbers.iter().flatten().copied().collect();
    let has_room = |part: &PartRows<'_>, stay: &Stay| part.room.is_some() && part.room == stay.room_number.as_ref();
    let has_guest = |part: &PartRows<'_>, stay: &Stay| *part.guest == stay.guest_name;
    let is_only = parts.len() == 1 && stored.len() == 1 && !has_invalid_rows;
    let rules: [MatchingRule<'_>; 4] =
        [&|part, stay| has_room(part, stay) && has_guest(part, stay), &has_room, &has_guest, &|_, _| is_only];
    for rule in rules {
        for (part, number) in parts.iter().zip(&mut numbers).filter(|(_, number)| number.is_none()) {
            let found = stored.iter().find(|stay| !taken.contains(&stay.part) && rule(part, stay));
            *number = found.map(|stay| stay.part);
            taken.extend(*number);
        }
    }
    let mut last = stored.iter().map(|stay| stay.part).chain(taken).max().map_or(0, BookingPart::get);
    let numbers = numbers.into_iter().map(|number| {
        number.or_else(|| {
            last += 1;
            BookingPart::new(last.into()).ok()
        })
    });
    numbers.collect()
}

/// Whether rows of one part contradict each other. An empty cell contradicts nothing.
fn contradict(part: &PartRows<'_>, rows: &[(usize, WrittenRow)], country: Option<Country>) -> bool {
    let phone = |row: &WrittenRow| {
        let written = row.booking.guest_phone.as_ref()?;
        Some(written.complete(country).map_or_else(|_| written.normalized(), |it| it.to_string()))
    };
    let rows = || part.rows.iter().map(|index| &rows[*index].1);
    let differ = |it: &dyn Fn(&WrittenRow) -> Option<String>| {
        let mut values = rows().filter_map(it);
        values.next().is_some_and(|first| values.any(|value| value != first))
    };
    differ(&|row| Some(row.booking.guest_name.to_string()))
        || differ(&|row| Some(format!("{} {}", row.booking.days.first(), row.booking.days.last())))
        || differ(&|row| row.booking.room_number.as_ref().map(Name::to_string))
        || differ(&phone)
        || differ(&|row| row.booking.email.as_ref().map(|it| it.as_str().to_owned()))
        || differ(&|row| row.booking.language.as_ref().map(|it| it.as_str().to_owned()))
        || differ(&|row| row.booking.note.as_ref().map(|it| it.as_str().to_owned()))
        || differ(&|row| row.status.map(|it| it.as_str().to_owned()))
}

fn plan_row(
    known: &mut BTreeMap<BookingPart, KnownStay>,
    row: &WrittenRow,
    part: BookingPart,
    country: Option<Country>,
) -> PlannedRow {
    let stored = known.get(&part);
    let booking = match row.booking.complete(country, stored.map(|it| &it.booking)) {
        Ok(booking) => Booking { part, ..booking },
        Err(reason) => return PlannedRow::Failed(vec![invalid_phone(reason)]),
    };
    let Some(stored) = stored else {
        let status = row.status.unwrap_or(StayStatus::Booked);
        known.insert(part, KnownStay { booking: booking.clone(), status });
        return PlannedRow::Create { booking, status };
    };
    let status = match row.status.map_or(Ok(None), |given| imported_status(stored.status, given)) {
        Ok(status) => status,
        Err(sentence) => return PlannedRow::Failed(vec![("status".to_owned(), sentence.to_owned())]),
    };
    if status.is_none() && stored.booking == booking {
        return PlannedRow::Unchanged(part);
    }
    let after = KnownStay { booking: booking.clone(), status: status.unwrap_or(stored.status) };
    known.insert(part, after);
    PlannedRow::Update { part, booking, status }
}

fn failed(sentence: &str) -> PlannedRow {
    PlannedRow::Failed(vec![("reservation_code".to_owned(), sentence.to_owned())])
}

impl From<&Stay> for KnownStay {
    fn from(stay: &Stay) -> Self {
        Self { booking: stay.into(), status: stay.status() }
    }
}

/// Returns the ids of the stored stays by part.
pub(super) fn ids_by_part(stored: &[Stay]) -> BTreeMap<BookingPart, StayId> {
    stored.iter().map(|stay| (stay.part, stay.id)).collect()
}

#[cfg(test)]
mod tests;
