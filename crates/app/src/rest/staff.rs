//! Staff members: staff list them, managers create and change them.

use actix_web::http::StatusCode;
use auth::Password;
use desk::staff::{NewStaffMember, StaffChange};
use domain::StaffId;
use wire::{
    request::{ChangeStaffBody, NewStaffBody},
    response::{PageResponse, StaffResponse},
};

use super::responses::{page_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, get, patch, post},
    problem::{HandlerResult, Problem},
    request::ApiRequest,
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/staff/", "List the hotel's staff.", list_staff)
            .returns_page::<PageResponse<StaffResponse>>(),
        post("/api/message_manager/staff/", "Create a staff member (managers).", create_staff)
            .idempotent()
            .body::<NewStaffBody>()
            .returns::<StaffResponse>(201),
        patch("/api/message_manager/staff/{id}/", "Change a staff member (managers).", change_staff)
            .idempotent()
            .body::<ChangeStaffBody>()
            .returns::<StaffResponse>(200),
    ]
}

async fn list_staff(request: ApiRequest) -> HandlerResult {
    let page = request.page()?;
    let staff = request.desk().list_staff(request.caller, page).await?;
    page_response::<_, StaffResponse, _>(&request, page, staff)
}

async fn create_staff(request: ApiRequest) -> HandlerResult {
    let write = request.write::<NewStaffBody>()?.try_map(new_member)?;
    let (new, once) = write.once(to_json::<_, StaffResponse>);
    let outcome = request.desk().create_staff(request.caller, new, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, StaffResponse>)
}

async fn change_staff(request: ApiRequest) -> HandlerResult {
    let write = request.write::<ChangeStaffBody>()?.try_map(staff_change)?;
    let (change, once) = write.once(to_json::<_, StaffResponse>);
    let outcome = request.desk().change_staff(request.caller, StaffId(request.id()), change, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, StaffResponse>)
}

fn new_member(body: NewStaffBody) -> Result<NewStaffMember, Problem> {
    let NewStaffBody { username, name, role, department_ids: departments, password, active } = body;
    Ok(NewStaffMember { username, name, role, departments, password: parse_password(password)?, active })
}

fn staff_change(body: ChangeStaffBody) -> Result<StaffChange, Problem> {
    let ChangeStaffBody { username, name, role, department_ids: departments, password, active } = body;
    let password = password.map(parse_password).transpose()?;
    Ok(StaffChange { username, name, role, departments, password, active })
}

fn parse_password(password: String) -> Result<Password, Problem> {
    Password::parse(password).map_err(|error| Problem::invalid("password", error.to_string()))
}
