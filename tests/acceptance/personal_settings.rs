//! `me/settings/`: a JSON object of each staff member, merged by its top-level keys.

use acceptance::{TestSocket, json, on_both, on_sqlite, unique};

on_both!(settings_are_merged_by_key_and_belong_to_one_person, |hotel| {
    let (staff, colleague) = (hotel.of(0).await, hotel.hire("staff", &[]).await);
    let mut socket = TestSocket::open(&staff).await.with_side_events();
    let mut other = TestSocket::open(&colleague).await.with_side_events();
    assert_eq!(colleague.get("me/settings/").await.is(200), json!({}));
    let change = json!({ "sound": { "volume": 0.5 }, "unknown": [1, null], "old": true });
    staff.patch("me/settings/", change.clone()).await.is(200);
    let merged = staff.patch("me/settings/", json!({ "sound": { "on": true }, "old": null })).await.is(200);
    assert_eq!(merged, json!({ "sound": { "on": true }, "unknown": [1, null] }));
    assert_eq!(staff.get("me/settings/").await.is(200), merged);
    assert_eq!(colleague.get("me/settings/").await.is(200), json!({}));
    for _ in 0..2 {
        let event = socket.next().await;
        assert_eq!((&event["type"], &event["what"]), (&json!("directory_updated"), &json!("settings")), "{event}");
    }
    other.nothing(&hotel).await;
    // Changes at the same time lose nothing.
    let changes = (0..12).map(|n| staff.patch("me/settings/", json!({ format!("key{n}"): n })));
    for response in futures_util::future::join_all(changes).await {
        response.is(200);
    }
    let all = staff.get("me/settings/").await.is(200);
    assert!((0..12).all(|n| all[format!("key{n}")] == n), "{all}");
});

on_sqlite!(settings_are_a_bounded_object, |hotel| {
    let staff = hotel.hire("staff", &[]).await;
    staff.patch("me/settings/", json!([])).await.problem(400, "bad_json");
    assert_eq!(staff.patch("me/settings/", json!({ "a": ["x\0"] })).await.bad_fields(), ["a"]);
    assert_eq!(staff.patch("me/settings/", json!({ "a": "x".repeat(8192) })).await.bad_fields(), ["settings"]);
    let half = json!({ "a": "x".repeat(4096) });
    staff.patch("me/settings/", half.clone()).await.is(200);
    // The bound holds for all keys together, and a refused change changes nothing.
    assert_eq!(staff.patch("me/settings/", json!({ "b": "x".repeat(4096) })).await.bad_fields(), ["settings"]);
    assert_eq!(staff.get("me/settings/").await.is(200), half);
    let key = unique("k");
    let first = staff.key(&key).patch("me/settings/", json!({ "a": null })).await.is(200);
    staff.patch("me/settings/", json!({ "a": 1 })).await.is(200);
    assert_eq!(staff.key(&key).patch("me/settings/", json!({ "a": null })).await.is(200), first);
    assert_eq!(staff.get("me/settings/").await.is(200), json!({ "a": 1 }));
});
