//! Reading a table of bookings.

use domain::{Name, PhoneNumber, Stay};
use persistence::stays::Booking;

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
pub(super) type Row = (String, Result<Booking, Faults>);
type Faults = Vec<(String, String)>;

const FIELDS: [&str; 6] = ["reservation_code", "guest_name", "guest_phone", "room_number", "check_in", "check_out"];

/// Reads all rows.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Row>, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let places = FIELDS.map(|field| header.iter().position(|column| column == field));
    let missing: Vec<_> = FIELDS.into_iter().zip(places).filter(|(_, place)| place.is_none()).collect();
    if !missing.is_empty() {
        return Err(ImportError::MissingColumns(missing.into_iter().map(|(field, _)| field).collect()));
    }
    reader
        .records()
        .map(|record| {
            let record = record?;
            let cells = places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default());
            Ok((cells[0].to_owned(), booking(cells)))
        })
        .collect()
}

/// The header says it: no field's name has either character.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if header.contains(';') { b';' } else { b',' }
}

fn booking(cells: [&str; 6]) -> Result<Booking, Faults> {
    let mut faults = Vec::new();
    let [code, guest, phone, room, check_in, check_out] = cells;
    let mut name = |place: usize, text: &str| {
        let name = Name::parse(text);
        name.map_err(|error| faults.push((FIELDS[place].to_owned(), error.to_string()))).ok()
    };
    let (code, guest, room) = (name(0, code), name(1, guest), name(3, room));
    let phone = PhoneNumber::parse(phone);
    let phone = phone.map_err(|error| faults.push((FIELDS[2].to_owned(), error.to_string()))).ok();
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
            Ok(Booking { reservation_code, guest_name, guest_phone, room_number, check_in, check_out })
        }
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_fields_and_more_of_them_do_not_matter() {
        let csv = "\u{feff}check_out;guest_name;colour;guest_phone;room_number;check_in;reservation_code\r\n\
                   2026-12-03;\"Zoë; Ångström\" ;red;+34 600 000 001;101;2026-12-01;R-1\r\n";
        let rows = read(csv.as_bytes()).unwrap();
        let (code, booking) = &rows[0];
        let booking = booking.as_ref().unwrap();
        assert_eq!((rows.len(), code.as_str()), (1, "R-1"));
        assert_eq!(booking.guest_name.as_str(), "Zoë; Ångström");
        assert_eq!(booking.guest_phone.as_str(), "+34600000001");
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
        let rows = read(csv.as_bytes()).unwrap();
        let faulty: Vec<Vec<&str>> = rows
            .iter()
            .map(|(_, row)| {
                row.as_ref().err().map(|it| it.iter().map(|(field, _)| field.as_str()).collect()).unwrap_or_default()
            })
            .collect();
        assert_eq!(faulty[0], ["guest_name", "guest_phone", "check_in", "check_out"]);
        assert_eq!(faulty[1], ["check_out"]);
        assert_eq!(faulty[2].len(), 6);
        assert!(faulty[3].is_empty());
    }

    #[test]
    fn a_table_of_no_use_is_told() {
        assert!(matches!(read(b"\xff\xfe"), Err(ImportError::NotUtf8)));
        let told = read(b"reservation_code,guest_name,guest_phone,room_number\n").unwrap_err().to_string();
        assert_eq!(told, "The header lacks: check_in, check_out.");
        assert!(matches!(read(b""), Err(ImportError::MissingColumns(_))));
    }
}
