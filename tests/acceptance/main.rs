//! The real program on real databases, from the outside.
//!
//! `tests/with-servers.sh cargo test -p acceptance` runs all of it. Each file is an area of the
//! contract; `support` says how a test comes by a server, a hotel and its people.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod a_minute;
mod access;
mod api_keys;
mod auth;
mod auth_sessions;
mod backup;
mod bodies;
mod broken_world;
mod browser;
mod cluster;
mod commands;
mod conventions;
mod conversations;
mod descriptions;
mod docs;
mod doctor;
mod events;
mod faults;
mod figures;
mod frames;
mod fuzz;
mod guests;
mod hostile;
mod idempotency;
mod last_commands;
mod layers;
mod limits;
mod live;
mod logs;
mod losing_sight;
mod messages;
mod operations;
mod people;
mod presence;
mod program;
mod resume;
mod seed;
mod settings;
mod shared;
mod simulated;
mod slow;
mod soak;
mod speaking;
mod stays;
mod stress;
mod templates;
mod told;
mod whatsapp;

/// The names of an object's fields, sorted.
fn keys(object: &acceptance::Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().expect("no object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// Fails where one of these fields is missing.
#[track_caller]
fn has_keys(object: &acceptance::Value, wanted: &[&str]) {
    for name in wanted {
        assert!(object.get(name).is_some(), "no {name}: {object}");
    }
}

/// The ids in a list of objects.
fn ids(list: &acceptance::Value) -> Vec<i64> {
    list.as_array().expect("no list").iter().map(|it| it["id"].as_i64().expect("no id")).collect()
}

/// Whether a text is a time as the contract writes it: RFC 3339 in UTC with a `Z` and at most six
/// digits of a second.
fn is_time(value: &acceptance::Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let Some((start, rest)) = text.split_at_checked(19) else { return false };
    let shape: String = start.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let fraction = rest.strip_suffix('Z').map(|it| it.strip_prefix('.').unwrap_or(it));
    shape == "0000-00-00T00:00:00"
        && fraction.is_some_and(|digits| digits.len() <= 6 && digits.bytes().all(|it| it.is_ascii_digit()))
}
