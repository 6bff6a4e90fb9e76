//! What a server says of itself in `/metrics`.

use std::{sync::Arc, time::Duration};

use acceptance::{Client, World};
use tokio::time::{Instant, sleep};

/// The figure of this name, which ends with a space.
pub async fn figure(node: &Arc<World>, name: &str) -> f64 {
    let text = Client::new(node).get("/metrics").await.text();
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no {name}: {text}"))
}

/// Waits until a server has this figure.
pub async fn figure_is(node: &Arc<World>, name: &str, within: Duration, wanted: impl Fn(f64) -> bool) {
    let start = Instant::now();
    loop {
        let now = figure(node, name).await;
        if wanted(now) {
            return;
        }
        assert!(start.elapsed() < within, "{name} stays {now}");
        sleep(Duration::from_millis(20)).await;
    }
}
