//! Values that are not asked for anew each time.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// So old a value may be.
const AGE: Duration = Duration::from_secs(1);

/// A value that is at most a second old. Of many who ask at once one has it fetched, and the others wait for that.
pub struct Recent<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Recent<T> {
    /// The value, from `fetch` where the last one is too old.
    pub async fn get(&self, fetch: impl Future<Output = T>) -> T {
        let mut last = self.0.lock().await;
        if let Some((at, value)) = &*last
            && at.elapsed() < AGE
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
    async fn of_many_who_ask_at_once_one_fetches() {
        let (recent, fetched) = (Recent::default(), AtomicU32::new(0));
        let fetch = || async {
            tokio::task::yield_now().await;
            fetched.fetch_add(1, SeqCst)
        };
        assert_eq!(tokio::join!(recent.get(fetch()), recent.get(fetch()), recent.get(fetch())), (0, 0, 0));
        assert_eq!(recent.get(fetch()).await, 0);
        if let Some((at, _)) = &mut *recent.0.lock().await {
            *at -= AGE;
        }
        assert_eq!(recent.get(fetch()).await, 1);
    }
}
