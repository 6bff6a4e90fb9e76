//! A Redis server for the rows with several nodes.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{BenchResult, processes::ChildProcess};

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A Redis on loopback without persistence. A drop kills it.
pub struct BenchRedis {
    _server: ChildProcess,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

/// The path that `tests/with-servers.sh` found.
pub fn program() -> Option<String> {
    std::env::var("MM_TEST_REDIS").ok()
}

impl BenchRedis {
    pub fn start(folder: &Path) -> BenchResult<Self> {
        // Below the range that the system assigns to clients.
        let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        let port = (20_000..30_000).find(free).ok_or("no free port")?;
        let mut command = Command::new(program().ok_or("there is no Redis")?);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        command.args(["--logfile", "redis.log"]).current_dir(folder);
        let server = ChildProcess::start(&mut command, &folder.join("redis.log"))?;
        let address = format!("127.0.0.1:{port}");
        let began = Instant::now();
        while TcpStream::connect(&address).is_err() {
            if began.elapsed() > START_TIMEOUT {
                return Err("Redis does not listen".into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(Self { _server: server, address })
    }

    /// The value for `REDIS_URL`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}
