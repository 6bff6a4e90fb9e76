//! The content of guest messages, parsed by message type.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::api_error::ApiError;
use crate::json::{JsonObject, parse_object};
use crate::json_fields::JsonFields;
use crate::text::truncate;

/// Maximum length of the name of a message type. Longer names are truncated; Meta's are much shorter.
const MAX_KIND_CHARS: usize = 60;

/// The content of a guest message. [`MessageContent::display_text`] is the text that staff read.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageContent {
    Text(String),
    Media(Media),
    Location(Location),
    /// Contact cards that the guest shared; at least one.
    Contacts(Vec<ContactCard>),
    /// The guest chose a button or a list row.
    Choice(ChosenOption),
    /// The guest submitted a form (a WhatsApp Flow).
    Form(Form),
    Reaction {
        /// The WhatsApp message id of the message that the guest reacted to. The message may be unknown to us.
        to: String,
        /// The emoji of the reaction. `None` if the guest removed the reaction.
        emoji: Option<String>,
    },
    Order(CatalogOrder),
    /// The guest's phone number or id has changed. At least one of the new ids is present.
    IdentityChanged {
        wa_id: Option<String>,
        bsuid: Option<String>,
    },
    /// The guest answered whether the hotel may call, or WhatsApp answered automatically.
    CallPermission(CallPermission),
    /// The guest has opened a chat with the hotel for the first time, and written nothing yet.
    ChatOpened,
    /// A system message of WhatsApp, with the text that WhatsApp wrote.
    System(String),
    Edited {
        /// The WhatsApp message id of the message that the guest edited. The message may be unknown to us.
        of: String,
        /// The content of the guest's message after the edit.
        content: Box<MessageContent>,
    },
    Revoked {
        /// The WhatsApp message id of the message that the guest deleted. The message may be unknown to us.
        of: String,
    },
    /// A message that WhatsApp does not deliver to businesses, of an unknown type, or without a required field.
    Unsupported {
        /// Meta's name of the unsupported message type.
        kind: String,
        error: Option<ApiError>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Image,
    Audio,
    Video,
    Document,
    Sticker,
}

/// A reference to a guest's file at Meta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub kind: MediaKind,
    /// The media id, by which the guest's file is looked up at Meta. Valid for seven days.
    pub id: String,
    /// The download URL of the guest's file, if Meta sent it with the message. Otherwise it is looked up by the media
    /// id.
    pub url: Option<String>,
    /// The MIME type in lower case, without parameters. `application/octet-stream` if missing or malformed.
    pub mime_type: String,
    pub sha256: Option<[u8; 32]>,
    /// The file's name on the guest's device.
    pub filename: Option<String>,
    pub caption: Option<String>,
    /// `true` for a voice message, `false` for an audio file.
    pub voice: bool,
    /// `true` for an animated sticker.
    pub animated: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
    pub name: Option<String>,
    pub address: Option<String>,
    /// The URL of a web page about the location, chosen by the guest.
    pub url: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactCard {
    pub name: Option<String>,
    pub phones: Vec<CardPhone>,
    pub emails: Vec<String>,
    pub company: Option<String>,
    /// `true` if the contact card is the guest's own, shared on request of the hotel.
    pub requested: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardPhone {
    /// The phone number as written on the contact card.
    pub number: String,
    pub wa_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenOption {
    /// The id that we gave the chosen button or list row. A template button without an id has its label here.
    pub id: String,
    /// The label of the chosen button or list row, which the guest saw.
    pub title: String,
    /// The second line of the chosen list row.
    pub description: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallPermission {
    pub is_granted: bool,
    /// The end of the permission; `None` if it has none.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether WhatsApp answered, for example after the guest has called the hotel.
    pub is_automatic: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    pub name: Option<String>,
    /// The text of the submitted form that the guest sees in the chat.
    pub body: Option<String>,
    /// The field names of the submitted form, and the values that the guest entered.
    pub answers: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogOrder {
    pub catalog_id: Option<String>,
    /// The text that the guest wrote with the catalogue order.
    pub text: Option<String>,
    pub items: Vec<OrderItem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderItem {
    /// The hotel's article number of the ordered item.
    pub id: String,
    pub quantity: i64,
    /// The price per piece of the ordered item, with currency, as Meta writes them.
    pub price: Option<String>,
}

impl MessageContent {
    /// Parses the content of a message of this type. Content without a required field becomes `Unsupported`.
    pub(crate) fn parse(kind: &str, message: &JsonObject) -> Self {
        let inner = message.object(kind);
        let content = match kind {
            "edit" => inner.and_then(parse_edit),
            "revoke" => inner.and_then(|it| it.id("original_message_id")).map(|of| Self::Revoked { of }),
            _ => parse_original(kind, message),
        };
        content.unwrap_or_else(|| unsupported(kind, message))
    }

    /// Returns `true` if the message opens the 24-hour window. System messages do not. Meta does not document the
    /// effect of reactions, edits, deletions and opened chats, so they are assumed not to open the window.
    pub fn opens_window(&self) -> bool {
        !matches!(
            self,
            Self::Reaction { .. }
                | Self::IdentityChanged { .. }
                | Self::System(_)
                | Self::ChatOpened
                | Self::CallPermission(CallPermission { is_automatic: true, .. })
                | Self::Edited { .. }
                | Self::Revoked { .. }
        )
    }
}

/// Parses every type except edits and deletions of an earlier message.
fn parse_original(kind: &str, message: &JsonObject) -> Option<MessageContent> {
    let media = |kind: MediaKind| Media::parse(kind, message.object(kind.as_str())?).map(MessageContent::Media);
    let inner = message.object(kind);
    match kind {
        "text" => inner?.string("body").map(MessageContent::Text),
        "image" => media(MediaKind::Image),
        "audio" => media(MediaKind::Audio),
        "video" => media(MediaKind::Video),
        "document" => media(MediaKind::Document),
        "sticker" => media(MediaKind::Sticker),
        // The message type `voice` occurs only in very old messages.
        "voice" => Some(MessageContent::Media(Media { voice: true, ..Media::parse(MediaKind::Audio, inner?)? })),
        "location" => Location::parse(inner?).map(MessageContent::Location),
        "contacts" => parse_contacts(message).map(MessageContent::Contacts),
        "interactive" => parse_interactive(inner?),
        "button" => parse_button(inner?).map(MessageContent::Choice),
        "reaction" => Some(MessageContent::Reaction { to: inner?.id("message_id")?, emoji: inner?.text("emoji") }),
        "order" => CatalogOrder::parse(inner?).map(MessageContent::Order),
        "system" => parse_system(inner?),
        "request_welcome" => Some(MessageContent::ChatOpened),
        _ => None,
    }
}

fn unsupported(kind: &str, message: &JsonObject) -> MessageContent {
    let inner = || message.object(kind).and_then(|it| it.text("type"));
    let kind = match kind {
        "unsupported" => inner().unwrap_or_else(|| "unknown".to_owned()),
        // Of an unsupported interactive message, the type inside it is the unsupported part.
        "interactive" => inner().unwrap_or_else(|| kind.to_owned()),
        _ => kind.replace('\0', ""),
    };
    let error = message.objects("errors").find_map(ApiError::parse);
    MessageContent::Unsupported { kind: truncate(&kind, MAX_KIND_CHARS), error }
}

impl MediaKind {
    /// Returns Meta's name of the type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }
}

impl Media {
    fn parse(kind: MediaKind, media: &JsonObject) -> Option<Self> {
        Some(Self {
            kind,
            id: media.id("id")?,
            url: media.text("url"),
            mime_type: normalize_mime_type(media.text("mime_type")),
            sha256: media.sha256("sha256"),
            filename: media.text("filename"),
            caption: media.text("caption"),
            voice: media.is_true("voice"),
            animated: media.is_true("animated"),
        })
    }
}

const MAX_MIME_TYPE_BYTES: usize = 100;

/// Returns a MIME type in lower case without parameters, or `application/octet-stream` if it is malformed.
pub(crate) fn normalize_mime_type(text: Option<String>) -> String {
    let text = text.unwrap_or_default().to_ascii_lowercase();
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_valid = essence.len() <= MAX_MIME_TYPE_BYTES
        && essence.split_once('/').is_some_and(|(kind, subtype)| !kind.is_empty() && !subtype.is_empty())
        && essence.bytes().all(|it| it.is_ascii_alphanumeric() || b"/.+-_".contains(&it));
    if is_valid { essence.to_owned() } else { "application/octet-stream".to_owned() }
}

impl Location {
    fn parse(location: &JsonObject) -> Option<Self> {
        Some(Self {
            latitude: location.number("latitude")?,
            longitude: location.number("longitude")?,
            name: location.text("name"),
            address: location.text("address"),
            url: location.text("url"),
        })
    }
}

fn parse_contacts(message: &JsonObject) -> Option<Vec<ContactCard>> {
    // Meta documents `origin` both as a field of the message and of the contact card.
    let is_requested = |it: &JsonObject| it.text("origin").is_some_and(|it| it == "contact_request");
    let cards: Vec<ContactCard> = message
        .objects("contacts")
        .map(|card| ContactCard { requested: is_requested(card) || is_requested(message), ..ContactCard::parse(card) })
        .collect();
    if cards.is_empty() { None } else { Some(cards) }
}

impl ContactCard {
    fn parse(card: &JsonObject) -> Self {
        let name = card.object("name").and_then(|name| {
            let parts = || [name.text("first_name"), name.text("last_name")].into_iter().flatten().collect::<Vec<_>>();
            name.text("formatted_name").or_else(|| Some(parts().join(" "))).filter(|it| !it.is_empty())
        });
        let phone = |phone: &JsonObject| {
            let wa_id = phone.wa_id("wa_id");
            let number = phone.text("phone").or_else(|| Some(format!("+{}", wa_id.as_ref()?)))?;
            Some(CardPhone { number, wa_id })
        };
        Self {
            name,
            phones: card.objects("phones").filter_map(phone).collect(),
            emails: card.objects("emails").filter_map(|it| it.text("email")).collect(),
            company: card.object("org").and_then(|it| it.text("company")),
            requested: false,
        }
    }
}

fn parse_interactive(interactive: &JsonObject) -> Option<MessageContent> {
    let kind = interactive.text("type")?;
    let reply = interactive.object(&kind)?;
    match kind.as_str() {
        "button_reply" | "list_reply" => {
            let id = reply.string("id").filter(|it| !it.is_empty());
            let title = reply.text("title").or_else(|| id.clone())?;
            Some(MessageContent::Choice(ChosenOption {
                id: id.unwrap_or_else(|| title.clone()),
                title,
                description: reply.text("description"),
            }))
        }
        "nfm_reply" => Some(MessageContent::Form(Form::parse(reply))),
        "call_permission_reply" => CallPermission::parse(reply).map(MessageContent::CallPermission),
        _ => None,
    }
}

fn parse_button(button: &JsonObject) -> Option<ChosenOption> {
    let payload = button.string("payload").filter(|it| !it.is_empty());
    let title = button.text("text").or_else(|| payload.clone())?;
    Some(ChosenOption { id: payload.unwrap_or_else(|| title.clone()), title, description: None })
}

impl CallPermission {
    fn parse(reply: &JsonObject) -> Option<Self> {
        let is_granted = match reply.text("response")?.as_str() {
            "accept" => true,
            "reject" => false,
            _ => return None,
        };
        let expires_at = reply.integer("expiration_timestamp").and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let expires_at = expires_at.filter(|_| !reply.is_true("is_permanent"));
        let is_automatic = reply.text("response_source").is_some_and(|it| it == "automatic");
        Some(Self { is_granted, expires_at, is_automatic })
    }
}

impl Form {
    fn parse(reply: &JsonObject) -> Self {
        // Meta documents `response_json`, the answers of a form, as JSON in a string; an object is accepted, too.
        let response = match reply.get("response_json") {
            Some(Value::String(json)) => parse_object(json).unwrap_or_default(),
            Some(Value::Object(response)) => response.clone(),
            _ => JsonObject::new(),
        };
        let display = |value: &Value| match value {
            Value::String(text) => text.replace('\0', ""),
            other => other.to_string(),
        };
        // The field `flow_token` is no answer of the guest: it only identifies the form that we sent.
        let answers = response.iter().filter(|(name, _)| *name != "flow_token");
        Self {
            name: reply.text("name"),
            body: reply.text("body"),
            answers: answers.map(|(name, value)| (name.replace('\0', ""), display(value))).collect(),
        }
    }
}

impl CatalogOrder {
    fn parse(order: &JsonObject) -> Option<Self> {
        let item = |item: &JsonObject| {
            let price = item.id("item_price").map(|price| match item.text("currency") {
                Some(currency) => format!("{price} {currency}"),
                None => price,
            });
            let quantity = item.integer("quantity").unwrap_or(1);
            Some(OrderItem { id: item.id("product_retailer_id")?, quantity, price })
        };
        let items: Vec<OrderItem> = order.objects("product_items").filter_map(item).collect();
        if items.is_empty() {
            return None;
        }
        Some(Self { catalog_id: order.id("catalog_id"), text: order.text("text"), items })
    }
}

fn parse_system(system: &JsonObject) -> Option<MessageContent> {
    let kind = system.text("type").unwrap_or_default();
    let is_change = matches!(kind.as_str(), "user_changed_number" | "customer_changed_number" | "user_changed_user_id");
    // `new_wa_id` is the older name of the field `wa_id`. (`customer` is the guest's former id.)
    let wa_id = system.wa_id("wa_id").or_else(|| system.wa_id("new_wa_id"));
    let bsuid = system.id("user_id");
    if is_change && (wa_id.is_some() || bsuid.is_some()) {
        return Some(MessageContent::IdentityChanged { wa_id, bsuid });
    }
    let text = system.text("body").or(if kind.is_empty() { None } else { Some(kind.replace('_', " ")) });
    text.map(MessageContent::System)
}

fn parse_edit(edit: &JsonObject) -> Option<MessageContent> {
    let message = edit.object("message")?;
    let kind = message.text("type")?;
    // An edit inside an edit is unsupported: parsing it would recurse without limit.
    let content = parse_original(&kind, message).unwrap_or_else(|| unsupported(&kind, message));
    Some(MessageContent::Edited { of: edit.id("original_message_id")?, content: Box::new(content) })
}
