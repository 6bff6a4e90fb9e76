//! Messages from the hotel to guests.

pub mod outbox;
pub mod read_receipts;
pub mod worker;
