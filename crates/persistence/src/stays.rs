//! Stays: bookings of guests.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::{
    ConversationId, DepartmentId, GuestId, HotelId, Name, PhoneNumber, Stay, StayId, stay::StayWithConversation,
};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        id_list::among,
        pagination::Slice,
        schema::{conversations, stays},
        search_key,
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

/// Adds the conversation of each stay, in one statement.
pub fn with_conversations(conn: &mut Conn, stays: Vec<Stay>) -> Result<Vec<StayWithConversation>, StoreError> {
    if stays.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = stays.iter().map(|stay| stay.id.0).collect();
    let rows: Vec<(Option<i64>, i64, Option<i64>)> = on_db!(conn, |c| conversations::table
        .filter(among(conversations::stay_id, &ids))
        .select((conversations::stay_id, conversations::id, conversations::department_id))
        .load(c))?;
    let by_stay: HashMap<i64, _> = rows
        .into_iter()
        .filter_map(|(stay, id, department)| Some((stay?, (ConversationId(id), department.map(DepartmentId)))))
        .collect();
    let with_conversation = |stay: Stay| StayWithConversation { conversation: by_stay.get(&stay.id.0).copied(), stay };
    Ok(stays.into_iter().map(with_conversation).collect())
}

/// Returns stays by id, with their conversations; ids that do not exist are left out.
pub fn by_ids(conn: &mut Conn, ids: &[StayId]) -> Result<HashMap<StayId, StayWithConversation>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let rows: Vec<StayRow> =
        on_db!(conn, |c| stays::table.filter(among(stays::id, &keys)).select(StayRow::as_select()).load(c))?;
    let stays = rows.into_iter().map(Stay::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(with_conversations(conn, stays)?.into_iter().map(|it| (it.stay.id, it)).collect())
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

/// Conditions of a list of stays, combined with AND.
#[derive(Clone, Debug, Default)]
pub struct StayFilter {
    pub reservation_code: Option<String>,
    pub room: Option<String>,
    /// Search words, which must all occur in guest name, room, phone number or reservation code.
    pub search: Option<String>,
    /// The forms in which a phone number can be stored, if the search text is one: alternatives to each search word.
    pub search_numbers: Vec<String>,
    /// Whether to select only current stays; see [`Stay::is_current`].
    pub current: bool,
    /// Whether to select only stays whose first day is today.
    pub arriving: bool,
    /// Whether to select only stays whose last day is today.
    pub leaving: bool,
}

impl StayFilter {
    /// Whether the stays are found without reading all stays of the hotel.
    pub fn is_indexed(&self) -> bool {
        let reads_all = self.room.is_some() || self.search.is_some() || self.current || self.arriving || self.leaving;
        self.reservation_code.is_some() || !reads_all
    }

    /// Whether a search key contains every word of the search text, or a form of the number that it is.
    fn matches(&self, key: &str) -> bool {
        let mut words = self.search.iter().flat_map(|it| it.split_whitespace());
        let has_number = || self.search_numbers.iter().any(|number| search_key::contains(key, number));
        words.all(|word| search_key::contains(key, word) || has_number())
    }
}

/// A boxed query for the stays of a hotel that match a filter, apart from its search text.
macro_rules! matching {
    ($hotel:expr, $filter:expr, $today:expr) => {{
        let filter: &StayFilter = $filter;
        let mut query = stays::table.filter(stays::hotel_id.eq($hotel.0)).into_boxed();
        if let Some(code) = &filter.reservation_code {
            query = query.filter(stays::reservation_code.eq(code.as_str()));
        }
        if let Some(room) = &filter.room {
            query = query.filter(stays::room_number.eq(room.as_str()));
        }
        if filter.current {
            let is_here_or_expected = stays::checked_in_at.is_not_null().or(stays::check_out.ge($today));
            query = query.filter(stays::checked_out_at.is_null().and(is_here_or_expected));
        }
        if filter.arriving {
            query = query.filter(stays::check_in.eq($today));
        }
        if filter.leaving {
            query = query.filter(stays::check_out.eq($today));
        }
        query
    }};
}

/// Returns the number of stays that match a filter and one slice of them, newest first. `today` is the current day in
/// the hotel's time zone.
pub fn list(
    conn: &mut Conn,
    hotel: HotelId,
    filter: &StayFilter,
    today: NaiveDate,
    slice: Slice,
) -> Result<(i64, Vec<Stay>), StoreError> {
    if filter.search.is_some() {
        return search(conn, hotel, filter, today, slice);
    }
    let (count, rows): (i64, Vec<StayRow>) = on_db!(conn, |c| (
        matching!(hotel, filter, today).count().get_result(c)?,
        matching!(hotel, filter, today)
            .order(stays::id.desc())
            .select(StayRow::as_select())
            .offset(slice.offset)
            .limit(slice.limit)
            .load(c)?
    ));
    Ok((count, rows.into_iter().map(Stay::try_from).collect::<Result<_, _>>()?))
}

/// As [`list`], with a search text. Case and accents are ignored, which no database does in the same way as the other,
/// so the text columns of the hotel's stays are compared here.
fn search(
    conn: &mut Conn,
    hotel: HotelId,
    filter: &StayFilter,
    today: NaiveDate,
    slice: Slice,
) -> Result<(i64, Vec<Stay>), StoreError> {
    let rows: Vec<(i64, String, String, String, String)> = on_db!(conn, |c| matching!(hotel, filter, today)
        .order(stays::id.desc())
        .select((stays::id, stays::guest_name, stays::room_number, stays::guest_phone, stays::reservation_code))
        .load(c))?;
    let is_found = |row: &(i64, String, String, String, String)| {
        let (_, name, room, phone, code) = row;
        filter.matches(&search_key::key([name, room, phone, code].map(String::as_str).into_iter()))
    };
    let ids: Vec<StayId> = rows.iter().filter(|row| is_found(row)).map(|row| StayId(row.0)).collect();
    let (offset, limit) =
        (usize::try_from(slice.offset).unwrap_or(usize::MAX), usize::try_from(slice.limit).unwrap_or(0));
    let page: Vec<StayId> = ids.iter().skip(offset).take(limit).copied().collect();
    let mut found = by_ids(conn, &page)?;
    Ok((ids.len() as i64, page.iter().filter_map(|id| found.remove(id)).map(|it| it.stay).collect()))
}

/// Returns the stays with these reservation codes.
pub fn by_codes(conn: &mut Conn, hotel: HotelId, codes: &[&str]) -> Result<Vec<Stay>, StoreError> {
    let rows: Vec<StayRow> = on_db!(conn, |c| stays::table
        .filter(stays::hotel_id.eq(hotel.0).and(stays::reservation_code.eq_any(codes)))
        .select(StayRow::as_select())
        .load(c))?;
    rows.into_iter().map(Stay::try_from).collect()
}

/// Returns the newest stays of a guest, last created first.
pub fn of_guest(conn: &mut Conn, guest: GuestId, limit: i64) -> Result<Vec<Stay>, StoreError> {
    let rows: Vec<StayRow> = on_db!(conn, |c| stays::table
        .filter(stays::guest_id.eq(guest.0))
        .order(stays::id.desc())
        .select(StayRow::as_select())
        .limit(limit)
        .load(c))?;
    rows.into_iter().map(Stay::try_from).collect()
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
