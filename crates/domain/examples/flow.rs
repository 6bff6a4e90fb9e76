//! The automatic replies to a guest who writes for the first time during a stay.
//!
//! `cargo run -p domain --example flow`

use chrono::NaiveDate;
use domain::{
    Department, DepartmentId, Status,
    flow::{FlowContext, FlowInput, FlowMemory, FlowStep, FlowTexts, reply_to},
};

pub fn main() {
    let departments = [(1, "Reception"), (2, "Housekeeping"), (3, "Restaurant")].map(|(id, name)| Department {
        id: DepartmentId(id),
        name: name.to_owned(),
        active: true,
        handles_stays: id == 1,
        first_response: None,
        opening_hours: None,
    });
    let (texts, memory) = (FlowTexts::default(), FlowMemory::default());
    let day = |day| NaiveDate::from_ymd_opt(2030, 5, day).unwrap_or_default();
    let context = FlowContext {
        was: Status::Active,
        status: Status::Active,
        step: FlowStep::Start,
        memory: &memory,
        guest_name: "Ana",
        room_number: Some("101"),
        days: Some((day(1), day(6))),
        after_stay: false,
        hotel_name: "Grand Hotel",
        departments: &departments,
        default_department: Some(DepartmentId(1)),
        texts: &texts,
    };

    // A greeting gets the menu of departments; the caller stores the step and the memory of the outcome.
    let outcome = reply_to(&context, &FlowInput::Text("Hello"));
    println!("{outcome:#?}");

    // A text that names one department is routed to it at once.
    let outcome = reply_to(&context, &FlowInput::Text("Two more towels from housekeeping, please"));
    println!("{outcome:#?}");
}
