//! The fault program, for a minute, and shorter on SQLite: `make soak` runs it longer.

use std::process::Command;

use acceptance::{Backend, Redis, binary};

/// Runs it, and looks that each of these things went wrong at least once.
fn soak(arguments: &[&str], faults: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soak"));
    command.args(arguments).env("MESSAGE_MANAGER_BIN", binary());
    if let Ok(seed) = std::env::var("SOAK_SEED") {
        command.args(["--seed", &seed]);
    }
    let done = command.output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    println!("{told}");
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
    for fault in faults {
        let times = |line: &str| line.trim().strip_suffix(fault)?.trim().parse::<usize>().ok();
        assert!(told.lines().find_map(times) >= Some(1), "there were no {fault}: {told}");
    }
}

/// What can go wrong with any nodes.
const OF_NODES: [&str; 4] = ["rolling restarts", "nodes killed", "nodes at a standstill", "clients cut off"];

#[test]
fn a_minute_of_faults_loses_doubles_misorders_and_leaks_nothing() {
    if Backend::Postgres.is_there() && Redis::is_there() {
        let of_servers = ["PostgreSQL stopped", "Redis stopped and emptied", "Redis cut off"];
        soak(&["--seconds", "60"], &[&OF_NODES[..], &of_servers].concat());
    }
}

#[test]
fn nor_do_those_of_the_only_node_on_sqlite() {
    soak(&["--seconds", "20", "--database", "sqlite"], &OF_NODES);
}

#[test]
fn half_a_minute_of_faults_loses_and_doubles_nothing_that_guests_write_or_are_sent() {
    soak(&["--seconds", "30", "--database", "sqlite", "--whatsapp"], &OF_NODES);
}
