//! Metrics in Prometheus format at `/metrics`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use acceptance::{ApiClient, TestSocket, TestWorld, WorldOptions, on_sqlite};
use tokio::time::{Instant, sleep};

/// The value of a metric. `name` ends with a space, so that no longer name matches.
pub async fn metric(node: &Arc<TestWorld>, name: &str) -> f64 {
    let text = ApiClient::new(node).get("/metrics").await.text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name}: {text}"))
}

pub async fn wait_for_metric(node: &Arc<TestWorld>, name: &str, timeout: Duration, is_expected: impl Fn(f64) -> bool) {
    let start = Instant::now();
    loop {
        let value = metric(node, name).await;
        if is_expected(value) {
            return;
        }
        assert!(start.elapsed() < timeout, "{name} stays {value}");
        sleep(Duration::from_millis(20)).await;
    }
}

on_sqlite!(metric_labels_contain_no_hotel_person_or_number, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    hotel.send_message(&staff, &stay, "hello").await;
    hotel.send_guest_message(&stay.phone, "hello").await;
    socket.events_so_far(&hotel).await;
    staff.get(format!("conversations/?search={}&department={}", stay.room, hotel.departments[0].id)).await.is(200);
    staff.get(format!("conversations/{}/", 987_654_321)).await.problem(404, "not_found");
    staff.get("/nowhere/4711.txt").await;
    staff.send("BREW", "/coffee/4711/", None).await;
    let text = hotel.anonymous().get("/metrics").await.text();
    let mut names = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, rest)) = line.split_once('{') else { continue };
        for label in rest.split('}').next().unwrap().split("\",") {
            let (name, value) = label.split_once("=\"").unwrap();
            let value = value.trim_end_matches('"');
            names.insert(name.to_owned());
            let is_safe = ["status", "le"].contains(&name) || !value.bytes().any(|it| it.is_ascii_digit());
            assert!(is_safe, "{line}");
        }
    }
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["le", "method", "route", "status"]);
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    assert_eq!((value("websocket_sockets "), value("websocket_subscriptions ")), (Some(1.0), Some(2.0)), "{text}");
    assert!(value("websocket_deliveries_total ").is_some_and(|it| it >= 2.0), "{text}");
    let sent = "http_requests_total{method=\"POST\",route=\"/api/message_manager/conversations/{id}/send_message/\",status=\"201\"} 1";
    assert!(text.lines().any(|line| line == sent), "{text}");
});
