//! Parses a CSV file of bookings.

use std::collections::{HashMap, HashSet};

use domain::{
    Name, Stay, WrittenNumber,
    phone::{BadPhoneNumber, Country},
};

use crate::Error;
use crate::stays::WrittenBooking;

/// Why a CSV file of stays cannot be imported. `Display` is a sentence for staff.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("The file is not in UTF-8.")]
    NotUtf8,
    #[error("The header lacks: {}.", .0.join(", "))]
    MissingColumns(Vec<&'static str>),
    /// A quoted cell is never closed; the value is the line in which it begins.
    #[error("The quotation mark in line {0} is never closed. Nothing was imported.")]
    UnclosedQuote(usize),
    #[error("The file is not valid CSV: {0}")]
    Unreadable(#[from] csv::Error),
    #[error("There is no such hotel.")]
    NoSuchHotel,
    #[error(transparent)]
    Desk(#[from] Error),
}

/// A row of the CSV file: the reservation code as written, and the booking or the invalid fields.
pub(super) type CsvRow = (String, Result<WrittenBooking, InvalidFields>);
/// Names of the invalid fields of a row, each with a sentence for staff.
type InvalidFields = Vec<(String, String)>;

const FIELDS: [&str; 6] = ["reservation_code", "guest_name", "guest_phone", "room_number", "check_in", "check_out"];

/// Parses all rows of a CSV file of bookings. `country` validates phone numbers without a country code.
pub(super) fn parse(bytes: &[u8], country: Option<Country>) -> Result<Vec<CsvRow>, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let delimiter = delimiter(text);
    if let Some(line) = unclosed_quote(text, delimiter) {
        return Err(ImportError::UnclosedQuote(line));
    }
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let columns = FIELDS.map(|field| header.iter().position(|column| column == field));
    let missing: Vec<_> = FIELDS.into_iter().zip(columns).filter(|(_, column)| column.is_none()).collect();
    if !missing.is_empty() {
        return Err(ImportError::MissingColumns(missing.into_iter().map(|(field, _)| field).collect()));
    }
    let rows = reader.records().map(|record| {
        let record = record?;
        let cells = columns.map(|column| column.and_then(|column| record.get(column)).unwrap_or_default());
        Ok((cells[0].to_owned(), parse_booking(cells, country)))
    });
    let mut rows = rows.collect::<Result<Vec<CsvRow>, ImportError>>()?;
    fail_contradictions(&mut rows, country);
    Ok(rows)
}

/// Returns the line of a quotation mark that opens a cell and is never closed. A mark that seems to close the cell in a
/// later line, but in the middle of a cell, is the opening mark of that cell.
fn unclosed_quote(text: &str, delimiter: u8) -> Option<usize> {
    let ends = |byte: Option<&u8>| byte.is_none_or(|it| *it == delimiter || matches!(it, b'\n' | b'\r'));
    let mut bytes = text.bytes().enumerate();
    let (all, mut line, mut at_start) = (text.as_bytes(), 1, true);
    while let Some((_, byte)) = bytes.next() {
        if byte == b'\n' {
            line += 1;
        }
        if byte != b'"' || !at_start {
            at_start = ends(Some(&byte));
            continue;
        }
        let opened = line;
        loop {
            match bytes.next() {
                None => return Some(opened),
                Some((_, b'\n')) => line += 1,
                Some((at, b'"')) => match all.get(at + 1) {
                    Some(b'"') => drop(bytes.next()),
                    after if line > opened && !ends(after) => return Some(opened),
                    _ => break,
                },
                Some(_) => {}
            }
        }
        at_start = false;
    }
    None
}

/// Marks all rows with the same reservation code and different content as invalid: staff have to decide which one is
/// right.
fn fail_contradictions(rows: &mut [CsvRow], country: Option<Country>) {
    let content = |booking: &WrittenBooking| {
        let phone = booking.guest_phone.complete(country);
        let phone = phone.map_or_else(|_| booking.guest_phone.normalized(), |it| it.to_string());
        (booking.guest_name.clone(), phone, booking.room_number.clone(), booking.check_in, booking.check_out)
    };
    let (mut first, mut contradicted) = (HashMap::new(), HashSet::new());
    for booking in rows.iter().filter_map(|(_, row)| row.as_ref().ok()) {
        let this = content(booking);
        if first.entry(booking.reservation_code.clone()).or_insert_with(|| this.clone()) != &this {
            contradicted.insert(booking.reservation_code.clone());
        }
    }
    for (_, row) in rows {
        if row.as_ref().is_ok_and(|it| contradicted.contains(&it.reservation_code)) {
            let sentence = "Other rows of this file contradict this row about the same reservation.";
            *row = Err(vec![(FIELDS[0].to_owned(), sentence.to_owned())]);
        }
    }
}

pub(super) fn invalid_phone(reason: BadPhoneNumber) -> (String, String) {
    (FIELDS[2].to_owned(), reason.to_string())
}

/// Detects the delimiter of a CSV file in its header, because no column name contains a comma or a semicolon.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if header.contains(';') { b';' } else { b',' }
}

fn parse_booking(cells: [&str; 6], country: Option<Country>) -> Result<WrittenBooking, InvalidFields> {
    let mut invalid = Vec::new();
    let [code, guest, phone, room, check_in, check_out] = cells;
    let mut name = |field: usize, text: &str| {
        let name = Name::parse(text);
        name.map_err(|error| invalid.push((FIELDS[field].to_owned(), error.to_string()))).ok()
    };
    let (code, guest, room) = (name(0, code), name(1, guest), name(3, room));
    let phone = WrittenNumber::parse(phone).map_err(|reason| invalid.push(invalid_phone(reason))).ok();
    let mut day = |field: usize, text: &str| {
        let day = Stay::parse_day(text);
        day.map_err(|error| invalid.push((FIELDS[field].to_owned(), error.to_string()))).ok()
    };
    let (check_in, check_out) = (day(4, check_in), day(5, check_out));
    if let (Some(first), Some(last)) = (check_in, check_out)
        && let Err(error) = Stay::validate_days(first, last)
    {
        invalid.push((FIELDS[5].to_owned(), error.to_string()));
    }
    match (code, guest, phone, room, check_in, check_out) {
        (
            Some(reservation_code),
            Some(guest_name),
            Some(guest_phone),
            Some(room_number),
            Some(check_in),
            Some(check_out),
        ) if invalid.is_empty() => {
            Ok(WrittenBooking { reservation_code, guest_name, guest_phone, room_number, check_in, check_out })
        }
        (_, _, phone, ..) => {
            // The phone number is completed here only in an invalid row, to report all faults together. In a valid row
            // the number may repeat that of the stored stay, which is accepted.
            invalid.extend(phone.and_then(|it| it.complete(country).err()).map(invalid_phone));
            Err(invalid)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_order_and_extra_columns_are_ignored() {
        let csv = "\u{feff}check_out;guest_name;colour;guest_phone;room_number;check_in;reservation_code\r\n\
                   2026-12-03;\"Zoë; Ångström\" ;red;+34 600 000 001;101;2026-12-01;R-1\r\n";
        let rows = parse(csv.as_bytes(), None).unwrap();
        let (code, booking) = &rows[0];
        let booking = booking.as_ref().unwrap();
        assert_eq!((rows.len(), code.as_str()), (1, "R-1"));
        assert_eq!(booking.guest_name.as_str(), "Zoë; Ångström");
        assert_eq!(booking.guest_phone.normalized(), "+34600000001");
        assert_eq!(
            (booking.check_in.to_string(), booking.check_out.to_string()),
            ("2026-12-01".into(), "2026-12-03".into())
        );
    }

    #[test]
    fn every_invalid_field_is_reported_and_other_rows_are_imported() {
        let csv = format!(
            "{}\nR-1,,600,101,2026-1-1,soon\nR-2,A,+34600000001,1,2026-01-02,2026-01-01\n,\nR-3,A,+34600000001,1,2026-01-02,2026-01-02\n",
            FIELDS.join(",")
        );
        let rows = parse(csv.as_bytes(), None).unwrap();
        let invalid: Vec<Vec<&str>> = rows
            .iter()
            .map(|(_, row)| {
                row.as_ref().err().map(|it| it.iter().map(|(field, _)| field.as_str()).collect()).unwrap_or_default()
            })
            .collect();
        assert_eq!(invalid[0], ["guest_name", "check_in", "check_out", "guest_phone"]);
        assert_eq!(invalid[1], ["check_out"]);
        assert_eq!(invalid[2].len(), 6);
        assert!(invalid[3].is_empty());
    }

    #[test]
    fn an_invalid_file_is_refused() {
        assert!(matches!(parse(b"\xff\xfe", None), Err(ImportError::NotUtf8)));
        let sentence = parse(b"reservation_code,guest_name,guest_phone,room_number\n", None).unwrap_err().to_string();
        assert_eq!(sentence, "The header lacks: check_in, check_out.");
        assert!(matches!(parse(b"", None), Err(ImportError::MissingColumns(_))));
    }

    fn results(rows: &str) -> Vec<(String, Vec<String>)> {
        let rows = parse(format!("{}\n{rows}", FIELDS.join(",")).as_bytes(), None).unwrap();
        let fields = |row: Result<_, InvalidFields>| row.err().unwrap_or_default().into_iter().map(|it| it.0).collect();
        rows.into_iter().map(|(code, row)| (code, fields(row))).collect()
    }

    #[test]
    fn all_rows_of_a_contradicted_reservation_fail() {
        let parsed = results(
            "R-1,A,+34600000001,101,2030-01-01,2030-01-02\n\
             R-2,A,+34600000001,101,2030-01-01,2030-01-02\n\
             R-1,A,+34600000001,102,2030-01-01,2030-01-02\n\
             R-2,A,+34 600 000 001,101,2030-01-01,2030-01-02\n\
             R-1,A,+34600000001,101,2030-01-01,2030-01-02\n\
             R-2,A,soon,101,2030-01-01,2030-01-02\n",
        );
        let failed: Vec<_> = parsed.iter().map(|(code, fields)| (code.as_str(), fields.join(" "))).collect();
        let contradicted = ("R-1", "reservation_code".to_owned());
        let fine = ("R-2", String::new());
        let invalid = ("R-2", "guest_phone".to_owned());
        assert_eq!(failed, [contradicted.clone(), fine.clone(), contradicted.clone(), fine, contradicted, invalid]);
    }

    #[test]
    fn an_unclosed_quote_is_reported_with_its_line() {
        for (csv, line) in [
            ("a,b\n1,\"2\n3,4\n", Some(2)),
            ("a,b\n1,\"2\n3,\"4\"\n", Some(2)),
            ("a,b\n1,\"\"\"2\n", Some(2)),
            ("\"a,b\n", Some(1)),
            ("a,b\n1,2\n\"", Some(3)),
            ("a,b\n1,\"2\n3\"\n\"4\",5\n", None),
            ("a,b\n1,\"say \"\"hello\"\"\"\r\n2,\"\"\n", None),
            ("a,b\n1,2 \" inch\n3,\"Anna\" Smith\n", None),
            ("a,b\n1,\"2\"", None),
        ] {
            assert_eq!(unclosed_quote(csv, b','), line, "{csv:?}");
        }
    }
}
