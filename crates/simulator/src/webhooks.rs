//! Telling the product: POSTs, in parallel, each again and again until it is answered with 200.

use std::{sync::Arc, time::Duration, time::Instant};

use serde_json::json;

use crate::{
    clock::{DAY, HOUR, MINUTE, Millis, millis},
    escape::signature,
    queue::{Post, Waiting},
    transcript::{LOST, WEBHOOK},
    updates::{Beside, Body, Update, bodies},
    world::World,
};

/// For so long it is tried.
const GIVE_UP: Millis = 7 * DAY;
/// The longest gap between two attempts.
const LONGEST_GAP: Millis = 6 * HOUR;
/// A second copy that comes later comes so much later.
const LATER: (Millis, Millis) = (100, 3000);

/// Posts what is due, for ever.
pub(crate) async fn carry(world: Arc<World>) {
    loop {
        let now = world.clock.now();
        let (due, next) = world.queue.due(now);
        let mut updates = Vec::new();
        for waiting in due {
            match waiting {
                Waiting::Update(update) => updates.push(*update),
                Waiting::Post(post) => start(&world, post, 1).await,
            }
        }
        let most = world.settings().batch;
        for body in bodies(updates, most, Beside::any) {
            let of = body.labels.len();
            start(&world, post(&world, body), of).await;
        }
        tokio::select! {
            () = world.clock.until(next.unwrap_or(now + MINUTE)) => {}
            () = world.queue.news.notified() => {}
        }
    }
}

/// Begins to post what so many things of the queue became, as soon as fewer are under way than may be.
async fn start(world: &Arc<World>, post: Post, of: usize) {
    let (world, wire) = (world.clone(), world.wires.clone().acquire_owned().await);
    tokio::spawn(async move {
        deliver(&world, post).await;
        world.queue.told(of);
        drop(wire);
    });
}

/// A body as a POST, signed.
pub(crate) fn post(world: &World, body: Body) -> Post {
    let signature = signature(&world.options.app_secret, &body.bytes);
    let (id, began) = (world.queue.number(), world.clock.now());
    Post { id, bytes: body.bytes, signature, labels: body.labels, attempts: 0, began }
}

/// Tells something after a time, as the settings are: late, twice, together with others.
pub(crate) fn tell(world: &World, update: Update, after: Millis) {
    let settings = world.settings();
    let shuffled = || if settings.shuffle_ms == 0 { 0 } else { rand::random_range(0..=settings.shuffle_ms) };
    let at = |after: Millis| {
        let at = world.clock.now() + after + Millis::try_from(shuffled()).unwrap_or(0);
        let linger = Millis::try_from(settings.linger_ms).unwrap_or(0);
        // What is due within the same stretch goes together.
        if settings.batch > 1 && linger > 0 { at - at.rem_euclid(linger) + linger } else { at }
    };
    if rand::random_range(0..100) < settings.duplicates {
        let later = if rand::random() { 0 } else { rand::random_range(LATER.0..LATER.1) };
        put(world, at(after + later), Waiting::Update(Box::new(update.clone())));
    }
    put(world, at(after), Waiting::Update(Box::new(update)));
}

/// Tells something now, and waits for the first answer.
pub(crate) async fn tell_now(world: &World, updates: Vec<Update>) {
    for body in bodies(updates, 1, Beside::any) {
        let _wire = world.wires.acquire().await;
        deliver(world, post(world, body)).await;
    }
}

/// Posts a body so many times at once.
pub(crate) fn tell_body(world: &World, body: Body, times: u32) {
    let post = post(world, body);
    for _ in 0..times {
        put(world, post.began, Waiting::Post(post.clone()));
    }
}

fn put(world: &World, at: Millis, waiting: Waiting) {
    let what = match &waiting {
        Waiting::Update(update) => vec![update.label.clone()],
        Waiting::Post(post) => post.labels.clone(),
    };
    if !world.queue.put(at, waiting) {
        log::warn!("so much waits to be told that an update is lost");
        world.note(LOST, json!({ "updates": what, "why": "too much waits" }));
    }
}

/// One attempt, and the next where it fails.
async fn deliver(world: &World, mut post: Post) {
    let settings = world.settings();
    let Some(callback) = settings.callback else {
        return world.note(LOST, json!({ "post": post.id, "updates": post.labels, "why": "there is no callback" }));
    };
    post.attempts += 1;
    let begun = Instant::now();
    let asked = world
        .http
        .post(&callback)
        .header("content-type", "application/json")
        .header("user-agent", "facebookexternalua")
        .header("x-hub-signature-256", &post.signature)
        .timeout(Duration::from_millis(settings.callback_timeout_ms))
        .body(post.bytes.clone());
    let (status, error) = match asked.send().await {
        Ok(answer) => (Some(answer.status().as_u16()), None),
        Err(error) => (None, Some(if error.is_timeout() { "timeout" } else { "connection" })),
    };
    world.note(
        WEBHOOK,
        json!({
            "post": post.id,
            "attempt": post.attempts,
            "updates": post.labels,
            "bytes": post.bytes.len(),
            "status": status,
            "error": error,
            "latency_ms": u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        }),
    );
    if status != Some(200) {
        try_again(world, post, settings.retry_ms);
    }
}

fn try_again(world: &World, post: Post, retry_ms: u64) {
    let now = world.clock.now();
    let gap = gap(post.attempts, millis(Duration::from_millis(retry_ms)));
    if now + gap > post.began + GIVE_UP {
        log::warn!("a POST was answered with other than 200 for seven days, and is given up");
        return world.note(LOST, json!({ "post": post.id, "updates": post.labels, "why": "tried for seven days" }));
    }
    put(world, now + gap, Waiting::Post(post));
}

/// How long after so many attempts the next is made: at once, then ever later.
fn gap(attempts: u32, first: Millis) -> Millis {
    match attempts.checked_sub(2) {
        None => 0,
        Some(doublings) => first.saturating_mul(1 << doublings.min(32)).min(LONGEST_GAP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_grow_and_end_within_seven_days() {
        assert_eq!([1, 2, 3, 4].map(|it| gap(it, 1000)), [0, 1000, 2000, 4000]);
        assert_eq!(gap(40, 1000), LONGEST_GAP);
        let attempts = (1..).scan(0, |at, n| {
            *at += gap(n, 1000);
            (*at <= GIVE_UP).then_some(())
        });
        assert!((20..60).contains(&attempts.count()));
    }
}
