//! Command `api-key`: keys of other systems of a hotel.

use chrono::{DateTime, Utc};
use clap::Subcommand;
use desk::{Desk, api_keys::NewApiKey};
use domain::{ApiKeyId, HotelId, Name};
use serde_json::{Value, json};
use wire::response::ApiKeyResponse;

use super::values::{hotel_id, id, name, time};
use crate::error::CliError;

#[derive(Subcommand)]
pub enum ApiKeyCommand {
    /// Create a key for a system that imports stays, checks in and checks out; it is printed only once
    Create {
        /// The hotel's id
        #[arg(long, value_parser = hotel_id)]
        hotel: HotelId,
        /// The purpose of the key
        #[arg(long, value_parser = name)]
        name: Name,
        /// The time from which the key is refused, like 2027-01-31T00:00:00Z; without it the key does not expire
        #[arg(long, value_parser = time)]
        expires_at: Option<DateTime<Utc>>,
    },
    /// List the keys of a hotel that are not revoked
    List {
        /// The hotel's id
        #[arg(long, value_parser = hotel_id)]
        hotel: HotelId,
    },
    /// Revoke a key: it is refused from now on, by running servers too
    Revoke {
        /// The key's id
        #[arg(value_parser = id)]
        id: i64,
    },
}

impl ApiKeyCommand {
    pub async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        Ok(match self {
            Self::Create { hotel, name, expires_at } => {
                let created = desk.create_api_key_of(hotel, NewApiKey { name, expires_at }).await?;
                json!({ "id": created.entry.id.0, "key": created.key.as_str() })
            }
            Self::List { hotel } => {
                let keys = desk.list_api_keys_of(hotel).await?;
                json!({ "keys": keys.iter().map(ApiKeyResponse::from).collect::<Vec<_>>() })
            }
            Self::Revoke { id } => {
                desk.revoke_api_key_of_any(ApiKeyId(id)).await?;
                json!({ "id": id })
            }
        })
    }
}
