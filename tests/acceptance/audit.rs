//! The audit log: `GET audit/`, and that every write is in it.

use std::collections::BTreeSet;

use acceptance::{ApiResponse, StaffClient, TestHotel, Value, described::openapi, json, on_both, on_sqlite, unique};

use crate::{ids, is_time, keys};

/// Writes that the audit log does not contain, with the reason.
const NOT_AUDITED: [(&str, &str, &str); 21] = [
    ("POST", "/webhooks/whatsapp/", "guests write"),
    ("PATCH", "/api/demo/", "of no hotel"),
    ("POST", "/api/demo/guest_message/", "a guest writes"),
    ("POST", "/api/auth/refresh/", "changes nothing that people know of"),
    ("POST", "/api/auth/logout/", "ends the caller's own session"),
    ("DELETE", "/api/auth/sessions/{id}/", "see signing_in"),
    ("POST", "/api/message_manager/conversations/{id}/send_message/", "the message names author and time"),
    ("POST", "/api/message_manager/conversations/{id}/send_template/", "the message names author and time"),
    ("POST", "/api/message_manager/conversations/{id}/attachments/", "the message names author and time"),
    ("POST", "/api/message_manager/conversations/{id}/notes/", "the note names author and time"),
    ("POST", "/api/message_manager/conversations/{id}/read/", "reading"),
    ("POST", "/api/message_manager/conversations/{id}/render_template/", "reading"),
    ("PUT", "/api/message_manager/conversations/{id}/draft/", "unsent words of one person"),
    ("DELETE", "/api/message_manager/conversations/{id}/draft/", "unsent words of one person"),
    ("PATCH", "/api/message_manager/me/settings/", "settings of one person"),
    ("PATCH", "/api/message_manager/conversations/{id}/messages/{message_id}/", "see whatsapp::outbound"),
    ("DELETE", "/api/message_manager/conversations/{id}/messages/{message_id}/", "see whatsapp::outbound"),
    ("POST", "/api/message_manager/conversations/{id}/messages/{message_id}/retry/", "see whatsapp::outbound"),
    ("POST", "/api/message_manager/templates/sync/", "see whatsapp::template_sync"),
    ("DELETE", "/api/message_manager/staff/{id}/sessions/{session_id}/", "as all sessions of a staff member"),
    ("POST", "/api/auth/login/", "see signing_in"),
];

/// Calls of one manager, and the endpoints that were called.
struct Walk {
    manager: StaffClient,
    called: BTreeSet<(String, String)>,
}

impl Walk {
    async fn newest(&self) -> Value {
        self.manager.get("audit/?page_size=100").await.is(200)["results"].clone()
    }

    /// Calls an endpoint and asserts that it adds an entry of this action by the manager. `path` is relative, with `{…}`
    /// around ids.
    async fn audited(&mut self, method: &str, path: &str, body: Value, action: &str) -> ApiResponse {
        let known: BTreeSet<i64> = ids(&self.newest().await).into_iter().collect();
        let real: String = path.chars().filter(|it| !"{}".contains(*it)).collect();
        let (client, body) = match body {
            Value::Null => ((*self.manager).clone(), None),
            Value::String(csv) => (self.manager.with("content-type", "text/csv"), Some(csv)),
            json => ((*self.manager).clone(), Some(json.to_string())),
        };
        let answer = client.send(method, &real, body.map(String::into_bytes)).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text());
        let entries = self.newest().await;
        let new: Vec<&Value> =
            entries.as_array().unwrap().iter().filter(|it| !known.contains(&it["id"].as_i64().unwrap())).collect();
        let by_manager = |it: &&&Value| it["action"] == action && it["actor"]["id"] == self.manager.id;
        assert!(new.iter().any(|it| by_manager(&it)), "{method} {path}: no {action} in {new:?}");
        self.called.insert((method.to_owned(), template(path)));
        answer
    }
}

/// The path of the OpenAPI document: `stays/{7}/` is `/api/message_manager/stays/{id}/`.
fn template(path: &str) -> String {
    let mut text = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (_, after) = after.split_once('}').unwrap();
        let name = if before.ends_with("messages/") { "{message_id}" } else { "{id}" };
        text = text + before + name;
        rest = after;
    }
    let path = text + rest;
    if path.starts_with('/') { path } else { format!("/api/message_manager/{path}") }
}

fn write_endpoints() -> BTreeSet<(String, String)> {
    let paths = openapi()["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    all.filter(|(method, _)| ["POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str())).collect()
}

on_both!(every_write_is_audited, |hotel| {
    let mut walk = Walk { manager: hotel.manager().await, called: BTreeSet::new() };
    walk_conversation(&mut walk, &hotel).await;
    walk_hotel(&mut walk, &hotel).await;
    walk_stays(&mut walk, &hotel).await;
    walk_links(&mut walk, &hotel).await;
    walk_people(&mut walk, &hotel).await;
    let exempt: BTreeSet<(String, String)> =
        NOT_AUDITED.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert!(walk.called.is_disjoint(&exempt), "{:?}", walk.called.intersection(&exempt).collect::<Vec<_>>());
    let known: BTreeSet<_> = walk.called.union(&exempt).cloned().collect();
    let all = write_endpoints();
    assert_eq!(all.difference(&known).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    assert_eq!(known.difference(&all).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
});

async fn walk_conversation(walk: &mut Walk, hotel: &TestHotel) {
    let stay = hotel.relay(0);
    let id = stay.conversation;
    let tomorrow = (chrono::Utc::now() + chrono::TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let path = |rest: &str| format!("conversations/{{{id}}}/{rest}");
    let message = hotel.send_guest_message(&stay.phone, "hello").await["message_id"].clone();
    let to = json!({ "department_id": hotel.departments[1].id });
    walk.audited("POST", &path("start_relay/"), to, "transferred").await;
    walk.audited("POST", &path("assign/"), json!({ "staff_id": walk.manager.id }), "assigned").await;
    let react = path(&format!("messages/{{{message}}}/react/"));
    walk.audited("POST", &react, json!({ "emoji": "👍" }), "reaction_changed").await;
    walk.audited("POST", &path("snooze/"), json!({ "until": tomorrow }), "snoozed").await;
    walk.audited("POST", &path("unsnooze/"), Value::Null, "unsnoozed").await;
    walk.audited("POST", &path("handled/"), Value::Null, "handled").await;
    let later = json!({ "text": "Good morning", "send_at": tomorrow });
    let scheduled = walk.audited("POST", &path("scheduled/"), later, "message_scheduled").await.json()["id"].clone();
    let of_scheduled = format!("scheduled/{{{scheduled}}}/");
    walk.audited("PATCH", &of_scheduled, json!({ "text": "Good day" }), "scheduled_changed").await;
    walk.audited("DELETE", &of_scheduled, Value::Null, "scheduled_cancelled").await;
    walk.audited("POST", &path("close/"), Value::Null, "closed").await;
    walk.audited("POST", &path("reopen/"), Value::Null, "reopened").await;
    walk.audited("POST", &path("end_relay/"), Value::Null, "transferred").await;
    let label = json!({ "name": unique("VIP"), "colour": "red" });
    let label = walk.audited("POST", "labels/", label, "label_created").await.json()["id"].clone();
    walk.audited("PATCH", &path("labels/"), json!({ "add": [label] }), "labels_changed").await;
    let of_label = format!("labels/{{{label}}}/");
    walk.audited("PATCH", &of_label, json!({ "colour": "blue" }), "label_changed").await;
    walk.audited("DELETE", &of_label, Value::Null, "label_deleted").await;
}

async fn walk_hotel(walk: &mut Walk, hotel: &TestHotel) {
    walk.audited("PATCH", "hotel/", json!({ "timezone": "Europe/Lisbon" }), "hotel_changed").await;
    let new = json!({ "name": unique("Spa") });
    let department = walk.audited("POST", "departments/", new, "department_created").await.json()["id"].clone();
    let path = format!("departments/{{{department}}}/");
    walk.audited("PATCH", &path, json!({ "active": false }), "department_changed").await;
    let new = json!({ "name": unique("wifi"), "content": "Hello!" });
    let template = walk.audited("POST", "templates/", new, "template_created").await.json()["id"].clone();
    let path = format!("templates/{{{template}}}/");
    walk.audited("PATCH", &path, json!({ "content": "Good day!" }), "template_changed").await;
    walk.audited("DELETE", &path, Value::Null, "template_deleted").await;
    let key = walk.audited("POST", "api_keys/", json!({ "name": "PMS" }), "api_key_created").await.json()["id"].clone();
    walk.audited("DELETE", &format!("api_keys/{{{key}}}/"), Value::Null, "api_key_revoked").await;
    let guest = walk.manager.get(hotel.active(0).path("")).await.is(200)["guest_id"].clone();
    walk.audited("PATCH", &format!("guests/{{{guest}}}/"), json!({ "note": "Vegan" }), "guest_changed").await;
}

async fn walk_stays(walk: &mut Walk, hotel: &TestHotel) {
    let new = |code: &str, phone: String| {
        json!({
            "reservation_code": code, "guest_name": "Ana", "guest_phone": phone, "room_number": "1",
            "check_in": "2030-05-01", "check_out": "2030-05-02",
        })
    };
    let code = unique("R");
    let stay =
        walk.audited("POST", "stays/", new(&code, hotel.unused_phone()), "stay_created").await.json()["id"].clone();
    let path = |rest: &str| format!("stays/{{{stay}}}/{rest}");
    walk.audited("PATCH", &path(""), json!({ "room_number": "2" }), "stay_changed").await;
    walk.audited("POST", &path("conversation/"), Value::Null, "conversation_created").await;
    walk.audited("POST", &path("cancel/"), Value::Null, "stay_status_changed").await;
    walk.audited("POST", &path("reinstate/"), Value::Null, "stay_status_changed").await;
    walk.audited("POST", &path("no_show/"), Value::Null, "stay_status_changed").await;
    walk.audited("POST", &path("reinstate/"), Value::Null, "stay_status_changed").await;
    walk.audited("POST", &path("check_in/"), Value::Null, "stay_status_changed").await;
    walk.audited("POST", &path("check_out/"), Value::Null, "stay_status_changed").await;
    let table = format!(
        "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n{},Bo,,7,2030-05-01,2030-05-02\n",
        unique("R")
    );
    walk.audited("POST", "stays/import/", Value::String(table), "stay_created").await;
    // What concerns the person is named, and not repeated.
    let entries = walk.manager.get("audit/?action=stay_changed").await.is(200)["results"].clone();
    assert_eq!(entries[0]["before"], format!("stay {stay} ({code}): room: 1"));
    assert_eq!(entries[0]["after"], format!("stay {stay} ({code}): room: 2"));
    let of = path("").replace(['{', '}'], "");
    walk.manager.patch(of, json!({ "guest_name": "Secret Person" })).await.is(200);
    let entries = walk.manager.get("audit/?action=stay_changed").await.is(200)["results"].clone();
    assert_eq!(entries[0]["after"], format!("stay {stay} ({code}): guest name changed"));
}

/// A guest without a stay is linked to one.
async fn walk_links(walk: &mut Walk, hotel: &TestHotel) {
    let message = hotel.send_guest_message(&hotel.unused_phone(), "hello").await;
    let (id, code) = (message["conversation_id"].clone(), unique("R"));
    let stay = json!({
        "reservation_code": code, "guest_name": "Ana", "room_number": "1", "check_in": "2030-05-01", "check_out": "2030-05-02",
    });
    let stay = walk.manager.post("stays/", stay).await.is(201)["id"].clone();
    let path = |rest: &str| format!("conversations/{{{id}}}/{rest}");
    walk.audited("POST", &path("link_stay/"), json!({ "stay_id": stay }), "linked").await;
    walk.audited("POST", &path("unlink_stay/"), Value::Null, "unlinked").await;
}

async fn walk_people(walk: &mut Walk, hotel: &TestHotel) {
    let new = json!({ "username": unique("new"), "name": "New", "role": "staff", "password": "a password of theirs" });
    let person = walk.audited("POST", "staff/", new, "staff_created").await.json()["id"].clone();
    walk.audited("PATCH", &format!("staff/{{{person}}}/"), json!({ "active": false }), "staff_changed").await;
    let colleague = hotel.of(2).await.id;
    walk.audited("DELETE", &format!("staff/{{{colleague}}}/sessions/"), Value::Null, "sessions_ended").await;
    let change = json!({ "current_password": acceptance::PASSWORD, "new_password": "quite another long phrase 7" });
    walk.audited("POST", "/api/auth/password/", change, "password_changed").await;
}

on_both!(the_command_line_is_audited, |hotel| {
    let (manager, id) = (hotel.manager().await, hotel.id.to_string());
    let newest =
        async |action: &str| manager.get(format!("audit/?action={action}")).await.is(200)["results"][0].clone();
    let run = |arguments: &[&str]| {
        let output = hotel.world.run(arguments);
        assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
    };
    let table = hotel.world.folder().join(unique("table"));
    let code = unique("R");
    let row = format!("{code},Bo,,7,2030-05-01,2030-05-02");
    std::fs::write(&table, format!("reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n{row}\n"))
        .unwrap();
    let (username, spa) = (unique("cli"), unique("Spa"));
    run(&["hotel", "set", &id, "--country", "PT"]);
    run(&["department", "create", "--hotel", &id, "--name", &spa]);
    run(&["staff", "create", "--hotel", &id, "--username", &username, "--name", "Bo", "--role", "staff"]);
    run(&["staff", "deactivate", &username]);
    run(&["api-key", "create", "--hotel", &id, "--name", "PMS"]);
    run(&["import-stays", table.to_str().unwrap(), "--hotel", &id]);
    for (action, after) in [
        ("hotel_changed", "hotel: country: PT".to_owned()),
        ("department_created", format!("department {spa}")),
        ("staff_created", "staff, departments [], active".to_owned()),
        ("staff_changed", "staff, departments [], inactive".to_owned()),
    ] {
        let entry = newest(action).await;
        assert_eq!(entry["actor"], json!({ "type": "command_line", "id": null, "name": null }), "{entry}");
        assert_eq!(entry["after"], after, "{entry}");
    }
    for action in ["api_key_created", "stay_created"] {
        assert_eq!(newest(action).await["actor"]["type"], "command_line");
    }
});

on_both!(entries_are_filtered_and_paged, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let (stay, other) = (hotel.relay(0), hotel.relay(1));
    manager.post(stay.path("assign/"), json!({ "staff_id": staff.id })).await.is(200);
    staff.post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[1].id })).await.is(200);
    manager.post_empty(other.path("close/")).await.is(200);
    hotel.send_guest_message(&other.phone, "One more thing").await;
    let list = async |query: &str| manager.get(format!("audit/?page_size=100&{query}")).await.is(200);
    let of_stay = list(&format!("conversation_id={}", stay.conversation)).await;
    assert_eq!(keys(&of_stay), ["count", "next", "previous", "results"]);
    let entries = of_stay["results"].as_array().unwrap();
    let names = [
        "action",
        "actor",
        "address",
        "after",
        "at",
        "before",
        "conversation_id",
        "guest_name",
        "id",
        "staff_id",
        "staff_name",
    ];
    for entry in entries {
        assert_eq!((keys(entry), keys(&entry["actor"])), (names.to_vec(), vec!["id", "name", "type"]));
        assert!(is_time(&entry["at"]) && entry["conversation_id"] == stay.conversation, "{entry}");
        assert!(entry["guest_name"].is_string());
    }
    // Newest first. Departments and people are named; the transfer has unassigned who does not see the conversation.
    let shown: Vec<_> = entries
        .iter()
        .map(|it| (it["action"].as_str().unwrap(), &it["before"], &it["after"], &it["actor"]["id"]))
        .collect();
    let (me, first, second) = (json!(staff.name()), json!(hotel.departments[0].name), json!(hotel.departments[1].name));
    let none = Value::Null;
    assert_eq!(shown[shown.len() - 1], ("assigned", &none, &me, &json!(manager.id)));
    assert!(shown.contains(&("transferred", &first, &second, &json!(staff.id))), "{shown:?}");
    assert!(shown.contains(&("assigned", &me, &none, &json!(staff.id))), "{shown:?}");
    // A guest is named as such.
    let reopened = list(&format!("conversation_id={}&action=reopened", other.conversation)).await;
    assert_eq!(reopened["results"][0]["actor"], json!({ "type": "guest", "id": null, "name": null }));
    // What a person did, and what was done with them.
    let of_person = list(&format!("staff_id={}", staff.id)).await;
    let of_person = of_person["results"].as_array().unwrap();
    assert!(of_person.iter().all(|it| it["staff_id"] == staff.id || it["actor"]["id"] == staff.id));
    assert!(
        of_person
            .iter()
            .any(|it| it["action"] == "sign_in" && it["address"].is_string() && it["staff_name"] == staff.name())
    );
    assert!(of_person.iter().any(|it| it["action"] == "transferred"));
    // Dates are those of the hotel.
    let everything = list("").await["count"].as_i64().unwrap();
    assert_eq!(list("from=2020-01-01&to=2090-01-01").await["count"], everything);
    assert_eq!(list("to=2020-01-01").await["count"], 0);
    assert_eq!(list("from=2090-01-01").await["count"], 0);
    assert_eq!(list("action=no_such_action").await["count"], 0);
    // Pages.
    let pages = [1, 2].map(|page| format!("audit/?page_size=2&page={page}&conversation_id={}", stay.conversation));
    let (first, second) = (manager.get(&pages[0]).await.is(200), manager.get(&pages[1]).await.is(200));
    assert_eq!([ids(&first["results"]), ids(&second["results"])].concat(), ids(&of_stay["results"])[..3].to_vec());
    assert!(first["next"].as_str().unwrap().contains("conversation_id="));
    manager.get("audit/?page=999").await.problem(404, "not_found");
});

on_sqlite!(the_audit_is_for_managers_of_the_hotel, |hotel| {
    let manager = hotel.manager().await;
    hotel.of(0).await.get("audit/").await.problem(403, "forbidden");
    for (query, field) in [
        ("conversation_id=0", "conversation_id"),
        ("staff_id=x", "staff_id"),
        ("action=", "action"),
        ("action=Closed", "action"),
        ("from=2024-02-30", "from"),
        ("to=x", "to"),
        ("page_size=101", "page_size"),
    ] {
        assert_eq!(manager.get(format!("audit/?{query}")).await.bad_fields(), [field], "{query}");
    }
    // Entries of another hotel do not exist, also if a filter names its objects.
    let other = hotel.world.hotel();
    let stay = other.relay(0);
    other.manager().await.post_empty(stay.path("close/")).await.is(200);
    let query = format!("audit/?conversation_id={}", stay.conversation);
    assert_eq!(manager.get(&query).await.is(200)["count"], 0);
    assert_eq!(other.manager().await.get(&query).await.is(200)["count"], 1);
    // Reading is not audited.
    let before = manager.get("audit/").await.is(200)["count"].clone();
    for path in ["conversations/", "stays/", "staff/", "reports/", "inbox/", "audit/", "templates/"] {
        manager.get(path).await.is(200);
    }
    assert_eq!(manager.get("audit/").await.is(200)["count"], before);
});
