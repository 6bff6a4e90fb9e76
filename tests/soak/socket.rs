//! A WebSocket to any node. It is gone when the node is, and when clients are cut off.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use acceptance::Value;
use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{cluster::Cluster, site::Person};

/// How long the server may take with an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether clients are cut off.
const LOOK: Duration = Duration::from_millis(100);

/// Nothing as a result means that it is gone: its user opens another.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// What the server said first.
    pub welcome: Value,
    cluster: Arc<Cluster>,
    /// How often clients had been cut off when it was opened.
    cuts: u64,
}

impl Socket {
    pub async fn open(cluster: &Arc<Cluster>, person: &Person) -> Option<Self> {
        let (address, token) = (cluster.any(), person.token(cluster).await);
        let cuts = cluster.cuts.load(Relaxed);
        let stream = timeout(PATIENCE, TcpStream::connect(&address)).await.ok()?.ok()?;
        let mut request = format!("ws://{address}/ws/staff/").into_client_request().ok()?;
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().ok()?);
        let (stream, _) = timeout(PATIENCE, client_async(request, stream)).await.ok()?.ok()?;
        let mut socket = Self { stream, welcome: Value::Null, cluster: cluster.clone(), cuts };
        socket.welcome = socket.next(PATIENCE).await?;
        Some(socket)
    }

    pub async fn say(&mut self, command: &Value) -> Option<()> {
        timeout(PATIENCE, self.stream.send(Message::text(command.to_string()))).await.ok()?.ok()
    }

    /// What the server says next; nothing where it is silent for so long, too.
    pub async fn next(&mut self, silence: Duration) -> Option<Value> {
        let began = Instant::now();
        while began.elapsed() < silence && self.cluster.cuts.load(Relaxed) == self.cuts {
            match timeout(LOOK, self.stream.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => return serde_json::from_str(&text).ok(),
                Ok(None | Some(Err(_) | Ok(Message::Close(_)))) => return None,
                // A ping, or nothing yet.
                Ok(Some(Ok(_))) | Err(_) => {}
            }
        }
        None
    }
}
