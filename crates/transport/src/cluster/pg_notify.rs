//! The cluster bus through PostgreSQL `LISTEN/NOTIFY` on the shared database.

use std::sync::Arc;

use desk::{DbUrl, PgNotify, PgNotifyEvent, Supervisor};

use crate::{cluster::signal_receiver::SignalReceiver, supervise::spawn_supervised};

/// Starts to receive cluster signals through PostgreSQL. Returns `None` if the database has no `LISTEN/NOTIFY`, or no
/// thread could be started.
pub(super) fn connect(receiver: SignalReceiver, url: &DbUrl, supervisor: &Supervisor) -> Option<Arc<PgNotify>> {
    let callback = receiver.clone();
    let on_event = move |event| match event {
        PgNotifyEvent::Notification { hotel, payload } => callback.receive(hotel, &payload),
        PgNotifyEvent::Listening => callback.record_subscribed(),
        PgNotifyEvent::Disconnected(cause) => callback.record_disconnected(&cause),
    };
    let notices = PgNotify::open(url, on_event).unwrap_or_else(|error| {
        receiver.record_disconnected(&error.to_string());
        None
    })?;
    let notices = Arc::new(notices);
    let listener = notices.clone();
    spawn_supervised(supervisor, "bus listener", move || update_subscriptions(receiver.clone(), listener.clone()));
    Some(notices)
}

/// Listens to the PostgreSQL channels of the hotels with sockets on this node, and updates them at each change.
async fn update_subscriptions(receiver: SignalReceiver, notices: Arc<PgNotify>) {
    let mut hotels = receiver.hotels();
    while hotels.changed().await.is_ok() {
        let current = hotels.borrow_and_update().clone();
        notices.listen_to(current);
    }
}
