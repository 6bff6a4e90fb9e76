//! Authentication of staff and of other systems: passwords, access and refresh tokens, session cookies, API keys.
//!
//! A sign-in verifies a password against its [`PasswordHash`] and issues three credentials for one session
//! ([`new_session_id`]):
//! - an access token ([`AccessTokens`]), valid for minutes, which names the [`Caller`];
//! - a refresh token ([`RefreshTokens`]), which names the session and its generation; [`decide_refresh`] decides
//!   whether it is accepted;
//! - a [`Secret`] for the session cookie, of which only the [`Digest`] is stored.
//!
//! An access or refresh token proves only that this server issued it. The caller of this crate looks up whether the
//! session still exists. Other systems of the hotel have an [`ApiKey`] instead of a session; only its digest is stored.
//!
//! The crate is pure: no clock and no database. No `Debug` output contains a secret.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

/// Implements `Debug` for types that hold a secret: prints the name of the type and nothing of its content.
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
pub use refresh::{REFRESH_GRACE, RefreshDecision, RefreshState, RefreshTokens, decide_refresh};
pub use secrets::{ApiKey, Digest, Secret, ShortSecret, new_session_id};
pub use tokens::{ACCESS_TOKEN_LIFETIME, AccessTokens, BadToken, Caller};
