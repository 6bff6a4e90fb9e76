use super::*;
use crate::content::{CardPhone, CatalogOrder, ChosenOption, ContactCard, Form, Location, Media, MediaKind, OrderItem};
use crate::references::Forwarding;
use serde_json::{Value, json};

/// Returns an example message of Meta's documentation by its wamid.
fn sample(wamid: &str) -> Value {
    let samples =
        include_str!("../../samples/messages.jsonl").lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
    samples.into_iter().find(|it| it["id"] == wamid).unwrap()
}

fn parse(message: &Value) -> InboundMessage {
    InboundMessage::parse(message.as_object().unwrap(), &[], true).unwrap().0
}

fn content(message: &Value) -> MessageContent {
    parse(message).content
}

/// Returns a guest message of this type, whose content is the JSON object of the same name.
fn message(kind: &str, inner: Value) -> Value {
    json!({"from": "447700900123", "id": "w", "timestamp": "1", "type": kind, kind: inner})
}

fn parse_sender(message: Value, contacts: &[Value], is_only: bool) -> Result<SenderIdentity, &'static str> {
    let raw: Vec<String> = contacts.iter().map(Value::to_string).collect();
    let contacts: Vec<SenderContact<'_>> = raw.iter().filter_map(|it| SenderContact::parse(it)).collect();
    InboundMessage::parse(message.as_object().unwrap(), &contacts, is_only).map(|(message, _)| message.from)
}

#[test]
fn every_documented_type_has_a_text_for_staff() {
    for (wamid, text) in [
        ("wamid.A01", "Is the pool heated?"),
        ("wamid.A02", "Broken lamp"),
        ("wamid.A03", "[voice message]"),
        ("wamid.A04", "Noise at 2am"),
        ("wamid.A05", "Booking"),
        ("wamid.A06", "[sticker]"),
        ("wamid.A07", "[location] Westminster Pier, Victoria Embankment, London (51.5007, -0.1246)"),
        ("wamid.A08", "[contact] Ben Guest +44 7700 900456 ben@example.com"),
        ("wamid.A09", "Yes please"),
        ("wamid.A10", "Fresh towels"),
        ("wamid.A11", "Confirm"),
        ("wamid.A12", "[reaction] 👍"),
        ("wamid.A13", "[order] 1 × BRUNCH-2 (24.5 GBP)"),
        ("wamid.A14", "[number changed] The guest's WhatsApp number is now +447700900789."),
        ("wamid.A15", "[unsupported: poll_creation]"),
    ] {
        let message = parse(&sample(wamid));
        assert_eq!((message.wamid.as_str(), message.content.display_text().as_str()), (wamid, text));
        assert_eq!(message.from.wa_id.as_deref(), Some("447700900123"));
        assert_eq!(message.at.timestamp() - 1_793_000_000, wamid[7..].parse::<i64>().unwrap());
        let no_window = ["wamid.A12", "wamid.A14"].contains(&wamid);
        assert_eq!(message.content.opens_window(), !no_window, "{wamid}");
    }
}

#[test]
fn all_fields_of_files_are_parsed() {
    let MessageContent::Media(image) = content(&sample("wamid.A02")) else { panic!() };
    let sha256 = sample("wamid.A02")["image"].as_object().unwrap().sha256("sha256");
    assert!(sha256.is_some());
    let expected = Media {
        kind: MediaKind::Image,
        id: "900000000000001".into(),
        url: Some("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=900000000000001".into()),
        mime_type: "image/jpeg".into(),
        sha256,
        filename: None,
        caption: Some("Broken lamp".into()),
        voice: false,
        animated: false,
    };
    assert_eq!(image, expected);
    let MessageContent::Media(voice) = content(&sample("wamid.A03")) else { panic!() };
    assert_eq!((voice.mime_type.as_str(), voice.voice, voice.kind), ("audio/ogg", true, MediaKind::Audio));
    let MessageContent::Media(document) = content(&sample("wamid.A05")) else { panic!() };
    assert_eq!((document.filename.as_deref(), document.kind), (Some("voucher.pdf"), MediaKind::Document));
    let MessageContent::Media(old) = content(&message("voice", json!({"id": 7, "mime_type": "x"}))) else { panic!() };
    assert_eq!((old.id.as_str(), old.mime_type.as_str(), old.voice), ("7", "application/octet-stream", true));
    assert_eq!(content(&message("sticker", json!({"id": "7", "animated": true}))).display_text(), "[sticker]");
}

#[test]
fn most_fields_of_locations_and_contact_cards_are_optional() {
    let location = content(&message("location", json!({"latitude": "51.5", "longitude": -0.1})));
    let (latitude, longitude) = (51.5, -0.1);
    assert_eq!(
        location,
        MessageContent::Location(Location { latitude, longitude, name: None, address: None, url: None })
    );
    assert_eq!(
        content(&message("location", json!({"latitude": "NaN", "longitude": 1}))).display_text(),
        "[unsupported: location]"
    );
    let cards = json!({
        "from": "447700900123", "id": "w", "timestamp": "1", "type": "contacts", "origin": "contact_request",
        "contacts": [{"phones": [{"wa_id": "447700900456"}, {}]}, 7, {"name": {"first_name": "Ben", "last_name": "Guest"}}]
    });
    let phones = vec![CardPhone { number: "+447700900456".into(), wa_id: Some("447700900456".into()) }];
    let hidden = ContactCard { phones, requested: true, ..Default::default() };
    let ben = ContactCard { name: Some("Ben Guest".into()), requested: true, ..Default::default() };
    assert_eq!(content(&cards), MessageContent::Contacts(vec![hidden, ben]));
}

#[test]
fn choices_and_forms_are_parsed() {
    let choice = |id: &str, title: &str, description: Option<&str>| {
        MessageContent::Choice(ChosenOption {
            id: id.into(),
            title: title.into(),
            description: description.map(Into::into),
        })
    };
    assert_eq!(content(&sample("wamid.A09")), choice("late-checkout-yes", "Yes please", None));
    assert_eq!(content(&sample("wamid.A10")), choice("svc-towels", "Fresh towels", Some("Within 30 minutes")));
    assert_eq!(content(&sample("wamid.A11")), choice("CONFIRM_ARRIVAL", "Confirm", None));
    assert_eq!(content(&message("button", json!({"text": "Confirm"}))), choice("Confirm", "Confirm", None));
    let form =
        json!({"name": "arrival", "body": "Sent", "response_json": "{\"flow_token\":\"x\",\"time\":\"9\",\"beds\":2}"});
    let answers = vec![("beds".into(), "2".into()), ("time".into(), "9".into())];
    let expected = Form { name: Some("arrival".into()), body: Some("Sent".into()), answers };
    assert_eq!(
        content(&message("interactive", json!({"type": "nfm_reply", "nfm_reply": form}))),
        MessageContent::Form(expected)
    );
}

#[test]
fn a_reaction_may_be_removed() {
    let reaction = |inner| content(&message("reaction", inner));
    let to = || "wamid.B04".to_owned();
    assert_eq!(content(&sample("wamid.A12")), MessageContent::Reaction { to: to(), emoji: Some("👍".into()) });
    for removed in [json!({"message_id": "wamid.B04", "emoji": ""}), json!({"message_id": "wamid.B04"})] {
        assert_eq!(reaction(removed), MessageContent::Reaction { to: to(), emoji: None });
    }
}

#[test]
fn an_order_is_parsed() {
    let MessageContent::Order(order) = content(&sample("wamid.A13")) else { panic!() };
    let item = OrderItem { id: "BRUNCH-2".into(), quantity: 1, price: Some("24.5 GBP".into()) };
    assert_eq!(order, CatalogOrder { catalog_id: Some("800000000000001".into()), text: None, items: vec![item] });
}

#[test]
fn identity_changes_have_several_forms() {
    let system = |inner| content(&message("system", inner));
    let changed = |wa_id: Option<&str>, bsuid: Option<&str>| MessageContent::IdentityChanged {
        wa_id: wa_id.map(Into::into),
        bsuid: bsuid.map(Into::into),
    };
    assert_eq!(content(&sample("wamid.A14")), changed(Some("447700900789"), None));
    for (inner, expected) in [
        (
            json!({"type": "customer_changed_number", "new_wa_id": "+4477", "customer": "4466"}),
            changed(Some("4477"), None),
        ),
        (json!({"type": "user_changed_user_id", "user_id": "GB.2"}), changed(None, Some("GB.2"))),
        (
            json!({"type": "user_changed_user_id", "user_id": "GB.2", "wa_id": "4477"}),
            changed(Some("4477"), Some("GB.2")),
        ),
        (json!({"type": "user_changed_number", "customer": "4466", "body": "x"}), MessageContent::System("x".into())),
        (
            json!({"type": "customer_identity_changed", "wa_id": "4477", "body": "Ada's code changed"}),
            MessageContent::System("Ada's code changed".into()),
        ),
        (json!({"type": "something_new"}), MessageContent::System("something new".into())),
    ] {
        assert_eq!(system(inner), expected);
    }
}

#[test]
fn an_edit_is_parsed_without_recursion() {
    let text = json!({"type": "text", "text": {"body": "At nine"}});
    let edit = content(&message("edit", json!({"original_message_id": "wamid.A01", "message": text})));
    assert_eq!(
        edit,
        MessageContent::Edited { of: "wamid.A01".into(), content: Box::new(MessageContent::Text("At nine".into())) }
    );
    let of_edit = json!({"type": "edit", "edit": {"original_message_id": "w", "message": text}});
    let edit = content(&message("edit", json!({"original_message_id": "wamid.A01", "message": of_edit})));
    assert_eq!(edit.display_text(), "[edited] [unsupported: edit]");
    let revoke = content(&message("revoke", json!({"original_message_id": "wamid.A01"})));
    assert_eq!(revoke, MessageContent::Revoked { of: "wamid.A01".into() });
}

#[test]
fn content_without_required_fields_is_unsupported() {
    for (kind, inner, text) in [
        ("foo", json!({"type": "bar"}), "[unsupported: foo]"),
        ("text", json!({}), "[unsupported: text]"),
        ("text", json!("x"), "[unsupported: text]"),
        ("image", json!({"mime_type": "image/png"}), "[unsupported: image]"),
        ("interactive", json!(null), "[unsupported: interactive]"),
        ("interactive", json!({"type": "list_reply"}), "[unsupported: list_reply]"),
        (
            "interactive",
            json!({"type": "call_permission_reply", "call_permission_reply": {}}),
            "[unsupported: call_permission_reply]",
        ),
        ("contacts", json!([]), "[unsupported: contacts]"),
        ("reaction", json!({"emoji": "👍"}), "[unsupported: reaction]"),
        ("order", json!({"product_items": [{}]}), "[unsupported: order]"),
        ("system", json!({}), "[unsupported: system]"),
        ("edit", json!({"original_message_id": "w"}), "[unsupported: edit]"),
        ("revoke", json!({}), "[unsupported: revoke]"),
        ("unsupported", json!(null), "[unsupported: unknown]"),
        ("a\0b", json!({}), "[unsupported: ab]"),
    ] {
        assert_eq!(content(&message(kind, inner)).display_text(), text);
    }
    let mut lost = message("image", json!(null));
    lost["errors"] = json!([{"code": 131052, "title": "Media download error"}]);
    assert!(content(&lost).display_text().contains("larger than 100 MB"));
}

#[test]
fn the_context_has_the_quoted_message_and_forwarding() {
    let with = |context: Value| {
        let mut message = sample("wamid.A01");
        message["context"] = context;
        let message = parse(&message);
        (message.quotes, message.references.forwarded)
    };
    assert_eq!(with(json!({"from": "442079460000", "id": "wamid.B01"})), (Some("wamid.B01".into()), Forwarding::No));
    assert_eq!(with(json!({"forwarded": true})), (None, Forwarding::Forwarded));
    assert_eq!(with(json!({"frequently_forwarded": true, "id": "w"})), (Some("w".into()), Forwarding::OftenForwarded));
    assert_eq!(with(json!("x")), (None, Forwarding::No));
}

#[test]
fn the_sender_gets_the_ids_of_the_matching_contact() {
    let text = |from: Value| {
        let mut message = json!({"id": "w", "timestamp": "1", "type": "text", "text": {"body": "a"}});
        message.as_object_mut().unwrap().extend(from.as_object().unwrap().clone());
        message
    };
    let ada = json!({"profile": {"name": "Ada"}, "wa_id": "447700900123", "user_id": "GB.1"});
    let ben = json!({"profile": {"name": "Ben"}, "wa_id": "447700900456", "user_id": "GB.2"});
    let is_ada = SenderIdentity {
        wa_id: Some("447700900123".into()),
        bsuid: Some("GB.1".into()),
        profile_name: Some("Ada".into()),
    };
    let both = [ben.clone(), ada.clone()];
    for from in [
        json!({"from": "+447700900123"}),
        json!({"from_user_id": "GB.1"}),
        json!({"from": "447700900123", "from_user_id": "GB.1"}),
    ] {
        assert_eq!(parse_sender(text(from), &both, false), Ok(is_ada.clone()));
    }
    // The only contact beside the only message is the sender, even if the message itself names no sender.
    assert_eq!(parse_sender(text(json!({})), std::slice::from_ref(&ada), true), Ok(is_ada));
    assert!(parse_sender(text(json!({})), &both, true).is_err());
    assert!(parse_sender(text(json!({})), std::slice::from_ref(&ada), false).is_err());
    // If the ids of the only contact differ from those of the sender, only the contact's name is used.
    let stranger = SenderIdentity { wa_id: Some("49".into()), ..Default::default() };
    let named = SenderIdentity { profile_name: Some("Ada".into()), ..stranger.clone() };
    assert_eq!(parse_sender(text(json!({"from": "49"})), std::slice::from_ref(&ada), true), Ok(named));
    assert_eq!(parse_sender(text(json!({"from": "49"})), std::slice::from_ref(&ada), false), Ok(stranger.clone()));
    let mixed = parse_sender(text(json!({"from": "447700900123", "from_user_id": "GB.9"})), &both, true).unwrap();
    assert_eq!((mixed.bsuid.as_deref(), mixed.profile_name), (Some("GB.9"), None));
    let nameless = json!({"user_id": "GB.3"});
    assert_eq!(
        parse_sender(text(json!({"from": "49"})), std::slice::from_ref(&nameless), true).unwrap().bsuid.as_deref(),
        Some("GB.3")
    );
    assert_eq!(parse_sender(text(json!({"from": "49"})), &[nameless], false), Ok(stranger));
}

#[test]
fn a_message_without_a_required_field_is_refused() {
    for field in ["id", "timestamp", "type", "from"] {
        let mut message = sample("wamid.A01");
        message.as_object_mut().unwrap().remove(field);
        assert!(parse_sender(message, &[], true).is_err(), "{field}");
    }
    let mut of_group = sample("wamid.A01");
    of_group["group_id"] = json!("g");
    assert_eq!(parse_sender(of_group, &[], true), Err("a message of a group"));
}

#[test]
fn answers_about_calls_and_opened_chats_are_shown() {
    let reply = |reply: Value| {
        let inner = json!({"type": "call_permission_reply", "call_permission_reply": reply});
        let content = content(&message("interactive", inner));
        (content.display_text(), content.opens_window())
    };
    let text = |words: &str| format!("[call permission] The guest {words}");
    let granted = json!({"response": "accept", "expiration_timestamp": "1793000000", "response_source": "user_action"});
    assert_eq!(reply(granted), (text("allows calls until 2026-10-26 07:33 UTC."), true));
    let lasting = json!({"response": "accept", "is_permanent": true, "expiration_timestamp": 1});
    assert_eq!(reply(lasting), (text("allows calls."), true));
    let automatic = json!({"response": "reject", "response_source": "automatic"});
    assert_eq!(reply(automatic), (text("does not allow calls."), false));
    assert_eq!(reply(json!({"response": "perhaps"})), ("[unsupported: call_permission_reply]".to_owned(), true));
    let opened = content(&json!({"from": "447700900123", "id": "w", "timestamp": "1", "type": "request_welcome"}));
    assert!(opened.display_text().starts_with("[chat opened]") && !opened.opens_window());
}

#[test]
fn references_do_not_change_what_the_guest_wrote() {
    let mut forwarded = message("text", json!({"body": "Hello"}));
    forwarded["context"] = json!({"forwarded": true});
    let parsed = parse(&forwarded);
    assert_eq!(
        (parsed.display_text().as_str(), parsed.content),
        ("[forwarded] Hello", MessageContent::Text("Hello".into()))
    );
}
