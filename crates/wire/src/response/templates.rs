//! Responses with message templates.

use domain::template::{ParameterFormat, TemplateType};
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
    /// Name of the template, unique among the texts of the hotel, and among its approved templates of one language.
    pub name: String,
    /// The text of the template, with placeholders like `{{guest_name}}`.
    pub content: String,
    /// Id of the department that may use the template; null for all departments.
    #[schema(required, minimum = 1)]
    pub department_id: Option<i64>,
    /// How the template is sent: as free text, or as a template that Meta has approved.
    #[schema(schema_with = enum_schemas::names_of::<TemplateType>)]
    pub template_type: &'static str,
    /// The language of the template, in Meta's form; null for a text without language.
    #[schema(required)]
    pub language: Option<String>,
    /// A short name that staff type to find the template, unique in the hotel; null for none.
    #[schema(required)]
    pub shortcut: Option<String>,
    /// How WhatsApp gets the values of a `whatsapp` template: in the order of its placeholders, or by name.
    #[schema(schema_with = enum_schemas::names_of::<ParameterFormat>)]
    pub parameter_format: &'static str,
    /// Whether the template can be sent: false if Meta has paused or deleted it.
    pub available: bool,
}

/// Result of reading the templates of the WhatsApp Business Account.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateSync)]
pub struct TemplateSyncResponse {
    /// Number of templates that were new.
    #[schema(minimum = 0)]
    pub created: i64,
    /// Number of templates that were changed, or are available again.
    #[schema(minimum = 0)]
    pub updated: i64,
    /// Number of the hotel's templates that Meta does not accept now.
    #[schema(minimum = 0)]
    pub unavailable: i64,
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
            parameter_format: template.kind.parameter_format().as_str(),
            available: template.is_available,
        }
    }
}
