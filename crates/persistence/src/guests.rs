//! Guests, by their identities.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Guest, GuestId, GuestIdentity, HotelId, Name, PhoneNumber};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    schema::{conversations, guests},
    types::Ts,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = guests)]
struct Row {
    id: i64,
    hotel_id: i64,
    phone: Option<String>,
    wa_id: Option<String>,
    bsuid: Option<String>,
    profile_name: Option<String>,
}

impl TryFrom<Row> for Guest {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let phone = row.phone.map(|it| PhoneNumber::parse(&it)).transpose();
        Ok(Self {
            id: GuestId(row.id),
            hotel: HotelId(row.hotel_id),
            identity: GuestIdentity {
                phone: phone.map_err(|_| StoreError::Corrupt("phone number"))?,
                wa_id: row.wa_id,
                bsuid: row.bsuid,
            },
            profile_name: row.profile_name,
        })
    }
}

/// The guest of a hotel who has this number.
///
/// # Errors
/// [`StoreError`].
pub fn find_by_phone(conn: &mut Conn, hotel: HotelId, phone: &PhoneNumber) -> Result<Option<Guest>, StoreError> {
    let row: Option<Row> = on_db!(conn, |c| guests::table
        .filter(guests::hotel_id.eq(hotel.0).and(guests::phone.eq(phone.as_str())))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Guest::try_from).transpose()
}

/// The guest of a hotel who has this number; made where there is none.
///
/// # Errors
/// [`StoreError`].
pub fn find_or_insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    phone: &PhoneNumber,
    at: DateTime<Utc>,
) -> Result<Guest, StoreError> {
    if let Some(known) = find_by_phone(tx.conn(), hotel, phone)? {
        return Ok(known);
    }
    // Two nodes may meet a new guest at once: the unique index decides, and the loser finds them.
    on_db!(tx.changing(), |c| diesel::insert_into(guests::table)
        .values((guests::hotel_id.eq(hotel.0), guests::phone.eq(phone.as_str()), guests::created_at.eq(Ts::from(at)),))
        .on_conflict((guests::hotel_id, guests::phone))
        .do_nothing()
        .execute(c))?;
    find_by_phone(tx.conn(), hotel, phone)?.ok_or(StoreError::Corrupt("guest"))
}

/// Holds a guest and their conversations until the end of the transaction: nobody else decides
/// meanwhile which of them is meant, makes another, or moves one.
///
/// # Errors
/// [`StoreError`].
pub fn hold(tx: &mut Tx<'_>, guest: GuestId) -> Result<(), StoreError> {
    // SQLite has one writer anyway.
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    // Not FOR UPDATE: rows that refer to the guest may be added.
    guests::table.find(guest.0).select(guests::id).for_no_key_update().execute(conn)?;
    let theirs = conversations::table.filter(conversations::guest_id.eq(guest.0)).order(conversations::id);
    theirs.select(conversations::id).for_update().execute(conn)?;
    Ok(())
}

/// Keeps the name that a guest gives themselves.
///
/// # Errors
/// [`StoreError`].
pub fn rename(tx: &mut Tx<'_>, guest: GuestId, name: &Name) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(guests::table.find(guest.0))
        .set(guests::profile_name.eq(name.as_str()))
        .execute(c))?;
    Ok(())
}

/// How a guest without a booking is called, from the columns profile name, phone, WhatsApp's two ids.
pub(crate) fn display_name(
    (profile_name, phone, wa_id, bsuid): (Option<String>, Option<String>, Option<String>, Option<String>),
) -> String {
    profile_name.or(phone).or(wa_id).or(bsuid).unwrap_or_else(|| "Guest".to_owned())
}
