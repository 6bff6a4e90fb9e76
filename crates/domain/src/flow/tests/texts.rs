use super::*;
use crate::placeholders;

#[test]
fn stored_names_are_parsed() {
    for &step in FlowStep::ALL {
        assert_eq!(step.as_str().parse(), Ok(step));
    }
    for &language in FlowLanguage::ALL {
        assert_eq!(language.as_str().parse(), Ok(language));
    }
    assert_eq!("active".parse::<FlowStep>(), Err(crate::UnknownName { names: FlowStep::NAMES }));
}

#[test]
fn replies_are_in_the_language_of_the_guest() {
    let mut guest = TestGuest::new(Status::Checkin);
    let outcome = guest.writes("¡Hola! ¿Hay aparcamiento?");
    let asked = "Hola Ana, le esperamos en Grand Hotel el 3 de diciembre de 2026.\n\n¿A qué hora piensa llegar?\n\n\
                 0. Hablar con una persona";
    assert_eq!((text(&outcome).as_str(), outcome.memory.language), (asked, Some(FlowLanguage::Spanish)));
    assert!(text(&guest.writes("a las 15:30")).starts_with("¿Tiene algún deseo"));
    assert!(text(&guest.writes("Ninguno, gracias")).starts_with("Llegada: a las 15:30\nDeseos: Ningún deseo\n"));
    assert!(text(&guest.writes("in English, please")).starts_with("Arrival: a las 15:30\nWishes: No wishes\n"));
    assert!(text(&guest.writes("Sí")).starts_with("Thank you"));
    assert!(text(&guest.writes("español")).starts_with("Gracias, Ana."));
}

#[test]
fn the_hotel_sets_the_first_language() {
    for (chosen, begins) in [(" es ", "Hola Ana"), ("en", "Hello Ana"), ("xx", "Hello Ana")] {
        let mut guest = TestGuest::new(Status::Active).with_texts(&[(LANGUAGE_SETTING, chosen)]);
        assert!(text(&guest.writes("two towels")).starts_with(begins));
    }
    let mut guest = TestGuest::new(Status::Active).with_texts(&[(LANGUAGE_SETTING, "es")]);
    assert!(text(&guest.writes("Hello")).starts_with("Hello Ana"), "a greeting overrides the setting");
}

#[test]
fn templates_replace_built_in_texts() {
    let own = [
        ("flow.greeting", "Moin {{ guest_name }} in {{room_number}}, {{check_in}} to {{check_out}}."),
        ("flow.menu", "Wer soll helfen?"),
        ("flow.menu.es", "¿Quién le ayuda?"),
        ("flow.choice.person", "Mit einem Menschen reden"),
    ];
    let mut guest = TestGuest::new(Status::Active).with_texts(&own);
    assert!(
        text(&guest.writes("moin"))
            .starts_with("Moin Ana in 101, 3 December 2026 to 7 December 2026.\n\nWer soll helfen?\n\n1. Reception")
    );
    assert!(text(&guest.writes("español")).starts_with("¿Quién le ayuda?"));
    // A choice is understood by its label in the hotel's own text.
    let mut guest = TestGuest::new(Status::Checkin).with_texts(&own);
    guest.writes("moin");
    assert_eq!(guest.writes("mit einem menschen REDEN").route, Some(DepartmentId(1)));
}

#[test]
fn unusable_templates_are_skipped() {
    for bad in ["", " \n", "{{unknown}}", "Wishes: {{wishes}}", "{{staff_name}}, {{guest_name}}"] {
        let mut guest = TestGuest::new(Status::Active).with_texts(&[("flow.greeting", bad)]);
        assert!(text(&guest.writes("hi")).starts_with("Hello Ana, welcome"), "{bad}");
        let own = [("flow.greeting.en", bad), ("flow.greeting", "Moin!")];
        let mut guest = TestGuest::new(Status::Active).with_texts(&own);
        assert!(text(&guest.writes("hi")).starts_with("Moin!"), "{bad}");
    }
}

#[test]
fn values_are_inserted_literally() {
    let mut guest = TestGuest::new(Status::Checkin).with_texts(&[("flow.choice.no_wishes", "{{wishes}}")]);
    guest.writes("hello");
    guest.writes("{{guest_name}} {{wishes}}");
    assert!(text(&guest.writes("none")).starts_with("Arrival: {{guest_name}} {{wishes}}\nWishes: No wishes"));
}

#[test]
fn built_in_texts_use_known_placeholders() {
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
    for name in FlowText::ALL {
        for &language in FlowLanguage::ALL {
            let content = name.built_in(language);
            assert!(placeholders::placeholders(content).iter().all(|it| known.contains(it)), "{content}");
        }
        let [english, spanish] = [FlowLanguage::English, FlowLanguage::Spanish]
            .map(|it| placeholders::placeholders(name.built_in(it)).len());
        assert_eq!(english, spanish, "{name:?}");
    }
    // Unknown days of a stay and missing answers are rendered as empty values.
    let mut guest = TestGuest { days: None, step: FlowStep::Confirm, ..TestGuest::new(Status::Checkin) };
    assert!(text(&guest.writes("yes")).starts_with("Thank you, Ana. We have noted:\nArrival: \nWishes: "));
}

#[test]
fn built_in_labels_are_not_truncated() {
    for name in FlowText::ALL.iter().filter(|it| it.as_str().starts_with("flow.choice.")) {
        for &language in FlowLanguage::ALL {
            assert!(name.built_in(language).chars().count() <= 24, "{name:?}");
        }
    }
}

#[test]
fn long_names_are_truncated_in_the_title_and_kept_in_the_description() {
    let name = "Restaurant on the roof terrace, open from May";
    let mut guest = TestGuest::new(Status::Active).with_departments(&["Spa", name]);
    let outcome = guest.writes("hello");
    let rows = outcome.prompts.first().unwrap().choices();
    let title_and_description = |row: &PromptRow| (row.title().to_owned(), row.description().map(str::to_owned));
    assert_eq!(
        rows.iter().map(title_and_description).collect::<Vec<_>>(),
        [("Spa".to_owned(), None), ("Restaurant on the roof…".to_owned(), Some(name.to_owned())),]
    );
    assert!(text(&outcome).ends_with(&format!("2. {name}")));
}

#[test]
fn long_names_leave_room_for_the_question() {
    let name = "n".repeat(200);
    let reply = text(&TestGuest::new(Status::Active).with_departments(&[name.as_str(); 10]).writes("hello"));
    assert!(reply.contains("answer with the number or the name.\n\n1. nnn") && reply.contains("\n10. nnn"), "{reply}");
}

#[test]
fn stored_answers_are_bounded() {
    let mut guest = TestGuest { step: FlowStep::Arrival, ..TestGuest::new(Status::Checkin) };
    guest.writes(&"1 ".repeat(2048));
    guest.writes(&"🛏".repeat(4096));
    assert_eq!(guest.memory.arrival_time.map(|it| it.chars().count()), Some(100));
    assert_eq!(guest.memory.wishes.map(|it| it.chars().count()), Some(250));
}

/// `docs/flow.md` lists every text, step and placeholder.
#[test]
fn the_documentation_is_complete() {
    let page = include_str!("../../../../../docs/flow.md");
    for name in FlowText::ALL {
        let [english, spanish] =
            [FlowLanguage::English, FlowLanguage::Spanish].map(|it| name.built_in(it).replace('\n', "⏎"));
        let row = format!("| `{}` | {english} | {spanish} |", name.as_str());
        assert!(page.contains(&row), "{row}");
        for placeholder in placeholders::placeholders(name.built_in(FlowLanguage::English)) {
            assert!(page.contains(&format!("`{{{{{placeholder}}}}}`")), "{placeholder}");
        }
    }
    for step in FlowStep::ALL.iter().filter(|&&it| it != FlowStep::Start) {
        assert!(page.contains(&format!("`{}`", step.as_str())), "{step:?}");
    }
    assert!(page.contains(&format!("`{LANGUAGE_SETTING}`")));
}
