//! The bus through the database that the servers share.

use desk::{DbUrl, Heard, Notices};

use crate::hub::Hub;

/// Begins to hear; `None` where the database has no notices.
pub(super) fn begin(hub: &Hub, url: &DbUrl) -> Option<Notices> {
    let hears = hub.clone();
    let tell = move |heard| match heard {
        Heard::Notice { hotel, text } => hears.bus().hear(&hears, hotel, &text),
        Heard::Listening => hears.bus().begins_to_listen(),
        Heard::Away(why) => hears.bus().hears_nothing(&why),
    };
    let notices = Notices::open(url, tell).unwrap_or_else(|error| {
        hub.bus().hears_nothing(&error.to_string());
        None
    })?;
    let follower = hub.clone();
    hub.supervise("bus listener", move || follow(follower.clone()));
    Some(notices)
}

/// Listens to the hotels that are wanted, as they come and go.
async fn follow(hub: Hub) {
    let mut wanted = hub.bus().wanted.subscribe();
    wanted.mark_changed();
    while wanted.changed().await.is_ok() {
        let hotels = wanted.borrow_and_update().clone();
        if let Some(super::Way::Notices(notices)) = hub.bus().way.get() {
            notices.listen_to(hotels);
        }
    }
}
