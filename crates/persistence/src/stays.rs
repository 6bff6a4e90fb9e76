//! Stays: bookings of guests.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::{GuestId, HotelId, Name, PhoneNumber, Stay, StayId};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        pagination::Slice,
        schema::{conversations, stays},
    },
    store::connection::{Conn, on_db},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = stays)]
struct StayRow {
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

impl TryFrom<StayRow> for Stay {
    type Error = StoreError;

    fn try_from(row: StayRow) -> Result<Self, StoreError> {
        let name = |text: &str| Name::parse(text).map_err(|_| StoreError::Corrupt("name"));
        Ok(Self {
            id: StayId(row.id),
            hotel: HotelId(row.hotel_id),
            guest: GuestId(row.guest_id),
            reservation_code: name(&row.reservation_code)?,
            guest_name: name(&row.guest_name)?,
            guest_phone: PhoneNumber::from_stored(&row.guest_phone).ok_or(StoreError::Corrupt("phone number"))?,
            room_number: name(&row.room_number)?,
            check_in: row.check_in,
            check_out: row.check_out,
            checked_in_at: row.checked_in_at.map(|it| it.0),
            checked_out_at: row.checked_out_at.map(|it| it.0),
        })
    }
}

/// The data of a booking, from which a stay is created or updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The reservation code, unique in the hotel.
    pub reservation_code: Name,
    pub guest_name: Name,
    pub guest_phone: PhoneNumber,
    pub room_number: Name,
    /// The first day of the stay.
    pub check_in: NaiveDate,
    /// The last day of the stay, not before the first.
    pub check_out: NaiveDate,
}

impl Booking {
    /// Whether the stay already has the data of this booking.
    pub fn matches(&self, stay: &Stay) -> bool {
        self.reservation_code == stay.reservation_code
            && self.guest_name == stay.guest_name
            && self.guest_phone == stay.guest_phone
            && self.room_number == stay.room_number
            && (self.check_in, self.check_out) == (stay.check_in, stay.check_out)
    }
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = stays)]
pub(crate) struct NewStayRow<'a> {
    hotel_id: i64,
    guest_id: i64,
    reservation_code: &'a str,
    guest_name: &'a str,
    guest_phone: &'a str,
    room_number: &'a str,
    check_in: NaiveDate,
    check_out: NaiveDate,
}

impl<'a> NewStayRow<'a> {
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

/// Returns the stay with this reservation code.
pub fn find_by_code(conn: &mut Conn, hotel: HotelId, code: &Name) -> Result<Option<Stay>, StoreError> {
    let row: Option<StayRow> = on_db!(conn, |c| stays::table
        .filter(stays::hotel_id.eq(hotel.0).and(stays::reservation_code.eq(code.as_str())))
        .select(StayRow::as_select())
        .first(c)
        .optional())?;
    row.map(Stay::try_from).transpose()
}

pub fn find(conn: &mut Conn, id: StayId) -> Result<Option<Stay>, StoreError> {
    let row: Option<StayRow> =
        on_db!(conn, |c| stays::table.find(id.0).select(StayRow::as_select()).first(c).optional())?;
    row.map(Stay::try_from).transpose()
}

/// Locks a stay until the end of the transaction and returns its current state. The caller's transaction must hold the
/// lock of the guest of `read`. Fails with a conflict if the stay has another guest now; then the writer runs the job
/// again.
pub fn lock_and_reload(tx: &mut Tx<'_>, read: &Stay) -> Result<Stay, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        // FOR UPDATE would block inserts of conversations that refer to the stay.
        stays::table.find(read.id.0).select(stays::id).for_no_key_update().load::<i64>(conn)?;
    }
    match find(tx.conn(), read.id)? {
        Some(now) if now.guest == read.guest => Ok(now),
        _ => Err(StoreError::Conflict(diesel::result::Error::RollbackTransaction)),
    }
}

/// Returns the number of stays and one slice of them, newest first.
pub fn list(conn: &mut Conn, hotel: HotelId, slice: Slice) -> Result<(i64, Vec<Stay>), StoreError> {
    let of = stays::table.filter(stays::hotel_id.eq(hotel.0));
    let (count, rows): (i64, Vec<StayRow>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(stays::id.desc()).select(StayRow::as_select()).offset(slice.offset).limit(slice.limit).load(c)?
    ));
    Ok((count, rows.into_iter().map(Stay::try_from).collect::<Result<_, _>>()?))
}

/// Returns the stays of a guest that are not checked out, newest first.
pub fn not_checked_out(conn: &mut Conn, guest: GuestId) -> Result<Vec<Stay>, StoreError> {
    let rows: Vec<StayRow> = on_db!(conn, |c| stays::table
        .filter(stays::guest_id.eq(guest.0).and(stays::checked_out_at.is_null()))
        .order(stays::id.desc())
        .select(StayRow::as_select())
        .load(c))?;
    rows.into_iter().map(Stay::try_from).collect()
}

/// Returns the stays of a guest that were checked out since `at`, or that were never checked out and whose last day is
/// `day` or later.
pub fn ended_since(
    conn: &mut Conn,
    guest: GuestId,
    at: DateTime<Utc>,
    day: NaiveDate,
) -> Result<Vec<Stay>, StoreError> {
    let checked_out = stays::checked_out_at.ge(Ts::from(at)).assume_not_null();
    let left_without = stays::checked_out_at.is_null().and(stays::check_out.ge(day));
    let rows: Vec<StayRow> = on_db!(conn, |c| stays::table
        .filter(stays::guest_id.eq(guest.0).and(checked_out.or(left_without)))
        .select(StayRow::as_select())
        .load(c))?;
    rows.into_iter().map(Stay::try_from).collect()
}

/// Whether a guest has any stay.
pub fn has_any(conn: &mut Conn, guest: GuestId) -> Result<bool, StoreError> {
    let of = stays::table.filter(stays::guest_id.eq(guest.0));
    Ok(on_db!(conn, |c| diesel::select(diesel::dsl::exists(of)).get_result(c))?)
}

/// Returns the hotel of each stay with this phone number or an equivalent form of it: stays without a check-out first,
/// then newest first. A hotel can occur several times.
pub fn hotels_of_phone(conn: &mut Conn, phone: &PhoneNumber) -> Result<Vec<HotelId>, StoreError> {
    let forms: Vec<String> = phone.equivalent_forms().iter().map(PhoneNumber::to_string).collect();
    let ids: Vec<i64> = on_db!(conn, |c| stays::table
        .filter(stays::guest_phone.eq_any(&forms))
        .order((stays::checked_out_at.is_not_null(), stays::id.desc()))
        .select(stays::hotel_id)
        .load(c))?;
    Ok(ids.into_iter().map(HotelId).collect())
}

/// Stores a new stay. Returns `None` if the hotel has a stay with this reservation code.
pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    guest: GuestId,
    booking: &Booking,
    at: DateTime<Utc>,
) -> Result<Option<Stay>, StoreError> {
    let row: Option<StayRow> = on_db!(tx.changing(), |c| diesel::insert_into(stays::table)
        .values((NewStayRow::new(hotel, guest, booking), stays::created_at.eq(Ts::from(at))))
        .on_conflict((stays::hotel_id, stays::reservation_code))
        .do_nothing()
        .returning(StayRow::as_returning())
        .get_result(c)
        .optional())?;
    row.map(Stay::try_from).transpose()
}

/// Replaces the booking data of a stay. The conversation moves to the guest of the stay.
pub fn update(tx: &mut Tx<'_>, stay: &Stay, guest: GuestId, booking: &Booking) -> Result<Stay, StoreError> {
    let row: StayRow = on_db!(tx.changing(), |c| diesel::update(stays::table.find(stay.id.0))
        .set(NewStayRow::new(stay.hotel, guest, booking))
        .returning(StayRow::as_returning())
        .get_result(c))?;
    if guest != stay.guest {
        on_db!(tx.changing(), |c| diesel::update(conversations::table)
            .filter(conversations::stay_id.eq(stay.id.0))
            .set(conversations::guest_id.eq(guest.0))
            .execute(c))?;
    }
    row.try_into()
}

/// Checks in a stay: records the arrival of the guest.
pub fn check_in(tx: &mut Tx<'_>, id: StayId, at: DateTime<Utc>) -> Result<Stay, StoreError> {
    let row: StayRow = on_db!(tx.changing(), |c| diesel::update(stays::table.find(id.0))
        .set(stays::checked_in_at.eq(Ts::from(at)))
        .returning(StayRow::as_returning())
        .get_result(c))?;
    row.try_into()
}

/// Checks out a stay: records the departure of the guest.
pub fn check_out(tx: &mut Tx<'_>, id: StayId, at: DateTime<Utc>) -> Result<Stay, StoreError> {
    let row: StayRow = on_db!(tx.changing(), |c| diesel::update(stays::table.find(id.0))
        .set(stays::checked_out_at.eq(Ts::from(at)))
        .returning(StayRow::as_returning())
        .get_result(c))?;
    row.try_into()
}
