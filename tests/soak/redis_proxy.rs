//! A TCP proxy between the nodes and Redis. While it is blocked, it accepts data and passes nothing on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

pub struct RedisProxy {
    /// The port to which nodes connect.
    pub port: u16,
    is_blocked: Arc<AtomicBool>,
}

impl RedisProxy {
    pub async fn start(redis_address: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), is_blocked: Arc::default() };
        let is_blocked = proxy.is_blocked.clone();
        tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                // If Redis is stopped, the connection is closed at once, as without a proxy.
                if let Ok(redis) = TcpStream::connect(&redis_address).await {
                    let ((node_reads, node_writes), (redis_reads, redis_writes)) =
                        (node.into_split(), redis.into_split());
                    tokio::spawn(copy(node_reads, redis_writes, is_blocked.clone()));
                    tokio::spawn(copy(redis_reads, node_writes, is_blocked.clone()));
                }
            }
        });
        proxy
    }

    pub fn set_blocked(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Relaxed);
    }
}

async fn copy(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, is_blocked: Arc<AtomicBool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        while is_blocked.load(Relaxed) {
            sleep(Duration::from_millis(20)).await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
