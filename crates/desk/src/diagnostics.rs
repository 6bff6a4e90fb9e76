//! The state of database and WhatsApp for the command `doctor`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{Hotel, HotelId};
use persistence::{diagnostics, hotels};

use crate::{Desk, Error};

/// The state of database and WhatsApp for `doctor`, read in one snapshot.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    /// The current time by the clock of this process.
    pub now: DateTime<Utc>,
    /// The current time by the clock of the database; `None` if the database has no clock of its own (SQLite).
    pub database_now: Option<DateTime<Utc>>,
    /// The state of each hotel, sorted by id.
    pub hotels: Vec<HotelDiagnostics>,
    /// Number of dead letters that are not processed yet.
    pub parked: i64,
    /// Time at which the newest unprocessed dead letter arrived.
    pub parked_at: Option<DateTime<Utc>>,
    /// WhatsApp numbers of dead letters that belonged to no hotel; at most ten.
    pub numbers_without_hotel: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct HotelDiagnostics {
    pub hotel: Hotel,
    /// The hotel's messages to guests that are queued or being sent.
    pub queued: i64,
    /// The hotel's messages that wait until a guest opens the 24-hour window.
    pub held: i64,
    pub stopped: Option<SuspendedSender>,
    /// Time of the hotel's newest guest message.
    pub last_heard: Option<DateTime<Utc>>,
}

/// The sender of a hotel is suspended: WhatsApp has rejected its access token or account, so that nothing is sent.
#[derive(Clone, Debug)]
pub struct SuspendedSender {
    /// The error code of Meta for which the sender was suspended.
    pub code: i64,
    /// Digest of the rejected access token.
    pub token: String,
}

impl Desk {
    pub async fn load_diagnostics(&self) -> Result<Diagnostics, Error> {
        let clock = self.clock.clone();
        self.read(move |conn| {
            let before = clock.now();
            let database_now = diagnostics::database_time(conn)?;
            // The clock of the database is compared with the middle of the round trip.
            let now = before + (clock.now() - before) / 2;
            let mut queued: HashMap<HotelId, i64> = diagnostics::count_queued(conn)?.into_iter().collect();
            let mut held: HashMap<HotelId, i64> = diagnostics::count_held(conn)?.into_iter().collect();
            let mut last_heard: HashMap<HotelId, DateTime<Utc>> =
                diagnostics::last_guest_messages(conn)?.into_iter().collect();
            let suspended = diagnostics::suspended_senders(conn)?.into_iter();
            let mut suspended: HashMap<HotelId, SuspendedSender> =
                suspended.map(|(hotel, code, token)| (hotel, SuspendedSender { code, token })).collect();
            let hotels = hotels::all(conn)?.into_iter().map(|hotel| HotelDiagnostics {
                queued: queued.remove(&hotel.id).unwrap_or_default(),
                held: held.remove(&hotel.id).unwrap_or_default(),
                stopped: suspended.remove(&hotel.id),
                last_heard: last_heard.remove(&hotel.id),
                hotel,
            });
            let hotels = hotels.collect();
            let (parked, parked_at) = diagnostics::count_dead_letters(conn)?;
            let numbers_without_hotel = diagnostics::numbers_without_hotel(conn)?;
            Ok(Diagnostics { now, database_now, hotels, parked, parked_at, numbers_without_hotel })
        })
        .await
    }
}
