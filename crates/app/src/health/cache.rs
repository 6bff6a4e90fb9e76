//! Results that health checks and metrics reuse for a second, so that frequent probes do not load the database.

use std::time::{Duration, Instant};

use desk::outbound::outbox::WhatsAppCounts;
use tokio::sync::Mutex;

const MAX_AGE: Duration = Duration::from_secs(1);

/// The last results of the queries behind `/readyz` and `/metrics`.
#[derive(Default)]
pub struct HealthCache {
    pub dependencies: ShortCache<DependencyStatus>,
    pub whatsapp: ShortCache<Option<WhatsAppCounts>>,
}

/// Whether the services that this node depends on respond.
#[derive(Clone)]
pub struct DependencyStatus {
    pub database: Result<(), String>,
    /// Whether Redis responds; `None` if Redis is not used.
    pub redis: Option<bool>,
}

/// A value that is fetched again if it is older than a second. Concurrent readers wait for one fetch.
pub struct ShortCache<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for ShortCache<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> ShortCache<T> {
    /// Returns the cached value, or the result of `fetch` if the value is too old.
    pub async fn get(&self, fetch: impl Future<Output = T>) -> T {
        let mut last = self.0.lock().await;
        if let Some((fetched_at, value)) = &*last
            && fetched_at.elapsed() < MAX_AGE
        {
            return value.clone();
        }
        let value = fetch.await;
        *last = Some((Instant::now(), value.clone()));
        value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;

    #[tokio::test]
    async fn concurrent_readers_share_one_fetch() {
        let (cache, fetches) = (ShortCache::default(), AtomicU32::new(0));
        let fetch = || async {
            tokio::task::yield_now().await;
            fetches.fetch_add(1, SeqCst)
        };
        assert_eq!(tokio::join!(cache.get(fetch()), cache.get(fetch()), cache.get(fetch())), (0, 0, 0));
        assert_eq!(cache.get(fetch()).await, 0);
        if let Some((fetched_at, _)) = &mut *cache.0.lock().await {
            *fetched_at -= MAX_AGE;
        }
        assert_eq!(cache.get(fetch()).await, 1);
    }
}
