//! Message templates, and the validation of sends against them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    graph_error::GraphError,
    json_fields::{GraphResult, list, object, text},
};

const MAX_TEMPLATES: usize = 1000;
const DEFAULT_PAGE_SIZE: usize = 25;
const MAX_PAGE_SIZE: usize = 100;

/// The format of a template's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TemplateHeader {
    /// A template without a header, or whose header has no parameters.
    #[default]
    None,
    /// A template whose header is a text with one parameter.
    Text,
    Image,
    Video,
    Document,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalStatus {
    #[default]
    Approved,
    /// The template is paused: sends of it are rejected with 132015.
    Paused,
    /// The template is disabled: sends of it are rejected with 132016.
    Disabled,
}

/// A template of the account. The JSON form is part of the control API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedTemplate {
    pub name: String,
    /// The language code of the template, such as `en_GB`.
    pub language: String,
    /// The pricing category of the template.
    #[serde(default = "default_category")]
    pub category: String,
    #[serde(default)]
    pub status: ApprovalStatus,
    #[serde(default)]
    pub header: TemplateHeader,
    /// The number of parameters of the template's body.
    #[serde(default)]
    pub body: usize,
    /// The text of the template's body; by default a sentence with its parameters.
    #[serde(default)]
    pub text: Option<String>,
    /// The names of the body's parameters, if they are named.
    #[serde(default)]
    pub names: Vec<String>,
    /// The number of buttons whose URL has a required parameter at its end.
    #[serde(default)]
    pub url_buttons: usize,
}

fn default_category() -> String {
    "utility".to_owned()
}

impl SimulatedTemplate {
    /// Creates an approved template whose body has `body` parameters.
    pub fn new(name: &str, language: &str, body: usize) -> Self {
        Self {
            name: name.to_owned(),
            language: language.to_owned(),
            category: default_category(),
            status: ApprovalStatus::Approved,
            header: TemplateHeader::None,
            body,
            text: None,
            names: Vec::new(),
            url_buttons: 0,
        }
    }
}

impl SimulatedTemplate {
    /// The template as an element of the list of the account's templates.
    fn list_element(&self, index: usize) -> Value {
        let placeholders = (1..=self.body).map(|n| self.names.get(n - 1).cloned().unwrap_or_else(|| n.to_string()));
        let placeholders: Vec<String> = placeholders.map(|name| format!("{{{{{name}}}}}")).collect();
        let text = self.text.clone().unwrap_or_else(|| {
            let title = self.name.replace('_', " ");
            if placeholders.is_empty() { format!("{title}.") } else { format!("{title}: {}.", placeholders.join(", ")) }
        });
        let header = match self.header {
            TemplateHeader::None => None,
            TemplateHeader::Text => Some(json!({ "type": "HEADER", "format": "TEXT", "text": "Hello {{1}}" })),
            TemplateHeader::Image => Some(json!({ "type": "HEADER", "format": "IMAGE" })),
            TemplateHeader::Video => Some(json!({ "type": "HEADER", "format": "VIDEO" })),
            TemplateHeader::Document => Some(json!({ "type": "HEADER", "format": "DOCUMENT" })),
        };
        let url = json!({ "type": "URL", "text": "Open", "url": "https://example.com/{{1}}" });
        let buttons = vec![url; self.url_buttons];
        let buttons = (!buttons.is_empty()).then(|| json!({ "type": "BUTTONS", "buttons": buttons }));
        let body = Some(json!({ "type": "BODY", "text": text }));
        let components: Vec<Value> = [header, body, buttons].into_iter().flatten().collect();
        json!({
            "name": self.name,
            "language": self.language,
            "status": json!(self.status).as_str().unwrap_or_default().to_uppercase(),
            "category": self.category.to_uppercase(),
            "parameter_format": if self.names.is_empty() { "POSITIONAL" } else { "NAMED" },
            "components": components,
            "id": (700_000_000_000_000 + index).to_string(),
        })
    }
}

/// The query of a call that lists templates.
#[derive(Debug, Deserialize)]
pub(crate) struct TemplatePageQuery {
    /// Templates on a page, at most 100.
    limit: Option<usize>,
    /// The cursor of the page before.
    after: Option<String>,
}

pub(crate) struct TemplateStore(Vec<SimulatedTemplate>);

impl TemplateStore {
    pub(crate) fn new(templates: &[SimulatedTemplate]) -> Self {
        Self(templates.iter().take(MAX_TEMPLATES).cloned().collect())
    }

    /// Adds a template, or replaces the one with the same name and language. Fails with a sentence if there are too
    /// many.
    pub(crate) fn add_or_replace(&mut self, template: SimulatedTemplate) -> Result<(), String> {
        self.0.retain(|it| (&it.name, &it.language) != (&template.name, &template.language));
        if self.0.len() >= MAX_TEMPLATES {
            return Err(format!("there are {MAX_TEMPLATES} templates already"));
        }
        self.0.push(template);
        Ok(())
    }

    pub(crate) fn all(&self) -> &[SimulatedTemplate] {
        &self.0
    }

    /// Removes a template. Returns `false` if there is none with this name and language.
    pub(crate) fn remove(&mut self, name: &str, language: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|it| (it.name.as_str(), it.language.as_str()) != (name, language));
        self.0.len() < before
    }

    /// Returns a page of the account's templates, as the Graph API lists them. `url` is that of the list.
    pub(crate) fn page(&self, query: &TemplatePageQuery, url: &str) -> GraphResult<Value> {
        let after = query.after.as_deref().map(str::parse::<usize>).transpose();
        let start = after.map_err(|_| GraphError::parameter("The cursor after is invalid."))?.unwrap_or(0);
        let limit = query.limit.unwrap_or(DEFAULT_PAGE_SIZE).clamp(1, MAX_PAGE_SIZE);
        let page = self.0.iter().enumerate().skip(start).take(limit);
        let data: Vec<Value> = page.map(|(index, template)| template.list_element(index)).collect();
        let end = start + data.len();
        let mut paging = json!({ "cursors": { "before": start.to_string(), "after": end.to_string() } });
        if end < self.0.len() {
            paging["next"] = format!("{url}?limit={limit}&after={end}").into();
        }
        Ok(json!({ "data": data, "paging": paging }))
    }

    /// Returns the template that a send names. Fails unless the parameters of the send match the template.
    pub(crate) fn find_for_send(&self, send: &Map<String, Value>) -> GraphResult<&SimulatedTemplate> {
        let name = text(send, "template.name", "name", 512)?.ok_or_else(|| GraphError::missing("template.name"))?;
        let language = send.get("language").ok_or_else(|| GraphError::missing("template.language"))?;
        let code = text(object(language, "template.language")?, "template.language.code", "code", 20)?
            .ok_or_else(|| GraphError::missing("template.language.code"))?;
        let template = self.0.iter().find(|it| it.name == name && it.language == code);
        let template = template
            .ok_or_else(|| GraphError::new(132001, format!("template name ({name}) does not exist in {code}")))?;
        match template.status {
            ApprovalStatus::Approved => {}
            ApprovalStatus::Paused => return Err(GraphError::new(132015, "The template is paused.")),
            ApprovalStatus::Disabled => return Err(GraphError::new(132016, "The template is disabled.")),
        }
        let none = Vec::new();
        let components = list(send, "template.components", "components")?.unwrap_or(&none);
        check_components(template, components)?;
        Ok(template)
    }
}

fn check_components(template: &SimulatedTemplate, components: &[Value]) -> GraphResult<()> {
    let (mut has_header, mut body_parameters, mut url_parameters) = (false, 0, 0);
    for component in components {
        let component = object(component, "template.components[]")?;
        let none = Vec::new();
        let parameters = list(component, "template.components[].parameters", "parameters")?.unwrap_or(&none);
        let kind = text(component, "template.components[].type", "type", 20)?.unwrap_or_default();
        match kind.to_ascii_lowercase().as_str() {
            "header" => has_header = check_header(template.header, parameters)?,
            "body" => body_parameters = check_body(template, parameters)?,
            "button" if component.get("sub_type").and_then(Value::as_str) == Some("url") => {
                url_parameters += check_url_button(parameters)?;
            }
            "button" => check_quick_reply(component, parameters)?,
            other => return Err(GraphError::parameter(format!("Unknown component type {other:?}."))),
        }
    }
    if has_header != (template.header != TemplateHeader::None) {
        return Err(GraphError::new(132012, "header: the parameters do not match the template's format"));
    }
    let check_count = |part, given: usize, expected: usize| {
        let details = format!(
            "{part}: number of localizable_params ({given}) does not match the expected number of params ({expected})"
        );
        if given == expected { Ok(()) } else { Err(GraphError::new(132000, details)) }
    };
    check_count("body", body_parameters, template.body)?;
    check_count("buttons", url_parameters, template.url_buttons)
}

/// Validates the parameters of the template's header. Returns `true` if the header has its parameter.
fn check_header(header: TemplateHeader, parameters: &[Value]) -> GraphResult<bool> {
    let expected = match header {
        TemplateHeader::None if parameters.is_empty() => return Ok(false),
        TemplateHeader::None => {
            return Err(GraphError::new(132000, "header: number of parameters (1) does not match (0)"));
        }
        TemplateHeader::Text => "text",
        TemplateHeader::Image => "image",
        TemplateHeader::Video => "video",
        TemplateHeader::Document => "document",
    };
    let [parameter] = parameters else {
        return Err(GraphError::new(132000, "header: number of parameters does not match the expected number (1)"));
    };
    let parameter = object(parameter, "template.components[].parameters[]")?;
    if parameter.get("type").and_then(Value::as_str) != Some(expected) || !parameter.contains_key(expected) {
        return Err(GraphError::new(132012, format!("header: Format mismatch, expected {expected}")));
    }
    Ok(true)
}

/// Validates the parameters of the template's body, and returns their number.
fn check_body(template: &SimulatedTemplate, parameters: &[Value]) -> GraphResult<usize> {
    for parameter in parameters {
        let parameter = object(parameter, "template.components[].parameters[]")?;
        match parameter.get("type").and_then(Value::as_str) {
            Some("text") => {
                let given = text(parameter, "template.components[].parameters[].text", "text", 1024)?;
                if given.is_none_or(str::is_empty) {
                    return Err(GraphError::missing("template.components[].parameters[].text"));
                }
            }
            Some("currency" | "date_time") => {}
            _ => return Err(GraphError::new(132012, "body: Format mismatch, expected text")),
        }
        let name = text(parameter, "template.components[].parameters[].parameter_name", "parameter_name", 100)?;
        match name {
            None if template.names.is_empty() => {}
            Some(name) if template.names.iter().any(|it| it == name) => {}
            _ => return Err(GraphError::parameter("Parameter name is missing or does not match the template.")),
        }
    }
    Ok(parameters.len())
}

/// Validates the parameters of a URL button, and returns their number.
fn check_url_button(parameters: &[Value]) -> GraphResult<usize> {
    match parameters {
        [parameter] if parameter["type"] == "text" && parameter["text"].is_string() => Ok(1),
        _ => Err(GraphError::new(132012, "button: a URL takes one text parameter")),
    }
}

fn check_quick_reply(button: &Map<String, Value>, parameters: &[Value]) -> GraphResult<()> {
    if button.get("sub_type").and_then(Value::as_str) != Some("quick_reply") {
        return Err(GraphError::parameter("Unknown sub_type of a button."));
    }
    match parameters {
        [] => Ok(()),
        [parameter] if parameter["type"] == "payload" && parameter["payload"].is_string() => Ok(()),
        _ => Err(GraphError::new(132012, "button: a quick reply takes one payload")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(template: &SimulatedTemplate, components: Value) -> Option<i64> {
        let send = json!({ "name": "t", "language": { "code": "en" }, "components": components });
        let templates = TemplateStore::new(std::slice::from_ref(template));
        templates.find_for_send(send.as_object().unwrap()).err().map(|error| error.code)
    }

    #[test]
    fn parameters_must_match_the_template() {
        let text = |it: &str| json!({ "type": "text", "text": it });
        let body = |parameters: Vec<Value>| json!({ "type": "body", "parameters": parameters });
        let mut template = SimulatedTemplate { header: TemplateHeader::Image, ..SimulatedTemplate::new("t", "en", 2) };
        let header = json!({ "type": "header", "parameters": [{ "type": "image", "image": { "id": "1" } }] });
        assert_eq!(code(&template, json!([header, body(vec![text("Ada"), text("12")])])), None);
        assert_eq!(code(&template, json!([header, body(vec![text("Ada")])])), Some(132000));
        assert_eq!(code(&template, json!([body(vec![text("Ada"), text("12")])])), Some(132012));
        template.header = TemplateHeader::None;
        assert_eq!(code(&template, json!([header, body(vec![text("Ada"), text("12")])])), Some(132000));
        assert_eq!(code(&template, json!([body(vec![text("Ada"), json!({ "type": "image" })])])), Some(132012));
        template.status = ApprovalStatus::Paused;
        assert_eq!(code(&template, json!([])), Some(132015));
        template.language = "de".to_owned();
        assert_eq!(code(&template, json!([])), Some(132001));
    }

    #[test]
    fn templates_are_listed_in_pages() {
        let names = ["a", "b", "c"];
        let mut all = names.map(|name| SimulatedTemplate::new(name, "en", 1));
        all[1].names = vec!["guest".to_owned()];
        let store = TemplateStore::new(&all);
        let page = |after: Option<&str>| {
            let query = TemplatePageQuery { limit: Some(2), after: after.map(str::to_owned) };
            store.page(&query, "http://localhost/v25.0/1/message_templates").unwrap()
        };
        let first = page(None);
        assert_eq!(first["data"][0]["components"][0]["text"], "a: {{1}}.");
        assert_eq!(
            (&first["data"][1]["parameter_format"], first["data"].as_array().unwrap().len()),
            (&json!("NAMED"), 2)
        );
        assert_eq!(first["paging"]["next"], "http://localhost/v25.0/1/message_templates?limit=2&after=2");
        let last = page(first["paging"]["cursors"]["after"].as_str());
        assert_eq!((&last["data"][0]["name"], last["paging"].get("next")), (&json!("c"), None));
    }
}
