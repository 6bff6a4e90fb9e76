//! Who reads: a WebSocket that comes back to any node whenever its line is gone, and resumes.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use acceptance::{Value, json};
use tokio::{task::AbortHandle, time::sleep};

use crate::{cluster::Cluster, pause, site::Person, socket::Socket};

/// How long the server may be silent: its heartbeat comes every 25 s.
const SILENCE: Duration = Duration::from_secs(60);

/// A message as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    pub seq: i64,
    pub message: i64,
    pub stay: i64,
    pub content: String,
    /// How far the log had been when it came, at most: in a replay that is told at its end.
    pub until: Option<i64>,
}

/// What a reader saw.
#[derive(Default)]
pub struct Seen {
    /// From here on everything was to be seen.
    pub began: Option<i64>,
    pub messages: Vec<Received>,
    /// How far messages had come.
    pub ticks: Vec<(i64, String)>,
    /// How often it came back.
    pub resumed: usize,
    /// What should not have come.
    pub wrong: Vec<String>,
    pub epoch: Value,
    pub cursor: i64,
    pub live: bool,
}

/// Someone who reads. Dropped, they stop.
pub struct Reader {
    pub person: Arc<Person>,
    seen: Arc<Mutex<Seen>>,
    task: AbortHandle,
}

impl Reader {
    pub fn start(cluster: &Arc<Cluster>, person: &Arc<Person>) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let (cluster, of, for_task) = (cluster.clone(), person.clone(), seen.clone());
        let task = tokio::spawn(async move {
            loop {
                // However it ends, it comes back.
                let _ = read(&cluster, &of, &for_task).await;
                for_task.lock().unwrap().live = false;
                pause(0..500).await;
            }
        });
        Self { person: person.clone(), seen, task: task.abort_handle() }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub async fn is_live(&self) {
        while !self.seen().live {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads until the line is gone.
async fn read(cluster: &Arc<Cluster>, person: &Person, seen: &Mutex<Seen>) -> Option<()> {
    let mut socket = Socket::open(cluster, person).await?;
    let resume = {
        let mut seen = seen.lock().unwrap();
        if seen.began.is_none() {
            (seen.epoch, seen.cursor) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].as_i64()?);
            seen.began = Some(seen.cursor);
        }
        let stays: Vec<i64> = person.stays.iter().map(|it| it.id).chain([person.moving]).collect();
        json!({ "command": "resume", "epoch": seen.epoch, "after_seq": seen.cursor, "stay_ids": stays })
    };
    socket.say(&resume).await?;
    loop {
        let event = socket.next(SILENCE).await?;
        // The database is away: it comes back.
        if event["code"] == "unavailable" && event["command"] == "resume" {
            return None;
        }
        let answer = hear(&event, person, &mut seen.lock().unwrap());
        if let Some(answer) = answer {
            socket.say(&answer).await?;
        }
    }
}

/// Takes note of an event; what is to be said in return.
fn hear(event: &Value, person: &Person, seen: &mut Seen) -> Option<Value> {
    let number = |name: &str| event[name].as_i64();
    let moving = number("stay_id") == Some(person.moving);
    match event["type"].as_str().unwrap_or_default() {
        "new_message" => {
            let seq = number("seq")?;
            seen.messages.push(Received {
                seq,
                message: number("id")?,
                stay: number("stay_id")?,
                content: event["content"].as_str()?.to_owned(),
                until: seen.live.then_some(seq),
            });
        }
        "message_status" => seen.ticks.push((number("message_id")?, event["delivery"].as_str()?.to_owned())),
        "resumed" => {
            let seq = number("seq")?;
            seen.messages.iter_mut().rev().take_while(|it| it.until.is_none()).for_each(|it| it.until = Some(seq));
            (seen.live, seen.resumed) = (true, seen.resumed + 1);
        }
        "unsubscribed" if moving => {}
        // Of the stay that moves: it has moved on, or the database is away; it is asked for when it comes again.
        "error" if event["command"] == "subscribe_to_conversation" => {}
        "unsubscribed" | "resync_required" | "error" if !moving => seen.wrong.push(event.to_string()),
        "new_conversation" if moving => {
            return Some(json!({ "command": "subscribe_to_conversation", "stay_id": person.moving }));
        }
        _ => {}
    }
    // Until a replay is over only the events themselves say how far it has come.
    let is_event = !matches!(event["type"].as_str(), Some("welcome" | "heartbeat" | "ack"));
    if let Some(seq) = number("seq").filter(|_| seen.live || is_event) {
        seen.cursor = seen.cursor.max(seq);
    }
    None
}
