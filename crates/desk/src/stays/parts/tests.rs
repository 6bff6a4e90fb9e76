use domain::{GuestId, HotelId, PhoneNumber};

use super::*;
use crate::stays::csv;

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out,part,status,email";

/// The effects of a table of one booking: for each row the sign of its effect and its part. `stored` are rooms and guests.
fn effects(stored: &[(i32, &str, &str)], rows: &[&str]) -> Vec<String> {
    let stored: Vec<Stay> = stored.iter().map(|(part, room, guest)| stay(*part, room, guest)).collect();
    let rows: Vec<String> = rows.iter().map(|row| format!("R-1,{row}\n")).collect();
    let rows = csv::parse(format!("{HEADER}\n{}", rows.concat()).as_bytes(), None).unwrap();
    let groups = group_by_booking(&rows);
    assert_eq!(groups.len(), 1);
    let planned = plan(&groups[0], &stored, None).into_iter();
    let effect = |row| match row {
        PlannedRow::Create { booking, .. } => format!("+{}", booking.part),
        PlannedRow::Update { part, .. } => format!("~{part}"),
        PlannedRow::Unchanged(part) => format!("={part}"),
        PlannedRow::Failed(fields) => fields.into_iter().map(|(field, _)| format!("!{field}")).collect(),
    };
    planned.map(effect).collect()
}

fn stay(part: i32, room: &str, guest: &str) -> Stay {
    let name = |text: &str| Name::parse(text).unwrap();
    let day = |day| chrono::NaiveDate::from_ymd_opt(2030, 5, day).unwrap();
    Stay {
        id: StayId(part.into()),
        hotel: HotelId(1),
        guest: Some(GuestId(1)),
        link: None,
        reservation_code: name("R-1"),
        part: BookingPart::new(part.into()).unwrap(),
        guest_name: name(guest),
        guest_phone: PhoneNumber::parse("+34600000001").ok(),
        room_number: Name::parse(room).ok(),
        days: domain::stay::StayDays::new(day(1), day(3)).unwrap(),
        email: None,
        language: None,
        note: None,
        checked_in_at: None,
        checked_out_at: None,
        cancellation: None,
    }
}

#[test]
fn rows_are_matched_by_room_and_guest_then_room_then_guest() {
    let (a, b) = ((1, "101", "A"), (2, "102", "B"));
    let row = |room: &str, guest: &str| format!("{guest},,{room},2030-05-01,2030-05-03,,,");
    let check = |stored: &[(i32, &str, &str)], rows: &[(&str, &str)], expected: &[&str]| {
        let rows: Vec<String> = rows.iter().map(|(room, guest)| row(room, guest)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        assert_eq!(effects(stored, &rows), expected, "{stored:?} {rows:?}");
    };
    check(&[], &[("101", "A"), ("102", "A"), ("101", "B"), ("101", "A")], &["+1", "+2", "+3", "=1"]);
    check(&[a, b], &[("102", "B"), ("101", "A")], &["=2", "=1"]);
    // The guests changed their rooms: a part keeps its room.
    check(&[a, b], &[("102", "A"), ("101", "B")], &["~2", "~1"]);
    check(&[a, b], &[("103", "B"), ("101", "A")], &["~2", "=1"]);
    check(&[a, b], &[("", "B"), ("101", "A")], &["=2", "=1"]);
    check(&[a, b], &[("103", "C")], &["+3"]);
    check(&[a], &[("103", "C")], &["~1"]);
    check(&[a], &[("103", "C"), ("104", "D")], &["+2", "+3"]);
    check(&[a], &[("103", "C"), ("", "A")], &["+2", "=1"]);
    check(&[(1, "", "A")], &[("101", "A")], &["~1"]);
    check(&[(1, "", "A"), (2, "", "A")], &[("101", "A"), ("102", "A")], &["~1", "~2"]);
}

#[test]
fn a_given_part_precedes_room_and_guest() {
    let (a, b) = ((1, "101", "A"), (2, "102", "B"));
    let row = |cells: &str| format!("{cells},,");
    let check = |stored: &[(i32, &str, &str)], rows: &[&str], expected: &[&str]| {
        let rows: Vec<String> = rows.iter().map(|cells| row(cells)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        assert_eq!(effects(stored, &rows), expected, "{rows:?}");
    };
    check(&[a, b], &["A,,101,2030-05-01,2030-05-03,2"], &["~2"]);
    check(&[a, b], &["A,,101,2030-05-01,2030-05-03,2", "B,,102,2030-05-01,2030-05-03,"], &["~2", "+3"]);
    check(&[a], &["C,,103,2030-05-01,2030-05-03,7", "D,,104,2030-05-01,2030-05-03,"], &["+7", "+8"]);
    // Two guests of one name in one room.
    check(&[], &["A,,101,2030-05-01,2030-05-03,1", "A,,101,2030-05-01,2030-05-04,2"], &["+1", "+2"]);
    check(&[], &["A,,101,2030-05-01,2030-05-03,4", "A,,101,2030-05-01,2030-05-03,"], &["+4", "=4"]);
}

#[test]
fn rows_of_one_part_that_contradict_each_other_all_fail() {
    let all_fail = |rows: &[&str]| assert!(effects(&[], rows).iter().all(|it| it == "!reservation_code"), "{rows:?}");
    all_fail(&["A,,101,2030-05-01,2030-05-03,,,", "A,,101,2030-05-01,2030-05-04,,,"]);
    all_fail(&["A,+34600000001,101,2030-05-01,2030-05-03,,,", "A,+34600000002,101,2030-05-01,2030-05-03,,,"]);
    all_fail(&["A,,101,2030-05-01,2030-05-03,,,a@b.c", "A,,101,2030-05-01,2030-05-03,,,a@b.d"]);
    all_fail(&["A,,101,2030-05-01,2030-05-03,,booked,", "A,,101,2030-05-01,2030-05-03,,cancelled,"]);
    all_fail(&["A,,101,2030-05-01,2030-05-03,1,,", "B,,101,2030-05-01,2030-05-03,1,,"]);
    all_fail(&["A,,101,2030-05-01,2030-05-03,2,,", "A,,101,2030-05-01,2030-05-04,,,"]);
    // An empty cell contradicts nothing, another part neither.
    let rows = [
        "A,,101,2030-05-01,2030-05-03,,,a@b.c",
        "A,+34 600 000 001,101,2030-05-01,2030-05-03,,booked,",
        "B,+34600000002,101,2030-05-01,2030-05-04,,,",
    ];
    assert_eq!(effects(&[], &rows), ["+1", "~1", "+2"]);
}

#[test]
fn an_invalid_row_counts_as_a_part_of_the_table() {
    let rows = ["C,,103,2030-05-01,2030-05-03,,,", "D,,104,2030-05-01,soon,,,"];
    assert_eq!(effects(&[(1, "101", "A")], &rows), ["+2"]);
}

#[test]
fn a_status_never_undoes_an_arrival() {
    use StayStatus::{Booked, Cancelled, CheckedIn, CheckedOut, NoShow};
    for (stored, given, expected) in [
        (Booked, CheckedIn, Ok(Some(CheckedIn))),
        (Booked, Cancelled, Ok(Some(Cancelled))),
        (Booked, Booked, Ok(None)),
        (CheckedIn, Booked, Ok(None)),
        (CheckedIn, CheckedOut, Ok(Some(CheckedOut))),
        (CheckedOut, CheckedIn, Ok(None)),
        (Cancelled, Booked, Ok(Some(Booked))),
        (Cancelled, NoShow, Ok(Some(NoShow))),
        (NoShow, CheckedIn, Ok(Some(CheckedIn))),
    ] {
        assert_eq!(imported_status(stored, given), expected, "{stored:?} {given:?}");
    }
    for stored in [CheckedIn, CheckedOut] {
        assert!(imported_status(stored, Cancelled).is_err() && imported_status(stored, NoShow).is_err());
    }
}
