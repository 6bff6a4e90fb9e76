//! What came of it.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{faults::Faults, senders::Way, whatsapp::Figures};

/// What came of it.
#[derive(Default)]
pub struct Report {
    /// What decided which things went wrong, and in which order.
    pub seed: u64,
    /// How long things went wrong.
    pub time: Duration,
    pub faults: Faults,
    /// Messages that were acknowledged.
    pub messages: BTreeMap<Way, usize>,
    /// The same by WhatsApp, where guests were on it, and what else came of that.
    pub acknowledged: Vec<String>,
    pub whatsapp: Option<Figures>,
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
    /// Stored or delivered behind a later one.
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
        let was_busy = match &self.whatsapp {
            Some(it) => it.heard > 0 && it.accepted > 0 && it.ticks > 0,
            None => self.messages.len() == 2 && self.deliveries > 0,
        };
        was_busy && self.findings().iter().all(|(_, all)| all.is_empty())
    }
}

impl Report {
    fn tell_of_staff(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acknowledged = self.messages.values().sum::<usize>();
        writeln!(f, "{acknowledged} messages acknowledged, {} times tried again", self.tried_again)?;
        for (way, times) in &self.messages {
            writeln!(f, "  {times:4} {way}")?;
        }
        writeln!(f, "{} deliveries, {} times resumed", self.deliveries, self.resumed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (faults, seconds) = (self.faults.values().sum::<usize>(), self.time.as_secs());
        writeln!(f, "seed {}: {faults} faults in {seconds} s", self.seed)?;
        for (fault, times) in &self.faults {
            writeln!(f, "  {times:4} {fault}")?;
        }
        match &self.whatsapp {
            None => self.tell_of_staff(f)?,
            Some(it) => {
                let (staff, again) = (self.acknowledged.len(), self.tried_again);
                writeln!(
                    f,
                    "{} messages of guests, {staff} of staff acknowledged, {again} times tried again",
                    it.heard
                )?;
                writeln!(f, "{} sends accepted, {} refused, {} ticks told", it.accepted, it.refused, it.ticks)?;
                for (delivery, times) in &it.by_delivery {
                    writeln!(f, "  {times:4} {delivery}")?;
                }
            }
        }
        for (name, all) in self.findings() {
            writeln!(f, "{} {name}", all.len())?;
            for finding in all.iter().take(20) {
                writeln!(f, "  {finding}")?;
            }
        }
        Ok(())
    }
}
