use super::*;

/// What the guest does, and with what the answer begins. `[photo]` is no text, other brackets
/// hold the id of a row that is tapped.
type Line<'a> = (&'a str, &'a str);

const NO_STAY: &str =
    "Hello, this is Grand Hotel. We found no stay under this number.\n\nShall we connect you with Reception?";
const CHECKIN: &str = "Hello Ana, we look forward to your stay at Grand Hotel from 3 December 2026.\n\nAt what time";
const GREETING: &str = "Hello Ana, welcome to Grand Hotel.\n\nWhom would you like to talk to?";
const MENU: &str = "Whom would you like to talk to?";
const SORRY: &str = "Sorry, we did not understand that.";
const TO_RECEPTION: &str = "We are connecting you with Reception.";
const TO_HOUSEKEEPING: &str = "We are connecting you with Housekeeping.";
const SILENCE: &str = "";

/// Plays a talk. Whoever is told that they are connected is connected, with that department, and
/// nobody else is.
fn play(mut guest: Guest, lines: &[Line<'_>]) -> Guest {
    for &(does, answered) in lines {
        let turn = match does.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            Some("photo") => guest.says(&Said::Other),
            Some(id) => guest.taps(id, "The label"),
            None => guest.writes(does),
        };
        let said = text(&turn);
        assert!(said.starts_with(answered), "{does:?} was answered: {said}");
        assert_eq!(said.is_empty(), answered.is_empty(), "{does:?} was answered: {said}");
        let told = said.strip_prefix("We are connecting you with ").and_then(|it| it.split_once('.'));
        let routed = guest.departments.iter().find(|it| Some(it.id) == turn.route);
        assert_eq!(told.map(|(name, _)| name), routed.map(|it| it.name.as_str()), "{does:?}");
    }
    guest
}

#[test]
fn who_has_no_stay_is_told_so_and_gets_reception_when_they_ask_or_write_again() {
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
        // Whatever it is.
        "With a pool?",
        "[photo]",
        "[department:99]",
    ] {
        let talk = [("Is there a room?", NO_STAY), (again, TO_RECEPTION), ("Hello?", SILENCE)];
        play(Guest::new(Status::Demo), &talk);
    }
    for at_once in
        ["When does reception open?", "Talk to somebody, please", "could i speak with a real person", "[person]"]
    {
        play(Guest::new(Status::Demo), &[(at_once, TO_RECEPTION)]);
    }
    for first in ["hello", "22 towels", "receptions", "yes", "1", "Housekeeping", "[photo]"] {
        play(Guest::new(Status::Demo), &[(first, NO_STAY)]);
    }
}

#[test]
fn who_has_no_stay_may_want_nothing() {
    let talk = [("hello", NO_STAY), ("no, thanks", "All right."), ("hello", NO_STAY), ("thank you", "All right.")];
    play(Guest::new(Status::Demo), &talk);
    let talk =
        [("hello", NO_STAY), ("menu", "Shall we connect"), ("stop", SILENCE), ("well", SORRY), ("so", TO_RECEPTION)];
    play(Guest::new(Status::Demo), &talk);
}

#[test]
fn the_default_department_is_offered_and_asked_for_by_its_name() {
    let guest = || Guest {
        default_department: Some(DepartmentId(2)),
        ..Guest::new(Status::Demo).with_departments(&["Kitchen", "Front Desk"])
    };
    play(guest(), &[("Front desk, please", "We are connecting you with Front Desk.")]);
    play(guest(), &[("When does reception open?", "We are connecting you with Front Desk.")]);
    play(guest(), &[("kitchen", "Hello"), ("kitchen", "We are connecting you with Front Desk.")]);
    // One that is not there is none: then the first helps.
    for default in [None, Some(DepartmentId(9))] {
        let guest = Guest { default_department: default, ..guest() };
        play(guest, &[("hello", "Hello"), ("yes", "We are connecting you with Kitchen.")]);
    }
}

#[test]
fn before_the_stay_arrival_and_wishes_are_asked_for_and_confirmed() {
    let asked = play(Guest::new(Status::Checkin), &[("Hi there", CHECKIN)]);
    assert_eq!(asked.step, Step::Arrival);
    let asked = play(asked, &[(" about 15:30 ", "Do you have any wishes for your stay?")]);
    assert_eq!(asked.step, Step::Wishes);
    let summary = "Arrival: about 15:30\nWishes: A cot. One person smokes\n\nIs this correct?\n\n\
                   1. Yes, all correct\n2. Change arrival time\n3. Change wishes\n0. Talk to a person";
    let asked = play(asked, &[("A cot. One person smokes", summary)]);
    assert_eq!(asked.step, Step::Confirm);
    let noted = "Thank you, Ana. We have noted:\nArrival: about 15:30\nWishes: A cot. One person smokes";
    let asked = play(asked, &[("yes", noted), ("Thank you very much!", SILENCE), ("ok", SILENCE)]);
    assert_eq!(asked.step, Step::Ready);
    let memory = Memory {
        arrival_time: Some("about 15:30".into()),
        wishes: Some("A cot. One person smokes".into()),
        confirmed: true,
        language: Some(Language::English),
        ..Memory::default()
    };
    assert_eq!(asked.memory, memory);
}

#[test]
fn answers_can_be_changed_before_and_after_they_were_confirmed() {
    let talk = [
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
    let guest = play(Guest::new(Status::Checkin), &talk);
    assert!(!guest.memory.confirmed, "a changed answer is to be confirmed again");
    assert_eq!(guest.memory.wishes.as_deref(), Some(""));
}

#[test]
fn before_the_stay_a_person_can_be_asked_for_at_any_step() {
    let talk =
        [("hello", CHECKIN), ("15:30", "Do you have any wishes"), ("no wishes", "Arrival"), ("yes", "Thank you, Ana.")];
    for steps in 0..=talk.len() {
        let (before, _) = talk.split_at(steps);
        for asks in
            ["talk to a person", "Quiero hablar con una persona", "Reception please", "[person]", "[department:1]"]
        {
            let guest = play(Guest::new(Status::Checkin), before);
            let memory = guest.memory.clone();
            assert_eq!(play(guest, &[(asks, TO_RECEPTION)]).memory, memory, "the answers are kept");
        }
        if steps > 0 {
            play(play(Guest::new(Status::Checkin), before), &[("0", TO_RECEPTION)]);
        }
    }
}

#[test]
fn before_the_stay_what_is_no_answer_is_asked_again_and_then_a_person_helps() {
    let asked = [("hello", CHECKIN), ("15:30", "Do you have"), ("a cot", "Arrival"), ("yes", "Thank you, Ana.")];
    for (steps, no_answers) in [
        (1, vec!["Is there a car park?", "hello", "yes", "no", "[photo]", "[yes]", "[department:99]", "[odd]"]),
        (2, vec!["Good morning", "[photo]", "[odd]", "[change_wishes]"]),
        (3, vec!["a cot", "4", "[photo]", "[odd]"]),
        (4, vec!["We bring a dog", "3", "[photo]", "[odd]"]),
    ] {
        for no_answer in &no_answers {
            let guest = play(Guest::new(Status::Checkin), &asked[..steps]);
            let step = guest.step;
            let guest = play(guest, &[(no_answer, SORRY)]);
            assert_eq!(guest.step, step);
            play(guest, &[("[photo]", TO_RECEPTION)]);
        }
    }
    // A miss that an answer follows is forgotten.
    play(
        Guest::new(Status::Checkin),
        &[("hello", CHECKIN), ("[photo]", SORRY), ("noon", "Do you"), ("[photo]", SORRY), ("a cot", "Arrival: noon")],
    );
}

#[test]
fn in_the_stay_the_menu_is_answered_by_row_number_or_name() {
    let menu = "Hello Ana, welcome to Grand Hotel.\n\nWhom would you like to talk to? Please choose, or answer with \
                the number or the name.\n\n1. Reception\n2. Housekeeping\n3. Spa\n4. Spa Bar";
    let mut guest = Guest::new(Status::Active);
    let turn = guest.writes("hello");
    assert_eq!((text(&turn).as_str(), turn.step), (menu, Step::Menu));
    assert_eq!(ids(&turn), ["department:1", "department:2", "department:3", "department:4"]);
    for chooses in ["[department:2]", "2", " 2. ", "#2", "2️⃣", "２", "housekeeping", "HOUSEKEEPING, two towels please"]
    {
        play(Guest::new(Status::Active), &[("hello", GREETING), (chooses, TO_HOUSEKEEPING), ("Hello?", SILENCE)]);
    }
    for (chooses, name) in
        [("spa", "Spa"), ("the spa bar", "Spa Bar"), ("A table.Spa-bar", "Spa Bar"), ("spa's", "Spa")]
    {
        play(
            Guest::new(Status::Active),
            &[("hello", GREETING), (chooses, &format!("We are connecting you with {name}."))],
        );
    }
    for no_choice in
        ["22 towels", "2 towels", "5", "0", "space", "housekeepers", "bar", "yes", "[department:9]", "[yes]"]
    {
        play(Guest::new(Status::Active), &[("hello", GREETING), (no_choice, SORRY)]);
    }
    // A button with another id, as those of templates have, is what its label says.
    assert_eq!(guest.taps("Housekeeping", "Housekeeping").route, Some(DepartmentId(2)));
}

#[test]
fn in_the_stay_a_name_is_understood_at_once_and_a_number_after_the_menu() {
    for asks in ["Housekeeping: two towels", "[department:2]"] {
        play(Guest::new(Status::Active), &[(asks, TO_HOUSEKEEPING)]);
    }
    play(Guest::new(Status::Active), &[("2", GREETING), ("2", TO_HOUSEKEEPING)]);
}

#[test]
fn in_the_stay_the_second_text_in_a_row_that_means_nothing_gets_reception() {
    for means_nothing in ["two towels", "[photo]", "[odd]", "yes"] {
        play(Guest::new(Status::Active), &[(means_nothing, GREETING), (means_nothing, TO_RECEPTION)]);
        let greeted = [("good morning", GREETING), (means_nothing, SORRY), (means_nothing, TO_RECEPTION)];
        play(Guest::new(Status::Active), &greeted);
        let menu_between = [(means_nothing, GREETING), ("menu", MENU), (means_nothing, SORRY), ("hi", TO_RECEPTION)];
        play(Guest::new(Status::Active), &menu_between);
    }
    play(Guest::new(Status::Active), &[("hello", GREETING), ("hello", GREETING), ("hello", TO_RECEPTION)]);
    play(Guest::new(Status::Active), &[("hello", GREETING), ("is anybody there? a person please", SORRY)]);
    play(Guest::new(Status::Active), &[("I want to talk to a real person", TO_RECEPTION)]);
}

#[test]
fn several_departments_are_asked_about() {
    let mut guest = Guest::new(Status::Active);
    let turn = guest.writes("Spa or housekeeping?");
    assert_eq!(text(&turn), "Which of these do you mean?\n\n2. Housekeeping\n3. Spa");
    assert_eq!((ids(&turn), turn.route), (vec!["department:2", "department:3"], None));
    assert_eq!(guest.writes("2").route, Some(DepartmentId(2)));
    let which = "Which of these do you mean?";
    play(Guest::new(Status::Active), &[("hi", GREETING), ("reception, spa", which), ("reception, spa", TO_RECEPTION)]);
    let alike = "Which of these do you mean?\n\n1. Café\n2. cafe";
    let talk = [("hi", GREETING), ("cafe", alike), ("2", "We are connecting you with cafe.")];
    play(Guest::new(Status::Active).with_departments(&["Café", "cafe", "Reception"]), &talk);
    let many = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    let turn = Guest::new(Status::Active).with_departments(&many).writes(&many.join(" "));
    assert_eq!(ids(&turn).len(), 10, "a list has no room for more");
}

#[test]
fn in_the_stay_thanks_need_no_answer_and_stop_gets_none() {
    let said = [("hello", GREETING), ("ok thank you", SILENCE), ("no, thanks", SILENCE), ("STOP", SILENCE)];
    let guest = play(Guest::new(Status::Active), &said);
    play(guest, &[("help", MENU), ("2", TO_HOUSEKEEPING)]);
    play(Guest::new(Status::Active), &[("stop", SILENCE), ("Menú", GREETING)]);
}

#[test]
fn a_long_menu_has_pages() {
    let names: Vec<_> = (1..=20).map(|it| format!("Bar no {it}x")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut guest = Guest::new(Status::Active).with_departments(&names);
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
    assert_eq!(guest.memory.page, 0, "after the last page comes the first");
    // Every number counts, whatever page is shown.
    assert_eq!(guest.writes("20").route, Some(DepartmentId(20)));
    let mut ten = Guest::new(Status::Active).with_departments(names.split_at(10).0);
    assert!(text(&ten.writes("hello")).ends_with("\n10. Bar no 10x"));
}

#[test]
fn a_closed_conversation_begins_anew() {
    for (status, answered) in [(Status::Active, GREETING), (Status::Demo, NO_STAY)] {
        for step in Step::ALL {
            let memory = Memory { misses: 1, page: 3, arrival_time: Some("noon".into()), ..Memory::default() };
            let guest = Guest { was: Status::Closed, step, memory, ..Guest::new(status) };
            let guest = play(guest, &[("two towels", answered)]);
            assert_eq!((guest.memory.misses, guest.memory.page), (1, 0));
            assert_eq!(guest.memory.arrival_time.as_deref(), Some("noon"), "what the guest told is kept");
        }
    }
}

#[test]
fn a_stay_that_is_known_or_begins_begins_anew() {
    let guest = Guest { was: Status::Checkin, step: Step::Wishes, ..Guest::new(Status::Active) };
    play(guest, &[("two towels", GREETING)]);
    let guest = Guest { step: Step::Offered, ..Guest::new(Status::Checkin) };
    play(guest, &[("two towels", CHECKIN)]);
    // What was told already is not asked again.
    let memory = Memory { arrival_time: Some("noon".into()), ..Memory::default() };
    let guest = Guest { memory, ..Guest::new(Status::Checkin) };
    let turn = play(guest, &[]).writes("hello");
    assert!(text(&turn).contains("\n\nDo you have any wishes"), "{}", text(&turn));
}

#[test]
fn after_staff_the_menu_comes_again() {
    for (status, asked) in [(Status::Active, MENU), (Status::Demo, "Shall we connect you with Reception?")] {
        let mut guest = Guest { memory: Memory { misses: 1, page: 1, ..Memory::default() }, ..Guest::new(status) };
        let turn = given_back(&guest.situation());
        assert!(text(&turn).starts_with(&format!("We hope that we could help you.\n\n{asked}")), "{}", text(&turn));
        assert_eq!((turn.route, turn.memory.misses, turn.memory.page), (None, 0, 0));
        guest.take_in(&turn);
        play(guest, &[("1", TO_RECEPTION)]);
    }
}

#[test]
fn who_checks_out_is_wished_a_good_journey() {
    for status in Status::ALL {
        let memory = Memory { arrival_time: Some("noon".into()), misses: 1, ..Memory::default() };
        let turn = farewell(&Guest { memory, step: Step::Menu, ..Guest::new(status) }.situation());
        assert_eq!(text(&turn), "Thank you for staying at Grand Hotel, Ana. Have a good journey!");
        assert_eq!((turn.step, turn.route, turn.memory.misses), (Step::Start, None, 0));
        assert_eq!(turn.memory.arrival_time.as_deref(), Some("noon"));
    }
}

#[test]
fn without_departments_messages_are_received() {
    let received = "Thank you, we have received your message.";
    let guest = |status| Guest { default_department: None, ..Guest::new(status).with_departments(&[]) };
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
fn a_guest_whose_stay_is_over_is_greeted_otherwise() {
    let mut guest = Guest { after_stay: true, ..Guest::new(Status::Active) };
    let said = text(&guest.writes("I forgot my umbrella"));
    assert!(said.starts_with("Hello Ana, thank you again for having stayed at Grand Hotel."), "{said}");
    assert!(said.contains("Whom would you like to talk to?"), "{said}");
    let said = text(&guest.writes("Hola"));
    assert!(!said.contains("welcome"), "{said}");
}
