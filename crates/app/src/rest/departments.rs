//! Departments: all staff see them, managers make and rename them.

use actix_web::{HttpResponse, http::StatusCode};
use domain::{Department, DepartmentId};

use super::{done, paged};
use crate::{
    extract::{Call, Target, Write},
    problem::Answer,
};

/// `GET departments/`
pub async fn list(call: Call) -> Answer {
    let page = call.page().await?;
    let (count, found) = call.desk().departments(call.caller, page).await?;
    let results: Vec<wire::Department> = found.iter().map(wire::Department::from).collect();
    Ok(HttpResponse::Ok().json(paged(&call, page, count, results)))
}

/// `POST departments/`
pub async fn create(call: Call) -> Answer {
    let write: Write<wire::NewDepartment> = call.write(Target::Hotel).await?;
    let (new, once) = write.once(department);
    done(StatusCode::CREATED, call.desk().create_department(call.caller, new.name, once).await?, department)
}

/// `PATCH departments/{id}/`
pub async fn change(call: Call) -> Answer {
    let id = DepartmentId(call.id().await?);
    let write: Write<wire::ChangeDepartment> = call.write(Target::Department(id)).await?;
    let (change, once) = write.once(department);
    done(StatusCode::OK, call.desk().rename_department(call.caller, id, change.name, once).await?, department)
}

fn department(it: &Department) -> String {
    wire::json(&wire::Department::from(it))
}
