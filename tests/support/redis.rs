//! A Redis server that belongs to one test, which may stop it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{Port, database::skip, guard::Guard};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A Redis on loopback without persistence: it is empty after every start.
#[derive(Debug)]
pub struct TestRedis {
    port: Port,
    folder: TempDir,
    process: Option<RedisProcess>,
}

/// A drop kills it; so does the end of the test process.
#[derive(Debug)]
struct RedisProcess {
    child: Child,
    _guard: Guard,
}

impl Drop for RedisProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl TestRedis {
    /// Returns `false` and prints a line if there is no Redis. With `REQUIRE_ALL=1` the test fails instead.
    pub fn is_available() -> bool {
        let available = std::env::var_os("MM_TEST_REDIS").is_some();
        if !available {
            skip("MM_TEST_REDIS");
        }
        available
    }

    pub fn start() -> Self {
        let mut redis = Self::stopped();
        redis.start_again();
        redis
    }

    /// Reserves the address of a Redis that is started later.
    pub fn stopped() -> Self {
        Self { port: Port::free(), folder: TempDir::with_prefix("mm-redis-").unwrap(), process: None }
    }

    /// Starts it at the same address as before.
    pub fn start_again(&mut self) {
        let port = self.port.number.to_string();
        let child = Command::new(std::env::var_os("MM_TEST_REDIS").unwrap_or("redis-server".into()))
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--dir"])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is missing: apt-get install redis-server");
        let guard = Guard::of_server(child.id(), self.folder.path());
        self.process = Some(RedisProcess { child, _guard: guard });
        let start = Instant::now();
        while !self.is_ready() {
            assert!(start.elapsed() < START_TIMEOUT, "Redis does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it, as a crash would.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().expect("Redis is not running").child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.port.address()
    }

    /// The value for `REDIS_URL`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    fn is_ready(&self) -> bool {
        let ping = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(self.address())?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"PING\r\n")?;
            let mut response = [0; 5];
            stream.read_exact(&mut response)?;
            Ok(&response == b"+PONG")
        };
        ping().unwrap_or(false)
    }
}
