//! Access to routes: every endpoint of the OpenAPI document with every kind of caller. The table of rules is independent
//! of the product.

use std::collections::BTreeSet;

use acceptance::{ApiResponse, TestSocket, Value, WorldOptions, described::openapi, json, on_both, unique};

use crate::snooze::seconds_ahead;

use super::callers::{API_KEYS, Callers, STAFF, Thread, ThreadState, UNAUTHENTICATED, Who};

/// The callers that may make a call, with the status that they get. All others with an API key get 403.
enum RouteRule {
    /// Every caller gets this status.
    Public(u16),
    /// StaffClient get this status, callers without credentials 401.
    AnyStaff(u16),
    /// Managers get this status, other staff 403.
    Managers(u16),
    /// The same for an object of the hotel: staff of another hotel get 404.
    ManagersOfHotel(u16),
    /// Staff of the hotel get this status for an object of it, staff of another hotel 404.
    StaffOfHotel(u16),
    /// Stay handlers get this status, other staff 403.
    StayHandlers(u16),
    /// The same for an object of the hotel: staff of another hotel get 404.
    StayHandlersOfHotel(u16),
    /// Stay handlers and API keys.
    StayHandlersAndKeys(u16),
    /// The same for an object of the hotel: callers of another hotel get 404.
    StayHandlersAndKeysOfHotel(u16),
    /// All staff and API keys.
    StaffAndKeys(u16),
    /// The same for an object of the hotel: callers of another hotel get 404.
    StaffAndKeysOfHotel(u16),
    /// StaffClient who see the conversation get this status, other staff 404.
    Visible(fn(ThreadState, Who) -> u16),
    /// StaffClient get a WebSocket.
    Upgrade,
    /// Ends the session; also succeeds after the session has ended.
    SignOut,
}

use RouteRule::{
    AnyStaff, Managers, ManagersOfHotel, Public, SignOut, StaffAndKeys, StaffAndKeysOfHotel, StaffOfHotel,
    StayHandlers, StayHandlersAndKeys, StayHandlersAndKeysOfHotel, StayHandlersOfHotel, Upgrade, Visible,
};

struct RouteRow {
    method: &'static str,
    path: &'static str,
    rule: RouteRule,
    body: fn(&Callers, &Thread) -> Value,
}

fn get(path: &'static str, rule: RouteRule) -> RouteRow {
    RouteRow { method: "GET", path, rule, body: |_, _| Value::Null }
}

fn post(path: &'static str, rule: RouteRule, body: fn(&Callers, &Thread) -> Value) -> RouteRow {
    RouteRow { method: "POST", path, rule, body }
}

fn put(path: &'static str, rule: RouteRule, body: fn(&Callers, &Thread) -> Value) -> RouteRow {
    RouteRow { method: "PUT", path, rule, body }
}

fn delete(path: &'static str, rule: RouteRule) -> RouteRow {
    RouteRow { method: "DELETE", path, rule, body: |_, _| Value::Null }
}

fn patch(path: &'static str, rule: RouteRule, body: fn(&Callers, &Thread) -> Value) -> RouteRow {
    RouteRow { method: "PATCH", path, rule, body }
}

/// The rules. Every request is well-formed, so that only the caller can be the reason for a refusal.
fn table() -> Vec<RouteRow> {
    let nothing = |_: &Callers, _: &Thread| json!({});
    vec![
        get("/healthz", Public(200)),
        get("/readyz", Public(200)),
        get("/metrics", Public(200)),
        get("/webhooks/whatsapp/", Public(403)),
        post("/webhooks/whatsapp/", Public(401), nothing),
        get("/ws/staff/", Upgrade),
        get("/api/demo/", Public(200)),
        patch("/api/demo/", Public(400), nothing),
        post("/api/demo/guest_message/", Public(400), nothing),
        post("/api/auth/login/", Public(400), nothing),
        // Takes a refresh token or the cookie; an access token is neither.
        post("/api/auth/refresh/", Public(401), |_, _| Value::Null),
        post(
            "/api/auth/password/",
            AnyStaff(400),
            |_, _| json!({ "current_password": "not mine at all", "new_password": "long enough to be one" }),
        ),
        get("/api/auth/me/", AnyStaff(200)),
        get("/api/auth/sessions/", AnyStaff(200)),
        // There is no session with this number.
        delete("/api/auth/sessions/{id}/", AnyStaff(404)),
        get("/api/message_manager/conversations/", AnyStaff(200)),
        get("/api/message_manager/conversations/active_conversations/", AnyStaff(200)),
        get("/api/message_manager/conversations/counts/", AnyStaff(200)),
        get("/api/message_manager/inbox/", AnyStaff(200)),
        get("/api/message_manager/conversations/{id}/", Visible(|_, _| 200)),
        get("/api/message_manager/conversations/{id}/messages/", Visible(|_, _| 200)),
        get("/api/message_manager/conversations/{id}/history/", Visible(|_, _| 200)),
        patch(
            "/api/message_manager/conversations/{id}/labels/",
            Visible(|_, _| 200),
            |callers, _| json!({ "add": [callers.label] }),
        ),
        post("/api/message_manager/conversations/{id}/send_message/", Visible(sending), |_, _| json!({ "text": "x" })),
        post(
            "/api/message_manager/conversations/{id}/send_template/",
            Visible(sending),
            |callers, _| json!({ "template_id": callers.template }),
        ),
        // The body is a form with a file, see `send`.
        post("/api/message_manager/conversations/{id}/attachments/", Visible(sending), nothing),
        post(
            "/api/message_manager/conversations/{id}/messages/{message_id}/retry/",
            // The message of a guest cannot have failed.
            Visible(|_, _| 409),
            nothing,
        ),
        // The message of a guest has another author, and is not waiting to be sent.
        patch(
            "/api/message_manager/conversations/{id}/messages/{message_id}/",
            Visible(|_, _| 403),
            |_, _| json!({ "text": "x" }),
        ),
        delete("/api/message_manager/conversations/{id}/messages/{message_id}/", Visible(|_, _| 409)),
        post(
            "/api/message_manager/conversations/{id}/messages/{message_id}/react/",
            Visible(unless_closed),
            |_, _| json!({ "emoji": "👍" }),
        ),
        // There is no file with this id.
        post(
            "/api/message_manager/conversations/{id}/render_template/",
            Visible(|_, _| 200),
            |callers, _| json!({ "template_id": callers.template }),
        ),
        get("/api/message_manager/attachments/{id}/", AnyStaff(404)),
        post("/api/message_manager/conversations/{id}/notes/", Visible(|_, _| 201), |_, _| json!({ "text": "x" })),
        post(
            "/api/message_manager/conversations/{id}/start_relay/",
            Visible(unless_closed),
            |callers, _| json!({ "department_id": callers.hotel.departments[0].id }),
        ),
        post("/api/message_manager/conversations/{id}/end_relay/", Visible(in_relay), nothing),
        post(
            "/api/message_manager/conversations/{id}/assign/",
            Visible(unless_closed),
            |callers, _| json!({ "staff_id": callers.staff(Who::Manager).id }),
        ),
        post("/api/message_manager/conversations/{id}/close/", Visible(|_, _| 200), nothing),
        post("/api/message_manager/conversations/{id}/handled/", Visible(|_, _| 200), nothing),
        post(
            "/api/message_manager/conversations/{id}/snooze/",
            Visible(unless_closed),
            |_, _| json!({ "until": seconds_ahead(3600) }),
        ),
        post("/api/message_manager/conversations/{id}/unsnooze/", Visible(|_, _| 200), nothing),
        post("/api/message_manager/conversations/{id}/reopen/", Visible(|_, _| 200), nothing),
        post(
            "/api/message_manager/conversations/{id}/read/",
            Visible(|_, _| 204),
            |_, thread| json!({ "message_id": thread.message }),
        ),
        get("/api/message_manager/me/settings/", AnyStaff(200)),
        patch("/api/message_manager/me/settings/", AnyStaff(200), |_, _| json!({ "theme": "dark" })),
        get("/api/message_manager/drafts/", AnyStaff(200)),
        put("/api/message_manager/conversations/{id}/draft/", Visible(|_, _| 200), |_, _| json!({ "text": "x" })),
        get("/api/message_manager/conversations/{id}/draft/", Visible(|_, _| 200)),
        delete("/api/message_manager/conversations/{id}/draft/", Visible(|_, _| 204)),
        get("/api/message_manager/scheduled/", AnyStaff(200)),
        get("/api/message_manager/conversations/{id}/scheduled/", Visible(|_, _| 200)),
        post("/api/message_manager/conversations/{id}/scheduled/", Visible(scheduling), |_, _| later()),
        patch(
            "/api/message_manager/scheduled/{id}/",
            Visible(|_, _| 200),
            |_, _| json!({ "send_at": later()["send_at"] }),
        ),
        // It is cancelled already.
        delete("/api/message_manager/scheduled/{id}/", Visible(|_, _| 409)),
        get("/api/message_manager/events/", AnyStaff(200)),
        get("/api/message_manager/search/", AnyStaff(200)),
        get("/api/message_manager/departments/", AnyStaff(200)),
        post("/api/message_manager/departments/", Managers(201), |_, _| json!({ "name": unique("Spa") })),
        patch("/api/message_manager/departments/{id}/", ManagersOfHotel(200), |_, _| json!({ "name": unique("Bar") })),
        get("/api/message_manager/staff/", AnyStaff(200)),
        post(
            "/api/message_manager/staff/",
            Managers(201),
            |_, _| json!({ "username": unique("new"), "name": "New", "role": "staff", "password": "a password of theirs" }),
        ),
        patch("/api/message_manager/staff/{id}/", ManagersOfHotel(200), |_, _| json!({ "name": unique("Renamed") })),
        get("/api/message_manager/staff/{id}/sessions/", ManagersOfHotel(200)),
        delete("/api/message_manager/staff/{id}/sessions/{session_id}/", ManagersOfHotel(404)),
        delete("/api/message_manager/staff/{id}/sessions/", ManagersOfHotel(204)),
        get("/api/message_manager/hotel/", AnyStaff(200)),
        patch("/api/message_manager/hotel/", Managers(200), |_, _| json!({ "name": unique("Hotel") })),
        get("/api/message_manager/templates/", AnyStaff(200)),
        post(
            "/api/message_manager/templates/",
            Managers(201),
            |_, _| json!({ "name": unique("template"), "content": "Hello!" }),
        ),
        patch(
            "/api/message_manager/templates/{id}/",
            ManagersOfHotel(200),
            |_, _| json!({ "content": unique("Hello") }),
        ),
        // The last allowed caller deletes the template.
        delete("/api/message_manager/templates/{id}/", ManagersOfHotel(204)),
        get("/api/message_manager/labels/", AnyStaff(200)),
        post(
            "/api/message_manager/labels/",
            Managers(201),
            |_, _| json!({ "name": unique("label"), "colour": "blue" }),
        ),
        patch("/api/message_manager/labels/{id}/", ManagersOfHotel(200), |_, _| json!({ "name": unique("label") })),
        post(
            "/api/message_manager/conversations/{id}/link_stay/",
            Visible(linking),
            |callers, _| json!({ "stay_id": callers.hotel.relay(2).id }),
        ),
        // No conversation is linked.
        post(
            "/api/message_manager/conversations/{id}/unlink_stay/",
            Visible(|_, who| if who.handles_stays() { 409 } else { 403 }),
            nothing,
        ),
        // The last allowed caller deletes the label.
        delete("/api/message_manager/labels/{id}/", ManagersOfHotel(204)),
        get("/api/message_manager/reports/", Managers(200)),
        get("/api/message_manager/audit/", Managers(200)),
        get("/api/message_manager/api_keys/", Managers(200)),
        post("/api/message_manager/api_keys/", Managers(201), |_, _| json!({ "name": "Booking system" })),
        // The last allowed caller revokes the key.
        delete("/api/message_manager/api_keys/{id}/", ManagersOfHotel(204)),
        get("/api/message_manager/guests/{id}/", StaffOfHotel(200)),
        patch("/api/message_manager/guests/{id}/", StayHandlersOfHotel(200), |_, _| json!({ "note": unique("note") })),
        get("/api/message_manager/stays/", StaffAndKeys(200)),
        get("/api/message_manager/stays/{id}/", StaffAndKeysOfHotel(200)),
        // The conversation of this stay exists and is unrouted.
        post("/api/message_manager/stays/{id}/conversation/", StaffOfHotel(200), nothing),
        post("/api/message_manager/stays/", StayHandlers(201), |callers, _| {
            json!({
                "reservation_code": unique("R"), "guest_name": "Ana", "guest_phone": callers.hotel.unused_phone(),
                "room_number": "1", "check_in": "2030-05-01", "check_out": "2030-05-02",
            })
        }),
        patch(
            "/api/message_manager/stays/{id}/",
            StayHandlersOfHotel(200),
            |_, _| json!({ "room_number": unique("R") }),
        ),
        post("/api/message_manager/stays/import/", StayHandlersAndKeys(200), |_, _| {
            "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n".into()
        }),
        post("/api/message_manager/stays/{id}/check_in/", StayHandlersAndKeysOfHotel(200), nothing),
        post("/api/message_manager/stays/{id}/check_out/", StayHandlersAndKeysOfHotel(200), nothing),
        post("/api/message_manager/stays/{id}/cancel/", StayHandlersAndKeysOfHotel(200), nothing),
        post("/api/message_manager/stays/{id}/no_show/", StayHandlersOfHotel(200), nothing),
        // The stay is booked.
        post("/api/message_manager/stays/{id}/reinstate/", StayHandlersOfHotel(200), nothing),
        // The hotel has no WhatsApp Business Account.
        post("/api/message_manager/templates/sync/", Managers(409), nothing),
        // Last, because it ends all sessions.
        post("/api/auth/logout/", SignOut, |_, _| Value::Null),
    ]
}

const MISSING_ID: i64 = 9_000_000_000;

/// A file to send to a guest.
const FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
    Content-Type: text/plain\r\n\r\nhello\r\n--x--\r\n";

fn sending(state: ThreadState, who: Who) -> u16 {
    let has_no_department = who == Who::Loner && !state.is_routed();
    if state.is_closed() || has_no_department { 409 } else { 201 }
}

fn scheduling(state: ThreadState, _: Who) -> u16 {
    if state.is_closed() { 409 } else { 201 }
}

/// A message to be scheduled.
fn later() -> Value {
    let in_a_week = chrono::Utc::now() + chrono::TimeDelta::days(7);
    json!({ "text": "later", "send_at": in_a_week.to_rfc3339() })
}

fn unless_closed(state: ThreadState, _: Who) -> u16 {
    if state.is_closed() { 409 } else { 200 }
}

/// Stay handlers link conversations without stay.
fn linking(state: ThreadState, who: Who) -> u16 {
    match state {
        _ if !who.handles_stays() => 403,
        ThreadState::Demo => 200,
        _ => 409,
    }
}

fn in_relay(state: ThreadState, _: Who) -> u16 {
    if state == ThreadState::Relay { 200 } else { 409 }
}

impl RouteRow {
    async fn send(&self, callers: &Callers, who: Who, thread: &Thread) -> ApiResponse {
        let id = match self.path {
            "/api/message_manager/departments/{id}/" => callers.hotel.departments[2].id,
            path if path.starts_with("/api/message_manager/staff/{id}/") => callers.hotel.member_of(2).id,
            "/api/message_manager/templates/{id}/" => callers.template,
            "/api/message_manager/labels/{id}/" => callers.label,
            "/api/message_manager/api_keys/{id}/" => callers.unused_key,
            "/api/message_manager/guests/{id}/" => callers.guest,
            "/api/message_manager/attachments/{id}/" => MISSING_ID,
            "/api/message_manager/stays/{id}/cancel/" => callers.hotel.active(1).id,
            "/api/message_manager/stays/{id}/no_show/" => callers.hotel.relay(1).id,
            "/api/message_manager/stays/{id}/reinstate/" => callers.hotel.relay(0).id,
            "/api/message_manager/scheduled/{id}/" if self.method == "DELETE" => thread.cancelled,
            "/api/message_manager/scheduled/{id}/" => thread.scheduled,
            path if path.starts_with("/api/message_manager/stays/") => callers.hotel.active(0).id,
            _ => thread.id,
        };
        let (client, body) = match (self.body)(callers, thread) {
            _ if self.path.ends_with("/attachments/") => {
                (callers.client(who).with("content-type", "multipart/form-data; boundary=x"), Some(FORM.to_owned()))
            }
            Value::Null => (callers.client(who).clone(), None),
            Value::String(csv) => (callers.client(who).with("content-type", "text/csv"), Some(csv)),
            json => (callers.client(who).clone(), Some(json.to_string())),
        };
        let query = match self.path {
            "/api/message_manager/events/" => "?after_seq=0",
            "/api/message_manager/search/" => "?q=towels",
            _ => "",
        };
        let path = self.path.replace("{id}", &id.to_string()).replace("{session_id}", &MISSING_ID.to_string());
        let path = path.replace("{message_id}", &thread.message.to_string()) + query;
        client.send(self.method, path, body.map(String::into_bytes)).await
    }

    async fn check(&self, callers: &Callers, who: Who, thread: &Thread, status: u16) {
        let answer = self.send(callers, who, thread).await;
        assert_eq!(answer.status, status, "{who:?}: {} {}: {}", self.method, self.path, answer.text());
    }

    /// The status for this caller, if the route is not about a conversation.
    fn status_for(&self, who: Who) -> u16 {
        let is_unauthenticated = UNAUTHENTICATED.contains(&who);
        match self.rule {
            Public(status) => status,
            SignOut if matches!(who, Who::Revoked | Who::Deactivated) => 204,
            _ if is_unauthenticated => 401,
            StayHandlersAndKeysOfHotel(_) | StaffAndKeysOfHotel(_) if who.is_of_other_hotel() => 404,
            StayHandlersAndKeys(status) | StayHandlersAndKeysOfHotel(status) if API_KEYS.contains(&who) => status,
            StaffAndKeys(status) | StaffAndKeysOfHotel(status) if API_KEYS.contains(&who) => status,
            _ if API_KEYS.contains(&who) => 403,
            SignOut => 204,
            ManagersOfHotel(_) | StayHandlersOfHotel(_) | StaffOfHotel(_) if who.is_of_other_hotel() => 404,
            Managers(_) | ManagersOfHotel(_) if !who.is_manager() => 403,
            StayHandlers(_) | StayHandlersOfHotel(_) | StayHandlersAndKeys(_) | StayHandlersAndKeysOfHotel(_)
                if !who.handles_stays() =>
            {
                403
            }
            AnyStaff(status) | Managers(status) | ManagersOfHotel(status) | StaffOfHotel(status) => status,
            StayHandlers(status) | StayHandlersOfHotel(status) | StaffAndKeys(status) => status,
            StayHandlersAndKeys(status) | StayHandlersAndKeysOfHotel(status) | StaffAndKeysOfHotel(status) => status,
            Visible(_) | Upgrade => unreachable!("checked by another function"),
        }
    }
}

on_both!(every_route_follows_its_rule_for_every_caller, WorldOptions::default() => |world| {
    let callers = Callers::create(&world).await;
    for row in table() {
        match row.rule {
            Upgrade => check_upgrades(&callers).await,
            Visible(status) => check_conversation_route(&callers, &row, status).await,
            _ => {
                let thread = callers.set_state(ThreadState::Relay).await;
                for who in UNAUTHENTICATED.into_iter().chain(API_KEYS).chain(STAFF) {
                    row.check(&callers, who, &thread, row.status_for(who)).await;
                }
            }
        }
    }
});

async fn check_upgrades(callers: &Callers) {
    for who in STAFF {
        TestSocket::open(callers.staff(who)).await;
    }
    for who in UNAUTHENTICATED.into_iter().chain(API_KEYS) {
        let token = callers.client(who).headers().get("authorization").map(|it| it.to_str().unwrap());
        let headers: Vec<(&str, &str)> = token.into_iter().map(|it| ("authorization", it)).collect();
        let refused = TestSocket::try_open(&callers.hotel.world, &headers).await.err();
        let status = if API_KEYS.contains(&who) { 403 } else { 401 };
        assert_eq!(refused.map(|it| it.status), Some(status), "{who:?}");
    }
}

async fn check_conversation_route(callers: &Callers, row: &RouteRow, status: fn(ThreadState, Who) -> u16) {
    for state in ThreadState::ALL {
        let thread = callers.set_state(state).await;
        let path = format!("conversations/{}/", thread.id);
        let before = callers.client(Who::Manager).get(&path).await.is(200);
        for who in UNAUTHENTICATED {
            row.check(callers, who, &thread, 401).await;
        }
        for who in API_KEYS {
            row.check(callers, who, &thread, 403).await;
        }
        for who in STAFF.into_iter().filter(|who| !state.is_visible_to(*who)) {
            row.check(callers, who, &thread, 404).await;
        }
        // The refused calls have changed nothing.
        assert_eq!(callers.client(Who::Manager).get(&path).await.is(200), before, "{} {state:?}", row.path);
        for who in STAFF.into_iter().filter(|who| state.is_visible_to(*who)) {
            callers.set_state(state).await;
            let answer = row.send(callers, who, &thread).await;
            assert_eq!(answer.status, status(state, who), "{who:?} {state:?}: {}: {}", answer.request, answer.text());
        }
    }
}

#[test]
fn every_route_is_in_the_table() {
    let paths = openapi()["paths"].as_object().unwrap().iter();
    let described: BTreeSet<(String, String)> = paths
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|it| (it.to_uppercase(), path.clone())))
        .collect();
    let listed = table().iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
    assert_eq!(described, listed);
}
