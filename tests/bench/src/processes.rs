//! Processes: the product, its baselines, the load client.

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
    Outcome,
    load::{Report, Round},
};

/// A process that is spoken with line by line. Dropped, it is killed.
pub struct Process {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts one; what it says on standard error goes to the log.
    pub fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        Ok(Self { child, input, lines })
    }

    /// Starts this program as another part of the benchmark.
    pub fn part(name: &str, log: &Path) -> Outcome<Self> {
        Self::start(Command::new(std::env::current_exe()?).arg(name), log)
    }

    /// Waits until it listens; its `127.0.0.1:PORT`.
    pub fn listening(&mut self) -> Outcome<String> {
        loop {
            let line = self.line()?;
            if let Some(url) = line.strip_prefix("listening on http://") {
                return Ok(url.trim_end_matches('/').to_owned());
            }
        }
    }

    /// Tells it something.
    pub fn tell(&mut self, what: &impl Serialize) -> Outcome<()> {
        writeln!(self.input, "{}", serde_json::to_string(what)?)?;
        Ok(self.input.flush()?)
    }

    fn line(&mut self) -> Outcome<String> {
        Ok(self.lines.next().ok_or_else(|| format!("a process ended: {:?}", self.child.try_wait()))??)
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Outcome<T> {
        Ok(serde_json::from_str(&self.line()?)?)
    }

    /// The processor time it has taken.
    pub fn busy(&self) -> Outcome<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // After the name, which may hold anything, the 12th and 13th word are ticks of 10 ms.
        let words = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks = words.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Its resident memory, in bytes.
    pub fn resident(&self) -> Outcome<u64> {
        self.memory("VmRSS:")
    }

    /// The most that was ever resident.
    pub fn most_resident(&self) -> Outcome<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, which: &str) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(which)).ok_or("no such memory")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    /// How many files it has open.
    pub fn files(&self) -> Outcome<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that runs rounds: the load client, a baseline that is steered like it, or the hostile clients.
pub struct Rounds(Process);

impl Rounds {
    /// Starts it with its job, and waits until it is ready.
    pub fn start(part: &str, job: &impl Serialize, log: &Path) -> Outcome<Self> {
        let mut process = Process::part(part, log)?;
        process.tell(job)?;
        match process.line()?.as_str() {
            "ready" => Ok(Self(process)),
            other => Err(format!("{other} instead of ready").into()),
        }
    }

    /// Runs a round.
    pub fn round(&mut self, round: Round) -> Outcome<Report> {
        self.ask(&round)
    }

    /// Tells it anything, and waits for its answer.
    pub fn ask<T: DeserializeOwned>(&mut self, what: &impl Serialize) -> Outcome<T> {
        self.0.tell(what)?;
        self.0.answer()
    }

    /// The processor time it has taken.
    pub fn busy(&self) -> Outcome<Duration> {
        self.0.busy()
    }
}

/// The processor time that the machine's host has given to others although it was asked for here.
pub fn stolen() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    // After `cpu`, the sum of all cores: the 8th number, in ticks of 10 ms.
    let ticks = stat.split_whitespace().nth(8).ok_or("no time stolen")?;
    Ok(Duration::from_millis(ticks.parse::<u64>()? * 10))
}

/// Ends this process when whoever started it is gone.
pub fn end_with_input() {
    thread::spawn(|| {
        // Nothing more comes; the end is what is waited for.
        let _ = stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

/// Where the product is: beside this program.
pub fn product() -> Outcome<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("message-manager");
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing: make bench builds it", path.display()).into()) }
}
