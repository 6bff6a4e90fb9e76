//! Tests of the guest flow: dialogues line by line, texts, and properties.

mod dialogues;
mod properties;
mod texts;

use std::collections::HashMap;

use chrono::NaiveDate;

use super::*;
use crate::{hotel::Department, ids::DepartmentId};

/// A guest who writes to a hotel. Each outcome of the flow is applied as the product does.
#[derive(Debug)]
struct TestGuest {
    was: Status,
    status: Status,
    step: FlowStep,
    memory: FlowMemory,
    days: Option<(NaiveDate, NaiveDate)>,
    after_stay: bool,
    departments: Vec<Department>,
    default_department: Option<DepartmentId>,
    texts: FlowTexts,
}

impl TestGuest {
    /// A guest who has not written yet, in a hotel with the departments Reception, Housekeeping, Spa and Spa Bar.
    fn new(status: Status) -> Self {
        let day = |day| NaiveDate::from_ymd_opt(2026, 12, day).unwrap();
        Self {
            was: status,
            status,
            step: FlowStep::Start,
            memory: FlowMemory::default(),
            days: (status != Status::Demo).then(|| (day(3), day(7))),
            after_stay: false,
            departments: departments(&["Reception", "Housekeeping", "Spa", "Spa Bar"]),
            default_department: Some(DepartmentId(1)),
            texts: FlowTexts::default(),
        }
    }

    fn with_departments(mut self, names: &[&str]) -> Self {
        self.departments = departments(names);
        self
    }

    fn with_texts(mut self, own: &[(&str, &str)]) -> Self {
        self.texts = own_texts(own);
        self
    }

    fn context(&self) -> FlowContext<'_> {
        FlowContext {
            was: self.was,
            status: self.status,
            step: self.step,
            memory: &self.memory,
            guest_name: "Ana",
            room_number: self.days.map(|_| "101"),
            days: self.days,
            after_stay: self.after_stay,
            hotel_name: "Grand Hotel",
            departments: &self.departments,
            default_department: self.default_department,
            texts: &self.texts,
        }
    }

    fn sends(&mut self, input: &FlowInput<'_>) -> FlowOutcome {
        let outcome = reply_to(&self.context(), input);
        self.apply(&outcome);
        outcome
    }

    fn writes(&mut self, text: &str) -> FlowOutcome {
        self.sends(&FlowInput::Text(text))
    }

    fn taps(&mut self, id: &str, title: &str) -> FlowOutcome {
        self.sends(&FlowInput::Choice { id, title })
    }

    fn apply(&mut self, outcome: &FlowOutcome) {
        (self.step, self.memory) = (outcome.step, outcome.memory.clone());
        if outcome.route.is_some() {
            self.status = Status::Relay;
        }
        self.was = self.status;
    }
}

/// Departments with the given names and ids from 1.
fn departments(names: &[&str]) -> Vec<Department> {
    (1..)
        .zip(names)
        .map(|(id, &name)| Department {
            id: DepartmentId(id),
            name: name.into(),
            active: true,
            handles_stays: false,
            first_response: None,
            opening_hours: None,
        })
        .collect()
}

fn own_texts(own: &[(&str, &str)]) -> FlowTexts {
    FlowTexts::new(own.iter().map(|&(name, content)| (name.to_owned(), content.to_owned())).collect::<HashMap<_, _>>())
}

fn text(outcome: &FlowOutcome) -> String {
    outcome.prompts.iter().map(Prompt::text).collect::<Vec<_>>().join("\n---\n")
}

fn ids(outcome: &FlowOutcome) -> Vec<&str> {
    outcome.prompts.iter().flat_map(Prompt::choices).map(PromptRow::id).collect()
}
