use domain::Role;
use numbering::CompleteNumber;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::request::*;

/// Names of the faulty fields of a body.
#[track_caller]
fn faulty<T: JsonBody>(body: &Value) -> Vec<String> {
    match parse_body::<T>(body.to_string().as_bytes()) {
        Ok(_) => vec![],
        Err(JsonBodyError::Invalid(errors)) => errors.into_keys().collect(),
        Err(error) => panic!("{error}: {body}"),
    }
}

fn read<T: JsonBody>(body: &Value) -> T {
    parse_body(body.to_string().as_bytes()).ok().unwrap()
}

#[test]
fn only_json_objects_are_accepted() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let deep_field = format!("{{\"text\":\"a\",\"x\":{deep}}}");
    let bad: [&[u8]; 15] = [
        b"",
        b"{",
        b"nul",
        b"{\"text\":\"a\"} x",
        b"{\"text\":'a'}",
        b"{\"text\":\"\xff\"}",
        b"{\"text\":1e999}",
        br#"{"text":"a\ud800b"}"#,
        br#"{"text":"a","other":"\udfff"}"#,
        b"[]",
        b"5",
        b"null",
        b"\"text\"",
        deep.as_bytes(),
        deep_field.as_bytes(),
    ];
    for body in bad {
        assert!(matches!(parse_body::<SendMessageBody>(body), Err(JsonBodyError::BadJson(_))));
    }
}

#[test]
fn an_empty_body_is_accepted_only_without_fields() {
    assert!(parse_body::<EmptyBody>(b"").is_ok());
    assert!(parse_body::<EmptyBody>(b"{\"x\":1}").is_ok());
    assert!(matches!(parse_body::<EmptyBody>(b"["), Err(JsonBodyError::BadJson(_))));
    assert!(matches!(parse_body::<RefreshBody>(b""), Err(JsonBodyError::BadJson(_))));
}

#[test]
fn the_text_of_a_message_is_validated() {
    for text in [json!(""), json!(" \t\u{2003}\n"), json!("a\0b"), json!("x".repeat(4097)), json!(5), json!(null)] {
        assert_eq!(faulty::<SendMessageBody>(&json!({ "text": text })), ["text"]);
    }
    assert_eq!(faulty::<SendMessageBody>(&json!({})), ["text"]);
    let body: SendMessageBody = read(&json!({ "text": " two towels ", "seen_message_id": 7, "hold": true, "x": "\0" }));
    assert_eq!((body.text.as_str(), body.seen_message_id.map(|it| it.0), body.hold), ("two towels", Some(7), true));
}

#[test]
fn all_faults_are_reported_together() {
    let body = json!({ "text": 1, "seen_message_id": "7", "hold": "yes" });
    assert_eq!(faulty::<SendMessageBody>(&body), ["hold", "seen_message_id", "text"]);
    assert_eq!(faulty::<NewStaffBody>(&json!({})), ["name", "password", "role", "username"]);
    let body = json!({ "role": "boss", "department_ids": [0], "active": 1, "password": "\0", "name": "" });
    assert_eq!(faulty::<NewStaffBody>(&body), ["active", "department_ids", "name", "password", "role", "username"]);
    assert_eq!(faulty::<LoginBody>(&json!({ "username": 1 })), ["password", "username"]);
    assert_eq!(faulty::<GuestMessageBody>(&json!({ "phone": "six", "hotel_id": 0 })), ["hotel_id", "phone", "text"]);
}

#[test]
fn passwords_and_user_names_are_not_trimmed() {
    let body: LoginBody = read(&json!({ "username": " ann ", "password": "" }));
    assert_eq!((body.username.as_str(), body.password.as_str()), (" ann ", ""));
}

#[test]
fn an_assignment_is_cleared_by_null_only() {
    assert_eq!(read::<AssignBody>(&json!({ "staff_id": null })).staff_id, None);
    assert_eq!(faulty::<AssignBody>(&json!({})), ["staff_id"]);
    assert_eq!(faulty::<AssignBody>(&json!({ "staff_id": "me" })), ["staff_id"]);
}

#[test]
fn a_change_keeps_absent_fields() {
    let body: ChangeStaffBody = read(&json!({ "role": "manager" }));
    assert!(body.role == Some(Role::Manager) && body.name.is_none() && body.active.is_none());
    assert_eq!(faulty::<ChangeStaffBody>(&json!({ "active": null, "name": null })), ["active", "name"]);
    let body: NewStaffBody = read(&json!({ "username": "u", "name": "n", "role": "staff", "password": "p" }));
    assert!(body.active && body.department_ids.is_empty());
}

#[test]
fn bookings_are_validated() {
    let booking = json!({
        "reservation_code": "R-1", "guest_name": "Ana", "guest_phone": "+34 600 000 001", "room_number": "12",
        "check_in": "2030-05-01", "check_out": "2030-05-01",
    });
    let body: NewStayBody = read(&booking);
    let phone = body.guest_phone.unwrap().normalized();
    assert_eq!((phone.as_str(), body.check_in == body.check_out), ("+34600000001", true));
    let all = ["check_in", "check_out", "guest_name", "reservation_code"];
    assert_eq!(faulty::<NewStayBody>(&json!({})), all);
    let nulls: Value = all.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    assert_eq!(faulty::<ChangeStayBody>(&nulls), all);
    let mut reversed = booking;
    reversed["check_out"] = "2030-04-30".into();
    assert_eq!(faulty::<NewStayBody>(&reversed), ["check_out"]);
    assert_eq!(faulty::<ChangeStayBody>(&json!({ "check_in": "1.5.2030" })), ["check_in"]);
    let change: ChangeStayBody = read(&json!({ "guest_phone": null, "room_number": "7", "part": 2, "note": null }));
    assert!(change.guest_phone == Some(None) && change.note == Some(None) && change.email.is_none());
    assert!(change.room_number.is_some_and(|room| room.is_some()) && change.part.is_some_and(|part| part.get() == 2));
    for bad in [json!({ "part": 0 }), json!({ "part": "1" }), json!({ "part": null }), json!({ "email": "ana" })] {
        assert_eq!(faulty::<ChangeStayBody>(&bad).len(), 1, "{bad}");
    }
}

#[test]
fn null_clears_and_absence_keeps() {
    let body: ChangeHotelBody = read(&json!({ "opener_template_id": null }));
    assert_eq!((body.opener_template_id, body.default_department_id), (Some(None), None));
    assert_eq!(faulty::<ChangeHotelBody>(&json!({ "name": null, "timezone": null })), ["name", "timezone"]);
    let canonical = |body: &Value| read::<ChangeTemplateBody>(body).canonical_json();
    assert_ne!(canonical(&json!({ "language": null })), canonical(&json!({})));
    assert_ne!(canonical(&json!({ "language": "en" })), canonical(&json!({ "language": null })));
    assert_eq!(
        faulty::<ChangeTemplateBody>(&json!({ "content": null, "template_type": "fax" })),
        ["content", "template_type"]
    );
}

#[test]
fn canonical_json_differs_exactly_for_different_requests() {
    let canonical = |body: &Value| read::<SendMessageBody>(body).canonical_json();
    let plain = canonical(&json!({ "text": "a" }));
    for same in [json!({ "text": " a ", "colour": 1 }), json!({ "hold": false, "seen_message_id": null, "text": "a" })]
    {
        assert_eq!(canonical(&same), plain);
    }
    for other in
        [json!({ "text": "b" }), json!({ "text": "a", "hold": true }), json!({ "text": "a", "seen_message_id": 1 })]
    {
        assert_ne!(canonical(&other), plain);
    }
    let change = |body: &Value| read::<ChangeStaffBody>(body).canonical_json();
    assert_ne!(change(&json!({ "department_ids": [] })), change(&json!({})));
}

const FIELDS: [&str; 27] = [
    "text",
    "seen_message_id",
    "hold",
    "department_id",
    "note",
    "staff_id",
    "message_id",
    "phone",
    "hotel_id",
    "name",
    "username",
    "role",
    "department_ids",
    "password",
    "active",
    "refresh",
    "timezone",
    "default_department_id",
    "reservation_code",
    "guest_name",
    "guest_phone",
    "room_number",
    "part",
    "email",
    "check_in",
    "content",
    "language",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("manager")),
        Just(json!("+34600000001")),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::from))
}

/// Checks the canonical JSON of an accepted body: it is valid JSON, and the same if the body is parsed again.
fn check_canonical_json<T: JsonBody>(bytes: &[u8]) {
    if let Ok(body) = parse_body::<T>(bytes) {
        let canonical = body.canonical_json();
        assert!(serde_json::from_str::<Value>(&canonical).is_ok(), "{canonical}");
        assert_eq!(parse_body::<T>(bytes).ok().unwrap().canonical_json(), canonical);
    }
}

fn parse_as_every_body(bytes: &[u8]) {
    let all: [fn(&[u8]); 21] = [
        check_canonical_json::<SendMessageBody>,
        check_canonical_json::<AddNoteBody>,
        check_canonical_json::<StartRelayBody>,
        check_canonical_json::<AssignBody>,
        check_canonical_json::<MarkReadBody>,
        check_canonical_json::<EmptyBody>,
        check_canonical_json::<GuestMessageBody>,
        check_canonical_json::<ChangeDemoBody>,
        check_canonical_json::<RenderTemplateBody>,
        check_canonical_json::<NewDepartmentBody>,
        check_canonical_json::<ChangeDepartmentBody>,
        check_canonical_json::<NewStaffBody>,
        check_canonical_json::<ChangeStaffBody>,
        check_canonical_json::<ChangeHotelBody>,
        check_canonical_json::<NewStayBody>,
        check_canonical_json::<ChangeStayBody>,
        check_canonical_json::<NewTemplateBody>,
        check_canonical_json::<ChangeTemplateBody>,
        check_canonical_json::<LoginBody>,
        check_canonical_json::<RefreshBody>,
        check_canonical_json::<PasswordChangeBody>,
    ];
    all.iter().for_each(|read| read(bytes));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        parse_as_every_body(&bytes);
    }

    #[test]
    fn no_fields_make_the_parser_panic(
        fields in proptest::collection::btree_map(proptest::sample::select(&FIELDS[..]), any_value(), 0..8),
    ) {
        let body: Value = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        parse_as_every_body(body.to_string().as_bytes());
    }

    #[test]
    fn texts_are_trimmed_or_refused(text in any::<String>()) {
        let read = parse_body::<SendMessageBody>(json!({ "text": text }).to_string().as_bytes());
        let good = (1..=4096).contains(&text.trim().chars().count()) && !text.contains('\0');
        prop_assert_eq!(read.is_ok(), good);
        if let Ok(body) = read {
            prop_assert_eq!(body.text.as_str(), text.trim());
        }
    }
}

/// Digests of canonical JSON are stored with idempotency keys, so it must not change between releases.
#[test]
fn canonical_json_is_stable() {
    fn check<T: JsonBody>(body: Value, expected: &str) {
        assert_eq!(read::<T>(&body).canonical_json(), expected);
    }
    check::<SendMessageBody>(json!({ "text": "a" }), r#"{"hold":false,"seen_message_id":null,"text":"a"}"#);
    check::<SendTemplateBody>(
        json!({ "template_id": 3, "variables": { "b": "2", "a": "1" } }),
        r#"{"template_id":3,"variables":{"a":"1","b":"2"}}"#,
    );
    check::<AssignBody>(json!({ "staff_id": null }), r#"{"staff_id":null}"#);
    check::<ChangeHotelBody>(
        json!({ "opener_template_id": null, "default_department_id": 2 }),
        r#"{"default_department_id":[2],"name":null,"opener_template_id":[],"timezone":null}"#,
    );
    check::<ChangeHotelBody>(
        json!({ "country": "es" }),
        r#"{"country":"ES","default_department_id":null,"name":null,"opener_template_id":null,"timezone":null}"#,
    );
    check::<ChangeHotelBody>(
        json!({ "country": null }),
        r#"{"country":null,"default_department_id":null,"name":null,"opener_template_id":null,"timezone":null}"#,
    );
    check::<NewStaffBody>(
        json!({ "username": "u", "name": "n", "role": "staff", "password": "p" }),
        r#"{"active":true,"department_ids":[],"name":"n","password":null,"role":"staff","username":"u"}"#,
    );
    check::<ChangeStaffBody>(
        json!({ "password": "p", "current_password": "c" }),
        r#"{"active":null,"department_ids":null,"name":null,"password":null,"role":null,"username":null}"#,
    );
    check::<ChangeStayBody>(
        json!({ "guest_phone": "+34 600 000 001", "check_in": "2030-05-01" }),
        r#"{"check_in":"2030-05-01","check_out":null,"guest_name":null,"guest_phone":"+34600000001","reservation_code":null,"room_number":null}"#,
    );
    check::<ChangeStayBody>(
        json!({ "guest_phone": null, "email": null }),
        r#"{"check_in":null,"check_out":null,"email":null,"guest_name":null,"guest_phone":[],"reservation_code":null,"room_number":null}"#,
    );
    check::<ChangeTemplateBody>(
        json!({ "language": "en", "template_type": "whatsapp" }),
        r#"{"content":null,"department_id":null,"language":["en"],"name":null,"template_type":"whatsapp"}"#,
    );
    check::<EmptyBody>(json!({ "x": 1 }), "{}");
}
