//! Child processes: the product, the baselines, the load client.

use std::{
    fs::File,
    io::{BufRead, BufReader, Lines, Read, Write, stdin},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    BenchResult,
    load::{Round, RoundReport},
};

/// A child process with a line protocol over its standard streams. A drop kills it.
pub struct ChildProcess {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl ChildProcess {
    /// Starts a process. Its standard error goes to the log.
    pub fn start(command: &mut Command, log: &Path) -> BenchResult<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        Ok(Self { child, input, lines })
    }

    /// Starts this binary in another role.
    pub fn start_role(name: &str, log: &Path) -> BenchResult<Self> {
        Self::start(Command::new(std::env::current_exe()?).arg(name), log)
    }

    /// Waits until the process listens. Returns its `127.0.0.1:PORT`.
    pub fn wait_until_listening(&mut self) -> BenchResult<String> {
        loop {
            let line = self.read_line()?;
            if let Some(url) = line.strip_prefix("listening on http://") {
                return Ok(url.trim_end_matches('/').to_owned());
            }
        }
    }

    /// Sends a line of JSON.
    pub fn send(&mut self, value: &impl Serialize) -> BenchResult<()> {
        writeln!(self.input, "{}", serde_json::to_string(value)?)?;
        Ok(self.input.flush()?)
    }

    fn read_line(&mut self) -> BenchResult<String> {
        Ok(self.lines.next().ok_or_else(|| format!("a process ended: {:?}", self.child.try_wait()))??)
    }

    fn receive<T: DeserializeOwned>(&mut self) -> BenchResult<T> {
        Ok(serde_json::from_str(&self.read_line()?)?)
    }

    /// The processor time used so far.
    pub fn cpu_time(&self) -> BenchResult<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // After the name, which may contain anything, fields 12 and 13 are ticks of 10 ms.
        let words = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks = words.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The resident memory in bytes.
    pub fn resident_memory(&self) -> BenchResult<u64> {
        self.memory("VmRSS:")
    }

    /// The largest resident memory so far in bytes.
    pub fn peak_memory(&self) -> BenchResult<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, which: &str) -> BenchResult<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(which)).ok_or("no such memory")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    pub fn open_files(&self) -> BenchResult<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that runs rounds on request: the load client, a baseline, or the hostile clients.
pub struct RoundProcess(ChildProcess);

impl RoundProcess {
    /// Starts this binary in a role, sends the job and waits until the process is ready.
    pub fn start(role: &str, job: &impl Serialize, log: &Path) -> BenchResult<Self> {
        let mut process = ChildProcess::start_role(role, log)?;
        process.send(job)?;
        match process.read_line()?.as_str() {
            "ready" => Ok(Self(process)),
            other => Err(format!("{other} instead of ready").into()),
        }
    }

    pub fn round(&mut self, round: Round) -> BenchResult<RoundReport> {
        self.call(&round)
    }

    /// Sends a request and waits for the response.
    pub fn call<T: DeserializeOwned>(&mut self, request: &impl Serialize) -> BenchResult<T> {
        self.0.send(request)?;
        self.0.receive()
    }

    /// The processor time used so far.
    pub fn cpu_time(&self) -> BenchResult<Duration> {
        self.0.cpu_time()
    }
}

/// The processor time that the host gave to other machines although this one had work.
pub fn stolen_time() -> BenchResult<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    // After `cpu`, the sum of all cores: the 8th number, in ticks of 10 ms.
    let ticks = stat.split_whitespace().nth(8).ok_or("no time stolen")?;
    Ok(Duration::from_millis(ticks.parse::<u64>()? * 10))
}

/// Ends this process when its parent has ended.
pub fn exit_with_parent() {
    thread::spawn(|| {
        let _ = stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

/// The path of the product, beside this binary.
pub fn product_path() -> BenchResult<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("message-manager");
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing: make bench builds it", path.display()).into()) }
}
