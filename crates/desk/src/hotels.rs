//! Hotels, and the database as a whole.

mod demo;

pub use demo::{DemoHotel, DemoSignIn};

use std::path::{Path, PathBuf};

use auth::Caller;
use chrono_tz::Tz;
use domain::{Country, Hotel, HotelId, Name};
use persistence::{
    BackupError, Purpose, StoreError, departments, events,
    hotels::{self, HotelChange},
    windows,
};

use crate::{Clock, Desk, Done, Error, Once, departments::refuse_foreign, staff::refuse_unless_manager};

/// The first department of every hotel.
pub(crate) const FIRST_DEPARTMENT: &str = "Reception";

/// The lane of what belongs to no hotel, or to all.
const NO_HOTEL: HotelId = HotelId(0);

/// What a restore did.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The history that begins with it.
    pub epoch: String,
    /// Where the database is that was there before; `None` where there was none.
    pub kept: Option<PathBuf>,
}

impl Desk {
    /// The caller's hotel.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn hotel(&self, caller: Caller) -> Result<Hotel, Error> {
        self.ask(caller, |conn, live| hotels::find(conn, live.staff.hotel)?.ok_or(Error::NotFound)).await
    }

    /// Changes the caller's hotel.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] where there is no such time zone, or the department or the opener
    /// is not one of the hotel.
    pub async fn change_hotel(
        &self,
        caller: Caller,
        change: HotelChange,
        once: Once<Hotel>,
    ) -> Result<Done<Hotel>, Error> {
        self.act_once(caller, vec![], once, move |tx, live| {
            refuse_unless_manager(live)?;
            let id = live.staff.hotel;
            if let Some(name) = &change.timezone {
                time_zone(name)?;
            }
            if let Some(Some(department)) = change.default_department {
                refuse_foreign(tx.conn(), id, "default_department_id", department)?;
            }
            if !hotels::change(tx, id, &change)? {
                return Err(Error::invalid("opener_template_id", "There is no such template of type whatsapp."));
            }
            hotels::find(tx.conn(), id)?.ok_or(Error::NotFound)
        })
        .await
    }

    /// Makes a hotel with its first department, from the command line. `timezone` is an IANA
    /// name; none: UTC.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such time zone.
    pub async fn add_hotel(&self, name: Name, timezone: Option<String>) -> Result<HotelId, Error> {
        let timezone = time_zone(timezone.as_deref().unwrap_or("UTC"))?;
        let first = first_department()?;
        let now = self.now();
        self.store
            .write(NO_HOTEL, vec![], move |tx| {
                let id = hotels::insert(tx, &name, timezone.name(), now)?;
                departments::insert(tx, id, &first, now)?;
                Ok(id)
            })
            .await
    }

    /// All hotels, for the command line.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn all_hotels(&self) -> Result<Vec<Hotel>, Error> {
        self.store.read(|conn| Ok(hotels::all(conn)?)).await
    }

    /// Gives a hotel its number of the Cloud API, from the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such hotel, or another has this number.
    pub async fn set_whatsapp(&self, hotel: HotelId, phone_number_id: String) -> Result<(), Error> {
        let number = Name::parse(&phone_number_id).map_err(|error| Error::from(("whatsapp_phone_number_id", error)))?;
        self.store
            .write(NO_HOTEL, vec![], move |tx| {
                let known = hotels::find(tx.conn(), hotel)?;
                let known = known.ok_or_else(|| Error::invalid("hotel", "There is no such hotel."))?;
                if hotels::find_by_whatsapp(tx.conn(), number.as_str())?.is_some_and(|other| other.id != hotel) {
                    return Err(Error::invalid("whatsapp_phone_number_id", "Another hotel has this number."));
                }
                hotels::set_whatsapp(tx, hotel, number.as_str())?;
                // Another number than before begins without windows. Who wrote before there was any was played.
                if known.whatsapp_phone_number_id.is_none() {
                    windows::begin(tx, hotel, number.as_str())?;
                }
                Ok(())
            })
            .await
    }

    /// Switches a hotel's flow on or off, from the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such hotel.
    pub async fn switch_flow(&self, hotel: HotelId, on: bool) -> Result<(), Error> {
        self.store
            .write(NO_HOTEL, vec![], move |tx| {
                if hotels::find(tx.conn(), hotel)?.is_none() {
                    return Err(Error::invalid("hotel", "There is no such hotel."));
                }
                Ok(hotels::set_flow(tx, hotel, on)?)
            })
            .await
    }

    /// Sets the country whose rules complete telephone numbers, from the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such hotel.
    pub async fn set_country(&self, hotel: HotelId, country: Country) -> Result<(), Error> {
        self.store
            .write(NO_HOTEL, vec![], move |tx| {
                if hotels::find(tx.conn(), hotel)?.is_none() {
                    return Err(Error::invalid("hotel", "There is no such hotel."));
                }
                Ok(hotels::set_country(tx, hotel, country)?)
            })
            .await
    }

    /// Begins the history of a database that has none.
    pub(crate) async fn begin_history(&self) -> Result<(), StoreError> {
        let (epoch, now) = (new_epoch(), self.now());
        self.store.write(NO_HOTEL, vec![], move |tx| events::begin_first_epoch(tx, &epoch, now)).await
    }

    /// Begins another history, from the command line: of a database that was restored. Its name.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn begin_epoch(&self) -> Result<String, Error> {
        let (epoch, now) = (new_epoch(), self.now());
        let name = epoch.clone();
        self.store.write(NO_HOTEL, vec![], move |tx| events::begin_epoch(tx, &name, now)).await?;
        Ok(epoch)
    }

    /// Puts a copy of a backup in the place of the SQLite database, which nobody may be using, and begins
    /// another history.
    ///
    /// # Errors
    /// [`BackupError`]; then the database is what it was.
    pub fn restore(database: &Path, backup: &Path, clock: &dyn Clock) -> Result<Restored, BackupError> {
        let epoch = new_epoch();
        let kept = persistence::restore(database, backup, &epoch, clock.now())?;
        Ok(Restored { epoch, kept })
    }

    /// The name of this database's history.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn epoch(&self) -> Result<String, Error> {
        self.store.read(|conn| Ok(events::epoch(conn)?)).await
    }

    /// Looks whether the database answers.
    ///
    /// # Errors
    /// [`Error::Store`] where it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        // By a reader that nobody's questions can keep busy.
        self.store.read_for(Purpose::Feed, |conn| Ok(events::epoch(conn)?)).await.map(|_: String| ())
    }

    /// Whether this database was made by `--demo` or `generate`: only then a guest may be played.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn may_be_demo(&self) -> Result<bool, Error> {
        self.store.read(|conn| Ok(hotels::has_origin(conn)?)).await
    }

    /// Whether the database has no hotel yet.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn is_empty(&self) -> Result<bool, Error> {
        self.store.read(|conn| Ok(hotels::all(conn)?.is_empty())).await
    }
}

/// A time zone, by its IANA name.
fn time_zone(name: &str) -> Result<Tz, Error> {
    let known = name.parse();
    known.map_err(|_| Error::invalid("timezone", "Please give the time zone's IANA name, like Europe/Madrid."))
}

/// The name of a history that no other has.
fn new_epoch() -> String {
    format!("{:016x}", rand::random::<u64>())
}

fn first_department() -> Result<Name, Error> {
    Ok(Name::parse(FIRST_DEPARTMENT).map_err(|error| ("name", error))?)
}
