//! Messages to guests, and their JSON for the Cloud API.

use domain::{GuestIdentity, PhoneNumber};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::content::MediaKind;
use crate::text::truncate;

/// Meta's limit for the body of a text message, in characters.
const MAX_TEXT_CHARS: usize = 4096;
/// Meta's limit for the body of lists and buttons, for captions, and for template parameters, in characters.
pub const MAX_BODY_CHARS: usize = 1024;
const MAX_CALLBACK_CHARS: usize = 512;
const MAX_LIST_BUTTON_CHARS: usize = 20;
const MAX_ROW_ID_CHARS: usize = 200;
const MAX_ROW_TITLE_CHARS: usize = 24;
const MAX_ROW_DESCRIPTION_CHARS: usize = 72;
const MAX_BUTTON_ID_CHARS: usize = 256;
const MAX_BUTTON_TITLE_CHARS: usize = 20;
const MAX_ROWS: usize = 10;
const MAX_BUTTONS: usize = 3;

/// A message to a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The recipient: the WhatsApp id if present, else the phone number, else the business-scoped id. Replies must use
    /// the WhatsApp id that the guest wrote from, because its digits may differ from the phone number.
    pub to: GuestIdentity,
    /// The callback id, which receipts repeat. It must be opaque, because all subscribers of the account see it.
    pub callback: String,
    /// The WhatsApp message id of the message that this one replies to.
    pub quotes: Option<String>,
    pub body: OutgoingBody,
}

/// The content of a message to a guest.
///
/// Texts that are too long are refused, because a truncated reply would mislead the guest. Only labels of choices are
/// truncated. The serialized form is stored in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutgoingBody {
    /// A text of at most 4,096 characters.
    Text(String),
    /// A template that Meta has approved.
    Template {
        name: String,
        /// The language code of the template, such as `en_GB`.
        language: String,
        /// The values of the placeholders in the template's body, in order; see [`normalize_template_value`].
        parameters: Vec<String>,
        /// The names of the parameters, of a template with named ones; else empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        names: Vec<String>,
    },
    /// A list of options. Sent as a text if there are no rows, or if the body has more than 1,024 characters: the text
    /// names the options, too.
    List {
        body: String,
        /// The label of the button that opens the list.
        button: String,
        /// The options of the list. Rows after the tenth are omitted.
        rows: Vec<ListRow>,
    },
    /// A text with reply buttons. Sent as a text alone if there are no buttons.
    Buttons {
        body: String,
        /// The reply buttons, whose titles must differ. Buttons after the third are omitted.
        buttons: Vec<ReplyButton>,
    },
    /// A reaction to a message of the guest.
    Reaction {
        /// The WhatsApp message id of the message that the reaction is for.
        message_id: String,
        /// The emoji; empty to withdraw the reaction.
        emoji: String,
    },
    /// A file that was uploaded to Meta.
    Media {
        kind: MediaKind,
        media_id: String,
        /// The caption of the file. A message with a caption is refused for audio and stickers, which can have none.
        caption: Option<String>,
        /// The file name that the guest sees. Sent only for documents.
        filename: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRow {
    /// The id of the list row, returned if the guest chooses the row. Unique within the list.
    pub id: String,
    pub title: String,
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyButton {
    /// The id of the reply button, returned if the guest chooses the button.
    pub id: String,
    pub title: String,
}

/// The reason why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidMessage(pub(crate) &'static str);

const TOO_LONG: InvalidMessage = InvalidMessage("a text that is longer than WhatsApp allows");
const NO_CAPTION: InvalidMessage = InvalidMessage("a caption for a file that cannot have one");

/// Returns a template parameter in the form that Meta accepts: white space becomes single spaces, and an empty value a
/// dash.
pub fn normalize_template_value(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "-".to_owned() } else { text }
}

impl OutgoingMessage {
    /// Returns the message as the JSON body of a request to the Cloud API.
    pub(crate) fn json(&self) -> Result<Value, InvalidMessage> {
        let (kind, body) = self.body.json()?;
        let mut json = json!({ "messaging_product": "whatsapp", "recipient_type": "individual", "type": kind });
        let (field, address) = self.address().ok_or(InvalidMessage("a message without recipient"))?;
        json[field] = address.into();
        json[kind] = body;
        if !self.callback.is_empty() {
            json["biz_opaque_callback_data"] = first_chars(&self.callback, MAX_CALLBACK_CHARS).into();
        }
        // WhatsApp shows no quote above a reaction or a template.
        let can_quote = !matches!(self.body, OutgoingBody::Reaction { .. } | OutgoingBody::Template { .. });
        if let Some(wamid) = self.quotes.as_ref().filter(|_| can_quote) {
            json["context"] = json!({ "message_id": wamid });
        }
        Ok(json)
    }

    /// Returns the JSON field for the recipient, and its value. A phone number always has its `+`: otherwise Meta adds
    /// the country code of the hotel.
    fn address(&self) -> Option<(&'static str, String)> {
        let wa_id = self.to.wa_id.as_ref().map(|it| format!("+{}", it.trim_start_matches('+')));
        let number = wa_id.or_else(|| self.to.phone.as_ref().map(PhoneNumber::to_string));
        number.map(|it| ("to", it)).or_else(|| self.to.bsuid.clone().map(|it| ("recipient", it)))
    }
}

impl OutgoingBody {
    /// Returns the content of the message as JSON, as stored in the outbox.
    pub fn to_stored_json(&self) -> String {
        match serde_json::to_string(self) {
            Ok(text) => text,
            // Serialization fails only for map keys that are not strings, and there are no maps.
            Err(error) => unreachable!("a body that cannot be serialized: {error}"),
        }
    }

    /// Parses the JSON of [`OutgoingBody::to_stored_json`] that was stored in the outbox.
    pub fn from_stored_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns Meta's name of the message type, and the JSON object with the content.
    fn json(&self) -> Result<(&'static str, Value), InvalidMessage> {
        Ok(match self {
            Self::Text(text) => ("text", text_json(text)?),
            Self::Template { name, language, parameters, names } => {
                ("template", template_json(name, language, parameters, names)?)
            }
            Self::List { body, rows, .. } if rows.is_empty() || check_length(body, MAX_BODY_CHARS).is_err() => {
                ("text", text_json(body)?)
            }
            Self::List { body, button, rows } => ("interactive", list_json(body, button, rows)?),
            Self::Buttons { body, buttons } if buttons.is_empty() => ("text", text_json(body)?),
            Self::Buttons { body, buttons } => ("interactive", buttons_json(body, buttons)?),
            Self::Reaction { message_id, emoji } => ("reaction", json!({ "message_id": message_id, "emoji": emoji })),
            Self::Media { kind, media_id, caption, filename } => {
                (kind.as_str(), media_json(*kind, media_id, caption.as_deref(), filename.as_deref())?)
            }
        })
    }
}

/// Returns the trimmed text, or fails if it has more than `max_chars` characters.
fn check_length(text: &str, max_chars: usize) -> Result<&str, InvalidMessage> {
    let text = text.trim();
    if text.chars().count() <= max_chars { Ok(text) } else { Err(TOO_LONG) }
}

fn text_json(text: &str) -> Result<Value, InvalidMessage> {
    Ok(json!({ "preview_url": false, "body": check_length(text, MAX_TEXT_CHARS)? }))
}

fn template_json(name: &str, language: &str, parameters: &[String], names: &[String]) -> Result<Value, InvalidMessage> {
    let mut template = json!({ "name": name, "language": { "code": language } });
    if !parameters.is_empty() {
        let parameter = |(index, text): (usize, &String)| {
            let text = normalize_template_value(text);
            let mut parameter = json!({ "type": "text", "text": check_length(&text, MAX_BODY_CHARS)? });
            if let Some(name) = names.get(index) {
                parameter["parameter_name"] = json!(name);
            }
            Ok(parameter)
        };
        let parameters: Vec<Value> = parameters.iter().enumerate().map(parameter).collect::<Result<_, _>>()?;
        template["components"] = json!([{ "type": "body", "parameters": parameters }]);
    }
    Ok(template)
}

fn list_json(body: &str, button: &str, rows: &[ListRow]) -> Result<Value, InvalidMessage> {
    let row = |row: &ListRow| {
        let id = first_chars(&row.id, MAX_ROW_ID_CHARS);
        let mut json = json!({ "id": id, "title": truncate(&row.title, MAX_ROW_TITLE_CHARS) });
        if let Some(description) = row.description.as_deref().filter(|it| !it.trim().is_empty()) {
            json["description"] = truncate(description, MAX_ROW_DESCRIPTION_CHARS).into();
        }
        json
    };
    let rows: Vec<Value> = rows.iter().take(MAX_ROWS).map(row).collect();
    Ok(json!({
        "type": "list",
        "body": { "text": check_length(body, MAX_BODY_CHARS)? },
        "action": { "button": truncate(button, MAX_LIST_BUTTON_CHARS), "sections": [{ "rows": rows }] },
    }))
}

fn buttons_json(body: &str, buttons: &[ReplyButton]) -> Result<Value, InvalidMessage> {
    let button = |button: &ReplyButton| {
        let id = first_chars(&button.id, MAX_BUTTON_ID_CHARS);
        let title = truncate(&button.title, MAX_BUTTON_TITLE_CHARS);
        json!({ "type": "reply", "reply": { "id": id, "title": title } })
    };
    let buttons: Vec<Value> = buttons.iter().take(MAX_BUTTONS).map(button).collect();
    Ok(
        json!({ "type": "button", "body": { "text": check_length(body, MAX_BODY_CHARS)? }, "action": { "buttons": buttons } }),
    )
}

fn media_json(
    kind: MediaKind,
    id: &str,
    caption: Option<&str>,
    filename: Option<&str>,
) -> Result<Value, InvalidMessage> {
    let mut media = json!({ "id": id });
    let has_caption = matches!(kind, MediaKind::Image | MediaKind::Video | MediaKind::Document);
    if let Some(caption) = caption.filter(|it| !it.trim().is_empty()) {
        media["caption"] =
            if has_caption { check_length(caption, MAX_BODY_CHARS)?.into() } else { return Err(NO_CAPTION) };
    }
    if let Some(filename) = filename.filter(|_| kind == MediaKind::Document) {
        media["filename"] = filename.into();
    }
    Ok(media)
}

/// Truncates an id to `max_chars` characters, without an ellipsis.
fn first_chars(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient() -> GuestIdentity {
        GuestIdentity { wa_id: Some("447700900123".into()), ..Default::default() }
    }

    fn json_of(body: OutgoingBody) -> Value {
        OutgoingMessage { to: recipient(), callback: "out_1".into(), quotes: None, body }.json().unwrap()
    }

    #[test]
    fn a_reply_has_the_documented_json() {
        let (to, body) = (recipient(), OutgoingBody::Text("Yes, until 22:00.".into()));
        let reply = OutgoingMessage { to, callback: "out_01J9ZK".into(), quotes: Some("wamid.A01".into()), body };
        assert_eq!(
            reply.json().unwrap(),
            json!({
                "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+447700900123",
                "type": "text", "text": {"preview_url": false, "body": "Yes, until 22:00."},
                "context": {"message_id": "wamid.A01"}, "biz_opaque_callback_data": "out_01J9ZK"
            })
        );
    }

    #[test]
    fn a_reaction_has_the_documented_json() {
        let body = OutgoingBody::Reaction { message_id: "wamid.A01".into(), emoji: "👍".into() };
        assert_eq!(OutgoingBody::from_stored_json(&body.to_stored_json()), Some(body.clone()));
        let reaction =
            OutgoingMessage { to: recipient(), callback: String::new(), quotes: Some("wamid.A00".into()), body };
        let json = reaction.json().unwrap();
        assert_eq!(json["type"], "reaction");
        assert_eq!(json["reaction"], json!({"message_id": "wamid.A01", "emoji": "👍"}));
        assert_eq!(json.get("context"), None);
    }

    #[test]
    fn the_address_is_the_one_that_the_guest_wrote_from() {
        let address = |to| {
            OutgoingMessage { to, callback: String::new(), quotes: None, body: OutgoingBody::Text("a".into()) }
                .address()
        };
        let phone = PhoneNumber::parse("+5531987654321").ok();
        let all = GuestIdentity { phone, wa_id: Some("553187654321".into()), bsuid: Some("BR.1".into()) };
        assert_eq!(address(all.clone()), Some(("to", "+553187654321".into())));
        assert_eq!(address(GuestIdentity { wa_id: None, ..all.clone() }), Some(("to", "+5531987654321".into())));
        let hidden = GuestIdentity { wa_id: None, phone: None, ..all };
        assert_eq!(address(hidden), Some(("recipient", "BR.1".into())));
        assert_eq!(address(GuestIdentity::default()), None);
    }

    #[test]
    fn template_parameters_are_normalized() {
        let parameters = vec![" Ada\n Guest ".into(), String::new()];
        let template = |parameters, names| OutgoingBody::Template {
            name: "pre_arrival".into(),
            language: "en_GB".into(),
            parameters,
            names,
        };
        let json = json_of(template(parameters, vec![]));
        assert_eq!(
            json["template"],
            json!({
                "name": "pre_arrival", "language": {"code": "en_GB"},
                "components": [{"type": "body", "parameters": [
                    {"type": "text", "text": "Ada Guest"}, {"type": "text", "text": "-"}
                ]}]
            })
        );
        assert_eq!(
            json_of(template(vec![], vec![]))["template"],
            json!({"name": "pre_arrival", "language": {"code": "en_GB"}})
        );
        let named = json_of(template(vec!["Ada".into()], vec!["guest_name".into()]));
        assert_eq!(
            named["template"]["components"][0]["parameters"],
            json!([{"type": "text", "text": "Ada", "parameter_name": "guest_name"}])
        );
        let stored = r#"{"template":{"name":"n","language":"en","parameters":["a"]}}"#;
        let body = OutgoingBody::from_stored_json(stored).unwrap();
        assert_eq!(body.to_stored_json(), stored);
    }

    #[test]
    fn captions_and_filenames_depend_on_the_kind() {
        let sent = |kind, caption: Option<String>| {
            let (media_id, filename) = ("9".into(), Some("map.pdf".into()));
            OutgoingMessage {
                to: recipient(),
                callback: String::new(),
                quotes: None,
                body: OutgoingBody::Media { kind, media_id, caption, filename },
            }
            .json()
        };
        let media = |kind| sent(kind, Some("Map".into())).unwrap();
        assert_eq!(media(MediaKind::Image)["image"], json!({"id": "9", "caption": "Map"}));
        assert_eq!(sent(MediaKind::Audio, Some(" ".into())).unwrap()["audio"], json!({"id": "9"}));
        assert_eq!(sent(MediaKind::Audio, Some("Map".into())), Err(NO_CAPTION));
        let document = json!({"id": "9", "caption": "Map", "filename": "map.pdf"});
        assert_eq!(media(MediaKind::Document)["document"], document);
        assert_eq!(sent(MediaKind::Sticker, None).unwrap()["type"], "sticker");
    }

    #[test]
    fn choices_have_the_documented_json() {
        let row = |id: &str, description: Option<&str>| ListRow {
            id: id.into(),
            title: "Towels".into(),
            description: description.map(Into::into),
        };
        let rows = vec![row("a", Some("Soon")), row("b", None)];
        let list = json_of(OutgoingBody::List { body: "What?".into(), button: "Open".into(), rows });
        assert_eq!(
            list["interactive"],
            json!({
                "type": "list", "body": {"text": "What?"},
                "action": {"button": "Open", "sections": [{"rows": [
                    {"id": "a", "title": "Towels", "description": "Soon"}, {"id": "b", "title": "Towels"}
                ]}]}
            })
        );
        let buttons = vec![ReplyButton { id: "y".into(), title: "Yes".into() }];
        let buttons = json_of(OutgoingBody::Buttons { body: "Late?".into(), buttons });
        assert_eq!(
            buttons["interactive"],
            json!({
                "type": "button", "body": {"text": "Late?"},
                "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}
            })
        );
        let none = json_of(OutgoingBody::List { body: "What?".into(), button: "Open".into(), rows: vec![] });
        assert_eq!((&none["type"], &none["text"]["body"]), (&json!("text"), &json!("What?")));
        let none = json_of(OutgoingBody::Buttons { body: "What?".into(), buttons: vec![] });
        assert_eq!(none["type"], "text");
    }

    #[test]
    fn only_labels_are_truncated() {
        let long = || "é🙂".repeat(500);
        let chars = |value: &Value| value.as_str().unwrap().chars().count();
        let rows = vec![ListRow { id: long(), title: long(), description: Some(long()) }; 12];
        let list = &json_of(OutgoingBody::List { body: long(), button: long(), rows })["interactive"];
        assert_eq!((chars(&list["body"]["text"]), chars(&list["action"]["button"])), (1000, 20));
        let rows = list["action"]["sections"][0]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 10);
        assert_eq!([&rows[0]["id"], &rows[0]["title"], &rows[0]["description"]].map(chars), [200, 24, 72]);
        let buttons = vec![ReplyButton { id: long(), title: long() }; 4];
        let buttons = &json_of(OutgoingBody::Buttons { body: long(), buttons })["interactive"];
        assert_eq!(buttons["action"]["buttons"].as_array().unwrap().len(), 3);
        let reply = &buttons["action"]["buttons"][0]["reply"];
        assert_eq!((chars(&buttons["body"]["text"]), chars(&reply["id"]), chars(&reply["title"])), (1000, 256, 20));
        let (callback, body) = (long(), OutgoingBody::Text("a".into()));
        let json = OutgoingMessage { to: recipient(), callback, quotes: None, body }.json().unwrap();
        assert_eq!(chars(&json["biz_opaque_callback_data"]), 512);
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        let send = |body| OutgoingMessage { to: recipient(), callback: String::new(), quotes: None, body }.json();
        let text = |size: usize| "🙂".repeat(size);
        let media = |size| OutgoingBody::Media {
            kind: MediaKind::Image,
            media_id: "9".into(),
            caption: Some(text(size)),
            filename: None,
        };
        let template = |size| OutgoingBody::Template {
            name: "n".into(),
            language: "en".into(),
            parameters: vec!["a".into(), text(size)],
            names: vec![],
        };
        let buttons = |size| OutgoingBody::Buttons {
            body: text(size),
            buttons: vec![ReplyButton { id: "y".into(), title: "Yes".into() }],
        };
        let row = ListRow { id: "a".into(), title: "Towels".into(), description: None };
        let list = |size| OutgoingBody::List { body: text(size), button: "Open".into(), rows: vec![row.clone()] };
        assert_eq!(send(media(1024)).unwrap()["image"]["caption"], text(1024).as_str());
        let parameters = &send(template(1024)).unwrap()["template"]["components"][0]["parameters"];
        assert_eq!(parameters[1]["text"], text(1024).as_str());
        assert_eq!(send(OutgoingBody::Text(text(4096))).unwrap()["text"]["body"], text(4096).as_str());
        for body in [media(1025), template(1025), buttons(1025), OutgoingBody::Text(text(4097)), list(4097)] {
            assert_eq!(send(body), Err(TOO_LONG));
        }
        assert_eq!(send(list(1024)).unwrap()["type"], "interactive");
        assert_eq!(send(list(1025)).unwrap()["text"]["body"], text(1025).as_str());
    }
}
