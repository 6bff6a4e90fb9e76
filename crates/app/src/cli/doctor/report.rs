//! Report of the doctor: the state of each check, as text and as JSON.

use std::fmt::Write;

use domain::HotelId;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    Ok,
    /// The check found a fault: something does not work, or will not work.
    Wrong,
    /// The checked feature is not configured, and not needed.
    NotSet,
    /// The check could not be made.
    NotChecked,
}

impl CheckState {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::NotSet => "not set",
            Self::NotChecked => "not checked",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::NotSet => "not_set",
            Self::NotChecked => "not_checked",
        }
    }
}

/// The outcome of one check of the doctor. The sentence names the next step if something is wrong.
#[derive(Debug)]
pub struct CheckResult {
    pub state: CheckState,
    pub sentence: String,
}

pub fn ok(sentence: impl Into<String>) -> CheckResult {
    CheckResult { state: CheckState::Ok, sentence: sentence.into() }
}

pub fn wrong(sentence: impl Into<String>) -> CheckResult {
    CheckResult { state: CheckState::Wrong, sentence: sentence.into() }
}

pub fn not_set(sentence: impl Into<String>) -> CheckResult {
    CheckResult { state: CheckState::NotSet, sentence: sentence.into() }
}

pub fn not_checked(sentence: impl Into<String>) -> CheckResult {
    CheckResult { state: CheckState::NotChecked, sentence: sentence.into() }
}

struct ReportEntry {
    subject: &'static str,
    hotel: Option<(HotelId, String)>,
    result: CheckResult,
}

/// The results of all checks, in the order of the checks.
#[derive(Default)]
pub struct CheckReport {
    entries: Vec<ReportEntry>,
}

impl CheckReport {
    pub fn add(&mut self, subject: &'static str, result: CheckResult) {
        self.entries.push(ReportEntry { subject, hotel: None, result });
    }

    pub fn add_for_hotel(&mut self, id: HotelId, name: &str, subject: &'static str, result: CheckResult) {
        self.entries.push(ReportEntry { subject, hotel: Some((id, name.to_owned())), result });
    }

    /// The number of checks that found something wrong.
    pub fn count_wrong(&self) -> usize {
        self.entries.iter().filter(|it| it.result.state == CheckState::Wrong).count()
    }

    /// The report as text, one line for each check.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for ReportEntry { subject, hotel, result } in &self.entries {
            let of_hotel = hotel.as_ref().map(|(id, name)| format!(" of hotel {id} ({name})")).unwrap_or_default();
            // White space becomes single spaces, because messages of databases and libraries can contain line ends.
            let sentence = result.sentence.split_whitespace().collect::<Vec<_>>().join(" ");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:11}  {subject}{of_hotel}: {sentence}", result.state.label());
        }
        text
    }

    pub fn json(&self) -> Value {
        let entry_json = |entry: &ReportEntry| {
            json!({
                "thing": entry.subject,
                "hotel_id": entry.hotel.as_ref().map(|(id, _)| id.0),
                "state": entry.result.state.code(),
                "says": entry.result.sentence,
            })
        };
        json!({ "wrong": self.count_wrong(), "things": self.entries.iter().map(entry_json).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_one_line() {
        let mut report = CheckReport::default();
        report.add("database", wrong("it is unavailable:\n\tno such host\n"));
        report.add("Redis", not_set("none is needed"));
        assert_eq!(
            report.text(),
            "wrong        database: it is unavailable: no such host\nnot set      Redis: none is needed\n"
        );
        assert_eq!((report.count_wrong(), &report.json()["things"][1]["state"]), (1, &json!("not_set")));
    }
}
