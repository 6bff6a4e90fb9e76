//! The product's binary as a process: its path, its commands and their output, and running servers.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::guard::Guard;

/// For a server until it listens, and for any other command until it ends.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);
const BUILD_COMMAND: &str = "cargo build -p message-manager --features test-clock";

/// The path of the binary: `MESSAGE_MANAGER_BIN`, else the nearest folder above the test executable that has one.
///
/// Fails if the binary was built without the feature `test-clock`: every test that advances the clock would time out.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let path = std::env::var_os("MESSAGE_MANAGER_BIN").map(PathBuf::from).or_else(find_binary);
        let path = path.unwrap_or_else(|| panic!("the binary is missing; build it: {BUILD_COMMAND}"));
        let version = Command::new(&path).arg("--version").output().expect("the binary does not start").stdout;
        let has_test_clock = String::from_utf8_lossy(&version).contains("test-clock");
        assert!(has_test_clock, "{} was built without the feature test-clock; run {BUILD_COMMAND}", path.display());
        path
    })
}

fn find_binary() -> Option<PathBuf> {
    let executable = std::env::current_exe().unwrap();
    executable.ancestors().skip(1).map(|folder| folder.join("message-manager")).find(|path| path.is_file())
}

/// The exit code and output of a command.
#[derive(Debug)]
pub struct CommandOutput {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl CommandOutput {
    /// Returns the JSON on standard output. Fails if the command failed.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the error message. Fails if the exit code is another one.
    #[track_caller]
    pub fn fails(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.stderr.trim()
    }
}

/// The settings of a world, for a program that runs in `folder`.
pub(crate) fn default_settings(database_url: &str, folder: &Path) -> BTreeMap<String, String> {
    let clock = folder.join("clock").display().to_string();
    let data = folder.join("data").display().to_string();
    let settings = [
        ("DATABASE_URL", database_url),
        ("DATA_DIR", &data),
        ("BIND_ADDRESS", "127.0.0.1:0"),
        ("JWT_SECRET", "only for tests: 0123456789abcdef0123456789abcdef"),
        ("TEST_CLOCK_FILE", &clock),
        ("TRUSTED_PROXIES", "127.0.0.1/32"),
        ("ALLOWED_ORIGINS", "http://console.example, https://other.example"),
        ("RUST_LOG", "info"),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// How the binary is run: its folder and its whole environment.
#[derive(Clone, Debug)]
pub struct Program {
    /// The working directory.
    pub folder: PathBuf,
    pub settings: BTreeMap<String, String>,
    /// A program with arguments that starts the binary, such as `prlimit`; usually empty.
    pub through: Vec<String>,
}

impl Program {
    /// Runs a command to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> CommandOutput {
        self.run_with_input(arguments, "")
    }

    pub fn run_with_input<S: AsRef<OsStr>>(&self, arguments: &[S], input: &str) -> CommandOutput {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Fails if the command does not read its input, which is no error.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let stderr = read_to_end(child.stderr.take().unwrap());
        let stdout = read_to_end(child.stdout.take().unwrap());
        let status = wait_with_timeout(&mut child).unwrap_or_else(|| {
            let _ = child.kill();
            panic!("the command did not end: {:?}", arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>())
        });
        CommandOutput { code: status.code(), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    }

    /// Runs `serve` and waits until it listens.
    pub fn serve(&self, arguments: &[String], log: &Path) -> ServerProcess {
        self.try_serve(arguments, log).unwrap_or_else(|code| {
            panic!("serve ended with {code:?}: {}", std::fs::read_to_string(log).unwrap_or_default())
        })
    }

    /// Runs `serve` and waits until it listens. Returns the exit code if it ends instead.
    pub fn try_serve(&self, arguments: &[String], log: &Path) -> Result<ServerProcess, Option<i32>> {
        let mut all = vec!["serve".to_owned()];
        all.extend_from_slice(arguments);
        self.listen(&all, log)
    }

    /// Runs a command that is a server and waits until it listens. Returns the exit code if it ends instead.
    pub fn listen(&self, arguments: &[String], log: &Path) -> Result<ServerProcess, Option<i32>> {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut child = self.command(arguments).stdin(Stdio::null()).stderr(log).spawn().unwrap();
        let guard = Guard::of_server(child.id(), &self.folder);
        let output = Arc::<OutputLines>::default();
        collect_lines(child.stdout.take().unwrap(), output.clone());
        let mut server = ServerProcess { child, _guard: guard, output, base: String::new() };
        server.wait_until_listening().map(|()| server)
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = match self.through.split_first() {
            None => Command::new(binary()),
            Some((program, its_arguments)) => {
                let mut command = Command::new(program);
                command.args(its_arguments).arg(binary());
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

/// The lines that a server has printed so far.
#[derive(Debug, Default)]
struct OutputLines {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

/// A running server. A drop kills it; so does the end of the test process.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    _guard: Guard,
    output: Arc<OutputLines>,
    /// `http://127.0.0.1:PORT`.
    pub base: String,
}

impl ServerProcess {
    /// The lines on standard output so far.
    pub fn output(&self) -> Vec<String> {
        self.output.lines.lock().unwrap().clone()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Returns the exit code if the server has ended; it is `None` if a signal ended it.
    pub fn exit_code(&mut self) -> Option<Option<i32>> {
        self.child.try_wait().unwrap().map(|status| status.code())
    }

    fn wait_until_listening(&mut self) -> Result<(), Option<i32>> {
        let start = Instant::now();
        loop {
            let base = self.output().into_iter().find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
            if let Some(base) = base {
                self.base = base.trim().trim_end_matches('/').to_owned();
                return Ok(());
            }
            if let Some(code) = self.exit_code() {
                return Err(code);
            }
            assert!(start.elapsed() < COMMAND_TIMEOUT, "it neither listens nor ends: {:?}", self.output());
            let lines = self.output.lines.lock().unwrap();
            drop(self.output.changed.wait_timeout(lines, Duration::from_millis(20)).unwrap());
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect_lines(stdout: impl Read + Send + 'static, output: Arc<OutputLines>) {
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            output.lines.lock().unwrap().push(line);
            output.changed.notify_all();
        }
    });
}

fn read_to_end(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
}

fn wait_with_timeout(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < COMMAND_TIMEOUT {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}
