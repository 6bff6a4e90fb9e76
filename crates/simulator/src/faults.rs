//! Faults that were asked for, and those that come by chance.

use std::collections::VecDeque;

use serde::Deserialize;

use crate::{
    bounded::BoundedMap,
    clock::Millis,
    errors::ApiError,
    magic::{Conduct, Magic, Reply, Script, asked, by_chance, magic},
};

/// How many faults may wait.
const MOST_WAITING: usize = 10_000;
/// Of how many magic guests the sends are counted.
const MOST_COUNTED: usize = 10_000;
/// How often the numbers that refuse at first do.
const REFUSALS: u32 = 2;

/// Where an error comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    #[default]
    Http,
    Status,
    SentThenStatus,
    StatusThenDelivered,
}

/// Which calls meet a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum On {
    /// Sends.
    #[default]
    Send,
    /// Uploads of files.
    Upload,
    /// Looking up and fetching files.
    Media,
}

/// A fault that was asked for: what the next calls meet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Fault {
    /// Which calls; but for sends there are only errors, cuts, and answers that do not come or have no JSON.
    on: On,
    /// How many.
    times: u32,
    /// Only those to this number.
    to: Option<String>,
    /// An error.
    code: Option<i64>,
    /// Where it comes.
    by: By,
    /// With another HTTP status than usual.
    http_status: Option<u16>,
    retry_after: Option<u64>,
    /// The connection is cut.
    drop: bool,
    /// No answer comes.
    hang: bool,
    /// An answer with this HTTP status and no JSON.
    status: Option<u16>,
    /// Whether what is cut, or answered so, was accepted.
    accepted: bool,
    slow_ms: Millis,
    statuses: Option<Script>,
    early: bool,
    without_callback_data: bool,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            on: On::Send,
            times: 1,
            to: None,
            code: None,
            by: By::Http,
            http_status: None,
            retry_after: None,
            drop: false,
            hang: false,
            status: None,
            accepted: true,
            slow_ms: 0,
            statuses: None,
            early: false,
            without_callback_data: false,
        }
    }
}

impl Fault {
    fn conduct(&self) -> Conduct {
        let failed = self.code.and_then(|code| match self.by {
            By::Http => None,
            By::Status => Some(Script::Failed(code)),
            By::SentThenStatus => Some(Script::SentThenFailed(code)),
            By::StatusThenDelivered => Some(Script::FailedThenDelivered(code)),
        });
        let reply = match (self.code, self.status) {
            (Some(code), _) if self.by == By::Http => {
                let usual = asked(code);
                let status = self.http_status.unwrap_or(usual.status);
                Reply::Refused(ApiError { status, retry_after: self.retry_after, ..usual })
            }
            _ if self.drop => Reply::Cut { accepted: self.accepted },
            _ if self.hang => Reply::Never { accepted: self.accepted },
            (_, Some(status)) => Reply::Bare { status, accepted: self.accepted },
            _ => Reply::Accepted,
        };
        let script = failed.or(self.statuses).unwrap_or_default();
        let (slow, bare) = (self.slow_ms.clamp(0, 600_000), self.without_callback_data);
        Conduct { reply, script, slow, early: self.early, bare }
    }
}

/// Faults that wait for sends, and how often magic guests were sent to.
pub(crate) struct Faults {
    waiting: VecDeque<Fault>,
    counts: BoundedMap<String, u32>,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self { waiting: VecDeque::new(), counts: BoundedMap::new(MOST_COUNTED) }
    }

    /// Asks for one.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn ask(&mut self, mut fault: Fault) -> Result<(), String> {
        if self.waiting.len() >= MOST_WAITING {
            return Err(format!("{MOST_WAITING} faults wait already"));
        }
        for status in fault.http_status.iter().chain(&fault.status) {
            if !(200..=599).contains(status) {
                return Err("an HTTP status is 200 to 599".to_owned());
            }
        }
        fault.to = fault.to.map(|to| to.chars().filter(char::is_ascii_digit).collect());
        if fault.times > 0 {
            self.waiting.push_back(fault);
        }
        Ok(())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// What a call meets, if that was asked for; a send to a number in digits.
    pub(crate) fn asked(&mut self, on: On, to: &str) -> Option<Conduct> {
        let fits = |it: &Fault| it.on == on && it.to.as_deref().is_none_or(|only| only == to);
        if let Some(place) = self.waiting.iter().position(fits)
            && let Some(fault) = self.waiting.get_mut(place)
        {
            let conduct = fault.conduct();
            fault.times -= 1;
            if fault.times == 0 {
                self.waiting.remove(place);
            }
            return Some(conduct);
        }
        None
    }

    /// What a send to a number, in digits, meets: what was asked for, what the number does, or, as often of a
    /// hundred times as is said, anything.
    pub(crate) fn next(&mut self, to: &str, chance: u8) -> Conduct {
        if let Some(conduct) = self.asked(On::Send, to) {
            return conduct;
        }
        match magic(to) {
            Some(Magic::Always(conduct)) => conduct,
            Some(Magic::AtFirst(conduct)) => {
                let count = self.counts.or_insert(to.to_owned(), || 0);
                *count += 1;
                if *count <= REFUSALS { conduct } else { Conduct::default() }
            }
            None if rand::random_range(0..100) < chance => by_chance(),
            None => Conduct::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(conduct: &Conduct) -> Option<i64> {
        match &conduct.reply {
            Reply::Refused(error) => Some(error.code),
            _ => None,
        }
    }

    #[test]
    fn every_code_has_a_number_on_each_way() {
        let mut faults = Faults::new();
        for wanted in [0, 1, 2, 4, 10, 33, 100, 190, 368, 80007, 130429, 131026, 131047, 131056, 132001, 137000] {
            assert_eq!(code(&faults.next(&format!("199900{wanted:06}"), 0)), Some(wanted));
            assert_eq!(code(&faults.next(&format!("99900{wanted:06}"), 0)), Some(wanted));
            assert_eq!(faults.next(&format!("199901{wanted:06}"), 0).script, Script::Failed(wanted));
        }
        for ordinary in ["447700900123", "1999001310260", "199977131026", "199910000099", "1999"] {
            assert_eq!(faults.next(ordinary, 0), Conduct::default(), "{ordinary}");
        }
    }

    #[test]
    fn calls_about_files_have_faults_of_their_own() {
        let mut faults = Faults::new();
        faults.ask(serde_json::from_value(json!({ "on": "upload", "status": 503 })).unwrap()).unwrap();
        assert_eq!((faults.next("1", 0), faults.asked(On::Media, "")), (Conduct::default(), None));
        let met = faults.asked(On::Upload, "").unwrap();
        assert_eq!(met.reply, Reply::Bare { status: 503, accepted: true });
    }

    #[test]
    fn by_chance_comes_as_often_as_is_said_and_of_every_kind() {
        let mut faults = Faults::new();
        let mut met = |chance| (0..4000).map(|_| faults.next("447700900123", chance)).collect::<Vec<_>>();
        let faulty = |met: &[Conduct]| met.iter().filter(|it| **it != Conduct::default()).count();
        assert!(faulty(&met(0)) == 0 && (200..800).contains(&faulty(&met(10))));
        let all = met(100);
        assert_eq!(faulty(&all), 4000);
        let any = |is: fn(&Conduct) -> bool| all.iter().any(is);
        assert!(
            any(|it| it.reply == Reply::Cut { accepted: true }) && any(|it| it.reply == Reply::Cut { accepted: false })
        );
        assert!(any(|it| it.script == Script::Reversed) && any(|it| it.early) && any(|it| it.slow > 0));
        assert!(any(|it| code(it) == Some(131056)) && any(|it| it.script == Script::Failed(131026)));
    }

    #[test]
    fn some_refuse_only_at_first() {
        let mut faults = Faults::new();
        let mut codes = || code(&faults.next("199902131000", 0));
        assert_eq!([codes(), codes(), codes()], [Some(131000), Some(131000), None]);
    }

    #[test]
    fn what_was_asked_for_comes_in_order_and_to_whom_it_was() {
        let mut faults = Faults::new();
        for fault in [
            json!({ "code": 131000, "times": 2 }),
            json!({ "drop": true, "to": "+44 7700 900123" }),
            json!({ "code": 131026, "by": "status" }),
        ] {
            faults.ask(serde_json::from_value(fault).unwrap()).unwrap();
        }
        assert_eq!(code(&faults.next("1", 0)), Some(131000));
        assert_eq!(code(&faults.next("447700900123", 0)), Some(131000));
        assert_eq!(faults.next("1", 0).script, Script::Failed(131026));
        assert_eq!(faults.next("1", 0), Conduct::default());
        assert_eq!(faults.next("447700900123", 0).reply, Reply::Cut { accepted: true });
        assert_eq!(faults.waiting(), 0);
    }
}
