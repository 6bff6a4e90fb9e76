//! The line between the nodes and Redis, which can be cut: what is sent then goes nowhere until it is mended.

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

/// A line to a server of this machine.
pub struct Line {
    /// Where nodes connect.
    pub port: u16,
    cut: Arc<AtomicBool>,
}

impl Line {
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let line = Self { port: listener.local_addr().unwrap().port(), cut: Arc::default() };
        let cut = line.cut.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                // Where Redis is away the connection is closed at once, as without a line.
                if let Ok(far) = TcpStream::connect(&server).await {
                    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                    tokio::spawn(carry(near_in, far_out, cut.clone()));
                    tokio::spawn(carry(far_in, near_out, cut.clone()));
                }
            }
        });
        line
    }

    pub fn set_cut(&self, cut: bool) {
        self.cut.store(cut, Relaxed);
    }
}

async fn carry(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, cut: Arc<AtomicBool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        while cut.load(Relaxed) {
            sleep(Duration::from_millis(20)).await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
