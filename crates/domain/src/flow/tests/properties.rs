//! Properties of every reply, tested with random messages.

use proptest::{
    collection::{hash_map, vec},
    option,
    prelude::*,
    sample::select,
};

use super::*;
use crate::text::MessageText;

const NAMES: [&str; 8] = ["Reception", "Spa", "Spa Bar", "Front Desk", "Café", "cafe", "2", "🍽"];

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(&NAMES[..]).prop_map(str::to_owned), 1 => r"\PC{1,200}"]
}

fn any_texts() -> impl Strategy<Value = FlowTexts> {
    let name = select(FlowText::ALL).prop_map(|it| it.as_str().to_owned());
    let name = (name, select(&["", ".en", ".es"][..])).prop_map(|(name, language)| name + language);
    let content = r"(\PC|\n|\{\{guest_name\}\}|\{\{wishes\}\}|\{\{odd\}\}){0,6}";
    let long = (r"\PC{1,20}", 50..200_usize).prop_map(|(part, times)| part.repeat(times));
    hash_map(name, prop_oneof![3 => content, 1 => long], 0..6).prop_map(FlowTexts::new)
}

fn any_memory() -> impl Strategy<Value = FlowMemory> {
    let language = option::of(select(FlowLanguage::ALL));
    let text = || prop_oneof![r"\PC{0,40}", r"\PC{1,9}".prop_map(|part| part.repeat(300))];
    let answers = (option::of(text()), option::of(text()), any::<bool>());
    (answers, any::<u32>(), any::<usize>(), language).prop_map(
        |((arrival_time, wishes, confirmed), misses, page, language)| FlowMemory {
            arrival_time,
            wishes,
            confirmed,
            misses,
            page,
            language,
        },
    )
}

prop_compose! {
    fn any_guest()(
        was in select(Status::ALL),
        status in select(Status::ALL),
        step in select(FlowStep::ALL),
        memory in any_memory(),
        has_days in any::<bool>(),
        after_stay in any::<bool>(),
        names in vec(any_name(), 0..15),
        default in option::of(0..30_i64),
        texts in any_texts(),
    ) -> TestGuest {
        let days = TestGuest::new(Status::Active).days.filter(|_| has_days);
        let departments = departments(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let default_department = default.map(DepartmentId);
        TestGuest { was, status, step, memory, days, departments, default_department, texts, after_stay }
    }
}

#[derive(Clone, Debug)]
enum GuestAction {
    Write(String),
    Tap(String, String),
    Send,
}

impl GuestAction {
    fn input(&self) -> FlowInput<'_> {
        match self {
            Self::Write(text) => FlowInput::Text(text),
            Self::Tap(id, title) => FlowInput::Choice { id, title },
            Self::Send => FlowInput::Other,
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let known = [
        "yes",
        "no",
        "stop",
        "menu",
        "reception",
        "hello",
        "hola",
        "español",
        "thanks",
        "more",
        "0",
        "1",
        "2.",
        "11",
        "spa",
        "spa bar",
        "front desk and spa",
        "talk to a person",
        "15:30",
        "noon?",
    ];
    prop_oneof![
        select(known.to_vec()).prop_map(str::to_owned),
        any::<String>(),
        r"\PC{0,60}",
        (r"\PC{1,20}", 100..200_usize).prop_map(|(part, times)| part.repeat(times))
    ]
}

fn any_action() -> impl Strategy<Value = GuestAction> {
    let ids = ["person", "yes", "no", "more", "change_arrival", "change_wishes", "department:1", "department:x"];
    let id = prop_oneof![select(ids.to_vec()).prop_map(str::to_owned), r"\PC{0,200}", r"department:\d{1,20}"];
    let tap = (id, any_text()).prop_map(|(id, title)| GuestAction::Tap(id, title));
    prop_oneof![5 => any_text().prop_map(GuestAction::Write), 2 => tap, 1 => Just(GuestAction::Send)]
}

/// A random message without a word of the lexicon.
fn meaningless_action() -> impl Strategy<Value = GuestAction> {
    prop_oneof![
        "zq[a-y]{1,9}( zq[a-y]{1,9}){0,5}[.!?]?( [0-9]{1,3}zq)?".prop_map(GuestAction::Write),
        r"[?!🙂]{1,3}".prop_map(GuestAction::Write),
        ("zq[a-z]{1,9}", "zq[a-z]{1,9}").prop_map(|(id, title)| GuestAction::Tap(id, title)),
        Just(GuestAction::Send),
    ]
}

fn assert_within_limits(prompt: &Prompt) -> Result<(), TestCaseError> {
    let length = |text: &str| text.encode_utf16().count();
    let max = if prompt.choices().is_empty() { 4096 } else { 1024 };
    prop_assert!(length(prompt.text()) <= max, "{}", prompt.text());
    prop_assert!(MessageText::parse(&prompt.text().replace('\0', "")).is_ok());
    prop_assert!(prompt.choices().len() <= 10);
    prop_assert_eq!(prompt.button().is_empty(), prompt.choices().is_empty());
    prop_assert!(length(prompt.button()) <= 20);
    for (at, row) in prompt.choices().iter().enumerate() {
        prop_assert!(!row.id().is_empty() && length(row.id()) <= 200);
        prop_assert!(prompt.choices().iter().skip(at + 1).all(|other| other.id() != row.id()));
        prop_assert!(!row.title().is_empty() && length(row.title()) <= 24, "{:?}", row.title());
        prop_assert!(row.description().is_none_or(|it| length(it) <= 72));
    }
    let parts = (prompt.text().to_owned(), prompt.button().to_owned(), prompt.choices().to_vec());
    prop_assert_eq!(Prompt::from_parts(parts.0, parts.1, parts.2), Ok(prompt.clone()));
    Ok(())
}

fn assert_valid(guest: &TestGuest, outcome: &FlowOutcome) -> Result<(), TestCaseError> {
    for prompt in &outcome.prompts {
        assert_within_limits(prompt)?;
    }
    prop_assert!(outcome.route.is_none_or(|route| guest.departments.iter().any(|it| it.id == route)));
    prop_assert!(outcome.route.is_none() || !outcome.prompts.is_empty(), "connecting sends a message");
    Ok(())
}

proptest! {
    #[test]
    fn every_reply_is_within_the_limits_of_whatsapp(
        mut guest in any_guest(),
        actions in vec(any_action(), 1..6),
    ) {
        for action in &actions {
            let outcome = reply_to(&guest.context(), &action.input());
            assert_valid(&guest, &outcome)?;
            prop_assert_eq!(&reply_to(&guest.context(), &action.input()), &outcome, "deterministic");
            guest.apply(&outcome);
        }
        assert_valid(&guest, &resume_after_relay(&guest.context()))?;
        assert_valid(&guest, &farewell(&guest.context()))?;
    }

    #[test]
    fn in_relay_the_flow_is_silent(mut guest in any_guest(), action in any_action()) {
        guest.status = Status::Relay;
        let outcome = reply_to(&guest.context(), &action.input());
        let unchanged = FlowOutcome { prompts: vec![], step: guest.step, memory: guest.memory.clone(), route: None };
        prop_assert_eq!(&outcome, &unchanged);
        prop_assert_eq!(&resume_after_relay(&guest.context()), &unchanged);
    }

    #[test]
    fn three_meaningless_messages_reach_a_person(
        mut guest in any_guest(),
        status in select(&[Status::Demo, Status::Checkin, Status::Active][..]),
        names in vec(select(&NAMES[..6]), 1..25),
        actions in vec(meaningless_action(), 3),
    ) {
        (guest.status, guest.departments) = (status, departments(&names));
        // Before a stay every text is an answer, so only messages without text are meaningless.
        let actions = actions.into_iter().map(|it| if status == Status::Checkin { GuestAction::Send } else { it });
        let routed = actions.map(|it| guest.sends(&it.input())).find_map(|it| it.route);
        prop_assert!(routed.is_some());
        prop_assert_eq!(guest.status, Status::Relay);
    }

    #[test]
    fn names_inside_longer_words_do_not_count(
        name in select(&NAMES[..6]),
        before in "[a-zé]{0,3}",
        after in "[a-zé]{0,3}",
    ) {
        prop_assume!(!before.is_empty() || !after.is_empty());
        let mut guest = TestGuest::new(Status::Active).with_departments(&[name, "zq"]);
        let outcome = guest.writes(&format!("the {before}{name}{after}!"));
        prop_assert_eq!(outcome.route, None, "{}", text(&outcome));
    }

    #[test]
    fn numbers_count_only_as_the_whole_message(number in 1..5_usize, beside in "[a-z]{1,5}|[0-9]|%|-1") {
        let mut guest = TestGuest::new(Status::Active);
        guest.writes("hello");
        prop_assert_eq!(reply_to(&guest.context(), &FlowInput::Text(&format!("{number}{beside}"))).route, None);
        prop_assert_eq!(reply_to(&guest.context(), &FlowInput::Text(&format!("{number} {beside}"))).route, None);
        let routed = guest.writes(&format!(" {number}.")).route;
        prop_assert_eq!(routed, guest.departments.get(number - 1).map(|it| it.id));
    }
}
