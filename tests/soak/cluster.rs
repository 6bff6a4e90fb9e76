//! The nodes, what they share, and ways to hurt both.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use acceptance::{Port, Program, Redis, Serving};
use rand::RngExt;
use tempfile::TempDir;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::{
    database::{Database, Kind},
    lines::Line,
};

/// How long a node may take to end when asked.
const GOODBYE: Duration = Duration::from_secs(12);
/// How long a node may fail to start.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Cluster {
    /// How the program is run.
    pub program: Program,
    pub database: Database,
    /// Where the nodes wake each other through one.
    pub redis: Option<SharedRedis>,
    /// Counts how often clients were cut off.
    pub cuts: AtomicU64,
    nodes: Vec<Arc<Node>>,
    log: PathBuf,
    _folder: TempDir,
}

/// A Redis, and the line of all nodes to it.
pub struct SharedRedis {
    pub server: Mutex<Redis>,
    pub line: Line,
}

/// A node, always on the same port.
struct Node {
    port: Port,
    serving: Mutex<Option<Serving>>,
}

impl SharedRedis {
    async fn start() -> Self {
        let server = Redis::start();
        let line = Line::to(server.address()).await;
        Self { server: server.into(), line }
    }
}

impl Cluster {
    /// An empty database, and nodes that do not run yet. Their log is beside the program.
    pub async fn start(kind: Kind, with_redis: bool, log: &Path) -> Self {
        let folder = TempDir::with_prefix("mm-soak-").unwrap();
        // PostgreSQL runs as another user, who has to get to its folder.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let database = Database::start(kind, folder.path());
        let redis = if with_redis { Some(SharedRedis::start().await) } else { None };
        let mut settings = BTreeMap::from([
            ("DATABASE_URL".to_owned(), database.url()),
            ("JWT_SECRET".to_owned(), "only for tests: 0123456789abcdef0123456789abcdef".to_owned()),
            ("RUST_LOG".to_owned(), "info".to_owned()),
        ]);
        if let Some(redis) = &redis {
            settings.insert("REDIS_URL".to_owned(), format!("redis://127.0.0.1:{}", redis.line.port));
        }
        let program = Program { folder: folder.path().to_owned(), settings, through: vec![] };
        let migrated = program.run(&["migrate"]);
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
        let node = |_| Arc::new(Node { port: Port::free(), serving: Mutex::default() });
        let nodes = (0..database.nodes()).map(node).collect();
        let log = acceptance::binary().parent().unwrap().join(log);
        let _ = std::fs::remove_file(&log);
        Self { program, database, redis, cuts: AtomicU64::new(0), nodes, log, _folder: folder }
    }

    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The address of any node, whether it runs or not: as a balancer that has not noticed yet.
    pub fn any(&self) -> String {
        self.nodes[rand::rng().random_range(0..self.nodes.len())].port.address()
    }

    /// Kills a node, as a power cut would.
    pub async fn kill(&self, node: usize) {
        let node = self.nodes[node].clone();
        spawn_blocking(move || *node.serving.lock().unwrap() = None).await.unwrap();
    }

    /// Sends a node a signal.
    pub fn signal(&self, node: usize, name: &str) {
        if let Some(serving) = &*self.nodes[node].serving.lock().unwrap() {
            serving.signal(name);
        }
    }

    /// Asks a node to end, and waits until it has; whether it did by itself.
    pub async fn end(&self, node: usize) -> bool {
        self.signal(node, "TERM");
        let node = self.nodes[node].clone();
        let ended = spawn_blocking(move || {
            let began = std::time::Instant::now();
            let mut serving = node.serving.lock().unwrap();
            while began.elapsed() < GOODBYE {
                if serving.as_mut().is_none_or(|it| it.ended().is_some()) {
                    *serving = None;
                    return true;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            *serving = None;
            false
        });
        ended.await.unwrap()
    }

    /// Starts a node that does not run; again and again while the database is away.
    pub async fn begin(&self, node: usize) {
        let start = Instant::now();
        loop {
            let (node, mut program, log) = (self.nodes[node].clone(), self.program.clone(), self.log.clone());
            program.settings.insert("BIND_ADDRESS".to_owned(), node.port.address());
            let began = spawn_blocking(move || {
                let mut serving = node.serving.lock().unwrap();
                if serving.is_none() {
                    *serving = program.try_serve(&[], &log).ok();
                }
                serving.is_some()
            });
            if began.await.unwrap() {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "a node does not start: {}", self.log.display());
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Mends everything: all nodes run.
    pub async fn all_well(&self) {
        if let Some(redis) = &self.redis {
            redis.line.set_cut(false);
        }
        for node in 0..self.nodes.len() {
            self.signal(node, "CONT");
            self.begin(node).await;
        }
    }
}
