//! Compares responses with the JSON examples of the specification, field by field, and with their JSON schemas.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    Conversation, ConversationId, ConversationView, Delivery, DepartmentId, GuestId, HotelId, MessageId, Person, Quote,
    Reaction, Role, SenderType, StaffId, Status, StayId, UncheckedConversation,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::response::*;

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A conversation about a stay, in relay if a department has it, else active.
pub(crate) fn conversation(id: i64, stay: i64, department: Option<i64>) -> Conversation {
    let status = if department.is_some() { Status::Relay } else { Status::Active };
    let (id, hotel, guest) = (ConversationId(id), HotelId(1), GuestId(1));
    let (stay, department) = (Some(StayId(stay)), department.map(DepartmentId));
    let (assignee, snoozed_until) = (None, None);
    UncheckedConversation { id, hotel, guest, stay, status, department, assignee, snoozed_until }.try_into().unwrap()
}

/// The conversation in the specification's examples.
pub(crate) fn view() -> ConversationView {
    ConversationView {
        conversation: conversation(1, 1, Some(1)),
        guest_name: "John Doe".to_owned(),
        guest_phone: Some("+1234567890".to_owned()),
        room_number: Some("101".to_owned()),
        days: None,
        department_name: Some("Reception".to_owned()),
        assignee: None,
        last_message: Some(domain::conversation::LastMessage {
            content: "Hello, I need help with...".to_owned(),
            at: at("2025-09-23T10:30:00Z"),
            sender_type: SenderType::Guest,
            id: MessageId(2),
            sender_name: "John Doe".to_owned(),
            delivery: None,
            reactions: vec![],
        }),
        guest_messages: 0,
        read_guest_messages: 0,
        has_draft: false,
        waiting_since: None,
        response_due_at: None,
        unsent: Default::default(),
        last_guest_message_at: None,
        window_opened_at: None,
        on_whatsapp: false,
        labels: vec![domain::Label {
            id: domain::LabelId(5),
            name: domain::LabelName::parse("VIP").unwrap(),
            colour: domain::LabelColour::Amber,
        }],
        current_step: String::new(),
        context_data: "{}".to_owned(),
        created_at: at("2025-09-23T10:00:00Z"),
        updated_at: at("2025-09-23T10:30:00Z"),
    }
}

/// The second message in the specification's examples.
pub(crate) fn message() -> domain::Message {
    domain::Message {
        id: MessageId(2),
        conversation: ConversationId(1),
        stay: Some(StayId(1)),
        content: "Sure, I'm connecting you with our room service team.".to_owned(),
        sender_type: SenderType::Staff,
        author: Some(StaffId(7)),
        sender_name: "Reception Staff".to_owned(),
        at: at("2025-09-23T10:16:00Z"),
        delivery: Some(Delivery::Sent),
        failure: None,
        attachments: Vec::new(),
        internal: false,
        client_ref: None,
        reply_to: None,
        reactions: vec![],
        send_at: None,
        is_removed: false,
    }
}

/// Fails if a key of the example is missing or has another value. Additional keys are allowed.
#[track_caller]
pub(crate) fn assert_contains(ours: &Value, example: &Value) {
    match (example, ours) {
        (Value::Object(example), Value::Object(ours)) => {
            for (key, value) in example {
                assert_contains(ours.get(key).unwrap_or_else(|| panic!("{key} is missing")), value);
            }
        }
        (Value::Array(example), Value::Array(ours)) => {
            assert_eq!(example.len(), ours.len());
            example.iter().zip(ours).for_each(|(example, ours)| assert_contains(ours, example));
        }
        _ => assert_eq!(ours, example),
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn lists_match_the_specification() {
    let page =
        PageResponse { count: 1, next: None, previous: None, results: vec![ConversationResponse::from(&view())] };
    let specified = json!({
        "count": 1,
        "next": null,
        "previous": null,
        "results": [{
            "id": 1,
            "stay_id": 1,
            "guest_name": "John Doe",
            "room_number": "101",
            "status": "relay",
            "department_name": "Reception",
            "last_message": {
                "content": "Hello, I need help with...",
                "timestamp": "2025-09-23T10:30:00Z",
                "sender_type": "guest",
            },
            "updated_at": "2025-09-23T10:30:00Z",
        }],
    });
    let ours = json!(page);
    assert_contains(&ours, &specified);
    let added = ["assigned_to", "unread_count", "last_guest_message_at", "window_expires_at", "labels"];
    assert!(added.iter().all(|key| ours["results"][0].get(key).is_some()));
}

#[test]
fn details_match_the_specification() {
    let specified = json!({
        "id": 1,
        "stay_id": 1,
        "guest_name": "John Doe",
        "room_number": "101",
        "guest_phone": "+1234567890",
        "status": "relay",
        "department_name": "Reception",
        "context_data": {},
        "created_at": "2025-09-23T10:00:00Z",
        "updated_at": "2025-09-23T10:30:00Z",
    });
    let ours = json!(ConversationDetails::from(&view()));
    assert_contains(&ours, &specified);
    // The details of a conversation contain every field of the list item.
    let item = json!(ConversationResponse::from(&view()));
    assert!(keys(&item).iter().all(|key| ours.get(key).is_some()));
}

#[test]
fn active_conversations_match_the_specification() {
    let mut view = view();
    view.conversation = conversation(2, 2, None);
    (view.guest_name, view.room_number) = ("Jane Smith".to_owned(), Some("102".to_owned()));
    (view.department_name, view.last_message) = (None, None);
    view.updated_at = at("2025-09-23T09:00:00Z");
    let specified = json!([{
        "id": 2,
        "stay_id": 2,
        "guest_name": "Jane Smith",
        "room_number": "102",
        "status": "active",
        "department_name": null,
        "last_message": null,
        "updated_at": "2025-09-23T09:00:00Z",
    }]);
    assert_contains(&json!([ConversationResponse::from(&view)]), &specified);
}

#[test]
fn messages_match_the_specification() {
    let guests = domain::Message {
        id: MessageId(1),
        content: "Hello, I need help with my room service.".to_owned(),
        sender_type: SenderType::Guest,
        author: None,
        sender_name: "John Doe".to_owned(),
        at: at("2025-09-23T10:15:00Z"),
        delivery: None,
        ..message()
    };
    let specified = json!([
        {
            "id": 1,
            "content": "Hello, I need help with my room service.",
            "sender_type": "guest",
            "sender_name": "John Doe",
            "timestamp": "2025-09-23T10:15:00Z",
        },
        {
            "id": 2,
            "content": "Sure, I'm connecting you with our room service team.",
            "sender_type": "staff",
            "sender_name": "Reception Staff",
            "timestamp": "2025-09-23T10:16:00Z",
        },
    ]);
    let ours = json!([MessageResponse::from(&guests), MessageResponse::from(&message())]);
    assert_contains(&ours, &specified);
    let added = json!({
        "conversation_id": 1,
        "stay_id": 1,
        "sender_id": 7,
        "delivery": "sent",
        "failure": null,
        "attachments": [],
        "internal": false,
    });
    assert_contains(&ours[1], &added);
    assert_eq!((&ours[0]["delivery"], &ours[0]["sender_id"]), (&Value::Null, &Value::Null));
}

#[test]
fn ended_relays_match_the_specification() {
    assert_eq!(json!(RelayEndedResponse::default()), json!({ "status": "relay ended" }));
}

#[test]
fn quotes_and_reactions_have_the_documented_keys() {
    let mut message = message();
    let none = json!(MessageResponse::from(&message));
    assert_eq!((&none["reply_to"], &none["reactions"]), (&Value::Null, &json!([])));
    message.reply_to = Some(Quote::Unknown);
    assert_eq!(json!(MessageResponse::from(&message))["reply_to"], json!({ "id": null }));
    let quoted = domain::Message { content: "é".repeat(201), ..message.clone() };
    message.reply_to = Some(Quote::Known(quoted.quoted()));
    let reaction = |staff| Reaction { emoji: "👍".to_owned(), staff, at: at("2025-09-23T10:30:00Z") };
    message.reactions = vec![reaction(None), reaction(Some(StaffId(7)))];
    message.is_removed = true;
    let ours = json!(MessageResponse::from(&message));
    let (sender_type, sender_name) = ("staff", "Reception Staff");
    let quote = json!({ "id": 2, "content": "é".repeat(200), "sender_type": sender_type, "sender_name": sender_name });
    assert_eq!(ours["reply_to"], quote);
    let reactions = json!([
        { "emoji": "👍", "by": "guest", "staff_id": null, "at": "2025-09-23T10:30:00Z" },
        { "emoji": "👍", "by": "staff", "staff_id": 7, "at": "2025-09-23T10:30:00Z" },
    ]);
    assert_eq!(ours["reactions"], reactions);
    assert_eq!(ours["delivery"], "removed");
}

#[test]
fn conversations_have_additional_fields() {
    let mut view = view();
    view.assignee = Some(Person { id: StaffId(7), name: "Ann".to_owned() });
    view.days = NaiveDate::from_ymd_opt(2025, 9, 1).map(|first| (first, first + TimeDelta::days(9)));
    view.last_guest_message_at = Some(at("2025-09-23T10:30:00.5Z"));
    // The guest wrote later in another conversation, which opened the 24-hour window again.
    view.window_opened_at = Some(at("2025-09-23T11:30:00.5Z"));
    (view.on_whatsapp, view.guest_messages, view.read_guest_messages) = (true, 5, 2);
    view.waiting_since = Some(at("2025-09-23T10:30:00Z"));
    view.response_due_at = Some(at("2025-09-23T10:45:00Z"));
    (view.unsent.failed, view.unsent.held) = (1, 2);
    view.context_data = r#"{"step": [1, null]}"#.to_owned();
    let added = json!({
        "assigned_to": { "id": 7, "name": "Ann" },
        "guest_id": 1,
        "department_id": 1,
        "guest_messages": 5,
        "read_guest_messages": 2,
        "unread_count": 3,
        "waiting_since": "2025-09-23T10:30:00Z",
        "response_due_at": "2025-09-23T10:45:00Z",
        "unsent": { "failed": 1, "unknown": 0, "held": 2 },
        "last_guest_message_at": "2025-09-23T10:30:00.500000Z",
        "window_expires_at": "2025-09-24T11:30:00.500000Z",
        "labels": [{ "id": 5, "name": "VIP", "colour": "amber" }],
        "context_data": { "step": [1, null] },
        "current_step": "",
        "check_in": "2025-09-01",
        "check_out": "2025-09-10",
    });
    assert_contains(&json!(ConversationDetails::from(&view)), &added);
    let card = json!(ConversationCard::from(&view));
    assert!(card.get("unread_count").is_none() && card.get("read_guest_messages").is_none());
    assert_contains(&card["last_message"], &json!({ "id": 2, "sender_name": "John Doe", "delivery": null }));
}

#[test]
fn fields_of_the_stay_are_null_without_a_stay() {
    let mut view = view();
    view.conversation.end_relay().unwrap();
    view.conversation.detach_stay();
    view.room_number = None;
    let nulls = json!({ "stay_id": null, "room_number": null, "check_in": null, "status": "demo" });
    assert_contains(&json!(ConversationDetails::from(&view)), &nulls);
}

fn department(name: &str, handles_stays: bool) -> domain::Department {
    let (id, name) = (DepartmentId(2), name.to_owned());
    domain::Department { id, name, active: true, handles_stays, first_response: None, opening_hours: None }
}

#[test]
fn sign_in_matches_the_contract() {
    let staff = domain::Staff {
        id: StaffId(7),
        hotel: HotelId(1),
        username: "ann".to_owned(),
        name: "Ann".to_owned(),
        role: Role::Manager,
        departments: vec![DepartmentId(2)],
        active: true,
    };
    let hotel = domain::Hotel {
        id: HotelId(1),
        name: "Grand".to_owned(),
        timezone: "Europe/Madrid".to_owned(),
        default_department: None,
        flow: true,
        country: domain::phone::Country::parse("ES").ok(),
        opener_template: Some(domain::TemplateId(3)),
        whatsapp_phone_number_id: None,
        variables: domain::hotel::HotelVariables::default(),
        whatsapp_business_account_id: None,
        quiet_hours: None,
    };
    let departments = [department("Spa", false)];
    let me = || MeResponse::new(&staff, &hotel, &departments);
    let expected = json!({
        "id": 7,
        "username": "ann",
        "name": "Ann",
        "role": "manager",
        "hotel": { "id": 1, "name": "Grand" },
        "departments": [{ "id": 2, "name": "Spa" }],
    });
    assert_eq!(json!(me()), expected);
    assert_eq!(
        json!(SignInResponse::new("a", "r", TimeDelta::minutes(15), me(), true)),
        json!({ "access": "a", "refresh": "r", "token_type": "Bearer", "expires_in": 900, "staff": expected, "must_change_password": true })
    );
    assert_eq!(
        json!(StaffResponse::from(&staff)),
        json!({
            "id": 7, "username": "ann", "name": "Ann", "role": "manager", "department_ids": [2], "active": true,
        })
    );
    let expected_keys = [
        "country",
        "default_department_id",
        "id",
        "name",
        "opener_template_id",
        "quiet_hours",
        "timezone",
        "variables",
        "whatsapp_phone_number_id",
    ];
    let mut hotel = json!(HotelResponse::from(&hotel));
    hotel.sort_all_objects();
    assert_eq!(keys(&hotel), expected_keys);
    assert_eq!(hotel["opener_template_id"], 3);
}

pub(crate) fn stay() -> domain::Stay {
    let day = |day| NaiveDate::from_ymd_opt(2030, 5, day).unwrap();
    let name = |text| domain::Name::parse(text).unwrap();
    domain::Stay {
        id: StayId(1),
        hotel: HotelId(1),
        guest: Some(GuestId(1)),
        link: None,
        reservation_code: name("R-1"),
        part: domain::stay::BookingPart::FIRST,
        guest_name: name("John Doe"),
        guest_phone: domain::PhoneNumber::parse("+1234567890").ok(),
        room_number: Some(name("101")),
        days: domain::stay::StayDays::new(day(1), day(6)).unwrap(),
        email: None,
        language: domain::LanguageTag::parse("en").ok(),
        note: None,
        checked_in_at: Some(at("2030-05-01T15:00:00Z")),
        checked_out_at: None,
        cancellation: None,
    }
}

#[test]
fn stays_and_templates_match_the_contract() {
    let name = |text| domain::Name::parse(text).unwrap();
    let stay = domain::StayView { stay: stay(), conversation: Some(ConversationId(4)) };
    assert_eq!(
        json!(StayResponse::from(&stay)),
        json!({
            "id": 1, "reservation_code": "R-1", "guest_name": "John Doe", "guest_phone": "+1234567890",
            "room_number": "101", "check_in": "2030-05-01", "check_out": "2030-05-06",
            "checked_in_at": "2030-05-01T15:00:00Z", "checked_out_at": null, "linked": false, "guest_id": 1, "conversation_id": 4,
            "status": "checked_in", "part": 1, "email": null, "language": "en", "note": null,
        })
    );
    let template = domain::Template {
        id: domain::TemplateId(3),
        hotel: HotelId(1),
        name: name("hello_again"),
        content: domain::MessageText::parse("Hello {{guest_name}}").unwrap(),
        department: Some(DepartmentId(2)),
        kind: domain::template::TemplateKind::WhatsApp {
            language: domain::template::TemplateLanguage::parse("en_GB").unwrap(),
            parameter_format: domain::template::ParameterFormat::Named,
        },
        shortcut: Some(domain::template::TemplateShortcut::parse("hello").unwrap()),
        is_available: true,
    };
    assert_eq!(
        json!(TemplateResponse::from(&template)),
        json!({
            "id": 3, "name": "hello_again", "content": "Hello {{guest_name}}", "department_id": 2,
            "template_type": "whatsapp", "language": "en_GB", "shortcut": "hello", "available": true,
            "parameter_format": "named",
        })
    );
    assert_matches_schema(&StayResponse::from(&stay), &[]);
    assert_matches_schema(&TemplateResponse::from(&template), &[]);
    let rendered = RenderedTemplateResponse { text: "{{time}}".to_owned(), missing: vec!["time".to_owned()] };
    assert_matches_schema(&rendered, &[]);
    let errors = Some([("check_in".to_owned(), vec!["Please write the day as YYYY-MM-DD.".to_owned()])].into());
    let row = ImportRowResponse { row: 1, reservation_code: "R-1".to_owned(), result: "failed", id: Some(1), errors };
    assert_matches_schema(&row, &["errors", "id"]);
}

/// Validator of the JSON schema of a type, with all referenced schemas.
fn validator<T: ToSchema>() -> jsonschema::Validator {
    // A generic type does not report the schema of its parameter.
    let mut schemas = vec![(ConversationResponse::name().into_owned(), ConversationResponse::schema())];
    T::schemas(&mut schemas);
    let schemas: serde_json::Map<_, _> = schemas.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let whole = json!({ "allOf": [T::schema()], "components": { "schemas": schemas } });
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap()
}

/// Checks that the JSON schema accepts the value, and refuses it if a field is missing or has another type.
#[track_caller]
fn assert_matches_schema<T: ToSchema + Serialize>(shape: &T, optional: &[&str]) {
    let (validator, value) = (validator::<T>(), json!(shape));
    let faults: Vec<String> = validator.iter_errors(&value).map(|it| it.to_string()).collect();
    assert!(faults.is_empty(), "{value}: {faults:?}");
    for key in keys(&value) {
        let (mut without, mut wrong) = (value.clone(), value.clone());
        without.as_object_mut().unwrap().remove(key);
        assert_eq!(validator.is_valid(&without), optional.contains(&key), "without {key}");
        wrong[key] = if value[key].is_boolean() { json!(1) } else { json!(true) };
        assert!(!validator.is_valid(&wrong), "a wrong {key}");
    }
}

#[test]
fn responses_match_their_schemas() {
    let mut full = view();
    (full.assignee, full.on_whatsapp) = (Some(Person { id: StaffId(7), name: "Ann".to_owned() }), true);
    full.last_guest_message_at = Some(at("2025-09-23T10:30:00.5Z"));
    full.window_opened_at = full.last_guest_message_at;
    full.days = NaiveDate::from_ymd_opt(2025, 9, 1).map(|day| (day, day));
    let mut bare = view();
    bare.conversation.detach_stay();
    (bare.last_message, bare.room_number, bare.guest_phone) = (None, None, None);
    for view in [full, bare] {
        assert_matches_schema(&ConversationResponse::from(&view), &[]);
        assert_matches_schema(&ConversationDetails::from(&view), &[]);
        assert_matches_schema(
            &PageResponse { count: 1, next: None, previous: None, results: vec![ConversationResponse::from(&view)] },
            &[],
        );
    }
    assert_matches_schema(&MessageResponse::from(&message()), &[]);
    assert_matches_schema(&RelayEndedResponse::default(), &[]);
    assert_matches_schema(
        &GuestMessageStoredResponse { message_id: 1, conversation_id: 1, stay_id: None, hotel_id: 1 },
        &[],
    );
    let department = department("Reception", true);
    let sign_in = DemoSignInResponse::new("reception", "Reception Staff", Role::Staff, &[department]);
    assert_matches_schema(&DemoResponse { sign_ins: vec![sign_in], playing: true }, &[]);
    let problem = ProblemResponse {
        r#type: "about:blank".to_owned(),
        title: "Bad Request".to_owned(),
        status: 400,
        detail: "The request is not right.".to_owned(),
        code: "invalid".to_owned(),
        errors: Some([("text".to_owned(), vec!["Please write something.".to_owned()])].into()),
        draft: Some(None),
        newer: Some(vec![MessageResponse::from(&message())]),
        assigned_to: Some(IdAndName { id: 7, name: "Ann".to_owned() }),
    };
    assert_matches_schema(&problem, &["errors", "newer", "draft", "assigned_to"]);
}
