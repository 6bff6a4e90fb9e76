//! Fault injection: in a random order, every fault as often as the others.

use std::{collections::BTreeMap, fmt, sync::atomic::Ordering::Relaxed, time::Duration};

use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::{cluster::SoakCluster, database::SoakDatabase};

/// How many times each fault was injected.
pub type FaultCounts = BTreeMap<InjectedFault, usize>;

/// How long PostgreSQL stays stopped.
const POSTGRES_OUTAGE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InjectedFault {
    /// All nodes are restarted one after another, with SIGTERM.
    RollingRestart,
    /// A node is killed with SIGKILL and started again.
    NodeKilled,
    /// A node is stopped with SIGSTOP and continued.
    NodeStopped,
    /// PostgreSQL is stopped and started again.
    PostgresStopped,
    /// Redis is killed and started again, empty.
    RedisStopped,
    /// Data between the nodes and Redis does not arrive.
    RedisBlocked,
    /// All clients lose their connections.
    ClientsDisconnected,
}

const ALL: [InjectedFault; 7] = [
    InjectedFault::RollingRestart,
    InjectedFault::NodeKilled,
    InjectedFault::NodeStopped,
    InjectedFault::PostgresStopped,
    InjectedFault::RedisStopped,
    InjectedFault::RedisBlocked,
    InjectedFault::ClientsDisconnected,
];

impl fmt::Display for InjectedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RollingRestart => "rolling restarts",
            Self::NodeKilled => "nodes killed",
            Self::NodeStopped => "nodes at a standstill",
            Self::PostgresStopped => "PostgreSQL stopped",
            Self::RedisStopped => "Redis stopped and emptied",
            Self::RedisBlocked => "Redis cut off",
            Self::ClientsDisconnected => "clients cut off",
        })
    }
}

/// Injects one fault after another until `end`, each of them at least once.
pub async fn inject_faults(cluster: &SoakCluster, end: Instant, random: &mut StdRng) -> FaultCounts {
    let mut counts = FaultCounts::new();
    let mut is_first_round = true;
    loop {
        let mut faults = ALL;
        faults.shuffle(random);
        for fault in faults {
            if !is_first_round && Instant::now() >= end {
                return counts;
            }
            let (node, duration) = (random.random_range(0..cluster.node_count()), random.random_range(1_000..4_000));
            let pause = Duration::from_millis(random.random_range(200..1_000));
            if inject(cluster, fault, node, Duration::from_millis(duration)).await {
                *counts.entry(fault).or_default() += 1;
                sleep(pause).await;
            }
        }
        is_first_round = false;
    }
}

/// Injects a fault and repairs it. Returns `false` if the cluster does not have the part that would fail.
async fn inject(cluster: &SoakCluster, fault: InjectedFault, node: usize, duration: Duration) -> bool {
    match fault {
        InjectedFault::RollingRestart => {
            for node in 0..cluster.node_count() {
                assert!(cluster.stop_node(node).await, "a node did not end within twelve seconds of SIGTERM");
                cluster.start_node(node).await;
            }
        }
        InjectedFault::NodeKilled => {
            cluster.kill_node(node).await;
            sleep(duration).await;
            cluster.start_node(node).await;
        }
        InjectedFault::NodeStopped => {
            cluster.signal_node(node, "STOP");
            sleep(duration).await;
            cluster.signal_node(node, "CONT");
        }
        InjectedFault::PostgresStopped => {
            let SoakDatabase::Postgres(postgres) = &cluster.database else { return false };
            let (to_stop, to_start) = (postgres.clone(), postgres.clone());
            spawn_blocking(move || to_stop.stop()).await.unwrap();
            sleep(POSTGRES_OUTAGE).await;
            spawn_blocking(move || to_start.start_again()).await.unwrap();
        }
        InjectedFault::RedisStopped => {
            let Some(redis) = &cluster.redis else { return false };
            redis.server.lock().unwrap().stop();
            sleep(duration).await;
            redis.server.lock().unwrap().start_again();
        }
        InjectedFault::RedisBlocked => {
            let Some(redis) = &cluster.redis else { return false };
            redis.proxy.set_blocked(true);
            sleep(duration).await;
            redis.proxy.set_blocked(false);
        }
        InjectedFault::ClientsDisconnected => {
            cluster.disconnects.fetch_add(1, Relaxed);
        }
    }
    true
}
