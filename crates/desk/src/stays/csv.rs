//! Parses a CSV file of bookings.

use domain::{
    LanguageTag, Name, Stay, WrittenNumber,
    guest::GuestNote,
    phone::{BadPhoneNumber, Country},
    stay::{BookingPart, EmailAddress, StayDays, StayStatus},
    text::without_unprintable,
};
use numbering::CompleteNumber;

use super::{
    import_error::ImportError,
    table::{self, Table},
    written::WrittenBooking,
};

/// A row of the CSV file.
#[derive(Clone, Debug)]
pub(super) struct CsvRow {
    /// Number of the row in the file, counted from 1 after the header; empty rows count.
    pub(super) number: usize,
    /// The reservation code as written.
    pub(super) reservation_code: String,
    /// The booking, or the invalid fields.
    pub(super) content: Result<WrittenRow, InvalidFields>,
}

/// The content of a valid row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrittenRow {
    pub(super) booking: WrittenBooking,
    /// The status of the stay; `None`: it keeps its status.
    pub(super) status: Option<StayStatus>,
}

/// Names of the invalid fields of a row, each with a sentence for staff.
pub(super) type InvalidFields = Vec<(String, String)>;

const REQUIRED: [&str; 6] = ["reservation_code", "guest_name", "guest_phone", "room_number", "check_in", "check_out"];
const OPTIONAL: [&str; 5] = ["status", "part", "email", "language", "note"];
/// Another name of the column `note`.
const NOTES: &str = "notes";

/// Parses all rows of a CSV file of bookings. `country` validates phone numbers without a country code.
pub(super) fn parse(bytes: &[u8], country: Option<Country>) -> Result<Vec<CsvRow>, ImportError> {
    let Table { columns, rows } = table::read(bytes)?;
    let column = |name: &str| columns.iter().position(|column| column == name);
    let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| column(name).is_none()).collect();
    if !missing.is_empty() {
        return Err(ImportError::MissingColumns(missing));
    }
    let required = REQUIRED.map(column);
    let mut optional = OPTIONAL.map(column);
    optional[4] = optional[4].or_else(|| column(NOTES));
    let rows = rows.into_iter().map(|row| {
        let cell = |column: Option<usize>| column.and_then(|column| row.cells.get(column)).unwrap_or_default();
        let cells = Cells { required: required.map(cell), optional: optional.map(cell), invalid: Vec::new() };
        CsvRow {
            number: row.number,
            reservation_code: cells.required[0].to_owned(),
            content: cells.into_booking(country),
        }
    });
    Ok(rows.collect())
}

pub(super) fn invalid_phone(reason: BadPhoneNumber) -> (String, String) {
    (REQUIRED[2].to_owned(), reason.to_string())
}

/// The cells of a row, and the faults found so far.
struct Cells<'a> {
    /// The cells of [`REQUIRED`], in that order.
    required: [&'a str; 6],
    /// The cells of [`OPTIONAL`], in that order.
    optional: [&'a str; 5],
    invalid: InvalidFields,
}

impl Cells<'_> {
    fn into_booking(mut self, country: Option<Country>) -> Result<WrittenRow, InvalidFields> {
        let [code, guest, phone, room, check_in, check_out] = self.required;
        let [status, part, email, language, note] = self.optional;
        let code = self.parsed(REQUIRED[0], Name::parse(code));
        // A booking is not refused because of an invisible character in the name of the guest.
        let guest = self.parsed(REQUIRED[1], Name::parse(&without_unprintable(guest)));
        let phone = self.optional(REQUIRED[2], phone, WrittenNumber::parse);
        let room = self.optional(REQUIRED[3], room, Name::parse);
        let first = self.parsed(REQUIRED[4], Stay::parse_day(check_in));
        let last = self.parsed(REQUIRED[5], Stay::parse_day(check_out));
        let days = first.zip(last).and_then(|(first, last)| self.parsed(REQUIRED[5], StayDays::new(first, last)));
        let status = self.optional(OPTIONAL[0], status, StayStatus::parse_written);
        let part = self.optional(OPTIONAL[1], part, parse_part);
        let email = self.optional(OPTIONAL[2], email, EmailAddress::parse);
        // Some systems write en_GB.
        let language = self.optional(OPTIONAL[3], language, |text| LanguageTag::parse(&text.replace('_', "-")));
        let note = self.optional(OPTIONAL[4], note, GuestNote::parse);
        match (code, guest, days) {
            (Some(reservation_code), Some(guest_name), Some(days)) if self.invalid.is_empty() => {
                let booking = WrittenBooking {
                    reservation_code,
                    part,
                    guest_name,
                    guest_phone: phone,
                    room_number: room,
                    days,
                    email,
                    language,
                    note,
                };
                Ok(WrittenRow { booking, status })
            }
            _ => {
                // The phone number is completed here only in an invalid row, to report all faults together. In a valid
                // row the number may repeat that of the stored stay, which is accepted.
                self.invalid.extend(phone.and_then(|it| it.complete(country).err()).map(invalid_phone));
                Err(self.invalid)
            }
        }
    }

    /// The value of a cell that must not be empty; records a fault.
    fn parsed<T, E: std::fmt::Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.invalid.push((field.to_owned(), error.to_string()))).ok()
    }

    /// The value of a cell; `None` if the cell is empty. Records a fault.
    fn optional<T, E: std::fmt::Display>(
        &mut self,
        field: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if text.is_empty() { None } else { self.parsed(field, parse(text)) }
    }
}

fn parse_part(text: &str) -> Result<BookingPart, domain::stay::BadBookingPart> {
    // Spreadsheets write whole numbers with or without decimals.
    let digits = text.strip_suffix(".0").unwrap_or(text);
    BookingPart::new(digits.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_order_case_and_extra_columns_are_ignored() {
        let csv = "\u{feff}check_out;Guest Name;colour;GUEST_PHONE;room_number;check_in;Reservation_Code\r\n\
                   2026-12-03;\"Zoë; Ångström\" ;red;+34 600 000 001;101;2026-12-01;R-1\r\n";
        let rows = parse(csv.as_bytes(), None).unwrap();
        let booking = &rows[0].content.as_ref().unwrap().booking;
        assert_eq!((rows.len(), rows[0].reservation_code.as_str()), (1, "R-1"));
        assert_eq!(booking.guest_name.as_str(), "Zoë; Ångström");
        assert_eq!(booking.guest_phone.as_ref().unwrap().normalized(), "+34600000001");
        assert_eq!(
            (booking.days.first().to_string(), booking.days.last().to_string()),
            ("2026-12-01".into(), "2026-12-03".into())
        );
    }

    #[test]
    fn optional_columns_and_cells_are_read() {
        let header = "reservation_code\tguest_name\tguest_phone\troom_number\tcheck_in\tcheck_out\tStatus\tPart\tEmail\t\
                      Language\tNotes";
        let csv = format!(
            "{header}\nR-1\tAna\t\t\t2026-12-01\t2026-12-03\tStorniert\t2\tana@example.com\tpt_br\tLate, with a cot\n\
             R-2\tBea\t\t\t2026-12-01\t2026-12-03\t\t\t\t\t\n"
        );
        let rows = parse(csv.as_bytes(), None).unwrap();
        let WrittenRow { booking, status } = rows[0].content.as_ref().unwrap();
        assert_eq!((*status, booking.part), (Some(StayStatus::Cancelled), BookingPart::new(2).ok()));
        assert_eq!((&booking.guest_phone, &booking.room_number), (&None, &None));
        assert_eq!(booking.email.as_ref().unwrap().as_str(), "ana@example.com");
        assert_eq!(booking.language.as_ref().unwrap().as_str(), "pt-BR");
        assert_eq!(booking.note.as_ref().unwrap().as_str(), "Late, with a cot");
        let WrittenRow { booking, status } = rows[1].content.as_ref().unwrap();
        assert_eq!((*status, booking.part, &booking.email, &booking.note), (None, None, &None, &None));
    }

    #[test]
    fn every_invalid_field_is_reported_and_other_rows_are_imported() {
        let csv = format!(
            "{},{}\nR-1,,600,101,2026-1-1,soon,open?,0,ana,english,\n\
             R-2,A,+34600000001,1,2026-01-02,2026-01-01\n,x\nR-3,A,,,2026-01-02,2026-01-02\n",
            REQUIRED.join(","),
            OPTIONAL.join(",")
        );
        let rows = parse(csv.as_bytes(), None).unwrap();
        let fields = |row: &CsvRow| -> Vec<String> {
            let invalid = row.content.as_ref().err().cloned().unwrap_or_default();
            invalid.into_iter().map(|(field, _)| field).collect()
        };
        let expected = ["guest_name", "check_in", "check_out", "part", "email", "language", "guest_phone"];
        assert_eq!(fields(&rows[0]), expected);
        assert_eq!(fields(&rows[1]), ["check_out"]);
        assert_eq!(fields(&rows[2]), ["reservation_code", "check_in", "check_out"]);
        assert!(fields(&rows[3]).is_empty());
        assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn an_invalid_file_is_refused() {
        assert!(matches!(parse(b"\xff\xfe", None), Err(ImportError::NotUtf8)));
        let sentence = parse(b"reservation_code,guest_name,guest_phone,room_number\n", None).unwrap_err().to_string();
        assert_eq!(sentence, "The header lacks: check_in, check_out.");
        assert!(matches!(parse(b"", None), Err(ImportError::MissingColumns(_))));
    }
}
