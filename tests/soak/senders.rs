//! Staff members who send messages, one half by REST and the other over WebSockets. Each message has an idempotency key and is
//! retried until it is acknowledged.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use acceptance::json;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    cluster::SoakCluster,
    pause,
    report::SoakReport,
    site::{MovingConversation, SoakSite, SoakStaff, SoakStay},
    snoozes::snooze_conversations,
    socket_sender::send_by_socket,
};

/// For one message with all its retries.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SendPath {
    Rest,
    Socket,
}

impl fmt::Display for SendPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rest => "by REST",
            Self::Socket => "by socket",
        })
    }
}

pub struct AcknowledgedMessage {
    pub path: SendPath,
    pub content: String,
    pub stay: i64,
    /// The id in the response.
    pub message: i64,
    /// The name of a queue and the position in it. Messages of one queue must be stored in this order: those that one sender
    /// sent by REST, each after the ack of the one before, or once over the same socket.
    pub queue: Option<(String, usize)>,
}

/// The result of one sender.
#[derive(Default)]
pub struct SenderResult {
    pub acknowledged: Vec<AcknowledgedMessage>,
    pub retries: usize,
    /// Acknowledged snoozes.
    pub snoozed: usize,
    /// Unexpected responses and timeouts.
    pub wrong: Vec<String>,
}

/// All senders, and the managers who move conversations between departments.
pub struct Senders {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<SenderResult>,
}

impl Senders {
    pub fn start(cluster: &Arc<SoakCluster>, site: &SoakSite) -> Self {
        let (stop, mut tasks) = (Arc::<AtomicBool>::default(), JoinSet::new());
        let members = site.people.iter().map(|it| (it.clone(), it.stays.clone()));
        let managers = site.managers.iter().zip(&site.moving).map(|(it, moving)| (it.clone(), vec![moving.stay]));
        let senders = members.chain(managers).filter(|(_, stays)| !stays.is_empty());
        for (n, (person, stays)) in senders.enumerate() {
            if n % 2 == 0 {
                tasks.spawn(send_by_rest(cluster.clone(), person, stays, stop.clone()));
            } else {
                tasks.spawn(send_by_socket(cluster.clone(), person, stays, stop.clone()));
            }
        }
        for (manager, moving) in site.managers.iter().zip(&site.moving) {
            tasks.spawn(move_conversation(cluster.clone(), manager.clone(), moving.clone(), stop.clone()));
            let stays = site.people.iter().filter(|it| it.hotel == moving.hotel).flat_map(|it| it.stays.clone());
            let stays = stays.chain([moving.stay]).collect();
            tasks.spawn(snooze_conversations(cluster.clone(), manager.clone(), stays, stop.clone()));
        }
        Self { stop, tasks }
    }

    /// Lets all senders finish their last message. Returns the acknowledged messages.
    pub async fn finish(mut self, report: &mut SoakReport) -> Vec<AcknowledgedMessage> {
        self.stop.store(true, Relaxed);
        let mut acknowledged = Vec::new();
        while let Some(result) = self.tasks.join_next().await {
            let result = result.unwrap();
            acknowledged.extend(result.acknowledged);
            report.retries += result.retries;
            report.snoozed += result.snoozed;
            report.wrong.extend(result.wrong);
        }
        acknowledged
    }
}

async fn send_by_rest(
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
        let (content, stay) = (content(&person, n), stays[n % stays.len()]);
        if let Some(message) = send(&cluster, &person, stay, &content, &mut result).await {
            let (path, queue) = (SendPath::Rest, Some((person.username.clone(), n)));
            result.acknowledged.push(AcknowledgedMessage { path, content, stay: stay.id, message, queue });
        }
        pause(10..80).await;
    }
    result
}

/// The text of a sender's message, which is its idempotency key as well.
pub fn content(person: &SoakStaff, n: usize) -> String {
    format!("soak-{}-{n}", person.username)
}

/// Sends a message and retries it until it is acknowledged. Returns its id.
pub async fn send(
    cluster: &SoakCluster,
    person: &SoakStaff,
    stay: SoakStay,
    content: &str,
    result: &mut SenderResult,
) -> Option<i64> {
    let path = format!("conversations/{}/send_message/", stay.conversation);
    let (body, start) = (json!({ "text": content }), Instant::now());
    while start.elapsed() < SEND_TIMEOUT {
        match person.post(cluster, &path, content, &body).await {
            Some((200 | 201, message)) => return message["id"].as_i64(),
            // The outcome is unknown. The key makes a retry safe.
            None | Some((502 | 503, _)) => {
                result.retries += 1;
                pause(20..200).await;
            }
            Some((status, problem)) => {
                result.wrong.push(format!("{content}: {status} {problem}"));
                return None;
            }
        }
    }
    result.wrong.push(format!("{content}: not acknowledged within {SEND_TIMEOUT:?}"));
    None
}

/// Transfers a conversation from department to department.
async fn move_conversation(
    cluster: Arc<SoakCluster>,
    manager: Arc<SoakStaff>,
    moving: MovingConversation,
    stop: Arc<AtomicBool>,
) -> SenderResult {
    let mut result = SenderResult::default();
    let path = format!("conversations/{}/start_relay/", moving.stay.conversation);
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let body = json!({ "department_id": moving.departments[n % moving.departments.len()] });
        let response = manager.post(&cluster, &path, &format!("move-{n}"), &body).await;
        if let Some((status, body)) = response
            && !matches!(status, 200 | 503)
        {
            result.wrong.push(format!("a transfer: {status} {body}"));
        }
        pause(300..1_500).await;
    }
    result
}
