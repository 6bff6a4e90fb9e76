//! A WebSocket to any node. It ends when its node ends and when clients are disconnected.

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

use crate::{cluster::SoakCluster, site::SoakStaff};

pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a reading socket checks if clients are disconnected.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A method that returns `None` has found the socket closed; the owner opens another one.
pub struct SoakSocket {
    stream: WebSocketStream<TcpStream>,
    /// The first event.
    pub welcome: Value,
    cluster: Arc<SoakCluster>,
    /// The value of `SoakCluster::disconnects` when the socket was opened.
    disconnects: u64,
}

impl SoakSocket {
    pub async fn open(cluster: &Arc<SoakCluster>, person: &SoakStaff) -> Option<Self> {
        let (address, token) = (cluster.any_address(), person.token(cluster).await);
        let disconnects = cluster.disconnects.load(Relaxed);
        let stream = timeout(RESPONSE_TIMEOUT, TcpStream::connect(&address)).await.ok()?.ok()?;
        let mut request = format!("ws://{address}/ws/staff/").into_client_request().ok()?;
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().ok()?);
        let (stream, _) = timeout(RESPONSE_TIMEOUT, client_async(request, stream)).await.ok()?.ok()?;
        let mut socket = Self { stream, welcome: Value::Null, cluster: cluster.clone(), disconnects };
        socket.welcome = socket.next(RESPONSE_TIMEOUT).await?;
        Some(socket)
    }

    pub async fn send(&mut self, command: &Value) -> Option<()> {
        timeout(RESPONSE_TIMEOUT, self.stream.send(Message::text(command.to_string()))).await.ok()?.ok()
    }

    /// Returns the next event; `None` also if none arrives in time.
    pub async fn next(&mut self, limit: Duration) -> Option<Value> {
        let start = Instant::now();
        while start.elapsed() < limit && self.cluster.disconnects.load(Relaxed) == self.disconnects {
            match timeout(POLL_INTERVAL, self.stream.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => return serde_json::from_str(&text).ok(),
                Ok(None | Some(Err(_) | Ok(Message::Close(_)))) => return None,
                // A ping, or no frame yet.
                Ok(Some(Ok(_))) | Err(_) => {}
            }
        }
        None
    }
}
