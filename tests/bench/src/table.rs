//! What is printed.

use std::process::Command;

use crate::databases;

/// What a row says.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The product's figure.
    pub product: String,
    /// The baseline's.
    pub baseline: String,
    /// What was compared, and between which values it lay in single rounds.
    pub ratio: String,
    /// What has to be reached.
    pub required: String,
    /// Whether it was; `None` where nothing is required.
    pub reached: Option<bool>,
}

/// Says on what all was measured, and begins the table.
pub fn begin(quick: bool) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("Machine: {cores} cores, {} MiB, Linux {}", memory.unwrap_or_default() / 1024, kernel.trim());
    println!("Versions: {}, {}", said_by("rustc", "--version"), said_by("git", "describe --always --dirty"));
    match databases::postgres().and_then(|_| std::env::var("MM_TEST_PSQL").ok()) {
        Some(psql) => println!("PostgreSQL: {}, durable, on the same machine", said_by(&psql, "--version")),
        None => println!("PostgreSQL: none here; its rows are left out"),
    }
    println!("Client, server and database share the cores. Rounds of product and baseline alternate; figures are");
    println!("medians of them, and beside the ratio stands the least and the greatest of single rounds.");
    if quick {
        println!("Quick: short rounds, less data; not to be quoted.");
    }
    println!("\n| what | product | baseline | ratio | required | |\n|---|---|---|---|---|---|");
}

impl Row {
    /// Prints it at once: the next one takes its time.
    pub fn print(&self) {
        let Self { what, product, baseline, ratio, required, reached } = self;
        let verdict = match reached {
            Some(true) => "ok",
            Some(false) => "NOT",
            None => "",
        };
        println!("| {what} | {product} | {baseline} | {ratio} | {required} | {verdict} |");
    }
}

fn said_by(program: &str, arguments: &str) -> String {
    let output = Command::new(program).args(arguments.split(' ')).output();
    output.map_or_else(|_| "unknown".into(), |it| String::from_utf8_lossy(&it.stdout).trim().to_owned())
}
