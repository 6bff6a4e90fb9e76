//! Message templates: staff list them, managers create, change and delete them.

use actix_web::http::StatusCode;
use desk::templates::{TemplateChange, TemplateContent, TemplateSyncResult};
use domain::{TemplateId, template::TemplateKind};
use wire::{
    request::{ChangeTemplateBody, EmptyBody, NewTemplateBody},
    response::{PageResponse, TemplateResponse, TemplateSyncResponse},
};

use super::responses::{empty_write_response, page_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, ParameterValues, delete, get, patch, post},
    problem::{HandlerResult, Problem},
    request::{ApiRequest, page, template_filter},
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/templates/", "List the hotel's message templates.", list_templates)
            .describe("`search` looks into name, shortcut and text.")
            .query("search", ParameterValues::Words { max: 200 }, "Words in name, shortcut or text, in any order.")
            .query(
                "department",
                ParameterValues::Id,
                "Only templates that this department may use: its own and general ones.",
            )
            .returns_page::<PageResponse<TemplateResponse>>(),
        post("/api/message_manager/templates/", "Create a template (managers).", create_template)
            .describe("A template of type `whatsapp` has the name and language that Meta approved.")
            .idempotent()
            .body::<NewTemplateBody>()
            .returns::<TemplateResponse>(201),
        post(
            "/api/message_manager/templates/sync/",
            "Read the approved templates of the hotel's WhatsApp Business Account (managers).",
            sync_templates,
        )
        .describe(
            "New templates are created, changed ones updated. Those that Meta has paused or deleted get `available` \
             false. 409 `not_allowed_now` if the hotel has no account.",
        )
        .idempotent()
        .returns::<TemplateSyncResponse>(200)
        .problems(&[503]),
        patch("/api/message_manager/templates/{id}/", "Change a template (managers).", change_template)
            .describe("Keys that are not named stay unchanged.")
            .idempotent()
            .body::<ChangeTemplateBody>()
            .returns::<TemplateResponse>(200),
        delete("/api/message_manager/templates/{id}/", "Delete a template (managers).", delete_template)
            .describe("If it is the hotel's opener, the hotel has none afterwards.")
            .idempotent()
            .returns_nothing(204),
    ]
}

async fn list_templates(request: ApiRequest) -> HandlerResult {
    let mut query = request.query();
    let (page, filter) = (page(&mut query)?, template_filter(&mut query));
    let (page, filter) = query.finish((page, filter))?;
    let templates = request.desk().list_templates(request.caller, filter, page).await?;
    page_response::<_, TemplateResponse, _>(&request, page, templates)
}

async fn create_template(request: ApiRequest) -> HandlerResult {
    let write = request.write::<NewTemplateBody>()?.try_map(wording)?;
    let (new, once) = write.once(to_json::<_, TemplateResponse>);
    let outcome = request.desk().create_template(request.caller, new, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, TemplateResponse>)
}

async fn change_template(request: ApiRequest) -> HandlerResult {
    let write = request.write::<ChangeTemplateBody>()?.try_map(template_change)?;
    let (change, once) = write.once(to_json::<_, TemplateResponse>);
    let outcome = request.desk().change_template(request.caller, TemplateId(request.id()), change, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, TemplateResponse>)
}

async fn delete_template(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(|()| String::new());
    let outcome = request.desk().delete_template(request.caller, TemplateId(request.id()), once).await?;
    empty_write_response(outcome)
}

async fn sync_templates(request: ApiRequest) -> HandlerResult {
    let counts = |result: &TemplateSyncResult| {
        let count = |templates: usize| templates as i64;
        let TemplateSyncResult { created, updated, unavailable } = *result;
        let (created, updated) = (count(created), count(updated));
        wire::json(&TemplateSyncResponse { created, updated, unavailable: count(unavailable) })
    };
    let (_, once) = request.write::<EmptyBody>()?.once(counts);
    let client = request.settings().whatsapp_client().map_err(|error| Problem::internal(error.to_string()))?;
    let outcome = request.desk().sync_templates(request.caller, client.as_ref(), once).await?;
    write_response(StatusCode::OK, outcome, counts)
}

fn wording(body: NewTemplateBody) -> Result<TemplateContent, Problem> {
    let NewTemplateBody {
        name,
        content,
        department_id: department,
        template_type,
        language,
        shortcut,
        parameter_format,
    } = body;
    let kind = TemplateKind::new(template_type, language, parameter_format.unwrap_or_default());
    let kind = kind.map_err(|error| Problem::invalid("language", error.to_string()))?;
    Ok(TemplateContent { name, content, department, kind, shortcut })
}

fn template_change(body: ChangeTemplateBody) -> Result<TemplateChange, Problem> {
    let ChangeTemplateBody {
        name,
        content,
        department_id: department,
        template_type,
        language,
        shortcut,
        parameter_format,
    } = body;
    Ok(TemplateChange { name, content, department, template_type, language, shortcut, parameter_format })
}
