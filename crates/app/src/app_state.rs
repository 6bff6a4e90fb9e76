//! State that all handlers and middleware share.

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use desk::{Desk, hotels::PlayedGuests};
use transport::{ClientConnections, Hub};

use crate::{
    health::cache::HealthCache,
    metrics::Metrics,
    request::body_memory::BodyMemory,
    settings::{Settings, origins::Origins},
};

/// The state of the running server, created once at start and shared by all HTTP workers until the process ends.
pub struct App {
    pub desk: Desk,
    pub hub: Hub,
    pub connections: ClientConnections,
    pub body_memory: Arc<BodyMemory>,
    pub settings: Settings,
    pub origins: Origins,
    /// Whether the server runs with `--demo` and serves the guest simulator.
    pub is_demo: bool,
    /// The switch of the played guests of a demo.
    pub played_guests: PlayedGuests,
    pub metrics: Metrics,
    pub health: HealthCache,
}

/// Returns the server state for a request; `None` only if the server was set up without state.
pub fn app_of(request: &HttpRequest) -> Option<web::Data<App>> {
    request.app_data::<web::Data<App>>().cloned()
}

#[cfg(test)]
impl App {
    /// Creates the server state for a test, with default settings except for the allowed origins.
    pub fn for_tests(desk: Desk, allowed_origins: &[&str]) -> Self {
        let allowed: Vec<String> = allowed_origins.iter().map(ToString::to_string).collect();
        Self {
            desk,
            hub: Hub::new(),
            connections: ClientConnections::new(1, std::time::Duration::ZERO, std::time::Duration::ZERO),
            body_memory: BodyMemory::new(64 * 1024 * 1024),
            settings: Settings::read(|_| None).unwrap(),
            origins: Origins::new(None, 8080, &allowed),
            is_demo: false,
            played_guests: PlayedGuests::default(),
            metrics: Metrics::new().unwrap(),
            health: HealthCache::default(),
        }
    }
}
