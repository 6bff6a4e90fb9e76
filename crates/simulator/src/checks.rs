//! Whether what is to be sent has the right form, and keeps the limits of its type.

use serde_json::{Map, Value};

use crate::{errors::ApiError, guests::is_user_id, interactive};

/// An answer, or the error that is one.
pub(crate) type Checked<T> = Result<T, ApiError>;

/// To whom a send goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recipient<'a> {
    /// A number, as it was given.
    Phone(&'a str),
    /// A business-scoped user id.
    UserId(&'a str),
}

/// What a send names that must be there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    /// The uploaded file, and as what it is sent.
    pub(crate) media: Option<(&'a str, &'a str)>,
    /// The message that is reacted to.
    pub(crate) reacted: Option<&'a str>,
}

const MOST_CALLBACK_DATA: usize = 512;
const MOST_TEXT: usize = 4096;
const MOST_CAPTION: usize = 1024;

/// To whom it goes; a number comes first where both are given.
pub(crate) fn recipient(send: &Map<String, Value>) -> Checked<Recipient<'_>> {
    if let Some(to) = text(send, "to", "to", 64)? {
        let digits = to.chars().filter(char::is_ascii_digit).count();
        if to.chars().all(|it| it.is_ascii_digit() || "+-() ".contains(it)) && (7..=15).contains(&digits) {
            return Ok(Recipient::Phone(to));
        }
        return Err(ApiError::value("to is not a valid phone number"));
    }
    match text(send, "recipient", "recipient", 200)? {
        Some(id) if is_user_id(id) => Ok(Recipient::UserId(id)),
        Some(_) => Err(ApiError::value("recipient is not a valid user id")),
        None => Err(ApiError::missing("to")),
    }
}

/// Checks all but the parameters of a template.
pub(crate) fn check(send: &Map<String, Value>) -> Checked<Named<'_>> {
    if send.get("recipient_type").is_some_and(|it| it != "individual") {
        return Err(ApiError::parameter("recipient_type must be individual"));
    }
    text(send, "biz_opaque_callback_data", "biz_opaque_callback_data", MOST_CALLBACK_DATA)?;
    if let Some(context) = send.get("context") {
        let context = object(context, "context")?;
        text(context, "context.message_id", "message_id", 512)?
            .ok_or_else(|| ApiError::missing("context.message_id"))?;
    }
    let kind = text(send, "type", "type", 40)?.unwrap_or("text");
    let known = [
        "text",
        "image",
        "video",
        "audio",
        "document",
        "sticker",
        "template",
        "interactive",
        "location",
        "contacts",
        "reaction",
    ];
    if !known.contains(&kind) {
        return Err(ApiError::parameter(format!("Param type must be one of {known:?}")));
    }
    let body = send.get(kind).ok_or_else(|| ApiError::missing(kind))?;
    if kind == "contacts" {
        return contacts(body).map(|()| Named::default());
    }
    let it = object(body, kind)?;
    let mut named = Named::default();
    match kind {
        "text" => check_text(it)?,
        "template" => only(it, kind, &["name", "language", "components", "namespace"])?,
        "interactive" => interactive::check(it)?,
        "location" => location(it)?,
        "reaction" => named.reacted = Some(reaction(it)?),
        _ => named.media = media(it, kind)?.map(|id| (id, kind)),
    }
    Ok(named)
}

fn check_text(it: &Map<String, Value>) -> Checked<()> {
    only(it, "text", &["body", "preview_url"])?;
    let body = text(it, "text.body", "body", MOST_TEXT)?.ok_or_else(|| ApiError::missing("text.body"))?;
    if body.trim().is_empty() {
        return Err(ApiError::missing("text.body"));
    }
    match it.get("preview_url") {
        None | Some(Value::Bool(_)) => Ok(()),
        Some(_) => Err(ApiError::parameter("Param text['preview_url'] must be a boolean.")),
    }
}

/// The uploaded file that it names, if it does not name an address.
fn media<'a>(it: &'a Map<String, Value>, kind: &str) -> Checked<Option<&'a str>> {
    let allowed: &[&str] = match kind {
        "document" => &["id", "link", "caption", "filename"],
        "image" | "video" => &["id", "link", "caption"],
        "audio" => &["id", "link", "voice"],
        _ => &["id", "link"],
    };
    only(it, kind, allowed)?;
    text(it, "caption", "caption", MOST_CAPTION)?;
    text(it, "filename", "filename", 240)?;
    match (text(it, "id", "id", 128)?, text(it, "link", "link", 2048)?) {
        (Some(id), None) => Ok(Some(id)),
        (None, Some(link)) if link.starts_with("http://") || link.starts_with("https://") => Ok(None),
        (None, Some(_)) => Err(ApiError::value(format!("{kind}.link is not a valid URL"))),
        (Some(_), Some(_)) => Err(ApiError::parameter(format!("{kind} has either id or link"))),
        (None, None) => Err(ApiError::missing(&format!("{kind}.id"))),
    }
}

fn location(it: &Map<String, Value>) -> Checked<()> {
    only(it, "location", &["latitude", "longitude", "name", "address"])?;
    for (key, most) in [("latitude", 90.0), ("longitude", 180.0)] {
        let given = it.get(key).ok_or_else(|| ApiError::missing(key))?;
        let number = given.as_f64().or_else(|| given.as_str().and_then(|text| text.parse().ok()));
        if number.is_none_or(|it: f64| it.abs() > most) {
            return Err(ApiError::value(format!("location.{key} is not valid")));
        }
    }
    Ok(())
}

fn reaction(it: &Map<String, Value>) -> Checked<&str> {
    only(it, "reaction", &["message_id", "emoji"])?;
    text(it, "reaction.emoji", "emoji", 32)?.ok_or_else(|| ApiError::missing("reaction.emoji"))?;
    text(it, "reaction.message_id", "message_id", 512)?.ok_or_else(|| ApiError::missing("reaction.message_id"))
}

fn contacts(body: &Value) -> Checked<()> {
    let Some(cards) = body.as_array().filter(|cards| (1..=257).contains(&cards.len())) else {
        return Err(ApiError::parameter("Param contacts must be a list of 1 to 257."));
    };
    for card in cards {
        let name = object(card, "contacts[]")?.get("name").ok_or_else(|| ApiError::missing("contacts[].name"))?;
        let name = object(name, "contacts[].name")?;
        text(name, "contacts[].name.formatted_name", "formatted_name", 256)?
            .ok_or_else(|| ApiError::missing("contacts[].name.formatted_name"))?;
    }
    Ok(())
}

/// An object.
pub(crate) fn object<'a>(value: &'a Value, name: &str) -> Checked<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| ApiError::parameter(format!("Param {name} must be a JSON object.")))
}

/// A list, if there is one.
pub(crate) fn list<'a>(it: &'a Map<String, Value>, name: &str, key: &str) -> Checked<Option<&'a Vec<Value>>> {
    match it.get(key) {
        None => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list)),
        Some(_) => Err(ApiError::parameter(format!("Param {name} must be an array."))),
    }
}

/// A text of so many characters at most, if there is one.
pub(crate) fn text<'a>(it: &'a Map<String, Value>, name: &str, key: &str, most: usize) -> Checked<Option<&'a str>> {
    match it.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= most => Ok(Some(text)),
        Some(Value::String(_)) => {
            Err(ApiError::parameter(format!("Param {name} must be at most {most} characters long.")))
        }
        Some(_) => Err(ApiError::parameter(format!("Param {name} must be a string."))),
    }
}

/// Refuses keys that nobody knows, as the Graph API does.
pub(crate) fn only(it: &Map<String, Value>, name: &str, allowed: &[&str]) -> Checked<()> {
    match it.keys().find(|key| !allowed.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(ApiError::parameter(format!("Unexpected key \"{key}\" on param \"{name}\"."))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The code with which a send is refused.
    fn code(mut send: Value) -> Option<i64> {
        send["to"] = json!("+447700900123");
        check(send.as_object().unwrap()).err().map(|error| error.code)
    }

    #[test]
    fn what_has_the_right_form_is_taken() {
        for send in [
            json!({ "text": { "body": "x".repeat(4096), "preview_url": true } }),
            json!({ "type": "image", "image": { "id": "1", "caption": "ä".repeat(1024) } }),
            json!({ "type": "document", "document": { "link": "https://example.com/a.pdf", "filename": "a.pdf" } }),
            json!({ "type": "audio", "audio": { "id": "1", "voice": true } }),
            json!({ "type": "location", "location": { "latitude": 51.5, "longitude": "-0.1" } }),
            json!({ "type": "contacts", "contacts": [{ "name": { "formatted_name": "Ben" } }] }),
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.A", "emoji": "" } }),
            json!({ "type": "text", "text": { "body": "x" }, "context": { "message_id": "wamid.A" } }),
        ] {
            assert_eq!(code(send.clone()), None, "{send}");
        }
    }

    #[test]
    fn limits_and_forms_are_kept() {
        for (send, expected) in [
            (json!({ "text": { "body": "x".repeat(4097) } }), 100),
            (json!({ "text": { "body": " " } }), 131008),
            (json!({ "text": { "text": "x" } }), 100),
            (json!({ "type": "text" }), 131008),
            (json!({ "type": "song", "song": {} }), 100),
            (json!({ "type": "image", "image": {} }), 131008),
            (json!({ "type": "image", "image": { "id": "1", "link": "https://x" } }), 100),
            (json!({ "type": "image", "image": { "id": "1", "caption": "x".repeat(1025) } }), 100),
            (json!({ "type": "audio", "audio": { "id": "1", "caption": "x" } }), 100),
            (json!({ "type": "sticker", "sticker": { "link": "file:///x" } }), 131009),
            (json!({ "type": "location", "location": { "latitude": 91, "longitude": 0 } }), 131009),
            (json!({ "text": { "body": "x" }, "biz_opaque_callback_data": "x".repeat(513) }), 100),
            (json!({ "text": { "body": "x" }, "recipient_type": "group" }), 100),
            (json!({ "text": { "body": "x" }, "context": {} }), 131008),
        ] {
            assert_eq!(code(send.clone()), Some(expected), "{send}");
        }
    }

    #[test]
    fn it_goes_to_a_number_or_to_a_user_id() {
        let of = |send: Value| recipient(send.as_object().unwrap()).map(|it| format!("{it:?}")).map_err(|it| it.code);
        let both = json!({ "to": "+44 (7700) 900-123", "recipient": "GB.7" });
        assert_eq!(of(both), Ok(r#"Phone("+44 (7700) 900-123")"#.to_owned()));
        assert_eq!(of(json!({ "recipient": "GB.7" })), Ok(r#"UserId("GB.7")"#.to_owned()));
        for wrong in [json!({ "to": "ada" }), json!({ "to": "123" }), json!({ "recipient": "7" })] {
            assert_eq!(of(wrong), Err(131009));
        }
        assert_eq!(of(json!({})), Err(131008));
    }
}
