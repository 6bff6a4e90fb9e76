//! What came of it.

use std::fmt;

use crate::faults::Faults;

/// What came of it.
#[derive(Default)]
pub struct Report {
    pub faults: Faults,
    /// Messages that were acknowledged.
    pub messages: usize,
    /// How often a send was tried again.
    pub tried_again: usize,
    /// Messages received, all readers together.
    pub deliveries: usize,
    /// How often readers came back and resumed.
    pub resumed: usize,
    /// Acknowledged, and not stored, or stored and not delivered.
    pub lost: Vec<String>,
    /// Stored or delivered more than once.
    pub doubled: Vec<String>,
    /// Delivered behind a later one.
    pub misordered: Vec<String>,
    /// Delivered to someone whom it does not concern.
    pub leaked: Vec<String>,
    /// Anything else that should not have been.
    pub wrong: Vec<String>,
}

impl Report {
    fn findings(&self) -> [(&'static str, &Vec<String>); 5] {
        [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("misordered", &self.misordered),
            ("leaked", &self.leaked),
            ("wrong", &self.wrong),
        ]
    }

    pub fn is_clean(&self) -> bool {
        self.messages > 0 && self.deliveries > 0 && self.findings().iter().all(|(_, all)| all.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} faults", self.faults.values().sum::<usize>())?;
        for (fault, times) in &self.faults {
            writeln!(f, "  {times:4} {fault}")?;
        }
        writeln!(f, "{} messages acknowledged, {} tries repeated", self.messages, self.tried_again)?;
        writeln!(f, "{} deliveries, {} times resumed", self.deliveries, self.resumed)?;
        for (name, all) in self.findings() {
            writeln!(f, "{} {name}", all.len())?;
            for finding in all.iter().take(20) {
                writeln!(f, "  {finding}")?;
            }
        }
        Ok(())
    }
}
