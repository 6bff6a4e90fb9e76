//! Use cases for hotels (settings, WhatsApp number, guest flow), and for the database as a whole: epoch of the event
//! log, restore from a backup, health check, and whether it is a demo.

mod demo;
mod demo_templates;
mod played_guests;

pub use demo::{DemoHotel, DemoSignIn};
pub use persistence::hotels::{HotelChange, OperatorHotelChange};
pub use played_guests::PlayedGuests;

use std::path::{Path, PathBuf};

use auth::Caller;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{DirectoryPart, Hotel, HotelId, Name};
use persistence::{
    DbUrl, ReadPurpose, StoreError, Tx,
    audit_log::AuditActor,
    departments, event_log, hotels, service_windows,
    store::{
        backup::{self, BackupError},
        copy_database::{CopiedTable, CopyError, CopyStep, copy_database},
    },
};

use crate::{
    Clock, Desk, Error, KeyedWrite, WriteOutcome,
    audited_change::{self, ChangedFields},
    directory,
    existence::{ensure_active_department, find_hotel},
    principal::ensure_manager,
    response_clock::request_refresh,
};

/// Name of the department that every new hotel starts with.
pub(crate) const FIRST_DEPARTMENT: &str = "Reception";

/// The result of a restore of the SQLite database.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Name of the epoch that begins with the restore.
    pub epoch: String,
    /// New path of the database that was replaced by the restore; `None` if there was none.
    pub kept: Option<PathBuf>,
}

/// The result of a copy of the database.
#[derive(Clone, Debug)]
pub struct DatabaseCopy {
    /// Name of the epoch that begins with the copy.
    pub epoch: String,
    pub tables: Vec<CopiedTable>,
}

impl Desk {
    pub async fn hotel(&self, caller: Caller) -> Result<Hotel, Error> {
        self.read_as(caller, |conn, live| hotels::find(conn, live.staff.hotel)?.ok_or(Error::NotFound)).await
    }

    /// Changes the settings of the caller's hotel. Fails with [`Error::Invalid`] if the time zone is unknown, or the
    /// department or the opener template does not belong to the hotel.
    pub async fn change_hotel(
        &self,
        caller: Caller,
        change: HotelChange,
        write: KeyedWrite<Hotel>,
    ) -> Result<WriteOutcome<Hotel>, Error> {
        let now = self.now();
        let may_set_clocks = change.timezone.is_some() || change.default_department.is_some();
        let changing = self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            let id = live.staff.hotel;
            let before = hotels::find(tx.conn(), id)?.ok_or(Error::NotFound)?;
            if let Some(name) = &change.timezone {
                parse_time_zone(name)?;
            }
            if let Some(Some(department)) = change.default_department {
                ensure_active_department(tx, id, "default_department_id", department)?;
            }
            if !hotels::change(tx, id, &change)? {
                return Err(Error::invalid("opener_template_id", "There is no such template of type whatsapp."));
            }
            let after = hotels::find(tx.conn(), id)?.ok_or(Error::NotFound)?;
            if before != after {
                record_change(tx, live.staff.id.into(), (&before, &after), now)?;
                directory::announce(tx, id, DirectoryPart::Hotel, now);
            }
            request_refresh_if_changed(tx, &before, &after, now)?;
            Ok(after)
        });
        let outcome = changing.await?;
        if may_set_clocks {
            self.refresh_clocks(caller.hotel).await;
        }
        Ok(outcome)
    }

    /// Creates a hotel with its first department, for the command line. `timezone` is an IANA name, by default UTC.
    pub async fn create_hotel(&self, name: Name, timezone: Option<String>) -> Result<HotelId, Error> {
        let timezone = parse_time_zone(timezone.as_deref().unwrap_or("UTC"))?;
        let first_department = Name::parse(FIRST_DEPARTMENT).map_err(|error| Error::from(("name", error)))?;
        let now = self.now();
        self.write_global(move |tx| {
            let id = hotels::insert(tx, &name, timezone.name(), now)?;
            departments::insert(tx, id, &first_department, now)?;
            let created = Some(format!("hotel {name}"));
            audited_change::record(tx, (id, AuditActor::CommandLine), "hotel_created", (None, created), now)?;
            Ok(id)
        })
        .await
    }

    pub async fn list_all_hotels(&self) -> Result<Vec<Hotel>, Error> {
        self.read(|conn| Ok(hotels::all(conn)?)).await
    }

    /// Sets the WhatsApp number of a hotel. Fails with [`Error::Invalid`] if another hotel has the number.
    pub async fn set_whatsapp(&self, hotel: HotelId, phone_number_id: String) -> Result<(), Error> {
        let of_operator =
            OperatorHotelChange { whatsapp_phone_number_id: Some(phone_number_id), ..OperatorHotelChange::default() };
        self.set_hotel(hotel, HotelChange::default(), of_operator).await
    }

    /// Changes settings of a hotel together, for the command line. Fails with [`Error::Invalid`] if the time zone is
    /// unknown, an id of WhatsApp is not made of digits, or another hotel has the number.
    pub async fn set_hotel(
        &self,
        hotel: HotelId,
        change: HotelChange,
        of_operator: OperatorHotelChange,
    ) -> Result<(), Error> {
        ensure_digits("whatsapp_phone_number_id", of_operator.whatsapp_phone_number_id.as_deref())?;
        ensure_digits("whatsapp_business_account_id", of_operator.whatsapp_business_account_id.as_deref())?;
        if let Some(name) = &change.timezone {
            parse_time_zone(name)?;
        }
        let now = self.now();
        self.write_global(move |tx| {
            let before = find_hotel(tx.conn(), hotel)?;
            if let Some(number) = of_operator.whatsapp_phone_number_id.as_deref()
                && hotels::find_by_whatsapp(tx.conn(), number)?.is_some_and(|other| other.id != hotel)
            {
                return Err(Error::invalid("whatsapp_phone_number_id", "Another hotel has this number."));
            }
            hotels::change(tx, hotel, &change)?;
            hotels::change_by_operator(tx, hotel, &of_operator)?;
            // Only a hotel's first WhatsApp number opens 24-hour windows, for guests who were simulated before. A
            // number that replaces another starts without open windows.
            if let (None, Some(number)) = (&before.whatsapp_phone_number_id, &of_operator.whatsapp_phone_number_id) {
                service_windows::open_for_first_number(tx, hotel, number)?;
            }
            directory::announce(tx, hotel, DirectoryPart::Hotel, now);
            let after = find_hotel(tx.conn(), hotel)?;
            record_change(tx, AuditActor::CommandLine, (&before, &after), now)?;
            request_refresh_if_changed(tx, &before, &after, now)
        })
        .await
    }

    /// Starts the first epoch of the event log in a new database.
    pub(crate) async fn ensure_epoch(&self) -> Result<(), StoreError> {
        let (epoch, now) = (new_epoch(), self.now());
        let started = self.write_global(move |tx| Ok(event_log::begin_first_epoch(tx, &epoch, now)?)).await;
        started.map_err(|error| match error {
            Error::Store(error) => error,
            refusal => StoreError::Unavailable(refusal.to_string()),
        })
    }

    /// Starts a new epoch after a restore with the tools of PostgreSQL, for the command line. Returns the name of the
    /// epoch.
    pub async fn start_new_epoch(&self) -> Result<String, Error> {
        let (epoch, now) = (new_epoch(), self.now());
        let name = epoch.clone();
        self.write_global(move |tx| Ok(event_log::begin_epoch(tx, &name, now)?)).await?;
        Ok(epoch)
    }

    /// Replaces the SQLite database by a copy of a backup, and starts a new epoch. No process may use the database. If
    /// it fails, the database is unchanged.
    pub fn restore(database: &Path, backup: &Path, clock: &dyn Clock) -> Result<Restored, BackupError> {
        let epoch = new_epoch();
        let kept = backup::restore(database, backup, &epoch, clock.now())?;
        Ok(Restored { epoch, kept })
    }

    /// Copies a database to an empty one of the other kind, and starts a new epoch in the copy. No server may use either
    /// of them. If it fails, the target has no rows.
    pub fn copy_database(
        from: &DbUrl,
        to: &DbUrl,
        clock: &dyn Clock,
        report: &mut dyn FnMut(CopyStep<'_>),
    ) -> Result<DatabaseCopy, CopyError> {
        let epoch = new_epoch();
        let tables = copy_database(from, to, (&epoch, clock.now()), report)?;
        Ok(DatabaseCopy { epoch, tables })
    }

    pub async fn epoch(&self) -> Result<String, Error> {
        self.read(|conn| Ok(event_log::current_epoch(conn)?)).await
    }

    /// Health check: fails if the database cannot be read. Uses a connection that requests cannot keep busy.
    pub async fn ping(&self) -> Result<(), Error> {
        self.read_for(ReadPurpose::Feed, None, |conn| Ok(event_log::current_epoch(conn)?)).await.map(|_| ())
    }

    /// Returns whether `--demo` or `generate` created this database. Only then guests may be simulated.
    pub async fn is_demo_database(&self) -> Result<bool, Error> {
        self.read(|conn| Ok(hotels::has_origin(conn)?)).await
    }

    /// Returns whether the database has no hotel.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        self.read(|conn| Ok(hotels::all(conn)?.is_empty())).await
    }
}

/// Stores a change of a hotel's settings in the audit log. Variables may be secret, such as the Wi-Fi password.
fn record_change(
    tx: &mut Tx<'_>,
    actor: AuditActor,
    (before, after): (&Hotel, &Hotel),
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let department = |hotel: &Hotel| hotel.default_department.map(|it| it.0);
    let opener = |hotel: &Hotel| hotel.opener_template.map(|it| it.0);
    let number = |hotel: &Hotel| hotel.whatsapp_phone_number_id.clone();
    let account = |hotel: &Hotel| hotel.whatsapp_business_account_id.clone();
    let quiet = |hotel: &Hotel| {
        hotel.quiet_hours.map(|it| {
            let (from, until) = it.as_texts();
            format!("{from}–{until}")
        })
    };
    let country = |hotel: &Hotel| hotel.country.map(|it| it.to_string());
    ChangedFields::default()
        .shown("name", Some(&before.name), Some(&after.name))
        .shown("time zone", Some(&before.timezone), Some(&after.timezone))
        .shown("country", country(before), country(after))
        .shown("default department", department(before), department(after))
        .shown("opener template", opener(before), opener(after))
        .shown("flow", Some(before.flow), Some(after.flow))
        .shown("WhatsApp phone number id", number(before), number(after))
        .shown("WhatsApp Business Account id", account(before), account(after))
        .shown("quiet hours", quiet(before), quiet(after))
        .hidden("variables", before.variables != after.variables)
        .record(tx, (after.id, actor), "hotel_changed", "hotel", at)
}

/// Requests that the response clocks are computed again if time zone or default department have changed.
fn request_refresh_if_changed(tx: &mut Tx<'_>, before: &Hotel, after: &Hotel, now: DateTime<Utc>) -> Result<(), Error> {
    let settings = |hotel: &Hotel| (hotel.timezone.clone(), hotel.default_department);
    if settings(before) == settings(after) { Ok(()) } else { request_refresh(tx, after.id, now) }
}

fn parse_time_zone(name: &str) -> Result<Tz, Error> {
    name.parse().map_err(|_| Error::invalid("timezone", "Please give the time zone's IANA name, like Europe/Madrid."))
}

/// Fails with [`Error::Invalid`] for `field` if an id of WhatsApp contains another character than digits.
fn ensure_digits(field: &'static str, id: Option<&str>) -> Result<(), Error> {
    let is_id = |id: &str| (1..=64).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_digit());
    if id.is_none_or(is_id) {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        format!("{field} consists of digits: copy the id from Meta's page, not the number itself."),
    ))
}

fn new_epoch() -> String {
    format!("{:016x}", rand::random::<u64>())
}
