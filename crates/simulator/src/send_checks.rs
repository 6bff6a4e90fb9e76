//! Validates the body of a send: form and limits of every message type.

use serde_json::{Map, Value};

use crate::{
    graph_error::GraphError,
    guests::is_user_id,
    interactive_checks::check_interactive,
    json_fields::{GraphResult, object, reject_unknown_keys, text},
};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SendRecipient<'a> {
    /// The recipient's phone number, as written in the request.
    Phone(&'a str),
    /// The recipient's business-scoped user id.
    UserId(&'a str),
}

/// The objects that a send refers to by id. The caller checks that they exist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SendReferences<'a> {
    /// The media id of the file in the send, and the message type.
    pub(crate) media: Option<(&'a str, &'a str)>,
    /// The WhatsApp message id of the message that a reaction is for.
    pub(crate) reaction_target: Option<&'a str>,
}

const MAX_CALLBACK_CHARS: usize = 512;
const MAX_TEXT_CHARS: usize = 4096;
const MAX_CAPTION_CHARS: usize = 1024;

/// Returns the recipient of a send. If phone number and user id are present, the phone number counts.
pub(crate) fn parse_recipient(send: &Map<String, Value>) -> GraphResult<SendRecipient<'_>> {
    if let Some(to) = text(send, "to", "to", 64)? {
        let digits = to.chars().filter(char::is_ascii_digit).count();
        if to.chars().all(|it| it.is_ascii_digit() || "+-() ".contains(it)) && (7..=15).contains(&digits) {
            return Ok(SendRecipient::Phone(to));
        }
        return Err(GraphError::value("to is not a valid phone number"));
    }
    match text(send, "recipient", "recipient", 200)? {
        Some(id) if is_user_id(id) => Ok(SendRecipient::UserId(id)),
        Some(_) => Err(GraphError::value("recipient is not a valid user id")),
        None => Err(GraphError::missing("to")),
    }
}

/// Validates the body of a send, except the parameters of a template.
pub(crate) fn check_send(send: &Map<String, Value>) -> GraphResult<SendReferences<'_>> {
    if send.get("recipient_type").is_some_and(|it| it != "individual") {
        return Err(GraphError::parameter("recipient_type must be individual"));
    }
    text(send, "biz_opaque_callback_data", "biz_opaque_callback_data", MAX_CALLBACK_CHARS)?;
    if let Some(context) = send.get("context") {
        let context = object(context, "context")?;
        text(context, "context.message_id", "message_id", 512)?
            .ok_or_else(|| GraphError::missing("context.message_id"))?;
    }
    let kind = text(send, "type", "type", 40)?.unwrap_or("text");
    let types = [
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
    if !types.contains(&kind) {
        return Err(GraphError::parameter(format!("Param type must be one of {types:?}")));
    }
    let body = send.get(kind).ok_or_else(|| GraphError::missing(kind))?;
    if kind == "contacts" {
        return check_contacts(body).map(|()| SendReferences::default());
    }
    let content = object(body, kind)?;
    let mut references = SendReferences::default();
    match kind {
        "text" => check_text(content)?,
        "template" => reject_unknown_keys(content, kind, &["name", "language", "components", "namespace"])?,
        "interactive" => check_interactive(content)?,
        "location" => check_location(content)?,
        "reaction" => references.reaction_target = Some(check_reaction(content)?),
        _ => references.media = check_media(content, kind)?.map(|id| (id, kind)),
    }
    Ok(references)
}

fn check_text(content: &Map<String, Value>) -> GraphResult<()> {
    reject_unknown_keys(content, "text", &["body", "preview_url"])?;
    let body = text(content, "text.body", "body", MAX_TEXT_CHARS)?.ok_or_else(|| GraphError::missing("text.body"))?;
    if body.trim().is_empty() {
        return Err(GraphError::missing("text.body"));
    }
    match content.get("preview_url") {
        None | Some(Value::Bool(_)) => Ok(()),
        Some(_) => Err(GraphError::parameter("Param text['preview_url'] must be a boolean.")),
    }
}

/// Returns the media id of a file to send, or `None` if the file is given by a link.
fn check_media<'a>(media: &'a Map<String, Value>, kind: &str) -> GraphResult<Option<&'a str>> {
    let allowed: &[&str] = match kind {
        "document" => &["id", "link", "caption", "filename"],
        "image" | "video" => &["id", "link", "caption"],
        "audio" => &["id", "link", "voice"],
        _ => &["id", "link"],
    };
    reject_unknown_keys(media, kind, allowed)?;
    text(media, "caption", "caption", MAX_CAPTION_CHARS)?;
    text(media, "filename", "filename", 240)?;
    match (text(media, "id", "id", 128)?, text(media, "link", "link", 2048)?) {
        (Some(id), None) => Ok(Some(id)),
        (None, Some(link)) if link.starts_with("http://") || link.starts_with("https://") => Ok(None),
        (None, Some(_)) => Err(GraphError::value(format!("{kind}.link is not a valid URL"))),
        (Some(_), Some(_)) => Err(GraphError::parameter(format!("{kind} has either id or link"))),
        (None, None) => Err(GraphError::missing(&format!("{kind}.id"))),
    }
}

fn check_location(location: &Map<String, Value>) -> GraphResult<()> {
    reject_unknown_keys(location, "location", &["latitude", "longitude", "name", "address"])?;
    for (key, limit) in [("latitude", 90.0), ("longitude", 180.0)] {
        let value = location.get(key).ok_or_else(|| GraphError::missing(key))?;
        let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        if number.is_none_or(|it: f64| it.abs() > limit) {
            return Err(GraphError::value(format!("location.{key} is not valid")));
        }
    }
    Ok(())
}

fn check_reaction(reaction: &Map<String, Value>) -> GraphResult<&str> {
    reject_unknown_keys(reaction, "reaction", &["message_id", "emoji"])?;
    text(reaction, "reaction.emoji", "emoji", 32)?.ok_or_else(|| GraphError::missing("reaction.emoji"))?;
    text(reaction, "reaction.message_id", "message_id", 512)?.ok_or_else(|| GraphError::missing("reaction.message_id"))
}

fn check_contacts(body: &Value) -> GraphResult<()> {
    // The Graph API takes a list as JSON in a string too.
    let written = body.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(cards) = written.as_ref().unwrap_or(body).as_array().filter(|cards| (1..=257).contains(&cards.len()))
    else {
        return Err(GraphError::parameter("Param contacts must be a list of 1 to 257."));
    };
    for card in cards {
        let name = object(card, "contacts[]")?.get("name").ok_or_else(|| GraphError::missing("contacts[].name"))?;
        let name = object(name, "contacts[].name")?;
        text(name, "contacts[].name.formatted_name", "formatted_name", 256)?
            .ok_or_else(|| GraphError::missing("contacts[].name.formatted_name"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns the error code for a send, or `None` if the send is valid.
    fn code(mut send: Value) -> Option<i64> {
        send["to"] = json!("+447700900123");
        check_send(send.as_object().unwrap()).err().map(|error| error.code)
    }

    #[test]
    fn valid_sends_are_accepted() {
        for send in [
            json!({ "text": { "body": "x".repeat(4096), "preview_url": true } }),
            json!({ "type": "image", "image": { "id": "1", "caption": "ä".repeat(1024) } }),
            json!({ "type": "document", "document": { "link": "https://example.com/a.pdf", "filename": "a.pdf" } }),
            json!({ "type": "audio", "audio": { "id": "1", "voice": true } }),
            json!({ "type": "location", "location": { "latitude": 51.5, "longitude": "-0.1" } }),
            json!({ "type": "contacts", "contacts": [{ "name": { "formatted_name": "Ben" } }] }),
            json!({ "type": "contacts", "contacts": r#"[{"name":{"formatted_name":"Ben"}}]"# }),
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.A", "emoji": "" } }),
            json!({ "type": "text", "text": { "body": "x" }, "context": { "message_id": "wamid.A" } }),
        ] {
            assert_eq!(code(send.clone()), None, "{send}");
        }
    }

    #[test]
    fn invalid_sends_are_rejected() {
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
    fn the_recipient_is_a_phone_number_or_a_user_id() {
        let parse =
            |send: Value| parse_recipient(send.as_object().unwrap()).map(|it| format!("{it:?}")).map_err(|it| it.code);
        let both = json!({ "to": "+44 (7700) 900-123", "recipient": "GB.7" });
        assert_eq!(parse(both), Ok(r#"Phone("+44 (7700) 900-123")"#.to_owned()));
        assert_eq!(parse(json!({ "recipient": "GB.7" })), Ok(r#"UserId("GB.7")"#.to_owned()));
        for invalid in [json!({ "to": "ada" }), json!({ "to": "123" }), json!({ "recipient": "7" })] {
            assert_eq!(parse(invalid), Err(131009));
        }
        assert_eq!(parse(json!({})), Err(131008));
    }
}
