//! Delivery of webhooks to the product: in parallel, with retries for seven days until the response is 200.

use std::{sync::Arc, time::Duration, time::Instant};

use serde_json::json;

use crate::{
    clock::{DAY, HOUR, MINUTE, Millis, millis},
    delivery_queue::{QueuedItem, WebhookPost},
    meta_json::sign,
    state::Simulator,
    transcript::{LOST, WEBHOOK},
    updates::{UpdatePlacement, WebhookBody, WebhookUpdate, pack_updates},
};

const RETRY_PERIOD: Millis = 7 * DAY;
const MAX_RETRY_DELAY: Millis = 6 * HOUR;
/// The range of the delay of a duplicate update that is not sent at once.
const DUPLICATE_DELAY: (Millis, Millis) = (100, 3000);

/// Delivers due items of the webhook queue until the simulator stops.
pub(crate) async fn run_delivery_loop(simulator: Arc<Simulator>) {
    loop {
        let now = simulator.clock.now();
        let (due, next) = simulator.queue.take_due(now);
        let mut updates = Vec::new();
        for item in due {
            match item {
                QueuedItem::Update(update) => updates.push(*update),
                QueuedItem::Post(post) => spawn_delivery(&simulator, post, 1).await,
            }
        }
        let max_updates = simulator.settings().batch;
        for body in pack_updates(updates, max_updates, UpdatePlacement::random) {
            let items = body.labels.len();
            spawn_delivery(&simulator, sign_body(&simulator, body), items).await;
        }
        tokio::select! {
            () = simulator.clock.wait_until(next.unwrap_or(now + MINUTE)) => {}
            () = simulator.queue.pushed.notified() => {}
        }
    }
}

/// Delivers a webhook call in its own task, as soon as there is a permit. `items` is the number of queue items in the
/// call.
async fn spawn_delivery(simulator: &Arc<Simulator>, post: WebhookPost, items: usize) {
    let permit = simulator.delivery_permits.clone().acquire_owned().await;
    let simulator = simulator.clone();
    tokio::spawn(async move {
        attempt_delivery(&simulator, post).await;
        simulator.queue.finish(items);
        drop(permit);
    });
}

fn sign_body(simulator: &Simulator, body: WebhookBody) -> WebhookPost {
    let signature = sign(&simulator.options.app_secret, &body.bytes);
    let (id, created) = (simulator.queue.next_id(), simulator.clock.now());
    WebhookPost { id, bytes: body.bytes, signature, labels: body.labels, attempts: 0, created }
}

/// Queues an update for delivery after a delay. Depending on the settings it is late, duplicated or batched.
pub(crate) fn schedule_update(simulator: &Simulator, update: WebhookUpdate, delay: Millis) {
    let settings = simulator.settings();
    let shuffle = || if settings.shuffle_ms == 0 { 0 } else { rand::random_range(0..=settings.shuffle_ms) };
    let due_time = |delay: Millis| {
        let due = simulator.clock.now() + delay + Millis::try_from(shuffle()).unwrap_or(0);
        let linger = Millis::try_from(settings.linger_ms).unwrap_or(0);
        // Updates of the same linger interval share a due time, and so a webhook body.
        if settings.batch > 1 && linger > 0 { due - due.rem_euclid(linger) + linger } else { due }
    };
    if rand::random_range(0..100) < settings.duplicates {
        let extra = if rand::random() { 0 } else { rand::random_range(DUPLICATE_DELAY.0..DUPLICATE_DELAY.1) };
        enqueue(simulator, due_time(delay + extra), QueuedItem::Update(Box::new(update.clone())));
    }
    enqueue(simulator, due_time(delay), QueuedItem::Update(Box::new(update)));
}

/// Delivers updates at once, and returns after the first attempt of each webhook.
pub(crate) async fn deliver_now(simulator: &Simulator, updates: Vec<WebhookUpdate>) {
    for body in pack_updates(updates, 1, UpdatePlacement::random) {
        let _permit = simulator.delivery_permits.acquire().await;
        attempt_delivery(simulator, sign_body(simulator, body)).await;
    }
}

/// Queues several copies of a webhook body for immediate delivery.
pub(crate) fn enqueue_body(simulator: &Simulator, body: WebhookBody, copies: u32) {
    let post = sign_body(simulator, body);
    for _ in 0..copies {
        enqueue(simulator, post.created, QueuedItem::Post(post.clone()));
    }
}

fn enqueue(simulator: &Simulator, due: Millis, item: QueuedItem) {
    let labels = match &item {
        QueuedItem::Update(update) => vec![update.label.clone()],
        QueuedItem::Post(post) => post.labels.clone(),
    };
    if !simulator.queue.push(due, item) {
        log::warn!("webhook queue is full: {} updates dropped", labels.len());
        simulator.record(LOST, json!({ "updates": labels, "why": "the queue is full" }));
    }
}

/// Sends a webhook call once. Schedules a retry unless the response is 200.
async fn attempt_delivery(simulator: &Simulator, mut post: WebhookPost) {
    let settings = simulator.settings();
    let Some(callback) = settings.callback else {
        return simulator
            .record(LOST, json!({ "post": post.id, "updates": post.labels, "why": "there is no callback" }));
    };
    post.attempts += 1;
    let started = Instant::now();
    let request = simulator
        .http
        .post(&callback)
        .header("content-type", "application/json")
        .header("user-agent", "facebookexternalua")
        .header("x-hub-signature-256", &post.signature)
        .timeout(Duration::from_millis(settings.callback_timeout_ms))
        .body(post.bytes.clone());
    let (status, error) = match request.send().await {
        Ok(response) => (Some(response.status().as_u16()), None),
        Err(error) => (None, Some(if error.is_timeout() { "timeout" } else { "connection" })),
    };
    simulator.record(
        WEBHOOK,
        json!({
            "post": post.id,
            "attempt": post.attempts,
            "updates": post.labels,
            "bytes": post.bytes.len(),
            "status": status,
            "error": error,
            "latency_ms": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }),
    );
    if status != Some(200) {
        schedule_retry(simulator, post, settings.retry_ms);
    }
}

fn schedule_retry(simulator: &Simulator, post: WebhookPost, initial_delay_ms: u64) {
    let now = simulator.clock.now();
    let delay = retry_delay(post.attempts, millis(Duration::from_millis(initial_delay_ms)));
    if now + delay > post.created + RETRY_PERIOD {
        log::warn!("webhook {} failed for seven days and is dropped", post.id);
        let entry = json!({ "post": post.id, "updates": post.labels, "why": "tried for seven days" });
        return simulator.record(LOST, entry);
    }
    enqueue(simulator, now + delay, QueuedItem::Post(post));
}

/// Returns the delay of a webhook retry after `attempts` attempts: none after the first, then exponential backoff.
fn retry_delay(attempts: u32, initial_delay: Millis) -> Millis {
    match attempts.checked_sub(2) {
        None => 0,
        Some(doublings) => initial_delay.saturating_mul(1 << doublings.min(32)).min(MAX_RETRY_DELAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_delays_double_up_to_a_maximum() {
        assert_eq!([1, 2, 3, 4].map(|attempts| retry_delay(attempts, 1000)), [0, 1000, 2000, 4000]);
        assert_eq!(retry_delay(40, 1000), MAX_RETRY_DELAY);
        let attempts = (1..).scan(0, |time, attempts| {
            *time += retry_delay(attempts, 1000);
            (*time <= RETRY_PERIOD).then_some(())
        });
        assert!((20..60).contains(&attempts.count()));
    }
}
