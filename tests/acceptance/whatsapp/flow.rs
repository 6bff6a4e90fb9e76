//! What the system answers, as guests and staff see it.

use acceptance::{
    Line, Socket, Value, json, on_both, unique,
    whatsapp::{message, text},
};

use super::{count, digits, id};

/// What the system said in a conversation, in its order.
async fn answers(line: &Line, conversation: &Value) -> Vec<String> {
    let all = line.messages(id(conversation)).await;
    let ours = all.iter().filter(|it| it["sender_type"] == "system");
    ours.map(|it| it["content"].as_str().unwrap().to_owned()).collect()
}

/// The last of it.
async fn answer(line: &Line, conversation: &Value) -> String {
    answers(line, conversation).await.pop().expect("it said nothing")
}

/// A conversation in full.
async fn shown(line: &Line, conversation: &Value) -> Value {
    line.manager().await.get(format!("conversations/{}/", conversation["id"])).await.is(200)
}

/// A stay, and its guest's number without `+`.
async fn booked(line: &Line, check_in: &str) -> (Value, String) {
    let phone = line.new_phone();
    let stay = json!({
        "reservation_code": unique("flow"), "guest_name": unique("Flora"), "guest_phone": phone,
        "room_number": "7", "check_in": check_in, "check_out": "2099-01-01",
    });
    (line.manager().await.post("stays/", stay).await.is(201), digits(&phone).to_owned())
}

/// What the simulator was last sent to a guest as a list.
async fn list(line: &Line, to: &str) -> Value {
    line.until("a list is sent", async || {
        let sends = line.transcript("send").await;
        let of = |it: &&Value| it["body"]["type"] == "interactive" && it["body"]["to"] == format!("+{to}");
        sends.iter().rfind(of).map(|it| it["body"]["interactive"].clone())
    })
    .await
}

/// A guest chooses a row of a list.
fn choice(from: &str, row: &Value) -> Value {
    let reply = json!({ "id": row["id"], "title": row["title"] });
    message(from, json!({ "type": "interactive", "interactive": { "type": "list_reply", "list_reply": reply } }))
}

/// The department to which who asks for nobody else is sent.
async fn default_department(line: &Line) -> usize {
    let hotel = line.manager().await.get("hotel/").await.is(200);
    line.departments.iter().position(|it| hotel["default_department_id"] == it.id).unwrap_or(0)
}

on_both!(whom_no_stay_is_known_of_is_offered_a_person, line => |line| {
    let (phone, default) = (line.new_phone(), default_department(&line).await);
    let from = digits(&phone);
    let mut socket = Socket::open(&line.of(default).await).await;
    line.says(from, "xyzzy").await;
    let talk = line.conversation(from).await;
    let came = socket.expect("new_conversation").await;
    assert_eq!((&came["conversation_id"], &came["stay_id"]), (&talk["id"], &Value::Null));
    assert_eq!((&talk["status"], &talk["department_id"]), (&json!("demo"), &shown(&line, &talk).await["department_id"]));
    assert!(answer(&line, &talk).await.contains("We found no stay under this number."));
    assert_eq!(shown(&line, &talk).await["current_step"], "demo.offer");
    // The second that means nothing goes to a person.
    line.says(from, "plugh").await;
    let routed = socket.expect("new_conversation").await;
    assert_eq!((&routed["conversation_id"], &routed["department_name"]),
        (&talk["id"], &json!(line.departments[default].name)));
    assert!(answer(&line, &talk).await.contains(&format!("connecting you with {}", line.departments[default].name)));
    let before = answers(&line, &talk).await.len();
    line.says(from, "and now people talk").await;
    assert_eq!((&shown(&line, &talk).await["status"], answers(&line, &talk).await.len()), (&json!("relay"), before));
    assert_eq!(line.of(default).await.get(format!("conversations/{}/", talk["id"])).await.is(200)["status"], "relay");
});

on_both!(who_asks_for_reception_gets_a_person_at_once, line => |line| {
    let phone = line.new_phone();
    line.says(digits(&phone), "Reception, please").await;
    assert_eq!(line.conversation(digits(&phone)).await["status"], "relay");
});

on_both!(before_the_stay_it_asks_for_arrival_and_wishes, line => |line| {
    let (_, from) = booked(&line, "2098-12-01").await;
    let at = async |words: &str| {
        line.says(&from, words).await;
        let talk = shown(&line, &line.conversation(&from).await).await;
        (talk["current_step"].as_str().unwrap().to_owned(), answer(&line, &talk).await)
    };
    let (step, said) = at("Hello").await;
    assert!(step == "checkin.arrival" && said.contains("from 1 December 2098") && said.contains("At what time"), "{said}");
    let (step, said) = at("15:00").await;
    assert!(step == "checkin.wishes" && said.contains("any wishes"), "{said}");
    let (step, said) = at("A quiet room").await;
    assert!(step == "checkin.confirm" && said.contains("Arrival: 15:00\nWishes: A quiet room"), "{said}");
    let (step, said) = at("yes").await;
    assert!(step == "checkin.ready" && said.contains("We have noted"), "{said}");
    let talk = shown(&line, &line.conversation(&from).await).await;
    let context = &talk["context_data"];
    assert_eq!((&context["arrival_time"], &context["wishes"], &context["confirmed"]),
        (&json!("15:00"), &json!("A quiet room"), &json!(true)), "{talk}");
    assert_eq!(talk["status"], "checkin");
    line.says(&from, "0").await;
    assert_eq!(line.conversation(&from).await["status"], "relay");
});

on_both!(during_the_stay_the_menu_leads_to_a_department, line => |line| {
    let (_, by_row) = booked(&line, "2020-01-01").await;
    line.says(&by_row, "Hello").await;
    let talk = line.conversation(&by_row).await;
    assert!(answer(&line, &talk).await.contains("Whom would you like to talk to?"));
    assert_eq!((&talk["status"], &shown(&line, &talk).await["current_step"]), (&json!("active"), &json!("active.menu")));
    let rows = list(&line, &by_row).await["action"]["sections"][0]["rows"].as_array().unwrap().clone();
    let names: Vec<&Value> = rows.iter().map(|it| &it["title"]).collect();
    assert_eq!(names, line.departments.iter().map(|it| it.name.as_str()).collect::<Vec<_>>());
    let mut socket = Socket::open(&line.of(1).await).await;
    line.brings(&[choice(&by_row, &rows[1])]).await;
    let told = socket.expect("new_conversation").await;
    assert_eq!((&told["conversation_id"], &told["department_name"]), (&talk["id"], &json!(line.departments[1].name)));
    assert_eq!(shown(&line, &talk).await["status"], "relay");
    // By its number, and by its name.
    let (_, by_number) = booked(&line, "2020-01-01").await;
    let (_, by_name) = booked(&line, "2020-01-01").await;
    line.says(&by_number, "Hello").await;
    line.says(&by_number, "3").await;
    line.says(&by_name, &format!("{}, two towels please", line.departments[1].name)).await;
    for (from, department) in [(&by_number, 2), (&by_name, 1)] {
        let it = shown(&line, &line.conversation(from).await).await;
        let path = format!("conversations/{}/", it["id"]);
        assert_eq!(it["status"], "relay");
        line.of(department).await.get(&path).await.is(200);
        line.of(0).await.get(&path).await.problem(404, "not_found");
    }
});

on_both!(after_people_have_talked_the_menu_comes_again_and_at_the_end_a_farewell, line => |line| {
    let (stay, from) = booked(&line, "2020-01-01").await;
    let manager = line.manager().await;
    // By the simulator, so that it knows of the window.
    line.guest(json!({ "from": format!("+{from}"), "text": "Hello" })).await;
    line.until("it has come", async || {
        (count(&line, &from).await == 1).then_some(())
    })
    .await;
    line.says(&from, "1").await;
    let talk = line.conversation(&from).await;
    manager.post_empty(format!("conversations/{}/end_relay/", talk["id"])).await.is(200);
    let said = answer(&line, &talk).await;
    assert!(said.contains("We hope that we could help you.") && said.contains("Whom would you like"), "{said}");
    assert_eq!(shown(&line, &talk).await["status"], "active");
    // What the system says turns its ticks as well.
    line.until("all is read", async || {
        let all = line.messages(id(&talk)).await;
        all.iter().filter(|it| it["sender_type"] == "system").all(|it| it["delivery"] == "read").then_some(())
    })
    .await;
    manager.post_empty(format!("stays/{}/check_out/", stay["id"])).await.is(200);
    assert!(answer(&line, &talk).await.contains("Thank you for staying at"));
    assert_eq!(shown(&line, &talk).await["status"], "closed");
    line.until("the farewell is sent", async || {
        let sends = line.transcript("send").await;
        sends.iter().any(|it| it.to_string().contains("Thank you for staying at")).then_some(())
    })
    .await;
});

on_both!(where_it_is_switched_off_people_are_asked_at_once, line => |line| {
    let default = default_department(&line).await;
    line.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
    let mut socket = Socket::open(&line.of(default).await).await;
    let (phone, (_, guest)) = (line.new_phone(), booked(&line, "2020-01-01").await);
    for from in [digits(&phone), &guest] {
        line.says(from, "Hello").await;
        let talk = line.conversation(from).await;
        assert_eq!((&talk["status"], answers(&line, &talk).await.len()), (&json!("relay"), 0));
        let came = socket.so_far(&line).await;
        let routed = |it: &&Value| it["type"] == "new_conversation" && it["conversation_id"] == talk["id"];
        assert_eq!(came.iter().rfind(routed).unwrap()["department_name"], line.departments[default].name.as_str());
    }
    line.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "on"]).json();
    let (_, again) = booked(&line, "2020-01-01").await;
    line.says(&again, "Hello").await;
    assert_eq!(line.conversation(&again).await["status"], "active");
});

on_both!(a_hotel_has_its_own_words_and_guests_their_language, line => |line| {
    let (_, spanish) = booked(&line, "2020-01-01").await;
    line.says(&spanish, "Hola").await;
    let said = answer(&line, &line.conversation(&spanish).await).await;
    assert!(said.starts_with("Hola") && said.contains("¿Con quién desea hablar?"), "{said}");
    let own = json!({ "name": "flow.greeting", "content": "Ahoy {{guest_name}} of {{room_number}}!",
        "template_type": "text" });
    line.manager().await.post("templates/", own).await.is(201);
    let (stay, from) = booked(&line, "2020-01-01").await;
    line.says(&from, "Hello").await;
    let said = answer(&line, &line.conversation(&from).await).await;
    let wanted = format!("Ahoy {} of 7!", stay["guest_name"].as_str().unwrap());
    assert!(said.starts_with(&wanted), "{said}");
});

on_both!(a_batch_is_answered_as_it_was_written, line => |line| {
    // Two messages in one body: the flow hears one after the other.
    let (_, from) = booked(&line, "2020-01-01").await;
    line.brings(&[text(&from, "Hello"), text(&from, "2")]).await;
    let talk = line.conversation(&from).await;
    assert_eq!((&talk["status"], answers(&line, &talk).await.len()), (&json!("relay"), 2));
});
