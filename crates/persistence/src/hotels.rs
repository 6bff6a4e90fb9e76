//! Hotels, their settings, and the origin of the database.

use chrono::{DateTime, Utc};
use diesel::{prelude::*, result::OptionalEmptyChangesetExtension};
use domain::{
    DepartmentId, Hotel, HotelId, Name, TemplateId, hotel::HotelVariables, opening_hours::QuietHours, phone::Country,
};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        schema::{departments, hotel_counters, hotels, message_templates, origins},
    },
    store::connection::{Conn, on_db},
    templates,
};

/// The columns that `hotel` turns into a [`Hotel`], as a select clause of a query on hotels.
macro_rules! whole_hotel {
    () => {
        (
            $crate::hotels::HotelRow::as_select(),
            departments::table
                .filter(departments::hotel_id.eq(hotels::id).and(departments::active))
                .order(departments::id)
                .select(departments::id)
                .limit(1)
                .single_value(),
            message_templates::table
                .filter(message_templates::hotel_id.eq(hotels::id).and(message_templates::is_opener))
                .select(message_templates::id)
                .limit(1)
                .single_value(),
        )
    };
}
pub(crate) use whole_hotel;

/// The columns of a hotel: its row, the id of the oldest active department, and the id of the opener template.
pub(crate) type HotelParts = (HotelRow, Option<i64>, Option<i64>);

#[derive(Queryable, Selectable)]
#[diesel(table_name = hotels)]
pub(crate) struct HotelRow {
    id: i64,
    name: String,
    timezone: String,
    default_department_id: Option<i64>,
    whatsapp_phone_number_id: Option<String>,
    flow: bool,
    country: Option<String>,
    variables: String,
    whatsapp_business_account_id: Option<String>,
    quiet_hours: Option<String>,
}

pub fn find(conn: &mut Conn, id: HotelId) -> Result<Option<Hotel>, StoreError> {
    let row: Option<HotelParts> =
        on_db!(conn, |c| hotels::table.find(id.0).select(whole_hotel!()).first(c).optional())?;
    Ok(row.map(hotel))
}

/// Returns all hotels, ordered by id.
pub fn all(conn: &mut Conn) -> Result<Vec<Hotel>, StoreError> {
    let rows: Vec<HotelParts> = on_db!(conn, |c| hotels::table.order(hotels::id).select(whole_hotel!()).load(c))?;
    Ok(rows.into_iter().map(hotel).collect())
}

pub(crate) fn hotel((row, first_department, opener): HotelParts) -> Hotel {
    Hotel {
        id: HotelId(row.id),
        name: row.name,
        timezone: row.timezone,
        default_department: row.default_department_id.or(first_department).map(DepartmentId),
        opener_template: opener.map(TemplateId),
        whatsapp_phone_number_id: row.whatsapp_phone_number_id,
        flow: row.flow,
        // A stored country that the phone metadata no longer contains counts as none, so that the hotel can still be
        // loaded.
        country: row.country.and_then(|it| Country::parse(&it).ok()),
        variables: stored_variables(&row.variables),
        whatsapp_business_account_id: row.whatsapp_business_account_id,
        quiet_hours: row.quiet_hours.as_deref().and_then(stored_quiet_hours),
    }
}

/// The variables of a hotel from their stored JSON. Unreadable ones count as none, so that the hotel can still be loaded.
fn stored_variables(json: &str) -> HotelVariables {
    let variables = serde_json::from_str(json).ok();
    variables.and_then(|it| HotelVariables::parse(it).ok()).unwrap_or_default()
}

/// Quiet hours from their stored JSON. Unreadable ones count as none, so that the hotel can still be loaded.
fn stored_quiet_hours(json: &str) -> Option<QuietHours> {
    let (from, until): (String, String) = serde_json::from_str(json).ok()?;
    QuietHours::parse(&from, &until).ok()
}

/// Stores a new hotel and the counter of its event log.
pub fn insert(tx: &mut Tx<'_>, name: &Name, timezone: &str, at: DateTime<Utc>) -> Result<HotelId, StoreError> {
    let id: i64 = on_db!(tx.changing(), |c| diesel::insert_into(hotels::table)
        .values((hotels::name.eq(name.as_str()), hotels::timezone.eq(timezone), hotels::created_at.eq(Ts::from(at)),))
        .returning(hotels::id)
        .get_result(c))?;
    on_db!(tx.changing(), |c| diesel::insert_into(hotel_counters::table)
        .values(hotel_counters::hotel_id.eq(id))
        .execute(c))?;
    Ok(HotelId(id))
}

/// Returns the hotel with this phone number id of the Cloud API.
pub fn find_by_whatsapp(conn: &mut Conn, phone_number_id: &str) -> Result<Option<Hotel>, StoreError> {
    let of = hotels::table.filter(hotels::whatsapp_phone_number_id.eq(phone_number_id));
    let row: Option<HotelParts> = on_db!(conn, |c| of.select(whole_hotel!()).first(c).optional())?;
    Ok(row.map(hotel))
}

/// Settings of a hotel that only the command line changes. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default)]
pub struct OperatorHotelChange {
    /// The phone number id of the Cloud API. The caller has checked that no other hotel has it.
    pub whatsapp_phone_number_id: Option<String>,
    pub whatsapp_business_account_id: Option<String>,
    /// Whether the guest flow answers.
    pub flow: Option<bool>,
}

/// Changes the settings of a hotel that only the command line changes.
pub fn change_by_operator(tx: &mut Tx<'_>, id: HotelId, change: &OperatorHotelChange) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(hotels::table.find(id.0))
        .set((
            change.whatsapp_phone_number_id.as_ref().map(|it| hotels::whatsapp_phone_number_id.eq(Some(it))),
            change.whatsapp_business_account_id.as_ref().map(|it| hotels::whatsapp_business_account_id.eq(Some(it))),
            change.flow.map(|it| hotels::flow.eq(it)),
        ))
        .execute(c)
        .optional_empty_changeset())?;
    Ok(())
}

/// A change of a hotel. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default)]
pub struct HotelChange {
    pub name: Option<Name>,
    /// The time zone, as an IANA name.
    pub timezone: Option<String>,
    /// The default department; `Some(None)` selects the oldest department.
    pub default_department: Option<Option<DepartmentId>>,
    pub opener_template: Option<Option<TemplateId>>,
    pub country: Option<Option<Country>>,
    pub variables: Option<HotelVariables>,
    pub quiet_hours: Option<Option<QuietHours>>,
}

/// Changes a hotel. Returns `false` if the opener is not a WhatsApp template of this hotel.
pub fn change(tx: &mut Tx<'_>, id: HotelId, change: &HotelChange) -> Result<bool, StoreError> {
    on_db!(tx.changing(), |c| diesel::update(hotels::table.find(id.0))
        .set((
            change.name.as_ref().map(|it| hotels::name.eq(it.as_str())),
            change.timezone.as_ref().map(|it| hotels::timezone.eq(it)),
            change.default_department.map(|it| hotels::default_department_id.eq(it.map(|it| it.0))),
            change.country.as_ref().map(|it| hotels::country.eq(it.as_ref().map(Country::as_str))),
            change.variables.as_ref().map(|it| hotels::variables.eq(serde_json::json!(it.as_map()).to_string())),
            change
                .quiet_hours
                .map(|it| hotels::quiet_hours.eq(it.map(|it| serde_json::json!(it.as_texts()).to_string()))),
        ))
        .execute(c)
        .optional_empty_changeset())?;
    match change.opener_template {
        Some(opener) => templates::set_opener(tx, id, opener),
        None => Ok(true),
    }
}

/// The command that filled the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseOrigin {
    /// The database was filled by `serve --demo`.
    Demo,
    /// The database was filled by `generate`.
    Generated,
}

/// Records the command that filled the database.
pub fn record_origin(tx: &mut Tx<'_>, origin: DatabaseOrigin, at: DateTime<Utc>) -> Result<(), StoreError> {
    let origin = match origin {
        DatabaseOrigin::Demo => "demo",
        DatabaseOrigin::Generated => "generated",
    };
    on_db!(tx.changing(), |c| diesel::insert_into(origins::table)
        .values((origins::origin.eq(origin), origins::made_at.eq(Ts::from(at))))
        .on_conflict(origins::origin)
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Whether a demo or `generate` filled this database. Guests may be simulated only then.
pub fn has_origin(conn: &mut Conn) -> Result<bool, StoreError> {
    let origins: i64 = on_db!(conn, |c| origins::table.count().get_result(c))?;
    Ok(origins > 0)
}
