//! Hotels.

use chrono::{DateTime, Utc};
use diesel::{prelude::*, result::OptionalEmptyChangesetExtension};
use domain::{Country, DepartmentId, Hotel, HotelId, Name, TemplateId};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    schema::{departments, hotel_counters, hotels, message_templates, origins},
    templates,
    types::Ts,
};

/// What [`hotel`] makes a hotel of, as a value in a query on hotels.
macro_rules! whole_hotel {
    () => {
        (
            $crate::hotels::Row::as_select(),
            departments::table
                .filter(departments::hotel_id.eq(hotels::id))
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

/// A hotel's row, the department made first, and the opener among its templates.
pub(crate) type Whole = (Row, Option<i64>, Option<i64>);

#[derive(Queryable, Selectable)]
#[diesel(table_name = hotels)]
pub(crate) struct Row {
    id: i64,
    name: String,
    timezone: String,
    default_department_id: Option<i64>,
    whatsapp_phone_number_id: Option<String>,
    flow: bool,
    country: Option<String>,
}

/// A hotel.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, id: HotelId) -> Result<Option<Hotel>, StoreError> {
    let row: Option<Whole> = on_db!(conn, |c| hotels::table.find(id.0).select(whole_hotel!()).first(c).optional())?;
    Ok(row.map(hotel))
}

/// All hotels, in the order of their ids.
///
/// # Errors
/// [`StoreError`].
pub fn all(conn: &mut Conn) -> Result<Vec<Hotel>, StoreError> {
    let rows: Vec<Whole> = on_db!(conn, |c| hotels::table.order(hotels::id).select(whole_hotel!()).load(c))?;
    Ok(rows.into_iter().map(hotel).collect())
}

pub(crate) fn hotel((row, first_department, opener): Whole) -> Hotel {
    Hotel {
        id: HotelId(row.id),
        name: row.name,
        timezone: row.timezone,
        default_department: row.default_department_id.or(first_department).map(DepartmentId),
        opener_template: opener.map(TemplateId),
        whatsapp_phone_number_id: row.whatsapp_phone_number_id,
        flow: row.flow,
        // One that the list of countries has lost completes no number, and hides no hotel.
        country: row.country.and_then(|it| Country::parse(&it).ok()),
    }
}

/// Stores a new hotel with its empty log.
///
/// # Errors
/// [`StoreError`].
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

/// The hotel that has this number of the Cloud API.
///
/// # Errors
/// [`StoreError`].
pub fn find_by_whatsapp(conn: &mut Conn, phone_number_id: &str) -> Result<Option<Hotel>, StoreError> {
    let of = hotels::table.filter(hotels::whatsapp_phone_number_id.eq(phone_number_id));
    let row: Option<Whole> = on_db!(conn, |c| of.select(whole_hotel!()).first(c).optional())?;
    Ok(row.map(hotel))
}

/// Gives a hotel its number of the Cloud API. The caller has looked that no other has it.
///
/// # Errors
/// [`StoreError`].
pub fn set_whatsapp(tx: &mut Tx<'_>, id: HotelId, phone_number_id: &str) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(hotels::table.find(id.0))
        .set(hotels::whatsapp_phone_number_id.eq(phone_number_id))
        .execute(c))?;
    Ok(())
}

/// Switches a hotel's flow on or off.
///
/// # Errors
/// [`StoreError`].
pub fn set_flow(tx: &mut Tx<'_>, id: HotelId, on: bool) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(hotels::table.find(id.0)).set(hotels::flow.eq(on)).execute(c))?;
    Ok(())
}

/// Sets the country whose rules complete telephone numbers.
///
/// # Errors
/// [`StoreError`].
pub fn set_country(tx: &mut Tx<'_>, id: HotelId, country: Country) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(hotels::table.find(id.0))
        .set(hotels::country.eq(country.as_str()))
        .execute(c))?;
    Ok(())
}

/// What is to be changed of a hotel; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct HotelChange {
    /// Its name.
    pub name: Option<Name>,
    /// Its time zone: an IANA name.
    pub timezone: Option<String>,
    /// Its default department, one of its own; none: the one made first.
    pub default_department: Option<Option<DepartmentId>>,
    /// The template that opens WhatsApp's window, one of its own; or none.
    pub opener_template: Option<Option<TemplateId>>,
    /// The country that completes telephone numbers; or none.
    pub country: Option<Option<Country>>,
}

/// Changes a hotel; false where the opener is no template of it, or not of WhatsApp.
///
/// # Errors
/// [`StoreError`].
pub fn change(tx: &mut Tx<'_>, id: HotelId, change: &HotelChange) -> Result<bool, StoreError> {
    on_db!(tx.changing(), |c| diesel::update(hotels::table.find(id.0))
        .set((
            change.name.as_ref().map(|it| hotels::name.eq(it.as_str())),
            change.timezone.as_ref().map(|it| hotels::timezone.eq(it)),
            change.default_department.map(|it| hotels::default_department_id.eq(it.map(|it| it.0))),
            change.country.as_ref().map(|it| hotels::country.eq(it.as_ref().map(Country::as_str))),
        ))
        .execute(c)
        .optional_empty_changeset())?;
    match change.opener_template {
        Some(opener) => templates::set_opener(tx, id, opener),
        None => Ok(true),
    }
}

/// How a database came to be, where it was not made by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By `serve --demo`.
    Demo,
    /// By `generate`.
    Generated,
}

/// Notes how this database came to be.
///
/// # Errors
/// [`StoreError`].
pub fn note_origin(tx: &mut Tx<'_>, origin: Origin, at: DateTime<Utc>) -> Result<(), StoreError> {
    let origin = match origin {
        Origin::Demo => "demo",
        Origin::Generated => "generated",
    };
    on_db!(tx.changing(), |c| diesel::insert_into(origins::table)
        .values((origins::origin.eq(origin), origins::made_at.eq(Ts::from(at))))
        .on_conflict(origins::origin)
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Whether this database was made by `--demo` or `generate`: only then a guest may be played.
///
/// # Errors
/// [`StoreError`].
pub fn has_origin(conn: &mut Conn) -> Result<bool, StoreError> {
    let origins: i64 = on_db!(conn, |c| origins::table.count().get_result(c))?;
    Ok(origins > 0)
}
