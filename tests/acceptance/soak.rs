//! Short soak runs with fault injection. `make soak` runs longer ones.

use std::process::Command;

use acceptance::{DatabaseKind, TestRedis, binary};

/// Runs the soak program; fails unless each of these faults was injected at least once.
fn run_soak(arguments: &[&str], faults: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soak"));
    command.args(arguments).env("MESSAGE_MANAGER_BIN", binary());
    if let Ok(seed) = std::env::var("SOAK_SEED") {
        command.args(["--seed", &seed]);
    }
    let finished = command.output().unwrap();
    let output = String::from_utf8_lossy(&finished.stdout);
    println!("{output}");
    assert!(finished.status.success(), "{output}{}", String::from_utf8_lossy(&finished.stderr));
    for fault in faults {
        let times = |line: &str| line.trim().strip_suffix(fault)?.trim().parse::<usize>().ok();
        assert!(output.lines().find_map(times) >= Some(1), "there were no {fault}: {output}");
    }
}

/// Faults that every setup can inject.
const NODE_FAULTS: [&str; 4] = ["rolling restarts", "nodes killed", "nodes at a standstill", "clients cut off"];

#[test]
fn one_minute_of_faults_on_postgresql_and_redis() {
    if DatabaseKind::Postgres.is_available() && TestRedis::is_available() {
        let server_faults = ["PostgreSQL stopped", "Redis stopped and emptied", "Redis cut off"];
        run_soak(&["--seconds", "60"], &[&NODE_FAULTS[..], &server_faults].concat());
    }
}

#[test]
fn twenty_seconds_of_faults_on_sqlite() {
    run_soak(&["--seconds", "20", "--database", "sqlite"], &NODE_FAULTS);
}

#[test]
fn thirty_seconds_of_faults_with_whatsapp() {
    run_soak(&["--seconds", "30", "--database", "sqlite", "--whatsapp"], &NODE_FAULTS);
}
