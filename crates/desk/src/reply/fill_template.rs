//! Fills the placeholders of a template.

use std::collections::BTreeMap;

use domain::{
    ConversationView, Hotel, Template,
    placeholders::{placeholders, render},
    template::{ParameterFormat, TemplateKind, parameter_order},
};
use persistence::Tx;
use whatsapp::{MAX_BODY_CHARS, OutgoingBody, normalize_template_value};

use crate::{
    Error,
    reply::compose::{ReplyContext, exceeds_caption_limit},
    visibility::load_view,
};

/// The values for the placeholders of a template in a conversation: those that the sender gives, and the known ones.
pub(super) struct PlaceholderValues<'a> {
    view: ConversationView,
    hotel: &'a Hotel,
    staff_name: Option<&'a str>,
    given: &'a BTreeMap<String, String>,
    /// Whether Meta has approved the template. Staff see the values of such a template in the form in which WhatsApp shows
    /// them to the guest.
    is_approved: bool,
}

impl<'a> PlaceholderValues<'a> {
    pub(super) fn load(
        tx: &mut Tx<'_>,
        context: &'a ReplyContext,
        template: &Template,
        staff_name: Option<&'a str>,
        given: &'a BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let view = load_view(tx.conn(), context.conversation.id())?;
        let is_approved = matches!(template.kind, TemplateKind::WhatsApp { .. });
        Ok(Self { view, hotel: &context.hotel, staff_name, given, is_approved })
    }

    /// The value for a placeholder. A given value precedes a known one.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = self.given.get(name).cloned().or_else(|| self.known(name));
        if self.is_approved { value.as_deref().map(normalize_template_value) } else { value }
    }

    fn known(&self, name: &str) -> Option<String> {
        match name {
            "guest_name" => Some(self.view.guest_name.clone()),
            "room_number" => self.view.room_number.clone(),
            "hotel_name" => Some(self.hotel.name.clone()),
            "department_name" => self.view.department_name.clone(),
            "staff_name" => self.staff_name.map(str::to_owned),
            name => self.hotel.variables.get(name).map(str::to_owned),
        }
    }
}

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
    let known = PlaceholderValues::load(tx, context, template, staff_name, values)?;
    let value_of = |name: &str| known.get(name);
    let is_approved = known.is_approved;
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
        TemplateKind::WhatsApp { language, parameter_format } if context.is_on_whatsapp() => {
            let names = parameter_order(content);
            Some(OutgoingBody::Template {
                name: template.name.to_string(),
                language: language.to_string(),
                parameters: names.iter().filter_map(|name| value_of(name)).collect(),
                names: match parameter_format {
                    ParameterFormat::Positional => Vec::new(),
                    ParameterFormat::Named => names.into_iter().map(str::to_owned).collect(),
                },
            })
        }
        _ => None,
    };
    Ok(FilledTemplate { text, body })
}
