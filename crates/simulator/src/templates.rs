//! The templates that are approved, or were, and whether a send fits one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    checks::{Checked, list, object, text},
    errors::ApiError,
};

/// How many templates there may be.
const MOST: usize = 1000;

/// What a template's header holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// Nothing that is given with a send.
    #[default]
    None,
    /// A text with one parameter.
    Text,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A document.
    Document,
}

/// Whether a template may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// It may.
    #[default]
    Approved,
    /// Not now: 132015.
    Paused,
    /// Not any more: 132016.
    Disabled,
}

/// A message template as Meta has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language, like `en_GB`.
    pub language: String,
    /// What it is billed as.
    #[serde(default = "utility")]
    pub category: String,
    /// Whether it may be used.
    #[serde(default)]
    pub status: Approval,
    /// What its header holds.
    #[serde(default)]
    pub header: Header,
    /// How many parameters its body has.
    #[serde(default)]
    pub body: usize,
    /// Their names, where they have some; then as many as `body` says.
    #[serde(default)]
    pub names: Vec<String>,
    /// How many of its buttons take a parameter that must be given: the end of a URL.
    #[serde(default)]
    pub url_buttons: usize,
}

fn utility() -> String {
    "utility".to_owned()
}

impl Template {
    /// An approved one whose body has so many parameters, and nothing else.
    pub fn new(name: &str, language: &str, body: usize) -> Self {
        Self {
            name: name.to_owned(),
            language: language.to_owned(),
            category: utility(),
            status: Approval::Approved,
            header: Header::None,
            body,
            names: Vec::new(),
            url_buttons: 0,
        }
    }
}

/// All of an account.
pub(crate) struct Templates(Vec<Template>);

impl Templates {
    pub(crate) fn new(templates: &[Template]) -> Self {
        Self(templates.iter().take(MOST).cloned().collect())
    }

    /// Adds one, or puts it in the place of that of its name and language.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn put(&mut self, template: Template) -> Result<(), String> {
        self.0.retain(|it| (&it.name, &it.language) != (&template.name, &template.language));
        if self.0.len() >= MOST {
            return Err(format!("there are {MOST} templates already"));
        }
        self.0.push(template);
        Ok(())
    }

    pub(crate) fn all(&self) -> &[Template] {
        &self.0
    }

    /// The template that a send names, where the send fits it.
    pub(crate) fn fitting(&self, send: &Map<String, Value>) -> Checked<&Template> {
        let name = text(send, "template.name", "name", 512)?.ok_or_else(|| ApiError::missing("template.name"))?;
        let language = send.get("language").ok_or_else(|| ApiError::missing("template.language"))?;
        let code = text(object(language, "template.language")?, "template.language.code", "code", 20)?
            .ok_or_else(|| ApiError::missing("template.language.code"))?;
        let template = self.0.iter().find(|it| it.name == name && it.language == code);
        let template = template
            .ok_or_else(|| ApiError::new(132001, format!("template name ({name}) does not exist in {code}")))?;
        match template.status {
            Approval::Approved => {}
            Approval::Paused => return Err(ApiError::new(132015, "The template is paused.")),
            Approval::Disabled => return Err(ApiError::new(132016, "The template is disabled.")),
        }
        let none = Vec::new();
        let components = list(send, "template.components", "components")?.unwrap_or(&none);
        fits(template, components)?;
        Ok(template)
    }
}

fn fits(template: &Template, components: &[Value]) -> Checked<()> {
    let (mut header, mut body, mut urls) = (false, 0, 0);
    for component in components {
        let component = object(component, "template.components[]")?;
        let none = Vec::new();
        let parameters = list(component, "template.components[].parameters", "parameters")?.unwrap_or(&none);
        let kind = text(component, "template.components[].type", "type", 20)?.unwrap_or_default();
        match kind.to_ascii_lowercase().as_str() {
            "header" => header = fits_header(template.header, parameters)?,
            "body" => body = fits_body(template, parameters)?,
            "button" if component.get("sub_type").and_then(Value::as_str) == Some("url") => {
                urls += fits_url(parameters)?;
            }
            "button" => fits_button(component, parameters)?,
            other => return Err(ApiError::parameter(format!("Unknown component type {other:?}."))),
        }
    }
    if header != (template.header != Header::None) {
        return Err(ApiError::new(132012, "header: the parameters do not match the template's format"));
    }
    let count = |part, given: usize, expected: usize| {
        let details = format!(
            "{part}: number of localizable_params ({given}) does not match the expected number of params ({expected})"
        );
        if given == expected { Ok(()) } else { Err(ApiError::new(132000, details)) }
    };
    count("body", body, template.body)?;
    count("buttons", urls, template.url_buttons)
}

/// Whether there is a header.
fn fits_header(header: Header, parameters: &[Value]) -> Checked<bool> {
    let expected = match header {
        Header::None if parameters.is_empty() => return Ok(false),
        Header::None => return Err(ApiError::new(132000, "header: number of parameters (1) does not match (0)")),
        Header::Text => "text",
        Header::Image => "image",
        Header::Video => "video",
        Header::Document => "document",
    };
    let [parameter] = parameters else {
        return Err(ApiError::new(132000, "header: number of parameters does not match the expected number (1)"));
    };
    let parameter = object(parameter, "template.components[].parameters[]")?;
    if parameter.get("type").and_then(Value::as_str) != Some(expected) || !parameter.contains_key(expected) {
        return Err(ApiError::new(132012, format!("header: Format mismatch, expected {expected}")));
    }
    Ok(true)
}

/// How many parameters the body is given.
fn fits_body(template: &Template, parameters: &[Value]) -> Checked<usize> {
    for parameter in parameters {
        let parameter = object(parameter, "template.components[].parameters[]")?;
        match parameter.get("type").and_then(Value::as_str) {
            Some("text") => {
                let given = text(parameter, "template.components[].parameters[].text", "text", 1024)?;
                if given.is_none_or(str::is_empty) {
                    return Err(ApiError::missing("template.components[].parameters[].text"));
                }
            }
            Some("currency" | "date_time") => {}
            _ => return Err(ApiError::new(132012, "body: Format mismatch, expected text")),
        }
        let name = text(parameter, "template.components[].parameters[].parameter_name", "parameter_name", 100)?;
        match name {
            None if template.names.is_empty() => {}
            Some(name) if template.names.iter().any(|it| it == name) => {}
            _ => return Err(ApiError::parameter("Parameter name is missing or does not match the template.")),
        }
    }
    Ok(parameters.len())
}

fn fits_url(parameters: &[Value]) -> Checked<usize> {
    match parameters {
        [parameter] if parameter["type"] == "text" && parameter["text"].is_string() => Ok(1),
        _ => Err(ApiError::new(132012, "button: a URL takes one text parameter")),
    }
}

fn fits_button(button: &Map<String, Value>, parameters: &[Value]) -> Checked<()> {
    if button.get("sub_type").and_then(Value::as_str) != Some("quick_reply") {
        return Err(ApiError::parameter("Unknown sub_type of a button."));
    }
    match parameters {
        [] => Ok(()),
        [parameter] if parameter["type"] == "payload" && parameter["payload"].is_string() => Ok(()),
        _ => Err(ApiError::new(132012, "button: a quick reply takes one payload")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(template: &Template, components: Value) -> Option<i64> {
        let send = json!({ "name": "t", "language": { "code": "en" }, "components": components });
        let templates = Templates::new(std::slice::from_ref(template));
        templates.fitting(send.as_object().unwrap()).err().map(|error| error.code)
    }

    #[test]
    fn parameters_must_be_those_of_the_template() {
        let text = |it: &str| json!({ "type": "text", "text": it });
        let body = |parameters: Vec<Value>| json!({ "type": "body", "parameters": parameters });
        let mut it = Template { header: Header::Image, ..Template::new("t", "en", 2) };
        let header = json!({ "type": "header", "parameters": [{ "type": "image", "image": { "id": "1" } }] });
        assert_eq!(code(&it, json!([header, body(vec![text("Ada"), text("12")])])), None);
        assert_eq!(code(&it, json!([header, body(vec![text("Ada")])])), Some(132000));
        assert_eq!(code(&it, json!([body(vec![text("Ada"), text("12")])])), Some(132012));
        it.header = Header::None;
        assert_eq!(code(&it, json!([header, body(vec![text("Ada"), text("12")])])), Some(132000));
        assert_eq!(code(&it, json!([body(vec![text("Ada"), json!({ "type": "image" })])])), Some(132012));
        it.status = Approval::Paused;
        assert_eq!(code(&it, json!([])), Some(132015));
        it.language = "de".to_owned();
        assert_eq!(code(&it, json!([])), Some(132001));
    }
}
