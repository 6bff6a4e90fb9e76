//! API keys of other systems of the hotel: managers list, create and revoke them.

use actix_web::http::StatusCode;
use desk::api_keys::{CreatedApiKey, NewApiKey};
use domain::ApiKeyId;
use wire::{
    request::{EmptyBody, NewApiKeyBody},
    response::{ApiKeyResponse, CreatedApiKeyResponse, PageResponse},
};

use super::responses::{empty_write_response, page_response, write_response};
use crate::{
    endpoint::{Endpoint, delete, get, post},
    problem::HandlerResult,
    request::ApiRequest,
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/api_keys/", "List the hotel's API keys (managers).", list_api_keys)
            .describe("Expired keys are listed until they are deleted.")
            .returns_page::<PageResponse<ApiKeyResponse>>(),
        post("/api/message_manager/api_keys/", "Create an API key (managers).", create_api_key)
            .describe(
                "The response shows the key, and no later one does: only a digest is stored, and a replay with the \
                 same `Idempotency-Key` has null. A key may import stays, list and show them, check guests in and out. \
                 A hotel has at most 100 keys.",
            )
            .idempotent()
            .body::<NewApiKeyBody>()
            .returns::<CreatedApiKeyResponse>(201),
        delete("/api/message_manager/api_keys/{id}/", "Revoke an API key (managers).", revoke_api_key)
            .describe("The key is refused with 401 from then on, on every node.")
            .idempotent()
            .returns_nothing(204),
    ]
}

async fn list_api_keys(request: ApiRequest) -> HandlerResult {
    let page = request.page()?;
    let keys = request.desk().list_api_keys(request.caller, page).await?;
    page_response::<_, ApiKeyResponse, _>(&request, page, keys)
}

async fn create_api_key(request: ApiRequest) -> HandlerResult {
    let (new, once) = request.write::<NewApiKeyBody>()?.once(stored_json);
    let new = NewApiKey { name: new.name, expires_at: new.expires_at };
    let outcome = request.desk().create_api_key(request.caller, new, once).await?;
    write_response(StatusCode::CREATED, outcome, shown_json)
}

async fn revoke_api_key(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(|()| String::new());
    let outcome = request.desk().revoke_api_key(request.caller, ApiKeyId(request.id()), once).await?;
    empty_write_response(outcome)
}

/// The response that shows the key.
fn shown_json(created: &CreatedApiKey) -> String {
    let key = Some(created.key.as_str().to_owned());
    wire::json(&CreatedApiKeyResponse { entry: (&created.entry).into(), key })
}

/// The response as it is stored for replays: without the key.
fn stored_json(created: &CreatedApiKey) -> String {
    wire::json(&CreatedApiKeyResponse { entry: (&created.entry).into(), key: None })
}
