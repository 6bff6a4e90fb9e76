//! The templates of a WhatsApp Business Account, as the Cloud API lists them.

use serde_json::Value;

use crate::{
    client::CloudApiClient,
    json::JsonObject,
    json_fields::JsonFields,
    response::{CallError, NoResponse},
};

const FIELDS: &str = "name,language,status,parameter_format,components";
const PAGE_SIZE: &str = "100";
/// An account has at most 6,000 templates. A longer list is no list of Meta.
const MAX_PAGES: usize = 100;

/// A template of a WhatsApp Business Account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountTemplate {
    pub name: String,
    /// The language code of the template, such as `en_GB`.
    pub language: String,
    /// Whether Meta has approved the template and not paused it.
    pub is_approved: bool,
    /// Whether the values of the placeholders are passed by name.
    pub is_named: bool,
    /// The text with placeholders such as `{{1}}` or `{{guest_name}}`; `None` if the template cannot be sent with values
    /// for its text alone: its header or a button needs one too, or it has a picture or no text.
    pub body: Option<TemplateText>,
}

/// The text of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateText {
    /// The body alone.
    pub body: String,
    /// Header, body and footer, as the guest sees them.
    pub whole: String,
}

impl CloudApiClient {
    /// Returns all templates of a WhatsApp Business Account, of every status.
    pub async fn list_templates(&self, account_id: &str) -> Result<Vec<AccountTemplate>, CallError> {
        let (mut templates, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let mut url = self.url(&[account_id, "message_templates"])?;
            url.query_pairs_mut().append_pair("fields", FIELDS).append_pair("limit", PAGE_SIZE);
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let page = self.call(self.http().get(url).timeout(self.timeouts().response)).await?;
            let page = page.as_object().filter(|it| it.get("data").is_some_and(Value::is_array));
            let page = page.ok_or(NoResponse::InvalidResponse { status: 200 })?;
            templates.extend(page.objects("data").filter_map(parse_template));
            // The URL of the next page is not called: it could lead the token to another host.
            let paging = page.object("paging").filter(|it| it.text("next").is_some());
            after = paging.and_then(|it| it.object("cursors")?.text("after"));
            if after.is_none() {
                return Ok(templates);
            }
        }
        Err(NoResponse::InvalidResponse { status: 200 }.into())
    }
}

fn parse_template(template: &JsonObject) -> Option<AccountTemplate> {
    let is = |name, value: &str| template.text(name).is_some_and(|it| it.eq_ignore_ascii_case(value));
    Some(AccountTemplate {
        name: template.text("name")?,
        language: template.text("language")?,
        is_approved: is("status", "APPROVED"),
        is_named: is("parameter_format", "NAMED"),
        body: parse_text(template),
    })
}

fn parse_text(template: &JsonObject) -> Option<TemplateText> {
    let (mut header, mut body, mut footer) = (None, None, None);
    for component in template.objects("components") {
        match component.text("type").unwrap_or_default().to_ascii_uppercase().as_str() {
            "HEADER" if component.text("format").is_some_and(|it| !it.eq_ignore_ascii_case("TEXT")) => return None,
            "HEADER" => header = component.text("text"),
            "BODY" => body = component.text("text"),
            "FOOTER" => footer = component.text("text"),
            "BUTTONS" if component.objects("buttons").any(needs_value) => return None,
            _ => {}
        }
    }
    if header.as_ref().is_some_and(|it| it.contains("{{")) {
        return None;
    }
    let body = body?;
    let whole = [header, Some(body.clone()), footer].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    Some(TemplateText { body, whole })
}

/// Whether a button needs a value when the template is sent.
fn needs_value(button: &JsonObject) -> bool {
    let kind = button.text("type").unwrap_or_default().to_ascii_uppercase();
    let is_plain = matches!(kind.as_str(), "QUICK_REPLY" | "URL" | "PHONE_NUMBER" | "VOICE_CALL");
    !is_plain || button.text("url").is_some_and(|it| it.contains("{{"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(template: &Value) -> Option<AccountTemplate> {
        parse_template(template.as_object().unwrap())
    }

    #[test]
    fn header_body_and_footer_are_the_text() {
        let template = json!({
            "name": "pre_arrival", "language": "en_GB", "status": "APPROVED", "id": "1",
            "components": [
                {"type": "HEADER", "format": "TEXT", "text": "Welcome"},
                {"type": "BODY", "text": "Dear {{1}}, room {{2}}.", "example": {"body_text": [["Ada", "12"]]}},
                {"type": "FOOTER", "text": "Seaside Hotel"},
                {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Thanks"}, {"type": "URL", "url": "https://example.com/"}]}
            ]
        });
        let parsed = parsed(&template).unwrap();
        assert_eq!((parsed.name.as_str(), parsed.language.as_str()), ("pre_arrival", "en_GB"));
        assert!(parsed.is_approved && !parsed.is_named);
        let text = parsed.body.unwrap();
        assert_eq!(text.body, "Dear {{1}}, room {{2}}.");
        assert_eq!(text.whole, "Welcome\n\nDear {{1}}, room {{2}}.\n\nSeaside Hotel");
    }

    #[test]
    fn a_template_that_needs_other_values_has_no_text() {
        let with = |component: Value| {
            json!({
                "name": "n", "language": "en", "status": "paused", "parameter_format": "named",
                "components": [{"type": "body", "text": "Hello {{guest_name}}"}, component]
            })
        };
        let plain = parsed(&with(json!({"type": "FUTURE"}))).unwrap();
        assert!(!plain.is_approved && plain.is_named && plain.body.is_some());
        for component in [
            json!({"type": "HEADER", "format": "IMAGE"}),
            json!({"type": "HEADER", "format": "TEXT", "text": "Hello {{1}}"}),
            json!({"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://example.com/{{1}}"}]}),
            json!({"type": "BUTTONS", "buttons": [{"type": "COPY_CODE"}]}),
        ] {
            assert_eq!(parsed(&with(component.clone())).unwrap().body, None, "{component}");
        }
        assert_eq!(parsed(&json!({"name": "n", "language": "en"})).unwrap().body, None);
        assert_eq!(parsed(&json!({"name": "n"})), None);
    }
}
