//! The nodes and the servers they share, with methods that kill, stop and disconnect them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use acceptance::{DatabaseKind, Port, Program, ServerProcess, TestRedis};
use rand::RngExt;
use tempfile::TempDir;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::{database::SoakDatabase, redis_proxy::RedisProxy};

/// For a node that got SIGTERM.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(12);
/// For the start of a node; the database may be unavailable for a part of it.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const START_RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Owned by the run. A drop kills all nodes and servers; so does the end of this process.
pub struct SoakCluster {
    pub program: Program,
    pub database: SoakDatabase,
    /// The cluster bus of the nodes, unless they use PostgreSQL.
    pub redis: Option<SharedRedis>,
    /// How many times all clients were disconnected.
    pub disconnects: AtomicU64,
    nodes: Vec<Arc<SoakNode>>,
    log: PathBuf,
    _folder: TempDir,
}

/// A Redis and the proxy through which all nodes connect to it.
pub struct SharedRedis {
    pub server: Mutex<TestRedis>,
    pub proxy: RedisProxy,
}

/// A node, which keeps its port over restarts.
struct SoakNode {
    port: Port,
    server: Mutex<Option<ServerProcess>>,
}

impl SharedRedis {
    async fn start() -> Self {
        let server = TestRedis::start();
        let proxy = RedisProxy::start(server.address()).await;
        Self { server: server.into(), proxy }
    }
}

impl SoakCluster {
    /// Creates an empty database and nodes that are not started. Their log is beside the binary.
    pub async fn create(kind: DatabaseKind, with_redis: bool, log: &Path) -> Self {
        let folder = TempDir::with_prefix("mm-soak-").unwrap();
        // PostgreSQL runs as another user, who needs access to its folder.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let database = SoakDatabase::start(kind, folder.path());
        let redis = if with_redis { Some(SharedRedis::start().await) } else { None };
        let mut settings = BTreeMap::from([
            ("DATABASE_URL".to_owned(), database.url()),
            ("JWT_SECRET".to_owned(), "only for tests: 0123456789abcdef0123456789abcdef".to_owned()),
            ("RUST_LOG".to_owned(), "info".to_owned()),
        ]);
        if let Some(redis) = &redis {
            settings.insert("REDIS_URL".to_owned(), format!("redis://127.0.0.1:{}", redis.proxy.port));
        }
        let program = Program { folder: folder.path().to_owned(), settings, through: vec![] };
        let migrated = program.run(&["migrate"]);
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
        let node = |_| Arc::new(SoakNode { port: Port::free(), server: Mutex::default() });
        let nodes = (0..database.node_count()).map(node).collect();
        let log = acceptance::binary().parent().unwrap().join(log);
        let _ = std::fs::remove_file(&log);
        Self { program, database, redis, disconnects: AtomicU64::new(0), nodes, log, _folder: folder }
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The address of a random node, even of one that is stopped: like a load balancer before its next health check.
    pub fn any_address(&self) -> String {
        self.nodes[rand::rng().random_range(0..self.nodes.len())].port.address()
    }

    /// Kills a node, as a power cut would.
    pub async fn kill_node(&self, node: usize) {
        let node = self.nodes[node].clone();
        spawn_blocking(move || *node.server.lock().unwrap() = None).await.unwrap();
    }

    /// Sends a node a signal, such as `STOP`.
    pub fn signal_node(&self, node: usize, name: &str) {
        if let Some(server) = &*self.nodes[node].server.lock().unwrap() {
            server.signal(name);
        }
    }

    /// Sends SIGTERM and waits for the end. Returns `false` if the node had to be killed after a timeout.
    pub async fn stop_node(&self, node: usize) -> bool {
        self.signal_node(node, "TERM");
        let node = self.nodes[node].clone();
        let stopped = spawn_blocking(move || {
            let start = std::time::Instant::now();
            let mut server = node.server.lock().unwrap();
            while start.elapsed() < SHUTDOWN_TIMEOUT {
                if server.as_mut().is_none_or(|it| it.exit_code().is_some()) {
                    *server = None;
                    return true;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            *server = None;
            false
        });
        stopped.await.unwrap()
    }

    /// Starts a node if it is not running. Retries while the database is unavailable.
    pub async fn start_node(&self, node: usize) {
        let start = Instant::now();
        loop {
            let (node, mut program, log) = (self.nodes[node].clone(), self.program.clone(), self.log.clone());
            program.settings.insert("BIND_ADDRESS".to_owned(), node.port.address());
            let started = spawn_blocking(move || {
                let mut server = node.server.lock().unwrap();
                if server.is_none() {
                    *server = program.try_serve(&[], &log).ok();
                }
                server.is_some()
            });
            if started.await.unwrap() {
                return;
            }
            assert!(start.elapsed() < START_TIMEOUT, "a node does not start: {}", self.log.display());
            sleep(START_RETRY_INTERVAL).await;
        }
    }

    /// Ends all faults: the proxy passes data on, and all nodes run.
    pub async fn repair_all(&self) {
        if let Some(redis) = &self.redis {
            redis.proxy.set_blocked(false);
        }
        for node in 0..self.nodes.len() {
            self.signal_node(node, "CONT");
            self.start_node(node).await;
        }
    }
}
