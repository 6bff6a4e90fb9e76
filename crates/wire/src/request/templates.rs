//! Request bodies of calls on message templates.

use domain::{
    DepartmentId, MessageText, Name,
    template::{ParameterFormat, TemplateLanguage, TemplateShortcut, TemplateType},
};

use super::{
    json_body::json_body,
    presence::{Added, Defaulted, FieldChange, NullableChange, Optional, Required},
};

json_body! {
    /// A new message template.
    pub struct NewTemplateBody {
        /// Name of the template, unique in the hotel; for a `whatsapp` template, the name under which Meta has approved
        /// it.
        name: Required<Name>,
        /// The text of the template, with placeholders like `{{guest_name}}`: trimmed, 1 to 4,096 characters.
        content: Required<MessageText>,
        /// Id of the department that may use the template; null for all departments.
        department_id: Optional<DepartmentId>,
        /// How the template is sent: as free text, or as a template that Meta has approved. Default: `text`.
        template_type: Defaulted<TemplateType>,
        /// The language of the template, in Meta's form. Required if `template_type` is `whatsapp`.
        language: Optional<TemplateLanguage>,
        /// A short name that staff type to find the template, unique in the hotel; null for none.
        shortcut: Added<Optional<TemplateShortcut>>,
        /// How Meta expects the values of a `whatsapp` template: in the order of its placeholders, or by name. Default:
        /// `positional`.
        parameter_format: Added<Optional<ParameterFormat>>,
    }

    /// A change of a message template. Absent fields keep their value.
    pub struct ChangeTemplateBody {
        /// Name of the template, unique in the hotel; for a `whatsapp` template, the name under which Meta has approved
        /// it.
        name: FieldChange<Name>,
        /// The text of the template, with placeholders like `{{guest_name}}`: trimmed, 1 to 4,096 characters.
        content: FieldChange<MessageText>,
        /// Id of the department that may use the template; null for all departments.
        department_id: NullableChange<DepartmentId>,
        /// How the template is sent: as free text, or as a template that Meta has approved.
        template_type: FieldChange<TemplateType>,
        /// The language of the template, in Meta's form. A change to `text` clears it, unless it is given; a change to
        /// `whatsapp` needs one. Null is allowed for a `text` only.
        language: NullableChange<TemplateLanguage>,
        /// A short name that staff type to find the template, unique in the hotel; null removes it.
        shortcut: Added<NullableChange<TemplateShortcut>>,
        /// How Meta expects the values of a `whatsapp` template: in the order of its placeholders, or by name.
        parameter_format: Added<FieldChange<ParameterFormat>>,
    }
}
