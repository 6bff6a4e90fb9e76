//! A running server with a database of its own.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Hotel, Output, PASSWORD, Program,
    program::{Serving, binary},
    unique,
};

/// How many hotels the shared world has: one for each test.
const SHARED_HOTELS: usize = 300;

/// A database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A server, whose address is in `MM_TEST_POSTGRES_URL`.
    Postgres,
}

impl Backend {
    /// Whether it can be used; where not, that is said, or with `REQUIRE_ALL=1` a failure.
    pub fn is_there(self) -> bool {
        let there = self == Self::Sqlite || std::env::var_os("MM_TEST_POSTGRES_URL").is_some();
        if !there {
            assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "MM_TEST_POSTGRES_URL is not set");
            println!("skipped: MM_TEST_POSTGRES_URL is not set (run it through tests/with-servers.sh)");
        }
        there
    }

    /// The address of a new, empty database.
    pub fn new_database(self, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", folder.join("data/message_manager.db").display()),
            Self::Postgres => new_postgres(),
        }
    }
}

fn new_postgres() -> String {
    let server = std::env::var("MM_TEST_POSTGRES_URL").unwrap();
    let name = unique("mm").replace('-', "_");
    let made = psql(&server, &format!("CREATE DATABASE {name}"));
    assert!(made.is_ok(), "{made:?}");
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

/// Runs SQL on a PostgreSQL database; what it printed.
///
/// # Errors
/// What the database says.
pub fn psql(url: &str, sql: &str) -> Result<String, String> {
    let program = std::env::var("MM_TEST_PSQL").unwrap_or_else(|_| "psql".into());
    let done = Command::new(program).args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).output();
    let done = done.map_err(|error| error.to_string())?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    if done.status.success() { Ok(text(done.stdout)) } else { Err(text(done.stderr)) }
}

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many hotels `generate` makes; none: the database stays empty.
    pub hotels: usize,
    /// How many stays each has: half of them in relay, the rest active.
    pub stays: usize,
    /// Settings beside the usual ones, which they replace.
    pub settings: Vec<(String, String)>,
    /// What `serve` is given.
    pub arguments: Vec<String>,
    /// What the program is run through, a program and its arguments; mostly nothing.
    pub through: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { hotels: 2, stays: 6, settings: Vec::new(), arguments: vec!["--demo".into()], through: Vec::new() }
    }
}

impl Options {
    /// With a setting.
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// With so many hotels.
    pub fn hotels(mut self, hotels: usize) -> Self {
        self.hotels = hotels;
        self
    }

    /// With so many stays in each hotel.
    pub fn stays(mut self, stays: usize) -> Self {
        self.stays = stays;
        self
    }

    /// With these arguments to `serve`.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(ToString::to_string).collect();
        self
    }
}

/// A running server with a database of its own.
#[derive(Debug)]
pub struct World {
    /// Which database.
    pub backend: Backend,
    /// How the program is run here.
    pub program: Program,
    /// Where the log goes.
    pub log: PathBuf,
    /// What `generate` printed; null where it was not run.
    pub generated: Value,
    folder: TempDir,
    arguments: Vec<String>,
    serving: Mutex<Option<Serving>>,
    base: Mutex<String>,
    ahead: AtomicI64,
    next_hotel: AtomicUsize,
}

impl World {
    /// The world that tests share, started by the first of them.
    pub fn shared(backend: Backend) -> Arc<Self> {
        static SHARED: [OnceLock<Arc<World>>; 2] = [OnceLock::new(), OnceLock::new()];
        let options = Options::default().hotels(SHARED_HOTELS);
        SHARED[backend as usize].get_or_init(|| Self::start(backend, options)).clone()
    }

    /// Fills a new database and starts a server on it.
    pub fn start(backend: Backend, options: Options) -> Arc<Self> {
        let world = Self::prepare(backend, options);
        world.serve();
        world
    }

    /// Another server on the same database.
    pub fn another_node(&self) -> Arc<Self> {
        let node = Arc::new(Self {
            backend: self.backend,
            program: self.program.clone(),
            log: log_file(&format!("{:?}", self.backend)),
            generated: Value::Null,
            folder: TempDir::with_prefix("mm-node-").unwrap(),
            arguments: self.arguments.clone(),
            serving: Mutex::default(),
            base: Mutex::default(),
            ahead: AtomicI64::new(0),
            next_hotel: AtomicUsize::new(0),
        });
        node.serve();
        node
    }

    /// Fills a new database; no server yet.
    pub fn prepare(backend: Backend, options: Options) -> Arc<Self> {
        let folder = TempDir::with_prefix("mm-world-").unwrap();
        let mut settings: BTreeMap<String, String> = usual_settings(backend, folder.path());
        settings.extend(options.settings);
        let program = Program { folder: folder.path().to_owned(), settings, through: options.through };
        let generated =
            if options.hotels == 0 { Value::Null } else { generate(&program, options.hotels, options.stays) };
        Arc::new(Self {
            backend,
            program,
            log: log_file(&format!("{backend:?}")),
            generated,
            folder,
            arguments: options.arguments,
            serving: Mutex::default(),
            base: Mutex::default(),
            ahead: AtomicI64::new(0),
            next_hotel: AtomicUsize::new(0),
        })
    }

    /// Starts the server; after a stop, on the same port.
    pub fn serve(&self) {
        let mut program = self.program.clone();
        let base = self.base();
        if let Some(address) = base.strip_prefix("http://") {
            program.settings.insert("BIND_ADDRESS".into(), address.into());
        }
        let serving = program.serve(&self.arguments, &self.log);
        *self.base.lock().unwrap() = serving.base.clone();
        *self.serving.lock().unwrap() = Some(serving);
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        self.base.lock().unwrap().clone()
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.base().trim_start_matches("http://").to_owned()
    }

    /// The folder in which the program runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What `serve` printed.
    pub fn said(&self) -> Vec<String> {
        self.serving.lock().unwrap().as_ref().map(Serving::said).unwrap_or_default()
    }

    /// The id of the server's process.
    pub fn process_id(&self) -> u32 {
        self.serving.lock().unwrap().as_ref().map(Serving::id).expect("it is not running")
    }

    /// Sends the server a signal.
    pub fn signal(&self, name: &str) {
        self.serving.lock().unwrap().as_ref().expect("it is not running").signal(name);
    }

    /// Waits until the server has ended; its exit code.
    pub async fn ended(&self, patience: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            let ended = self.serving.lock().unwrap().as_mut().expect("it is not running").ended();
            if let Some(code) = ended {
                *self.serving.lock().unwrap() = None;
                return code;
            }
            assert!(start.elapsed() < patience, "the server did not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills the server, as a power cut would.
    pub fn kill(&self) {
        *self.serving.lock().unwrap() = None;
    }

    /// Puts the program's clock forward.
    pub fn advance(&self, seconds: i64) {
        let ahead = self.ahead.fetch_add(seconds, Ordering::Relaxed) + seconds;
        let (new, file) = (self.folder().join("clock.new"), self.folder().join("clock"));
        fs::write(&new, ahead.to_string()).unwrap();
        fs::rename(new, file).unwrap();
    }

    /// Runs a command of the program on this world's database.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.program.run(arguments)
    }

    /// Runs SQL on this world's database, behind the program's back; only PostgreSQL.
    ///
    /// # Errors
    /// What the database says.
    pub fn psql(&self, sql: &str) -> Result<String, String> {
        psql(&self.program.settings["DATABASE_URL"], sql)
    }

    /// Changes this world's database behind the program's back.
    ///
    /// # Errors
    /// What the database says.
    pub fn sql(&self, sql: &str) -> Result<(), String> {
        match self.backend {
            Backend::Sqlite => self.sqlite().execute_batch(sql).map_err(|error| error.to_string()),
            Backend::Postgres => self.psql(sql).map(drop),
        }
    }

    /// The number that a query gives.
    pub fn number(&self, query: &str) -> i64 {
        match self.backend {
            Backend::Sqlite => self.sqlite().query_row(query, [], |row| row.get(0)).unwrap(),
            Backend::Postgres => self.psql(query).unwrap().parse().unwrap(),
        }
    }

    /// This world's SQLite file.
    pub fn file(&self) -> &Path {
        Path::new(self.program.settings["DATABASE_URL"].strip_prefix("sqlite://").unwrap())
    }

    /// A connection of its own to this world's SQLite file.
    pub fn sqlite(&self) -> rusqlite::Connection {
        let conn = rusqlite::Connection::open(self.file()).unwrap();
        conn.busy_timeout(Duration::from_secs(10)).unwrap();
        conn
    }

    /// Takes this world's PostgreSQL database away, as a server that stops would: connections are
    /// cut, and new ones refused. Or brings it back.
    pub fn let_in(&self, anybody: bool) {
        let (server, name) = self.program.settings["DATABASE_URL"].rsplit_once('/').unwrap();
        let allow = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {anybody}");
        psql(&format!("{server}/postgres"), &allow).unwrap();
        if !anybody {
            self.cut_connections();
        }
    }

    /// Cuts all connections to this world's PostgreSQL database, as a restart of its server would.
    pub fn cut_connections(&self) {
        let (server, name) = self.program.settings["DATABASE_URL"].rsplit_once('/').unwrap();
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        psql(&format!("{server}/postgres"), &cut).unwrap();
    }

    /// The next hotel that no test has had yet.
    pub fn hotel(self: &Arc<Self>) -> Hotel {
        let index = self.next_hotel.fetch_add(1, Ordering::Relaxed);
        let hotels = self.generated["hotels"].as_array().expect("no hotels were generated");
        assert!(index < hotels.len(), "no hotel is left: raise SHARED_HOTELS");
        Hotel::new(self.clone(), &hotels[index])
    }

    /// What the log says.
    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

fn usual_settings(backend: Backend, folder: &Path) -> BTreeMap<String, String> {
    let clock = folder.join("clock").display().to_string();
    let data = folder.join("data").display().to_string();
    let usual = [
        ("DATABASE_URL", backend.new_database(folder)),
        ("DATA_DIR", data),
        ("BIND_ADDRESS", "127.0.0.1:0".to_owned()),
        ("JWT_SECRET", "only for tests: 0123456789abcdef0123456789abcdef".to_owned()),
        ("TEST_CLOCK_FILE", clock),
        ("TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
        ("ALLOWED_ORIGINS", "http://console.example, https://other.example".to_owned()),
        ("RUST_LOG", "info".to_owned()),
    ];
    usual.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn generate(program: &Program, hotels: usize, stays: usize) -> Value {
    let (hotels, stays) = (hotels.to_string(), stays.to_string());
    let sizes = ["--departments", "3", "--staff", "5", "--messages", "4", "--password", PASSWORD];
    program.run(&[&["generate", "--hotels", &hotels, "--stays", &stays][..], &sizes].concat()).json()
}

/// A log of its own beside the program, kept until the next run.
pub(crate) fn log_file(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let folder = binary().parent().unwrap().join("acceptance-logs");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}-{}.log", COUNT.fetch_add(1, Ordering::Relaxed)).to_lowercase());
    let _ = fs::remove_file(&file);
    file
}
