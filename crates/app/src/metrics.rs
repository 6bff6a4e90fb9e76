//! Prometheus metrics. No label contains a hotel, a person or a phone number.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::{Method, StatusCode};
use desk::outbound::outbox::WhatsAppCounts;
use parking_lot::Mutex;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, Result, TextEncoder,
};
use transport::{ConnectionStats, SocketStats};

/// The upper bounds of the buckets of the histogram of request durations, in seconds.
const DURATION_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// The Prometheus metrics of this process.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    requests_in_flight: IntGauge,
    unknown_receipts: IntCounter,
    body_bytes: IntGauge,
    collected: Mutex<CollectedMetrics>,
}

/// A guard that counts an HTTP request as in flight until the guard is dropped.
pub struct InFlightRequest(IntGauge);

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Metrics whose values other parts of the server count. They are copied whenever `/metrics` is read.
struct CollectedMetrics {
    connections: IntGauge,
    connections_waiting: IntGauge,
    connections_ended: IntCounter,
    sockets: IntGauge,
    subscriptions: IntGauge,
    hotels: IntGauge,
    deliveries: IntCounter,
    overflows: IntCounter,
    commands: IntCounter,
    refused_commands: IntCounter,
    violations: IntCounter,
    log_reads: IntCounter,
    bus_up: IntGauge,
    bus_published: IntCounter,
    bus_failed: IntCounter,
    bus_received: IntCounter,
    queued: IntGauge,
    held: IntGauge,
    suspended: IntGauge,
    dead_letters: IntGauge,
}

impl Metrics {
    /// Registers all metrics. Fails only if two metrics have the same name.
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("http_requests_total", "HTTP requests answered, including WebSocket upgrades."),
            &["route", "method", "status"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "http_request_duration_seconds",
                "Seconds from the head of a request to the head of its response.",
            )
            .buckets(DURATION_BUCKETS.to_vec()),
            &["route", "method"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        let requests_in_flight =
            gauge(&registry, "http_requests_in_flight", "HTTP requests that are not answered yet.")?;
        let unknown_receipts = counter(
            &registry,
            "whatsapp_unknown_receipts_total",
            "Delivery receipts of WhatsApp for phone numbers that belong to no hotel.",
        )?;
        let body_bytes = gauge(&registry, "http_body_bytes", "Memory used by request bodies, in bytes.")?;
        let collected = Mutex::new(CollectedMetrics::new(&registry)?);
        let started = gauge(&registry, "process_start_time_seconds", "Start time of the process, in Unix seconds.")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        started.set(i64::try_from(now).unwrap_or_default());
        Ok(Self { registry, requests, durations, requests_in_flight, unknown_receipts, body_bytes, collected })
    }

    /// Counts an HTTP request as in flight until the returned guard is dropped.
    pub fn track_request(&self) -> InFlightRequest {
        self.requests_in_flight.inc();
        InFlightRequest(self.requests_in_flight.clone())
    }

    pub fn requests_in_flight(&self) -> i64 {
        self.requests_in_flight.get()
    }

    pub fn count_unknown_receipts(&self, receipts: usize) {
        self.unknown_receipts.inc_by(receipts as u64);
    }

    /// Counts a finished HTTP request and its duration. `route` is the path pattern that the request matched.
    pub fn count_request(&self, route: Option<&str>, method: &Method, status: StatusCode, duration: Duration) {
        let (route, method) = (route.unwrap_or("none"), method_label(method));
        self.requests.with_label_values(&[route, method, status.as_str()]).inc();
        self.durations.with_label_values(&[route, method]).observe(duration.as_secs_f64());
    }

    pub fn set_body_bytes(&self, bytes: usize) {
        self.body_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Returns all metrics in the text format of Prometheus. If `whatsapp` is `None` (database unavailable), the
    /// metrics of WhatsApp keep their last values.
    pub fn text(
        &self,
        sockets: SocketStats,
        connections: ConnectionStats,
        whatsapp: Option<WhatsAppCounts>,
    ) -> Result<Vec<u8>> {
        // Counters are increased by the difference to their last value, so the lock lets only one caller do so at a
        // time.
        let collected = self.collected.lock();
        collected.set_connections(&connections);
        collected.set_sockets(&sockets);
        if let Some(counts) = whatsapp {
            collected.set_whatsapp(&counts);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

impl CollectedMetrics {
    fn new(registry: &Registry) -> Result<Self> {
        let gauge = |name: &str, help: &str| gauge(registry, name, help);
        let counter = |name: &str, help: &str| counter(registry, name, help);
        Ok(Self {
            connections: gauge("http_connections", "Open connections, including WebSockets.")?,
            connections_waiting: gauge("http_connections_waiting", "Connections without a complete request head.")?,
            connections_ended: counter(
                "http_connections_ended_total",
                "Connections closed because a request head did not arrive within 10 s.",
            )?,
            sockets: gauge("websocket_sockets", "Open WebSockets.")?,
            subscriptions: gauge(
                "websocket_subscriptions",
                "Subscriptions of open WebSockets to conversations and inboxes.",
            )?,
            hotels: gauge("websocket_hotels", "Hotels with an open WebSocket on this node.")?,
            deliveries: counter("websocket_deliveries_total", "Frames put into send queues of WebSockets.")?,
            overflows: counter("websocket_overflows_total", "WebSockets closed because their send queue was full.")?,
            commands: counter("websocket_commands_total", "WebSocket commands accepted, within the rate limit.")?,
            refused_commands: counter(
                "websocket_commands_refused_total",
                "WebSocket commands refused by the rate limit.",
            )?,
            violations: counter("websocket_violations_total", "WebSockets closed after too many errors.")?,
            log_reads: counter("feed_log_reads_total", "Reads of the event log for events that were not in memory.")?,
            bus_up: gauge(
                "bus_up",
                "1 if this node can publish signals to other nodes and receive theirs, or runs alone; else 0.",
            )?,
            bus_published: counter("bus_published_total", "Signals published to other nodes.")?,
            bus_failed: counter("bus_failed_total", "Signals that could not be published to other nodes.")?,
            bus_received: counter("bus_received_total", "Signals received from other nodes.")?,
            queued: gauge("whatsapp_queued", "Messages to guests that are queued or being sent.")?,
            held: gauge("whatsapp_held", "Messages to guests that are held until the guest writes.")?,
            suspended: gauge(
                "whatsapp_stopped",
                "Hotels whose sender is suspended because WhatsApp refuses the token or the account.",
            )?,
            dead_letters: gauge("whatsapp_parked", "Dead letters: webhook updates that could not be processed.")?,
        })
    }

    fn set_connections(&self, counts: &ConnectionStats) {
        set(&self.connections, counts.open);
        set(&self.connections_waiting, counts.waiting);
        raise(&self.connections_ended, counts.ended);
    }

    fn set_sockets(&self, counts: &SocketStats) {
        set(&self.sockets, counts.sockets);
        set(&self.subscriptions, counts.subscriptions);
        set(&self.hotels, counts.hotels);
        raise(&self.deliveries, counts.deliveries);
        raise(&self.overflows, counts.overflows);
        raise(&self.commands, counts.commands);
        raise(&self.refused_commands, counts.refused);
        raise(&self.violations, counts.violations);
        raise(&self.log_reads, counts.log_reads);
        set(&self.bus_up, counts.bus.up.into());
        raise(&self.bus_published, counts.bus.published);
        raise(&self.bus_failed, counts.bus.publish_failures);
        raise(&self.bus_received, counts.bus.received);
    }

    fn set_whatsapp(&self, counts: &WhatsAppCounts) {
        self.queued.set(counts.queued);
        self.held.set(counts.held);
        self.suspended.set(counts.stopped);
        self.dead_letters.set(counts.parked);
    }
}

fn set(gauge: &IntGauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// Increases a counter to a total that another part of the server counts.
fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// The metric label of an HTTP method. Clients can invent methods, so all unusual methods share one label.
fn method_label(method: &Method) -> &'static str {
    let labels = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];
    labels.into_iter().find(|label| *label == method.as_str()).unwrap_or("other")
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
    fn the_text_contains_all_counts() {
        let metrics = Metrics::new().unwrap();
        metrics.count_request(Some("/healthz"), &Method::GET, StatusCode::OK, Duration::from_millis(3));
        let invented = Method::from_bytes(b"BREW").unwrap();
        metrics.count_request(None, &invented, StatusCode::NOT_FOUND, Duration::ZERO);
        let counts = SocketStats { sockets: 2, deliveries: 5, ..SocketStats::default() };
        let connections = ConnectionStats { open: 4, waiting: 1, ended: 7 };
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
