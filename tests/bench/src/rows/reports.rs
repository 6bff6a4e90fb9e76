//! Reports about a year, for each kind of rows.

use std::time::Instant;

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use super::{Bench, median, thousands};
use crate::{
    BenchResult,
    baseline::sql::BaselineConnection,
    databases::{BenchDatabase, BenchDatabaseKind},
    site::{GeneratedSite, SiteSizes, fetch_json, get},
    table::BenchRow,
};

const STAYS: usize = 10_000;
/// The days over which the messages are spread.
const DAYS: usize = 365;
/// Seconds until the response.
const GOAL: f64 = 1.0;

pub fn measure(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let sizes = SiteSizes { hotels: 1, staff: 10, stays: STAYS, messages: bench.messages / STAYS };
        let generated = GeneratedSite::generate(kind, sizes, &bench.folder)?;
        spread_over_year(&generated.database)?;
        generated.database.settle()?;
        let site = generated.serve()?;
        let manager = site.manager_token()?;
        for by in ["day", "department", "staff"] {
            let path = format!("reports/?by={by}&from={}&to={}", day(DAYS as i64 - 1), day(0));
            let mut seconds = Vec::new();
            for _ in 0..=bench.rounds {
                let started = Instant::now();
                let report: Value = fetch_json(&site.address, &get(&site.address, &manager, &path))?;
                seconds.push(started.elapsed().as_secs_f64());
                if report["total"]["guest_messages"].as_i64().unwrap_or_default() < (bench.messages / 2) as i64 * 9 / 10
                {
                    return Err(format!("the report lacks messages: {}", report["total"]).into());
                }
            }
            // The first one fills caches.
            let typical = median(&mut seconds[1..]);
            let what = format!("GET reports/?by={by} of a year, {} messages", thousands(bench.messages as f64));
            BenchRow {
                what: format!("{what}, {}", kind.name()),
                product: format!("{typical:.2} s"),
                baseline: String::new(),
                ratio: String::new(),
                required: format!("< {GOAL} s"),
                reached: Some(typical < GOAL),
            }
            .print();
        }
    }
    Ok(())
}

/// Spreads the rows of the reports over the days: the conversations of `generate` are all of the last hours.
fn spread_over_year(database: &BenchDatabase) -> BenchResult<()> {
    let (prepare, one_day) = match database.kind() {
        BenchDatabaseKind::Sqlite => ("", "86400000000"),
        BenchDatabaseKind::Postgres => ("SET statement_timeout = 0; ", "interval '1 day'"),
    };
    let ago = format!("(conversation_id % {DAYS})");
    Ok(BaselineConnection::open(&database.url)?.run(&format!(
        "{prepare}UPDATE report_activity SET quarter = quarter - {ago} * 96; \
         UPDATE report_answers SET at = at - {ago} * {one_day}, answers_since = answers_since - {ago} * {one_day};"
    ))?)
}

/// The date of some days ago, in UTC.
fn day(ago: i64) -> String {
    (Utc::now() - TimeDelta::days(ago)).date_naive().to_string()
}
