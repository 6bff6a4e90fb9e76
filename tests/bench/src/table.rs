//! The table of results, as Markdown.

use std::process::Command;

use crate::databases;

pub struct BenchRow {
    /// The name of the measurement.
    pub what: String,
    pub product: String,
    pub baseline: String,
    /// The median of the ratios, with the least and the greatest of single rounds.
    pub ratio: String,
    /// The goal.
    pub required: String,
    /// `None` if there is no goal.
    pub reached: Option<bool>,
}

/// Prints machine and versions and the head of the table.
pub fn print_head(quick: bool) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("Machine: {cores} cores, {} MiB, Linux {}", memory.unwrap_or_default() / 1024, kernel.trim());
    println!("Versions: {}, {}", output_of("rustc", "--version"), output_of("git", "describe --always --dirty"));
    match databases::postgres().and_then(|_| std::env::var("MM_TEST_PSQL").ok()) {
        Some(psql) => println!("PostgreSQL: {}, durable, on the same machine", output_of(&psql, "--version")),
        None => println!("PostgreSQL: none here; its rows are left out"),
    }
    println!("Client, server and database share the cores. Rounds of product and baseline alternate; figures are");
    println!("medians of them, and beside the ratio stands the least and the greatest of single rounds.");
    if quick {
        println!("Quick: short rounds, less data; not to be quoted.");
    }
    println!("\n| what | product | baseline | ratio | required | |\n|---|---|---|---|---|---|");
}

impl BenchRow {
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

fn output_of(program: &str, arguments: &str) -> String {
    let output = Command::new(program).args(arguments.split(' ')).output();
    output.map_or_else(|_| "unknown".into(), |it| String::from_utf8_lossy(&it.stdout).trim().to_owned())
}
