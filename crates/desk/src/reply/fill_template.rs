//! Fills the placeholders of a template.

use std::collections::BTreeMap;

use domain::{
    Template,
    placeholders::{placeholders, render},
    template::TemplateKind,
};
use persistence::Tx;
use whatsapp::{MAX_BODY_CHARS, OutgoingBody, normalize_template_value};

use crate::{
    Error,
    reply::compose::{ReplyContext, exceeds_caption_limit},
    visibility::load_view,
};

pub(super) struct FilledTemplate {
    pub(super) text: String,
    /// The WhatsApp message of an approved template; `None` for a template of type `text`.
    pub(super) body: Option<OutgoingBody>,
}

/// Fills the placeholders of a template with `values`, and the remaining ones with data of the conversation. Fails with
/// [`Error::Invalid`] for `field` if a value is missing or too long.
pub(super) fn fill_template(
    tx: &mut Tx<'_>,
    context: &ReplyContext,
    template: &Template,
    staff_name: Option<&str>,
    values: &BTreeMap<String, String>,
    field: &'static str,
) -> Result<FilledTemplate, Error> {
    let view = load_view(tx.conn(), context.conversation.id)?;
    // Staff see the values of the placeholders in the form in which WhatsApp shows them to the guest.
    let is_approved = matches!(template.kind, TemplateKind::WhatsApp { .. });
    let value_of = |name: &str| {
        let default = || match name {
            "guest_name" => Some(view.guest_name.clone()),
            "room_number" => view.room_number.clone(),
            "hotel_name" => Some(context.hotel.name.clone()),
            "department_name" => view.department_name.clone(),
            "staff_name" => staff_name.map(str::to_owned),
            _ => None,
        };
        let value = values.get(name).cloned().or_else(default);
        if is_approved { value.as_deref().map(normalize_template_value) } else { value }
    };
    let content = template.content.as_str();
    let text = render(content, &value_of)
        .map_err(|missing| Error::invalid(field, format!("Please give values for: {}.", missing.0.join(", "))))?;
    if is_approved {
        let is_too_long = |name: &&str| value_of(name).is_some_and(|value| exceeds_caption_limit(&value));
        let too_long: Vec<&str> = placeholders(content).into_iter().filter(is_too_long).collect();
        if !too_long.is_empty() {
            let names = too_long.join(", ");
            let sentence = format!("A value may have at most {MAX_BODY_CHARS} characters. Please shorten: {names}.");
            return Err(Error::invalid(field, sentence));
        }
    }
    let body = match &template.kind {
        TemplateKind::WhatsApp { language } if context.is_on_whatsapp() => Some(OutgoingBody::Template {
            name: template.name.to_string(),
            language: language.to_string(),
            parameters: placeholders(content).into_iter().filter_map(value_of).collect(),
        }),
        _ => None,
    };
    Ok(FilledTemplate { text, body })
}
