//! A message to a guest, as Meta wants it.

use domain::{GuestIdentity, PhoneNumber};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::content::MediaKind;
use crate::shown::cut;

/// A message to a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom: to the WhatsApp id if there is one, else to the number, else to the business-scoped id.
    /// Answer to the id that the guest wrote from: it need not be that of their number.
    pub to: GuestIdentity,
    /// Comes back with what becomes of the message; at most 512 characters. All who may listen to the
    /// account see it: an opaque id.
    pub callback: String,
    /// The wamid of the message that this one replies to.
    pub quotes: Option<String>,
    /// What it says.
    pub body: Body,
}

/// What a message to a guest says. What staff write is sent whole or not at all; only the labels of choices are
/// cut, with an ellipsis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A text of at most 4,096 characters.
    Text(String),
    /// An approved template.
    Template {
        /// Its name at Meta.
        name: String,
        /// Its language at Meta: `en_GB`.
        language: String,
        /// What fills its body's places, in their order. Meta allows no line breaks in them: white space
        /// becomes single spaces, and nothing at all a dash.
        parameters: Vec<String>,
    },
    /// A list to choose from; without rows it is a text.
    List {
        /// What is said: with more than 1,024 characters it is sent as a text, without the list.
        body: String,
        /// What opens the list: at most 20 characters.
        button: String,
        /// At most ten; the others are left out.
        rows: Vec<Row>,
    },
    /// Buttons to choose from; without any it is a text.
    Buttons {
        /// What is said: at most 1,024 characters.
        body: String,
        /// At most three, of different titles; the others are left out.
        buttons: Vec<Button>,
    },
    /// A file that was uploaded.
    Media {
        /// As what it is shown.
        kind: MediaKind,
        /// What the upload gave.
        media_id: String,
        /// At most 1,024 characters; sound and stickers have none.
        caption: Option<String>,
        /// What a document is called.
        filename: Option<String>,
    },
}

/// A row of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What comes back when it is chosen: at most 200 characters, different from all others.
    pub id: String,
    /// At most 24 characters.
    pub title: String,
    /// At most 72 characters.
    pub description: Option<String>,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What comes back when it is chosen: at most 256 characters.
    pub id: String,
    /// At most 20 characters.
    pub title: String,
}

/// The most characters of a text.
const MOST_TEXT: usize = 4096;
/// The most characters of a list's and buttons' body, of a text with a file, and of a template's parameter.
pub const MOST_BODY: usize = 1024;
const MOST_CALLBACK: usize = 512;
const MOST_ROWS: usize = 10;
const MOST_BUTTONS: usize = 3;

/// Why a message cannot be put into a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotSendable(pub(crate) &'static str);

const TOO_LONG: NotSendable = NotSendable("a text that is longer than WhatsApp allows");
const NO_PLACE: NotSendable = NotSendable("a text with a file that has no place for one");

/// A value of a template as the guest sees it: Meta allows no line breaks and no empty ones.
pub fn template_value(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "-".to_owned() } else { text }
}

impl Outgoing {
    /// Meta's JSON for it.
    ///
    /// # Errors
    /// [`NotSendable`].
    pub(crate) fn json(&self) -> Result<Value, NotSendable> {
        let (kind, body) = self.body.json()?;
        let mut json = json!({ "messaging_product": "whatsapp", "recipient_type": "individual", "type": kind });
        let address = self.address().ok_or(NotSendable("nobody to send it to"))?;
        json[address.0] = address.1.into();
        json[kind] = body;
        if !self.callback.is_empty() {
            json["biz_opaque_callback_data"] = first_chars(&self.callback, MOST_CALLBACK).into();
        }
        if let Some(wamid) = &self.quotes {
            json["context"] = json!({ "message_id": wamid });
        }
        Ok(json)
    }

    /// The field and the address in it. A number always has its `+`: without, Meta puts the hotel's own
    /// country code before it.
    fn address(&self) -> Option<(&'static str, String)> {
        let wa_id = self.to.wa_id.as_ref().map(|it| format!("+{}", it.trim_start_matches('+')));
        let number = wa_id.or_else(|| self.to.phone.as_ref().map(PhoneNumber::to_string));
        number.map(|it| ("to", it)).or_else(|| self.to.bsuid.clone().map(|it| ("recipient", it)))
    }
}

impl Body {
    /// As text, in which it can wait to be sent.
    pub fn stored(&self) -> String {
        match serde_json::to_string(self) {
            Ok(text) => text,
            // Writing to memory fails only for keys that are no strings, and there are none.
            Err(error) => unreachable!("a body that is no JSON: {error}"),
        }
    }

    /// What [`Body::stored`] gave; `None` for any other text.
    pub fn read_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn json(&self) -> Result<(&'static str, Value), NotSendable> {
        Ok(match self {
            Self::Text(text) => ("text", text_json(text)?),
            Self::Template { name, language, parameters } => ("template", template(name, language, parameters)?),
            // The text names the choices, too.
            Self::List { body, rows, .. } if rows.is_empty() || whole(body, MOST_BODY).is_err() => {
                ("text", text_json(body)?)
            }
            Self::List { body, button, rows } => ("interactive", list(body, button, rows)?),
            Self::Buttons { body, buttons } if buttons.is_empty() => ("text", text_json(body)?),
            Self::Buttons { body, buttons } => ("interactive", choice(body, buttons)?),
            Self::Media { kind, media_id, caption, filename } => {
                (kind.as_str(), media(*kind, media_id, caption.as_deref(), filename.as_deref())?)
            }
        })
    }
}

/// A text that may have so many characters, trimmed.
fn whole(text: &str, most: usize) -> Result<&str, NotSendable> {
    let text = text.trim();
    if text.chars().count() <= most { Ok(text) } else { Err(TOO_LONG) }
}

fn text_json(text: &str) -> Result<Value, NotSendable> {
    Ok(json!({ "preview_url": false, "body": whole(text, MOST_TEXT)? }))
}

fn template(name: &str, language: &str, parameters: &[String]) -> Result<Value, NotSendable> {
    let mut template = json!({ "name": name, "language": { "code": language } });
    if !parameters.is_empty() {
        let parameter = |text: &String| {
            let text = template_value(text);
            Ok(json!({ "type": "text", "text": whole(&text, MOST_BODY)? }))
        };
        let parameters: Vec<Value> = parameters.iter().map(parameter).collect::<Result<_, _>>()?;
        template["components"] = json!([{ "type": "body", "parameters": parameters }]);
    }
    Ok(template)
}

fn list(body: &str, button: &str, rows: &[Row]) -> Result<Value, NotSendable> {
    let row = |row: &Row| {
        let mut json = json!({ "id": first_chars(&row.id, 200), "title": cut(&row.title, 24) });
        if let Some(description) = row.description.as_deref().filter(|it| !it.trim().is_empty()) {
            json["description"] = cut(description, 72).into();
        }
        json
    };
    let rows: Vec<Value> = rows.iter().take(MOST_ROWS).map(row).collect();
    Ok(json!({
        "type": "list",
        "body": { "text": whole(body, MOST_BODY)? },
        "action": { "button": cut(button, 20), "sections": [{ "rows": rows }] },
    }))
}

fn choice(body: &str, buttons: &[Button]) -> Result<Value, NotSendable> {
    let button = |it: &Button| json!({ "type": "reply", "reply": { "id": first_chars(&it.id, 256), "title": cut(&it.title, 20) } });
    let buttons: Vec<Value> = buttons.iter().take(MOST_BUTTONS).map(button).collect();
    Ok(json!({ "type": "button", "body": { "text": whole(body, MOST_BODY)? }, "action": { "buttons": buttons } }))
}

fn media(kind: MediaKind, id: &str, caption: Option<&str>, filename: Option<&str>) -> Result<Value, NotSendable> {
    let mut media = json!({ "id": id });
    let has_caption = matches!(kind, MediaKind::Image | MediaKind::Video | MediaKind::Document);
    if let Some(caption) = caption.filter(|it| !it.trim().is_empty()) {
        media["caption"] = if has_caption { whole(caption, MOST_BODY)?.into() } else { return Err(NO_PLACE) };
    }
    if let Some(filename) = filename.filter(|_| kind == MediaKind::Document) {
        media["filename"] = filename.into();
    }
    Ok(media)
}

/// The beginning of what nobody reads: no ellipsis.
fn first_chars(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ada() -> GuestIdentity {
        GuestIdentity { wa_id: Some("447700900123".into()), ..Default::default() }
    }

    fn json_of(body: Body) -> Value {
        Outgoing { to: ada(), callback: "out_1".into(), quotes: None, body }.json().unwrap()
    }

    #[test]
    fn a_reply_is_as_meta_shows_it() {
        let (to, body) = (ada(), Body::Text("Yes, until 22:00.".into()));
        let reply = Outgoing { to, callback: "out_01J9ZK".into(), quotes: Some("wamid.A01".into()), body };
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
    fn it_goes_where_the_guest_wrote_from() {
        let address =
            |to| Outgoing { to, callback: String::new(), quotes: None, body: Body::Text("a".into()) }.address();
        let phone = PhoneNumber::parse("+5531987654321").ok();
        let all = GuestIdentity { phone, wa_id: Some("553187654321".into()), bsuid: Some("BR.1".into()) };
        assert_eq!(address(all.clone()), Some(("to", "+553187654321".into())));
        assert_eq!(address(GuestIdentity { wa_id: None, ..all.clone() }), Some(("to", "+5531987654321".into())));
        let hidden = GuestIdentity { wa_id: None, phone: None, ..all };
        assert_eq!(address(hidden), Some(("recipient", "BR.1".into())));
        assert_eq!(address(GuestIdentity::default()), None);
    }

    #[test]
    fn a_template_is_filled() {
        let parameters = vec![" Ada\n Guest ".into(), String::new()];
        let json = json_of(Body::Template { name: "pre_arrival".into(), language: "en_GB".into(), parameters });
        assert_eq!(
            json["template"],
            json!({
                "name": "pre_arrival", "language": {"code": "en_GB"},
                "components": [{"type": "body", "parameters": [
                    {"type": "text", "text": "Ada Guest"}, {"type": "text", "text": "-"}
                ]}]
            })
        );
        let plain = json_of(Body::Template { name: "n".into(), language: "en".into(), parameters: vec![] });
        assert_eq!(plain["template"], json!({"name": "n", "language": {"code": "en"}}));
    }

    #[test]
    fn files_have_what_their_kind_allows() {
        let sent = |kind, caption: Option<String>| {
            let (media_id, filename) = ("9".into(), Some("map.pdf".into()));
            Outgoing {
                to: ada(),
                callback: String::new(),
                quotes: None,
                body: Body::Media { kind, media_id, caption, filename },
            }
            .json()
        };
        let media = |kind| sent(kind, Some("Map".into())).unwrap();
        assert_eq!(media(MediaKind::Image)["image"], json!({"id": "9", "caption": "Map"}));
        assert_eq!(sent(MediaKind::Audio, Some(" ".into())).unwrap()["audio"], json!({"id": "9"}));
        assert_eq!(sent(MediaKind::Audio, Some("Map".into())), Err(NO_PLACE));
        let document = json!({"id": "9", "caption": "Map", "filename": "map.pdf"});
        assert_eq!(media(MediaKind::Document)["document"], document);
        assert_eq!(sent(MediaKind::Sticker, None).unwrap()["type"], "sticker");
    }

    #[test]
    fn choices_are_as_meta_shows_them() {
        let row = |id: &str, description: Option<&str>| Row {
            id: id.into(),
            title: "Towels".into(),
            description: description.map(Into::into),
        };
        let rows = vec![row("a", Some("Soon")), row("b", None)];
        let list = json_of(Body::List { body: "What?".into(), button: "Open".into(), rows });
        assert_eq!(
            list["interactive"],
            json!({
                "type": "list", "body": {"text": "What?"},
                "action": {"button": "Open", "sections": [{"rows": [
                    {"id": "a", "title": "Towels", "description": "Soon"}, {"id": "b", "title": "Towels"}
                ]}]}
            })
        );
        let buttons = vec![Button { id: "y".into(), title: "Yes".into() }];
        let buttons = json_of(Body::Buttons { body: "Late?".into(), buttons });
        assert_eq!(
            buttons["interactive"],
            json!({
                "type": "button", "body": {"text": "Late?"},
                "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}
            })
        );
        let none = json_of(Body::List { body: "What?".into(), button: "Open".into(), rows: vec![] });
        assert_eq!((&none["type"], &none["text"]["body"]), (&json!("text"), &json!("What?")));
        let none = json_of(Body::Buttons { body: "What?".into(), buttons: vec![] });
        assert_eq!(none["type"], "text");
    }

    #[test]
    fn only_labels_are_cut() {
        let long = || "é🙂".repeat(500);
        let chars = |value: &Value| value.as_str().unwrap().chars().count();
        let rows = vec![Row { id: long(), title: long(), description: Some(long()) }; 12];
        let list = &json_of(Body::List { body: long(), button: long(), rows })["interactive"];
        assert_eq!((chars(&list["body"]["text"]), chars(&list["action"]["button"])), (1000, 20));
        let rows = list["action"]["sections"][0]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 10);
        assert_eq!([&rows[0]["id"], &rows[0]["title"], &rows[0]["description"]].map(chars), [200, 24, 72]);
        let buttons = vec![Button { id: long(), title: long() }; 4];
        let buttons = &json_of(Body::Buttons { body: long(), buttons })["interactive"];
        assert_eq!(buttons["action"]["buttons"].as_array().unwrap().len(), 3);
        let reply = &buttons["action"]["buttons"][0]["reply"];
        assert_eq!((chars(&buttons["body"]["text"]), chars(&reply["id"]), chars(&reply["title"])), (1000, 256, 20));
        let (callback, body) = (long(), Body::Text("a".into()));
        let json = Outgoing { to: ada(), callback, quotes: None, body }.json().unwrap();
        assert_eq!(chars(&json["biz_opaque_callback_data"]), 512);
    }

    #[test]
    fn a_text_goes_whole_or_not_at_all() {
        let send = |body| Outgoing { to: ada(), callback: String::new(), quotes: None, body }.json();
        let of = |size: usize| "🙂".repeat(size);
        let media = |size| Body::Media {
            kind: MediaKind::Image,
            media_id: "9".into(),
            caption: Some(of(size)),
            filename: None,
        };
        let template =
            |size| Body::Template { name: "n".into(), language: "en".into(), parameters: vec!["a".into(), of(size)] };
        let buttons =
            |size| Body::Buttons { body: of(size), buttons: vec![Button { id: "y".into(), title: "Yes".into() }] };
        let row = Row { id: "a".into(), title: "Towels".into(), description: None };
        let list = |size| Body::List { body: of(size), button: "Open".into(), rows: vec![row.clone()] };
        assert_eq!(send(media(1024)).unwrap()["image"]["caption"], of(1024).as_str());
        let parameters = &send(template(1024)).unwrap()["template"]["components"][0]["parameters"];
        assert_eq!(parameters[1]["text"], of(1024).as_str());
        assert_eq!(send(Body::Text(of(4096))).unwrap()["text"]["body"], of(4096).as_str());
        for body in [media(1025), template(1025), buttons(1025), Body::Text(of(4097)), list(4097)] {
            assert_eq!(send(body), Err(TOO_LONG));
        }
        assert_eq!(send(list(1024)).unwrap()["type"], "interactive");
        assert_eq!(send(list(1025)).unwrap()["text"]["body"], of(1025).as_str());
    }

    proptest! {
        #[test]
        fn no_text_is_over_its_limit(text in r"(\PC|\s){0,60}", most in 1..40_usize) {
            let cut = cut(&text, most);
            prop_assert!(cut.chars().count() <= most);
            prop_assert!(text.trim().starts_with(cut.trim_end_matches('…').trim_end()) || text.contains('…'));
        }
    }
}
