//! The hotel's staff: all of it sees them, managers make and change them.

use actix_web::{HttpResponse, http::StatusCode};
use auth::Password;
use desk::{NewMember, StaffChange};
use domain::{Staff, StaffId};

use super::{done, paged};
use crate::{
    extract::{Call, Target, Write},
    problem::{Answer, Problem},
};

/// `GET staff/`
pub async fn list(call: Call) -> Answer {
    let page = call.page().await?;
    let (count, found) = call.desk().staff(call.caller, page).await?;
    let results: Vec<wire::Staff> = found.iter().map(wire::Staff::from).collect();
    Ok(HttpResponse::Ok().json(paged(&call, page, count, results)))
}

/// `POST staff/`
pub async fn create(call: Call) -> Answer {
    let write: Write<NewMember> = call.write_as(Target::Hotel, new_member).await?;
    let (new, once) = write.once(member);
    done(StatusCode::CREATED, call.desk().create_staff(call.caller, new, once).await?, member)
}

/// `PATCH staff/{id}/`
pub async fn change(call: Call) -> Answer {
    let id = StaffId(call.id().await?);
    let write: Write<StaffChange> = call.write_as(Target::Staff(id), staff_change).await?;
    let (change, once) = write.once(member);
    done(StatusCode::OK, call.desk().change_staff(call.caller, id, change, once).await?, member)
}

fn new_member(it: wire::NewStaff) -> Result<NewMember, Problem> {
    let wire::NewStaff { username, name, role, department_ids: departments, password, active } = it;
    Ok(NewMember { username, name, role, departments, password: strong(password)?, active })
}

fn staff_change(it: wire::ChangeStaff) -> Result<StaffChange, Problem> {
    let wire::ChangeStaff { username, name, role, department_ids: departments, password, active } = it;
    Ok(StaffChange { username, name, role, departments, password: password.map(strong).transpose()?, active })
}

fn strong(password: String) -> Result<Password, Problem> {
    Password::parse(password).map_err(|error| Problem::invalid("password", error.to_string()))
}

fn member(it: &Staff) -> String {
    wire::json(&wire::Staff::from(it))
}
