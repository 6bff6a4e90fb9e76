//! Every address × everyone.

use std::collections::BTreeSet;

use acceptance::{Answer, Options, Socket, Value, described::openapi, json, on_both, unique};

use super::callers::{Callers, INSIDE, OUTSIDE, Place, SYSTEMS, Thread, Who};

/// Who may call. Where not said otherwise, other systems with their API keys may not: 403.
enum Rule {
    /// Anybody is answered so.
    Anybody(u16),
    /// Who is signed in is answered so, the others 401.
    SignedIn(u16),
    /// Managers are answered so, other staff 403.
    Managers(u16),
    /// The same, about a thing of the hotel: for another hotel's it is not there.
    ManagersOfIt(u16),
    /// As managers, and other systems of the hotel too.
    Administers(u16),
    /// The same, about a thing of the hotel.
    AdministersIt(u16),
    /// Who sees the conversation is answered so; for the others it is not there.
    Seen(fn(Place, Who) -> u16),
    /// Who is signed in gets a WebSocket.
    Upgrade,
    /// The session ends; it has ended for those who had one.
    SignOut,
}

use Rule::{Administers, AdministersIt, Anybody, Managers, ManagersOfIt, Seen, SignOut, SignedIn, Upgrade};

struct Row {
    method: &'static str,
    path: &'static str,
    rule: Rule,
    body: fn(&Callers, &Thread) -> Value,
}

fn get(path: &'static str, rule: Rule) -> Row {
    Row { method: "GET", path, rule, body: |_, _| Value::Null }
}

fn post(path: &'static str, rule: Rule, body: fn(&Callers, &Thread) -> Value) -> Row {
    Row { method: "POST", path, rule, body }
}

fn delete(path: &'static str, rule: Rule) -> Row {
    Row { method: "DELETE", path, rule, body: |_, _| Value::Null }
}

fn patch(path: &'static str, rule: Rule, body: fn(&Callers, &Thread) -> Value) -> Row {
    Row { method: "PATCH", path, rule, body }
}

/// The table. What a refused call would have done is well-formed: nothing but who asks is wrong.
fn table() -> Vec<Row> {
    let nothing = |_: &Callers, _: &Thread| json!({});
    vec![
        get("/healthz", Anybody(200)),
        get("/readyz", Anybody(200)),
        get("/metrics", Anybody(200)),
        get("/webhooks/whatsapp/", Anybody(403)),
        post("/webhooks/whatsapp/", Anybody(401), nothing),
        get("/ws/staff/", Upgrade),
        post("/api/demo/guest_message/", Anybody(400), nothing),
        post("/api/auth/login/", Anybody(400), nothing),
        // By its own token or the cookie only; a bearer is neither.
        post("/api/auth/refresh/", Anybody(401), |_, _| Value::Null),
        post(
            "/api/auth/password/",
            SignedIn(400),
            |_, _| json!({ "current_password": "not mine at all", "new_password": "long enough to be one" }),
        ),
        get("/api/auth/me/", SignedIn(200)),
        get("/api/message_manager/conversations/", SignedIn(200)),
        get("/api/message_manager/conversations/active_conversations/", SignedIn(200)),
        get("/api/message_manager/conversations/{id}/", Seen(|_, _| 200)),
        get("/api/message_manager/conversations/{id}/messages/", Seen(|_, _| 200)),
        post("/api/message_manager/conversations/{id}/send_message/", Seen(sending), |_, _| json!({ "text": "x" })),
        post(
            "/api/message_manager/conversations/{id}/send_template/",
            Seen(sending),
            |callers, _| json!({ "template_id": callers.template }),
        ),
        // A form is wanted: who does not see the conversation is not even told that.
        post("/api/message_manager/conversations/{id}/attachments/", Seen(|_, _| 415), nothing),
        post(
            "/api/message_manager/conversations/{id}/messages/{message_id}/retry/",
            // A guest's message, which cannot have failed.
            Seen(|_, _| 409),
            nothing,
        ),
        // There is no such file.
        get("/api/message_manager/attachments/{id}/", SignedIn(404)),
        post("/api/message_manager/conversations/{id}/notes/", Seen(|_, _| 201), |_, _| json!({ "text": "x" })),
        post(
            "/api/message_manager/conversations/{id}/start_relay/",
            Seen(unless_closed),
            |callers, _| json!({ "department_id": callers.hotel.departments[0].id }),
        ),
        post("/api/message_manager/conversations/{id}/end_relay/", Seen(in_relay), nothing),
        post(
            "/api/message_manager/conversations/{id}/assign/",
            Seen(unless_closed),
            |callers, _| json!({ "staff_id": callers.staff(Who::Manager).id }),
        ),
        post("/api/message_manager/conversations/{id}/close/", Seen(|_, _| 200), nothing),
        post("/api/message_manager/conversations/{id}/reopen/", Seen(|_, _| 200), nothing),
        post(
            "/api/message_manager/conversations/{id}/read/",
            Seen(|_, _| 204),
            |_, it| json!({ "message_id": it.message }),
        ),
        get("/api/message_manager/events/", SignedIn(200)),
        get("/api/message_manager/departments/", SignedIn(200)),
        post("/api/message_manager/departments/", Managers(201), |_, _| json!({ "name": unique("Spa") })),
        patch("/api/message_manager/departments/{id}/", ManagersOfIt(200), |_, _| json!({ "name": unique("Bar") })),
        get("/api/message_manager/staff/", SignedIn(200)),
        post(
            "/api/message_manager/staff/",
            Managers(201),
            |_, _| json!({ "username": unique("new"), "name": "New", "role": "staff", "password": "a password of theirs" }),
        ),
        patch("/api/message_manager/staff/{id}/", ManagersOfIt(200), |_, _| json!({ "name": unique("Renamed") })),
        get("/api/message_manager/hotel/", SignedIn(200)),
        patch("/api/message_manager/hotel/", Managers(200), |_, _| json!({ "name": unique("Hotel") })),
        get("/api/message_manager/templates/", SignedIn(200)),
        post(
            "/api/message_manager/templates/",
            Managers(201),
            |_, _| json!({ "name": unique("template"), "content": "Hello!" }),
        ),
        patch("/api/message_manager/templates/{id}/", ManagersOfIt(200), |_, _| json!({ "content": unique("Hello") })),
        // The last of them who may delete it does.
        delete("/api/message_manager/templates/{id}/", ManagersOfIt(204)),
        get("/api/message_manager/stays/", Managers(200)),
        post("/api/message_manager/stays/", Managers(201), |callers, _| {
            json!({
                "reservation_code": unique("R"), "guest_name": "Ana", "guest_phone": callers.hotel.new_phone(),
                "room_number": "1", "check_in": "2030-05-01", "check_out": "2030-05-02",
            })
        }),
        patch("/api/message_manager/stays/{id}/", ManagersOfIt(200), |_, _| json!({ "room_number": unique("R") })),
        post("/api/message_manager/stays/import/", Administers(200), |_, _| {
            "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n".into()
        }),
        post("/api/message_manager/stays/{id}/check_in/", AdministersIt(200), nothing),
        post("/api/message_manager/stays/{id}/check_out/", AdministersIt(200), nothing),
        // The last: it ends everybody's session.
        post("/api/auth/logout/", SignOut, |_, _| Value::Null),
    ]
}

fn sending(place: Place, who: Who) -> u16 {
    let has_no_department = who == Who::Loner && !place.is_routed();
    if place.is_closed() || has_no_department { 409 } else { 201 }
}

fn unless_closed(place: Place, _: Who) -> u16 {
    if place.is_closed() { 409 } else { 200 }
}

fn in_relay(place: Place, _: Who) -> u16 {
    if place == Place::Relay { 200 } else { 409 }
}

impl Row {
    async fn ask(&self, callers: &Callers, who: Who, it: &Thread) -> Answer {
        let id = match self.path {
            "/api/message_manager/departments/{id}/" => callers.hotel.departments[2].id,
            "/api/message_manager/staff/{id}/" => callers.hotel.member_of(2).id,
            "/api/message_manager/templates/{id}/" => callers.template,
            path if path.starts_with("/api/message_manager/stays/") => callers.hotel.active(0).id,
            _ => it.id,
        };
        let (client, body) = match (self.body)(callers, it) {
            Value::Null => (callers.client(who).clone(), None),
            Value::String(csv) => (callers.client(who).with("content-type", "text/csv"), Some(csv)),
            json => (callers.client(who).clone(), Some(json.to_string())),
        };
        let query = if self.path == "/api/message_manager/events/" { "?after_seq=0" } else { "" };
        let path = self.path.replace("{id}", &id.to_string()).replace("{message_id}", &it.message.to_string()) + query;
        client.send(self.method, path, body.map(String::into_bytes)).await
    }

    async fn check(&self, callers: &Callers, who: Who, it: &Thread, status: u16) {
        let answer = self.ask(callers, who, it).await;
        assert_eq!(answer.status, status, "{who:?}: {} {}: {}", self.method, self.path, answer.text());
    }

    /// What everyone is answered who is not asking for a conversation.
    fn status_for(&self, who: Who) -> u16 {
        let is_outside = OUTSIDE.contains(&who);
        match self.rule {
            Anybody(status) => status,
            SignOut if matches!(who, Who::Revoked | Who::Deactivated) => 204,
            _ if is_outside => 401,
            AdministersIt(_) if who.is_foreign() => 404,
            Administers(status) | AdministersIt(status) if who == Who::System => status,
            Administers(status) if who == Who::ForeignSystem => status,
            _ if SYSTEMS.contains(&who) => 403,
            SignOut => 204,
            Managers(_) | Administers(_) | AdministersIt(_) if !who.is_manager() => 403,
            ManagersOfIt(_) if who.is_foreign() => 404,
            ManagersOfIt(_) if !who.is_manager() => 403,
            SignedIn(status) | Managers(status) | ManagersOfIt(status) => status,
            Administers(status) | AdministersIt(status) => status,
            Seen(_) | Upgrade => unreachable!("asked for otherwise"),
        }
    }
}

on_both!(every_address_answers_everyone_as_it_must, Options::default() => |world| {
    let callers = Callers::gather(&world).await;
    for row in table() {
        match row.rule {
            Upgrade => upgrades(&callers).await,
            Seen(status) => conversations(&callers, &row, status).await,
            _ => {
                let it = callers.put(Place::Relay).await;
                for who in OUTSIDE.into_iter().chain(SYSTEMS).chain(INSIDE) {
                    row.check(&callers, who, &it, row.status_for(who)).await;
                }
            }
        }
    }
});

async fn upgrades(callers: &Callers) {
    for who in INSIDE {
        Socket::open(callers.staff(who)).await;
    }
    for who in OUTSIDE.into_iter().chain(SYSTEMS) {
        let token = callers.client(who).headers().get("authorization").map(|it| it.to_str().unwrap());
        let headers: Vec<(&str, &str)> = token.into_iter().map(|it| ("authorization", it)).collect();
        let refused = Socket::try_open(&callers.hotel.world, &headers).await.err();
        let status = if SYSTEMS.contains(&who) { 403 } else { 401 };
        assert_eq!(refused.map(|it| it.status), Some(status), "{who:?}");
    }
}

async fn conversations(callers: &Callers, row: &Row, status: fn(Place, Who) -> u16) {
    for place in Place::ALL {
        let it = callers.put(place).await;
        let path = format!("conversations/{}/", it.id);
        let before = callers.client(Who::Manager).get(&path).await.is(200);
        for who in OUTSIDE {
            row.check(callers, who, &it, 401).await;
        }
        for who in SYSTEMS {
            row.check(callers, who, &it, 403).await;
        }
        for who in INSIDE.into_iter().filter(|who| !place.is_seen_by(*who)) {
            row.check(callers, who, &it, 404).await;
        }
        // Whoever was refused has changed nothing.
        assert_eq!(callers.client(Who::Manager).get(&path).await.is(200), before, "{} {place:?}", row.path);
        for who in INSIDE.into_iter().filter(|who| place.is_seen_by(*who)) {
            callers.put(place).await;
            let answer = row.ask(callers, who, &it).await;
            assert_eq!(answer.status, status(place, who), "{who:?} {place:?}: {}: {}", answer.asked, answer.text());
        }
    }
}

#[test]
fn every_address_is_in_the_table() {
    let paths = openapi()["paths"].as_object().unwrap().iter();
    let described: BTreeSet<(String, String)> = paths
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|it| (it.to_uppercase(), path.clone())))
        .collect();
    let listed = table().iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
    assert_eq!(described, listed);
}
