//! What is counted, for Prometheus. No label names a hotel, a person or a number.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::http::{Method, StatusCode};
use desk::WhatsAppCounts;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, Result, TextEncoder,
};
use transport::{ConnectionCounts, Counts};

/// Bounds of the histogram of durations, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// The figures of this process.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    under_way: IntGauge,
    unknown_reports: IntCounter,
    body_bytes: IntGauge,
    live: Mutex<Live>,
}

/// A request under way, until it is dropped.
pub struct UnderWay(IntGauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is counted elsewhere: copied when asked for.
struct Live {
    connections: IntGauge,
    waiting: IntGauge,
    ended: IntCounter,
    sockets: IntGauge,
    subscriptions: IntGauge,
    hotels: IntGauge,
    deliveries: IntCounter,
    overflows: IntCounter,
    commands: IntCounter,
    refused: IntCounter,
    violations: IntCounter,
    log_reads: IntCounter,
    bus_up: IntGauge,
    bus_told: IntCounter,
    bus_failed: IntCounter,
    bus_heard: IntCounter,
    to_send: IntGauge,
    held: IntGauge,
    stopped: IntGauge,
    parked: IntGauge,
}

impl Metrics {
    /// All at zero.
    ///
    /// # Errors
    /// Where two have the same name.
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("http_requests_total", "HTTP requests answered, upgrades to WebSocket among them."),
            &["route", "method", "status"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new("http_request_duration_seconds", "From a request's head to its answer's.")
                .buckets(BUCKETS.to_vec()),
            &["route", "method"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        let under_way = gauge(&registry, "http_requests_under_way", "HTTP requests not answered yet.")?;
        let unknown_reports =
            counter(&registry, "whatsapp_unknown_reports_total", "Delivery reports for numbers that no hotel has.")?;
        let body_bytes = gauge(&registry, "http_body_bytes", "Memory that the bodies of requests take.")?;
        let live = Live {
            connections: gauge(&registry, "http_connections", "Open connections, WebSockets among them.")?,
            waiting: gauge(&registry, "http_connections_waiting", "Connections that owe the head of a request.")?,
            ended: counter(&registry, "http_connections_ended_total", "Connections ended since no head came.")?,
            sockets: gauge(&registry, "websocket_sockets", "Open WebSockets.")?,
            subscriptions: gauge(&registry, "websocket_subscriptions", "Subscriptions to conversations.")?,
            hotels: gauge(&registry, "websocket_hotels", "Hotels with an open WebSocket here.")?,
            deliveries: counter(&registry, "websocket_deliveries_total", "Frames put into sockets' queues.")?,
            overflows: counter(&registry, "websocket_overflows_total", "Sockets closed since they read too slowly.")?,
            commands: counter(&registry, "websocket_commands_total", "Commands of sockets that were let through.")?,
            refused: counter(&registry, "websocket_commands_refused_total", "Commands refused since too many came.")?,
            violations: counter(&registry, "websocket_violations_total", "Sockets closed after too many errors.")?,
            log_reads: counter(&registry, "feed_log_reads_total", "Times that the log was read for what was missed.")?,
            bus_up: gauge(&registry, "bus_up", "Whether other servers can be heard and told; 1 where none can be.")?,
            bus_told: counter(&registry, "bus_told_total", "What other servers were told.")?,
            bus_failed: counter(&registry, "bus_failed_total", "What other servers could not be told.")?,
            bus_heard: counter(&registry, "bus_heard_total", "What other servers told.")?,
            to_send: gauge(&registry, "whatsapp_queued", "Messages that wait to be sent, or are on their way.")?,
            held: gauge(&registry, "whatsapp_held", "Messages that wait for their guest to write.")?,
            stopped: gauge(&registry, "whatsapp_stopped", "Hotels for which nothing is sent: see the log.")?,
            parked: gauge(&registry, "whatsapp_parked", "What came and could not be processed.")?,
        };
        let started = gauge(&registry, "process_start_time_seconds", "When it started, in seconds since 1970.")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        started.set(i64::try_from(now).unwrap_or_default());
        Ok(Self { registry, requests, durations, under_way, unknown_reports, body_bytes, live: Mutex::new(live) })
    }

    /// Notes that a request has come.
    pub fn begin(&self) -> UnderWay {
        self.under_way.inc();
        UnderWay(self.under_way.clone())
    }

    /// How many requests are not answered yet.
    pub fn under_way(&self) -> i64 {
        self.under_way.get()
    }

    /// Counts delivery reports for numbers that no hotel has.
    pub fn count_unknown_reports(&self, reports: usize) {
        self.unknown_reports.inc_by(reports as u64);
    }

    /// Counts an answered request. `route` is the pattern that its address matched.
    pub fn count(&self, route: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let (route, method) = (route.unwrap_or("none"), known(method));
        self.requests.with_label_values(&[route, method, status.as_str()]).inc();
        self.durations.with_label_values(&[route, method]).observe(took.as_secs_f64());
    }

    /// Notes how much memory the bodies of requests take now.
    pub fn note_body_bytes(&self, bytes: usize) {
        self.body_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// All figures, in Prometheus' text format.
    ///
    /// # Errors
    /// Where they cannot be written as text.
    pub fn text(
        &self,
        counts: Counts,
        connections: ConnectionCounts,
        whatsapp: Option<WhatsAppCounts>,
    ) -> Result<Vec<u8>> {
        // One at a time: the counters are set by counting anew.
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of the database stay as they were while it is away.
        if let Some(counts) = whatsapp {
            live.to_send.set(counts.queued);
            live.held.set(counts.held);
            live.stopped.set(counts.stopped);
            live.parked.set(counts.parked);
        }
        for (gauge, now) in [
            (&live.connections, connections.open),
            (&live.waiting, connections.waiting),
            (&live.sockets, counts.sockets),
            (&live.subscriptions, counts.subscriptions),
            (&live.hotels, counts.hotels),
            (&live.bus_up, counts.bus.up.into()),
        ] {
            gauge.set(i64::try_from(now).unwrap_or(i64::MAX));
        }
        for (counter, total) in [
            (&live.ended, connections.ended),
            (&live.deliveries, counts.deliveries),
            (&live.overflows, counts.overflows),
            (&live.commands, counts.commands),
            (&live.refused, counts.refused),
            (&live.violations, counts.violations),
            (&live.log_reads, counts.log_reads),
            (&live.bus_told, counts.bus.told),
            (&live.bus_failed, counts.bus.failed),
            (&live.bus_heard, counts.bus.heard),
        ] {
            counter.inc_by(total.saturating_sub(counter.get()));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Anybody may make up methods: they share one label.
fn known(method: &Method) -> &'static str {
    let words = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];
    words.into_iter().find(|word| *word == method.as_str()).unwrap_or("other")
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_what_was_counted() {
        let metrics = Metrics::new().unwrap();
        metrics.count(Some("/healthz"), &Method::GET, StatusCode::OK, Duration::from_millis(3));
        let made_up = Method::from_bytes(b"BREW").unwrap();
        metrics.count(None, &made_up, StatusCode::NOT_FOUND, Duration::ZERO);
        let counts = Counts { sockets: 2, deliveries: 5, ..Counts::default() };
        let connections = ConnectionCounts { open: 4, waiting: 1, ended: 7 };
        metrics.text(counts, connections, None).unwrap();
        let text = String::from_utf8(metrics.text(counts, connections, None).unwrap()).unwrap();
        for line in [
            r#"http_requests_total{method="GET",route="/healthz",status="200"} 1"#,
            r#"http_requests_total{method="other",route="none",status="404"} 1"#,
            r#"http_request_duration_seconds_count{method="GET",route="/healthz"} 1"#,
            "http_connections_waiting 1",
            "http_connections_ended_total 7",
            "websocket_sockets 2",
            "websocket_deliveries_total 5",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
    }
}
