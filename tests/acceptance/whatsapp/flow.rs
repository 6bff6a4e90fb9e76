//! The guest flow, as guests and staff see it.

use acceptance::{
    TestSocket, Value, WhatsappHotel, json, on_both, unique,
    whatsapp::{message, text},
};

use super::{count_conversations, digits, id};

/// The texts of the flow in a conversation, in order.
async fn flow_texts(line: &WhatsappHotel, conversation: &Value) -> Vec<String> {
    let all = line.messages(id(conversation)).await;
    let by_system = all.iter().filter(|it| it["sender_type"] == "system");
    by_system.map(|it| it["content"].as_str().unwrap().to_owned()).collect()
}

/// The last text of the flow.
async fn last_flow_text(line: &WhatsappHotel, conversation: &Value) -> String {
    flow_texts(line, conversation).await.pop().expect("the flow has sent nothing")
}

async fn fetch_conversation(line: &WhatsappHotel, conversation: &Value) -> Value {
    line.manager().await.get(format!("conversations/{}/", conversation["id"])).await.is(200)
}

/// Creates a stay; returns it with the guest's number without `+`.
async fn create_stay(line: &WhatsappHotel, check_in: &str) -> (Value, String) {
    let phone = line.unused_phone();
    let stay = json!({
        "reservation_code": unique("flow"), "guest_name": unique("Flora"), "guest_phone": phone,
        "room_number": "7", "check_in": check_in, "check_out": "2099-01-01",
    });
    (line.manager().await.post("stays/", stay).await.is(201), digits(&phone).to_owned())
}

/// The last interactive list that was sent to a guest.
async fn last_list(line: &WhatsappHotel, to: &str) -> Value {
    line.until("a list is sent", async || {
        let sends = line.transcript("send").await;
        let of = |it: &&Value| it["body"]["type"] == "interactive" && it["body"]["to"] == format!("+{to}");
        sends.iter().rfind(of).map(|it| it["body"]["interactive"].clone())
    })
    .await
}

/// A guest's choice of a list row.
fn choice(from: &str, row: &Value) -> Value {
    let reply = json!({ "id": row["id"], "title": row["title"] });
    message(from, json!({ "type": "interactive", "interactive": { "type": "list_reply", "list_reply": reply } }))
}

/// The index of the hotel's default department.
async fn default_department(line: &WhatsappHotel) -> usize {
    let hotel = line.manager().await.get("hotel/").await.is(200);
    line.departments.iter().position(|it| hotel["default_department_id"] == it.id).unwrap_or(0)
}

on_both!(guests_without_stay_are_offered_a_person, line => |line| {
    let (phone, default) = (line.unused_phone(), default_department(&line).await);
    let from = digits(&phone);
    let mut socket = TestSocket::open(&line.of(default).await).await;
    line.send_guest_text(from, "xyzzy").await;
    let conversation = line.conversation(from).await;
    let event = socket.expect("new_conversation").await;
    assert_eq!((&event["conversation_id"], &event["stay_id"]), (&conversation["id"], &Value::Null));
    assert_eq!((&conversation["status"], &conversation["department_id"]), (&json!("demo"), &fetch_conversation(&line, &conversation).await["department_id"]));
    assert!(last_flow_text(&line, &conversation).await.contains("We found no stay under this number."));
    assert_eq!(fetch_conversation(&line, &conversation).await["current_step"], "demo.offer");
    // The second message in a row that the flow does not understand is routed to a person.
    line.send_guest_text(from, "plugh").await;
    let routed = socket.expect("new_conversation").await;
    assert_eq!((&routed["conversation_id"], &routed["department_name"]),
        (&conversation["id"], &json!(line.departments[default].name)));
    assert!(last_flow_text(&line, &conversation).await.contains(&format!("connecting you with {}", line.departments[default].name)));
    let before = flow_texts(&line, &conversation).await.len();
    line.send_guest_text(from, "and now people talk").await;
    assert_eq!((&fetch_conversation(&line, &conversation).await["status"], flow_texts(&line, &conversation).await.len()), (&json!("relay"), before));
    assert_eq!(line.of(default).await.get(format!("conversations/{}/", conversation["id"])).await.is(200)["status"], "relay");
});

on_both!(a_request_for_reception_is_routed_at_once, line => |line| {
    let phone = line.unused_phone();
    line.send_guest_text(digits(&phone), "Reception, please").await;
    assert_eq!(line.conversation(digits(&phone)).await["status"], "relay");
});

on_both!(before_the_stay_the_flow_collects_arrival_time_and_wishes, line => |line| {
    let (_, from) = create_stay(&line, "2098-12-01").await;
    let step_after = async |text: &str| {
        line.send_guest_text(&from, text).await;
        let conversation = fetch_conversation(&line, &line.conversation(&from).await).await;
        (conversation["current_step"].as_str().unwrap().to_owned(), last_flow_text(&line, &conversation).await)
    };
    let (step, text) = step_after("Hello").await;
    assert!(step == "checkin.arrival" && text.contains("from 1 December 2098") && text.contains("At what time"), "{text}");
    let (step, text) = step_after("15:00").await;
    assert!(step == "checkin.wishes" && text.contains("any wishes"), "{text}");
    let (step, text) = step_after("A quiet room").await;
    assert!(step == "checkin.confirm" && text.contains("Arrival: 15:00\nWishes: A quiet room"), "{text}");
    let (step, text) = step_after("yes").await;
    assert!(step == "checkin.ready" && text.contains("We have noted"), "{text}");
    let conversation = fetch_conversation(&line, &line.conversation(&from).await).await;
    let context = &conversation["context_data"];
    assert_eq!((&context["arrival_time"], &context["wishes"], &context["confirmed"]),
        (&json!("15:00"), &json!("A quiet room"), &json!(true)), "{conversation}");
    assert_eq!(conversation["status"], "checkin");
    line.send_guest_text(&from, "0").await;
    assert_eq!(line.conversation(&from).await["status"], "relay");
});

on_both!(during_the_stay_the_menu_routes_to_a_department, line => |line| {
    let (_, by_row) = create_stay(&line, "2020-01-01").await;
    line.send_guest_text(&by_row, "Hello").await;
    let conversation = line.conversation(&by_row).await;
    assert!(last_flow_text(&line, &conversation).await.contains("Whom would you like to talk to?"));
    assert_eq!((&conversation["status"], &fetch_conversation(&line, &conversation).await["current_step"]), (&json!("active"), &json!("active.menu")));
    let rows = last_list(&line, &by_row).await["action"]["sections"][0]["rows"].as_array().unwrap().clone();
    let names: Vec<&Value> = rows.iter().map(|details| &details["title"]).collect();
    assert_eq!(names, line.departments.iter().map(|details| details.name.as_str()).collect::<Vec<_>>());
    let mut socket = TestSocket::open(&line.of(1).await).await;
    line.deliver_messages(&[choice(&by_row, &rows[1])]).await;
    let event = socket.expect("new_conversation").await;
    assert_eq!((&event["conversation_id"], &event["department_name"]), (&conversation["id"], &json!(line.departments[1].name)));
    assert_eq!(fetch_conversation(&line, &conversation).await["status"], "relay");
    // A department can be chosen by number and by name.
    let (_, by_number) = create_stay(&line, "2020-01-01").await;
    let (_, by_name) = create_stay(&line, "2020-01-01").await;
    line.send_guest_text(&by_number, "Hello").await;
    line.send_guest_text(&by_number, "3").await;
    line.send_guest_text(&by_name, &format!("{}, two towels please", line.departments[1].name)).await;
    for (from, department) in [(&by_number, 2), (&by_name, 1)] {
        let details = fetch_conversation(&line, &line.conversation(from).await).await;
        let path = format!("conversations/{}/", details["id"]);
        assert_eq!(details["status"], "relay");
        line.of(department).await.get(&path).await.is(200);
        line.of(0).await.get(&path).await.problem(404, "not_found");
    }
});

on_both!(the_menu_follows_end_relay_and_a_farewell_follows_check_out, line => |line| {
    let (stay, from) = create_stay(&line, "2020-01-01").await;
    let manager = line.manager().await;
    // Through the simulator, so that it knows about the window.
    line.guest(json!({ "from": format!("+{from}"), "text": "Hello" })).await;
    line.until("the message is stored", async || {
        (count_conversations(&line, &from).await == 1).then_some(())
    })
    .await;
    line.send_guest_text(&from, "1").await;
    let conversation = line.conversation(&from).await;
    manager.post_empty(format!("conversations/{}/end_relay/", conversation["id"])).await.is(200);
    let text = last_flow_text(&line, &conversation).await;
    assert!(text.contains("We hope that we could help you.") && text.contains("Whom would you like"), "{text}");
    assert_eq!(fetch_conversation(&line, &conversation).await["status"], "active");
    // Flow messages get a delivery status too.
    line.until("all messages are read", async || {
        let all = line.messages(id(&conversation)).await;
        all.iter().filter(|it| it["sender_type"] == "system").all(|it| it["delivery"] == "read").then_some(())
    })
    .await;
    manager.post_empty(format!("stays/{}/check_out/", stay["id"])).await.is(200);
    assert!(last_flow_text(&line, &conversation).await.contains("Thank you for staying at"));
    assert_eq!(fetch_conversation(&line, &conversation).await["status"], "closed");
    line.until("the farewell is sent", async || {
        let sends = line.transcript("send").await;
        sends.iter().any(|it| it.to_string().contains("Thank you for staying at")).then_some(())
    })
    .await;
});

on_both!(without_flow_messages_are_routed_to_the_default_department, line => |line| {
    let default = default_department(&line).await;
    line.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
    let mut socket = TestSocket::open(&line.of(default).await).await;
    let (phone, (_, guest)) = (line.unused_phone(), create_stay(&line, "2020-01-01").await);
    for from in [digits(&phone), &guest] {
        line.send_guest_text(from, "Hello").await;
        let conversation = line.conversation(from).await;
        assert_eq!((&conversation["status"], flow_texts(&line, &conversation).await.len()), (&json!("relay"), 0));
        let events = socket.events_so_far(&line).await;
        let routed = |it: &&Value| it["type"] == "new_conversation" && it["conversation_id"] == conversation["id"];
        assert_eq!(events.iter().rfind(routed).unwrap()["department_name"], line.departments[default].name.as_str());
    }
    line.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "on"]).json();
    let (_, again) = create_stay(&line, "2020-01-01").await;
    line.send_guest_text(&again, "Hello").await;
    assert_eq!(line.conversation(&again).await["status"], "active");
});

on_both!(flow_texts_use_the_guests_language_and_the_hotels_templates, line => |line| {
    let (_, spanish) = create_stay(&line, "2020-01-01").await;
    line.send_guest_text(&spanish, "Hola").await;
    let text = last_flow_text(&line, &line.conversation(&spanish).await).await;
    assert!(text.starts_with("Hola") && text.contains("¿Con quién desea hablar?"), "{text}");
    let template = json!({ "name": "flow.greeting", "content": "Ahoy {{guest_name}} of {{room_number}}!",
        "template_type": "text" });
    line.manager().await.post("templates/", template).await.is(201);
    let (stay, from) = create_stay(&line, "2020-01-01").await;
    line.send_guest_text(&from, "Hello").await;
    let text = last_flow_text(&line, &line.conversation(&from).await).await;
    let expected = format!("Ahoy {} of 7!", stay["guest_name"].as_str().unwrap());
    assert!(text.starts_with(&expected), "{text}");
});

on_both!(messages_of_one_body_are_answered_in_order, line => |line| {
    // The flow answers each of two messages in one body.
    let (_, from) = create_stay(&line, "2020-01-01").await;
    line.deliver_messages(&[text(&from, "Hello"), text(&from, "2")]).await;
    let conversation = line.conversation(&from).await;
    assert_eq!((&conversation["status"], flow_texts(&line, &conversation).await.len()), (&json!("relay"), 2));
});
