//! The 24-hour windows of WhatsApp. A window belongs to a guest and to the WhatsApp number to which the guest wrote.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::{GuestId, HotelId};

use crate::{
    StoreError, Tx,
    sql::{
        cached_statement::{Number, prepared},
        column_types::{Ts, UtcTs},
        schema::{guests, hotels},
    },
    store::connection::{Conn, on_db},
};

/// Returns the time at which a guest last wrote to the hotel's current WhatsApp number, in any conversation.
pub fn last_message_at(conn: &mut Conn, guest: GuestId) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at: Option<Option<Ts>> = on_db!(conn, |c| guests::table
        .inner_join(hotels::table.on(hotels::id.eq(guests::hotel_id)))
        .filter(guests::id.eq(guest.0))
        .filter(guests::window_phone_number_id.eq(hotels::whatsapp_phone_number_id))
        .select(guests::last_wrote_at)
        .first(c)
        .optional())?;
    Ok(at.flatten().map(|it| it.0))
}

/// Records that a guest wrote to this WhatsApp number at this time. Messages can arrive out of order: an older time
/// does not replace a newer one.
pub fn record_message(tx: &mut Tx<'_>, guest: GuestId, number: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    let statement = || {
        sql_query(
            // SQLite numbers the placeholders by their first occurrence.
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

/// Marks that the guest is asked to write to this WhatsApp number. Returns `false` if the guest was already asked since
/// the guest's last message.
pub fn mark_asked_to_write(tx: &mut Tx<'_>, guest: GuestId, number: &str) -> Result<bool, StoreError> {
    let not_asked = guests::table
        .find(guest.0)
        .filter(guests::asked_phone_number_id.is_null().or(guests::asked_phone_number_id.ne(number).assume_not_null()));
    let asked =
        on_db!(tx.changing(), |c| diesel::update(not_asked).set(guests::asked_phone_number_id.eq(number)).execute(c))?;
    Ok(asked == 1)
}

/// Clears the mark that the guest was asked to write: the guest has written, and may be asked again when the window is
/// over.
pub fn clear_asked_to_write(tx: &mut Tx<'_>, guest: GuestId) -> Result<(), StoreError> {
    let asked = guests::table.find(guest.0).filter(guests::asked_phone_number_id.is_not_null());
    on_db!(tx.changing(), |c| diesel::update(asked).set(guests::asked_phone_number_id.eq(None::<String>)).execute(c))?;
    Ok(())
}

/// Locks a guest until the end of the transaction, so that no message of the guest is stored meanwhile and no held
/// message misses its release.
pub fn lock_guest(tx: &mut Tx<'_>, guest: GuestId) -> Result<(), StoreError> {
    if tx.has_locked(guest) {
        return Ok(());
    }
    // SQLite has one writer and no row locks.
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    guests::table.find(guest.0).select(guests::id).for_no_key_update().load::<i64>(conn)?;
    Ok(())
}

/// Opens the service windows of a hotel that gets its first WhatsApp number: earlier messages of its guests (demo,
/// generated) count as written to that number.
pub fn open_for_first_number(tx: &mut Tx<'_>, hotel: HotelId, number: &str) -> Result<(), StoreError> {
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

/// Merges the service windows of two guest rows of the same person: the later message counts.
pub(crate) fn merge(tx: &mut Tx<'_>, from: GuestId, into: GuestId) -> Result<(), StoreError> {
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
