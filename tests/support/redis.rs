//! A Redis of a test's own, which it may stop.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{Port, program::guard};

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Redis on loopback, without memory: whenever it starts it is empty.
#[derive(Debug)]
pub struct Redis {
    port: Port,
    folder: TempDir,
    running: Option<Running>,
}

/// Dropped, it is killed.
#[derive(Debug)]
struct Running {
    child: Child,
    /// Ends it, should this process die first.
    guard: Child,
    guard_input: Option<ChildStdin>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.guard.kill();
        self.guard_input = None;
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Redis {
    /// Whether it can be used; where not, that is said, or with `REQUIRE_ALL=1` a failure.
    pub fn is_there() -> bool {
        let there = std::env::var_os("MM_TEST_REDIS").is_some();
        if !there {
            assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "MM_TEST_REDIS is not set");
            println!("skipped: MM_TEST_REDIS is not set (run it through tests/with-servers.sh)");
        }
        there
    }

    /// Starts one.
    pub fn start() -> Self {
        let mut redis = Self::stopped();
        redis.start_again();
        redis
    }

    /// One that is not there yet.
    pub fn stopped() -> Self {
        Self { port: Port::free(), folder: TempDir::with_prefix("mm-redis-").unwrap(), running: None }
    }

    /// Starts it, at the same address as ever.
    pub fn start_again(&mut self) {
        let port = self.port.number.to_string();
        let child = Command::new(std::env::var_os("MM_TEST_REDIS").unwrap_or("redis-server".into()))
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--dir"])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is missing: apt-get install redis-server");
        let (guard, guard_input) = guard(child.id(), self.folder.path());
        self.running = Some(Running { child, guard, guard_input: Some(guard_input) });
        let start = Instant::now();
        while !self.answers() {
            assert!(start.elapsed() < PATIENCE, "Redis does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it, as a crash would.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let id = self.running.as_ref().expect("it is not running").child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.port.address()
    }

    /// Its address, for `REDIS_URL`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    fn answers(&self) -> bool {
        let asked = || -> std::io::Result<bool> {
            let mut line = TcpStream::connect(self.address())?;
            line.set_read_timeout(Some(Duration::from_secs(1)))?;
            line.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            line.read_exact(&mut answer)?;
            Ok(&answer == b"+PONG")
        };
        asked().unwrap_or(false)
    }
}
