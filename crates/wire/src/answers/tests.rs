//! The seed's JSON examples, and ours, key by key and value by value.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    ConversationId, ConversationView, Delivery, DepartmentId, GuestId, HotelId, MessageId, Person, Role, SenderType,
    StaffId, Status, StayId,
};
use serde_json::{Value, json};
use utoipa::PartialSchema;

use super::*;

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The conversation of the seed's examples.
pub(crate) fn view() -> ConversationView {
    ConversationView {
        conversation: domain::Conversation {
            id: ConversationId(1),
            hotel: HotelId(1),
            guest: GuestId(1),
            stay: Some(StayId(1)),
            status: Status::Relay,
            department: Some(DepartmentId(1)),
            assignee: None,
        },
        guest_name: "John Doe".to_owned(),
        guest_phone: Some("+1234567890".to_owned()),
        room_number: Some("101".to_owned()),
        days: None,
        department_name: Some("Reception".to_owned()),
        assignee: None,
        last_message: Some(domain::LastMessage {
            content: "Hello, I need help with...".to_owned(),
            at: at("2025-09-23T10:30:00Z"),
            sender_type: SenderType::Guest,
        }),
        unread: 0,
        last_guest_message_at: None,
        window_opened_at: None,
        on_whatsapp: false,
        current_step: String::new(),
        context_data: "{}".to_owned(),
        created_at: at("2025-09-23T10:00:00Z"),
        updated_at: at("2025-09-23T10:30:00Z"),
    }
}

/// The seed's second message.
pub(crate) fn message() -> domain::Message {
    domain::Message {
        id: MessageId(2),
        conversation: ConversationId(1),
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
    }
}

/// Fails where a key of the example is missing in ours, or says something else.
#[track_caller]
pub(crate) fn holds(ours: &Value, example: &Value) {
    match (example, ours) {
        (Value::Object(example), Value::Object(ours)) => {
            for (key, value) in example {
                holds(ours.get(key).unwrap_or_else(|| panic!("{key} is missing")), value);
            }
        }
        (Value::Array(example), Value::Array(ours)) => {
            assert_eq!(example.len(), ours.len());
            example.iter().zip(ours).for_each(|(example, ours)| holds(ours, example));
        }
        _ => assert_eq!(ours, example),
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_list_is_the_seeds() {
    let page = Page { count: 1, next: None, previous: None, results: vec![Conversation::from(&view())] };
    let seed = json!({
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
    holds(&ours, &seed);
    let added = ["assigned_to", "unread_count", "last_guest_message_at", "window_expires_at"];
    assert!(added.iter().all(|key| ours["results"][0].get(key).is_some()));
}

#[test]
fn details_are_the_seeds() {
    let seed = json!({
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
    holds(&ours, &seed);
    // Details add to the list's item; they leave nothing out.
    let item = json!(Conversation::from(&view()));
    assert!(keys(&item).iter().all(|key| ours.get(key).is_some()));
}

#[test]
fn an_active_conversation_is_the_seeds() {
    let mut it = view();
    it.conversation = domain::Conversation {
        id: ConversationId(2),
        stay: Some(StayId(2)),
        status: Status::Active,
        department: None,
        ..it.conversation
    };
    (it.guest_name, it.room_number) = ("Jane Smith".to_owned(), Some("102".to_owned()));
    (it.department_name, it.last_message) = (None, None);
    it.updated_at = at("2025-09-23T09:00:00Z");
    let seed = json!([{
        "id": 2,
        "stay_id": 2,
        "guest_name": "Jane Smith",
        "room_number": "102",
        "status": "active",
        "department_name": null,
        "last_message": null,
        "updated_at": "2025-09-23T09:00:00Z",
    }]);
    holds(&json!([Conversation::from(&it)]), &seed);
}

#[test]
fn messages_are_the_seeds() {
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
    let seed = json!([
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
    let ours = json!([Message::from(&guests), Message::from(&message())]);
    holds(&ours, &seed);
    let added = json!({ "delivery": "sent", "failure": null, "attachments": [], "internal": false });
    holds(&ours[1], &added);
    assert_eq!(ours[0]["delivery"], Value::Null);
}

#[test]
fn a_relay_that_ended_is_the_seeds() {
    assert_eq!(json!(RelayEnded::default()), json!({ "status": "relay ended" }));
}

#[test]
fn what_is_added_to_a_conversation() {
    let mut it = view();
    it.assignee = Some(Person { id: StaffId(7), name: "Ann".to_owned() });
    it.days = NaiveDate::from_ymd_opt(2025, 9, 1).map(|first| (first, first + TimeDelta::days(9)));
    it.last_guest_message_at = Some(at("2025-09-23T10:30:00.5Z"));
    // In another conversation, later.
    it.window_opened_at = Some(at("2025-09-23T11:30:00.5Z"));
    (it.on_whatsapp, it.unread) = (true, 3);
    it.context_data = r#"{"step": [1, null]}"#.to_owned();
    let added = json!({
        "assigned_to": { "id": 7, "name": "Ann" },
        "unread_count": 3,
        "last_guest_message_at": "2025-09-23T10:30:00.500000Z",
        "window_expires_at": "2025-09-24T11:30:00.500000Z",
        "context_data": { "step": [1, null] },
        "current_step": "",
        "check_in": "2025-09-01",
        "check_out": "2025-09-10",
    });
    holds(&json!(ConversationDetails::from(&it)), &added);
    assert!(json!(ConversationCard::from(&it)).get("unread_count").is_none());
}

#[test]
fn a_guest_without_a_stay() {
    let mut it = view();
    (it.conversation.stay, it.conversation.status, it.room_number) = (None, Status::Demo, None);
    let nulls = json!({ "stay_id": null, "room_number": null, "check_in": null, "status": "demo" });
    holds(&json!(ConversationDetails::from(&it)), &nulls);
}

#[test]
fn signing_in_is_as_promised() {
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
        country: domain::Country::parse("ES").ok(),
        opener_template: Some(domain::TemplateId(3)),
        whatsapp_phone_number_id: None,
    };
    let departments = [domain::Department { id: DepartmentId(2), name: "Spa".to_owned() }];
    let me = || Me::new(&staff, &hotel, &departments);
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
        json!(SignedIn::new("a", "r", TimeDelta::minutes(15), me())),
        json!({ "access": "a", "refresh": "r", "token_type": "Bearer", "expires_in": 900, "staff": expected })
    );
    assert_eq!(
        json!(Staff::from(&staff)),
        json!({
            "id": 7, "username": "ann", "name": "Ann", "role": "manager", "department_ids": [2], "active": true,
        })
    );
    let shown = [
        "country",
        "default_department_id",
        "id",
        "name",
        "opener_template_id",
        "timezone",
        "whatsapp_phone_number_id",
    ];
    let mut told = json!(Hotel::from(&hotel));
    told.sort_all_objects();
    assert_eq!(keys(&told), shown);
    assert_eq!(told["opener_template_id"], 3);
}

#[test]
fn stays_and_templates_are_as_promised() {
    let day = |day| NaiveDate::from_ymd_opt(2030, 5, day).unwrap();
    let name = |text| domain::Name::parse(text).unwrap();
    let stay = domain::Stay {
        id: StayId(1),
        hotel: HotelId(1),
        guest: GuestId(1),
        reservation_code: name("R-1"),
        guest_name: name("John Doe"),
        guest_phone: domain::PhoneNumber::parse("+1234567890").unwrap(),
        room_number: name("101"),
        check_in: day(1),
        check_out: day(6),
        checked_in_at: Some(at("2030-05-01T15:00:00Z")),
        checked_out_at: None,
    };
    assert_eq!(
        json!(Stay::from(&stay)),
        json!({
            "id": 1, "reservation_code": "R-1", "guest_name": "John Doe", "guest_phone": "+1234567890",
            "room_number": "101", "check_in": "2030-05-01", "check_out": "2030-05-06",
            "checked_in_at": "2030-05-01T15:00:00Z", "checked_out_at": null,
        })
    );
    let template = domain::Template {
        id: domain::TemplateId(3),
        hotel: HotelId(1),
        name: name("hello_again"),
        content: domain::MessageText::parse("Hello {{guest_name}}").unwrap(),
        department: Some(DepartmentId(2)),
        kind: domain::TemplateKind::WhatsApp { language: domain::Language::parse("en_GB").unwrap() },
    };
    assert_eq!(
        json!(Template::from(&template)),
        json!({
            "id": 3, "name": "hello_again", "content": "Hello {{guest_name}}", "department_id": 2,
            "template_type": "whatsapp", "language": "en_GB",
        })
    );
    describes_itself(&Stay::from(&stay), &[]);
    describes_itself(&Template::from(&template), &[]);
    let errors = Some([("check_in".to_owned(), vec!["Please write the day as YYYY-MM-DD.".to_owned()])].into());
    let row = ImportedRow { row: 1, reservation_code: "R-1".to_owned(), result: "failed", errors };
    describes_itself(&row, &["errors"]);
}

/// The schema of a shape, with all that it refers to.
fn validator<T: ToSchema>() -> jsonschema::Validator {
    // A generic shape does not tell the shape that it is of.
    let mut schemas = vec![(Conversation::name().into_owned(), Conversation::schema())];
    T::schemas(&mut schemas);
    let schemas: serde_json::Map<_, _> = schemas.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let whole = json!({ "allOf": [T::schema()], "components": { "schemas": schemas } });
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap()
}

/// The shape is as it describes itself, and the description misses no key and no type.
#[track_caller]
fn describes_itself<T: ToSchema + Serialize>(shape: &T, optional: &[&str]) {
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
fn shapes_describe_themselves() {
    let mut full = view();
    (full.assignee, full.on_whatsapp) = (Some(Person { id: StaffId(7), name: "Ann".to_owned() }), true);
    full.last_guest_message_at = Some(at("2025-09-23T10:30:00.5Z"));
    full.window_opened_at = full.last_guest_message_at;
    full.days = NaiveDate::from_ymd_opt(2025, 9, 1).map(|day| (day, day));
    let mut bare = view();
    (bare.conversation.stay, bare.last_message, bare.room_number, bare.guest_phone) = (None, None, None, None);
    for it in [full, bare] {
        describes_itself(&Conversation::from(&it), &[]);
        describes_itself(&ConversationDetails::from(&it), &[]);
        describes_itself(&Page { count: 1, next: None, previous: None, results: vec![Conversation::from(&it)] }, &[]);
    }
    describes_itself(&Message::from(&message()), &[]);
    describes_itself(&RelayEnded::default(), &[]);
    describes_itself(&GuestMessageStored { message_id: 1, conversation_id: 1, stay_id: None, hotel_id: 1 }, &[]);
    let problem = Problem {
        r#type: "about:blank".to_owned(),
        title: "Bad Request".to_owned(),
        status: 400,
        detail: "The request is not right.".to_owned(),
        code: "invalid".to_owned(),
        errors: Some([("text".to_owned(), vec!["Please write something.".to_owned()])].into()),
        newer: Some(vec![Message::from(&message())]),
    };
    describes_itself(&problem, &["errors", "newer"]);
}
