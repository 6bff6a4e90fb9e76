//! Writing over a WebSocket: a few messages under way at once, and again over the next, until all are acknowledged.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use acceptance::{Value, json};
use tokio::time::Instant;

use crate::{
    cluster::Cluster,
    pause,
    senders::{Done, PATIENCE, Sent, Way, content},
    site::{Person, Stay},
    socket::{self, Socket},
};

/// How many messages are sent without waiting for an answer.
const AT_ONCE: usize = 4;

/// Writes until it is to stop, and then until all is acknowledged.
pub async fn write(cluster: Arc<Cluster>, person: Arc<Person>, stays: Vec<Stay>, stop: Arc<AtomicBool>) -> Done {
    let mut writer = Writer { person, stays, written: 0, under_way: vec![], sockets: 0, done: Done::default() };
    let mut socket = None;
    loop {
        writer.give_up();
        if writer.under_way.is_empty() {
            if stop.load(Relaxed) {
                return writer.done;
            }
            writer.write_some();
        }
        if writer.send_all(&mut socket, &cluster).await.is_none() {
            socket = None;
        }
        // Slower than the 50 commands that a socket may send in a second.
        pause(100..250).await;
    }
}

struct Writer {
    person: Arc<Person>,
    stays: Vec<Stay>,
    written: usize,
    /// What was not acknowledged yet, in the order in which it was written.
    under_way: Vec<Draft>,
    /// How many sockets it has had.
    sockets: usize,
    done: Done,
}

struct Draft {
    n: usize,
    content: String,
    stay: Stay,
    began: Instant,
    times_sent: usize,
}

impl Writer {
    fn write_some(&mut self) {
        for n in self.written..self.written + AT_ONCE {
            let (content, stay) = (content(&self.person, n), self.stays[n % self.stays.len()]);
            self.under_way.push(Draft { n, content, stay, began: Instant::now(), times_sent: 0 });
        }
        self.written += AT_ONCE;
    }

    fn give_up(&mut self) {
        for it in self.under_way.extract_if(.., |it| it.began.elapsed() > PATIENCE) {
            self.done.wrong.push(format!("{}: not acknowledged within {PATIENCE:?}", it.content));
        }
    }

    /// Sends all that is under way, and hears the answer to each; nothing where the socket is gone before.
    async fn send_all(&mut self, socket: &mut Option<Socket>, cluster: &Arc<Cluster>) -> Option<()> {
        let socket = match socket {
            Some(socket) => socket,
            None => {
                self.sockets += 1;
                socket.insert(Socket::open(cluster, &self.person).await?)
            }
        };
        for it in &mut self.under_way {
            self.done.again += usize::from(it.times_sent > 0);
            it.times_sent += 1;
            socket.say(&it.command()).await?;
        }
        let mut unanswered = self.under_way.len();
        while unanswered > 0 {
            let told = socket.next(socket::PATIENCE).await?;
            unanswered -= usize::from(self.hear(&told));
        }
        Some(())
    }

    /// Takes note of what the server says; whether it is an answer.
    fn hear(&mut self, told: &Value) -> bool {
        let is_ack = told["type"] == "ack";
        if !is_ack && told["type"] != "error" {
            return false;
        }
        if told["code"] == "unavailable" {
            return true;
        }
        match self.under_way.iter().position(|it| told["request_id"] == it.content) {
            Some(at) if is_ack => {
                let sent = self.under_way.remove(at).acknowledged(told, &self.person, self.sockets);
                self.done.sent.push(sent);
            }
            Some(at) => {
                let it = self.under_way.remove(at);
                self.done.wrong.push(format!("{}: {told}", it.content));
            }
            None => self.done.wrong.push(format!("{} was answered: {told}", self.person.username)),
        }
        true
    }
}

impl Draft {
    fn command(&self) -> Value {
        json!({
            "command": "send_message",
            "request_id": self.content,
            "client_ref": self.content,
            "conversation_id": self.stay.conversation,
            "text": self.content,
        })
    }

    fn acknowledged(self, ack: &Value, person: &Person, socket: usize) -> Sent {
        // What was sent again may have been stored the first time, or not before what came after it.
        let queue = (self.times_sent == 1).then(|| (format!("{} over socket {socket}", person.username), self.n));
        let message = ack["message"]["id"].as_i64().unwrap_or_default();
        Sent { way: Way::Socket, content: self.content, stay: self.stay.id, message, queue }
    }
}
