//! The program as a process: where it is, and what a run of it gave.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Condvar, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long the server may take to accept its first connection, and any command to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the program is: `MESSAGE_MANAGER_BIN`, else beside the folder of the test executable.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("MESSAGE_MANAGER_BIN") {
            return path.into();
        }
        let exe = std::env::current_exe().unwrap();
        let found = exe.ancestors().skip(1).map(|folder| folder.join("message-manager")).find(|path| path.is_file());
        found.expect("build it first: cargo build -p message-manager --features test-clock")
    })
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Output {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// The JSON it printed, having succeeded.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one line it failed with.
    #[track_caller]
    pub fn fails(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.stderr.trim()
    }
}

/// How the program is run: in which folder, with which settings and nothing else.
#[derive(Clone, Debug)]
pub struct Program {
    /// The working directory.
    pub folder: PathBuf,
    /// The settings.
    pub settings: BTreeMap<String, String>,
    /// What it is run through, a program and its arguments; mostly nothing.
    pub through: Vec<String>,
}

impl Program {
    /// Runs a command to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// Runs a command to its end, with something on standard input.
    pub fn run_with_input<S: AsRef<OsStr>>(&self, arguments: &[S], input: &str) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that does not read its input closes it: no fault.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map(|_| text)
        });
        let mut pipe = child.stdout.take().unwrap();
        let told = thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).map(|_| text)
        });
        let status = wait_for(&mut child, PATIENCE).unwrap_or_else(|| {
            let _ = child.kill();
            panic!("the command did not end: {:?}", arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>())
        });
        Output { code: status.code(), stdout: told.join().unwrap().unwrap(), stderr: errors.join().unwrap().unwrap() }
    }

    /// Starts `serve`, and waits until it listens.
    pub fn serve(&self, arguments: &[String], log: &Path) -> Serving {
        self.try_serve(arguments, log).unwrap_or_else(|code| {
            panic!("serve ended with {code:?}: {}", std::fs::read_to_string(log).unwrap_or_default())
        })
    }

    /// Starts `serve`; its exit code, where it ends instead of listening.
    ///
    /// # Errors
    /// The exit code.
    pub fn try_serve(&self, arguments: &[String], log: &Path) -> Result<Serving, Option<i32>> {
        let mut all = vec!["serve".to_owned()];
        all.extend_from_slice(arguments);
        self.listen(&all, log)
    }

    /// Starts a command that listens, and waits until it does; its exit code, where it ends instead.
    ///
    /// # Errors
    /// The exit code.
    pub fn listen(&self, arguments: &[String], log: &Path) -> Result<Serving, Option<i32>> {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut child = self.command(arguments).stdin(Stdio::null()).stderr(log).spawn().unwrap();
        let (guard, guard_input) = guard(child.id(), &self.folder);
        let said = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        listen_to(child.stdout.take().unwrap(), said.clone());
        let mut serving = Serving { child, guard, guard_input: Some(guard_input), said, base: String::new() };
        serving.wait_until_listening().map(|()| serving)
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = match self.through.split_first() {
            None => Command::new(binary()),
            Some((program, its_own)) => {
                let mut command = Command::new(program);
                command.args(its_own).arg(binary());
                command
            }
        };
        command.args(arguments).current_dir(&self.folder).env_clear().stdout(Stdio::piped());
        for name in ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("RUST_BACKTRACE", "1").envs(&self.settings);
        command
    }
}

/// A server under way. Dropped, it is killed.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    /// Ends the server, should this process die first.
    guard: Child,
    guard_input: Option<ChildStdin>,
    said: Arc<(Mutex<Vec<String>>, Condvar)>,
    /// `http://127.0.0.1:PORT`.
    pub base: String,
}

impl Serving {
    /// What it printed so far.
    pub fn said(&self) -> Vec<String> {
        self.said.0.lock().unwrap().clone()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether it has ended, and with which code.
    pub fn ended(&mut self) -> Option<Option<i32>> {
        self.child.try_wait().unwrap().map(|status| status.code())
    }

    fn wait_until_listening(&mut self) -> Result<(), Option<i32>> {
        let start = Instant::now();
        loop {
            let line = self.said().into_iter().find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
            if let Some(base) = line {
                self.base = base.trim().trim_end_matches('/').to_owned();
                return Ok(());
            }
            if let Some(code) = self.ended() {
                return Err(code);
            }
            assert!(start.elapsed() < PATIENCE, "it neither listens nor ends: {:?}", self.said());
            let (lines, changed) = &*self.said;
            drop(changed.wait_timeout(lines.lock().unwrap(), Duration::from_millis(20)).unwrap());
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.guard.kill();
        self.guard_input = None;
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that outlives this one by a moment: when its input ends, because this process did
/// (however), it kills the server and removes its folder.
pub(crate) fn guard(server: u32, folder: &Path) -> (Child, ChildStdin) {
    let script = "cat >/dev/null; kill -KILL \"$0\"; sleep 0.2; rm -rf \"$1\"";
    let mut child = Command::new("sh")
        .args(["-c", script, &server.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}

fn listen_to(stdout: impl Read + Send + 'static, said: Arc<(Mutex<Vec<String>>, Condvar)>) {
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            said.0.lock().unwrap().push(line);
            said.1.notify_all();
        }
    });
}

fn wait_for(child: &mut Child, patience: Duration) -> Option<std::process::ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}
