//! A Redis of the benchmark's own, for the rows with several servers.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{Outcome, processes::Process};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// On loopback, and nothing is kept. Dropped, it is killed.
pub struct Redis {
    _server: Process,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

/// The program that `tests/with-servers.sh` found.
pub fn program() -> Option<String> {
    std::env::var("MM_TEST_REDIS").ok()
}

impl Redis {
    /// Starts it.
    pub fn start(folder: &Path) -> Outcome<Self> {
        // Below the range that the system hands out to clients.
        let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        let port = (20_000..30_000).find(free).ok_or("no free port")?;
        let mut command = Command::new(program().ok_or("there is no Redis")?);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        command.args(["--logfile", "redis.log"]).current_dir(folder);
        let server = Process::start(&mut command, &folder.join("redis.log"))?;
        let address = format!("127.0.0.1:{port}");
        let began = Instant::now();
        while TcpStream::connect(&address).is_err() {
            if began.elapsed() > PATIENCE {
                return Err("Redis does not listen".into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(Self { _server: server, address })
    }

    /// For `REDIS_URL`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}
