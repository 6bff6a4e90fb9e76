//! Who writes: each message under a key, again and again until it is acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use acceptance::json;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    cluster::Cluster,
    pause,
    report::Report,
    site::{Moving, Person, Site, Stay},
};

/// How long one message may be tried again.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message that was acknowledged.
pub struct Sent {
    pub content: String,
    pub stay: i64,
    /// The id that it was acknowledged with.
    pub message: i64,
}

/// What one writer did.
#[derive(Default)]
struct Done {
    sent: Vec<Sent>,
    again: usize,
    wrong: Vec<String>,
}

/// All who write, and who move conversations about.
pub struct Senders {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Done>,
}

impl Senders {
    pub fn start(cluster: &Arc<Cluster>, site: &Site) -> Self {
        let (stop, mut tasks) = (Arc::<AtomicBool>::default(), JoinSet::new());
        for person in &site.people {
            tasks.spawn(write(cluster.clone(), person.clone(), person.stays.clone(), stop.clone()));
        }
        for (manager, moving) in site.managers.iter().zip(&site.moving) {
            tasks.spawn(write(cluster.clone(), manager.clone(), vec![moving.stay], stop.clone()));
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

async fn write(cluster: Arc<Cluster>, person: Arc<Person>, stays: Vec<Stay>, stop: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    for n in 0.. {
        if stop.load(Relaxed) || stays.is_empty() {
            break;
        }
        let stay = stays[n % stays.len()];
        let content = format!("soak-{}-{n}", person.username);
        send(&cluster, &person, stay, content, &mut done).await;
        pause(10..80).await;
    }
    done
}

async fn send(cluster: &Cluster, person: &Person, stay: Stay, content: String, done: &mut Done) {
    let path = format!("conversations/{}/send_message/", stay.conversation);
    let (body, began) = (json!({ "text": content }), Instant::now());
    while began.elapsed() < PATIENCE {
        match person.post(cluster, &path, &content, &body).await {
            Some((200 | 201, answer)) => {
                let message = answer["id"].as_i64().unwrap_or_default();
                return done.sent.push(Sent { content, stay: stay.id, message });
            }
            // No answer, or the server cannot say: under its key it can be sent again.
            None | Some((502 | 503, _)) => {
                done.again += 1;
                pause(20..200).await;
            }
            Some((status, answer)) => return done.wrong.push(format!("{content}: {status} {answer}")),
        }
    }
    done.wrong.push(format!("{content}: not acknowledged within {PATIENCE:?}"));
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
