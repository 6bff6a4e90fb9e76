//! Other systems of a hotel, which are known by keys.

use auth::ApiKey;
use domain::{ApiKeyId, HotelId, Name};
use persistence::{api_keys, hotels};

use crate::{Desk, Error, Principal};

impl Desk {
    /// Makes a key for another system of a hotel, from the command line. It is kept nowhere.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such hotel.
    pub async fn add_api_key(&self, hotel: HotelId, name: Name) -> Result<(ApiKeyId, ApiKey), Error> {
        let (key, now) = (ApiKey::new(), self.now());
        let digest = auth::Digest::of(key.as_str()).to_string();
        let id = self
            .store
            .write(hotel, vec![], move |tx| {
                if hotels::find(tx.conn(), hotel)?.is_none() {
                    return Err(Error::invalid("hotel", "There is no such hotel."));
                }
                Ok(api_keys::insert(tx, hotel, &name, &digest, now)?)
            })
            .await?;
        Ok((id, key))
    }

    /// Reads what was given as a bearer: an API key, which is looked up, or an access token.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn principal(&self, bearer: &str) -> Result<Principal, Error> {
        let Some(digest) = ApiKey::digest(bearer) else { return self.caller_of_token(bearer).map(Principal::Staff) };
        let found = self.store.read(move |conn| Ok::<_, Error>(api_keys::find(conn, &digest.to_string())?)).await?;
        found.map(|(id, hotel)| Principal::ApiKey { id, hotel }).ok_or(Error::Unauthenticated)
    }

    /// Reads what was given as a bearer where only staff may ask.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], [`Error::BeyondApiKey`].
    pub async fn caller_of_bearer(&self, bearer: &str) -> Result<auth::Caller, Error> {
        match self.principal(bearer).await? {
            Principal::Staff(caller) => Ok(caller),
            Principal::ApiKey { .. } => Err(Error::BeyondApiKey),
        }
    }
}
