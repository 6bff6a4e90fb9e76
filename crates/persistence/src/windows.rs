//! The 24-hour windows of WhatsApp: each belongs to a guest and the hotel's number to which the guest wrote.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::{GuestId, HotelId};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    prepared::{Number, prepared},
    schema::{guests, hotels},
    types::{Ts, UtcTs},
};

/// When a guest last wrote to the number that the hotel has now, in whatever conversation.
///
/// # Errors
/// [`StoreError`].
pub fn last_wrote(conn: &mut Conn, guest: GuestId) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at: Option<Option<Ts>> = on_db!(conn, |c| guests::table
        .inner_join(hotels::table.on(hotels::id.eq(guests::hotel_id)))
        .filter(guests::id.eq(guest.0))
        .filter(guests::window_phone_number_id.eq(hotels::whatsapp_phone_number_id))
        .select(guests::last_wrote_at)
        .first(c)
        .optional())?;
    Ok(at.flatten().map(|it| it.0))
}

/// A guest wrote to this number at this time, which may be known only later than what they wrote after it.
///
/// # Errors
/// [`StoreError`].
pub fn wrote(tx: &mut Tx<'_>, guest: GuestId, number: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    let statement = || {
        sql_query(
            // SQLite counts placeholders in the order in which they stand here.
            "UPDATE guests SET last_wrote_at = CASE WHEN window_phone_number_id = $1 AND last_wrote_at > $2 \
               THEN last_wrote_at ELSE $2 END, \
             window_phone_number_id = $1 WHERE id = $3 RETURNING id AS number",
        )
        .bind::<Text, _>(number.to_owned())
        .bind::<UtcTs, _>(Ts::from(at))
        .bind::<BigInt, _>(guest.0)
    };
    on_db!(tx.changing(), |c| prepared(statement()).get_result::<Number>(c))?;
    Ok(())
}

/// The guest is to be asked from this number to write; false where that was done since they last wrote.
///
/// # Errors
/// [`StoreError`].
pub fn ask(tx: &mut Tx<'_>, guest: GuestId, number: &str) -> Result<bool, StoreError> {
    let not_asked = guests::table
        .find(guest.0)
        .filter(guests::asked_phone_number_id.is_null().or(guests::asked_phone_number_id.ne(number).assume_not_null()));
    let asked =
        on_db!(tx.changing(), |c| diesel::update(not_asked).set(guests::asked_phone_number_id.eq(number)).execute(c))?;
    Ok(asked == 1)
}

/// The guest has written: they may be asked again, when the window is over.
///
/// # Errors
/// [`StoreError`].
pub fn answered(tx: &mut Tx<'_>, guest: GuestId) -> Result<(), StoreError> {
    let asked = guests::table.find(guest.0).filter(guests::asked_phone_number_id.is_not_null());
    on_db!(tx.changing(), |c| diesel::update(asked).set(guests::asked_phone_number_id.eq(None::<String>)).execute(c))?;
    Ok(())
}

/// Holds a guest until the end of the transaction: no message of theirs is stored meanwhile, so that what is held
/// for them is not forgotten.
///
/// # Errors
/// [`StoreError`].
pub fn hold(tx: &mut Tx<'_>, guest: GuestId) -> Result<(), StoreError> {
    if tx.has_locked(guest) {
        return Ok(());
    }
    // SQLite has one writer anyway.
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    guests::table.find(guest.0).select(guests::id).for_no_key_update().load::<i64>(conn)?;
    Ok(())
}

/// A hotel gets its first number: what its guests wrote before, played or made up, counts as written to that.
///
/// # Errors
/// [`StoreError`].
pub fn begin(tx: &mut Tx<'_>, hotel: HotelId, number: &str) -> Result<(), StoreError> {
    let statement = || {
        sql_query(
            "UPDATE guests SET window_phone_number_id = $1, last_wrote_at = (\
               SELECT max(last_guest_message_at) FROM conversations WHERE conversations.guest_id = guests.id) \
             WHERE hotel_id = $2 AND EXISTS (SELECT 1 FROM conversations \
               WHERE conversations.guest_id = guests.id AND last_guest_message_at IS NOT NULL)",
        )
        .bind::<Text, _>(number.to_owned())
        .bind::<BigInt, _>(hotel.0)
    };
    on_db!(tx.changing(), |c| statement().execute(c))?;
    Ok(())
}

/// Two guests are one: the later word of either counts.
pub(crate) fn join(tx: &mut Tx<'_>, from: GuestId, into: GuestId) -> Result<(), StoreError> {
    type Row = (Option<String>, Option<Ts>, Option<String>);
    let columns = (guests::window_phone_number_id, guests::last_wrote_at, guests::asked_phone_number_id);
    let (number, at, asked): Row = on_db!(tx.conn(), |c| guests::table.find(from.0).select(columns).first(c))?;
    let (now_number, now_at, now_asked): Row =
        on_db!(tx.conn(), |c| guests::table.find(into.0).select(columns).first(c))?;
    let is_later = at.map(|it| it.0) > now_at.map(|it| it.0);
    let (number, at) = if is_later { (number, at) } else { (now_number, now_at) };
    on_db!(tx.changing(), |c| diesel::update(guests::table.find(into.0))
        .set((
            guests::window_phone_number_id.eq(number),
            guests::last_wrote_at.eq(at),
            guests::asked_phone_number_id.eq(now_asked.or(asked)),
        ))
        .execute(c))?;
    Ok(())
}
