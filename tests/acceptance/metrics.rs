//! Metrics in Prometheus format at `/metrics`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use acceptance::{ApiClient, TestHotel, TestSocket, TestWorld, Value, WorldOptions, on_sqlite};
use tokio::time::{Instant, sleep};

use crate::docs::page;

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

/// The names and types of all metrics that the program serves.
async fn served_metrics(hotel: &TestHotel) -> BTreeMap<String, String> {
    // Metrics with labels are served after their first use.
    hotel.anonymous().get("/healthz").await;
    let text = hotel.anonymous().get("/metrics").await.text();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

on_sqlite!(operations_lists_every_metric_with_its_type, |hotel| {
    let operations = page("docs/operations.md");
    let rows = operations.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let kinds = ["counter", "gauge", "histogram"];
    let listed: BTreeMap<String, String> = rows
        .filter_map(|(name, rest)| {
            let kind = rest.split([',', ';']).next()?;
            kinds.contains(&kind).then(|| (name.to_owned(), kind.to_owned()))
        })
        .collect();
    assert_eq!(listed, served_metrics(&hotel).await);
});

/// The names of the metrics in a PromQL expression: its words that are no functions, keywords, labels or numbers.
fn metrics_in(expression: &str) -> Vec<String> {
    const KEYWORDS: [&str; 4] = ["and", "or", "unless", "offset"];
    let mut plain = String::new();
    let (mut depth, mut rest) = (0, expression.chars().peekable());
    while let Some(character) = rest.next() {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            // A list of labels: `by (le)`.
            '(' if plain.trim_end().ends_with(" by") => {
                plain.truncate(plain.trim_end().len() - "by".len());
                rest.by_ref().find(|it| *it == ')');
            }
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let mut names = Vec::new();
    for (at, _) in plain.match_indices(is_word).filter(|(at, _)| !plain[..*at].ends_with(is_word)) {
        let word: String = plain[at..].chars().take_while(|it| is_word(*it)).collect();
        let is_function = plain[at + word.len()..].trim_start().starts_with('(');
        let is_number = word.starts_with(|it: char| it.is_ascii_digit());
        if !is_function && !is_number && !KEYWORDS.contains(&word.as_str()) {
            names.push(word);
        }
    }
    names
}

/// All expressions in a JSON document: the texts under `expr`.
fn expressions(json: &Value) -> Vec<String> {
    match json {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == "expr" => vec![text.clone()],
                value => expressions(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(expressions).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn metrics_of_an_expression_are_found() {
    let of = |expression: &str| metrics_in(expression).join(" ");
    assert_eq!(of("sum by (le, x) (rate(a_total{b=\"c\"}[5m])) > 0.5 * 12 and d unless e offset 10m"), "a_total d e");
    assert_eq!(of("time() - f_seconds{instance=~\"$instance\"}"), "f_seconds");
}

on_sqlite!(alarms_and_dashboard_name_only_metrics_that_exist, |hotel| {
    let served = served_metrics(&hotel).await;
    let rules = page("docs/deploy/prometheus-rules.yml");
    let alarms: Vec<String> =
        rules.lines().filter_map(|line| line.trim_start().strip_prefix("expr: ")).map(str::to_owned).collect();
    assert_eq!(alarms.len(), rules.matches("- alert: ").count(), "an expression is not on one line");
    let dashboard: Value = serde_json::from_str(&page("docs/deploy/grafana-dashboard.json")).unwrap();
    let panels = expressions(&dashboard);
    assert!(alarms.len() > 10 && panels.len() > 20);
    for expression in alarms.iter().chain(&panels) {
        let names = metrics_in(expression);
        assert!(!names.is_empty(), "{expression}");
        for name in names {
            let base = name.strip_suffix("_bucket").unwrap_or(&name);
            // `up` is a metric of Prometheus itself.
            assert!(name == "up" || served.contains_key(base), "{name} in {expression}");
        }
    }
    // Every metric is on the dashboard.
    for name in served.keys() {
        assert!(panels.iter().any(|it| it.contains(name.as_str())), "{name} is on no panel");
    }
});
