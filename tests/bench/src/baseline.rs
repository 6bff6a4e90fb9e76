//! The baselines: the least code that does the same work as the product.

pub mod commit;
pub mod http;
mod pages;
pub mod redis;
pub mod sql;
pub mod ws;
