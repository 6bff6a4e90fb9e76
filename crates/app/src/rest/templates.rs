//! Templates of messages: all staff see them, managers keep them.

use actix_web::{HttpResponse, http::StatusCode};
use desk::{TemplateChange, Wording};
use domain::{Template, TemplateId, TemplateKind};

use super::{done, done_without_body, paged};
use crate::{
    extract::{Call, Target, Write},
    problem::{Answer, Problem},
};

/// `GET templates/`
pub async fn list(call: Call) -> Answer {
    let page = call.page().await?;
    let (count, found) = call.desk().templates(call.caller, page).await?;
    let results: Vec<wire::Template> = found.iter().map(wire::Template::from).collect();
    Ok(HttpResponse::Ok().json(paged(&call, page, count, results)))
}

/// `POST templates/`
pub async fn create(call: Call) -> Answer {
    let write: Write<Wording> = call.write_as(Target::Hotel, wording).await?;
    let (new, once) = write.once(template);
    done(StatusCode::CREATED, call.desk().create_template(call.caller, new, once).await?, template)
}

/// `PATCH templates/{id}/`
pub async fn change(call: Call) -> Answer {
    let id = TemplateId(call.id().await?);
    let write: Write<TemplateChange> = call.write_as(Target::Template(id), template_change).await?;
    let (change, once) = write.once(template);
    done(StatusCode::OK, call.desk().change_template(call.caller, id, change, once).await?, template)
}

/// `DELETE templates/{id}/`
pub async fn delete(call: Call) -> Answer {
    let id = TemplateId(call.id().await?);
    let write: Write<wire::Nothing> = call.write(Target::Template(id)).await?;
    let (_, once) = write.once(|()| String::new());
    done_without_body(call.desk().delete_template(call.caller, id, once).await?)
}

fn wording(it: wire::NewTemplate) -> Result<Wording, Problem> {
    let wire::NewTemplate { name, content, department_id: department, template_type, language } = it;
    let kind = TemplateKind::new(template_type, language);
    let kind = kind.map_err(|error| Problem::invalid("language", error.to_string()))?;
    Ok(Wording { name, content, department, kind })
}

fn template_change(it: wire::ChangeTemplate) -> Result<TemplateChange, Problem> {
    let wire::ChangeTemplate { name, content, department_id: department, template_type, language } = it;
    Ok(TemplateChange { name, content, department, template_type, language })
}

fn template(it: &Template) -> String {
    wire::json(&wire::Template::from(it))
}
