//! Access tokens: JWTs that say for a few minutes who calls.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{HotelId, SessionId, StaffId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

/// How long an access token is good for.
pub const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(15);

const ISSUER: &str = "message_manager";

/// HS256 is as strong as its key: 256 bits.
const LEAST_SECRET_BYTES: usize = 32;

/// For whom an access token speaks. The token proves that this was so when it was minted:
/// whether session and staff member still stand is for the database to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The staff member.
    pub staff: StaffId,
    /// Their hotel.
    pub hotel: HotelId,
    /// The sign-in the token came from.
    pub session: SessionId,
}

/// Mints and verifies access tokens: JWTs signed with HS256.
#[derive(Clone)]
pub struct AccessTokens {
    minting: EncodingKey,
    verifying: DecodingKey,
    rules: Validation,
}

/// The signing secret is too short to be safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret needs at least {LEAST_SECRET_BYTES} bytes")]
pub struct ShortSecret;

/// Why an access token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Not a token of ours: garbage, changed, or signed with another secret.
    #[error("The access token is not valid.")]
    Invalid,
    /// Ours, and too old.
    #[error("The access token has expired.")]
    Expired,
}

redacted!(AccessTokens);

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    /// Hotel and session, a dot between them: which of the store's lanes a caller's writes go
    /// through is known from the token alone.
    sid: String,
    iat: i64,
    exp: i64,
}

impl AccessTokens {
    /// Tokens signed with this secret.
    ///
    /// # Errors
    /// [`ShortSecret`] for fewer than 32 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, ShortSecret> {
        let secret = long_enough(secret)?;
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss", "sub"]);
        // `verify` is told the time and looks for itself.
        rules.validate_exp = false;
        Ok(Self { minting: EncodingKey::from_secret(secret), verifying: DecodingKey::from_secret(secret), rules })
    }

    /// A token that speaks for this caller from `now` on for [`ACCESS_LIFETIME`].
    pub fn mint(&self, caller: &Caller, now: DateTime<Utc>) -> String {
        let iat = now.timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: caller.staff.to_string(),
            sid: format!("{}.{}", caller.hotel, caller.session),
            iat,
            exp: iat + ACCESS_LIFETIME.num_seconds(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.minting)
            .expect("strings and numbers are JSON, and the key is one for HS256")
    }

    /// For whom the token speaks at `now`. No leeway: it was minted by the same clock.
    ///
    /// # Errors
    /// [`BadToken::Invalid`] unless this secret signed it, by HS256, as an access token;
    /// [`BadToken::Expired`] from its expiry on.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Caller, BadToken> {
        let claims = decode::<Claims>(token, &self.verifying, &self.rules).map_err(|_| BadToken::Invalid)?.claims;
        let staff = claims.sub.parse().map_err(|_| BadToken::Invalid)?;
        let (hotel, session) = claims.sid.split_once('.').ok_or(BadToken::Invalid)?;
        let (hotel, session) = (hotel.parse().map_err(|_| BadToken::Invalid)?, session.parse());
        if now.timestamp() >= claims.exp {
            return Err(BadToken::Expired);
        }
        Ok(Caller { staff: StaffId(staff), hotel: HotelId(hotel), session: session.map_err(|_| BadToken::Invalid)? })
    }
}

/// The secret, if it is long enough to sign with.
pub(crate) fn long_enough(secret: &[u8]) -> Result<&[u8], ShortSecret> {
    if secret.len() < LEAST_SECRET_BYTES { Err(ShortSecret) } else { Ok(secret) }
}

#[cfg(test)]
mod tests;
