//! API keys of other systems of a hotel, and authentication of bearer tokens.

use auth::{ApiKey, Caller, Digest};
use chrono::{DateTime, Utc};
use domain::{ApiKeyEntry, ApiKeyId, HotelId, Name, api_key::MAX_API_KEYS_OF_HOTEL};
use persistence::{
    Tx,
    api_keys::{self, NewApiKeyRow},
    audit_log::{self, AuditActor, AuditEntry},
    sql::pagination::Slice,
};

use crate::{
    Desk, Error, KeyedWrite, PageRequest, Principal, WriteOutcome, existence::find_hotel, principal::ensure_manager,
};

/// The values of an API key that is to be created.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The purpose of the key.
    pub name: Name,
    /// The time from which the key is refused; `None` if it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A new API key, with the key itself, which is stored nowhere.
#[derive(Clone, Debug)]
pub struct CreatedApiKey {
    pub entry: ApiKeyEntry,
    pub key: ApiKey,
}

impl Desk {
    /// Returns the number of API keys of the caller's hotel and one page of them, oldest first. For managers.
    pub async fn list_api_keys(&self, caller: Caller, page: PageRequest) -> Result<(i64, Vec<ApiKeyEntry>), Error> {
        self.read_as(caller, move |conn, live| {
            ensure_manager(live)?;
            let (count, keys) = api_keys::list(conn, live.staff.hotel, page.slice())?;
            page.ensure_exists(count)?;
            Ok((count, keys))
        })
        .await
    }

    /// Creates an API key. Only a digest is stored. Fails with [`Error::Invalid`] if the key would end in the past, or
    /// the hotel has the most keys allowed.
    pub async fn create_api_key(
        &self,
        caller: Caller,
        new: NewApiKey,
        write: KeyedWrite<CreatedApiKey>,
    ) -> Result<WriteOutcome<CreatedApiKey>, Error> {
        let (key, now) = (ApiKey::new(), self.now());
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            let entry = create(tx, live.staff.hotel, (&new, &key), live.staff.id.into(), now)?;
            Ok(CreatedApiKey { entry, key: key.clone() })
        })
        .await
    }

    /// Revokes an API key: it is refused from now on, on every node.
    pub async fn revoke_api_key(
        &self,
        caller: Caller,
        id: ApiKeyId,
        write: KeyedWrite<()>,
    ) -> Result<WriteOutcome<()>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            if !api_keys::is_listed(tx.conn(), live.staff.hotel, id)? {
                return Err(Error::NotFound);
            }
            ensure_manager(live)?;
            let revoked = api_keys::revoke(tx, id, Some(live.staff.hotel), now)?.ok_or(Error::NotFound)?;
            audit(tx, &revoked, live.staff.id.into(), "api_key_revoked", now)
        })
        .await
    }

    /// Creates an API key for the command line, as [`Desk::create_api_key`].
    pub async fn create_api_key_of(&self, hotel: HotelId, new: NewApiKey) -> Result<CreatedApiKey, Error> {
        let (key, now) = (ApiKey::new(), self.now());
        self.write(hotel, vec![], move |tx| {
            find_hotel(tx.conn(), hotel)?;
            let entry = create(tx, hotel, (&new, &key), AuditActor::CommandLine, now)?;
            Ok(CreatedApiKey { entry, key: key.clone() })
        })
        .await
    }

    /// Returns the API keys of a hotel, for the command line.
    pub async fn list_api_keys_of(&self, hotel: HotelId) -> Result<Vec<ApiKeyEntry>, Error> {
        self.read(move |conn| {
            find_hotel(conn, hotel)?;
            Ok(api_keys::list(conn, hotel, Slice { offset: 0, limit: MAX_API_KEYS_OF_HOTEL })?.1)
        })
        .await
    }

    /// Revokes an API key of any hotel, for the command line.
    pub async fn revoke_api_key_of_any(&self, id: ApiKeyId) -> Result<(), Error> {
        let now = self.now();
        self.write_global(move |tx| {
            let revoked = api_keys::revoke(tx, id, None, now)?;
            let revoked = revoked.ok_or_else(|| Error::invalid("id", "There is no such API key, or it is revoked."))?;
            audit(tx, &revoked, AuditActor::CommandLine, "api_key_revoked", now)
        })
        .await
    }

    /// Authenticates a bearer token: an API key or an access token.
    pub async fn principal(&self, bearer: &str) -> Result<Principal, Error> {
        let Some(digest) = ApiKey::digest(bearer) else { return self.caller_of_token(bearer).map(Principal::Staff) };
        let now = self.now();
        let key = self.read(move |conn| Ok(api_keys::find_valid(conn, &digest.to_string(), now)?)).await?;
        let key = key.ok_or(Error::Unauthenticated)?;
        if api_keys::is_use_due(&key, now) {
            self.record_use_of(key.id, key.hotel, now);
        }
        Ok(Principal::ApiKey { id: key.id, hotel: key.hotel })
    }

    /// Stores the last use of an API key in the background, so that a call that only reads does not wait for a write.
    fn record_use_of(&self, id: ApiKeyId, hotel: HotelId, now: DateTime<Utc>) {
        let desk = self.clone();
        tokio::spawn(async move {
            let recorded =
                desk.write(hotel, vec![], move |tx| Ok::<_, Error>(api_keys::record_use(tx, id, now)?)).await;
            if let Err(error) = recorded {
                log::warn!("API key {id}: cannot store its last use; the next call stores it: {error}");
            }
        });
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

fn create(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    (new, key): (&NewApiKey, &ApiKey),
    actor: AuditActor,
    at: DateTime<Utc>,
) -> Result<ApiKeyEntry, Error> {
    if new.expires_at.is_some_and(|end| end <= at) {
        return Err(Error::invalid("expires_at", "Please give a time in the future."));
    }
    if api_keys::lock_and_count(tx, hotel)? >= MAX_API_KEYS_OF_HOTEL {
        let most = format!("A hotel has at most {MAX_API_KEYS_OF_HOTEL} API keys. Delete one that is not used first.");
        return Err(Error::invalid("name", most));
    }
    let digest = Digest::of(key.as_str()).to_string();
    let row = NewApiKeyRow { name: new.name.clone(), expires_at: new.expires_at, digest };
    let entry = api_keys::insert(tx, hotel, &row, at)?;
    audit(tx, &entry, actor, "api_key_created", at)?;
    Ok(entry)
}

fn audit(
    tx: &mut Tx<'_>,
    key: &ApiKeyEntry,
    actor: AuditActor,
    action: &'static str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let text = format!("API key {}: {}", key.id, key.name);
    let (before, after) = if action == "api_key_created" { (None, Some(text)) } else { (Some(text), None) };
    let entry = AuditEntry { before, after, ..AuditEntry::of_hotel(key.hotel, actor, action) };
    Ok(audit_log::insert(tx, &entry, at)?)
}
