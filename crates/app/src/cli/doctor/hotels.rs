//! Checks of the doctor for hotels: managers, departments of staff, imports of stays, API keys.

use chrono::{DateTime, SecondsFormat, Utc};
use desk::diagnostics::{Diagnostics, HotelDiagnostics};

use super::report::{CheckReport, CheckResult, ok, wrong};

/// From this many failed imports one after another, the booking system needs attention. A single one may be a slip.
const FAILED_IMPORTS: i64 = 2;
/// The most user names or keys that are listed for a hotel.
const MAX_LISTED: usize = 10;

/// A check of one hotel at this time; `None` if nothing is wrong.
type HotelCheck = fn(&HotelDiagnostics, DateTime<Utc>) -> Option<CheckResult>;

/// Adds the faults of each hotel, and for each kind of check one line if no hotel has such a fault.
pub fn check_hotels(report: &mut CheckReport, diagnostics: &Diagnostics) {
    let checks: [(&'static str, HotelCheck, &str); 4] = [
        ("managers", |hotel, _| check_manager(hotel), "every hotel has an active one"),
        ("staff", |hotel, _| check_departments(hotel), "all active staff are in a department"),
        ("imports", |hotel, _| check_imports(hotel), "no hotel has two failed imports of stays one after another"),
        ("API keys", check_keys, "none expires soon"),
    ];
    for (subject, check, all_well) in checks {
        let mut has_fault = false;
        for hotel in &diagnostics.hotels {
            if let Some(fault) = check(hotel, diagnostics.now) {
                has_fault = true;
                report.add_for_hotel(hotel.hotel.id, &hotel.hotel.name, subject, fault);
            }
        }
        if !has_fault {
            report.add(subject, ok(all_well));
        }
    }
}

fn check_manager(hotel: &HotelDiagnostics) -> Option<CheckResult> {
    let id = hotel.hotel.id;
    (!hotel.has_active_manager).then(|| {
        wrong(format!(
            "it has no active manager, so nobody can administer it: `message-manager staff activate USERNAME`, `staff set \
             USERNAME --role manager`, or `staff create --hotel {id} --role manager …`"
        ))
    })
}

fn check_departments(hotel: &HotelDiagnostics) -> Option<CheckResult> {
    let names = &hotel.staff_without_department;
    (!names.is_empty()).then(|| {
        wrong(format!(
            "these staff members are in no active department, so they see no routed conversation and cannot take one \
             over: {}. `message-manager staff set USERNAME --department ID`",
            listed(names.iter().cloned())
        ))
    })
}

fn check_imports(hotel: &HotelDiagnostics) -> Option<CheckResult> {
    let failures = hotel.failed_imports.filter(|failures| failures.count >= FAILED_IMPORTS)?;
    Some(wrong(format!(
        "the last {} imports of stays failed in whole or in part, the newest at {}: import the file with \
         `message-manager import-stays FILE --hotel {} --dry-run`, which prints the errors of each row",
        failures.count,
        written(failures.last_at),
        hotel.hotel.id
    )))
}

fn check_keys(hotel: &HotelDiagnostics, now: DateTime<Utc>) -> Option<CheckResult> {
    if hotel.ending_keys.is_empty() {
        return None;
    }
    let keys = hotel.ending_keys.iter().filter_map(|key| {
        let end = key.expires_at?;
        let verb = if end <= now { "expired" } else { "expires" };
        Some(format!("{} ({}) {verb} at {}", key.id, key.name, written(end)))
    });
    Some(wrong(format!(
        "key {}: give the system that uses it a new one (`message-manager api-key create --hotel {} …`), then \
         `message-manager api-key revoke ID`",
        listed(keys),
        hotel.hotel.id
    )))
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = items.collect();
    let more = if all.len() > MAX_LISTED { ", …" } else { "" };
    format!("{}{more}", all.into_iter().take(MAX_LISTED).collect::<Vec<_>>().join(", "))
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
