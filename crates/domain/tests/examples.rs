//! The examples run, and the crate stays small.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

#[path = "../examples/conversation.rs"]
mod conversation;
#[path = "../examples/flow.rs"]
mod flow;
#[path = "../examples/values.rs"]
mod values;

#[test]
fn the_examples_run() {
    conversation::main().unwrap();
    values::main().unwrap();
    flow::main();
}

/// Other programs depend on this crate, so it must not bring many others.
#[test]
fn the_crate_brings_fewer_than_30_crates() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = ["tree", "--package", "domain", "--edges", "normal", "--prefix", "none", "--offline"];
    let output = Command::new(cargo).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut crates: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    crates.sort_unstable();
    crates.dedup();
    assert!((5..30).contains(&crates.len()), "{crates:?}");
}
