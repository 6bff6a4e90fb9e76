//! Parsers of command-line values, and the output of commands.

use std::io::{ErrorKind, Write};

use domain::{DepartmentId, HotelId, Name};
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
    Name::parse(text).map_err(|error| error.to_string())
}
