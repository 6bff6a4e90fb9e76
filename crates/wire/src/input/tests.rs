use domain::Role;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The faulty fields of a body.
#[track_caller]
fn faulty<T: Input>(body: &Value) -> Vec<String> {
    match parse::<T>(body.to_string().as_bytes()) {
        Ok(_) => vec![],
        Err(BodyError::Invalid(errors)) => errors.into_keys().collect(),
        Err(error) => panic!("{error}: {body}"),
    }
}

fn read<T: Input>(body: &Value) -> T {
    parse(body.to_string().as_bytes()).ok().unwrap()
}

#[test]
fn what_is_no_object_is_bad_json() {
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
        assert!(matches!(parse::<SendMessage>(body), Err(BodyError::BadJson(_))));
    }
}

#[test]
fn no_body_is_good_only_where_nothing_is_asked() {
    assert!(parse::<Nothing>(b"").is_ok());
    assert!(parse::<Nothing>(b"{\"x\":1}").is_ok());
    assert!(matches!(parse::<Nothing>(b"["), Err(BodyError::BadJson(_))));
    assert!(matches!(parse::<Refresh>(b""), Err(BodyError::BadJson(_))));
}

#[test]
fn a_message_has_one_text() {
    for text in [json!(""), json!(" \t\u{2003}\n"), json!("a\0b"), json!("x".repeat(4097)), json!(5), json!(null)] {
        assert_eq!(faulty::<SendMessage>(&json!({ "text": text })), ["text"]);
    }
    assert_eq!(faulty::<SendMessage>(&json!({})), ["text"]);
    let it: SendMessage = read(&json!({ "text": " two towels ", "seen_message_id": 7, "hold": true, "x": "\0" }));
    assert_eq!((it.text.as_str(), it.seen_message_id.map(|it| it.0), it.hold), ("two towels", Some(7), true));
}

#[test]
fn all_faults_come_together() {
    let body = json!({ "text": 1, "seen_message_id": "7", "hold": "yes" });
    assert_eq!(faulty::<SendMessage>(&body), ["hold", "seen_message_id", "text"]);
    assert_eq!(faulty::<NewStaff>(&json!({})), ["name", "password", "role", "username"]);
    let body = json!({ "role": "boss", "department_ids": [0], "active": 1, "password": "\0", "name": "" });
    assert_eq!(faulty::<NewStaff>(&body), ["active", "department_ids", "name", "password", "role", "username"]);
    assert_eq!(faulty::<Login>(&json!({ "username": 1 })), ["password", "username"]);
    assert_eq!(faulty::<GuestMessage>(&json!({ "phone": "six", "hotel_id": 0 })), ["hotel_id", "phone", "text"]);
}

#[test]
fn passwords_and_user_names_are_taken_as_they_are() {
    let it: Login = read(&json!({ "username": " ann ", "password": "" }));
    assert_eq!((it.username.as_str(), it.password.as_str()), (" ann ", ""));
}

#[test]
fn nobody_is_named_by_null_only() {
    assert_eq!(read::<Assign>(&json!({ "staff_id": null })).staff_id, None);
    assert_eq!(faulty::<Assign>(&json!({})), ["staff_id"]);
    assert_eq!(faulty::<Assign>(&json!({ "staff_id": "me" })), ["staff_id"]);
}

#[test]
fn a_change_leaves_what_it_does_not_name() {
    let it: ChangeStaff = read(&json!({ "role": "manager" }));
    assert!(it.role == Some(Role::Manager) && it.name.is_none() && it.active.is_none());
    assert_eq!(faulty::<ChangeStaff>(&json!({ "active": null, "name": null })), ["active", "name"]);
    let it: NewStaff = read(&json!({ "username": "u", "name": "n", "role": "staff", "password": "p" }));
    assert!(it.active && it.department_ids.is_empty());
}

#[test]
fn what_is_wrong_with_a_booking_is_told() {
    let good = json!({
        "reservation_code": "R-1", "guest_name": "Ana", "guest_phone": "+34 600 000 001", "room_number": "12",
        "check_in": "2030-05-01", "check_out": "2030-05-01",
    });
    let it: NewStay = read(&good);
    assert_eq!((it.guest_phone.normalized().as_str(), it.check_in == it.check_out), ("+34600000001", true));
    let all = ["check_in", "check_out", "guest_name", "guest_phone", "reservation_code", "room_number"];
    assert_eq!(faulty::<NewStay>(&json!({})), all);
    let nulls: Value = all.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    assert_eq!(faulty::<ChangeStay>(&nulls), all);
    let mut reversed = good;
    reversed["check_out"] = "2030-04-30".into();
    assert_eq!(faulty::<NewStay>(&reversed), ["check_out"]);
    assert_eq!(faulty::<ChangeStay>(&json!({ "check_in": "1.5.2030" })), ["check_in"]);
}

#[test]
fn null_unsets_and_nothing_changes_nothing() {
    let it: ChangeHotel = read(&json!({ "opener_template_id": null }));
    assert_eq!((it.opener_template_id, it.default_department_id), (Some(None), None));
    assert_eq!(faulty::<ChangeHotel>(&json!({ "name": null, "timezone": null })), ["name", "timezone"]);
    let print = |body: &Value| read::<ChangeTemplate>(body).fingerprint();
    assert_ne!(print(&json!({ "language": null })), print(&json!({})));
    assert_ne!(print(&json!({ "language": "en" })), print(&json!({ "language": null })));
    assert_eq!(
        faulty::<ChangeTemplate>(&json!({ "content": null, "template_type": "fax" })),
        ["content", "template_type"]
    );
}

#[test]
fn a_fingerprint_tells_requests_apart_and_nothing_else() {
    let print = |body: &Value| read::<SendMessage>(body).fingerprint();
    let plain = print(&json!({ "text": "a" }));
    for same in [json!({ "text": " a ", "colour": 1 }), json!({ "hold": false, "seen_message_id": null, "text": "a" })]
    {
        assert_eq!(print(&same), plain);
    }
    for other in
        [json!({ "text": "b" }), json!({ "text": "a", "hold": true }), json!({ "text": "a", "seen_message_id": 1 })]
    {
        assert_ne!(print(&other), plain);
    }
    let change = |body: &Value| read::<ChangeStaff>(body).fingerprint();
    assert_ne!(change(&json!({ "department_ids": [] })), change(&json!({})));
}

const FIELDS: [&str; 25] = [
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

/// A body that is read at all has one fingerprint, and that is JSON.
fn is_read_alike<T: Input>(bytes: &[u8]) {
    if let Ok(it) = parse::<T>(bytes) {
        let print = it.fingerprint();
        assert!(serde_json::from_str::<Value>(&print).is_ok(), "{print}");
        assert_eq!(parse::<T>(bytes).ok().unwrap().fingerprint(), print);
    }
}

fn read_as_all(bytes: &[u8]) {
    let all: [fn(&[u8]); 19] = [
        is_read_alike::<SendMessage>,
        is_read_alike::<AddNote>,
        is_read_alike::<StartRelay>,
        is_read_alike::<Assign>,
        is_read_alike::<MarkRead>,
        is_read_alike::<Nothing>,
        is_read_alike::<GuestMessage>,
        is_read_alike::<NewDepartment>,
        is_read_alike::<ChangeDepartment>,
        is_read_alike::<NewStaff>,
        is_read_alike::<ChangeStaff>,
        is_read_alike::<ChangeHotel>,
        is_read_alike::<NewStay>,
        is_read_alike::<ChangeStay>,
        is_read_alike::<NewTemplate>,
        is_read_alike::<ChangeTemplate>,
        is_read_alike::<Login>,
        is_read_alike::<Refresh>,
        is_read_alike::<PasswordChange>,
    ];
    all.iter().for_each(|read| read(bytes));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_as_all(&bytes);
    }

    #[test]
    fn no_fields_make_it_panic(
        fields in proptest::collection::btree_map(proptest::sample::select(&FIELDS[..]), any_value(), 0..8),
    ) {
        let body: Value = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        read_as_all(body.to_string().as_bytes());
    }

    #[test]
    fn a_text_is_taken_trimmed_or_not_at_all(text in any::<String>()) {
        let read = parse::<SendMessage>(json!({ "text": text }).to_string().as_bytes());
        let good = (1..=4096).contains(&text.trim().chars().count()) && !text.contains('\0');
        prop_assert_eq!(read.is_ok(), good);
        if let Ok(it) = read {
            prop_assert_eq!(it.text.as_str(), text.trim());
        }
    }
}
