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
    /// A short name that staff type to find the template, unique in the hotel; null for none.
    #[schema(required)]
    pub shortcut: Option<String>,
}

/// The text of a template for a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = RenderedTemplate)]
pub struct RenderedTemplateResponse {
    /// The text, in which placeholders without a value stay as they are.
    pub text: String,
    /// Names of the placeholders without a value, in order of first use, each once.
    pub missing: Vec<String>,
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
            shortcut: template.shortcut.as_ref().map(|it| it.as_str().to_owned()),
        }
    }
}
