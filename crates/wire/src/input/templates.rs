//! Templates of messages.

use domain::{DepartmentId, Language, MessageText, Name, TemplateType};
use serde_json::json;
use utoipa::ToSchema;

use super::{Input, given};
use crate::{
    fields::{self, Fields},
    words,
};

/// A new template.
#[derive(ToSchema)]
pub struct NewTemplate {
    /// Its name, unique in the hotel; that of a `whatsapp` one is the name by which Meta knows it.
    #[schema(value_type = String, min_length = 1)]
    pub name: Name,
    /// The text, with placeholders like `{{guest_name}}`: trimmed, 1 to 4,096 characters.
    #[schema(value_type = String, min_length = 1)]
    pub content: MessageText,
    /// The department that it is for; none: all.
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub department_id: Option<DepartmentId>,
    /// Which way it goes out; `text` if not given.
    #[schema(schema_with = words::template_type, required = false)]
    pub template_type: TemplateType,
    /// The language of a `whatsapp` one, as Meta names it; a `text` has none.
    #[schema(value_type = Option<String>, example = "en_GB")]
    pub language: Option<Language>,
}

/// A change of a template; what is missing stays.
#[derive(ToSchema)]
pub struct ChangeTemplate {
    /// Its name, unique in the hotel.
    #[schema(value_type = String, min_length = 1, required = false)]
    pub name: Option<Name>,
    /// The text, with placeholders like `{{guest_name}}`: trimmed, 1 to 4,096 characters.
    #[schema(value_type = String, min_length = 1, required = false)]
    pub content: Option<MessageText>,
    /// The department that it is for; null: all.
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub department_id: Option<Option<DepartmentId>>,
    /// Which way it goes out.
    #[schema(schema_with = words::template_type, required = false)]
    pub template_type: Option<TemplateType>,
    /// The language of a `whatsapp` one. One that becomes a `text` loses it by itself.
    #[schema(value_type = Option<String>, example = "en_GB")]
    pub language: Option<Option<Language>>,
}

impl Input for NewTemplate {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", fields::name);
        let content = fields.required("content", fields::text);
        let department_id = fields.optional("department_id", fields::id(DepartmentId));
        let template_type = fields.optional("template_type", fields::template_type);
        let language = fields.optional("language", fields::language);
        Some(Self {
            name: name?,
            content: content?,
            department_id: department_id?,
            template_type: template_type?.unwrap_or(TemplateType::Text),
            language: language?,
        })
    }

    fn fingerprint(&self) -> String {
        json!({
            "content": self.content.as_str(),
            "department_id": self.department_id.map(|it| it.0),
            "language": self.language.as_ref().map(Language::as_str),
            "name": self.name.as_str(),
            "template_type": self.template_type.as_str(),
        })
        .to_string()
    }
}

impl Input for ChangeTemplate {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.change("name", fields::name);
        let content = fields.change("content", fields::text);
        let department_id = fields.nullable_change("department_id", fields::id(DepartmentId));
        let template_type = fields.change("template_type", fields::template_type);
        let language = fields.nullable_change("language", fields::language);
        Some(Self {
            name: name?,
            content: content?,
            department_id: department_id?,
            template_type: template_type?,
            language: language?,
        })
    }

    fn fingerprint(&self) -> String {
        json!({
            "content": self.content.as_ref().map(MessageText::as_str),
            "department_id": given(self.department_id.map(|it| it.map(|it| it.0))),
            "language": given(self.language.as_ref().map(|it| it.as_ref().map(Language::as_str))),
            "name": self.name.as_ref().map(Name::as_str),
            "template_type": self.template_type.map(TemplateType::as_str),
        })
        .to_string()
    }
}
