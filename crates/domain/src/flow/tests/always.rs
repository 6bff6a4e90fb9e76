//! What holds whatever is said, wherever.

use proptest::{
    collection::{hash_map, vec},
    option,
    prelude::*,
    sample::select,
};

use super::*;
use crate::MessageText;

const NAMES: [&str; 8] = ["Reception", "Spa", "Spa Bar", "Front Desk", "Café", "cafe", "2", "🍽"];

fn a_name() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(&NAMES[..]).prop_map(str::to_owned), 1 => r"\PC{1,200}"]
}

fn some_texts() -> impl Strategy<Value = Texts> {
    let name = select(TextName::ALL).prop_map(|it| it.as_str().to_owned());
    let name = (name, select(&["", ".en", ".es"][..])).prop_map(|(name, language)| name + language);
    let content = r"(\PC|\n|\{\{guest_name\}\}|\{\{wishes\}\}|\{\{odd\}\}){0,6}";
    let long = (r"\PC{1,20}", 50..200_usize).prop_map(|(part, times)| part.repeat(times));
    hash_map(name, prop_oneof![3 => content, 1 => long], 0..6).prop_map(Texts::new)
}

fn a_memory() -> impl Strategy<Value = Memory> {
    let language = option::of(select(&Language::ALL[..]));
    let text = || prop_oneof![r"\PC{0,40}", r"\PC{1,9}".prop_map(|part| part.repeat(300))];
    let answers = (option::of(text()), option::of(text()), any::<bool>());
    (answers, any::<u32>(), any::<usize>(), language).prop_map(
        |((arrival_time, wishes, confirmed), misses, page, language)| Memory {
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
    fn a_guest()(
        was in select(&Status::ALL[..]),
        status in select(&Status::ALL[..]),
        step in select(&Step::ALL[..]),
        memory in a_memory(),
        has_days in any::<bool>(),
        names in vec(a_name(), 0..15),
        default in option::of(0..30_i64),
        texts in some_texts(),
    ) -> Guest {
        let days = Guest::new(Status::Active).days.filter(|_| has_days);
        let departments = departments(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let default_department = default.map(DepartmentId);
        Guest { was, status, step, memory, days, after_stay: false, departments, default_department, texts }
    }
}

/// Something that a guest may do.
#[derive(Clone, Debug)]
enum Does {
    Write(String),
    Tap(String, String),
    Send,
}

impl Does {
    fn said(&self) -> Said<'_> {
        match self {
            Self::Write(text) => Said::Text(text),
            Self::Tap(id, title) => Said::Choice { id, title },
            Self::Send => Said::Other,
        }
    }
}

fn a_text() -> impl Strategy<Value = String> {
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

fn something() -> impl Strategy<Value = Does> {
    let ids = ["person", "yes", "no", "more", "change_arrival", "change_wishes", "department:1", "department:x"];
    let id = prop_oneof![select(ids.to_vec()).prop_map(str::to_owned), r"\PC{0,200}", r"department:\d{1,20}"];
    prop_oneof![5 => a_text().prop_map(Does::Write), 2 => (id, a_text()).prop_map(|(id, title)| Does::Tap(id, title)), 1 => Just(Does::Send)]
}

/// Something in which the flow can see no meaning: no word of it is known.
fn nothing_meant() -> impl Strategy<Value = Does> {
    prop_oneof![
        "zq[a-y]{1,9}( zq[a-y]{1,9}){0,5}[.!?]?( [0-9]{1,3}zq)?".prop_map(Does::Write),
        r"[?!🙂]{1,3}".prop_map(Does::Write),
        ("zq[a-z]{1,9}", "zq[a-z]{1,9}").prop_map(|(id, title)| Does::Tap(id, title)),
        Just(Does::Send),
    ]
}

fn assert_within_limits(say: &Say) -> Result<(), TestCaseError> {
    let length = |text: &str| text.encode_utf16().count();
    let most = if say.choices.is_empty() { 4096 } else { 1024 };
    prop_assert!(length(&say.text) <= most, "{}", say.text);
    prop_assert!(MessageText::parse(&say.text.replace('\0', "")).is_ok());
    prop_assert!(say.choices.len() <= 10);
    prop_assert_eq!(say.button.is_empty(), say.choices.is_empty());
    prop_assert!(length(&say.button) <= 20);
    for (at, row) in say.choices.iter().enumerate() {
        prop_assert!(!row.id.is_empty() && length(&row.id) <= 200);
        prop_assert!(say.choices.iter().skip(at + 1).all(|other| other.id != row.id));
        prop_assert!(!row.title.is_empty() && length(&row.title) <= 24, "{:?}", row.title);
        prop_assert!(row.description.as_ref().is_none_or(|it| length(it) <= 72));
    }
    Ok(())
}

fn assert_in_order(guest: &Guest, turn: &Turn) -> Result<(), TestCaseError> {
    for say in &turn.say {
        assert_within_limits(say)?;
    }
    prop_assert!(turn.route.is_none_or(|route| guest.departments.iter().any(|it| it.id == route)));
    prop_assert!(turn.route.is_none() || !turn.say.is_empty(), "who is connected is told so");
    Ok(())
}

proptest! {
    #[test]
    fn whatever_is_said_gets_an_answer_within_the_limits(
        mut guest in a_guest(),
        does in vec(something(), 1..6),
    ) {
        for does in &does {
            let turn = answer(&guest.situation(), &does.said());
            assert_in_order(&guest, &turn)?;
            prop_assert_eq!(&answer(&guest.situation(), &does.said()), &turn, "the same again");
            guest.take_in(&turn);
        }
        assert_in_order(&guest, &given_back(&guest.situation()))?;
        assert_in_order(&guest, &farewell(&guest.situation()))?;
    }

    #[test]
    fn while_people_talk_nothing_is_said_and_nothing_changes(mut guest in a_guest(), does in something()) {
        guest.status = Status::Relay;
        let turn = answer(&guest.situation(), &does.said());
        let unchanged = Turn { say: vec![], step: guest.step, memory: guest.memory.clone(), route: None };
        prop_assert_eq!(&turn, &unchanged);
        prop_assert_eq!(&given_back(&guest.situation()), &unchanged);
    }

    #[test]
    fn of_three_messages_without_a_meaning_one_reaches_a_person(
        mut guest in a_guest(),
        status in select(&[Status::Demo, Status::Checkin, Status::Active][..]),
        names in vec(select(&NAMES[..6]), 1..25),
        does in vec(nothing_meant(), 3),
    ) {
        (guest.status, guest.departments) = (status, departments(&names));
        // Before a stay they would be answers: there, only what cannot be one.
        let does = does.into_iter().map(|it| if status == Status::Checkin { Does::Send } else { it });
        let routed = does.map(|it| guest.says(&it.said())).find_map(|it| it.route);
        prop_assert!(routed.is_some());
        prop_assert_eq!(guest.status, Status::Relay);
    }

    #[test]
    fn a_name_within_a_longer_word_is_no_name(name in select(&NAMES[..6]), before in "[a-zé]{0,3}", after in "[a-zé]{0,3}") {
        prop_assume!(!before.is_empty() || !after.is_empty());
        let mut guest = Guest::new(Status::Active).with_departments(&[name, "zq"]);
        let turn = guest.writes(&format!("the {before}{name}{after}!"));
        prop_assert_eq!(turn.route, None, "{}", text(&turn));
    }

    #[test]
    fn a_number_counts_only_as_the_whole_answer(number in 1..5_usize, beside in "[a-z]{1,5}|[0-9]|%|-1") {
        let mut guest = Guest::new(Status::Active);
        guest.writes("hello");
        prop_assert_eq!(answer(&guest.situation(), &Said::Text(&format!("{number}{beside}"))).route, None);
        prop_assert_eq!(answer(&guest.situation(), &Said::Text(&format!("{number} {beside}"))).route, None);
        let routed = guest.writes(&format!(" {number}.")).route;
        prop_assert_eq!(routed, guest.departments.get(number - 1).map(|it| it.id));
    }
}
