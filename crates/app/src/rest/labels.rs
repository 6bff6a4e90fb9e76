//! Labels: staff list them and label conversations, managers create, change and delete them.

use actix_web::http::StatusCode;
use desk::labels::{ConversationLabelChange, LabelChange};
use domain::{ConversationView, LabelId};
use wire::{
    request::{ChangeLabelBody, ConversationLabelsBody, EmptyBody, NewLabelBody},
    response::{ConversationDetails, LabelResponse, PageResponse},
};

use super::responses::{empty_write_response, page_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, delete, get, patch, post},
    problem::HandlerResult,
    request::ApiRequest,
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/labels/", "List the hotel's labels.", list_labels)
            .describe("Ordered by id.")
            .returns_page::<PageResponse<LabelResponse>>(),
        post("/api/message_manager/labels/", "Create a label (managers).", create_label)
            .describe("A hotel has at most 100 labels. Names are unique without regard to case.")
            .idempotent()
            .body::<NewLabelBody>()
            .returns::<LabelResponse>(201),
        patch("/api/message_manager/labels/{id}/", "Change a label (managers).", change_label)
            .describe("Keys that are not named stay unchanged.")
            .idempotent()
            .body::<ChangeLabelBody>()
            .returns::<LabelResponse>(200),
        delete("/api/message_manager/labels/{id}/", "Delete a label (managers).", delete_label)
            .describe("Also removes the label from all conversations. The audit log keeps its name.")
            .idempotent()
            .returns_nothing(204),
    ]
}

pub fn conversation_endpoints() -> Vec<Endpoint> {
    vec![
        patch(
            "/api/message_manager/conversations/{id}/labels/",
            "Add labels to a conversation, or remove some.",
            change_conversation_labels,
        )
        .describe(
            "Names changes instead of the whole list, so that two people at once lose nothing. A conversation has at \
             most 20 labels. Works on closed conversations, too.",
        )
        .idempotent()
        .body::<ConversationLabelsBody>()
        .returns::<ConversationDetails>(200),
    ]
}

async fn list_labels(request: ApiRequest) -> HandlerResult {
    let page = request.page()?;
    let labels = request.desk().list_labels(request.caller, page).await?;
    page_response::<_, LabelResponse, _>(&request, page, labels)
}

async fn create_label(request: ApiRequest) -> HandlerResult {
    let (new, once) = request.write::<NewLabelBody>()?.once(to_json::<_, LabelResponse>);
    let outcome = request.desk().create_label(request.caller, new.name, new.colour, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, LabelResponse>)
}

async fn change_label(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<ChangeLabelBody>()?.once(to_json::<_, LabelResponse>);
    let change = LabelChange { name: body.name, colour: body.colour };
    let outcome = request.desk().change_label(request.caller, LabelId(request.id()), change, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, LabelResponse>)
}

async fn delete_label(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(|()| String::new());
    let outcome = request.desk().delete_label(request.caller, LabelId(request.id()), once).await?;
    empty_write_response(outcome)
}

async fn change_conversation_labels(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<ConversationLabelsBody>()?.once(details_json);
    let change = ConversationLabelChange { add: body.add, remove: body.remove };
    let (caller, conversation) = (request.caller, request.conversation());
    let outcome = request.desk().change_conversation_labels(caller, conversation, change, once).await?;
    write_response(StatusCode::OK, outcome, details_json)
}

fn details_json(view: &ConversationView) -> String {
    to_json::<_, ConversationDetails>(view)
}
