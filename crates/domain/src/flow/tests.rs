//! Talks, line by line, and what holds whatever is said.

mod always;
mod dialogues;
mod wording;

use std::collections::HashMap;

use super::*;

/// A hotel, and a guest who writes to it; what follows is taken in as a caller does.
#[derive(Debug)]
struct Guest {
    was: Status,
    status: Status,
    step: Step,
    memory: Memory,
    days: Option<(NaiveDate, NaiveDate)>,
    after_stay: bool,
    departments: Vec<Department>,
    default_department: Option<DepartmentId>,
    texts: Texts,
}

impl Guest {
    /// Has not written yet, in a hotel with the departments Reception, Housekeeping, Spa and Spa Bar.
    fn new(status: Status) -> Self {
        let day = |day| NaiveDate::from_ymd_opt(2026, 12, day).unwrap();
        Self {
            was: status,
            status,
            step: Step::Start,
            memory: Memory::default(),
            days: (status != Status::Demo).then(|| (day(3), day(7))),
            after_stay: false,
            departments: departments(&["Reception", "Housekeeping", "Spa", "Spa Bar"]),
            default_department: Some(DepartmentId(1)),
            texts: Texts::default(),
        }
    }

    fn with_departments(mut self, names: &[&str]) -> Self {
        self.departments = departments(names);
        self
    }

    fn with_texts(mut self, own: &[(&str, &str)]) -> Self {
        self.texts = texts(own);
        self
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
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

    fn says(&mut self, said: &Said<'_>) -> Turn {
        let turn = answer(&self.situation(), said);
        self.take_in(&turn);
        turn
    }

    fn writes(&mut self, text: &str) -> Turn {
        self.says(&Said::Text(text))
    }

    fn taps(&mut self, id: &str, title: &str) -> Turn {
        self.says(&Said::Choice { id, title })
    }

    fn take_in(&mut self, turn: &Turn) {
        (self.step, self.memory) = (turn.step, turn.memory.clone());
        if turn.route.is_some() {
            self.status = Status::Relay;
        }
        self.was = self.status;
    }
}

/// With ids from 1.
fn departments(names: &[&str]) -> Vec<Department> {
    (1..).zip(names).map(|(id, &name)| Department { id: DepartmentId(id), name: name.into() }).collect()
}

fn texts(own: &[(&str, &str)]) -> Texts {
    Texts::new(own.iter().map(|&(name, content)| (name.to_owned(), content.to_owned())).collect::<HashMap<_, _>>())
}

fn text(turn: &Turn) -> String {
    turn.say.iter().map(|it| it.text.as_str()).collect::<Vec<_>>().join("\n---\n")
}

fn ids(turn: &Turn) -> Vec<&str> {
    turn.say.iter().flat_map(|it| &it.choices).map(|it| it.id.as_str()).collect()
}
