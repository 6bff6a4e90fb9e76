//! Access tokens: short-lived JWTs that name the caller.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{HotelId, SessionId, StaffId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::secrets::{ShortSecret, check_signing_secret};

pub const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(15);

const ISSUER: &str = "message_manager";

/// The staff session that an access token names. The token proves that the session existed when the token was minted;
/// the database decides whether it still exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    pub staff: StaffId,
    pub hotel: HotelId,
    pub session: SessionId,
}

/// Mints and verifies access tokens: JWTs signed with HS256.
#[derive(Clone)]
pub struct AccessTokens {
    encoding_key: EncodingKey,
    decoding_key: DecodingKey,
    validation: Validation,
}

/// Why an access token is refused. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// The access token is malformed, changed, or signed with another secret.
    #[error("The access token is not valid.")]
    Invalid,
    #[error("The access token has expired.")]
    Expired,
}

redacted!(AccessTokens);

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    /// The claim `sid`: hotel and session, separated by a dot. The hotel selects the database writer without a query.
    sid: String,
    iat: i64,
    exp: i64,
}

impl AccessTokens {
    /// Creates the keys for access tokens from a signing secret. Fails for fewer than 32 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, ShortSecret> {
        let secret = check_signing_secret(secret)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // The expiry of an access token is checked by `verify` itself, because the time is its argument.
        validation.validate_exp = false;
        Ok(Self {
            encoding_key: EncodingKey::from_secret(secret),
            decoding_key: DecodingKey::from_secret(secret),
            validation,
        })
    }

    /// Mints an access token that is valid from `now` for [`ACCESS_TOKEN_LIFETIME`].
    pub fn mint(&self, caller: &Caller, now: DateTime<Utc>) -> String {
        let iat = now.timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: caller.staff.to_string(),
            sid: format!("{}.{}", caller.hotel, caller.session),
            iat,
            exp: iat + ACCESS_TOKEN_LIFETIME.num_seconds(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding_key)
            .expect("strings and numbers serialize to JSON, and the key fits HS256")
    }

    /// Returns the caller that an access token names. The expiry has no leeway, because the same clock issued the
    /// token.
    ///
    /// Fails if the token has expired, or unless this secret signed it with HS256 as an access token.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Caller, BadToken> {
        let claims =
            decode::<Claims>(token, &self.decoding_key, &self.validation).map_err(|_| BadToken::Invalid)?.claims;
        let staff = claims.sub.parse().map_err(|_| BadToken::Invalid)?;
        let (hotel, session) = claims.sid.split_once('.').ok_or(BadToken::Invalid)?;
        let (hotel, session) = (hotel.parse().map_err(|_| BadToken::Invalid)?, session.parse());
        if now.timestamp() >= claims.exp {
            return Err(BadToken::Expired);
        }
        Ok(Caller { staff: StaffId(staff), hotel: HotelId(hotel), session: session.map_err(|_| BadToken::Invalid)? })
    }
}

#[cfg(test)]
mod tests;
