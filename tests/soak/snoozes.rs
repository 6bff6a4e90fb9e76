//! Snoozes: staff members who snooze conversations for seconds. Each comes back at its time or when the guest writes, once.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use acceptance::{Value, json};
use chrono::{SecondsFormat, TimeDelta, Utc};
use rand::RngExt;
use tokio::time::{Instant, sleep};

use crate::{
    cluster::SoakCluster,
    pause,
    report::SoakReport,
    senders::SenderResult,
    site::{SoakSite, SoakStaff, SoakStay},
};

/// The longest snooze, in milliseconds.
const LONGEST: i64 = 4_000;
/// For the last snoozes to end: the longest one, and the delay of a timer.
const WAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Snoozes random conversations until `stop` is set.
pub async fn snooze_conversations(
    cluster: Arc<SoakCluster>,
    person: Arc<SoakStaff>,
    stays: Vec<SoakStay>,
    stop: Arc<AtomicBool>,
) -> SenderResult {
    let mut result = SenderResult::default();
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let (index, length) = {
            let mut random = rand::rng();
            (random.random_range(0..stays.len()), random.random_range(500..LONGEST))
        };
        let until = (Utc::now() + TimeDelta::milliseconds(length)).to_rfc3339_opts(SecondsFormat::Micros, true);
        let path = format!("conversations/{}/snooze/", stays[index].conversation);
        let key = format!("snooze-{}-{n}", person.username);
        match person.post(&cluster, &path, &key, &json!({ "until": until })).await {
            Some((200, _)) => result.snoozed += 1,
            // A node that stood still stores nothing for a time that has passed.
            None | Some((400 | 502 | 503, _)) => result.retries += 1,
            Some((status, problem)) => result.wrong.push(format!("{key}: {status} {problem}")),
        }
        pause(50..400).await;
    }
    result
}

/// Waits until all snoozes are over and adds the findings to the report.
pub async fn check(cluster: &SoakCluster, site: &SoakSite, report: &mut SoakReport) {
    let begin = Instant::now();
    let mut asleep = left(cluster);
    while !asleep.is_empty() && begin.elapsed() < WAKE_TIMEOUT {
        sleep(Duration::from_millis(100)).await;
        asleep = left(cluster);
    }
    report.wrong.extend(asleep.into_iter().map(|id| format!("conversation {id} is still snoozed")));
    report.wrong.extend(find_unequal_ends(cluster));
    for person in site.people.iter().chain(&site.managers) {
        check_counts(cluster, person, report).await;
    }
}

fn left(cluster: &SoakCluster) -> Vec<String> {
    let rows = cluster.database.rows("SELECT id FROM conversations WHERE snoozed_until IS NOT NULL");
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

/// Returns conversations that did not come back exactly once from each snooze. A longer snooze continues the one before.
fn find_unequal_ends(cluster: &SoakCluster) -> Vec<String> {
    let rows = cluster
        .database
        .rows("SELECT conversation_id, action, before FROM audit WHERE action IN ('snoozed', 'unsnoozed') ORDER BY id");
    let mut balance: HashMap<String, i64> = HashMap::new();
    let mut wrong = Vec::new();
    for row in rows {
        let open = balance.entry(row[0].clone()).or_default();
        let (is_end, continues) = (row[1] == "unsnoozed", !row[2].is_empty());
        *open += match (is_end, continues) {
            (true, _) => -1,
            (false, true) => 0,
            (false, false) => 1,
        };
        if !(0..=1).contains(open) || (!is_end && *open != 1) {
            wrong.push(format!("conversation {}: the snoozes {row:?} do not follow each other", row[0]));
        }
    }
    let still = balance.into_iter().filter(|(_, open)| *open != 0);
    wrong.extend(still.map(|(id, open)| format!("conversation {id}: {open} snoozes without an end")));
    wrong
}

/// Compares the numbers of a staff member with the lists behind them.
async fn check_counts(cluster: &SoakCluster, person: &SoakStaff, report: &mut SoakReport) {
    let Some(counts) = person.get(cluster, "conversations/counts/").await else {
        return report.wrong.push(format!("{}: no counts", person.username));
    };
    let lists = [
        ("mine", "status=relay&assigned_to=me&snoozed=false"),
        ("unassigned", "status=relay&assigned_to=none&snoozed=false"),
        ("unrouted", "status=demo,checkin,active&snoozed=false"),
        ("snoozed", "status=demo,checkin,active,relay&snoozed=true"),
    ];
    for (key, query) in lists {
        let list = person.get(cluster, &format!("conversations/?page_size=1&{query}")).await.unwrap_or_default();
        if counts[key] != list["count"] || list["count"] == Value::Null {
            report.wrong.push(format!("{}: {key} is {}, listed are {}", person.username, counts[key], list["count"]));
        }
    }
}
