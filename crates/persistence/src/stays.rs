//! Stays.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::{GuestId, HotelId, Name, PhoneNumber, Stay, StayId};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    conversations::Slice,
    schema::{conversations, stays},
    types::Ts,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = stays)]
struct Row {
    id: i64,
    hotel_id: i64,
    guest_id: i64,
    reservation_code: String,
    guest_name: String,
    guest_phone: String,
    room_number: String,
    check_in: NaiveDate,
    check_out: NaiveDate,
    checked_in_at: Option<Ts>,
    checked_out_at: Option<Ts>,
}

impl TryFrom<Row> for Stay {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let name = |text: &str| Name::parse(text).map_err(|_| StoreError::Corrupt("name"));
        Ok(Self {
            id: StayId(row.id),
            hotel: HotelId(row.hotel_id),
            guest: GuestId(row.guest_id),
            reservation_code: name(&row.reservation_code)?,
            guest_name: name(&row.guest_name)?,
            guest_phone: PhoneNumber::stored(&row.guest_phone).ok_or(StoreError::Corrupt("phone number"))?,
            room_number: name(&row.room_number)?,
            check_in: row.check_in,
            check_out: row.check_out,
            checked_in_at: row.checked_in_at.map(|it| it.0),
            checked_out_at: row.checked_out_at.map(|it| it.0),
        })
    }
}

/// What a booking says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its name, unique in the hotel.
    pub reservation_code: Name,
    /// The guest's name.
    pub guest_name: Name,
    /// The guest's number.
    pub guest_phone: PhoneNumber,
    /// The room.
    pub room_number: Name,
    /// The first day.
    pub check_in: NaiveDate,
    /// The last day, not before the first.
    pub check_out: NaiveDate,
}

impl Booking {
    /// Whether the stay says the same already.
    pub fn is_of(&self, stay: &Stay) -> bool {
        self.reservation_code == stay.reservation_code
            && self.guest_name == stay.guest_name
            && self.guest_phone == stay.guest_phone
            && self.room_number == stay.room_number
            && (self.check_in, self.check_out) == (stay.check_in, stay.check_out)
    }
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = stays)]
pub(crate) struct NewRow<'a> {
    hotel_id: i64,
    guest_id: i64,
    reservation_code: &'a str,
    guest_name: &'a str,
    guest_phone: &'a str,
    room_number: &'a str,
    check_in: NaiveDate,
    check_out: NaiveDate,
}

impl<'a> NewRow<'a> {
    pub(crate) fn new(hotel: HotelId, guest: GuestId, booking: &'a Booking) -> Self {
        Self {
            hotel_id: hotel.0,
            guest_id: guest.0,
            reservation_code: booking.reservation_code.as_str(),
            guest_name: booking.guest_name.as_str(),
            guest_phone: booking.guest_phone.as_str(),
            room_number: booking.room_number.as_str(),
            check_in: booking.check_in,
            check_out: booking.check_out,
        }
    }
}

/// The stay of a reservation.
///
/// # Errors
/// [`StoreError`].
pub fn find_by_code(conn: &mut Conn, hotel: HotelId, code: &Name) -> Result<Option<Stay>, StoreError> {
    let row: Option<Row> = on_db!(conn, |c| stays::table
        .filter(stays::hotel_id.eq(hotel.0).and(stays::reservation_code.eq(code.as_str())))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Stay::try_from).transpose()
}

/// A stay by its id.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, id: StayId) -> Result<Option<Stay>, StoreError> {
    let row: Option<Row> = on_db!(conn, |c| stays::table.find(id.0).select(Row::as_select()).first(c).optional())?;
    row.map(Stay::try_from).transpose()
}

/// A stay as it is now, held until the end of the transaction. The caller holds the guest of `read`. Where another
/// node has given the stay another guest since it was read, the transaction gives way, and is run again.
///
/// # Errors
/// [`StoreError`].
pub fn hold(tx: &mut Tx<'_>, read: &Stay) -> Result<Stay, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        // Not FOR UPDATE: conversations that refer to it may be added.
        stays::table.find(read.id.0).select(stays::id).for_no_key_update().load::<i64>(conn)?;
    }
    match find(tx.conn(), read.id)? {
        Some(now) if now.guest == read.guest => Ok(now),
        _ => Err(StoreError::Conflict(diesel::result::Error::RollbackTransaction)),
    }
}

/// How many stays a hotel has, and a slice of them, the one made last first.
///
/// # Errors
/// [`StoreError`].
pub fn list(conn: &mut Conn, hotel: HotelId, slice: Slice) -> Result<(i64, Vec<Stay>), StoreError> {
    let of = stays::table.filter(stays::hotel_id.eq(hotel.0));
    let (count, rows): (i64, Vec<Row>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(stays::id.desc()).select(Row::as_select()).offset(slice.offset).limit(slice.limit).load(c)?
    ));
    Ok((count, rows.into_iter().map(Stay::try_from).collect::<Result<_, _>>()?))
}

/// A guest's stays that were not checked out, newest first.
///
/// # Errors
/// [`StoreError`].
pub fn not_checked_out(conn: &mut Conn, guest: GuestId) -> Result<Vec<Stay>, StoreError> {
    let rows: Vec<Row> = on_db!(conn, |c| stays::table
        .filter(stays::guest_id.eq(guest.0).and(stays::checked_out_at.is_null()))
        .order(stays::id.desc())
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Stay::try_from).collect()
}

/// A guest's stays that were checked out since a moment, or that nobody checked out and whose last day is since a day.
///
/// # Errors
/// [`StoreError`].
pub fn ended_since(
    conn: &mut Conn,
    guest: GuestId,
    at: DateTime<Utc>,
    day: NaiveDate,
) -> Result<Vec<Stay>, StoreError> {
    let checked_out = stays::checked_out_at.ge(Ts::from(at)).assume_not_null();
    let left_without = stays::checked_out_at.is_null().and(stays::check_out.ge(day));
    let rows: Vec<Row> = on_db!(conn, |c| stays::table
        .filter(stays::guest_id.eq(guest.0).and(checked_out.or(left_without)))
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Stay::try_from).collect()
}

/// Whether a guest has any stay.
///
/// # Errors
/// [`StoreError`].
pub fn any_of(conn: &mut Conn, guest: GuestId) -> Result<bool, StoreError> {
    let of = stays::table.filter(stays::guest_id.eq(guest.0));
    Ok(on_db!(conn, |c| diesel::select(diesel::dsl::exists(of)).get_result(c))?)
}

/// Hotels in which a stay has this number in any form: those of stays that are not checked out first, and of these the one of the
/// stay made last.
///
/// # Errors
/// [`StoreError`].
pub fn hotels_of_phone(conn: &mut Conn, phone: &PhoneNumber) -> Result<Vec<HotelId>, StoreError> {
    let forms: Vec<String> = phone.alike().iter().map(PhoneNumber::to_string).collect();
    let ids: Vec<i64> = on_db!(conn, |c| stays::table
        .filter(stays::guest_phone.eq_any(&forms))
        .order((stays::checked_out_at.is_not_null(), stays::id.desc()))
        .select(stays::hotel_id)
        .load(c))?;
    Ok(ids.into_iter().map(HotelId).collect())
}

/// Stores a new stay; `None` where the hotel has one of this code, which another may just have made.
///
/// # Errors
/// [`StoreError`].
pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    guest: GuestId,
    booking: &Booking,
    at: DateTime<Utc>,
) -> Result<Option<Stay>, StoreError> {
    let row: Option<Row> = on_db!(tx.changing(), |c| diesel::insert_into(stays::table)
        .values((NewRow::new(hotel, guest, booking), stays::created_at.eq(Ts::from(at))))
        .on_conflict((stays::hotel_id, stays::reservation_code))
        .do_nothing()
        .returning(Row::as_returning())
        .get_result(c)
        .optional())?;
    row.map(Stay::try_from).transpose()
}

/// Stores what a booking says now; the stay's conversation becomes its guest's.
///
/// # Errors
/// [`StoreError`].
pub fn update(tx: &mut Tx<'_>, stay: &Stay, guest: GuestId, booking: &Booking) -> Result<Stay, StoreError> {
    let row: Row = on_db!(tx.changing(), |c| diesel::update(stays::table.find(stay.id.0))
        .set(NewRow::new(stay.hotel, guest, booking))
        .returning(Row::as_returning())
        .get_result(c))?;
    if guest != stay.guest {
        on_db!(tx.changing(), |c| diesel::update(conversations::table)
            .filter(conversations::stay_id.eq(stay.id.0))
            .set(conversations::guest_id.eq(guest.0))
            .execute(c))?;
    }
    row.try_into()
}

/// Writes down that the guest has arrived.
///
/// # Errors
/// [`StoreError`].
pub fn check_in(tx: &mut Tx<'_>, id: StayId, at: DateTime<Utc>) -> Result<Stay, StoreError> {
    let row: Row = on_db!(tx.changing(), |c| diesel::update(stays::table.find(id.0))
        .set(stays::checked_in_at.eq(Ts::from(at)))
        .returning(Row::as_returning())
        .get_result(c))?;
    row.try_into()
}

/// Writes down that the guest has left.
///
/// # Errors
/// [`StoreError`].
pub fn check_out(tx: &mut Tx<'_>, id: StayId, at: DateTime<Utc>) -> Result<Stay, StoreError> {
    let row: Row = on_db!(tx.changing(), |c| diesel::update(stays::table.find(id.0))
        .set(stays::checked_out_at.eq(Ts::from(at)))
        .returning(Row::as_returning())
        .get_result(c))?;
    row.try_into()
}
