//! Stays: bookings of guests.

mod list;

pub use list::{StayFilter, list};

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::{
    ConversationId, DepartmentId, GuestId, HotelId, LanguageTag, Name, PhoneNumber, Stay, StayId,
    guest::GuestNote,
    stay::{BookingPart, Cancellation, EmailAddress, StayDays, StayLink, StayWithConversation},
};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        id_list::among,
        schema::{conversations, stays},
    },
    store::connection::{Conn, on_db},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = stays)]
struct StayRow {
    id: i64,
    hotel_id: i64,
    guest_id: Option<i64>,
    reservation_code: String,
    part: i32,
    guest_name: String,
    guest_phone: Option<String>,
    room_number: Option<String>,
    check_in: NaiveDate,
    check_out: NaiveDate,
    email: Option<String>,
    language: Option<String>,
    note: Option<String>,
    checked_in_at: Option<Ts>,
    checked_out_at: Option<Ts>,
    cancellation: Option<String>,
    linked: bool,
    conversation_lender_id: Option<i64>,
}

impl TryFrom<StayRow> for Stay {
    type Error = StoreError;

    fn try_from(row: StayRow) -> Result<Self, StoreError> {
        let name = |text: &str| Name::parse(text).map_err(|_| StoreError::Corrupt("name"));
        let phone = |text: &String| PhoneNumber::from_stored(text).ok_or(StoreError::Corrupt("phone number"));
        let email = |text: &String| EmailAddress::parse(text).map_err(|_| StoreError::Corrupt("e-mail address"));
        let language = |text: &String| LanguageTag::parse(text).map_err(|_| StoreError::Corrupt("language"));
        let note = |text: &String| GuestNote::parse(text).map_err(|_| StoreError::Corrupt("note"));
        let cancellation = |text: &String| text.parse().map_err(|_| StoreError::Corrupt("cancellation"));
        Ok(Self {
            id: StayId(row.id),
            hotel: HotelId(row.hotel_id),
            guest: row.guest_id.map(GuestId),
            link: row.linked.then(|| StayLink { conversation_lender: row.conversation_lender_id.map(GuestId) }),
            reservation_code: name(&row.reservation_code)?,
            part: BookingPart::new(row.part.into()).map_err(|_| StoreError::Corrupt("part of a booking"))?,
            guest_name: name(&row.guest_name)?,
            guest_phone: row.guest_phone.as_ref().map(phone).transpose()?,
            room_number: row.room_number.as_deref().map(name).transpose()?,
            days: StayDays::new(row.check_in, row.check_out).map_err(|_| StoreError::Corrupt("days"))?,
            email: row.email.as_ref().map(email).transpose()?,
            language: row.language.as_ref().map(language).transpose()?,
            note: row.note.as_ref().map(note).transpose()?,
            checked_in_at: row.checked_in_at.map(|it| it.0),
            checked_out_at: row.checked_out_at.map(|it| it.0),
            cancellation: row.cancellation.as_ref().map(cancellation).transpose()?,
        })
    }
}

/// The data of a booking, from which a stay is created or updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The reservation code, unique in the hotel together with the part.
    pub reservation_code: Name,
    pub part: BookingPart,
    pub guest_name: Name,
    pub guest_phone: Option<PhoneNumber>,
    pub room_number: Option<Name>,
    pub days: StayDays,
    pub email: Option<EmailAddress>,
    pub language: Option<LanguageTag>,
    pub note: Option<GuestNote>,
}

impl Booking {
    /// A booking with only one part, of a guest without known room, number and wishes.
    pub fn new(reservation_code: Name, guest_name: Name, days: StayDays) -> Self {
        Self {
            reservation_code,
            part: BookingPart::FIRST,
            guest_name,
            guest_phone: None,
            room_number: None,
            days,
            email: None,
            language: None,
            note: None,
        }
    }
}

impl From<&Stay> for Booking {
    fn from(stay: &Stay) -> Self {
        Self {
            reservation_code: stay.reservation_code.clone(),
            part: stay.part,
            guest_name: stay.guest_name.clone(),
            guest_phone: stay.guest_phone.clone(),
            room_number: stay.room_number.clone(),
            days: stay.days,
            email: stay.email.clone(),
            language: stay.language.clone(),
            note: stay.note.clone(),
        }
    }
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = stays, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct NewStayRow<'a> {
    hotel_id: i64,
    guest_id: Option<i64>,
    reservation_code: &'a str,
    part: i32,
    guest_name: &'a str,
    guest_phone: Option<&'a str>,
    room_number: Option<&'a str>,
    check_in: NaiveDate,
    check_out: NaiveDate,
    email: Option<&'a str>,
    language: Option<&'a str>,
    note: Option<&'a str>,
}

impl<'a> NewStayRow<'a> {
    pub(crate) fn new(hotel: HotelId, guest: Option<GuestId>, booking: &'a Booking) -> Self {
        Self {
            hotel_id: hotel.0,
            guest_id: guest.map(|it| it.0),
            reservation_code: booking.reservation_code.as_str(),
            part: booking.part.get(),
            guest_name: booking.guest_name.as_str(),
            guest_phone: booking.guest_phone.as_ref().map(PhoneNumber::as_str),
            room_number: booking.room_number.as_ref().map(Name::as_str),
            check_in: booking.days.first(),
            check_out: booking.days.last(),
            email: booking.email.as_ref().map(EmailAddress::as_str),
            language: booking.language.as_ref().map(LanguageTag::as_str),
            note: booking.note.as_ref().map(GuestNote::as_str),
        }
    }
}

/// Returns the stay with this reservation code and part.
pub fn find_part(conn: &mut Conn, hotel: HotelId, code: &Name, part: BookingPart) -> Result<Option<Stay>, StoreError> {
    let row: Option<StayRow> = on_db!(conn, |c| stays::table
        .filter(stays::hotel_id.eq(hotel.0).and(stays::reservation_code.eq(code.as_str())))
        .filter(stays::part.eq(part.get()))
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

/// Returns the stays with these reservation codes: all parts of the bookings, ordered by part.
pub fn by_codes(conn: &mut Conn, hotel: HotelId, codes: &[&str]) -> Result<Vec<Stay>, StoreError> {
    let rows: Vec<StayRow> = on_db!(conn, |c| stays::table
        .filter(stays::hotel_id.eq(hotel.0).and(stays::reservation_code.eq_any(codes)))
        .order((stays::reservation_code, stays::part))
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

/// Returns the stays of a guest that are neither checked out nor cancelled, newest first.
pub fn not_checked_out(conn: &mut Conn, guest: GuestId) -> Result<Vec<Stay>, StoreError> {
    let rows: Vec<StayRow> = on_db!(conn, |c| stays::table
        .filter(stays::guest_id.eq(guest.0).and(stays::checked_out_at.is_null()))
        .filter(stays::cancellation.is_null())
        .order(stays::id.desc())
        .select(StayRow::as_select())
        .load(c))?;
    rows.into_iter().map(Stay::try_from).collect()
}

/// Returns the stays of a guest that were checked out since `at`, or that were never checked out and whose last day is
/// `day` or later. Cancelled and no-show stays do not count.
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
        .filter(stays::cancellation.is_null())
        .select(StayRow::as_select())
        .load(c))?;
    rows.into_iter().map(Stay::try_from).collect()
}

/// Whether a guest has any stay that is not cancelled.
pub fn has_any(conn: &mut Conn, guest: GuestId) -> Result<bool, StoreError> {
    let of = stays::table.filter(stays::guest_id.eq(guest.0).and(stays::cancellation.is_null()));
    Ok(on_db!(conn, |c| diesel::select(diesel::dsl::exists(of)).get_result(c))?)
}

/// Returns the hotel of each stay with this phone number or an equivalent form of it: stays of which the guest may
/// come or be there first, then newest first. A hotel can occur several times.
pub fn hotels_of_phone(conn: &mut Conn, phone: &PhoneNumber) -> Result<Vec<HotelId>, StoreError> {
    let forms: Vec<String> = phone.equivalent_forms().iter().map(PhoneNumber::to_string).collect();
    let ids: Vec<i64> = on_db!(conn, |c| stays::table
        .filter(stays::guest_phone.eq_any(&forms))
        .order((stays::checked_out_at.is_not_null().or(stays::cancellation.is_not_null()), stays::id.desc()))
        .select(stays::hotel_id)
        .load(c))?;
    Ok(ids.into_iter().map(HotelId).collect())
}

/// Stores a new stay. Returns `None` if the hotel has a stay with this reservation code and part.
pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    guest: Option<GuestId>,
    booking: &Booking,
    at: DateTime<Utc>,
) -> Result<Option<Stay>, StoreError> {
    let row: Option<StayRow> = on_db!(tx.changing(), |c| diesel::insert_into(stays::table)
        .values((NewStayRow::new(hotel, guest, booking), stays::created_at.eq(Ts::from(at))))
        .on_conflict((stays::hotel_id, stays::reservation_code, stays::part))
        .do_nothing()
        .returning(StayRow::as_returning())
        .get_result(c)
        .optional())?;
    row.map(Stay::try_from).transpose()
}

/// The guest of a stay, and the link that names the guest, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StayGuest {
    pub guest: Option<GuestId>,
    pub link: Option<StayLink>,
}

/// Replaces the booking data of a stay. The conversation moves to the guest of the stay; a stay that has a conversation
/// must keep a guest.
pub fn update(
    tx: &mut Tx<'_>,
    stay: &Stay,
    StayGuest { guest, link }: StayGuest,
    booking: &Booking,
) -> Result<Stay, StoreError> {
    let link_columns = (
        stays::linked.eq(link.is_some()),
        stays::conversation_lender_id.eq(link.and_then(|it| it.conversation_lender).map(|it| it.0)),
    );
    let row: StayRow = on_db!(tx.changing(), |c| diesel::update(stays::table.find(stay.id.0))
        .set((NewStayRow::new(stay.hotel, guest, booking), link_columns))
        .returning(StayRow::as_returning())
        .get_result(c))?;
    if let Some(guest) = guest.filter(|guest| stay.guest != Some(*guest)) {
        on_db!(tx.changing(), |c| diesel::update(conversations::table)
            .filter(conversations::stay_id.eq(stay.id.0))
            .set(conversations::guest_id.eq(guest.0))
            .execute(c))?;
    }
    row.try_into()
}

/// Stores the guest of a locked stay.
pub fn set_guest(tx: &mut Tx<'_>, stay: StayId, StayGuest { guest, link }: StayGuest) -> Result<(), StoreError> {
    let columns = (
        stays::guest_id.eq(guest.map(|it| it.0)),
        stays::linked.eq(link.is_some()),
        stays::conversation_lender_id.eq(link.and_then(|it| it.conversation_lender).map(|it| it.0)),
    );
    on_db!(tx.changing(), |c| diesel::update(stays::table.find(stay.0)).set(columns).execute(c))?;
    Ok(())
}

/// Stores check-in, check-out and cancellation of a locked stay.
pub fn save_status(tx: &mut Tx<'_>, stay: &Stay) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(stays::table.find(stay.id.0))
        .set((
            stays::checked_in_at.eq(stay.checked_in_at.map(Ts::from)),
            stays::checked_out_at.eq(stay.checked_out_at.map(Ts::from)),
            stays::cancellation.eq(stay.cancellation.map(Cancellation::as_str)),
        ))
        .execute(c))?;
    Ok(())
}
