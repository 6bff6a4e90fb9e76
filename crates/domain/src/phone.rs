//! Phone numbers, in E.164 and as people and booking systems write them.
//!
//! [`WrittenNumber`] recognizes the digits of a number in a text. The crate `numbering` completes them, with the hotel's
//! [`Country`] and by the numbering rules of all countries, to a [`PhoneNumber`], or refuses them with the reason.
//! [`PhoneNumber::equivalent_forms`] returns the numbers that reach the same subscriber (`equivalence.rs`).

mod country;
mod equivalence;
mod number;
mod written;

pub use country::{BadCountry, Country, country_code};
pub use number::{BadPhoneNumber, PhoneNumber};
pub use written::WrittenNumber;

#[cfg(test)]
mod tests;
