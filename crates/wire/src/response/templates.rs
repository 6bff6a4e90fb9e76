//! Responses with message templates.

use domain::template::TemplateType;
use serde::Serialize;
use utoipa::ToSchema;

use crate::enum_schemas;

/// A message template.
#[derive(Serialize, ToSchema)]
#[schema(as = Template)]
pub struct TemplateResponse {
    /// Id of the template.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Name of the template, unique in the hotel.
    pub name: String,
    /// The text of the template, with placeholders like `{{guest_name}}`.
    pub content: String,
    /// Id of the department that may use the template; null for all departments.
    #[schema(required, minimum = 1)]
    pub department_id: Option<i64>,
    /// How the template is sent: as free text, or as a template that Meta has approved.
    #[schema(schema_with = enum_schemas::names_of::<TemplateType>)]
    pub template_type: &'static str,
    /// Meta's code of the template's language; null for type `text`.
    #[schema(required)]
    pub language: Option<String>,
}

impl From<&domain::Template> for TemplateResponse {
    fn from(template: &domain::Template) -> Self {
        Self {
            id: template.id.0,
            name: template.name.to_string(),
            content: template.content.to_string(),
            department_id: template.department.map(|id| id.0),
            template_type: template.kind.template_type().as_str(),
            language: template.kind.language().map(ToString::to_string),
        }
    }
}
