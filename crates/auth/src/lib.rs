//! How staff prove who they are: passwords, tokens, secrets.
//!
//! A login checks a password against its [`PasswordHash`] and gives three things:
//! - an access token ([`AccessTokens`]): minutes of life, says who calls ([`Caller`]);
//! - a refresh token ([`RefreshTokens`]): names a session and its generation, and [`decide`]
//!   says what presenting it leads to;
//! - a [`Secret`] for the session cookie, of which only the [`Digest`] is stored.
//!
//! All three name one session ([`new_session_id`]). Whether that session still stands is for
//! the caller to look up: a token proves only that this server once gave it out.
//!
//! Another system of the hotel has no session: it has an [`ApiKey`], of which only the digest is stored.
//!
//! Nothing here knows the clock or the database, and no `Debug` shows a secret.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

/// `Debug` that names the type and nothing of its content.
macro_rules! redacted {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )+};
}

mod passwords;
mod refresh;
mod secrets;
mod tokens;

pub use passwords::{BadPassword, HashError, Password, PasswordHash};
pub use refresh::{REFRESH_GRACE, RefreshState, RefreshTokens, Refreshed, decide};
pub use secrets::{ApiKey, Digest, Secret, new_session_id};
pub use tokens::{ACCESS_LIFETIME, AccessTokens, BadToken, Caller, ShortSecret};
