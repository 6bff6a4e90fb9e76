//! Departments: staff list them, managers create, change and deactivate them.

use actix_web::http::StatusCode;
use desk::departments::{DepartmentChange, DepartmentFields};
use domain::DepartmentId;
use utoipa::openapi::Type;
use wire::{
    request::{ChangeDepartmentBody, NewDepartmentBody},
    response::{DepartmentResponse, PageResponse},
};

use super::responses::{page_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, get, patch, post},
    problem::HandlerResult,
    request::{ApiRequest, page},
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/departments/", "List the hotel's departments.", list_departments)
            .describe("Inactive departments are included only with `inactive=true`.")
            .query("inactive", Type::Boolean, "Include inactive departments.")
            .returns_page::<PageResponse<DepartmentResponse>>(),
        post("/api/message_manager/departments/", "Create a department (managers).", create_department)
            .describe("The name is unique in the hotel.")
            .idempotent()
            .body::<NewDepartmentBody>()
            .returns::<DepartmentResponse>(201),
        patch("/api/message_manager/departments/{id}/", "Change a department (managers).", change_department)
            .describe(
                "A department with open conversations can be deactivated only with `move_to`; without it 409 \
                 `department_in_use`. A change of target or opening hours changes `response_due_at` of guests who wait, \
                 with a `conversation_updated` for each. Keys that are not named stay unchanged; `null` clears a key.",
            )
            .idempotent()
            .body::<ChangeDepartmentBody>()
            .returns::<DepartmentResponse>(200),
    ]
}

async fn list_departments(request: ApiRequest) -> HandlerResult {
    let mut query = request.query();
    let (page, with_inactive) = (page(&mut query)?, query.flag("inactive"));
    let page = query.finish(page)?;
    let departments = request.desk().list_departments(request.caller, with_inactive, page).await?;
    page_response::<_, DepartmentResponse, _>(&request, page, departments)
}

async fn create_department(request: ApiRequest) -> HandlerResult {
    let (new, once) = request.write::<NewDepartmentBody>()?.once(to_json::<_, DepartmentResponse>);
    let NewDepartmentBody { name, active, handles_stays, first_response_minutes, opening_hours } = new;
    let (first_response, opening_hours) = (Some(first_response_minutes), Some(opening_hours));
    let fields = DepartmentFields { name: None, active, handles_stays, first_response, opening_hours };
    let outcome = request.desk().create_department(request.caller, name, fields, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, DepartmentResponse>)
}

async fn change_department(request: ApiRequest) -> HandlerResult {
    let (body, once) = request.write::<ChangeDepartmentBody>()?.once(to_json::<_, DepartmentResponse>);
    let ChangeDepartmentBody { name, active, handles_stays, first_response_minutes, opening_hours, move_to } = body;
    let fields =
        DepartmentFields { name, active, handles_stays, first_response: first_response_minutes, opening_hours };
    let change = DepartmentChange { fields, move_to };
    let id = DepartmentId(request.id());
    let outcome = request.desk().change_department(request.caller, id, change, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, DepartmentResponse>)
}
