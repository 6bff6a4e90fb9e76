//! The rows of the table: what is measured, and how.

mod crossing;
mod fanout;
mod growth;
mod hostile;
mod latency;
mod memory;
mod nodes;
mod noisy;
mod pages;
mod restart;
mod sends;
mod whatsapp;

use std::{fmt, path::PathBuf, time::Duration};

use crate::{
    Outcome,
    load::{Pace, Report, Round},
    processes::{Process, Rounds},
    table::{self, Row},
};

/// How much is done.
pub struct Bench {
    /// Where all files are.
    folder: PathBuf,
    /// How often product and baseline take turns.
    rounds: usize,
    /// How long a round is.
    seconds: f64,
    /// The messages of the larger sites.
    messages: usize,
    /// The messages that wait to be sent by WhatsApp.
    queue: u64,
}

type Measure = fn(&Bench) -> Outcome<()>;

const ROWS: [(&str, Measure); 15] = [
    ("pages", pages::measure),
    ("growth", growth::measure),
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
    ("restart", restart::measure),
    ("webhook", whatsapp::take_in),
    ("outbox", whatsapp::drain),
];

/// Measures the rows that are named, or all.
///
/// # Errors
/// Whatever keeps it from measuring; never that a goal was missed.
pub fn run(only: &str, quick: bool) -> Outcome<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let only: Vec<&str> = only.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
    if let Some(unknown) = only.iter().find(|it| ROWS.iter().all(|(name, _)| name != *it)) {
        return Err(format!("there is no row {unknown}; there are {}", ROWS.map(|it| it.0).join(", ")).into());
    }
    // Beside the program: temporary folders may be in memory, where no commit costs anything.
    let beside = std::env::current_exe()?.parent().ok_or("no folder")?.to_owned();
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(beside)?;
    let (rounds, seconds, messages, queue) = if quick { (3, 1.0, 100_000, 1_000) } else { (5, 2.0, 1_000_000, 10_000) };
    let bench = Bench { folder: folder.path().to_owned(), rounds, seconds, messages, queue };
    table::begin(quick);
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
    /// Lets product and baseline take turns.
    fn duel(
        &self,
        mut product: impl FnMut() -> Outcome<f64>,
        mut baseline: impl FnMut() -> Outcome<f64>,
    ) -> Outcome<Duel> {
        let (mut products, mut baselines, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..self.rounds {
            // Who comes first changes, so that neither has the better half of a passing load.
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
        Ok(Duel {
            product: median(&mut products),
            baseline: median(&mut baselines),
            ratio: median(&mut ratios),
            least,
            greatest,
        })
    }

    fn round(&self, pace: Pace) -> Round {
        Round { seconds: self.seconds, pace }
    }

    /// Long enough that p99 is more than a handful of messages.
    fn long_round(&self, pace: Pace) -> Round {
        Round { seconds: 4.0 * self.seconds, pace }
    }

    /// A round that nobody measures: caches fill, conversations are taken over.
    fn warm_up(&self, clients: &mut [&mut Rounds], pace: Pace) -> Outcome<()> {
        clients.iter_mut().try_for_each(|it| it.round(Round { seconds: 1.0, pace }).map(drop))
    }
}

/// What came of taking turns.
struct Duel {
    product: f64,
    baseline: f64,
    ratio: f64,
    least: f64,
    greatest: f64,
}

impl Duel {
    /// A row of rates: the more, the better.
    fn row(&self, what: impl Into<String>, unit: &str, required: Option<f64>, costs: [&Costs; 2]) -> Row {
        let Self { product, baseline, ratio, least, greatest } = self;
        Row {
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

/// Runs a round, and adds up what processor time the server took for it.
fn watched(client: &mut Rounds, server: &Process, round: Round, costs: &mut Costs) -> Outcome<Report> {
    let before = server.busy()?;
    let report = client.round(round)?;
    costs.busy += server.busy()? - before;
    costs.done += report.done.max(report.deliveries);
    Ok(report)
}

/// What a server's work costs, whatever else the machine does; nothing where it was not watched.
#[derive(Default)]
struct Costs {
    busy: Duration,
    done: u64,
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.done == 0 {
            return Ok(());
        }
        write!(f, ", {:.0} µs CPU each", self.busy.as_micros() as f64 / self.done as f64)
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
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    }
}
