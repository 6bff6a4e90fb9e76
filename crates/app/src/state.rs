//! What every handler is given.

use std::sync::Arc;

use desk::Desk;
use transport::{Connections, Hub};

use crate::{extract::BodyMemory, health::Recently, metrics::Metrics, origin::Origins, settings::Settings};

/// The program at work.
pub struct App {
    /// The use cases.
    pub desk: Desk,
    /// The sockets.
    pub hub: Hub,
    /// The connections.
    pub connections: Connections,
    /// The memory that request bodies share.
    pub body_memory: Arc<BodyMemory>,
    /// The settings.
    pub settings: Settings,
    /// Which pages may do what.
    pub origins: Origins,
    /// Whether guests may be played.
    pub demo: bool,
    /// What is counted.
    pub metrics: Metrics,
    /// What was looked up a moment ago.
    pub recent: Recently,
}

#[cfg(test)]
impl App {
    /// A program with default settings, but for the origins.
    pub fn for_tests(desk: Desk, allowed_origins: &[&str]) -> Self {
        let allowed: Vec<String> = allowed_origins.iter().map(ToString::to_string).collect();
        Self {
            desk,
            hub: Hub::new(),
            connections: Connections::new(1, std::time::Duration::ZERO, std::time::Duration::ZERO),
            body_memory: BodyMemory::new(64 * 1024 * 1024),
            settings: Settings::read(|_| None).unwrap(),
            origins: Origins::new(None, 8080, &allowed),
            demo: false,
            metrics: Metrics::new().unwrap(),
            recent: Recently::default(),
        }
    }
}
