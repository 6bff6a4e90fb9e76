//! Message templates, and the opener template of a hotel.

use acceptance::{ApiClient, Value, json, on_both, unique};

use crate::keys;

async fn create_template(client: &ApiClient, kind: &str) -> Value {
    let language = if kind == "whatsapp" { json!("en_GB") } else { json!(null) };
    let body = json!({ "name": unique("hello"), "content": "Hello!", "template_type": kind, "language": language });
    client.post("templates/", body).await.is(201)
}

fn template_path(template: &Value) -> String {
    format!("templates/{}/", template["id"])
}

on_both!(templates_are_created_changed_and_deleted, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let name = unique("welcome");
    let body =
        json!({ "name": name, "content": " Welcome, {{guest_name}}! ", "department_id": hotel.departments[1].id });
    let template = manager.post("templates/", body).await.is(201);
    let shown = [
        "available",
        "content",
        "department_id",
        "id",
        "language",
        "name",
        "parameter_format",
        "shortcut",
        "template_type",
    ];
    assert_eq!(keys(&template), shown);
    let expected = json!({
        "id": template["id"], "name": name, "content": "Welcome, {{guest_name}}!", "template_type": "text",
        "department_id": hotel.departments[1].id, "language": null, "shortcut": null,
        "parameter_format": "positional", "available": true,
    });
    assert_eq!(template, expected);
    // All staff see the templates.
    let list = staff.get("templates/").await.is(200);
    assert_eq!((&list["count"], &list["results"]), (&json!(1), &json!([template])));
    let change = json!({ "content": "Hi!", "department_id": null });
    let changed = manager.patch(template_path(&template), change).await.is(200);
    assert_eq!((&changed["content"], &changed["department_id"]), (&json!("Hi!"), &json!(null)));
    assert_eq!(manager.patch(template_path(&template), json!({ "name": name })).await.is(200), changed);
    // A WhatsApp template needs a language; a text template has none.
    let both = json!({ "template_type": "whatsapp", "language": "en_GB" });
    assert_eq!(manager.patch(template_path(&template), both).await.is(200)["language"], "en_GB");
    let text = manager.patch(template_path(&template), json!({ "template_type": "text" })).await.is(200);
    assert_eq!((&text["template_type"], &text["language"]), (&json!("text"), &json!(null)));
    let key = unique("k");
    manager.key(&key).send("DELETE", template_path(&template), None).await.is(204);
    let again = manager.key(&key).send("DELETE", template_path(&template), None).await;
    assert_eq!((again.is(200), again.header("idempotent-replay")), (Value::Null, Some("true")));
    manager.send("DELETE", template_path(&template), None).await.problem(404, "not_found");
    manager.patch(template_path(&template), json!({})).await.problem(404, "not_found");
    assert_eq!(staff.get("templates/").await.is(200)["count"], 0);
});

on_both!(invalid_template_fields_are_reported, |hotel| {
    let (manager, other) = (hotel.manager().await, hotel.world.hotel());
    let (text, whatsapp) = (create_template(&manager, "text").await, create_template(&manager, "whatsapp").await);
    let bad = [
        ("name", json!("")),
        ("content", json!(" ")),
        ("content", json!("x".repeat(4097))),
        ("content", json!("a\0")),
        ("department_id", json!(other.departments[0].id)),
        ("department_id", json!("1")),
        ("template_type", json!("fax")),
        ("template_type", json!(1)),
        ("shortcut", json!("WiFi")),
        ("shortcut", json!("")),
        ("shortcut", json!("x".repeat(33))),
        ("shortcut", json!(1)),
        ("language", json!("en-GB")),
        ("language", json!("English")),
        ("parameter_format", json!("ordered")),
        ("language", json!(null)),
    ];
    let good = json!({ "name": unique("hello"), "content": "Hello!", "template_type": "whatsapp", "language": "fil" });
    for (field, value) in bad {
        let mut body = good.clone();
        body[field] = value.clone();
        assert_eq!(manager.post("templates/", body).await.bad_fields(), [field], "{value}");
        assert_eq!(
            manager.patch(template_path(&whatsapp), json!({ field: value })).await.bad_fields(),
            [field],
            "{value}"
        );
    }
    assert_eq!(manager.post("templates/", json!({})).await.bad_fields(), ["content", "name"]);
    assert_eq!(
        manager.patch(template_path(&text), json!({ "template_type": "whatsapp" })).await.bad_fields(),
        ["language"]
    );
    let german = manager.patch(template_path(&text), json!({ "language": "de" })).await.is(200);
    assert_eq!((&german["language"], &german["template_type"]), (&json!("de"), &json!("text")));
    let same_text = json!({ "name": text["name"], "content": "Hello!" });
    assert_eq!(manager.post("templates/", same_text).await.bad_fields(), ["name"]);
    let same =
        json!({ "name": whatsapp["name"], "content": "Hello!", "template_type": "whatsapp", "language": "en_GB" });
    assert_eq!(manager.post("templates/", same).await.bad_fields(), ["name"]);
    // WhatsApp knows a template by name and language.
    let named = json!({
        "name": whatsapp["name"], "content": "Hallo!", "template_type": "whatsapp", "language": "de",
        "parameter_format": "named",
    });
    assert_eq!(manager.post("templates/", named.clone()).await.is(201)["parameter_format"], "named");
    assert_eq!(manager.post("templates/", named).await.bad_fields(), ["name"]);
    // Template names are unique within a hotel, and templates belong to one hotel.
    let other_manager = other.manager().await;
    let same_name = json!({ "name": text["name"], "content": "Hello!" });
    assert_eq!(other_manager.post("templates/", same_name).await.is(201)["name"], text["name"]);
    other_manager.patch(template_path(&text), json!({ "name": "x" })).await.problem(404, "not_found");
    other_manager.send("DELETE", template_path(&text), None).await.problem(404, "not_found");
    let staff = hotel.of(0).await;
    staff.post("templates/", json!({ "name": "x", "content": "Hello!" })).await.problem(403, "forbidden");
    staff.patch(template_path(&text), json!({ "name": "x" })).await.problem(403, "forbidden");
    staff.send("DELETE", template_path(&text), None).await.problem(403, "forbidden");
});

on_both!(the_opener_is_a_whatsapp_template_of_the_hotel, |hotel| {
    let (manager, other_manager) = (hotel.manager().await, hotel.world.hotel().manager().await);
    let opener = async || manager.get("hotel/").await.is(200)["opener_template_id"].clone();
    let set = async |id: &Value| manager.patch("hotel/", json!({ "opener_template_id": id })).await;
    let (one, two) = (create_template(&manager, "whatsapp").await, create_template(&manager, "whatsapp").await);
    assert_eq!(set(&one["id"]).await.is(200)["opener_template_id"], one["id"]);
    assert_eq!(opener().await, one["id"]);
    for wrong in [create_template(&manager, "text").await, create_template(&other_manager, "whatsapp").await] {
        assert_eq!(set(&wrong["id"]).await.bad_fields(), ["opener_template_id"]);
        assert_eq!(opener().await, one["id"]);
    }
    set(&two["id"]).await.is(200);
    // Changes of another template do not matter; the opener is unset if its own template is deleted or becomes a text.
    manager.send("DELETE", template_path(&one), None).await.is(204);
    manager.patch(template_path(&two), json!({ "language": "en" })).await.is(200);
    assert_eq!(opener().await, two["id"]);
    manager.patch(template_path(&two), json!({ "template_type": "text" })).await.is(200);
    assert_eq!(opener().await, json!(null));
    let three = create_template(&manager, "whatsapp").await;
    for is_unset in [true, false] {
        set(&three["id"]).await.is(200);
        if is_unset {
            set(&json!(null)).await.is(200);
        } else {
            manager.send("DELETE", template_path(&three), None).await.is(204);
        }
        assert_eq!(opener().await, json!(null));
    }
});

on_both!(a_shortcut_is_unique_in_its_hotel, |hotel| {
    let manager = hotel.manager().await;
    let create = async |client: &ApiClient, shortcut: &str| {
        let body = json!({ "name": unique("wifi"), "content": "The network is Seaside.", "shortcut": shortcut });
        client.post("templates/", body).await
    };
    let template = create(&manager, "wifi").await.is(201);
    assert_eq!(template["shortcut"], "wifi");
    assert_eq!(create(&manager, "wifi").await.bad_fields(), ["shortcut"]);
    let other = create(&manager, "wifi-2").await.is(201);
    assert_eq!(manager.patch(template_path(&other), json!({ "shortcut": "wifi" })).await.bad_fields(), ["shortcut"]);
    // Unchanged, removed and given again.
    let renamed = manager.patch(template_path(&template), json!({ "name": unique("net") })).await.is(200);
    assert_eq!(renamed["shortcut"], "wifi");
    assert_eq!(manager.patch(template_path(&template), json!({ "shortcut": "wifi" })).await.is(200), renamed);
    let removed = manager.patch(template_path(&template), json!({ "shortcut": null })).await.is(200);
    assert_eq!(removed["shortcut"], json!(null));
    assert_eq!(manager.patch(template_path(&other), json!({ "shortcut": "wifi" })).await.is(200)["shortcut"], "wifi");
    // Another hotel has its own.
    let elsewhere = hotel.world.hotel().manager().await;
    create(&elsewhere, "wifi").await.is(201);
    // Of two at once one gets it.
    let (one, two) = futures_util::join!(create(&manager, "late"), create(&manager, "late"));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400]);
});

on_both!(templates_are_searched_and_filtered_by_department, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let departments = [hotel.departments[0].id, hotel.departments[1].id];
    let mut made = Vec::new();
    for (content, shortcut, department) in [
        ("Das Café öffnet um sieben.", json!("breakfast"), json!(departments[0])),
        ("The POOL opens at eight.", json!(null), json!(departments[1])),
        ("Good evening, {{guest_name}}!", json!("evening"), json!(null)),
    ] {
        let body =
            json!({ "name": unique("t"), "content": content, "shortcut": shortcut, "department_id": department });
        made.push(manager.post("templates/", body).await.is(201));
    }
    let own = |index: usize| format!("department={}", departments[index]);
    for (query, expected) in [
        ("search=cafe+OFFNET".to_owned(), vec![0]),
        ("search=pool".into(), vec![1]),
        ("search=breakf".into(), vec![0]),
        (format!("search={}", made[2]["name"].as_str().unwrap()), vec![2]),
        ("search=opens+breakfast".into(), vec![]),
        ("search=%25".into(), vec![]),
        ("search=+".into(), vec![0, 1, 2]),
        (own(0), vec![0, 2]),
        (own(1), vec![1, 2]),
        ("department=987654321".into(), vec![2]),
        (format!("search=o&{}", own(1)), vec![1, 2]),
    ] {
        let list = staff.get(format!("templates/?{query}")).await.is(200);
        let expected: Vec<&Value> = expected.into_iter().map(|index: usize| &made[index]).collect();
        assert_eq!((&list["count"], &list["results"]), (&json!(expected.len()), &json!(expected)), "{query}");
    }
    let page = staff.get("templates/?search=o&page_size=1&page=2").await.is(200);
    assert_eq!((&page["count"], &page["results"]), (&json!(3), &json!([made[1]])));
    assert!(page["next"].as_str().unwrap().contains("search=o") && page["previous"].is_string(), "{page}");
    staff.get("templates/?search=pool&page=2").await.problem(404, "not_found");
    assert_eq!(staff.get("templates/?department=x&search=%00").await.bad_fields(), ["department", "search"]);
});

on_both!(a_template_is_filled_without_being_sent, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let content = "{{ greeting }}, {{guest_name}} in {{room_number}}: {{code}}, {{code}} ({{staff_name}})";
    let body = json!({ "name": unique("t"), "content": content });
    let template = manager.post("templates/", body).await.is(201);
    let path = stay.path("render_template/");
    let details = staff.get(stay.path("")).await.is(200);
    let before = staff.get(stay.path("messages/?include=notes")).await.is(200);
    let (guest, room) = (details["guest_name"].as_str().unwrap(), details["room_number"].as_str().unwrap());
    let own = staff.me["name"].as_str().unwrap();
    let rendered = staff.post(&path, json!({ "template_id": template["id"] })).await.is(200);
    let text = format!("{{{{greeting}}}}, {guest} in {room}: {{{{code}}}}, {{{{code}}}} ({own})");
    assert_eq!(rendered, json!({ "text": text, "missing": ["greeting", "code"] }));
    let variables = json!({ "greeting": "Hi", "code": "{{guest_name}}", "guest_name": "Ms Ana" });
    let body = json!({ "template_id": template["id"], "variables": variables });
    let rendered = staff.post(&path, body.clone()).await.is(200);
    let text = format!("Hi, Ms Ana in {room}: {{{{guest_name}}}}, {{{{guest_name}}}} ({own})");
    assert_eq!(rendered, json!({ "text": text, "missing": [] }));
    assert_eq!(staff.get(stay.path("messages/?include=notes")).await.is(200), before);
    // Also in a closed conversation, and with a key.
    staff.post(stay.path("close/"), json!({})).await.is(200);
    let key = unique("k");
    assert_eq!(staff.key(&key).post(&path, body.clone()).await.is(200), rendered);
    let again = staff.key(&key).post(&path, body.clone()).await;
    assert_eq!((again.is(200), again.header("idempotent-replay")), (rendered, Some("true")));
    staff.key(&key).post(&path, json!({ "template_id": template["id"] })).await.problem(409, "idempotency_mismatch");
    hotel.of(1).await.post(&path, body).await.problem(404, "not_found");
    let elsewhere = hotel.world.hotel().manager().await;
    let foreign = create_template(&elsewhere, "text").await;
    assert_eq!(staff.post(&path, json!({ "template_id": foreign["id"] })).await.bad_fields(), ["template_id"]);
});
