//! The text that staff read for each content of a guest message.

use crate::content::{
    CallPermission, CatalogOrder, ChosenOption, ContactCard, Form, Location, Media, MediaKind, MessageContent,
    OrderItem,
};
use crate::text::truncate;

/// Maximum length of a text generated for staff, the same as for messages of staff.
const MAX_GENERATED_CHARS: usize = 4096;
/// Meta's code for a type of message that it does not support.
const UNSUPPORTED_TYPE: i64 = 131051;

impl MessageContent {
    /// Returns the text that staff read: never empty, trimmed, without NUL characters.
    ///
    /// Text written by the guest is never truncated. Generated text is truncated to 4,096 characters.
    pub fn display_text(&self) -> String {
        let generated = match self {
            Self::Text(text) => return non_blank(text).unwrap_or_else(|| "[empty message]".to_owned()),
            Self::Media(media) => match media.caption.as_deref().and_then(non_blank) {
                Some(caption) => return caption,
                None => describe_file(media),
            },
            Self::Edited { content, .. } => return format!("[edited] {}", content.display_text()),
            Self::Location(location) => describe_location(location),
            Self::Contacts(cards) => cards.iter().map(describe_card).collect::<Vec<_>>().join("\n"),
            Self::Choice(choice) => describe_choice(choice),
            Self::Form(form) => describe_form(form),
            Self::Reaction { emoji: Some(emoji), .. } => format!("[reaction] {emoji}"),
            Self::Reaction { emoji: None, .. } => "[reaction removed]".to_owned(),
            Self::Order(order) => describe_order(order),
            Self::IdentityChanged { wa_id, .. } => match wa_id {
                Some(wa_id) => format!("[number changed] The guest's WhatsApp number is now +{wa_id}."),
                None => "[number changed] The guest has changed their WhatsApp number.".to_owned(),
            },
            Self::CallPermission(permission) => describe_call_permission(*permission),
            Self::ChatOpened => "[chat opened] The guest has opened the chat and written nothing yet.".to_owned(),
            Self::System(text) => format!("[WhatsApp] {text}"),
            Self::Revoked { .. } => "[message deleted]".to_owned(),
            Self::Unsupported { kind, error } => match error {
                // The sentence of an error that only says "unsupported" adds nothing to the name of the type.
                Some(error) if error.code != UNSUPPORTED_TYPE => format!("[unsupported: {kind}] {}", error.sentence()),
                _ => format!("[unsupported: {kind}]"),
            },
        };
        truncate(&generated.replace('\0', ""), MAX_GENERATED_CHARS)
    }
}

fn non_blank(text: &str) -> Option<String> {
    let text = text.replace('\0', "");
    let text = text.trim();
    if text.is_empty() { None } else { Some(text.to_owned()) }
}

fn describe_file(media: &Media) -> String {
    let label = match media.kind {
        MediaKind::Image => "[image]",
        MediaKind::Audio if media.voice => "[voice message]",
        MediaKind::Audio => "[audio]",
        MediaKind::Video => "[video]",
        MediaKind::Document => "[document]",
        MediaKind::Sticker => "[sticker]",
    };
    join_label(label, media.filename.as_deref().unwrap_or_default())
}

fn join_label(label: &str, rest: &str) -> String {
    format!("{label} {rest}").trim().to_owned()
}

fn describe_location(location: &Location) -> String {
    let position = format!("{}, {}", location.latitude, location.longitude);
    let names: Vec<&str> = [&location.name, &location.address].into_iter().flatten().map(String::as_str).collect();
    match names.as_slice() {
        [] => format!("[location] {position}"),
        names => format!("[location] {} ({position})", names.join(", ")),
    }
}

fn describe_card(card: &ContactCard) -> String {
    let phones = card.phones.iter().map(|it| it.number.as_str());
    let name = card.name.as_deref().or(card.company.as_deref());
    let parts: Vec<&str> = name.into_iter().chain(phones).chain(card.emails.iter().map(String::as_str)).collect();
    join_label("[contact]", &parts.join(" "))
}

fn describe_choice(choice: &ChosenOption) -> String {
    [&choice.title, &choice.id].into_iter().find_map(|it| non_blank(it)).unwrap_or_else(|| "[choice]".to_owned())
}

fn describe_form(form: &Form) -> String {
    let title = form.name.as_deref().or(form.body.as_deref()).unwrap_or_default();
    let answers = form.answers.iter().map(|(name, answer)| format!("{name}: {answer}"));
    std::iter::once(join_label("[form]", title)).chain(answers).collect::<Vec<_>>().join("\n")
}

fn describe_call_permission(permission: CallPermission) -> String {
    match (permission.is_granted, permission.expires_at) {
        (true, Some(at)) => {
            format!("[call permission] The guest allows calls until {} UTC.", at.format("%Y-%m-%d %H:%M"))
        }
        (true, None) => "[call permission] The guest allows calls.".to_owned(),
        (false, _) => "[call permission] The guest does not allow calls.".to_owned(),
    }
}

fn describe_order(order: &CatalogOrder) -> String {
    let item = |item: &OrderItem| match &item.price {
        Some(price) => format!("{} × {} ({price})", item.quantity, item.id),
        None => format!("{} × {}", item.quantity, item.id),
    };
    let items: Vec<String> = order.items.iter().map(item).collect();
    let list = format!("[order] {}", items.join(", "));
    order.text.as_ref().map_or(list.clone(), |text| format!("{list}\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_error::ApiError;
    use crate::content::CardPhone;

    fn media(kind: MediaKind, voice: bool, filename: Option<&str>, caption: Option<&str>) -> MessageContent {
        MessageContent::Media(Media {
            kind,
            id: "1".into(),
            url: None,
            mime_type: "a/b".into(),
            sha256: None,
            filename: filename.map(Into::into),
            caption: caption.map(Into::into),
            voice,
            animated: false,
        })
    }

    fn location(name: Option<&str>, address: Option<&str>) -> MessageContent {
        let (name, address) = (name.map(Into::into), address.map(Into::into));
        MessageContent::Location(Location { latitude: 51.5007, longitude: -0.1246, name, address, url: None })
    }

    fn unsupported(code: Option<i64>) -> MessageContent {
        let error = code.map(|code| ApiError { code, title: None, details: None, trace: None, transient: false });
        MessageContent::Unsupported { kind: "poll_creation".into(), error }
    }

    fn contact_card() -> ContactCard {
        let phones = vec![CardPhone { number: "+44 7700 900456".into(), wa_id: None }];
        ContactCard { name: Some("Ben Guest".into()), phones, ..Default::default() }
    }

    #[test]
    fn every_content_has_a_text_for_staff() {
        let choice = |title: &str| {
            MessageContent::Choice(ChosenOption { id: "late".into(), title: title.into(), description: None })
        };
        let brunch = OrderItem { id: "BRUNCH-2".into(), quantity: 2, price: Some("24.5 GBP".into()) };
        let tea = OrderItem { id: "TEA".into(), quantity: 1, price: None };
        for (content, expected) in [
            (MessageContent::Text("  Is the pool\n heated? ".into()), "Is the pool\n heated?"),
            (MessageContent::Text("\0 \u{2003}".into()), "[empty message]"),
            (media(MediaKind::Image, false, None, None), "[image]"),
            (media(MediaKind::Image, false, None, Some(" Broken\0 lamp")), "Broken lamp"),
            (media(MediaKind::Audio, true, None, None), "[voice message]"),
            (media(MediaKind::Audio, false, None, None), "[audio]"),
            (media(MediaKind::Video, false, None, Some(" ")), "[video]"),
            (media(MediaKind::Document, false, Some("voucher.pdf"), None), "[document] voucher.pdf"),
            (media(MediaKind::Document, false, Some("voucher.pdf"), Some("Booking")), "Booking"),
            (media(MediaKind::Sticker, false, None, None), "[sticker]"),
            (
                location(Some("Westminster Pier"), Some("Victoria Embankment, London")),
                "[location] Westminster Pier, Victoria Embankment, London (51.5007, -0.1246)",
            ),
            (location(None, None), "[location] 51.5007, -0.1246"),
            (MessageContent::Contacts(vec![contact_card()]), "[contact] Ben Guest +44 7700 900456"),
            (
                MessageContent::Contacts(vec![contact_card(), ContactCard::default()]),
                "[contact] Ben Guest +44 7700 900456\n[contact]",
            ),
            (choice("Yes please"), "Yes please"),
            (choice(" "), "late"),
            (
                MessageContent::Form(Form {
                    name: Some("flow".into()),
                    body: None,
                    answers: vec![("time".into(), "9".into())],
                }),
                "[form] flow\ntime: 9",
            ),
            (MessageContent::Form(Form::default()), "[form]"),
            (MessageContent::Reaction { to: "w".into(), emoji: Some("👍".into()) }, "[reaction] 👍"),
            (MessageContent::Reaction { to: "w".into(), emoji: None }, "[reaction removed]"),
            (
                MessageContent::Order(CatalogOrder {
                    catalog_id: None,
                    text: Some("Soon".into()),
                    items: vec![brunch, tea],
                }),
                "[order] 2 × BRUNCH-2 (24.5 GBP), 1 × TEA\nSoon",
            ),
            (
                MessageContent::IdentityChanged { wa_id: Some("447700900789".into()), bsuid: None },
                "[number changed] The guest's WhatsApp number is now +447700900789.",
            ),
            (MessageContent::System("Hello".into()), "[WhatsApp] Hello"),
            (
                MessageContent::Edited { of: "w".into(), content: Box::new(MessageContent::Text("At nine".into())) },
                "[edited] At nine",
            ),
            (MessageContent::Revoked { of: "w".into() }, "[message deleted]"),
            (unsupported(None), "[unsupported: poll_creation]"),
            (unsupported(Some(131051)), "[unsupported: poll_creation]"),
            (
                unsupported(Some(131060)),
                "[unsupported: poll_creation] WhatsApp could not pass on what the guest wrote. Please ask them to send \
                 it again.",
            ),
        ] {
            assert_eq!(content.display_text(), expected);
        }
    }

    #[test]
    fn only_generated_text_is_truncated() {
        let long = "é".repeat(5000);
        assert_eq!(MessageContent::Text(long.clone()).display_text(), long);
        assert_eq!(media(MediaKind::Video, false, None, Some(&long)).display_text(), long);
        for content in [
            media(MediaKind::Document, false, Some(&long), None),
            location(Some(&long), None),
            MessageContent::Contacts(vec![contact_card(); 500]),
            MessageContent::System(long.clone()),
            MessageContent::Choice(ChosenOption { id: String::new(), title: long.clone(), description: None }),
        ] {
            let text = content.display_text();
            assert!(text.chars().count() <= 4096 && text.ends_with('…'), "{}", text.len());
        }
    }
}
