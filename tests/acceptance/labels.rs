//! Labels of a hotel and of its conversations.

use acceptance::{ApiClient, TestSocket, TestStay, Value, json, on_both, on_sqlite, unique};
use futures_util::future::join_all;

use crate::{event_assertions::of_type, ids, keys};

async fn create(client: &ApiClient, name: &str, colour: &str) -> Value {
    client.post("labels/", json!({ "name": name, "colour": colour })).await.is(201)
}

async fn change(client: &ApiClient, stay: &TestStay, add: &[&Value], remove: &[&Value]) -> Value {
    let ids = |labels: &[&Value]| labels.iter().map(|it| it["id"].clone()).collect::<Vec<_>>();
    client.patch(stay.path("labels/"), json!({ "add": ids(add), "remove": ids(remove) })).await.is(200)
}

on_both!(labels_are_created_changed_and_deleted, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let label = create(&manager, " VIP ", "red").await;
    assert_eq!(keys(&label), ["colour", "id", "name"]);
    assert_eq!((&label["name"], &label["colour"]), (&json!("VIP"), &json!("red")));
    let path = format!("labels/{}/", label["id"]);
    let changed = manager.patch(&path, json!({ "colour": "grey" })).await.is(200);
    assert_eq!(changed, json!({ "id": label["id"], "name": "VIP", "colour": "grey" }));
    // A name is unique without regard to case.
    let taken = json!({ "name": "vip", "colour": "blue" });
    assert_eq!(manager.post("labels/", taken.clone()).await.bad_fields(), ["name"]);
    assert_eq!(manager.patch(&path, json!({ "name": "Vip" })).await.is(200)["name"], "Vip");
    let second = create(&manager, "Allergy", "teal").await;
    let second_path = format!("labels/{}/", second["id"]);
    assert_eq!(manager.patch(&second_path, json!({ "name": "VIP" })).await.bad_fields(), ["name"]);
    let page = staff.get("labels/").await.is(200);
    assert_eq!((&page["count"], ids(&page["results"])), (&json!(2), ids(&json!([label, second]))));
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("x".repeat(41))),
        ("name", json!("\u{200b}")),
        ("name", json!("a\0")),
        ("colour", json!("mauve")),
        ("colour", json!(1)),
    ] {
        let mut body = json!({ "name": unique("l"), "colour": "red" });
        body[field] = value.clone();
        assert_eq!(manager.post("labels/", body).await.bad_fields(), [field], "{value}");
        assert_eq!(manager.patch(&path, json!({ field: value })).await.bad_fields(), [field]);
    }
    // Another hotel may use the name, and does not see the label.
    let other = hotel.world.hotel().manager().await;
    other.post("labels/", taken).await.is(201);
    other.patch(&path, json!({ "name": "x" })).await.problem(404, "not_found");
    staff.post("labels/", json!({ "name": "x", "colour": "red" })).await.problem(403, "forbidden");
    manager.send("DELETE", &path, None).await.is(204);
    manager.send("DELETE", &path, None).await.problem(404, "not_found");
    create(&manager, "VIP", "red").await;
});

on_both!(conversations_are_labelled_in_every_status, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
    let (vip, allergy) = (create(&manager, "VIP", "red").await, create(&manager, "Allergy", "teal").await);
    assert_eq!(staff.get(stay.path("")).await.is(200)["labels"], json!([]));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let mut inbox = TestSocket::open(&manager).await;
    inbox.subscribe_to_inbox().await;
    let details = change(&staff, &stay, &[&allergy, &vip, &vip], &[]).await;
    assert_eq!(details["labels"], json!([vip, allergy]));
    // The same again changes nothing.
    change(&staff, &stay, &[&vip], &[]).await;
    for socket in [&mut socket, &mut inbox] {
        let events = socket.events_so_far(&hotel).await;
        let updated = of_type(&events, "conversation_updated");
        assert_eq!((events.len(), updated.len()), (1, 1), "{events:?}");
        assert_eq!(updated[0]["conversation"]["labels"], json!([vip, allergy]));
    }
    manager.post_empty(stay.path("close/")).await.is(200);
    assert_eq!(change(&staff, &stay, &[], &[&vip]).await["labels"], json!([allergy]));
    let list = staff.get("conversations/?status=closed").await.is(200);
    assert_eq!(list["results"][0]["labels"], json!([allergy]));
    // Renaming and deleting a label is announced once, not for each conversation.
    let path = format!("labels/{}/", allergy["id"]);
    manager.patch(&path, json!({ "name": "Nuts" })).await.is(200);
    assert_eq!(staff.get(stay.path("")).await.is(200)["labels"][0]["name"], "Nuts");
    inbox = inbox.with_side_events();
    inbox.events_so_far(&hotel).await;
    manager.send("DELETE", &path, None).await.is(204);
    let events = inbox.events_so_far(&hotel).await;
    assert_eq!((events.len(), &events[0]["what"]), (1, &json!("labels")), "{events:?}");
    assert_eq!(staff.get(stay.path("")).await.is(200)["labels"], json!([]));
    let audited = |action: &str, text: &str| {
        let of = format!("FROM audit WHERE hotel_id = {} AND action = '{action}'", hotel.id);
        hotel.world.number(&format!("SELECT count(*) {of} AND before LIKE '%{text}%'"))
    };
    // The audit log keeps the name of the deleted label.
    assert_eq!((audited("label_deleted", "Nuts"), audited("label_changed", "Allergy")), (1, 1));
    assert_eq!(audited("labels_changed", "VIP, Allergy"), 1);
});

on_both!(faulty_changes_of_labels_are_refused, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let foreign = create(&*hotel.world.hotel().manager().await, "VIP", "red").await["id"].clone();
    let own = create(&manager, "VIP", "red").await["id"].clone();
    let path = stay.path("labels/");
    for (body, field) in [
        (json!({ "add": [foreign] }), "add"),
        (json!({ "add": [own, 9_000_000_000_i64] }), "add"),
        (json!({ "remove": [foreign] }), "remove"),
        (json!({ "add": [own], "remove": [own] }), "remove"),
        (json!({ "add": "x" }), "add"),
        (json!({ "remove": [0] }), "remove"),
        (json!({ "add": (1..=101).collect::<Vec<_>>() }), "add"),
    ] {
        assert_eq!(manager.patch(&path, body.clone()).await.bad_fields(), [field], "{body}");
    }
    assert_eq!(manager.patch(&path, json!({})).await.is(200)["labels"], json!([]));
    hotel.of(1).await.patch(&path, json!({ "add": [own] })).await.problem(404, "not_found");
});

on_both!(a_label_filter_selects_any_of_the_labels, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let [vip, allergy, unused] = [("VIP", "red"), ("Allergy", "teal"), ("Late", "pink")];
    let (vip, allergy, unused) = (
        create(&manager, vip.0, vip.1).await,
        create(&manager, allergy.0, allergy.1).await,
        create(&manager, unused.0, unused.1).await,
    );
    let (mine, other) = (hotel.relay(0), hotel.relay(1));
    change(&manager, &mine, &[&vip, &allergy], &[]).await;
    change(&manager, &other, &[&allergy], &[]).await;
    let found = async |client: &ApiClient, query: String| {
        let mut found = ids(&client.get(format!("conversations/?{query}")).await.is(200)["results"]);
        found.sort_unstable();
        found
    };
    let mut both = vec![mine.conversation, other.conversation];
    both.sort_unstable();
    let id = |label: &Value| label["id"].to_string();
    assert_eq!(found(&manager, format!("label={}", id(&vip))).await, [mine.conversation]);
    assert_eq!(found(&manager, format!("label={},{}", id(&vip), id(&allergy))).await, both);
    assert_eq!(found(&manager, format!("label={}&unread=false&status=relay,active", id(&allergy))).await, both);
    assert_eq!(found(&manager, format!("label={}", id(&unused))).await, [0; 0]);
    // Only visible conversations are found.
    assert_eq!(found(&staff, format!("label={}", id(&allergy))).await, [mine.conversation]);
    for bad in ["", "x", "1,", "0"] {
        assert_eq!(manager.get(format!("conversations/?label={bad}")).await.bad_fields(), ["label"]);
    }
});

on_both!(concurrent_changes_of_labels_lose_nothing, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let mut labels = Vec::new();
    for n in 0..21 {
        labels.push(create(&manager, &format!("label {n}"), "blue").await);
    }
    // 21 people add a label each: one of them gets an error, because a conversation has at most 20.
    let adds = labels.iter().map(|it| manager.patch(stay.path("labels/"), json!({ "add": [it["id"]] })));
    let answers = join_all(adds).await;
    assert_eq!(answers.iter().filter(|it| it.status == 200).count(), 20);
    let refused = answers.iter().find(|it| it.status != 200).unwrap();
    assert_eq!(refused.bad_fields(), ["add"]);
    let shown = manager.get(stay.path("")).await.is(200);
    assert_eq!(shown["labels"].as_array().unwrap().len(), 20);
    // Labels are deleted while others add them.
    let (deletes, adds): (Vec<_>, Vec<_>) = labels
        .iter()
        .map(|it| {
            let body = json!({ "add": [it["id"]] });
            (manager.send("DELETE", format!("labels/{}/", it["id"]), None), manager.patch(stay.path("labels/"), body))
        })
        .unzip();
    let (deleted, added) = futures_util::future::join(join_all(deletes), join_all(adds)).await;
    assert!(deleted.iter().all(|it| it.status == 204));
    assert!(added.iter().all(|it| it.status == 200 || it.bad_fields() == ["add"]));
    assert_eq!(manager.get(stay.path("")).await.is(200)["labels"], json!([]));
});

on_sqlite!(a_hotel_has_at_most_100_labels, |hotel| {
    let manager = hotel.manager().await;
    for n in 0..100 {
        create(&manager, &format!("label {n}"), "blue").await;
    }
    assert_eq!(manager.post("labels/", json!({ "name": "more", "colour": "red" })).await.bad_fields(), ["name"]);
});
