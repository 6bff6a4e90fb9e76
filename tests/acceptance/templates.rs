//! Templates of messages, and the one that opens WhatsApp's window.

use acceptance::{Client, Value, json, on_both, unique};

use crate::keys;

async fn made(client: &Client, kind: &str) -> Value {
    let language = if kind == "whatsapp" { json!("en_GB") } else { json!(null) };
    let body = json!({ "name": unique("hello"), "content": "Hello!", "template_type": kind, "language": language });
    client.post("templates/", body).await.is(201)
}

fn path(template: &Value) -> String {
    format!("templates/{}/", template["id"])
}

on_both!(templates_are_made_changed_and_deleted, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let name = unique("welcome");
    let body =
        json!({ "name": name, "content": " Welcome, {{guest_name}}! ", "department_id": hotel.departments[1].id });
    let it = manager.post("templates/", body).await.is(201);
    assert_eq!(keys(&it), ["content", "department_id", "id", "language", "name", "template_type"]);
    let wanted = json!({
        "id": it["id"], "name": name, "content": "Welcome, {{guest_name}}!", "template_type": "text",
        "department_id": hotel.departments[1].id, "language": null,
    });
    assert_eq!(it, wanted);
    // All staff see them.
    let list = staff.get("templates/").await.is(200);
    assert_eq!((&list["count"], &list["results"]), (&json!(1), &json!([it])));
    let change = json!({ "content": "Hi!", "department_id": null });
    let changed = manager.patch(path(&it), change).await.is(200);
    assert_eq!((&changed["content"], &changed["department_id"]), (&json!("Hi!"), &json!(null)));
    assert_eq!(manager.patch(path(&it), json!({ "name": name })).await.is(200), changed);
    // Without its language one of WhatsApp is nothing, and a text has none.
    let both = json!({ "template_type": "whatsapp", "language": "en_GB" });
    assert_eq!(manager.patch(path(&it), both).await.is(200)["language"], "en_GB");
    let text = manager.patch(path(&it), json!({ "template_type": "text" })).await.is(200);
    assert_eq!((&text["template_type"], &text["language"]), (&json!("text"), &json!(null)));
    let key = unique("k");
    manager.key(&key).send("DELETE", path(&it), None).await.is(204);
    let again = manager.key(&key).send("DELETE", path(&it), None).await;
    assert_eq!((again.is(200), again.header("idempotent-replay")), (Value::Null, Some("true")));
    manager.send("DELETE", path(&it), None).await.problem(404, "not_found");
    manager.patch(path(&it), json!({})).await.problem(404, "not_found");
    assert_eq!(staff.get("templates/").await.is(200)["count"], 0);
});

on_both!(what_is_wrong_with_a_template_is_told, |hotel| {
    let (manager, other) = (hotel.manager().await, hotel.world.hotel());
    let (text, whatsapp) = (made(&manager, "text").await, made(&manager, "whatsapp").await);
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
        assert_eq!(manager.patch(path(&whatsapp), json!({ field: value })).await.bad_fields(), [field], "{value}");
    }
    assert_eq!(manager.post("templates/", json!({})).await.bad_fields(), ["content", "name"]);
    for change in [json!({ "language": "en" }), json!({ "template_type": "whatsapp" })] {
        assert_eq!(manager.patch(path(&text), change).await.bad_fields(), ["language"]);
    }
    // A name is one in its hotel only, and a template is its hotel's.
    let theirs = other.manager().await;
    let namesake = json!({ "name": text["name"], "content": "Hello!" });
    assert_eq!(theirs.post("templates/", namesake).await.is(201)["name"], text["name"]);
    theirs.patch(path(&text), json!({ "name": 5 })).await.problem(404, "not_found");
    theirs.send("DELETE", path(&text), None).await.problem(404, "not_found");
    let staff = hotel.of(0).await;
    staff.post("templates/", json!({})).await.problem(403, "forbidden");
    staff.patch(path(&text), json!({ "name": 5 })).await.problem(403, "forbidden");
    staff.send("DELETE", path(&text), None).await.problem(403, "forbidden");
});

on_both!(the_opener_is_one_of_whatsapp, |hotel| {
    let (manager, theirs) = (hotel.manager().await, hotel.world.hotel().manager().await);
    let opener = async || manager.get("hotel/").await.is(200)["opener_template_id"].clone();
    let set = async |id: &Value| manager.patch("hotel/", json!({ "opener_template_id": id })).await;
    let (one, two) = (made(&manager, "whatsapp").await, made(&manager, "whatsapp").await);
    assert_eq!(set(&one["id"]).await.is(200)["opener_template_id"], one["id"]);
    assert_eq!(opener().await, one["id"]);
    for wrong in [made(&manager, "text").await, made(&theirs, "whatsapp").await] {
        assert_eq!(set(&wrong["id"]).await.bad_fields(), ["opener_template_id"]);
        assert_eq!(opener().await, one["id"]);
    }
    set(&two["id"]).await.is(200);
    // What is said of another changes nothing; of itself only what makes it none.
    manager.send("DELETE", path(&one), None).await.is(204);
    manager.patch(path(&two), json!({ "language": "en" })).await.is(200);
    assert_eq!(opener().await, two["id"]);
    manager.patch(path(&two), json!({ "template_type": "text" })).await.is(200);
    assert_eq!(opener().await, json!(null));
    let three = made(&manager, "whatsapp").await;
    for forgotten in [true, false] {
        set(&three["id"]).await.is(200);
        if forgotten {
            set(&json!(null)).await.is(200);
        } else {
            manager.send("DELETE", path(&three), None).await.is(204);
        }
        assert_eq!(opener().await, json!(null));
    }
});
