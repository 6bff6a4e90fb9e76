use super::*;

/// A guest message and the beginning of the flow's reply. `[photo]` is a message without text; other brackets hold the
/// id of a selected row.
type DialogueLine<'a> = (&'a str, &'a str);

const NO_STAY: &str =
    "Hello, this is Grand Hotel. We found no stay under this number.\n\nShall we connect you with Reception?";
const CHECKIN: &str = "Hello Ana, we look forward to your stay at Grand Hotel from 3 December 2026.\n\nAt what time";
const GREETING: &str = "Hello Ana, welcome to Grand Hotel.\n\nWhom would you like to talk to?";
const MENU: &str = "Whom would you like to talk to?";
const SORRY: &str = "Sorry, we did not understand that.";
const TO_RECEPTION: &str = "We are connecting you with Reception.";
const TO_HOUSEKEEPING: &str = "We are connecting you with Housekeeping.";
const SILENCE: &str = "";

/// Plays a dialogue. Checks that exactly the replies that promise a department also route to that department.
fn play(mut guest: TestGuest, lines: &[DialogueLine<'_>]) -> TestGuest {
    for &(message, expected) in lines {
        let outcome = match message.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            Some("photo") => guest.sends(&FlowInput::Other),
            Some(id) => guest.taps(id, "The label"),
            None => guest.writes(message),
        };
        let reply = text(&outcome);
        assert!(reply.starts_with(expected), "{message:?} got: {reply}");
        assert_eq!(reply.is_empty(), expected.is_empty(), "{message:?} got: {reply}");
        let promised = reply.strip_prefix("We are connecting you with ").and_then(|it| it.split_once('.'));
        let routed = guest.departments.iter().find(|it| Some(it.id) == outcome.route);
        assert_eq!(promised.map(|(name, _)| name), routed.map(|it| it.name.as_str()), "{message:?}");
    }
    guest
}

#[test]
fn without_a_stay_the_second_message_reaches_the_reception() {
    for again in [
        "yes",
        "Yes, please!",
        "OK, thanks",
        "Sí",
        "1",
        "1.",
        "reception",
        "Talk to a person",
        "[person]",
        // A second message that is not understood connects the guest as well.
        "With a pool?",
        "[photo]",
        "[department:99]",
    ] {
        let lines = [("Is there a room?", NO_STAY), (again, TO_RECEPTION), ("Hello?", SILENCE)];
        play(TestGuest::new(Status::Demo), &lines);
    }
    for at_once in
        ["When message reception open?", "Talk to somebody, please", "could i speak with a real person", "[person]"]
    {
        play(TestGuest::new(Status::Demo), &[(at_once, TO_RECEPTION)]);
    }
    for first in ["hello", "22 towels", "receptions", "yes", "1", "Housekeeping", "[photo]"] {
        play(TestGuest::new(Status::Demo), &[(first, NO_STAY)]);
    }
}

#[test]
fn without_a_stay_the_offer_can_be_declined() {
    let lines = [("hello", NO_STAY), ("no, thanks", "All right."), ("hello", NO_STAY), ("thank you", "All right.")];
    play(TestGuest::new(Status::Demo), &lines);
    let lines =
        [("hello", NO_STAY), ("menu", "Shall we connect"), ("stop", SILENCE), ("well", SORRY), ("so", TO_RECEPTION)];
    play(TestGuest::new(Status::Demo), &lines);
}

#[test]
fn the_default_department_is_offered_and_matched_by_name() {
    let guest = || TestGuest {
        default_department: Some(DepartmentId(2)),
        ..TestGuest::new(Status::Demo).with_departments(&["Kitchen", "Front Desk"])
    };
    play(guest(), &[("Front desk, please", "We are connecting you with Front Desk.")]);
    play(guest(), &[("When message reception open?", "We are connecting you with Front Desk.")]);
    play(guest(), &[("kitchen", "Hello"), ("kitchen", "We are connecting you with Front Desk.")]);
    // If the hotel has no valid default department, the first department is used.
    for default in [None, Some(DepartmentId(9))] {
        let guest = TestGuest { default_department: default, ..guest() };
        play(guest, &[("hello", "Hello"), ("yes", "We are connecting you with Kitchen.")]);
    }
}

#[test]
fn before_the_stay_arrival_and_wishes_are_asked_for_and_confirmed() {
    let asked = play(TestGuest::new(Status::Checkin), &[("Hi there", CHECKIN)]);
    assert_eq!(asked.step, FlowStep::Arrival);
    let asked = play(asked, &[(" about 15:30 ", "Do you have any wishes for your stay?")]);
    assert_eq!(asked.step, FlowStep::Wishes);
    let summary = "Arrival: about 15:30\nWishes: A cot. One person smokes\n\nIs this correct?\n\n\
                   1. Yes, all correct\n2. Change arrival time\n3. Change wishes\n0. Talk to a person";
    let asked = play(asked, &[("A cot. One person smokes", summary)]);
    assert_eq!(asked.step, FlowStep::Confirm);
    let noted = "Thank you, Ana. We have noted:\nArrival: about 15:30\nWishes: A cot. One person smokes";
    let asked = play(asked, &[("yes", noted), ("Thank you very much!", SILENCE), ("ok", SILENCE)]);
    assert_eq!(asked.step, FlowStep::Ready);
    let memory = FlowMemory {
        arrival_time: Some("about 15:30".into()),
        wishes: Some("A cot. One person smokes".into()),
        confirmed: true,
        language: Some(FlowLanguage::English),
        ..FlowMemory::default()
    };
    assert_eq!(asked.memory, memory);
}

#[test]
fn answers_can_be_changed_before_and_after_the_confirmation() {
    let lines = [
        ("hello", CHECKIN),
        ("3", "Do you have any wishes"),
        ("1", "Arrival: 3\nWishes: No wishes"),
        ("no", "What would you like to change?\n\nArrival: 3"),
        ("2", "At what time"),
        ("4 pm", "Arrival: 4 pm\nWishes: No wishes"),
        ("change wishes", "Do you have any wishes"),
        ("Could we have a cot?", "Arrival: 4 pm\nWishes: Could we have a cot?"),
        ("[yes]", "Thank you, Ana."),
        ("1", "At what time"),
        ("17:00?", "Arrival: 17:00?\nWishes: Could we have a cot?"),
        ("all right", "Thank you, Ana."),
        ("[change_wishes]", "Do you have any wishes"),
        ("none", "Arrival: 17:00?\nWishes: No wishes"),
    ];
    let guest = play(TestGuest::new(Status::Checkin), &lines);
    assert!(!guest.memory.confirmed, "a changed answer needs a new confirmation");
    assert_eq!(guest.memory.wishes.as_deref(), Some(""));
}

#[test]
fn before_the_stay_a_person_is_available_at_any_step() {
    let lines =
        [("hello", CHECKIN), ("15:30", "Do you have any wishes"), ("no wishes", "Arrival"), ("yes", "Thank you, Ana.")];
    for steps in 0..=lines.len() {
        let (before, _) = lines.split_at(steps);
        for asks in
            ["talk to a person", "Quiero hablar con una persona", "Reception please", "[person]", "[department:1]"]
        {
            let guest = play(TestGuest::new(Status::Checkin), before);
            let memory = guest.memory.clone();
            assert_eq!(play(guest, &[(asks, TO_RECEPTION)]).memory, memory, "the answers are kept");
        }
        if steps > 0 {
            play(play(TestGuest::new(Status::Checkin), before), &[("0", TO_RECEPTION)]);
        }
    }
}

#[test]
fn before_the_stay_two_misses_reach_a_person() {
    let asked = [("hello", CHECKIN), ("15:30", "Do you have"), ("a cot", "Arrival"), ("yes", "Thank you, Ana.")];
    for (steps, no_answers) in [
        (1, vec!["Is there a car park?", "hello", "yes", "no", "[photo]", "[yes]", "[department:99]", "[odd]"]),
        (2, vec!["Good morning", "[photo]", "[odd]", "[change_wishes]"]),
        (3, vec!["a cot", "4", "[photo]", "[odd]"]),
        (4, vec!["We bring a dog", "3", "[photo]", "[odd]"]),
    ] {
        for no_answer in &no_answers {
            let guest = play(TestGuest::new(Status::Checkin), &asked[..steps]);
            let step = guest.step;
            let guest = play(guest, &[(no_answer, SORRY)]);
            assert_eq!(guest.step, step);
            play(guest, &[("[photo]", TO_RECEPTION)]);
        }
    }
    // A message that is understood resets the counter of misses.
    play(
        TestGuest::new(Status::Checkin),
        &[("hello", CHECKIN), ("[photo]", SORRY), ("noon", "Do you"), ("[photo]", SORRY), ("a cot", "Arrival: noon")],
    );
}

#[test]
fn during_the_stay_departments_are_chosen_by_row_number_or_name() {
    let menu = "Hello Ana, welcome to Grand Hotel.\n\nWhom would you like to talk to? Please choose, or answer with \
                the number or the name.\n\n1. Reception\n2. Housekeeping\n3. Spa\n4. Spa Bar";
    let mut guest = TestGuest::new(Status::Active);
    let outcome = guest.writes("hello");
    assert_eq!((text(&outcome).as_str(), outcome.step), (menu, FlowStep::Menu));
    assert_eq!(ids(&outcome), ["department:1", "department:2", "department:3", "department:4"]);
    for chooses in ["[department:2]", "2", " 2. ", "#2", "2️⃣", "２", "housekeeping", "HOUSEKEEPING, two towels please"]
    {
        play(TestGuest::new(Status::Active), &[("hello", GREETING), (chooses, TO_HOUSEKEEPING), ("Hello?", SILENCE)]);
    }
    for (chooses, name) in
        [("spa", "Spa"), ("the spa bar", "Spa Bar"), ("A table.Spa-bar", "Spa Bar"), ("spa's", "Spa")]
    {
        play(
            TestGuest::new(Status::Active),
            &[("hello", GREETING), (chooses, &format!("We are connecting you with {name}."))],
        );
    }
    for no_choice in
        ["22 towels", "2 towels", "5", "0", "space", "housekeepers", "bar", "yes", "[department:9]", "[yes]"]
    {
        play(TestGuest::new(Status::Active), &[("hello", GREETING), (no_choice, SORRY)]);
    }
    // A button of a template has an id that is not from the flow; its label counts as text.
    assert_eq!(guest.taps("Housekeeping", "Housekeeping").route, Some(DepartmentId(2)));
}

#[test]
fn during_the_stay_names_count_at_once_and_numbers_after_the_menu() {
    for asks in ["Housekeeping: two towels", "[department:2]"] {
        play(TestGuest::new(Status::Active), &[(asks, TO_HOUSEKEEPING)]);
    }
    play(TestGuest::new(Status::Active), &[("2", GREETING), ("2", TO_HOUSEKEEPING)]);
}

#[test]
fn during_the_stay_two_misses_reach_the_reception() {
    for means_nothing in ["two towels", "[photo]", "[odd]", "yes"] {
        play(TestGuest::new(Status::Active), &[(means_nothing, GREETING), (means_nothing, TO_RECEPTION)]);
        let greeted = [("good morning", GREETING), (means_nothing, SORRY), (means_nothing, TO_RECEPTION)];
        play(TestGuest::new(Status::Active), &greeted);
        let menu_between = [(means_nothing, GREETING), ("menu", MENU), (means_nothing, SORRY), ("hi", TO_RECEPTION)];
        play(TestGuest::new(Status::Active), &menu_between);
    }
    play(TestGuest::new(Status::Active), &[("hello", GREETING), ("hello", GREETING), ("hello", TO_RECEPTION)]);
    play(TestGuest::new(Status::Active), &[("hello", GREETING), ("is anybody there? a person please", SORRY)]);
    play(TestGuest::new(Status::Active), &[("I want to talk to a real person", TO_RECEPTION)]);
}

#[test]
fn several_named_departments_cause_a_question() {
    let mut guest = TestGuest::new(Status::Active);
    let outcome = guest.writes("Spa or housekeeping?");
    assert_eq!(text(&outcome), "Which of these do you mean?\n\n2. Housekeeping\n3. Spa");
    assert_eq!((ids(&outcome), outcome.route), (vec!["department:2", "department:3"], None));
    assert_eq!(guest.writes("2").route, Some(DepartmentId(2)));
    let which = "Which of these do you mean?";
    play(
        TestGuest::new(Status::Active),
        &[("hi", GREETING), ("reception, spa", which), ("reception, spa", TO_RECEPTION)],
    );
    let alike = "Which of these do you mean?\n\n1. Café\n2. cafe";
    let lines = [("hi", GREETING), ("cafe", alike), ("2", "We are connecting you with cafe.")];
    play(TestGuest::new(Status::Active).with_departments(&["Café", "cafe", "Reception"]), &lines);
    let many = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    let outcome = TestGuest::new(Status::Active).with_departments(&many).writes(&many.join(" "));
    assert_eq!(ids(&outcome).len(), 10, "a list has at most ten rows");
}

#[test]
fn during_the_stay_thanks_and_stop_get_no_reply() {
    let reply = [("hello", GREETING), ("ok thank you", SILENCE), ("no, thanks", SILENCE), ("STOP", SILENCE)];
    let guest = play(TestGuest::new(Status::Active), &reply);
    play(guest, &[("help", MENU), ("2", TO_HOUSEKEEPING)]);
    play(TestGuest::new(Status::Active), &[("stop", SILENCE), ("Menú", GREETING)]);
}

#[test]
fn a_long_menu_has_pages() {
    let names: Vec<_> = (1..=20).map(|it| format!("Bar no {it}x")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut guest = TestGuest::new(Status::Active).with_departments(&names);
    let first = text(&guest.writes("hello"));
    assert!(first.ends_with("\n9. Bar no 9x\n0. More"), "{first}");
    let second = text(&guest.writes("0"));
    assert!(second.contains("\n\n10. Bar no 10x\n") && second.ends_with("\n18. Bar no 18x\n0. More"), "{second}");
    let third = text(&guest.taps("more", "More"));
    assert!(third.ends_with("\n\n19. Bar no 19x\n20. Bar no 20x\n0. More"), "{third}");
    assert_eq!(text(&guest.writes("menu")), first.replace("Hello Ana, welcome to Grand Hotel.\n\n", ""));
    for _ in 0..3 {
        guest.writes("more");
    }
    assert_eq!(guest.memory.page, 0, "the first page follows the last one");
    // The number of a department on another page of the menu is understood, too.
    assert_eq!(guest.writes("20").route, Some(DepartmentId(20)));
    let mut ten = TestGuest::new(Status::Active).with_departments(names.split_at(10).0);
    assert!(text(&ten.writes("hello")).ends_with("\n10. Bar no 10x"));
}

#[test]
fn a_closed_conversation_restarts_the_dialogue() {
    for (status, expected) in [(Status::Active, GREETING), (Status::Demo, NO_STAY)] {
        for &step in FlowStep::ALL {
            let memory = FlowMemory { misses: 1, page: 3, arrival_time: Some("noon".into()), ..FlowMemory::default() };
            let guest = TestGuest { was: Status::Closed, step, memory, ..TestGuest::new(status) };
            let guest = play(guest, &[("two towels", expected)]);
            assert_eq!((guest.memory.misses, guest.memory.page), (1, 0));
            assert_eq!(guest.memory.arrival_time.as_deref(), Some("noon"), "the answers are kept");
        }
    }
}

#[test]
fn a_new_status_restarts_the_dialogue() {
    let guest = TestGuest { was: Status::Checkin, step: FlowStep::Wishes, ..TestGuest::new(Status::Active) };
    play(guest, &[("two towels", GREETING)]);
    let guest = TestGuest { step: FlowStep::Offered, ..TestGuest::new(Status::Checkin) };
    play(guest, &[("two towels", CHECKIN)]);
    // Questions that the guest has answered are not asked again.
    let memory = FlowMemory { arrival_time: Some("noon".into()), ..FlowMemory::default() };
    let guest = TestGuest { memory, ..TestGuest::new(Status::Checkin) };
    let outcome = play(guest, &[]).writes("hello");
    assert!(text(&outcome).contains("\n\nDo you have any wishes"), "{}", text(&outcome));
}

#[test]
fn after_a_relay_the_menu_is_shown() {
    for (status, asked) in [(Status::Active, MENU), (Status::Demo, "Shall we connect you with Reception?")] {
        let mut guest =
            TestGuest { memory: FlowMemory { misses: 1, page: 1, ..FlowMemory::default() }, ..TestGuest::new(status) };
        let outcome = resume_after_relay(&guest.context());
        assert!(
            text(&outcome).starts_with(&format!("We hope that we could help you.\n\n{asked}")),
            "{}",
            text(&outcome)
        );
        assert_eq!((outcome.route, outcome.memory.misses, outcome.memory.page), (None, 0, 0));
        guest.apply(&outcome);
        play(guest, &[("1", TO_RECEPTION)]);
    }
}

#[test]
fn check_out_sends_a_farewell() {
    for &status in Status::ALL {
        let memory = FlowMemory { arrival_time: Some("noon".into()), misses: 1, ..FlowMemory::default() };
        let outcome = farewell(&TestGuest { memory, step: FlowStep::Menu, ..TestGuest::new(status) }.context());
        assert_eq!(text(&outcome), "Thank you for staying at Grand Hotel, Ana. Have a good journey!");
        assert_eq!((outcome.step, outcome.route, outcome.memory.misses), (FlowStep::Start, None, 0));
        assert_eq!(outcome.memory.arrival_time.as_deref(), Some("noon"));
    }
}

#[test]
fn without_departments_messages_are_acknowledged() {
    let received = "Thank you, we have received your message.";
    let guest = |status| TestGuest { default_department: None, ..TestGuest::new(status).with_departments(&[]) };
    let greeted = format!("Hello Ana, welcome to Grand Hotel.\n\n{received}");
    play(guest(Status::Active), &[("hello", &greeted), ("towels", received), ("[photo]", received), ("1", received)]);
    let no_stay = format!("Hello, this is Grand Hotel. We found no stay under this number.\n\n{received}");
    play(
        guest(Status::Demo),
        &[("hello", &no_stay), ("yes", received), ("reception", received), ("[photo]", received)],
    );
    let asked = "Hello Ana, we look forward to your stay at Grand Hotel from 3 December 2026.\n\n\
                 At what time do you expect to arrive?";
    let guest = play(guest(Status::Checkin), &[("hello", asked), ("reception", received), ("noon", "Do you")]);
    play(guest, &[("a cot", "Arrival: noon"), ("[photo]", received), ("yes", "Thank you, Ana.")]);
}

#[test]
fn after_the_stay_the_greeting_differs() {
    let mut guest = TestGuest { after_stay: true, ..TestGuest::new(Status::Active) };
    let reply = text(&guest.writes("I forgot my umbrella"));
    assert!(reply.starts_with("Hello Ana, thank you again for having stayed at Grand Hotel."), "{reply}");
    assert!(reply.contains("Whom would you like to talk to?"), "{reply}");
    let reply = text(&guest.writes("Hola"));
    assert!(!reply.contains("welcome"), "{reply}");
}
