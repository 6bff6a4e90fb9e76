//! Staff members who schedule messages. Each is retried until it is acknowledged, and must then be sent once, not before
//! its time, whatever happens to the nodes at that moment.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use acceptance::json;
use chrono::{SecondsFormat, TimeDelta, Utc};
use rand::RngExt;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    cluster::SoakCluster,
    pause,
    report::SoakReport,
    senders::SEND_TIMEOUT,
    site::{SoakSite, SoakStaff, SoakStay},
};

/// Seconds from the call until the time of a message.
const AHEAD: std::ops::Range<i64> = 2..8;
/// For the timers after the last fault.
const TIMER_TIMEOUT: Duration = Duration::from_secs(30);

/// The result of one staff member.
#[derive(Default)]
struct ScheduledTexts {
    acknowledged: Vec<String>,
    retries: usize,
    wrong: Vec<String>,
}

/// All staff members who schedule messages.
pub struct Schedulers {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<ScheduledTexts>,
}

impl Schedulers {
    pub fn start(cluster: &Arc<SoakCluster>, site: &SoakSite) -> Self {
        let (stop, mut tasks) = (Arc::<AtomicBool>::default(), JoinSet::new());
        for person in site.people.iter().filter(|it| !it.stays.is_empty()) {
            tasks.spawn(schedule(cluster.clone(), person.clone(), stop.clone()));
        }
        Self { stop, tasks }
    }

    /// Lets all finish their last call, waits until every message is sent, and checks them.
    pub async fn finish(mut self, cluster: &SoakCluster, report: &mut SoakReport) {
        self.stop.store(true, Relaxed);
        let mut acknowledged = Vec::new();
        while let Some(result) = self.tasks.join_next().await {
            let result = result.unwrap();
            acknowledged.extend(result.acknowledged);
            report.retries += result.retries;
            report.wrong.extend(result.wrong);
        }
        let deadline = Instant::now() + TIMER_TIMEOUT;
        while Instant::now() < deadline
            && count(cluster, "SELECT count(*) FROM scheduled_messages WHERE status = 'pending'") > 0
        {
            sleep(Duration::from_millis(200)).await;
        }
        report.scheduled = acknowledged.len();
        check(cluster, &acknowledged, report);
    }
}

async fn schedule(cluster: Arc<SoakCluster>, person: Arc<SoakStaff>, stop: Arc<AtomicBool>) -> ScheduledTexts {
    let mut result = ScheduledTexts::default();
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let stay = person.stays[n % person.stays.len()];
        let text = format!("soak-later-{}-{n}", person.username);
        schedule_one(&cluster, &person, stay, text, &mut result).await;
        pause(100..600).await;
    }
    result
}

async fn schedule_one(
    cluster: &SoakCluster,
    person: &SoakStaff,
    stay: SoakStay,
    text: String,
    result: &mut ScheduledTexts,
) {
    let send_at = Utc::now() + TimeDelta::seconds(rand::rng().random_range(AHEAD));
    let send_at = send_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let body = json!({ "text": text, "send_at": send_at, "if_guest_writes": "send" });
    let (path, start) = (format!("conversations/{}/scheduled/", stay.conversation), Instant::now());
    while start.elapsed() < SEND_TIMEOUT {
        match person.post(cluster, &path, &text, &body).await {
            Some((200 | 201, _)) => return result.acknowledged.push(text),
            // The time has passed, and no earlier call was performed: its key would have returned the result.
            Some((400, _)) => return,
            None | Some((502 | 503, _)) => {
                result.retries += 1;
                pause(20..200).await;
            }
            Some((status, problem)) => return result.wrong.push(format!("{text}: {status} {problem}")),
        }
    }
    result.wrong.push(format!("{text}: not acknowledged within {SEND_TIMEOUT:?}"));
}

fn count(cluster: &SoakCluster, query: &str) -> i64 {
    cluster.database.rows(query)[0][0].parse().unwrap()
}

/// Compares the acknowledged texts with the stored messages.
fn check(cluster: &SoakCluster, acknowledged: &[String], report: &mut SoakReport) {
    let rows = cluster
        .database
        .rows("SELECT content, count(*) FROM messages WHERE content LIKE 'soak-later-%' GROUP BY content");
    let stored: HashMap<String, i64> = rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect();
    for text in acknowledged {
        match stored.get(text) {
            None => report.lost.push(format!("scheduled, not sent: {text}")),
            Some(1) => {}
            Some(times) => report.duplicated.push(format!("scheduled, sent {times} times: {text}")),
        }
    }
    let early =
        "SELECT count(*) FROM messages WHERE content LIKE 'soak-later-%' AND (send_at IS NULL OR timestamp < send_at)";
    let unlinked = "SELECT count(*) FROM scheduled_messages s LEFT JOIN messages m ON m.id = s.message_id \
         WHERE s.status <> 'sent' OR m.content IS NULL OR m.content <> s.text";
    for (finding, query) in [("sent before their time", early), ("scheduled without their message", unlinked)] {
        let found = count(cluster, query);
        if found > 0 {
            report.wrong.push(format!("{found} messages are {finding}"));
        }
    }
}
