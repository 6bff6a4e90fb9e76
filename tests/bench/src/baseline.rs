//! What the product is measured against: the least that does the same work.

pub mod commit;
pub mod http;
mod pages;
pub mod redis;
pub mod sql;
pub mod ws;
