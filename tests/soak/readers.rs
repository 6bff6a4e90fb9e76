//! Staff members who read: a WebSocket that reconnects to any node when it ends, and resumes.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use acceptance::{Value, json};
use tokio::{task::AbortHandle, time::sleep};

use crate::{cluster::SoakCluster, pause, site::SoakStaff, socket::SoakSocket};

/// For the next event: the server sends a heartbeat every 25 s.
const EVENT_TIMEOUT: Duration = Duration::from_secs(60);

/// A message as a reader received it.
#[derive(Clone, Debug)]
pub struct DeliveredMessage {
    pub seq: i64,
    pub message: i64,
    pub stay: i64,
    pub content: String,
    /// The newest `seq` that the log can have had at delivery. For a replayed message this is known at the end of the replay.
    pub until: Option<i64>,
}

/// The events that a reader received.
#[derive(Default)]
pub struct ReaderLog {
    /// The log position of the first connection. All later events must be received.
    pub began: Option<i64>,
    pub messages: Vec<DeliveredMessage>,
    /// Message ids with their delivery statuses.
    pub ticks: Vec<(i64, String)>,
    pub resumed: usize,
    /// Unexpected events.
    pub wrong: Vec<String>,
    pub epoch: Value,
    pub cursor: i64,
    /// The replay is over.
    pub is_live: bool,
}

/// Reads in a task of its own, which a drop ends.
pub struct SoakReader {
    pub person: Arc<SoakStaff>,
    log: Arc<Mutex<ReaderLog>>,
    task: AbortHandle,
}

impl SoakReader {
    pub fn start(cluster: &Arc<SoakCluster>, person: &Arc<SoakStaff>) -> Self {
        let log = Arc::<Mutex<ReaderLog>>::default();
        let (cluster, reader, task_log) = (cluster.clone(), person.clone(), log.clone());
        let task = tokio::spawn(async move {
            loop {
                // `None` means that the socket has ended: reconnect.
                let _ = read(&cluster, &reader, &task_log).await;
                task_log.lock().unwrap().is_live = false;
                pause(0..500).await;
            }
        });
        Self { person: person.clone(), log, task: task.abort_handle() }
    }

    pub fn log(&self) -> MutexGuard<'_, ReaderLog> {
        self.log.lock().unwrap()
    }

    pub async fn wait_until_live(&self) {
        while !self.log().is_live {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for SoakReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Resumes and reads until the socket ends.
async fn read(cluster: &Arc<SoakCluster>, person: &SoakStaff, log: &Mutex<ReaderLog>) -> Option<()> {
    let mut socket = SoakSocket::open(cluster, person).await?;
    let resume = {
        let mut log = log.lock().unwrap();
        if log.began.is_none() {
            (log.epoch, log.cursor) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].as_i64()?);
            log.began = Some(log.cursor);
        }
        let stays: Vec<i64> = person.stays.iter().map(|it| it.id).chain([person.moving]).collect();
        json!({ "command": "resume", "epoch": log.epoch, "after_seq": log.cursor, "stay_ids": stays })
    };
    socket.send(&resume).await?;
    loop {
        let event = socket.next(EVENT_TIMEOUT).await?;
        // The database is unavailable: reconnect and try again.
        if event["code"] == "unavailable" && event["command"] == "resume" {
            return None;
        }
        let command = record_event(&event, person, &mut log.lock().unwrap());
        if let Some(command) = command {
            socket.send(&command).await?;
        }
    }
}

/// Records an event. Returns the command to send in response, if any.
fn record_event(event: &Value, person: &SoakStaff, log: &mut ReaderLog) -> Option<Value> {
    let number = |name: &str| event[name].as_i64();
    let is_moving = number("stay_id") == Some(person.moving);
    match event["type"].as_str().unwrap_or_default() {
        "new_message" => {
            let seq = number("seq")?;
            log.messages.push(DeliveredMessage {
                seq,
                message: number("id")?,
                stay: number("stay_id")?,
                content: event["content"].as_str()?.to_owned(),
                until: log.is_live.then_some(seq),
            });
        }
        "message_status" => log.ticks.push((number("message_id")?, event["delivery"].as_str()?.to_owned())),
        "resumed" => {
            let seq = number("seq")?;
            log.messages.iter_mut().rev().take_while(|it| it.until.is_none()).for_each(|it| it.until = Some(seq));
            (log.is_live, log.resumed) = (true, log.resumed + 1);
        }
        "unsubscribed" if is_moving => {}
        // The moving stay has moved on, or the database is unavailable. The next `new_conversation` repeats the command.
        "error" if event["command"] == "subscribe_to_conversation" => {}
        "unsubscribed" | "resync_required" | "error" if !is_moving => log.wrong.push(event.to_string()),
        "new_conversation" if is_moving => {
            return Some(json!({ "command": "subscribe_to_conversation", "stay_id": person.moving }));
        }
        _ => {}
    }
    // During a replay only logged events move the cursor.
    let is_logged = !matches!(event["type"].as_str(), Some("welcome" | "heartbeat" | "ack"));
    if let Some(seq) = number("seq").filter(|_| log.is_live || is_logged) {
        log.cursor = log.cursor.max(seq);
    }
    None
}
