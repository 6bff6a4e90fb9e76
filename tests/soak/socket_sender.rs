//! Sends messages over a WebSocket: several without waiting, and again over the next socket, until all are acknowledged.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use acceptance::{Value, json};
use tokio::time::Instant;

use crate::{
    cluster::SoakCluster,
    pause,
    senders::{AcknowledgedMessage, SEND_TIMEOUT, SendPath, SenderResult, content},
    site::{SoakStaff, SoakStay},
    socket::{RESPONSE_TIMEOUT, SoakSocket},
};

/// Messages that are sent without waiting for an ack.
const MAX_UNACKNOWLEDGED: usize = 4;

/// Sends until `stop` is set and every message is acknowledged.
pub async fn send_by_socket(
    cluster: Arc<SoakCluster>,
    person: Arc<SoakStaff>,
    stays: Vec<SoakStay>,
    stop: Arc<AtomicBool>,
) -> SenderResult {
    let mut sender =
        SocketSender { person, stays, created: 0, pending: vec![], sockets: 0, result: SenderResult::default() };
    let mut socket = None;
    loop {
        sender.fail_expired();
        if sender.pending.is_empty() {
            if stop.load(Relaxed) {
                return sender.result;
            }
            sender.create_messages();
        }
        if sender.send_pending(&mut socket, &cluster).await.is_none() {
            socket = None;
        }
        // A socket may send 50 commands per second.
        pause(100..250).await;
    }
}

struct SocketSender {
    person: Arc<SoakStaff>,
    stays: Vec<SoakStay>,
    /// The number of messages created so far.
    created: usize,
    /// Messages that are not acknowledged, in the order of their creation.
    pending: Vec<PendingMessage>,
    /// The number of sockets opened so far.
    sockets: usize,
    result: SenderResult,
}

struct PendingMessage {
    n: usize,
    content: String,
    stay: SoakStay,
    created_at: Instant,
    attempts: usize,
}

impl SocketSender {
    fn create_messages(&mut self) {
        for n in self.created..self.created + MAX_UNACKNOWLEDGED {
            let (content, stay) = (content(&self.person, n), self.stays[n % self.stays.len()]);
            self.pending.push(PendingMessage { n, content, stay, created_at: Instant::now(), attempts: 0 });
        }
        self.created += MAX_UNACKNOWLEDGED;
    }

    fn fail_expired(&mut self) {
        for message in self.pending.extract_if(.., |it| it.created_at.elapsed() > SEND_TIMEOUT) {
            self.result.wrong.push(format!("{}: not acknowledged within {SEND_TIMEOUT:?}", message.content));
        }
    }

    /// Sends all pending messages and reads a response to each. Returns `None` if the socket ends before.
    async fn send_pending(&mut self, socket: &mut Option<SoakSocket>, cluster: &Arc<SoakCluster>) -> Option<()> {
        let socket = match socket {
            Some(socket) => socket,
            None => {
                self.sockets += 1;
                socket.insert(SoakSocket::open(cluster, &self.person).await?)
            }
        };
        for message in &mut self.pending {
            self.result.retries += usize::from(message.attempts > 0);
            message.attempts += 1;
            socket.send(&message.command()).await?;
        }
        let mut unanswered = self.pending.len();
        while unanswered > 0 {
            let event = socket.next(RESPONSE_TIMEOUT).await?;
            unanswered -= usize::from(self.handle_event(&event));
        }
        Some(())
    }

    /// Records an `ack` or `error`. Returns `false` for all other events.
    fn handle_event(&mut self, event: &Value) -> bool {
        let is_ack = event["type"] == "ack";
        if !is_ack && event["type"] != "error" {
            return false;
        }
        if event["code"] == "unavailable" {
            return true;
        }
        match self.pending.iter().position(|it| event["request_id"] == it.content) {
            Some(index) if is_ack => {
                let message = self.pending.remove(index).acknowledged(event, &self.person, self.sockets);
                self.result.acknowledged.push(message);
            }
            Some(index) => {
                let message = self.pending.remove(index);
                self.result.wrong.push(format!("{}: {event}", message.content));
            }
            None => {
                self.result.wrong.push(format!("{} received an unexpected response: {event}", self.person.username))
            }
        }
        true
    }
}

impl PendingMessage {
    fn command(&self) -> Value {
        json!({
            "command": "send_message",
            "request_id": self.content,
            "client_ref": self.content,
            "conversation_id": self.stay.conversation,
            "text": self.content,
        })
    }

    fn acknowledged(self, ack: &Value, person: &SoakStaff, socket: usize) -> AcknowledgedMessage {
        // A message that was sent twice may have been stored at either time, so that its position is not checked.
        let queue = (self.attempts == 1).then(|| (format!("{} over socket {socket}", person.username), self.n));
        let message = ack["message"]["id"].as_i64().unwrap_or_default();
        AcknowledgedMessage { path: SendPath::Socket, content: self.content, stay: self.stay.id, message, queue }
    }
}
