//! What goes wrong.

use std::{collections::BTreeMap, fmt, sync::atomic::Ordering::Relaxed, time::Duration};

use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::{cluster::Cluster, database::Database};

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

/// Lets one thing after another go wrong, each as often as any other, until the time is over; each once at least.
pub async fn go_wrong(cluster: &Cluster, end: Instant, random: &mut StdRng) -> Faults {
    let mut happened = Faults::new();
    let mut is_first = true;
    loop {
        let mut faults = ALL;
        faults.shuffle(random);
        for fault in faults {
            if !is_first && Instant::now() >= end {
                return happened;
            }
            let (node, while_it_lasts) = (random.random_range(0..cluster.nodes()), random.random_range(1_000..4_000));
            let rest = Duration::from_millis(random.random_range(200..1_000));
            if happen(cluster, fault, node, Duration::from_millis(while_it_lasts)).await {
                *happened.entry(fault).or_default() += 1;
                sleep(rest).await;
            }
        }
        is_first = false;
    }
}

/// Lets it happen, until it is over; false where there is nothing to which it could.
async fn happen(cluster: &Cluster, fault: Fault, node: usize, time: Duration) -> bool {
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
            let Database::Postgres(postgres) = &cluster.database else { return false };
            let (ends, begins) = (postgres.clone(), postgres.clone());
            spawn_blocking(move || ends.end()).await.unwrap();
            sleep(Duration::from_secs(10)).await;
            spawn_blocking(move || begins.begin()).await.unwrap();
        }
        Fault::RedisAway => {
            let Some(redis) = &cluster.redis else { return false };
            redis.server.lock().unwrap().stop();
            sleep(time).await;
            redis.server.lock().unwrap().start_again();
        }
        Fault::RedisCutOff => {
            let Some(redis) = &cluster.redis else { return false };
            redis.line.set_cut(true);
            sleep(time).await;
            redis.line.set_cut(false);
        }
        Fault::ClientsCutOff => {
            cluster.cuts.fetch_add(1, Relaxed);
        }
    }
    true
}
