//! The state of database, hotels and WhatsApp for the command `doctor`.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ApiKeyEntry, Hotel, HotelId};
use persistence::{api_keys, diagnostics, hotels, sender_leases};

pub use persistence::diagnostics::ImportFailures;

use crate::{Desk, Error};

/// How long before its end an API key is reported.
const KEY_NOTICE: TimeDelta = TimeDelta::days(14);

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
    pub has_active_manager: bool,
    /// User names of active staff without an active department: they cannot answer unrouted conversations.
    pub staff_without_department: Vec<String>,
    /// Imports of stays that failed one after another; `None` if the last one did not fail.
    pub failed_imports: Option<ImportFailures>,
    /// API keys that have expired or will soon, and are not revoked.
    pub ending_keys: Vec<ApiKeyEntry>,
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
    /// Ends the suspension of a hotel's sender, if it is for this access token (a digest), because WhatsApp accepts the
    /// token again. Returns whether the sender was suspended for it.
    pub async fn resume_sender(&self, hotel: HotelId, token: String) -> Result<bool, Error> {
        self.write(hotel, vec![], move |tx| Ok(sender_leases::resume_for_token(tx, hotel, &token)?)).await
    }

    /// Counts a failed import of stays for `doctor`, or forgets earlier failures after an import without failure. The
    /// import itself is over, so a failure is only logged.
    pub(crate) async fn record_import(&self, hotel: HotelId, has_failed: bool) {
        let now = self.now();
        let recorded = async {
            if has_failed {
                self.write(hotel, vec![], move |tx| Ok::<_, Error>(diagnostics::record_failed_import(tx, hotel, now)?))
                    .await
            } else if self.read(move |conn| Ok::<_, Error>(diagnostics::has_import_failures(conn, hotel)?)).await? {
                self.write(hotel, vec![], move |tx| Ok::<_, Error>(diagnostics::forget_failed_imports(tx, hotel)?))
                    .await
            } else {
                Ok(())
            }
        };
        if let Err(error) = recorded.await {
            log::warn!("hotel {hotel}: cannot record for `doctor` how an import ended: {error}");
        }
    }

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
            let without_manager = diagnostics::hotels_without_manager(conn)?;
            let mut failed_imports: HashMap<HotelId, ImportFailures> =
                diagnostics::import_failures(conn)?.into_iter().collect();
            let mut without_department: HashMap<HotelId, Vec<String>> = HashMap::new();
            for (hotel, username) in diagnostics::staff_without_department(conn)? {
                without_department.entry(hotel).or_default().push(username);
            }
            let mut ending_keys: HashMap<HotelId, Vec<ApiKeyEntry>> = HashMap::new();
            for key in api_keys::ending_before(conn, now + KEY_NOTICE)? {
                ending_keys.entry(key.hotel).or_default().push(key);
            }
            let hotels = hotels::all(conn)?.into_iter().map(|hotel| HotelDiagnostics {
                has_active_manager: !without_manager.contains(&hotel.id),
                staff_without_department: without_department.remove(&hotel.id).unwrap_or_default(),
                failed_imports: failed_imports.remove(&hotel.id),
                ending_keys: ending_keys.remove(&hotel.id).unwrap_or_default(),
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
