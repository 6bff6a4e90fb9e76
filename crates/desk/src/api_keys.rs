//! API keys of other systems of a hotel, and authentication of bearer tokens.

use auth::{ApiKey, Caller, Digest};
use domain::{ApiKeyId, HotelId, Name};
use persistence::api_keys;

use crate::{Desk, Error, Principal, existence::find_hotel};

impl Desk {
    /// Creates an API key for the command line. Only a digest is stored.
    pub async fn create_api_key(&self, hotel: HotelId, name: Name) -> Result<(ApiKeyId, ApiKey), Error> {
        let (key, now) = (ApiKey::new(), self.now());
        let digest = Digest::of(key.as_str()).to_string();
        let id = self
            .write(hotel, vec![], move |tx| {
                find_hotel(tx.conn(), hotel)?;
                Ok(api_keys::insert(tx, hotel, &name, &digest, now)?)
            })
            .await?;
        Ok((id, key))
    }

    /// Authenticates a bearer token: an API key or an access token.
    pub async fn principal(&self, bearer: &str) -> Result<Principal, Error> {
        let Some(digest) = ApiKey::digest(bearer) else { return self.caller_of_token(bearer).map(Principal::Staff) };
        let key = self.read(move |conn| Ok(api_keys::find(conn, &digest.to_string())?)).await?;
        key.map(|(id, hotel)| Principal::ApiKey { id, hotel }).ok_or(Error::Unauthenticated)
    }

    /// Authenticates a bearer token for use cases of staff: an access token. Fails with [`Error::BeyondApiKey`] for an
    /// API key.
    pub async fn caller_of_bearer(&self, bearer: &str) -> Result<Caller, Error> {
        match self.principal(bearer).await? {
            Principal::Staff(caller) => Ok(caller),
            Principal::ApiKey { .. } => Err(Error::BeyondApiKey),
        }
    }
}
