//! Staff members: staff list them, managers create and change them, and end their sessions.

use actix_web::http::StatusCode;
use auth::Password;
use desk::staff::{NewStaffMember, StaffChange};
use domain::StaffId;
use wire::{
    request::{ChangeStaffBody, EmptyBody, NewStaffBody},
    response::{PageResponse, SessionsResponse, StaffResponse},
};

use super::responses::{empty_write_response, page_response, sessions_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, delete, get, patch, post},
    problem::{HandlerResult, Problem},
    request::{ApiRequest, sign_in_cookies::client_facts},
};

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/staff/", "List the hotel's staff.", list_staff)
            .describe("Active and inactive staff members.")
            .returns_page::<PageResponse<StaffResponse>>(),
        post("/api/message_manager/staff/", "Create a staff member (managers).", create_staff)
            .describe("User names are unique over all hotels.")
            .idempotent()
            .body::<NewStaffBody>()
            .returns::<StaffResponse>(201)
            .problems(&[429]),
        patch("/api/message_manager/staff/{id}/", "Change a staff member (managers).", change_staff)
            .describe(
                "Keys that are not named stay unchanged. Deactivation and a new password end all sessions of the \
                 person; fewer departments end subscriptions to conversations that are no longer visible.",
            )
            .idempotent()
            .body::<ChangeStaffBody>()
            .returns::<StaffResponse>(200)
            .problems(&[429]),
        get("/api/message_manager/staff/{id}/sessions/", "List a colleague's sessions (managers).", list_sessions)
            .describe("At most 100, last used first, with address and program of the sign-in.")
            .returns::<SessionsResponse>(200)
            .problems(&[404]),
        delete(
            "/api/message_manager/staff/{id}/sessions/",
            "End all sessions of a colleague (managers).",
            end_sessions,
        )
        .describe("The colleague is signed out everywhere at once, and may sign in again.")
        .idempotent()
        .returns_nothing(204),
        delete(
            "/api/message_manager/staff/{id}/sessions/{session_id}/",
            "End one session of a colleague (managers).",
            end_session,
        )
        .describe("As the logout of that session; a session that is over already stays so.")
        .idempotent()
        .returns_nothing(204),
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
    let address = client_facts(&request.app, &request.http).address;
    let outcome = request.desk().create_staff(request.caller, new, address, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, StaffResponse>)
}

async fn change_staff(request: ApiRequest) -> HandlerResult {
    let write = request.write::<ChangeStaffBody>()?.try_map(staff_change)?;
    let ((change, current_password), once) = write.once(to_json::<_, StaffResponse>);
    let (client, id) = (client_facts(&request.app, &request.http), StaffId(request.id()));
    let outcome = request.desk().change_staff(request.caller, id, change, current_password, client, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, StaffResponse>)
}

async fn list_sessions(request: ApiRequest) -> HandlerResult {
    let listed = request.desk().list_staff_sessions(request.caller, StaffId(request.id())).await?;
    Ok(sessions_response(request.caller, listed))
}

async fn end_sessions(request: ApiRequest) -> HandlerResult {
    end_sessions_of(request, None).await
}

async fn end_session(request: ApiRequest) -> HandlerResult {
    let number = request.session_id();
    end_sessions_of(request, Some(number)).await
}

async fn end_sessions_of(request: ApiRequest, number: Option<i64>) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(|()| String::new());
    let (address, id) = (client_facts(&request.app, &request.http).address, StaffId(request.id()));
    let outcome = request.desk().end_staff_sessions(request.caller, id, number, address, once).await?;
    empty_write_response(outcome)
}

fn new_member(body: NewStaffBody) -> Result<NewStaffMember, Problem> {
    let NewStaffBody { username, name, role, department_ids: departments, password, active } = body;
    Ok(NewStaffMember {
        username,
        name,
        role,
        departments,
        password: parse_password(password)?,
        must_change_password: true,
        active,
    })
}

/// Converts a body into the change, and the present password of the caller.
fn staff_change(body: ChangeStaffBody) -> Result<(StaffChange, Option<String>), Problem> {
    let ChangeStaffBody { username, name, role, department_ids: departments, password, current_password, active } =
        body;
    let password = password.map(parse_password).transpose()?;
    Ok((StaffChange { username, name, role, departments, password, active }, current_password))
}

fn parse_password(password: String) -> Result<Password, Problem> {
    Password::parse(password).map_err(|error| Problem::invalid("password", error.to_string()))
}
