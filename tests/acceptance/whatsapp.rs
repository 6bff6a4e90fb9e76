//! Guests on WhatsApp: what they write, and what they are sent.

mod verification;
