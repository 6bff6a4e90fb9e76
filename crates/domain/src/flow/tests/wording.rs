use super::*;
use crate::placeholders;

#[test]
fn words_of_the_column_are_read_back() {
    for step in Step::ALL {
        assert_eq!(step.as_str().parse(), Ok(step));
    }
    for language in Language::ALL {
        assert_eq!(language.as_str().parse(), Ok(language));
    }
    assert_eq!("active".parse::<Step>(), Err(()));
}

#[test]
fn a_guest_is_spoken_to_in_their_language() {
    let mut guest = Guest::new(Status::Checkin);
    let turn = guest.writes("¡Hola! ¿Hay aparcamiento?");
    let asked = "Hola Ana, le esperamos en Grand Hotel el 3 de diciembre de 2026.\n\n¿A qué hora piensa llegar?\n\n\
                 0. Hablar con una persona";
    assert_eq!((text(&turn).as_str(), turn.memory.language), (asked, Some(Language::Spanish)));
    assert!(text(&guest.writes("a las 15:30")).starts_with("¿Tiene algún deseo"));
    assert!(text(&guest.writes("Ninguno, gracias")).starts_with("Llegada: a las 15:30\nDeseos: Ningún deseo\n"));
    assert!(text(&guest.writes("in English, please")).starts_with("Arrival: a las 15:30\nWishes: No wishes\n"));
    assert!(text(&guest.writes("Sí")).starts_with("Thank you"));
    assert!(text(&guest.writes("español")).starts_with("Gracias, Ana."));
}

#[test]
fn a_hotel_chooses_the_language_in_which_it_begins() {
    for (chosen, begins) in [(" es ", "Hola Ana"), ("en", "Hello Ana"), ("xx", "Hello Ana")] {
        let mut guest = Guest::new(Status::Active).with_texts(&[(LANGUAGE, chosen)]);
        assert!(text(&guest.writes("two towels")).starts_with(begins));
    }
    let mut guest = Guest::new(Status::Active).with_texts(&[(LANGUAGE, "es")]);
    assert!(text(&guest.writes("Hello")).starts_with("Hello Ana"), "a guest's greeting goes before");
}

#[test]
fn a_hotel_has_its_own_words() {
    let own = [
        ("flow.greeting", "Moin {{ guest_name }} in {{room_number}}, {{check_in}} to {{check_out}}."),
        ("flow.menu", "Wer soll helfen?"),
        ("flow.menu.es", "¿Quién le ayuda?"),
        ("flow.choice.person", "Mit einem Menschen reden"),
    ];
    let mut guest = Guest::new(Status::Active).with_texts(&own);
    assert!(
        text(&guest.writes("moin"))
            .starts_with("Moin Ana in 101, 3 December 2026 to 7 December 2026.\n\nWer soll helfen?\n\n1. Reception")
    );
    assert!(text(&guest.writes("español")).starts_with("¿Quién le ayuda?"));
    // A label is understood as it is shown.
    let mut guest = Guest::new(Status::Checkin).with_texts(&own);
    guest.writes("moin");
    assert_eq!(guest.writes("mit einem menschen REDEN").route, Some(DepartmentId(1)));
}

#[test]
fn words_of_a_hotel_that_are_of_no_use_are_passed_over() {
    for bad in ["", " \n", "{{unknown}}", "Wishes: {{wishes}}", "{{staff_name}}, {{guest_name}}"] {
        let mut guest = Guest::new(Status::Active).with_texts(&[("flow.greeting", bad)]);
        assert!(text(&guest.writes("hi")).starts_with("Hello Ana, welcome"), "{bad}");
        let own = [("flow.greeting.en", bad), ("flow.greeting", "Moin!")];
        let mut guest = Guest::new(Status::Active).with_texts(&own);
        assert!(text(&guest.writes("hi")).starts_with("Moin!"), "{bad}");
    }
}

#[test]
fn values_are_taken_literally() {
    let mut guest = Guest::new(Status::Checkin).with_texts(&[("flow.choice.no_wishes", "{{wishes}}")]);
    guest.writes("hello");
    guest.writes("{{guest_name}} {{wishes}}");
    assert!(text(&guest.writes("none")).starts_with("Arrival: {{guest_name}} {{wishes}}\nWishes: No wishes"));
}

#[test]
fn what_is_built_in_needs_only_values_that_are_there() {
    let known = [
        "guest_name",
        "hotel_name",
        "room_number",
        "check_in",
        "check_out",
        "department_name",
        "arrival_time",
        "wishes",
    ];
    for name in TextName::ALL {
        for language in Language::ALL {
            let content = name.built_in(language);
            assert!(placeholders::placeholders(content).iter().all(|it| known.contains(it)), "{content}");
        }
        let [english, spanish] = Language::ALL.map(|it| placeholders::placeholders(name.built_in(it)).len());
        assert_eq!(english, spanish, "{name:?}");
    }
    // A caller who has lost the days, or the answers, gets a gap.
    let mut guest = Guest { days: None, step: Step::Confirm, ..Guest::new(Status::Checkin) };
    assert!(text(&guest.writes("yes")).starts_with("Thank you, Ana. We have noted:\nArrival: \nWishes: "));
}

#[test]
fn labels_fit_without_being_cut() {
    for name in TextName::ALL.iter().filter(|it| it.as_str().starts_with("flow.choice.")) {
        for language in Language::ALL {
            assert!(name.built_in(language).chars().count() <= 24, "{name:?}");
        }
    }
}

#[test]
fn long_names_are_cut_and_told_in_full_as_far_as_there_is_room() {
    let name = "Restaurant on the roof terrace, open from May";
    let mut guest = Guest::new(Status::Active).with_departments(&["Spa", name]);
    let turn = guest.writes("hello");
    let rows = &turn.say.first().unwrap().choices;
    let told = |row: &Choice| (row.title.clone(), row.description.clone());
    assert_eq!(
        rows.iter().map(told).collect::<Vec<_>>(),
        [("Spa".to_owned(), None), ("Restaurant on the roof…".to_owned(), Some(name.to_owned())),]
    );
    assert!(text(&turn).ends_with(&format!("2. {name}")));
}

#[test]
fn long_names_leave_room_for_the_question() {
    let name = "n".repeat(200);
    let said = text(&Guest::new(Status::Active).with_departments(&[name.as_str(); 10]).writes("hello"));
    assert!(said.contains("answer with the number or the name.\n\n1. nnn") && said.contains("\n10. nnn"), "{said}");
}

#[test]
fn what_is_kept_of_an_answer_is_bounded() {
    let mut guest = Guest { step: Step::Arrival, ..Guest::new(Status::Checkin) };
    guest.writes(&"1 ".repeat(2048));
    guest.writes(&"🛏".repeat(4096));
    assert_eq!(guest.memory.arrival_time.map(|it| it.chars().count()), Some(100));
    assert_eq!(guest.memory.wishes.map(|it| it.chars().count()), Some(250));
}

/// `docs/flow.md` names every text with what is said, every step and every placeholder.
#[test]
fn the_page_for_hotels_is_complete() {
    let page = include_str!("../../../../../docs/flow.md");
    for name in TextName::ALL {
        let [english, spanish] = Language::ALL.map(|it| name.built_in(it).replace('\n', "⏎"));
        let row = format!("| `{}` | {english} | {spanish} |", name.as_str());
        assert!(page.contains(&row), "{row}");
        for placeholder in placeholders::placeholders(name.built_in(Language::English)) {
            assert!(page.contains(&format!("`{{{{{placeholder}}}}}`")), "{placeholder}");
        }
    }
    for step in Step::ALL.iter().filter(|&&it| it != Step::Start) {
        assert!(page.contains(&format!("`{}`", step.as_str())), "{step:?}");
    }
    assert!(page.contains(&format!("`{LANGUAGE}`")));
}
