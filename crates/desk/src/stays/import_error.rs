//! The error of imports.

use crate::Error;

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
