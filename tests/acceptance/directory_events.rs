//! Events about the directory and about stays: `directory_updated`, `stay_updated`.

use acceptance::{ApiClient, PASSWORD, StaffClient, TestHotel, TestSocket, Value, json, on_both, unique};

use crate::{event_assertions::event_types, keys};

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";

async fn open(staff: &StaffClient) -> TestSocket {
    TestSocket::open(staff).await.with_side_events()
}

/// The parts of the directory that the events name.
fn parts(events: &[Value]) -> Vec<&str> {
    let directory = events.iter().filter(|it| it["type"] == "directory_updated");
    directory.map(|it| it["what"].as_str().unwrap()).collect()
}

/// Returns the parts of the directory that were announced to a socket so far.
async fn announced(socket: &mut TestSocket, hotel: &TestHotel) -> Vec<String> {
    let events = socket.events_so_far(hotel).await;
    parts(&events).into_iter().map(str::to_owned).collect()
}

fn new_stay(phone: &str) -> Value {
    json!({
        "reservation_code": unique("R"), "guest_name": "Ana", "guest_phone": phone, "room_number": "12",
        "check_in": "2030-05-01", "check_out": "2030-05-02",
    })
}

on_both!(changes_of_the_directory_reach_every_socket, |hotel| {
    let manager = hotel.manager().await;
    let mut socket = open(&hotel.of(1).await).await;
    let department = manager.post("departments/", json!({ "name": unique("Spa") })).await.is(201);
    let path = format!("departments/{}/", department["id"]);
    manager.patch(&path, json!({ "name": unique("Bar") })).await.is(200);
    let events = socket.events_so_far(&hotel).await;
    assert_eq!(parts(&events), ["departments", "departments"]);
    assert_eq!(keys(&events[0]), ["seq", "type", "what"]);
    // A change that changes nothing, and a refused one, are not announced.
    manager.patch(&path, json!({})).await.is(200);
    manager.patch(&path, json!({ "name": "" })).await.bad_fields();
    manager.patch("hotel/", json!({})).await.is(200);
    let body = json!({ "name": unique("t"), "content": "Hello", "template_type": "whatsapp", "language": "en" });
    let template = manager.post("templates/", body).await.is(201);
    let template_path = format!("templates/{}/", template["id"]);
    manager.patch(&template_path, json!({ "content": "Hello" })).await.is(200);
    manager.patch(&template_path, json!({ "content": "Hi" })).await.is(200);
    manager.patch("hotel/", json!({ "opener_template_id": template["id"] })).await.is(200);
    assert_eq!(announced(&mut socket, &hotel).await, ["templates", "templates", "hotel"]);
    // The hotel loses its opener with the template.
    manager.send("DELETE", &template_path, None).await.is(204);
    assert_eq!(announced(&mut socket, &hotel).await, ["hotel", "templates"]);
    let colleague = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let member = format!("staff/{}/", colleague.id);
    manager.patch(&member, json!({ "name": "Another" })).await.is(200);
    // A new password is nothing that colleagues see.
    manager.patch(&member, json!({ "password": "correct horse battery" })).await.is(200);
    assert_eq!(announced(&mut socket, &hotel).await, ["staff", "staff"]);
});

on_both!(changes_on_the_command_line_are_announced, |hotel| {
    let mut socket = open(&hotel.of(1).await).await;
    let id = hotel.id.to_string();
    let run = |arguments: &[&str]| assert_eq!(hotel.world.run(arguments).code, Some(0), "{arguments:?}");
    run(&["department", "create", "--hotel", &id, "--name", &unique("Spa")]);
    run(&["hotel", "set", &id, "--flow", "off"]);
    run(&["staff", "set", &hotel.member_of(2).username, "--role", "manager"]);
    hotel.import(&format!("{HEADER}\n{},Ana,{},1,2030-05-01,2030-05-02\n", unique("R"), hotel.unused_phone()));
    assert_eq!(announced(&mut socket, &hotel).await, ["departments", "hotel", "staff", "stays"]);
});

on_both!(a_wider_reach_is_announced_to_that_person_only, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.hire("staff", &[hotel.departments[0].id]).await);
    let (mut own, mut other) = (open(&staff).await, open(&hotel.of(1).await).await);
    let start = own.welcome.clone();
    let departments = |wanted: &[usize]| wanted.iter().map(|it| hotel.departments[*it].id).collect::<Vec<_>>();
    let path = format!("staff/{}/", staff.id);
    for (change, is_wider) in [
        (json!({ "department_ids": departments(&[0, 1]) }), true),
        (json!({ "department_ids": departments(&[1]) }), false),
        (json!({ "department_ids": departments(&[2]) }), true),
        (json!({ "role": "manager" }), true),
        (json!({ "department_ids": departments(&[0, 1]) }), false),
        (json!({ "role": "staff" }), false),
    ] {
        manager.patch(&path, change.clone()).await.is(200);
        let expected: &[&str] = if is_wider { &["staff", "reach"] } else { &["staff"] };
        assert_eq!(announced(&mut own, &hotel).await, expected, "{change}");
        assert_eq!(announced(&mut other, &hotel).await, ["staff"], "{change}");
    }
    // The same in a replay and over REST.
    let resume = json!({ "epoch": start["epoch"], "after_seq": start["seq"] });
    for (client, expected) in [(&staff, 3), (&hotel.of(1).await, 0)] {
        let (replayed, _) = open(client).await.resume(resume.clone()).await;
        assert_eq!(parts(&replayed).iter().filter(|what| **what == "reach").count(), expected);
        let page = client.get(format!("events/?after_seq={}", start["seq"])).await.is(200);
        let page = page["results"].as_array().unwrap();
        assert_eq!(parts(page), parts(&replayed));
    }
});

on_both!(a_missed_announcement_is_replayed, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(1).await);
    let start = TestSocket::open(&staff).await.welcome.clone();
    manager.post("departments/", json!({ "name": unique("Spa") })).await.is(201);
    let mut socket = open(&staff).await;
    let (replayed, resumed) = socket.resume(json!({ "epoch": start["epoch"], "after_seq": start["seq"] })).await;
    assert_eq!((parts(&replayed), &resumed["replayed"]), (vec!["departments"], &json!(1)));
    // An announcement that was sent live is not repeated.
    manager.post("departments/", json!({ "name": unique("Bar") })).await.is(201);
    assert_eq!(announced(&mut socket, &hotel).await, ["departments"]);
    let (replayed, _) = socket.resume(json!({ "epoch": start["epoch"], "after_seq": resumed["seq"] })).await;
    assert_eq!(parts(&replayed), [""; 0]);
});

async fn import(client: &ApiClient, table: &str) -> Value {
    client.with("content-type", "text/csv").send("POST", "stays/import/", Some(table.into())).await.is(200)
}

on_both!(an_import_is_announced_once, |hotel| {
    let (manager, mut socket) = (hotel.manager().await, open(&hotel.of(1).await).await);
    socket.subscribe_to_inbox().await;
    let row = |_| format!("{},Ana,{},1,2030-05-01,2030-05-02\n", unique("R"), hotel.unused_phone());
    // More rows than one transaction stores; the last ones fail.
    let rows: String = (0..45).map(row).collect();
    let table = format!("{HEADER}\n{rows}{}", "R,,600,1,soon,2030-05-02\n".repeat(20));
    let rows = import(&manager, &table).await;
    assert_eq!(rows["rows"].as_array().unwrap().iter().filter(|it| it["result"] == "created").count(), 45);
    let events = socket.events_so_far(&hotel).await;
    assert_eq!((event_types(&events), parts(&events)), (vec!["directory_updated"], vec!["stays"]));
    // The same table again changes nothing.
    import(&manager, &table).await;
    socket.nothing(&hotel).await;
});

on_both!(stays_are_announced_to_inboxes, |hotel| {
    let (manager, staff, key) = (hotel.manager().await, hotel.of(0).await, hotel.system());
    let mut without_inbox = open(&staff).await;
    let start = without_inbox.welcome.clone();
    let mut sockets = [open(&staff).await, open(&manager).await];
    for socket in &mut sockets {
        socket.subscribe_to_inbox().await;
    }
    let stay = manager.post("stays/", new_stay(&hotel.unused_phone())).await.is(201);
    assert_eq!((&stay["conversation_id"], stay["guest_id"].is_i64()), (&json!(null), true));
    let path = format!("stays/{}/", stay["id"]);
    let changed = manager.patch(&path, json!({ "room_number": "14" })).await.is(200);
    // A change that changes nothing is not announced.
    manager.patch(&path, json!({ "room_number": "14" })).await.is(200);
    let stays = |events: Vec<Value>| -> Vec<Value> {
        let of_stays = events.into_iter().filter(|it| it["type"] == "stay_updated");
        of_stays
            .map(|it| {
                assert_eq!(keys(&it), ["seq", "stay", "type"]);
                it["stay"].clone()
            })
            .collect()
    };
    for socket in &mut sockets {
        let events = stays(socket.events_so_far(&hotel).await);
        assert_eq!(events.last(), Some(&changed));
        assert_eq!(events.len(), 2);
    }
    // The check-in creates the conversation, which everybody sees while it is unrouted.
    for call in ["check_in/", "check_in/"] {
        key.post_empty(format!("{path}{call}")).await.is(200);
    }
    let shown = manager.get("stays/").await.is(200)["results"][0].clone();
    assert!(shown["conversation_id"].is_i64() && shown["checked_in_at"].is_string(), "{shown}");
    for socket in &mut sockets {
        assert_eq!(stays(socket.events_so_far(&hotel).await), std::slice::from_ref(&shown));
    }
    assert_eq!(stays(without_inbox.events_so_far(&hotel).await), [json!(null); 0]);
    assert_eq!(stays(without_inbox.events_so_far(&hotel).await), [json!(null); 0]);
    let missed =
        without_inbox.resume(json!({ "epoch": start["epoch"], "after_seq": start["seq"], "inbox": true })).await.0;
    assert_eq!(stays(missed).len(), 3);
});

on_both!(an_invisible_conversation_is_not_in_the_stay, |hotel| {
    let (manager, own, other) = (hotel.manager().await, hotel.of(0).await, hotel.of(1).await);
    let stay = hotel.relay(0);
    let start = TestSocket::open(&other).await.welcome.clone();
    let mut seen = Vec::new();
    for staff in [&manager, &own, &other] {
        let mut socket = open(staff).await;
        socket.subscribe_to_inbox().await;
        seen.push((staff, socket));
    }
    manager.patch(format!("stays/{}/", stay.id), json!({ "room_number": unique("9") })).await.is(200);
    for (staff, socket) in &mut seen {
        let expected = if staff.id == other.id { json!(null) } else { json!(stay.conversation) };
        let events = socket.events_so_far(&hotel).await;
        let live: Vec<&Value> = events.iter().filter(|it| it["type"] == "stay_updated").collect();
        assert_eq!((live.len(), &live[0]["stay"]["conversation_id"]), (1, &expected));
        let resume = json!({ "epoch": start["epoch"], "after_seq": start["seq"], "inbox": true });
        let replayed = open(staff).await.resume(resume).await.0;
        assert!(replayed.contains(live[0]), "{replayed:?}");
        let page = staff.get(format!("events/?after_seq={}", start["seq"])).await.is(200);
        assert!(page["results"].as_array().unwrap().contains(live[0]), "{page}");
    }
    // A sign-in by another person sees what that person may see.
    let late = hotel.sign_in(&hotel.member_of(1).username, PASSWORD).await;
    let page = late.get(format!("events/?after_seq={}", start["seq"])).await.is(200).to_string();
    assert!(!page.contains(&format!("\"conversation_id\":{}", stay.conversation)), "{page}");
});
