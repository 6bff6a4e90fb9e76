//! What the doctor found, and how it is told.

use std::fmt::Write;

use domain::Hotel;
use serde_json::{Value, json};

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Right.
    Ok,
    /// Wrong: something does not work, or will not.
    Wrong,
    /// Not set, and nothing needs it.
    NotSet,
    /// It could not be looked whether it is right.
    NotChecked,
}

impl State {
    fn words(self) -> &'static str {
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

/// What was found out about one thing.
struct Finding {
    thing: &'static str,
    hotel: Option<(i64, String)>,
    state: State,
    says: String,
}

/// All that was found out, in order.
#[derive(Default)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Notes how a thing is, and a sentence about it, which says what to do where something is wrong.
    pub fn note(&mut self, thing: &'static str, (state, says): (State, String)) {
        self.findings.push(Finding { thing, hotel: None, state, says });
    }

    /// The same of a thing of one hotel.
    pub fn note_of(&mut self, hotel: &Hotel, thing: &'static str, (state, says): (State, String)) {
        self.findings.push(Finding { thing, hotel: Some((hotel.id.0, hotel.name.clone())), state, says });
    }

    /// How many things are wrong.
    pub fn wrong(&self) -> usize {
        self.findings.iter().filter(|it| it.state == State::Wrong).count()
    }

    /// A line for each thing.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Finding { thing, hotel, state, says } in &self.findings {
            let of = hotel.as_ref().map(|(id, name)| format!(" of hotel {id} ({name})")).unwrap_or_default();
            // A line is one line, whatever a database or a library says.
            let says = says.split_whitespace().collect::<Vec<_>>().join(" ");
            // Writing to a string does not fail.
            let _ = writeln!(text, "{:11}  {thing}{of}: {says}", state.words());
        }
        text
    }

    /// The same for a program.
    pub fn json(&self) -> Value {
        let shown = |it: &Finding| {
            json!({
                "thing": it.thing,
                "hotel_id": it.hotel.as_ref().map(|(id, _)| id),
                "state": it.state.code(),
                "says": it.says,
            })
        };
        json!({ "wrong": self.wrong(), "things": self.findings.iter().map(shown).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_has_one_line() {
        let mut report = Report::default();
        report.note("database", (State::Wrong, "it is away:\n\tno such host\n".to_owned()));
        report.note("Redis", (State::NotSet, "none is needed".to_owned()));
        assert_eq!(
            report.text(),
            "wrong        database: it is away: no such host\nnot set      Redis: none is needed\n"
        );
        assert_eq!((report.wrong(), &report.json()["things"][1]["state"]), (1, &json!("not_set")));
    }
}
