//! Reading a table of bookings.

use std::collections::{HashMap, HashSet};

use domain::{BadPhoneNumber, Country, Name, Stay, WrittenNumber};

use super::WrittenBooking;
use crate::Error;

/// Why a table of stays is of no use. Its display is a sentence for a person.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Its bytes are no text.
    #[error("The file is not in UTF-8.")]
    NotUtf8,
    /// The header lacks these fields.
    #[error("The header lacks: {}.", .0.join(", "))]
    MissingColumns(Vec<&'static str>),
    /// A quoted cell that begins in this line has no end, so that no row after it is read.
    #[error("The quotation mark in line {0} is never closed. Nothing was imported.")]
    UnclosedQuote(usize),
    /// It is no CSV.
    #[error("The file is no readable CSV: {0}")]
    Unreadable(#[from] csv::Error),
    /// No hotel has the id.
    #[error("There is no such hotel.")]
    NoSuchHotel,
    /// The database.
    #[error(transparent)]
    Desk(#[from] Error),
}

/// A row: its reservation code as it stands there, and its booking or what is wrong with its fields.
pub(super) type Row = (String, Result<WrittenBooking, Faults>);
type Faults = Vec<(String, String)>;

const FIELDS: [&str; 6] = ["reservation_code", "guest_name", "guest_phone", "room_number", "check_in", "check_out"];

/// Reads all rows. `country` completes numbers.
pub(super) fn read(bytes: &[u8], country: Option<Country>) -> Result<Vec<Row>, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let delimiter = delimiter(text);
    if let Some(line) = unclosed_quote(text, delimiter) {
        return Err(ImportError::UnclosedQuote(line));
    }
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let places = FIELDS.map(|field| header.iter().position(|column| column == field));
    let missing: Vec<_> = FIELDS.into_iter().zip(places).filter(|(_, place)| place.is_none()).collect();
    if !missing.is_empty() {
        return Err(ImportError::MissingColumns(missing.into_iter().map(|(field, _)| field).collect()));
    }
    let rows = reader.records().map(|record| {
        let record = record?;
        let cells = places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default());
        Ok((cells[0].to_owned(), booking(cells, country)))
    });
    let mut rows = rows.collect::<Result<Vec<Row>, ImportError>>()?;
    refuse_contradictions(&mut rows, country);
    Ok(rows)
}

/// The line of a quotation mark that opens a cell and is not closed. One that seems to be closed in a later line,
/// in the middle of a cell, is the opening mark of that cell.
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

/// Fails all rows of a reservation that do not say the same: which of them is right, only people know.
fn refuse_contradictions(rows: &mut [Row], country: Option<Country>) {
    let said = |it: &WrittenBooking| {
        let phone = it.guest_phone.complete(country);
        let phone = phone.map_or_else(|_| it.guest_phone.normalized(), |it| it.to_string());
        (it.guest_name.clone(), phone, it.room_number.clone(), it.check_in, it.check_out)
    };
    let (mut first, mut contradicted) = (HashMap::new(), HashSet::new());
    for booking in rows.iter().filter_map(|(_, row)| row.as_ref().ok()) {
        let says = said(booking);
        if first.entry(booking.reservation_code.clone()).or_insert_with(|| says.clone()) != &says {
            contradicted.insert(booking.reservation_code.clone());
        }
    }
    for (_, row) in rows {
        if row.as_ref().is_ok_and(|it| contradicted.contains(&it.reservation_code)) {
            let sentence = "Other rows of this table say something else about this reservation.";
            *row = Err(vec![(FIELDS[0].to_owned(), sentence.to_owned())]);
        }
    }
}

/// What is wrong with a number.
pub(super) fn refused_phone(reason: BadPhoneNumber) -> (String, String) {
    (FIELDS[2].to_owned(), reason.to_string())
}

/// The header says it: no field's name has either character.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if header.contains(';') { b';' } else { b',' }
}

fn booking(cells: [&str; 6], country: Option<Country>) -> Result<WrittenBooking, Faults> {
    let mut faults = Vec::new();
    let [code, guest, phone, room, check_in, check_out] = cells;
    let mut name = |place: usize, text: &str| {
        let name = Name::parse(text);
        name.map_err(|error| faults.push((FIELDS[place].to_owned(), error.to_string()))).ok()
    };
    let (code, guest, room) = (name(0, code), name(1, guest), name(3, room));
    let phone = WrittenNumber::parse(phone).map_err(|reason| faults.push(refused_phone(reason))).ok();
    let mut day = |place: usize, text: &str| {
        let day = Stay::parse_day(text);
        day.map_err(|error| faults.push((FIELDS[place].to_owned(), error.to_string()))).ok()
    };
    let (check_in, check_out) = (day(4, check_in), day(5, check_out));
    if let (Some(first), Some(last)) = (check_in, check_out)
        && let Err(error) = Stay::check_days(first, last)
    {
        faults.push((FIELDS[5].to_owned(), error.to_string()));
    }
    match (code, guest, phone, room, check_in, check_out) {
        (
            Some(reservation_code),
            Some(guest_name),
            Some(guest_phone),
            Some(room_number),
            Some(check_in),
            Some(check_out),
        ) if faults.is_empty() => {
            Ok(WrittenBooking { reservation_code, guest_name, guest_phone, room_number, check_in, check_out })
        }
        (_, _, phone, ..) => {
            // A row that fails anyway tells this, too. Else it may be the number that is stored already.
            faults.extend(phone.and_then(|it| it.complete(country).err()).map(refused_phone));
            Err(faults)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_fields_and_more_of_them_do_not_matter() {
        let csv = "\u{feff}check_out;guest_name;colour;guest_phone;room_number;check_in;reservation_code\r\n\
                   2026-12-03;\"Zoë; Ångström\" ;red;+34 600 000 001;101;2026-12-01;R-1\r\n";
        let rows = read(csv.as_bytes(), None).unwrap();
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
    fn every_fault_of_a_row_is_told_and_stops_no_other() {
        let csv = format!(
            "{}\nR-1,,600,101,2026-1-1,soon\nR-2,A,+34600000001,1,2026-01-02,2026-01-01\n,\nR-3,A,+34600000001,1,2026-01-02,2026-01-02\n",
            FIELDS.join(",")
        );
        let rows = read(csv.as_bytes(), None).unwrap();
        let faulty: Vec<Vec<&str>> = rows
            .iter()
            .map(|(_, row)| {
                row.as_ref().err().map(|it| it.iter().map(|(field, _)| field.as_str()).collect()).unwrap_or_default()
            })
            .collect();
        assert_eq!(faulty[0], ["guest_name", "check_in", "check_out", "guest_phone"]);
        assert_eq!(faulty[1], ["check_out"]);
        assert_eq!(faulty[2].len(), 6);
        assert!(faulty[3].is_empty());
    }

    #[test]
    fn a_table_of_no_use_is_told() {
        assert!(matches!(read(b"\xff\xfe", None), Err(ImportError::NotUtf8)));
        let told = read(b"reservation_code,guest_name,guest_phone,room_number\n", None).unwrap_err().to_string();
        assert_eq!(told, "The header lacks: check_in, check_out.");
        assert!(matches!(read(b"", None), Err(ImportError::MissingColumns(_))));
    }

    fn results(rows: &str) -> Vec<(String, Vec<String>)> {
        let rows = read(format!("{}\n{rows}", FIELDS.join(",")).as_bytes(), None).unwrap();
        let fields = |row: Result<_, Faults>| row.err().unwrap_or_default().into_iter().map(|it| it.0).collect();
        rows.into_iter().map(|(code, row)| (code, fields(row))).collect()
    }

    #[test]
    fn rows_of_one_code_that_contradict_each_other_all_fail() {
        let told = results(
            "R-1,A,+34600000001,101,2030-01-01,2030-01-02\n\
             R-2,A,+34600000001,101,2030-01-01,2030-01-02\n\
             R-1,A,+34600000001,102,2030-01-01,2030-01-02\n\
             R-2,A,+34 600 000 001,101,2030-01-01,2030-01-02\n\
             R-1,A,+34600000001,101,2030-01-01,2030-01-02\n\
             R-2,A,soon,101,2030-01-01,2030-01-02\n",
        );
        let failed: Vec<_> = told.iter().map(|(code, fields)| (code.as_str(), fields.join(" "))).collect();
        let contradicts = ("R-1", "reservation_code".to_owned());
        let fine = ("R-2", String::new());
        let faulty = ("R-2", "guest_phone".to_owned());
        assert_eq!(failed, [contradicts.clone(), fine.clone(), contradicts.clone(), fine, contradicts, faulty]);
    }

    #[test]
    fn an_unclosed_quote_is_found_and_a_closed_one_is_none() {
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
