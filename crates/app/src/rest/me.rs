//! The caller's own settings, which all their clients share.

use actix_web::http::StatusCode;
use desk::WriteOutcome;
use wire::{request::ChangeSettingsBody, response::PersonalSettingsSchema};

use super::responses::{json_response, write_response};
use crate::{
    endpoint::{Endpoint, get, patch},
    problem::HandlerResult,
    request::ApiRequest,
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/me/settings/", "Show the caller's settings.", show_settings)
            .describe("A JSON object that belongs to the client; the server does not interpret it.")
            .returns::<PersonalSettingsSchema>(200),
        patch("/api/message_manager/me/settings/", "Change keys of the caller's settings.", change_settings)
            .describe(
                "Top-level keys are merged, `null` removes a key, unknown keys are kept. The whole object has at \
                 most 8 KiB. The caller's other sockets receive `directory_updated`.",
            )
            .idempotent()
            .body::<ChangeSettingsBody>()
            .returns::<PersonalSettingsSchema>(200),
    ]
}

async fn show_settings(request: ApiRequest) -> HandlerResult {
    Ok(json_response(StatusCode::OK, request.desk().personal_settings(request.caller).await?))
}

async fn change_settings(request: ApiRequest) -> HandlerResult {
    let (change, once) = request.write::<ChangeSettingsBody>()?.once(String::clone);
    let merge = move |stored: &str| change.merge_into(stored);
    let outcome = request.desk().change_personal_settings(request.caller, merge, once).await?;
    if matches!(outcome, WriteOutcome::Performed(_)) {
        request.app.hub.publish_settings_change(request.caller.hotel, request.caller.staff);
    }
    write_response(StatusCode::OK, outcome, String::clone)
}
