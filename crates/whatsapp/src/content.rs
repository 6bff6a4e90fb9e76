//! What a guest's message holds.

use serde_json::Value;

use crate::ApiError;
use crate::inbound::wa_id;
use crate::json::{Fields, Object, object, sha256};
use crate::shown::cut;

/// No type of Meta's has such a long name.
const MOST_KIND_CHARS: usize = 60;

/// What a message holds. [`Content::text`] is what staff read of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Something written.
    Text(String),
    /// A file.
    Media(Media),
    /// A place.
    Location(Location),
    /// Cards of people; one at least.
    Contacts(Vec<ContactCard>),
    /// A button or a row of a list was chosen.
    Choice(Choice),
    /// A form (Meta calls it a flow) was filled in.
    Form(Form),
    /// A reaction to a message.
    Reaction {
        /// The wamid of the message; it may be unknown to us.
        to: String,
        /// What they reacted with; none: the reaction was taken back.
        emoji: Option<String>,
    },
    /// An order from a catalogue.
    Order(Order),
    /// WhatsApp says that who sends this is from now on somebody else: a number or an id changed.
    /// At least one of the two is there.
    IdentityChanged {
        /// The new WhatsApp id.
        wa_id: Option<String>,
        /// The new business-scoped user id.
        bsuid: Option<String>,
    },
    /// Something else that WhatsApp itself says, in its own words.
    System(String),
    /// A message was changed.
    Edited {
        /// The wamid of the message; it may be unknown to us.
        of: String,
        /// What it holds now.
        content: Box<Content>,
    },
    /// A message was deleted.
    Revoked {
        /// The wamid of the message; it may be unknown to us.
        of: String,
    },
    /// Something that WhatsApp does not pass on, or that is not known here, or lacks what it needs.
    Unsupported {
        /// What Meta calls it.
        kind: String,
        /// Why it was not passed on, if Meta says so.
        error: Option<ApiError>,
    },
}

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// Sound: see [`Media::voice`].
    Audio,
    /// A film.
    Video,
    /// Any other file.
    Document,
    /// A sticker.
    Sticker,
}

/// A file that a guest sent, or rather where it is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its kind.
    pub kind: MediaKind,
    /// Its id: good for seven days.
    pub id: String,
    /// Where it is, if Meta says so already; else look it up by its id.
    pub url: Option<String>,
    /// Its MIME type in lower case, without parameters; `application/octet-stream` where none is told.
    pub mime_type: String,
    /// The SHA-256 of its bytes.
    pub sha256: Option<[u8; 32]>,
    /// What the guest's telephone calls it.
    pub filename: Option<String>,
    /// What the guest wrote with it.
    pub caption: Option<String>,
    /// Whether it was spoken for this message.
    pub voice: bool,
    /// Whether a sticker moves.
    pub animated: bool,
}

/// A place.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// What it is called.
    pub name: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// A page about it, as the guest sent it.
    pub url: Option<String>,
}

/// A card of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactCard {
    /// Their name.
    pub name: Option<String>,
    /// Their telephone numbers.
    pub phones: Vec<CardPhone>,
    /// Their e-mail addresses.
    pub emails: Vec<String>,
    /// For whom they work.
    pub company: Option<String>,
    /// Whether it is the guest's own, given after a button asked for it.
    pub requested: bool,
}

/// A number on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardPhone {
    /// As it is written there.
    pub number: String,
    /// Its WhatsApp id, if it has one.
    pub wa_id: Option<String>,
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What we called it; a template's button without an id of its own is called by its label.
    pub id: String,
    /// What the guest saw.
    pub title: String,
    /// What stood below it in a list.
    pub description: Option<String>,
}

/// A form that was filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// What it is called.
    pub name: Option<String>,
    /// What the guest sees of it.
    pub body: Option<String>,
    /// What was filled in, by the names of its fields.
    pub answers: Vec<(String, String)>,
}

/// An order from a catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The catalogue.
    pub catalog_id: Option<String>,
    /// What the guest wrote with it.
    pub text: Option<String>,
    /// What they want.
    pub items: Vec<OrderItem>,
}

/// Something that is ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderItem {
    /// What the hotel calls it.
    pub id: String,
    /// How many.
    pub quantity: i64,
    /// The price of one and its currency, as Meta wrote them.
    pub price: Option<String>,
}

impl Content {
    /// Reads what a message of this type holds. What lacks what it needs is unsupported.
    pub(crate) fn read(kind: &str, message: &Object) -> Self {
        let inner = message.object(kind);
        let read = match kind {
            "edit" => inner.and_then(edited),
            "revoke" => inner.and_then(|it| it.id("original_message_id")).map(|of| Self::Revoked { of }),
            _ => plain(kind, message),
        };
        read.unwrap_or_else(|| unsupported(kind, message))
    }

    /// Whether a message of this content opens the 24 hours in which the hotel may write freely. What
    /// WhatsApp itself says does not; of reactions and changed messages Meta does not say so.
    pub fn opens_window(&self) -> bool {
        !matches!(
            self,
            Self::Reaction { .. }
                | Self::IdentityChanged { .. }
                | Self::System(_)
                | Self::Edited { .. }
                | Self::Revoked { .. }
        )
    }
}

/// What is not about another message's content.
fn plain(kind: &str, message: &Object) -> Option<Content> {
    let media = |kind: MediaKind| Media::read(kind, message.object(kind.as_str())?).map(Content::Media);
    let inner = message.object(kind);
    match kind {
        "text" => inner?.string("body").map(Content::Text),
        "image" => media(MediaKind::Image),
        "audio" => media(MediaKind::Audio),
        "video" => media(MediaKind::Video),
        "document" => media(MediaKind::Document),
        "sticker" => media(MediaKind::Sticker),
        // In very old messages.
        "voice" => Some(Content::Media(Media { voice: true, ..Media::read(MediaKind::Audio, inner?)? })),
        "location" => Location::read(inner?).map(Content::Location),
        "contacts" => contacts(message).map(Content::Contacts),
        "interactive" => interactive(inner?),
        "button" => button(inner?).map(Content::Choice),
        "reaction" => Some(Content::Reaction { to: inner?.id("message_id")?, emoji: inner?.text("emoji") }),
        "order" => Order::read(inner?).map(Content::Order),
        "system" => system(inner?),
        _ => None,
    }
}

fn unsupported(kind: &str, message: &Object) -> Content {
    let inner = || message.object(kind).and_then(|it| it.text("type"));
    let kind = match kind {
        "unsupported" => inner().unwrap_or_else(|| "unknown".to_owned()),
        // It is the reply that is not known.
        "interactive" => inner().unwrap_or_else(|| kind.to_owned()),
        _ => kind.replace('\0', ""),
    };
    let error = message.objects("errors").find_map(ApiError::read);
    Content::Unsupported { kind: cut(&kind, MOST_KIND_CHARS), error }
}

impl MediaKind {
    /// Meta's word for it.
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
    fn read(kind: MediaKind, media: &Object) -> Option<Self> {
        Some(Self {
            kind,
            id: media.id("id")?,
            url: media.text("url"),
            mime_type: mime_type(media.text("mime_type")),
            sha256: media.text("sha256").as_deref().and_then(sha256),
            filename: media.text("filename"),
            caption: media.text("caption"),
            voice: media.is_true("voice"),
            animated: media.is_true("animated"),
        })
    }
}

/// A MIME type in lower case, without its parameters.
pub(crate) fn mime_type(text: Option<String>) -> String {
    let text = text.unwrap_or_default().to_ascii_lowercase();
    let plain = text.split(';').next().unwrap_or_default().trim();
    let is_type = plain.len() <= 100
        && plain.split_once('/').is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty())
        && plain.bytes().all(|it| it.is_ascii_alphanumeric() || b"/.+-_".contains(&it));
    if is_type { plain.to_owned() } else { "application/octet-stream".to_owned() }
}

impl Location {
    fn read(location: &Object) -> Option<Self> {
        Some(Self {
            latitude: location.number("latitude")?,
            longitude: location.number("longitude")?,
            name: location.text("name"),
            address: location.text("address"),
            url: location.text("url"),
        })
    }
}

fn contacts(message: &Object) -> Option<Vec<ContactCard>> {
    // Where it stands is told differently.
    let origin = |it: &Object| it.text("origin").is_some_and(|it| it == "contact_request");
    let cards: Vec<ContactCard> = message
        .objects("contacts")
        .map(|card| ContactCard { requested: origin(card) || origin(message), ..ContactCard::read(card) })
        .collect();
    if cards.is_empty() { None } else { Some(cards) }
}

impl ContactCard {
    fn read(card: &Object) -> Self {
        let name = card.object("name").and_then(|name| {
            let parts = || [name.text("first_name"), name.text("last_name")].into_iter().flatten().collect::<Vec<_>>();
            name.text("formatted_name").or_else(|| Some(parts().join(" "))).filter(|it| !it.is_empty())
        });
        let phone = |it: &Object| {
            let wa_id = wa_id(it, "wa_id");
            let number = it.text("phone").or_else(|| Some(format!("+{}", wa_id.as_ref()?)))?;
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

fn interactive(interactive: &Object) -> Option<Content> {
    let kind = interactive.text("type")?;
    let reply = interactive.object(&kind)?;
    match kind.as_str() {
        "button_reply" | "list_reply" => {
            let id = reply.string("id").filter(|it| !it.is_empty());
            let title = reply.text("title").or_else(|| id.clone())?;
            Some(Content::Choice(Choice {
                id: id.unwrap_or_else(|| title.clone()),
                title,
                description: reply.text("description"),
            }))
        }
        "nfm_reply" => Some(Content::Form(Form::read(reply))),
        _ => None,
    }
}

fn button(button: &Object) -> Option<Choice> {
    let payload = button.string("payload").filter(|it| !it.is_empty());
    let title = button.text("text").or_else(|| payload.clone())?;
    Some(Choice { id: payload.unwrap_or_else(|| title.clone()), title, description: None })
}

impl Form {
    fn read(reply: &Object) -> Self {
        // JSON in a string, or, for those who know better, an object.
        let response = match reply.get("response_json") {
            Some(Value::String(json)) => object(json).unwrap_or_default(),
            Some(Value::Object(response)) => response.clone(),
            _ => Object::new(),
        };
        let shown = |value: &Value| match value {
            Value::String(text) => text.replace('\0', ""),
            other => other.to_string(),
        };
        // The token is ours, or nobody's.
        let answers = response.iter().filter(|(name, _)| *name != "flow_token");
        Self {
            name: reply.text("name"),
            body: reply.text("body"),
            answers: answers.map(|(name, value)| (name.replace('\0', ""), shown(value))).collect(),
        }
    }
}

impl Order {
    fn read(order: &Object) -> Option<Self> {
        let item = |it: &Object| {
            let price = it.id("item_price").map(|price| match it.text("currency") {
                Some(currency) => format!("{price} {currency}"),
                None => price,
            });
            Some(OrderItem { id: it.id("product_retailer_id")?, quantity: it.integer("quantity").unwrap_or(1), price })
        };
        let items: Vec<OrderItem> = order.objects("product_items").filter_map(item).collect();
        if items.is_empty() {
            return None;
        }
        Some(Self { catalog_id: order.id("catalog_id"), text: order.text("text"), items })
    }
}

fn system(system: &Object) -> Option<Content> {
    let kind = system.text("type").unwrap_or_default();
    let changed = matches!(kind.as_str(), "user_changed_number" | "customer_changed_number" | "user_changed_user_id");
    // The older name of it; `customer` beside it is the former id.
    let (wa_id, bsuid) = (wa_id(system, "wa_id").or_else(|| wa_id(system, "new_wa_id")), system.id("user_id"));
    if changed && (wa_id.is_some() || bsuid.is_some()) {
        return Some(Content::IdentityChanged { wa_id, bsuid });
    }
    let words = system.text("body").or(if kind.is_empty() { None } else { Some(kind.replace('_', " ")) });
    words.map(Content::System)
}

fn edited(edit: &Object) -> Option<Content> {
    let message = edit.object("message")?;
    let kind = message.text("type")?;
    // Not `Content::read`: a change of a change would be read without end.
    let content = plain(&kind, message).unwrap_or_else(|| unsupported(&kind, message));
    Some(Content::Edited { of: edit.id("original_message_id")?, content: Box::new(content) })
}
