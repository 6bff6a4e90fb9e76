//! The rows of the table.

mod crossing;
mod fanout;
mod growth;
mod hostile;
mod inbox;
mod latency;
mod memory;
mod nodes;
mod noisy;
mod pages;
mod reports;
mod restart;
mod search;
mod sends;
mod sign_in;
mod whatsapp;

use std::{fmt, path::PathBuf, time::Duration};

use crate::{
    BenchResult,
    load::{LoadPace, Round, RoundReport},
    processes::{ChildProcess, RoundProcess},
    table::{self, BenchRow},
};

/// The scale of a run.
pub struct Bench {
    /// The folder of all files.
    folder: PathBuf,
    /// Rounds of product and baseline each.
    rounds: usize,
    /// Seconds of a round.
    seconds: f64,
    /// Messages in the larger sites.
    messages: usize,
    /// Messages in the outbox.
    queue: u64,
}

type RowFunction = fn(&Bench) -> BenchResult<()>;

const ROWS: [(&str, RowFunction); 19] = [
    ("pages", pages::measure),
    ("growth", growth::measure),
    ("inbox", inbox::measure),
    ("reports", reports::measure),
    ("send-sqlite", sends::on_sqlite),
    ("send-postgres", sends::on_postgres),
    ("fanout", fanout::to_many),
    ("spread", fanout::to_few),
    ("latency", latency::measure),
    ("memory", memory::measure),
    ("crossing", crossing::measure),
    ("nodes", nodes::measure),
    ("hostile", hostile::measure),
    ("noisy", noisy::measure),
    ("search", search::measure),
    ("sign-in", sign_in::measure),
    ("restart", restart::measure),
    ("webhook", whatsapp::measure_webhook),
    ("outbox", whatsapp::measure_outbox),
];

/// Measures these rows, or all. A goal that is missed is no error.
pub fn run(only: &str, quick: bool) -> BenchResult<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let only: Vec<&str> = only.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
    if let Some(unknown) = only.iter().find(|it| ROWS.iter().all(|(name, _)| name != *it)) {
        return Err(format!("there is no row {unknown}; rows are {}", ROWS.map(|it| it.0).join(", ")).into());
    }
    // Beside the binary, because temporary folders may be in memory, where commits are free.
    let parent = std::env::current_exe()?.parent().ok_or("no folder")?.to_owned();
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(parent)?;
    let (rounds, seconds, messages, queue) = if quick { (3, 1.0, 100_000, 1_000) } else { (5, 2.0, 1_000_000, 10_000) };
    let bench = Bench { folder: folder.path().to_owned(), rounds, seconds, messages, queue };
    table::print_head(quick);
    for (name, measure) in ROWS {
        let chosen = only.is_empty() || only.contains(&name);
        if chosen && let Err(error) = measure(&bench) {
            let logs = folder.keep();
            return Err(format!("{name}: {error} (logs are in {})", logs.display()).into());
        }
    }
    Ok(())
}

impl Bench {
    /// Measures product and baseline in turns.
    fn compare_rates(
        &self,
        mut product: impl FnMut() -> BenchResult<f64>,
        mut baseline: impl FnMut() -> BenchResult<f64>,
    ) -> BenchResult<Comparison> {
        let (mut products, mut baselines, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..self.rounds {
            // The order changes, so that a passing load does not always slow the same one.
            let (of_product, of_baseline) = if n % 2 == 0 {
                let first = product()?;
                (first, baseline()?)
            } else {
                let first = baseline()?;
                (product()?, first)
            };
            products.push(of_product);
            baselines.push(of_baseline);
            ratios.push(of_product / of_baseline);
        }
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = ratios.iter().copied().fold(0.0, f64::max);
        Ok(Comparison {
            product: median(&mut products),
            baseline: median(&mut baselines),
            ratio: median(&mut ratios),
            least,
            greatest,
        })
    }

    fn round(&self, pace: LoadPace) -> Round {
        Round { seconds: self.seconds, pace }
    }

    /// Long enough that more than a few messages are above p99.
    fn long_round(&self, pace: LoadPace) -> Round {
        Round { seconds: 4.0 * self.seconds, pace }
    }

    /// A round that is not measured: it fills caches and takes conversations over.
    fn warm_up(&self, clients: &mut [&mut RoundProcess], pace: LoadPace) -> BenchResult<()> {
        clients.iter_mut().try_for_each(|it| it.round(Round { seconds: 1.0, pace }).map(drop))
    }
}

/// The medians of product, baseline and ratio, and the range of the ratio.
struct Comparison {
    product: f64,
    baseline: f64,
    ratio: f64,
    least: f64,
    greatest: f64,
}

impl Comparison {
    /// A row of rates: higher is better.
    fn row(&self, what: impl Into<String>, unit: &str, required: Option<f64>, costs: [&CpuCost; 2]) -> BenchRow {
        let Self { product, baseline, ratio, least, greatest } = self;
        BenchRow {
            what: what.into(),
            product: format!("{} {unit}{}", thousands(*product), costs[0]),
            baseline: format!("{} {unit}{}", thousands(*baseline), costs[1]),
            ratio: format!("{ratio:.2} ({least:.2}–{greatest:.2})"),
            required: required.map_or_else(String::new, |it| format!("≥ {it:.2}")),
            reached: required.map(|it| *ratio >= it),
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Runs a round and adds the server's processor time to the costs.
fn measure_cpu(
    client: &mut RoundProcess,
    server: &ChildProcess,
    round: Round,
    costs: &mut CpuCost,
) -> BenchResult<RoundReport> {
    let before = server.cpu_time()?;
    let report = client.round(round)?;
    costs.cpu_time += server.cpu_time()? - before;
    costs.done += report.completed.max(report.deliveries);
    Ok(report)
}

/// The processor time of a server for a number of operations; empty if it was not measured. Other load does not change it.
#[derive(Default)]
struct CpuCost {
    cpu_time: Duration,
    done: u64,
}

impl fmt::Display for CpuCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.done == 0 {
            return Ok(());
        }
        write!(f, ", {:.0} µs CPU each", self.cpu_time.as_micros() as f64 / self.done as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0.0, "0"), (999.4, "999"), (1000.0, "1,000"), (1_234_567.0, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    }
}
