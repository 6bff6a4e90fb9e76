//! What goes wrong.

use std::{collections::BTreeMap, fmt, sync::atomic::Ordering::Relaxed, time::Duration};

use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::cluster::Cluster;

/// How often each fault happened.
pub type Faults = BTreeMap<Fault, usize>;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// All nodes are replaced, one after another, by SIGTERM.
    RollingRestart,
    /// A node is killed by SIGKILL.
    NodeKilled,
    /// A node stands still for some seconds.
    NodeStopped,
    /// PostgreSQL is stopped for ten seconds.
    PostgresAway,
    /// Redis is stopped for some seconds, and comes back empty.
    RedisAway,
    /// What is sent between the nodes and Redis goes nowhere for some seconds.
    RedisCutOff,
    /// All clients lose their connections.
    ClientsCutOff,
}

const ALL: [Fault; 7] = [
    Fault::RollingRestart,
    Fault::NodeKilled,
    Fault::NodeStopped,
    Fault::PostgresAway,
    Fault::RedisAway,
    Fault::RedisCutOff,
    Fault::ClientsCutOff,
];

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RollingRestart => "rolling restarts",
            Self::NodeKilled => "nodes killed",
            Self::NodeStopped => "nodes at a standstill",
            Self::PostgresAway => "PostgreSQL stopped",
            Self::RedisAway => "Redis stopped and emptied",
            Self::RedisCutOff => "Redis cut off",
            Self::ClientsCutOff => "clients cut off",
        })
    }
}

/// Lets one thing after another go wrong, each as often as any other, until the time is over.
pub async fn go_wrong(cluster: &Cluster, end: Instant, random: &mut StdRng) -> Faults {
    let mut happened = Faults::new();
    let mut next = Vec::new();
    while Instant::now() < end {
        sleep(Duration::from_millis(random.random_range(500..2_000))).await;
        if next.is_empty() {
            next = ALL.to_vec();
            next.shuffle(random);
        }
        let Some(fault) = next.pop() else { continue };
        let (node, while_it_lasts) = (random.random_range(0..cluster.nodes()), random.random_range(1_000..4_000));
        happen(cluster, fault, node, Duration::from_millis(while_it_lasts)).await;
        *happened.entry(fault).or_default() += 1;
    }
    happened
}

async fn happen(cluster: &Cluster, fault: Fault, node: usize, time: Duration) {
    match fault {
        Fault::RollingRestart => {
            for node in 0..cluster.nodes() {
                assert!(cluster.end(node).await, "a node did not end within twelve seconds of SIGTERM");
                cluster.begin(node).await;
            }
        }
        Fault::NodeKilled => {
            cluster.kill(node).await;
            sleep(time).await;
            cluster.begin(node).await;
        }
        Fault::NodeStopped => {
            cluster.signal(node, "STOP");
            sleep(time).await;
            cluster.signal(node, "CONT");
        }
        Fault::PostgresAway => {
            let postgres = cluster.postgres.clone();
            spawn_blocking(move || postgres.end()).await.unwrap();
            sleep(Duration::from_secs(10)).await;
            let postgres = cluster.postgres.clone();
            spawn_blocking(move || postgres.begin()).await.unwrap();
        }
        Fault::RedisAway => {
            cluster.redis.lock().unwrap().end();
            sleep(time).await;
            cluster.redis.lock().unwrap().begin();
        }
        Fault::RedisCutOff => {
            cluster.line.set_cut(true);
            sleep(time).await;
            cluster.line.set_cut(false);
        }
        Fault::ClientsCutOff => {
            cluster.cuts.fetch_add(1, Relaxed);
        }
    }
}
