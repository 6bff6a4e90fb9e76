//! The fault program, for a minute: `make soak` runs it longer.

use std::process::Command;

use acceptance::binary;

/// Runs it on one of the ways by which nodes wake each other.
fn soak(bus: &str) {
    if std::env::var_os("MM_TEST_POSTGRES_URL").is_none() {
        assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "MM_TEST_POSTGRES_URL is not set");
        return println!("skipped: there is no PostgreSQL (run it through tests/with-servers.sh)");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_soak"));
    command.args(["--seconds", "60", "--bus", bus]).env("MESSAGE_MANAGER_BIN", binary());
    if let Ok(seed) = std::env::var("SOAK_SEED") {
        command.args(["--seed", &seed]);
    }
    let done = command.output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    println!("{told}");
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_minute_of_faults_loses_doubles_misorders_and_leaks_nothing() {
    soak("redis");
}
