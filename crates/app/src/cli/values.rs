//! Parsers of command-line values, and the output of commands.

use std::io::{ErrorKind, Write};

use chrono::{DateTime, Utc};
use domain::{DepartmentId, HotelId, Name, Username};
use serde::Serialize;

use crate::error::CliError;

/// Prints a result as one line of JSON.
pub fn print_json(result: &impl Serialize) -> Result<(), CliError> {
    print_text(&serde_json::to_string(result)?)
}

/// Prints a document as indented JSON.
pub fn print_document(document: &impl Serialize) -> Result<(), CliError> {
    print_text(&serde_json::to_string_pretty(document)?)
}

/// Prints a text. It is no error if a reader such as `head` closes the pipe early.
pub fn print_text(text: &str) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

pub fn hotel_id(text: &str) -> Result<HotelId, String> {
    id(text).map(HotelId)
}

pub fn department_id(text: &str) -> Result<DepartmentId, String> {
    id(text).map(DepartmentId)
}

pub fn id(text: &str) -> Result<i64, String> {
    text.parse().ok().filter(|id| *id > 0).ok_or_else(|| "an id is a positive number".to_owned())
}

pub fn name(text: &str) -> Result<Name, String> {
    Name::parse_new(text).map_err(|error| error.to_string())
}

pub fn username(text: &str) -> Result<Username, String> {
    Username::parse(text).map_err(|error| error.to_string())
}

/// A time in the future or past, such as `2027-01-31T00:00:00Z`.
pub fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    at.map_err(|_| "a time is written as 2027-01-31T00:00:00Z".to_owned())
}
