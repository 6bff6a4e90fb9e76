//! Middleware: access log, CORS, compression, and authentication of API calls.

pub mod access_log;
pub mod authentication;
pub mod compression;
pub mod cors;
