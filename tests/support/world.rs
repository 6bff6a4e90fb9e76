//! A running server with a database of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    CommandOutput, DatabaseKind, Program, TestHotel,
    database::{psql, sqlite_file},
    program::{ServerProcess, binary, default_settings},
    template::TemplateDatabase,
};

/// The hotels of the shared world: at least one for each test on it.
const SHARED_HOTELS: usize = 500;

/// What a world contains, and how its server is started.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// Generated hotels; with 0 the database stays empty.
    pub hotels: usize,
    /// Stays of each hotel: one half in relay, the other active.
    pub stays: usize,
    /// Settings besides the default ones, which they override.
    pub settings: Vec<(String, String)>,
    /// The arguments of `serve`.
    pub arguments: Vec<String>,
    /// A program with arguments that starts the binary, such as `prlimit`; usually empty.
    pub through: Vec<String>,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self { hotels: 2, stays: 6, settings: Vec::new(), arguments: vec!["--demo".into()], through: Vec::new() }
    }
}

impl WorldOptions {
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    pub fn hotels(mut self, hotels: usize) -> Self {
        self.hotels = hotels;
        self
    }

    pub fn stays(mut self, stays: usize) -> Self {
        self.stays = stays;
        self
    }

    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(ToString::to_string).collect();
        self
    }
}

/// A running server with a database of its own.
///
/// Owned by the tests that use it. A drop kills the server and removes its folder; a PostgreSQL database stays until the
/// PostgreSQL server is removed.
#[derive(Debug)]
pub struct TestWorld {
    pub backend: DatabaseKind,
    pub program: Program,
    /// The server's log, kept after the test.
    pub log: PathBuf,
    /// The output of `generate`; null if the database was left empty.
    pub generated: Value,
    folder: TempDir,
    arguments: Vec<String>,
    server: Mutex<Option<ServerProcess>>,
    base: Mutex<String>,
    /// Seconds by which the test clock is ahead.
    ahead: AtomicI64,
    next_hotel: AtomicUsize,
}

impl TestWorld {
    /// The world that most tests share. The first of them starts it.
    pub fn shared(backend: DatabaseKind) -> Arc<Self> {
        static SHARED: [OnceLock<Arc<TestWorld>>; 2] = [OnceLock::new(), OnceLock::new()];
        let options = WorldOptions::default().hotels(SHARED_HOTELS);
        SHARED[backend as usize].get_or_init(|| Self::start(backend, options)).clone()
    }

    /// Creates a filled database and starts a server on it.
    pub fn start(backend: DatabaseKind, options: WorldOptions) -> Arc<Self> {
        let world = Self::prepare(backend, options);
        world.serve();
        world
    }

    /// Starts another server on the same database.
    pub fn another_node(&self) -> Arc<Self> {
        let folder = TempDir::with_prefix("mm-node-").unwrap();
        let node = Self::new(self.backend, self.program.clone(), folder, self.arguments.clone(), Value::Null);
        node.serve();
        node
    }

    /// Creates a filled database without starting a server.
    pub fn prepare(backend: DatabaseKind, options: WorldOptions) -> Arc<Self> {
        let folder = TempDir::with_prefix("mm-world-").unwrap();
        let (url, generated) = match options.hotels {
            0 => (backend.create_database(folder.path()), Value::Null),
            hotels => {
                let template = TemplateDatabase::of_size(backend, hotels, options.stays);
                (template.copy(folder.path()), template.generated.clone())
            }
        };
        let mut settings = default_settings(&url, folder.path());
        settings.extend(options.settings);
        let program = Program { folder: folder.path().to_owned(), settings, through: options.through };
        Self::new(backend, program, folder, options.arguments, generated)
    }

    fn new(
        backend: DatabaseKind,
        program: Program,
        folder: TempDir,
        arguments: Vec<String>,
        generated: Value,
    ) -> Arc<Self> {
        Arc::new(Self {
            backend,
            program,
            log: log_file(&format!("{backend:?}")),
            generated,
            folder,
            arguments,
            server: Mutex::default(),
            base: Mutex::default(),
            ahead: AtomicI64::new(0),
            next_hotel: AtomicUsize::new(0),
        })
    }

    /// Starts the server. If it ran before, it gets the same port.
    pub fn serve(&self) {
        let mut program = self.program.clone();
        let base = self.base();
        if let Some(address) = base.strip_prefix("http://") {
            program.settings.insert("BIND_ADDRESS".into(), address.into());
        }
        let server = program.serve(&self.arguments, &self.log);
        *self.base.lock().unwrap() = server.base.clone();
        *self.server.lock().unwrap() = Some(server);
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        self.base.lock().unwrap().clone()
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.base().trim_start_matches("http://").to_owned()
    }

    /// The working directory of the program.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The lines that `serve` has printed on standard output.
    pub fn server_output(&self) -> Vec<String> {
        self.server.lock().unwrap().as_ref().map(ServerProcess::output).unwrap_or_default()
    }

    pub fn process_id(&self) -> u32 {
        self.server.lock().unwrap().as_ref().map(ServerProcess::id).expect("the server is not running")
    }

    /// Sends the server a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        self.server.lock().unwrap().as_ref().expect("the server is not running").signal(name);
    }

    /// Waits until the server has ended by itself. Returns its exit code.
    pub async fn wait_for_exit(&self, limit: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            let exit = self.server.lock().unwrap().as_mut().expect("the server is not running").exit_code();
            if let Some(code) = exit {
                *self.server.lock().unwrap() = None;
                return code;
            }
            assert!(start.elapsed() < limit, "the server did not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills the server, as a power cut would.
    pub fn kill(&self) {
        *self.server.lock().unwrap() = None;
    }

    /// Advances the server's clock.
    pub fn advance(&self, seconds: i64) {
        let ahead = self.ahead.fetch_add(seconds, Ordering::Relaxed) + seconds;
        let (new, file) = (self.folder().join("clock.new"), self.folder().join("clock"));
        fs::write(&new, ahead.to_string()).unwrap();
        fs::rename(new, file).unwrap();
    }

    /// Runs a command of the program on this world's database.
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.program.run(arguments)
    }

    /// Runs SQL directly on this world's PostgreSQL database. Returns the output, or the database's error.
    pub fn psql(&self, sql: &str) -> Result<String, String> {
        psql(self.database_url(), sql)
    }

    /// Runs SQL that returns nothing directly on this world's database. Fails with the database's error.
    pub fn sql(&self, sql: &str) -> Result<(), String> {
        match self.backend {
            DatabaseKind::Sqlite => self.sqlite().execute_batch(sql).map_err(|error| error.to_string()),
            DatabaseKind::Postgres => self.psql(sql).map(drop),
        }
    }

    /// Returns the number that a query selects.
    pub fn number(&self, query: &str) -> i64 {
        match self.backend {
            DatabaseKind::Sqlite => self.sqlite().query_row(query, [], |row| row.get(0)).unwrap(),
            DatabaseKind::Postgres => self.psql(query).unwrap().parse().unwrap(),
        }
    }

    /// This world's SQLite file.
    pub fn file(&self) -> &Path {
        sqlite_file(self.database_url())
    }

    /// Opens a connection of the test's own to this world's SQLite file.
    pub fn sqlite(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.file()).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }

    /// Makes this world's PostgreSQL database unavailable, as if its server had stopped: connections are cut, and new
    /// ones refused. Or makes it available again.
    pub fn set_reachable(&self, reachable: bool) {
        let (server, name) = self.database_url().rsplit_once('/').unwrap();
        let allow = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {reachable}");
        psql(&format!("{server}/postgres"), &allow).unwrap();
        if !reachable {
            self.cut_connections();
        }
    }

    /// Cuts all connections to this world's PostgreSQL database, as a restart of its server would.
    pub fn cut_connections(&self) {
        let (server, name) = self.database_url().rsplit_once('/').unwrap();
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        psql(&format!("{server}/postgres"), &cut).unwrap();
    }

    fn database_url(&self) -> &str {
        &self.program.settings["DATABASE_URL"]
    }

    /// Returns a hotel that no test has used.
    pub fn hotel(self: &Arc<Self>) -> TestHotel {
        let index = self.next_hotel.fetch_add(1, Ordering::Relaxed);
        let hotels = self.generated["hotels"].as_array().expect("no hotels were generated");
        assert!(index < hotels.len(), "no hotel is left: raise SHARED_HOTELS");
        TestHotel::new(self.clone(), &hotels[index])
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Returns a new log file beside the binary. It is kept until the next run.
pub(crate) fn log_file(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let folder = binary().parent().unwrap().join("acceptance-logs");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}-{}.log", COUNT.fetch_add(1, Ordering::Relaxed)).to_lowercase());
    let _ = fs::remove_file(&file);
    file
}
