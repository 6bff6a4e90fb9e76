//! A bare broadcaster on tokio: a message to a stay is sent to all subscribers and acknowledged. It has no actors, no database and no
//! sign-in.

use std::{
    collections::HashMap,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::{
    BenchResult,
    load::frames::{self, FrameKind},
};

type Subscribers = RwLock<HashMap<i64, Vec<UnboundedSender<Arc<[u8]>>>>>;

#[derive(Default)]
struct BaselineBroadcaster {
    subscribers: Subscribers,
    seq: AtomicU64,
}

#[derive(Deserialize)]
struct BaselineCommand<'a> {
    command: &'a str,
    stay_id: i64,
    request_id: &'a str,
    text: Option<&'a str>,
}

/// Serves until it is killed.
pub fn run() -> BenchResult<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    crate::processes::exit_with_parent();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener: TcpListener = socket.listen(1024)?;
        println!("listening on http://{}", listener.local_addr()?);
        let broadcaster = Arc::new(BaselineBroadcaster::default());
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(stream, broadcaster.clone()));
        }
    })
}

async fn serve(mut stream: TcpStream, broadcaster: Arc<BaselineBroadcaster>) -> BenchResult<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    // The key of the load client is constant, and so is the response.
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    stream.write_all(answer).await?;
    let (reads, writes) = stream.into_split();
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(write(writes, receiver));
    read(BufReader::new(reads), &broadcaster, &sender).await
}

/// Writes all queued frames together.
async fn write(mut stream: OwnedWriteHalf, mut queue: UnboundedReceiver<Arc<[u8]>>) -> BenchResult<()> {
    let (mut some, mut bytes) = (Vec::new(), Vec::new());
    while queue.recv_many(&mut some, 64).await > 0 {
        match some.as_slice() {
            [frame] => stream.write_all(frame).await?,
            many => {
                many.iter().for_each(|frame| bytes.extend_from_slice(frame));
                stream.write_all(&bytes).await?;
                bytes.clear();
            }
        }
        some.clear();
    }
    Ok(())
}

async fn read(
    mut stream: BufReader<OwnedReadHalf>,
    broadcaster: &BaselineBroadcaster,
    own: &UnboundedSender<Arc<[u8]>>,
) -> BenchResult<()> {
    let mut bytes = Vec::new();
    loop {
        while let Some(frame) = frames::parse_first(&bytes) {
            if let (FrameKind::Text, Some(mask)) = (frame.kind, frame.mask) {
                let payload = &mut bytes[frame.payload.clone()];
                payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
                broadcaster.run_command(&serde_json::from_slice(payload)?, own)?;
            }
            bytes.drain(..frame.payload.end);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
}

impl BaselineBroadcaster {
    fn run_command(&self, command: &BaselineCommand<'_>, own: &UnboundedSender<Arc<[u8]>>) -> BenchResult<()> {
        let (stay, request) = (command.stay_id, command.request_id);
        if command.command == "subscribe_to_conversation" {
            let mut subscribers = self.subscribers.write().map_err(|_| "a thread panicked")?;
            subscribers.entry(stay).or_default().push(own.clone());
        }
        if let Some(text) = command.text {
            let seq = self.seq.fetch_add(1, Ordering::Relaxed);
            let event = new_message(stay, text, seq);
            let subscribers = self.subscribers.read().map_err(|_| "a thread panicked")?;
            for subscriber in subscribers.get(&stay).into_iter().flatten() {
                // Fails if the subscriber has disconnected.
                let _ = subscriber.send(event.clone());
            }
        }
        let ack = format!(r#"{{"type":"ack","request_id":"{request}","command":"{}"}}"#, command.command);
        own.send(frames::unmasked(FrameKind::Text, ack.as_bytes()).into())?;
        Ok(())
    }
}

/// The product's event, encoded once for all subscribers.
fn new_message(stay: i64, text: &str, seq: u64) -> Arc<[u8]> {
    let event = format!(
        r#"{{"type":"new_message","stay_id":{stay},"content":"{text}","sender_type":"staff","sender_name":"Elif García","timestamp":"2025-09-23T10:30:00.123456Z","id":{seq},"conversation_id":{stay},"seq":{seq},"delivery":"sent","attachments":[]}}"#
    );
    frames::unmasked(FrameKind::Text, event.as_bytes()).into()
}
