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
    assert_eq!(keys(&template), ["content", "department_id", "id", "language", "name", "template_type"]);
    let expected = json!({
        "id": template["id"], "name": name, "content": "Welcome, {{guest_name}}!", "template_type": "text",
        "department_id": hotel.departments[1].id, "language": null,
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
        ("name", json!(text["name"])),
        ("name", json!("")),
        ("content", json!(" ")),
        ("content", json!("x".repeat(4097))),
        ("content", json!("a\0")),
        ("department_id", json!(other.departments[0].id)),
        ("department_id", json!("1")),
        ("template_type", json!("fax")),
        ("template_type", json!(1)),
        ("language", json!("en-GB")),
        ("language", json!("English")),
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
    for change in [json!({ "language": "en" }), json!({ "template_type": "whatsapp" })] {
        assert_eq!(manager.patch(template_path(&text), change).await.bad_fields(), ["language"]);
    }
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
