//! Who writes: each message under a key, again and again until it is acknowledged. Half of them by REST, half over
//! a WebSocket.

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
    by_socket,
    cluster::Cluster,
    pause,
    report::Report,
    site::{Moving, Person, Site, Stay},
};

/// How long one message may be tried again.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// By what a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Rest,
    Socket,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rest => "by REST",
            Self::Socket => "by socket",
        })
    }
}

/// A message that was acknowledged.
pub struct Sent {
    pub way: Way,
    pub content: String,
    pub stay: i64,
    /// The id that it was acknowledged with.
    pub message: i64,
    /// The messages of one queue have to be stored in the order of their places in it: what one writer wrote by
    /// REST, each after the last was acknowledged, or sent once over one socket.
    pub queue: Option<(String, usize)>,
}

/// What one writer did.
#[derive(Default)]
pub struct Done {
    pub sent: Vec<Sent>,
    pub again: usize,
    pub wrong: Vec<String>,
}

/// All who write, and who move conversations about.
pub struct Senders {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Done>,
}

impl Senders {
    pub fn start(cluster: &Arc<Cluster>, site: &Site) -> Self {
        let (stop, mut tasks) = (Arc::<AtomicBool>::default(), JoinSet::new());
        let members = site.people.iter().map(|it| (it.clone(), it.stays.clone()));
        let managers = site.managers.iter().zip(&site.moving).map(|(it, moving)| (it.clone(), vec![moving.stay]));
        let writers = members.chain(managers).filter(|(_, stays)| !stays.is_empty());
        for (n, (person, stays)) in writers.enumerate() {
            if n % 2 == 0 {
                tasks.spawn(write(cluster.clone(), person, stays, stop.clone()));
            } else {
                tasks.spawn(by_socket::write(cluster.clone(), person, stays, stop.clone()));
            }
        }
        for (manager, moving) in site.managers.iter().zip(&site.moving) {
            tasks.spawn(move_about(cluster.clone(), manager.clone(), moving.clone(), stop.clone()));
        }
        Self { stop, tasks }
    }

    /// Lets all finish what they are at; what was acknowledged.
    pub async fn finish(mut self, report: &mut Report) -> Vec<Sent> {
        self.stop.store(true, Relaxed);
        let mut sent = Vec::new();
        while let Some(done) = self.tasks.join_next().await {
            let done = done.unwrap();
            sent.extend(done.sent);
            report.tried_again += done.again;
            report.wrong.extend(done.wrong);
        }
        sent
    }
}

/// Writes by REST: one message after another.
async fn write(cluster: Arc<Cluster>, person: Arc<Person>, stays: Vec<Stay>, stop: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let (content, stay) = (content(&person, n), stays[n % stays.len()]);
        if let Some(message) = send(&cluster, &person, stay, &content, &mut done).await {
            let queue = Some((person.username.clone(), n));
            done.sent.push(Sent { way: Way::Rest, content, stay: stay.id, message, queue });
        }
        pause(10..80).await;
    }
    done
}

/// What a writer writes; it is the message's key as well.
pub fn content(person: &Person, n: usize) -> String {
    format!("soak-{}-{n}", person.username)
}

/// The id that it was acknowledged with.
pub async fn send(cluster: &Cluster, person: &Person, stay: Stay, content: &str, done: &mut Done) -> Option<i64> {
    let path = format!("conversations/{}/send_message/", stay.conversation);
    let (body, began) = (json!({ "text": content }), Instant::now());
    while began.elapsed() < PATIENCE {
        match person.post(cluster, &path, content, &body).await {
            Some((200 | 201, answer)) => return answer["id"].as_i64(),
            // No answer, or the server cannot say: under its key it can be sent again.
            None | Some((502 | 503, _)) => {
                done.again += 1;
                pause(20..200).await;
            }
            Some((status, answer)) => {
                done.wrong.push(format!("{content}: {status} {answer}"));
                return None;
            }
        }
    }
    done.wrong.push(format!("{content}: not acknowledged within {PATIENCE:?}"));
    None
}

async fn move_about(cluster: Arc<Cluster>, manager: Arc<Person>, it: Moving, stop: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    let path = format!("conversations/{}/start_relay/", it.stay.conversation);
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let department = it.departments[n % it.departments.len()];
        let answer = manager.post(&cluster, &path, &format!("move-{n}"), &json!({ "department_id": department })).await;
        if let Some((status, answer)) = answer
            && !matches!(status, 200 | 503)
        {
            done.wrong.push(format!("a transfer: {status} {answer}"));
        }
        pause(300..1_500).await;
    }
    done
}
