//! What staff read of a message.

use crate::content::{Choice, ContactCard, Content, Form, Location, Media, MediaKind, Order};

/// As long as a message of staff may be.
const MOST_CHARS: usize = 4096;

impl Content {
    /// What staff read of it: never empty, without NUL, and without white space around it.
    ///
    /// What a guest wrote is given whole, however long it is. All that is put together here has at most
    /// 4,096 characters; what is over is cut, and an ellipsis tells of it.
    pub fn text(&self) -> String {
        let shown = match self {
            Self::Text(text) => return written(text).unwrap_or_else(|| "[empty message]".to_owned()),
            Self::Media(media) => match media.caption.as_deref().and_then(written) {
                Some(caption) => return caption,
                None => file(media),
            },
            Self::Edited { content, .. } => return format!("[edited] {}", content.text()),
            Self::Location(location) => place(location),
            Self::Contacts(cards) => cards.iter().map(card).collect::<Vec<_>>().join("\n"),
            Self::Choice(choice) => chosen(choice),
            Self::Form(form) => filled_in(form),
            Self::Reaction { emoji: Some(emoji), .. } => format!("[reaction] {emoji}"),
            Self::Reaction { emoji: None, .. } => "[reaction removed]".to_owned(),
            Self::Order(order) => ordered(order),
            Self::IdentityChanged { wa_id, .. } => match wa_id {
                Some(wa_id) => format!("[number changed] The guest's WhatsApp number is now +{wa_id}."),
                None => "[number changed] The guest has changed their WhatsApp number.".to_owned(),
            },
            Self::System(words) => format!("[WhatsApp] {words}"),
            Self::Revoked { .. } => "[message deleted]".to_owned(),
            Self::Unsupported { kind, error } => match error {
                // For its kind alone the words in brackets say all.
                Some(error) if error.code != 131051 => format!("[unsupported: {kind}] {}", error.sentence()),
                _ => format!("[unsupported: {kind}]"),
            },
        };
        cut(&shown.replace('\0', ""), MOST_CHARS)
    }
}

fn written(text: &str) -> Option<String> {
    let text = text.replace('\0', "");
    let text = text.trim();
    if text.is_empty() { None } else { Some(text.to_owned()) }
}

/// At most so many characters, the last of them an ellipsis where some are left out.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

fn file(media: &Media) -> String {
    let label = match media.kind {
        MediaKind::Image => "[image]",
        MediaKind::Audio if media.voice => "[voice message]",
        MediaKind::Audio => "[audio]",
        MediaKind::Video => "[video]",
        MediaKind::Document => "[document]",
        MediaKind::Sticker => "[sticker]",
    };
    with(label, media.filename.as_deref().unwrap_or_default())
}

/// The label and what follows it, if anything does.
fn with(label: &str, rest: &str) -> String {
    format!("{label} {rest}").trim().to_owned()
}

fn place(location: &Location) -> String {
    let position = format!("{}, {}", location.latitude, location.longitude);
    let known: Vec<&str> = [&location.name, &location.address].into_iter().flatten().map(String::as_str).collect();
    match known.as_slice() {
        [] => format!("[location] {position}"),
        known => format!("[location] {} ({position})", known.join(", ")),
    }
}

fn card(card: &ContactCard) -> String {
    let phones = card.phones.iter().map(|it| it.number.as_str());
    let named = card.name.as_deref().or(card.company.as_deref());
    let all: Vec<&str> = named.into_iter().chain(phones).chain(card.emails.iter().map(String::as_str)).collect();
    with("[contact]", &all.join(" "))
}

fn chosen(choice: &Choice) -> String {
    [&choice.title, &choice.id].into_iter().find_map(|it| written(it)).unwrap_or_else(|| "[choice]".to_owned())
}

fn filled_in(form: &Form) -> String {
    let title = form.name.as_deref().or(form.body.as_deref()).unwrap_or_default();
    let answers = form.answers.iter().map(|(name, answer)| format!("{name}: {answer}"));
    std::iter::once(with("[form]", title)).chain(answers).collect::<Vec<_>>().join("\n")
}

fn ordered(order: &Order) -> String {
    let item = |it: &crate::OrderItem| match &it.price {
        Some(price) => format!("{} × {} ({price})", it.quantity, it.id),
        None => format!("{} × {}", it.quantity, it.id),
    };
    let items: Vec<String> = order.items.iter().map(item).collect();
    let list = format!("[order] {}", items.join(", "));
    order.text.as_ref().map_or(list.clone(), |text| format!("{list}\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiError;
    use crate::content::{CardPhone, OrderItem};

    fn media(kind: MediaKind, voice: bool, filename: Option<&str>, caption: Option<&str>) -> Content {
        Content::Media(Media {
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

    fn pier(name: Option<&str>, address: Option<&str>) -> Content {
        let (name, address) = (name.map(Into::into), address.map(Into::into));
        Content::Location(Location { latitude: 51.5007, longitude: -0.1246, name, address, url: None })
    }

    fn unsupported(code: Option<i64>) -> Content {
        let error = code.map(|code| ApiError { code, title: None, details: None, trace: None, transient: false });
        Content::Unsupported { kind: "poll_creation".into(), error }
    }

    fn ben() -> ContactCard {
        let phones = vec![CardPhone { number: "+44 7700 900456".into(), wa_id: None }];
        ContactCard { name: Some("Ben Guest".into()), phones, ..Default::default() }
    }

    #[test]
    fn staff_read_it_all() {
        let choice =
            |title: &str| Content::Choice(Choice { id: "late".into(), title: title.into(), description: None });
        let brunch = OrderItem { id: "BRUNCH-2".into(), quantity: 2, price: Some("24.5 GBP".into()) };
        let tea = OrderItem { id: "TEA".into(), quantity: 1, price: None };
        for (content, shown) in [
            (Content::Text("  Is the pool\n heated? ".into()), "Is the pool\n heated?"),
            (Content::Text("\0 \u{2003}".into()), "[empty message]"),
            (media(MediaKind::Image, false, None, None), "[image]"),
            (media(MediaKind::Image, false, None, Some(" Broken\0 lamp")), "Broken lamp"),
            (media(MediaKind::Audio, true, None, None), "[voice message]"),
            (media(MediaKind::Audio, false, None, None), "[audio]"),
            (media(MediaKind::Video, false, None, Some(" ")), "[video]"),
            (media(MediaKind::Document, false, Some("voucher.pdf"), None), "[document] voucher.pdf"),
            (media(MediaKind::Document, false, Some("voucher.pdf"), Some("Booking")), "Booking"),
            (media(MediaKind::Sticker, false, None, None), "[sticker]"),
            (
                pier(Some("Westminster Pier"), Some("Victoria Embankment, London")),
                "[location] Westminster Pier, Victoria Embankment, London (51.5007, -0.1246)",
            ),
            (pier(None, None), "[location] 51.5007, -0.1246"),
            (Content::Contacts(vec![ben()]), "[contact] Ben Guest +44 7700 900456"),
            (Content::Contacts(vec![ben(), ContactCard::default()]), "[contact] Ben Guest +44 7700 900456\n[contact]"),
            (choice("Yes please"), "Yes please"),
            (choice(" "), "late"),
            (
                Content::Form(Form {
                    name: Some("flow".into()),
                    body: None,
                    answers: vec![("time".into(), "9".into())],
                }),
                "[form] flow\ntime: 9",
            ),
            (Content::Form(Form::default()), "[form]"),
            (Content::Reaction { to: "w".into(), emoji: Some("👍".into()) }, "[reaction] 👍"),
            (Content::Reaction { to: "w".into(), emoji: None }, "[reaction removed]"),
            (
                Content::Order(Order { catalog_id: None, text: Some("Soon".into()), items: vec![brunch, tea] }),
                "[order] 2 × BRUNCH-2 (24.5 GBP), 1 × TEA\nSoon",
            ),
            (
                Content::IdentityChanged { wa_id: Some("447700900789".into()), bsuid: None },
                "[number changed] The guest's WhatsApp number is now +447700900789.",
            ),
            (Content::System("Hello".into()), "[WhatsApp] Hello"),
            (
                Content::Edited { of: "w".into(), content: Box::new(Content::Text("At nine".into())) },
                "[edited] At nine",
            ),
            (Content::Revoked { of: "w".into() }, "[message deleted]"),
            (unsupported(None), "[unsupported: poll_creation]"),
            (unsupported(Some(131051)), "[unsupported: poll_creation]"),
            (
                unsupported(Some(131060)),
                "[unsupported: poll_creation] WhatsApp could not pass on what the guest wrote. Please ask them to send \
                 it again.",
            ),
        ] {
            assert_eq!(content.text(), shown);
        }
    }

    #[test]
    fn a_guests_words_are_whole_and_ours_are_not_too_long() {
        let long = "é".repeat(5000);
        assert_eq!(Content::Text(long.clone()).text(), long);
        assert_eq!(media(MediaKind::Video, false, None, Some(&long)).text(), long);
        for content in [
            media(MediaKind::Document, false, Some(&long), None),
            pier(Some(&long), None),
            Content::Contacts(vec![ben(); 500]),
            Content::System(long.clone()),
            Content::Choice(Choice { id: String::new(), title: long.clone(), description: None }),
        ] {
            let text = content.text();
            assert!(text.chars().count() <= 4096 && text.ends_with('…'), "{}", text.len());
        }
    }
}
