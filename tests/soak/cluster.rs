//! Three nodes, the servers that they share, and ways to hurt both.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use acceptance::{Program, Serving};
use rand::RngExt;
use tempfile::TempDir;
use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    lines::Line,
    servers::{Postgres, Redis, free_port},
};

const NODES: usize = 3;
/// How long a node may take to end when asked.
const GOODBYE: Duration = Duration::from_secs(12);

pub struct Cluster {
    /// How the program is run.
    pub program: Program,
    pub postgres: Arc<Postgres>,
    pub redis: Mutex<Redis>,
    pub line: Line,
    /// Counts how often clients were cut off.
    pub cuts: AtomicU64,
    nodes: Vec<Arc<Node>>,
    log: PathBuf,
    _folder: TempDir,
}

/// A node, always on the same port.
struct Node {
    address: String,
    serving: Mutex<Option<Serving>>,
}

impl Cluster {
    pub async fn start(with_redis: bool) -> Self {
        let folder = TempDir::with_prefix("mm-soak-").unwrap();
        // PostgreSQL runs as another user, who has to get to its folder.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let postgres = Postgres::start(folder.path());
        let redis = Redis::start();
        let line = Line::to(redis.port).await;
        let mut settings = BTreeMap::from([
            ("DATABASE_URL".to_owned(), postgres.url()),
            ("JWT_SECRET".to_owned(), "only for tests: 0123456789abcdef0123456789abcdef".to_owned()),
            ("RUST_LOG".to_owned(), "info".to_owned()),
        ]);
        if with_redis {
            settings.insert("REDIS_URL".to_owned(), format!("redis://127.0.0.1:{}", line.port));
        }
        let program = Program { folder: folder.path().to_owned(), settings, through: vec![] };
        let node = |_| Arc::new(Node { address: format!("127.0.0.1:{}", free_port()), serving: Mutex::default() });
        let log = acceptance::binary().parent().unwrap().join("soak.log");
        let _ = std::fs::remove_file(&log);
        let it = Self {
            program,
            postgres: postgres.into(),
            redis: redis.into(),
            line,
            cuts: AtomicU64::new(0),
            nodes: (0..NODES).map(node).collect(),
            log,
            _folder: folder,
        };
        let migrated = it.program.run(&["migrate"]);
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
        it.all_well().await;
        it
    }

    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The address of any node, whether it runs or not: as a balancer that has not noticed yet.
    pub fn any(&self) -> String {
        self.nodes[rand::rng().random_range(0..self.nodes.len())].address.clone()
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
        loop {
            let (node, mut program, log) = (self.nodes[node].clone(), self.program.clone(), self.log.clone());
            program.settings.insert("BIND_ADDRESS".to_owned(), node.address.clone());
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
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Mends everything: all nodes run.
    pub async fn all_well(&self) {
        self.line.set_cut(false);
        for node in 0..self.nodes.len() {
            self.signal(node, "CONT");
            self.begin(node).await;
        }
    }
}
