//! The real binary on real databases, driven from the outside.
//!
//! `tests/with-servers.sh cargo test -p acceptance` runs everything; `cargo test -p acceptance resume::` runs one file.
//! Each file covers one area of the contract. The `support` library starts servers, hotels and clients.

#![allow(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod a_minute;
mod access;
mod access_revocation;
mod administration;
mod api_keys;
mod api_schemas;
mod api_tables;
mod audit;
mod auth;
mod backup;
mod browser;
mod clock_changes;
mod cluster;
mod command_line;
mod commands_before_close;
mod console;
mod conversations;
mod copy_database;
mod counts;
mod crash_recovery;
mod database_failures;
mod denial_of_service;
mod departments;
mod deployment;
mod directory_events;
mod docs;
mod doctor;
mod drafts;
mod ephemeral_signals;
mod event_assertions;
mod event_log;
mod files;
mod fuzz;
mod generated_clients;
mod guest_cards;
mod guests;
mod health_and_pages;
mod history;
mod idempotency;
mod import_loops;
mod inbox;
mod labels;
mod layers;
mod login_throttle;
mod logs;
mod messages;
mod metrics;
mod personal_settings;
mod reply;
mod reports;
mod request_bodies;
mod response_clock;
mod rest_conventions;
mod resume;
mod retention;
mod scheduled;
mod search;
mod sessions;
mod settings;
mod shutdown;
mod signing_in;
mod simulated_whatsapp;
mod slow_readers;
mod snooze;
mod soak;
mod socket_commands;
mod socket_events;
mod socket_limits;
mod specification_examples;
mod stays;
mod stress;
mod templates;
mod two_nodes;
mod type_names;
mod waiting;
mod websocket_frames;
mod whatsapp;

/// The field names of a JSON object, sorted.
fn keys(object: &acceptance::Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().expect("no object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// Fails if one of these fields is missing.
#[track_caller]
fn assert_has_keys(object: &acceptance::Value, names: &[&str]) {
    for name in names {
        assert!(object.get(name).is_some(), "no {name}: {object}");
    }
}

/// The ids of a JSON array of objects.
fn ids(list: &acceptance::Value) -> Vec<i64> {
    list.as_array().expect("no list").iter().map(|it| it["id"].as_i64().expect("no id")).collect()
}

/// Returns `true` for a time in the format of the contract: RFC 3339 in UTC with `Z` and at most six digits of a second.
fn is_time(value: &acceptance::Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let Some((start, rest)) = text.split_at_checked(19) else { return false };
    let shape: String = start.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let fraction = rest.strip_suffix('Z').map(|it| it.strip_prefix('.').unwrap_or(it));
    shape == "0000-00-00T00:00:00"
        && fraction.is_some_and(|digits| digits.len() <= 6 && digits.bytes().all(|it| it.is_ascii_digit()))
}
