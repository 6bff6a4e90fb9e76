//! Templates of messages.

use serde::Serialize;
use utoipa::ToSchema;

use crate::words;

/// A template.
#[derive(Serialize, ToSchema)]
pub struct Template {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name, unique in the hotel.
    pub name: String,
    /// The text, with its placeholders.
    pub content: String,
    /// The department that it is for; null: all.
    #[schema(required, minimum = 1)]
    pub department_id: Option<i64>,
    /// Which way it goes out: as free text, or as one that Meta has approved.
    #[schema(schema_with = words::template_type)]
    pub template_type: &'static str,
    /// The language of a `whatsapp` one, as Meta names it.
    #[schema(required)]
    pub language: Option<String>,
}

impl From<&domain::Template> for Template {
    fn from(it: &domain::Template) -> Self {
        Self {
            id: it.id.0,
            name: it.name.to_string(),
            content: it.content.to_string(),
            department_id: it.department.map(|it| it.0),
            template_type: it.kind.template_type().as_str(),
            language: it.kind.language().map(ToString::to_string),
        }
    }
}
