//! How things stand with WhatsApp, for whoever looks after the servers.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{Hotel, HotelId};
use persistence::{checkup, hotels};

use crate::{Desk, Error};

/// How things stand, all of one moment.
#[derive(Clone, Debug)]
pub struct Checkup {
    /// The time by this program's clock.
    pub now: DateTime<Utc>,
    /// The same moment by the database's; `None` where it has no clock of its own.
    pub database_now: Option<DateTime<Utc>>,
    /// The hotels, in the order of their ids.
    pub hotels: Vec<HotelCheckup>,
    /// How much came that could not be processed.
    pub parked: i64,
    /// When the newest of it came.
    pub parked_at: Option<DateTime<Utc>>,
    /// Numbers for which some of it came, and which no hotel had; ten at most.
    pub numbers_without_hotel: Vec<String>,
}

/// How things stand with a hotel.
#[derive(Clone, Debug)]
pub struct HotelCheckup {
    /// The hotel.
    pub hotel: Hotel,
    /// Messages that wait to be sent, or are on their way.
    pub queued: i64,
    /// Messages that wait for their guest to write.
    pub held: i64,
    /// Why nothing is sent; `None`: it is.
    pub stopped: Option<Stopped>,
    /// When a guest last wrote.
    pub last_heard: Option<DateTime<Utc>>,
}

/// Why nothing is sent for a hotel.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// WhatsApp's error.
    pub code: i64,
    /// The digest of the access token that was refused.
    pub token: String,
}

impl Desk {
    /// How things stand.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn check_up(&self) -> Result<Checkup, Error> {
        let clock = self.clock.clone();
        self.store
            .read(move |conn| {
                let before = clock.now();
                let database_now = checkup::now(conn)?;
                // In the middle of what the question took.
                let now = before + (clock.now() - before) / 2;
                let mut queued: HashMap<HotelId, i64> = checkup::queued(conn)?.into_iter().collect();
                let mut held: HashMap<HotelId, i64> = checkup::held(conn)?.into_iter().collect();
                let mut heard: HashMap<HotelId, DateTime<Utc>> = checkup::last_heard(conn)?.into_iter().collect();
                let stopped = checkup::stopped(conn)?.into_iter();
                let mut stopped: HashMap<HotelId, Stopped> =
                    stopped.map(|(hotel, code, token)| (hotel, Stopped { code, token })).collect();
                let hotels = hotels::all(conn)?.into_iter().map(|hotel| HotelCheckup {
                    queued: queued.remove(&hotel.id).unwrap_or_default(),
                    held: held.remove(&hotel.id).unwrap_or_default(),
                    stopped: stopped.remove(&hotel.id),
                    last_heard: heard.remove(&hotel.id),
                    hotel,
                });
                let hotels = hotels.collect();
                let (parked, parked_at) = checkup::parked(conn)?;
                let numbers_without_hotel = checkup::numbers_without_hotel(conn)?;
                Ok(Checkup { now, database_now, hotels, parked, parked_at, numbers_without_hotel })
            })
            .await
    }
}
