//! Phone numbers, in E.164 and as people and booking systems write them.
//!
//! [`WrittenNumber`] recognizes a number in a text. Together with the hotel's [`Country`] it becomes a [`PhoneNumber`]
//! by the numbering rules of all countries (`numbering.rs`), or is refused with the reason.
//! [`PhoneNumber::equivalent_forms`] returns the numbers that reach the same subscriber (`equivalence.rs`).

mod equivalence;
mod number;
mod numbering;
mod written;

pub use number::PhoneNumber;
pub use numbering::{BadCountry, BadPhoneNumber, Country};
pub use written::WrittenNumber;

#[cfg(test)]
mod tests;
