//! Departments: staff list them, managers create and rename them.

use actix_web::http::StatusCode;
use domain::DepartmentId;
use wire::{
    request::{ChangeDepartmentBody, NewDepartmentBody},
    response::{DepartmentResponse, PageResponse},
};

use super::responses::{page_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, get, patch, post},
    problem::HandlerResult,
    request::ApiRequest,
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/departments/", "List the hotel's departments.", list_departments)
            .returns_page::<PageResponse<DepartmentResponse>>(),
        post("/api/message_manager/departments/", "Create a department (managers).", create_department)
            .idempotent()
            .body::<NewDepartmentBody>()
            .returns::<DepartmentResponse>(201),
        patch("/api/message_manager/departments/{id}/", "Rename a department (managers).", rename_department)
            .idempotent()
            .body::<ChangeDepartmentBody>()
            .returns::<DepartmentResponse>(200),
    ]
}

async fn list_departments(request: ApiRequest) -> HandlerResult {
    let page = request.page()?;
    let departments = request.desk().list_departments(request.caller, page).await?;
    page_response::<_, DepartmentResponse>(&request, page, departments)
}

async fn create_department(request: ApiRequest) -> HandlerResult {
    let (new, once) = request.write::<NewDepartmentBody>()?.once(to_json::<_, DepartmentResponse>);
    let outcome = request.desk().create_department(request.caller, new.name, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, DepartmentResponse>)
}

async fn rename_department(request: ApiRequest) -> HandlerResult {
    let (change, once) = request.write::<ChangeDepartmentBody>()?.once(to_json::<_, DepartmentResponse>);
    let id = DepartmentId(request.id());
    let outcome = request.desk().rename_department(request.caller, id, change.name, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, DepartmentResponse>)
}
