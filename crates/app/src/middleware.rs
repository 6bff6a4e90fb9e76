//! Middleware: access log, CORS, and authentication of API calls.

pub mod access_log;
pub mod authentication;
pub mod cors;
