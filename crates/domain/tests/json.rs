//! The feature `serde`: a value that is serialized deserializes to an equal value, and JSON of an invalid value is refused.
//! One table for each file of the crate.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Debug;

use domain::{
    AuditRecord, Conversation, ConversationRef, Department, Hotel, Message, ScheduledMessage, Stay,
    flow::{FlowMemory, FlowOutcome, FlowStep, FlowText, FlowTexts, Prompt},
    hotel::{HotelVariables, ResponseTarget},
    inbox::{InboxCounts, InboxEntry},
    message::PictureSize,
    opening_hours::{DayTime, OpeningHours, QuietHours},
    report::{DurationSummary, ReportFigures},
    scheduled::{ScheduledContent, ScheduledState},
    search::Closeness,
    stay::StayDays,
    username::Username,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value, json, to_value};

/// Fails unless `json` is read and written unchanged, and each wrong value, at a place of `json`, is refused.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(json: Value, wrong: &[(&str, Value)]) {
    let read: T = from_value(json.clone()).unwrap();
    let written = to_value(&read).unwrap();
    assert_eq!(written, json);
    assert_eq!(from_value::<T>(written).unwrap(), read);
    for (place, bad) in wrong {
        let mut changed = json.clone();
        *changed.pointer_mut(place).unwrap() = bad.clone();
        assert!(from_value::<T>(changed).is_err(), "{place}: {bad}");
    }
}

#[test]
fn ids() {
    check::<ConversationRef>(json!({ "Both": [3, 4] }), &[("/Both/0", json!(0)), ("", json!({ "Room": 3 }))]);
}

#[test]
fn hotels() {
    check::<Hotel>(
        json!({
            "id": 1, "name": "Grand Hotel", "timezone": "Europe/Madrid", "default_department": 2, "opener_template": null,
            "whatsapp_phone_number_id": "106", "flow": true, "country": "ES", "variables": { "wifi": "sea & sun" },
            "whatsapp_business_account_id": null, "quiet_hours": ["22:00", "08:00"],
        }),
        &[
            ("/id", json!(0)),
            ("/country", json!("Spain")),
            ("/variables", json!({ "wi fi": "x" })),
            ("/quiet_hours", json!(["22:00", "22:00"])),
        ],
    );
    check::<Department>(
        json!({
            "id": 2, "name": "Reception", "active": true, "handles_stays": true, "first_response": 5,
            "opening_hours": { "mon": [["08:00", "12:00"], ["14:00", "02:00"]], "tue": [] },
        }),
        &[
            ("/first_response", json!(0)),
            ("/opening_hours", json!({ "monday": [] })),
            ("/opening_hours/mon/0/1", json!("15:00")),
        ],
    );
    check::<HotelVariables>(json!({}), &[("", json!({ "guest_name": "x" })), ("", json!({ "wifi": "" }))]);
    check::<ResponseTarget>(json!(1440), &[("", json!(1441)), ("", json!(-1))]);
}

#[test]
fn opening_hours() {
    check::<DayTime>(json!("24:00"), &[("", json!("24:01")), ("", json!("8:00"))]);
    check::<QuietHours>(json!(["22:00", "24:00"]), &[("/0", json!("24:00")), ("", json!("22:00")), ("", json!([]))]);
    check::<OpeningHours>(
        json!({ "sun": [["20:00", "04:00"]], "mon": [["04:00", "05:00"]] }),
        &[("/mon/0/0", json!("03:00")), ("/sun/0", json!(["20:00", "20:00"])), ("/sun/0/1", json!(4))],
    );
}

#[test]
fn inbox() {
    check::<InboxEntry>(
        json!({
            "id": 1, "status": "relay", "department": 2, "assignee": null, "is_waiting": true, "is_overdue": false,
            "is_snoozed": false, "needs_review": false, "is_unread": true, "updated_at": "2030-05-01T14:00:00Z",
        }),
        &[("/status", json!("open")), ("/department", json!(0)), ("/updated_at", json!("today"))],
    );
    check::<InboxCounts>(
        json!({
            "mine": 1, "unassigned": 2, "waiting": 3, "overdue": 4, "unrouted": 5, "unread": 6, "needs_review": 7,
            "snoozed": 8, "departments": { "2": { "open": 1, "waiting": 2, "unread": 3 } },
        }),
        &[("/departments", json!({ "0": { "open": 1, "waiting": 2, "unread": 3 } })), ("/mine", json!(null))],
    );
}

#[test]
fn audit() {
    check::<AuditRecord>(
        json!({
            "id": 1, "at": "2030-05-01T14:00:00Z", "actor": { "kind": "api_key", "id": 3, "name": "PMS" },
            "action": "stay_changed", "conversation": [4, "Ana"], "staff": null, "address": "2001:db8::1",
            "before": null, "after": "101",
        }),
        &[("/actor/kind", json!("robot")), ("/conversation/0", json!(0)), ("/address", json!("here"))],
    );
}

#[test]
fn reports() {
    check::<ReportFigures>(
        json!({
            "conversations": 1, "guest_messages": 2, "staff_messages": 3, "first_responses": [4, 5], "resolutions": [],
            "within_target": 6, "missed": 7,
        }),
        &[("/first_responses", json!(4)), ("/missed", json!(0.5))],
    );
    check::<DurationSummary>(json!({ "median": 4, "p90": 9 }), &[("/p90", json!("9"))]);
}

#[test]
fn scheduled_messages() {
    let text = json!({ "Text": { "text": "Your taxi is here.", "reply_to": null, "hold": true } });
    check::<ScheduledMessage>(
        json!({
            "id": 1, "hotel": 1, "conversation": 2, "stay": 3, "guest": 4, "author": { "id": 5, "name": "Ann" },
            "content": text, "send_at": "2030-05-01T14:00:00Z", "if_guest_writes": "review",
            "state": { "NeedsReview": "guest_wrote" }, "answered_guest_messages": 6,
            "created_at": "2030-05-01T10:00:00Z", "approved_at": "2030-05-01T11:00:00Z",
        }),
        &[
            ("/content/Text/text", json!(" ")),
            ("/state/NeedsReview", json!("mood")),
            ("/state", json!("Sent")),
            ("/if_guest_writes", json!("maybe")),
        ],
    );
    let template = json!({ "Template": { "template": 7, "variables": { "time": "14:00" } } });
    check::<ScheduledContent>(template, &[("/Template/template", json!(0))]);
    check::<ScheduledState>(json!({ "Sent": 8 }), &[("/Sent", json!(0))]);
}

#[test]
fn flow() {
    let memory = json!({
        "arrival_time": "15:00", "wishes": "", "confirmed": false, "misses": 1, "page": 0, "language": "es",
    });
    check::<FlowMemory>(memory.clone(), &[("/language", json!("fr")), ("/misses", json!(-1))]);
    let row = json!({ "id": "department:1", "title": "Reception", "description": null });
    let prompt = json!({ "text": "Whom?\n\n1. Reception", "button": "Choose", "choices": [row] });
    check::<Prompt>(
        prompt.clone(),
        &[
            ("/text", json!("")),
            ("/text", json!("x".repeat(1025))),
            ("/button", json!("")),
            ("/button", json!("x".repeat(21))),
            ("/choices", json!([])),
            ("/choices", json!([row, row])),
            ("/choices/0/id", json!("")),
            ("/choices/0/title", json!("🙂".repeat(13))),
            ("/choices/0/description", json!("")),
        ],
    );
    let rows: Vec<Value> =
        (1..=11).map(|id| json!({ "id": format!("{id}"), "title": "x", "description": null })).collect();
    check::<Prompt>(
        json!({ "text": "x".repeat(1024), "button": "x", "choices": &rows[..10] }),
        &[("/choices", json!(rows))],
    );
    check::<Prompt>(json!({ "text": "x".repeat(4096), "button": "", "choices": [] }), &[("/button", json!("Choose"))]);
    check::<FlowOutcome>(
        json!({ "prompts": [prompt], "step": "active.menu", "memory": memory, "route": null }),
        &[("/prompts/0/text", json!("")), ("/step", json!("menu")), ("/route", json!(0))],
    );
    check::<FlowStep>(json!(""), &[("", json!("start"))]);
    check::<FlowText>(json!("flow.menu"), &[("", json!("flow.menu.es"))]);
    check::<FlowTexts>(json!({ "flow.language": "es", "flow.menu": "¿Quién?" }), &[("/flow.menu", json!(1))]);
}

#[test]
fn search() {
    check::<Closeness>(json!("in_order"), &[("", json!("InOrder")), ("", json!(0))]);
}

#[test]
fn user_names() {
    check::<Username>(json!("ana"), &[("", json!("a b")), ("", json!(""))]);
}

#[test]
fn messages() {
    check::<PictureSize>(json!({ "width": 3, "height": 4 }), &[("/width", json!(0)), ("/height", json!(1_i64 << 31))]);
    assert!(from_value::<Message>(json!({ "id": 1 })).is_err());
}

#[test]
fn stays() {
    check::<Stay>(
        json!({
            "id": 3, "hotel": 1, "guest": 2, "link": { "conversation_lender": null }, "reservation_code": "R-1",
            "part": 2, "guest_name": "Ana", "guest_phone": "+34600000001", "room_number": null,
            "days": { "first": "2030-05-01", "last": "2030-05-03" }, "email": null, "language": "pt-BR", "note": null,
            "checked_in_at": "2030-05-01T14:00:00Z", "checked_out_at": null, "cancellation": null,
        }),
        &[
            ("/part", json!(0)),
            ("/guest_name", json!(" ")),
            ("/guest_phone", json!("34")),
            ("/language", json!("english")),
            ("/days", json!({ "first": "2030-05-03", "last": "2030-05-01" })),
            ("/cancellation", json!("perhaps")),
            ("/id", json!(0)),
        ],
    );
    assert!(from_value::<StayDays>(json!({ "first": "2030-05-03" })).is_err());
}

#[test]
fn conversations() {
    check::<Conversation>(
        json!({
            "id": 1, "hotel": 1, "guest": 2, "stay": 3, "status": "relay", "department": 4, "assignee": 5,
            "snoozed_until": "2030-05-01T14:00:00Z",
        }),
        &[
            ("/id", json!(0)),
            ("/status", json!("open")),
            ("/status", json!("closed")),
            ("/status", json!("active")),
            ("/department", json!(null)),
        ],
    );
}
