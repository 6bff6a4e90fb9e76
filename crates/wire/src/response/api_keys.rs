//! Responses with API keys.

use domain::ApiKeyEntry;
use serde::Serialize;
use utoipa::ToSchema;

use crate::time::Timestamp;

/// An API key of the hotel, without the key itself.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct ApiKeyResponse {
    /// Id of the API key.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The purpose of the key.
    pub name: String,
    /// Time at which the key was created.
    pub created_at: Timestamp,
    /// Time from which the key is refused; null if it does not expire.
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
    /// Time of the last call with the key, up to a minute too early; null before the first call.
    #[schema(required)]
    pub last_used_at: Option<Timestamp>,
}

/// A new API key.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedApiKey)]
pub struct CreatedApiKeyResponse {
    /// The entry of the key in the list of keys.
    #[serde(flatten)]
    pub entry: ApiKeyResponse,
    /// The key, to be sent as `Authorization: Bearer mmk_…`. It is shown only in this response: null in a replay.
    #[schema(required, example = "mmk_4Zq0pZb8V1m4yq8dU0xP8vJH0nF3mJm3XkF9x1o2Q3A")]
    pub key: Option<String>,
}

impl From<&ApiKeyEntry> for ApiKeyResponse {
    fn from(key: &ApiKeyEntry) -> Self {
        Self {
            id: key.id.0,
            name: key.name.clone(),
            created_at: Timestamp(key.created_at),
            expires_at: key.expires_at.map(Timestamp),
            last_used_at: key.last_used_at.map(Timestamp),
        }
    }
}
