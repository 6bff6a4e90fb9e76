//! The result of a soak, as it is printed.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{faults::FaultCounts, senders::SendPath, whatsapp::WhatsappCounts};

#[derive(Default)]
pub struct SoakReport {
    /// Chose the faults and their order.
    pub seed: u64,
    /// How long faults were injected.
    pub time: Duration,
    pub faults: FaultCounts,
    /// Acknowledged messages by path.
    pub messages: BTreeMap<SendPath, usize>,
    /// The number of acknowledged scheduled messages.
    pub scheduled: usize,
    /// The texts of acknowledged replies by WhatsApp.
    pub acknowledged: Vec<String>,
    /// `None` in a run without WhatsApp.
    pub whatsapp: Option<WhatsappCounts>,
    pub retries: usize,
    /// Acknowledged snoozes.
    pub snoozed: usize,
    /// Messages received by all readers together.
    pub deliveries: usize,
    pub resumed: usize,
    /// Acknowledged and not stored, or stored and not delivered.
    pub lost: Vec<String>,
    /// Stored or delivered more than once.
    pub duplicated: Vec<String>,
    /// Stored or delivered after a later message.
    pub reordered: Vec<String>,
    /// Delivered to a staff member outside of their visibility scope.
    pub leaked: Vec<String>,
    /// All other findings.
    pub wrong: Vec<String>,
}

impl SoakReport {
    fn findings(&self) -> [(&'static str, &Vec<String>); 5] {
        [
            ("lost", &self.lost),
            ("doubled", &self.duplicated),
            ("misordered", &self.reordered),
            ("leaked", &self.leaked),
            ("wrong", &self.wrong),
        ]
    }

    pub fn is_clean(&self) -> bool {
        let had_load = match &self.whatsapp {
            Some(counts) => counts.guest_messages > 0 && counts.accepted > 0 && counts.ticks > 0,
            None => self.messages.len() == 2 && self.deliveries > 0 && self.scheduled > 0,
        };
        had_load && self.snoozed > 0 && self.findings().iter().all(|(_, all)| all.is_empty())
    }
}

impl SoakReport {
    fn write_staff_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acknowledged = self.messages.values().sum::<usize>();
        writeln!(f, "{acknowledged} messages acknowledged, {} retries", self.retries)?;
        for (path, count) in &self.messages {
            writeln!(f, "  {count:4} {path}")?;
        }
        writeln!(f, "{} scheduled", self.scheduled)?;
        writeln!(f, "{} deliveries, {} resumes", self.deliveries, self.resumed)
    }
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (faults, seconds) = (self.faults.values().sum::<usize>(), self.time.as_secs());
        writeln!(f, "seed {}: {faults} faults in {seconds} s", self.seed)?;
        for (fault, times) in &self.faults {
            writeln!(f, "  {times:4} {fault}")?;
        }
        match &self.whatsapp {
            None => self.write_staff_counts(f)?,
            Some(counts) => {
                let (staff, retries) = (self.acknowledged.len(), self.retries);
                writeln!(
                    f,
                    "{} messages of guests, {staff} of staff acknowledged, {retries} retries",
                    counts.guest_messages
                )?;
                writeln!(
                    f,
                    "{} sends accepted, {} refused, {} status events received",
                    counts.accepted, counts.refused, counts.ticks
                )?;
                for (delivery, times) in &counts.by_delivery {
                    writeln!(f, "  {times:4} {delivery}")?;
                }
            }
        }
        writeln!(f, "{} snoozes", self.snoozed)?;
        for (name, all) in self.findings() {
            writeln!(f, "{} {name}", all.len())?;
            for finding in all.iter().take(20) {
                writeln!(f, "  {finding}")?;
            }
        }
        Ok(())
    }
}
