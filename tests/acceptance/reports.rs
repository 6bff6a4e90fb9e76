//! Reports: `GET reports/`.

use acceptance::{StaffClient, TestHotel, TestStay, TestWorld, Value, WorldOptions, json, on_both, on_sqlite};
use chrono::{DateTime, TimeDelta, Utc};

use crate::keys;

const ROW: [&str; 9] = [
    "conversations",
    "first_response_seconds",
    "guest_messages",
    "key",
    "missed",
    "name",
    "resolution_seconds",
    "staff_messages",
    "within_target",
];

/// Moves the server's clock to a time.
fn move_to(world: &TestWorld, now: &mut DateTime<Utc>, time: &str) {
    let to: DateTime<Utc> = time.parse().unwrap();
    world.advance((to - *now).num_seconds());
    *now = to;
}

async fn report(manager: &StaffClient, query: &str) -> Value {
    manager.get(format!("reports/?{query}")).await.is(200)
}

/// The row with this key: conversations, messages of guests and of staff, and the median of first responses.
fn figures(report: &Value, key: impl Into<Value>) -> (i64, i64, i64, Option<i64>) {
    let key = key.into();
    let row = match key.as_str() {
        Some("total") => &report["total"],
        _ => report["rows"].as_array().unwrap().iter().find(|row| row["key"] == key).expect("no such row"),
    };
    let count = |name: &str| row[name].as_i64().unwrap();
    let median = row["first_response_seconds"]["median"].as_i64();
    (count("conversations"), count("guest_messages"), count("staff_messages"), median)
}

on_both!(days_are_those_of_the_time_zone, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let stay = hotel.relay(0);
    let mut now = Utc::now();
    // The clocks go forward on 28 March 2027 at 01:00 UTC, so this day has 23 hours in Lisbon.
    move_to(&world, &mut now, "2027-03-27T23:50:00Z");
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    manager.patch("hotel/", json!({ "timezone": "Europe/Lisbon" })).await.is(200);
    let days = json!({ "check_in": "2027-03-26", "check_out": "2027-04-02" });
    manager.patch(format!("stays/{}/", stay.id), days).await.is(200);
    hotel.send_guest_message(&stay.phone, "before midnight").await;
    move_to(&world, &mut now, "2027-03-28T00:10:00Z");
    let staff = renewed(&hotel, &staff).await;
    hotel.send_message(&staff, &stay, "after midnight").await;
    move_to(&world, &mut now, "2027-03-28T22:55:00Z");
    let (manager, staff) = (renewed(&hotel, &manager).await, renewed(&hotel, &staff).await);
    hotel.send_guest_message(&stay.phone, "23:55 in Lisbon").await;
    hotel.send_guest_message(&stay.phone, "again").await;
    move_to(&world, &mut now, "2027-03-28T23:05:00Z");
    hotel.send_message(&staff, &stay, "00:05 in Lisbon").await;
    let found = report(&manager, "from=2027-03-27&to=2027-03-30").await;
    assert_eq!(keys(&found), ["from", "rows", "timezone", "to", "total"]);
    assert_eq!((&found["from"], &found["to"]), (&json!("2027-03-27"), &json!("2027-03-30")));
    assert_eq!(found["timezone"], "Europe/Lisbon");
    for row in found["rows"].as_array().unwrap().iter().chain([&found["total"]]) {
        assert_eq!(keys(row), ROW);
    }
    let days: Vec<&str> = found["rows"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap()).collect();
    assert_eq!(days, ["2027-03-27", "2027-03-28", "2027-03-29", "2027-03-30"]);
    // The clock of the server runs on meanwhile, so the durations are compared in minutes.
    let in_minutes = |key: &str| {
        let (conversations, guest, staff, median) = figures(&found, key);
        (conversations, guest, staff, median.map(|seconds| seconds / 60))
    };
    assert_eq!(in_minutes("2027-03-27"), (1, 1, 0, None));
    assert_eq!(in_minutes("2027-03-28"), (1, 2, 1, Some(20)));
    assert_eq!(in_minutes("2027-03-29"), (1, 0, 1, Some(10)));
    assert_eq!(in_minutes("2027-03-30"), (0, 0, 0, None));
    assert_eq!(in_minutes("total"), (1, 3, 2, Some(15)));
    // After a change of the time zone the days of the past are those of the new one.
    manager.patch("hotel/", json!({ "timezone": "UTC" })).await.is(200);
    let found = report(&manager, "from=2027-03-27&to=2027-03-30").await;
    let days: Vec<_> = ["2027-03-27", "2027-03-28", "2027-03-29"].map(|key| figures(&found, key)).map(|it| (it.1, it.2)).into();
    assert_eq!(days, [(1, 0), (2, 2), (0, 0)]);
});

/// Signs in again, because the access token has expired.
async fn renewed(hotel: &TestHotel, staff: &StaffClient) -> StaffClient {
    hotel.sign_in(&staff.username, acceptance::PASSWORD).await
}

on_both!(departments_and_people_have_their_rows, |hotel| {
    let (manager, first, second) = (hotel.manager().await, hotel.of(0).await, hotel.of(1).await);
    let (here, there, open) = (hotel.assigned(0).await, hotel.relay(1), hotel.active(0));
    let before = report(&manager, "by=staff").await;
    let of_first = |it: &Value| it["rows"].as_array().unwrap().iter().any(|row| row["key"] == first.id);
    let base = |report: &Value, key: i64| if of_first(report) { figures(report, key) } else { (0, 0, 0, None) };
    let (first_before, total_before) = (base(&before, first.id), figures(&before, "total"));
    hotel.send_guest_message(&here.phone, "towels").await;
    hotel.send_guest_message(&open.phone, "hello").await;
    hotel.send_message(&first, &here, "at once").await;
    hotel.send_message(&first, &here, "here they are").await;
    hotel.send_message(&second, &there, "good morning").await;
    let found = report(&manager, "by=staff").await;
    let after = figures(&found, first.id);
    // Messages of guests count for the assignee, those of nobody for the row without key.
    assert_eq!((after.1 - first_before.1, after.2 - first_before.2), (1, 2));
    let nobody = found["rows"].as_array().unwrap().last().unwrap();
    assert_eq!((&nobody["key"], &nobody["name"]), (&Value::Null, &Value::Null));
    let total = figures(&found, "total");
    assert_eq!((total.1 - total_before.1, total.2 - total_before.2), (2, 3));
    let row = found["rows"].as_array().unwrap().iter().find(|row| row["key"] == first.id).unwrap();
    assert_eq!(row["name"], first.name());
    let by_department = report(&manager, "by=department").await;
    let [here_id, there_id] = [0, 1].map(|n| hotel.departments[n].id);
    let named: Vec<i64> =
        by_department["rows"].as_array().unwrap().iter().filter_map(|it| it["key"].as_i64()).collect();
    assert_eq!(named, hotel.departments.iter().map(|it| it.id).collect::<Vec<_>>());
    assert_eq!(by_department["total"], found["total"]);
    // A department alone.
    for id in [here_id, there_id] {
        let alone = report(&manager, &format!("by=department&department={id}")).await;
        assert_eq!(figures(&alone, "total"), figures(&by_department, id));
        let rest = alone["rows"].as_array().unwrap().iter().filter(|row| row["key"] != id);
        assert!(rest.into_iter().all(|row| row["guest_messages"] == 0 && row["staff_messages"] == 0));
    }
    // Notes are no messages to guests.
    manager.post(here.path("notes/"), json!({ "text": "quiet" })).await.is(201);
    assert_eq!(report(&manager, "by=staff").await, found);
});

on_both!(closings_by_staff_are_resolutions, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let resolutions = async || report(&manager, "by=staff").await["total"]["resolution_seconds"].clone();
    let none = json!({ "median": null, "p90": null });
    assert_eq!(resolutions().await, none);
    manager.post_empty(stay.path("close/")).await.is(200);
    assert!(resolutions().await["p90"].is_i64());
    // Reopened at once: it was not done.
    manager.post_empty(stay.path("reopen/")).await.is(200);
    assert_eq!(resolutions().await, none);
    // A check-out is no resolution.
    let leaving = hotel.relay(1);
    manager.post_empty(format!("stays/{}/check_in/", leaving.id)).await.is(200);
    manager.post_empty(format!("stays/{}/check_out/", leaving.id)).await.is(200);
    assert_eq!(resolutions().await, none);
    manager.post_empty(stay.path("close/")).await.is(200);
    assert_ne!(resolutions().await, none);
});

on_both!(a_failed_answer_is_no_first_response, line => |line| {
    let manager = line.hotel.manager().await;
    // Not the manager, who has written the generated messages.
    let author = line.hotel.hire("manager", &[]).await;
    let phone = line.unused_phone();
    line.guest(json!({ "from": phone, "text": "Is anybody there?" })).await;
    line.meta.wait_until_delivered().await;
    let conversation = line.conversation(&phone).await["id"].as_i64().unwrap();
    let responses = async || {
        let found = report(&manager, "by=staff").await;
        let row = found["rows"].as_array().unwrap().iter().find(|row| row["key"] == author.id).cloned();
        row.map_or((0, false), |row| {
            (row["staff_messages"].as_i64().unwrap(), row["first_response_seconds"]["median"] != Value::Null)
        })
    };
    assert_eq!(responses().await, (0, false));
    // Meta refuses the first answer for good.
    line.meta.post("faults/", json!({ "code": 131051, "to": phone })).await;
    let path = format!("conversations/{conversation}/send_message/");
    let sent = author.post(&path, json!({ "text": "Yes" })).await.is(201)["id"].clone();
    line.until("the answer fails", async || {
        let page = line.messages(conversation).await;
        page.iter().any(|it| it["id"] == sent && it["delivery"] == "failed").then_some(())
    })
    .await;
    assert_eq!(responses().await, (0, false));
    author.post(&path, json!({ "text": "Here I am" })).await.is(201);
    assert_eq!(responses().await, (1, true));
    // Sent again, the failed one counts again.
    manager.post_empty(format!("conversations/{conversation}/messages/{sent}/retry/")).await.is(200);
    assert_eq!(responses().await.0, 2);
});

on_both!(a_table_for_spreadsheets_is_safe, |hotel| {
    let manager = hotel.manager().await;
    let name = "=HYPERLINK(\"http://example.org\";\"Spa\")";
    let spa = manager.post("departments/", json!({ "name": name })).await.is(201)["id"].clone();
    let csv = manager.with("accept", "text/csv").get("reports/?by=department").await;
    assert_eq!(csv.status, 200, "{}", csv.text());
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(csv.header("content-disposition").unwrap().starts_with("attachment; filename=\"report-"));
    let text = csv.text();
    let lines: Vec<&str> = text.lines().collect();
    let header = "key,name,conversations,guest_messages,staff_messages,first_response_median_seconds,\
        first_response_p90_seconds,resolution_median_seconds,resolution_p90_seconds,within_target,missed";
    assert_eq!(lines[0], header);
    let cell = format!("{spa},\"'=HYPERLINK(\"\"http://example.org\"\";\"\"Spa\"\")\",0,0,0,,,,,,0");
    assert!(lines.contains(&cell.as_str()), "{text}");
    let total = report(&manager, "by=department").await["total"].clone();
    let last = lines[lines.len() - 1];
    let counts = format!("total,,{},{},{},", total["conversations"], total["guest_messages"], total["staff_messages"]);
    assert!(last.starts_with(&counts), "{last}");
    assert!(lines.len() == hotel.departments.len() + 3 || lines.len() == hotel.departments.len() + 4, "{text}");
});

on_sqlite!(reports_are_for_managers_and_have_limits, |hotel| {
    let manager = hotel.manager().await;
    hotel.of(0).await.get("reports/").await.problem(403, "forbidden");
    hotel.of(0).await.with("accept", "text/csv").get("reports/").await.problem(403, "forbidden");
    let default = report(&manager, "").await;
    assert_eq!(default["rows"].as_array().unwrap().len(), 30);
    assert_eq!(report(&manager, "from=2024-01-01&to=2024-12-31").await["rows"].as_array().unwrap().len(), 366);
    for (query, field) in [
        ("from=2024-01-01&to=2025-01-01", "to"),
        ("from=2024-01-02&to=2024-01-01", "to"),
        ("from=2024-1-1", "from"),
        ("from=2024-02-30", "from"),
        ("to=yesterday", "to"),
        ("to=", "to"),
        ("from=99999-01-01", "from"),
        ("by=guest", "by"),
        ("department=0", "department"),
        ("department=x", "department"),
    ] {
        assert_eq!(manager.get(format!("reports/?{query}")).await.bad_fields(), [field], "{query}");
    }
    let foreign = hotel.world.hotel().departments[0].id;
    assert_eq!(manager.get(format!("reports/?department={foreign}")).await.bad_fields(), ["department"]);
    manager.with("accept", "image/png").get("reports/").await.problem(406, "not_acceptable");
    for (accept, is_csv) in [
        ("text/csv", true),
        ("text/csv;q=0.5, */*;q=0.1", true),
        ("application/json, text/csv", false),
        ("*/*", false),
        ("text/csv;q=0, application/json", false),
    ] {
        let answer = manager.with("accept", accept).get("reports/").await;
        let is_table = answer.header("content-type").unwrap().starts_with("text/csv");
        assert_eq!((answer.status, is_table), (200, is_csv), "{accept}");
    }
    // Another hotel counts nothing of this one.
    let other = hotel.world.hotel();
    let before = report(&other.manager().await, "").await;
    let stay: TestStay = hotel.relay(0);
    hotel.send_guest_message(&stay.phone, "hello").await;
    assert_eq!(report(&other.manager().await, "").await, before);
});

on_both!(rows_of_old_messages_are_filled_in, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
    hotel.send_guest_message(&stay.phone, "one").await;
    hotel.send_message(&staff, &stay, "two").await;
    let transfer = json!({ "department_id": hotel.departments[1].id });
    manager.post(stay.path("start_relay/"), transfer).await.is(200);
    hotel.send_guest_message(&stay.phone, "three").await;
    let reports = async || {
        let mut all = Vec::new();
        for by in ["day", "department", "staff"] {
            all.push(report(&manager, &format!("by={by}")).await);
        }
        all
    };
    let before = reports().await;
    // As after the migration of a database with messages.
    world.sql("DELETE FROM report_activity; DELETE FROM report_answers").unwrap();
    assert_ne!(reports().await, before);
    world.sql("INSERT INTO report_backfill (below) SELECT max(id) + 1 FROM messages").unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(90);
    while world.number("SELECT count(*) FROM report_backfill") > 0 {
        assert!(std::time::Instant::now() < deadline, "maintenance has not filled the rows in");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    assert_eq!(reports().await, before);
});

on_both!(answers_are_compared_with_their_targets, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    // The access tokens end while the clock moves.
    let manager = async || renewed(&hotel, &hotel.manager().await).await;
    let staff = async || renewed(&hotel, &hotel.of(0).await).await;
    let department = hotel.departments[0].id;
    let target = json!({ "first_response_minutes": 5 });
    manager().await.patch(format!("departments/{department}/"), target).await.is(200);
    let figures = async || {
        let found = report(&manager().await, &format!("by=department&department={department}")).await;
        (found["total"]["within_target"].as_f64(), found["total"]["missed"].as_i64().unwrap())
    };
    let (in_time, late) = (hotel.assigned(0).await, hotel.active(0));
    assert_eq!(figures().await, (None, 0));
    hotel.send_guest_message(&in_time.phone, "towels").await;
    hotel.send_message(&staff().await, &in_time, "at once").await;
    assert_eq!(figures().await, (Some(1.0), 0));
    // Nobody answers: missed as soon as the time has passed.
    hotel.send_guest_message(&in_time.phone, "and a pillow").await;
    assert_eq!(figures().await, (Some(1.0), 0));
    world.advance(6 * 60);
    assert_eq!(figures().await, (Some(0.5), 1));
    // An answer that comes later does not change that, nor does a failure count twice.
    hotel.send_message(&staff().await, &in_time, "here it is").await;
    assert_eq!(figures().await, (Some(0.5), 1));
    // No answer was needed, but this was recorded too late.
    hotel.send_guest_message(&in_time.phone, "thanks").await;
    world.advance(6 * 60);
    manager().await.post_empty(in_time.path("handled/")).await.is(200);
    assert_eq!(figures().await, (Some(0.3333), 2));
    hotel.send_guest_message(&in_time.phone, "bye").await;
    manager().await.post_empty(in_time.path("handled/")).await.is(200);
    assert_eq!(figures().await, (Some(0.3333), 2));
    // The conversation of a guest with the assistant has the target of the default department, and belongs to none.
    hotel.send_guest_message(&late.phone, "hello").await;
    world.advance(6 * 60);
    assert_eq!(figures().await, (Some(0.3333), 2));
    let all = report(&manager().await, "by=department").await;
    let rest = all["rows"].as_array().unwrap().last().unwrap();
    assert_eq!((&rest["key"], &rest["missed"]), (&Value::Null, &json!(1)));
});

on_both!(a_scheduled_message_is_the_answer_when_it_is_sent, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.assigned(0).await);
    let key = staff.id;
    let answers = async || {
        let found = report(&manager, "by=staff").await;
        let row = found["rows"].as_array().unwrap().iter().find(|row| row["key"] == key).cloned();
        row.map_or((0, None), |row| (row["staff_messages"].as_i64().unwrap(), row["first_response_seconds"]["p90"].as_i64()))
    };
    let (sent_before, _) = answers().await;
    hotel.send_guest_message(&stay.phone, "When is breakfast?").await;
    let send_at = (Utc::now() + TimeDelta::minutes(10)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    staff.post(stay.path("scheduled/"), json!({ "text": "At seven", "send_at": send_at })).await.is(201);
    assert_eq!(answers().await.0, sent_before);
    world.advance(11 * 60);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while answers().await.0 == sent_before {
        assert!(std::time::Instant::now() < deadline, "the scheduled message is not sent");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let (sent, p90) = answers().await;
    assert_eq!(sent, sent_before + 1);
    assert!(p90.is_some_and(|seconds| seconds >= 500), "{p90:?}");
});
