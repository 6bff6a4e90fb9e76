//! Guests, by their identities.

use chrono::{DateTime, Utc};
use diesel::{PgConnection, prelude::*};
use domain::{Guest, GuestId, GuestIdentity, HotelId, Name, PhoneNumber, has_visible_character};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    read_only::ReadOnly,
    schema::{conversations, guests, outbox, stays},
    types::Ts,
    windows,
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
        let phone = row.phone.map(|it| PhoneNumber::stored(&it).ok_or(StoreError::Corrupt("phone number")));
        Ok(Self {
            id: GuestId(row.id),
            hotel: HotelId(row.hotel_id),
            identity: GuestIdentity { phone: phone.transpose()?, wa_id: row.wa_id, bsuid: row.bsuid },
            profile_name: row.profile_name,
        })
    }
}

/// Whether a guest of a hotel is known by any part of an identity.
macro_rules! known_by {
    ($hotel:expr, $identity:expr) => {{
        // One way to write a number, or up to four.
        const { assert!(PhoneNumber::MOST_ALIKE == 4) };
        let alike: Vec<PhoneNumber> = $identity.phone.iter().flat_map(PhoneNumber::alike).collect();
        let phone = |n: usize| alike.get(n).map(|it| it.as_str().to_owned());
        let of_hotel = || guests::hotel_id.eq($hotel.0);
        // Each with the hotel: only so SQLite finds them all by their indexes.
        (of_hotel().and(guests::phone.eq(phone(0))))
            .or(of_hotel().and(guests::phone.eq(phone(1))))
            .or(of_hotel().and(guests::phone.eq(phone(2))))
            .or(of_hotel().and(guests::phone.eq(phone(3))))
            .or(of_hotel().and(guests::wa_id.eq($identity.wa_id.as_deref())))
            .or(of_hotel().and(guests::bsuid.eq($identity.bsuid.as_deref())))
            .assume_not_null()
    }};
}

/// The guests of a hotel who are known by any part of this identity, the surest first: by WhatsApp's id, its
/// business-scoped id, the number.
///
/// # Errors
/// [`StoreError`].
pub fn find_by_identity(conn: &mut Conn, hotel: HotelId, identity: &GuestIdentity) -> Result<Vec<Guest>, StoreError> {
    let rows: Vec<Row> =
        on_db!(conn, |c| guests::table.filter(known_by!(hotel, identity)).select(Row::as_select()).load(c))?;
    let mut found = rows.into_iter().map(Guest::try_from).collect::<Result<Vec<_>, _>>()?;
    let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
    found.sort_by_key(|it| {
        let by_wa_id = same(&it.identity.wa_id, &identity.wa_id);
        let by_phone = it.identity.phone == identity.phone;
        (!by_wa_id, !same(&it.identity.bsuid, &identity.bsuid), !by_phone, it.id)
    });
    Ok(found)
}

/// The same, held until the end of the transaction, with their conversations.
///
/// # Errors
/// [`StoreError`].
pub fn hold_by_identity(tx: &mut Tx<'_>, hotel: HotelId, identity: &GuestIdentity) -> Result<Vec<Guest>, StoreError> {
    for _ in 0..TRIES {
        let found = find_by_identity(tx.conn(), hotel, identity)?;
        let is_locked = found.iter().all(|it| tx.has_locked(it.id));
        // SQLite has one writer anyway.
        let Conn::Pg(conn) = tx.conn() else { return Ok(found) };
        if is_locked {
            return Ok(found);
        }
        // Made in this transaction, or by another one after this had locked what it knew of. Looked for again after
        // that: what is found must be what is locked.
        let known = guests::table.filter(known_by!(hotel, identity)).order(guests::id).select(guests::id);
        let ids: Vec<i64> = known.for_no_key_update().load(conn)?;
        hold_conversations(conn, &ids)?;
        tx.note_locked(ids);
    }
    Err(StoreError::Conflict(diesel::result::Error::RollbackTransaction))
}

/// How often guests are looked for who change meanwhile.
const TRIES: usize = 4;

/// Whether each part of an identity is known already, of whichever guests of the hotel: then a message with it makes
/// no guest, and teaches nothing new.
///
/// # Errors
/// [`StoreError`].
pub fn is_known(conn: &mut Conn, hotel: HotelId, identity: &GuestIdentity) -> Result<bool, StoreError> {
    let found = find_by_identity(conn, hotel, identity)?;
    let has = |part: &Option<String>, of: fn(&Guest) -> &Option<String>| {
        part.is_none() || found.iter().any(|it| of(it) == part)
    };
    let has_phone = identity.phone.as_ref().is_none_or(|phone| {
        let alike = phone.alike();
        found.iter().any(|it| it.identity.phone.as_ref().is_some_and(|known| alike.contains(known)))
    });
    Ok(has_phone && has(&identity.wa_id, |it| &it.identity.wa_id) && has(&identity.bsuid, |it| &it.identity.bsuid))
}

/// A guest by their id.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, id: GuestId) -> Result<Option<Guest>, StoreError> {
    let row: Option<Row> = on_db!(conn, |c| guests::table.find(id.0).select(Row::as_select()).first(c).optional())?;
    row.map(Guest::try_from).transpose()
}

/// Stores what WhatsApp calls a guest, as far as that is not known. Nobody else of the hotel may be called so.
///
/// # Errors
/// [`StoreError`].
pub fn learn(tx: &mut Tx<'_>, id: GuestId, wa_id: Option<&str>, bsuid: Option<&str>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        if let Some(wa_id) = wa_id {
            let nameless = guests::table.find(id.0).filter(guests::wa_id.is_null());
            diesel::update(nameless).set(guests::wa_id.eq(wa_id)).execute(c)?;
        }
        if let Some(bsuid) = bsuid {
            let nameless = guests::table.find(id.0).filter(guests::bsuid.is_null());
            diesel::update(nameless).set(guests::bsuid.eq(bsuid)).execute(c)?;
        }
        Ok::<_, diesel::result::Error>(())
    })?;
    Ok(())
}

/// Stores a guest, unless one is known by any part of this identity. Two nodes may meet a new guest at once: the
/// unique indexes decide, and the loser finds them.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &mut Tx<'_>, hotel: HotelId, identity: &GuestIdentity, at: DateTime<Utc>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::insert_into(guests::table)
        .values((
            guests::hotel_id.eq(hotel.0),
            guests::phone.eq(identity.phone.as_ref().map(PhoneNumber::as_str)),
            guests::wa_id.eq(identity.wa_id.as_deref()),
            guests::bsuid.eq(identity.bsuid.as_deref()),
            guests::created_at.eq(Ts::from(at)),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// The guest of a hotel who has this number, held until the end of the transaction; made where there is none.
///
/// # Errors
/// [`StoreError`].
pub fn find_or_insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    phone: &PhoneNumber,
    at: DateTime<Utc>,
) -> Result<Guest, StoreError> {
    let identity = GuestIdentity::from(phone.clone());
    if let Some(known) = hold_by_identity(tx, hotel, &identity)?.into_iter().next() {
        return Ok(known);
    }
    insert(tx, hotel, &identity, at)?;
    hold_by_identity(tx, hotel, &identity)?.into_iter().next().ok_or(StoreError::Corrupt("guest"))
}

/// Stores by what a guest is known now. Nobody else of the hotel may be known by any of it.
///
/// # Errors
/// [`StoreError`].
pub fn set_identity(tx: &mut Tx<'_>, id: GuestId, identity: &GuestIdentity) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(guests::table.find(id.0))
        .set((
            guests::phone.eq(identity.phone.as_ref().map(PhoneNumber::as_str)),
            guests::wa_id.eq(identity.wa_id.as_deref()),
            guests::bsuid.eq(identity.bsuid.as_deref()),
        ))
        .execute(c))?;
    Ok(())
}

/// Makes all that is one guest's another's, and forgets the first: they are the same person. False, and nothing
/// is done, where both have a conversation without a stay, of which a guest has one.
///
/// # Errors
/// [`StoreError`].
pub fn merge(tx: &mut Tx<'_>, from: GuestId, into: GuestId) -> Result<bool, StoreError> {
    let both = [from.0, into.0];
    let without_stay: i64 = on_db!(tx.conn(), |c| conversations::table
        .filter(conversations::guest_id.eq_any(both).and(conversations::stay_id.is_null()))
        .count()
        .get_result(c))?;
    if without_stay > 1 {
        return Ok(false);
    }
    windows::join(tx, from, into)?;
    on_db!(tx.changing(), |c| {
        diesel::update(stays::table.filter(stays::guest_id.eq(from.0))).set(stays::guest_id.eq(into.0)).execute(c)?;
        diesel::update(conversations::table.filter(conversations::guest_id.eq(from.0)))
            .set(conversations::guest_id.eq(into.0))
            .execute(c)?;
        // It is the same person: what waits still goes to them.
        diesel::update(outbox::table.filter(outbox::guest_id.eq(from.0)))
            .set(outbox::guest_id.eq(into.0))
            .execute(c)?;
        diesel::delete(guests::table.find(from.0)).execute(c)
    })?;
    Ok(true)
}

/// Holds a guest and their conversations until the end of the transaction: nobody else decides
/// meanwhile which of them is meant, makes another, or moves one.
///
/// # Errors
/// [`StoreError`].
pub fn hold(tx: &mut Tx<'_>, guest: GuestId) -> Result<(), StoreError> {
    if tx.has_locked(guest) {
        return Ok(());
    }
    // SQLite has one writer anyway.
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    // Not FOR UPDATE: rows that refer to them may be added.
    guests::table.find(guest.0).select(guests::id).for_no_key_update().load::<i64>(conn)?;
    hold_conversations(conn, &[guest.0])?;
    tx.note_locked([guest.0]);
    Ok(())
}

fn hold_conversations(conn: &mut ReadOnly<PgConnection>, of: &[i64]) -> Result<(), StoreError> {
    let theirs = conversations::table.filter(conversations::guest_id.eq_any(of)).order(conversations::id);
    theirs.select(conversations::id).for_no_key_update().load::<i64>(conn)?;
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
    profile_name
        .filter(|name| has_visible_character(name))
        .or(phone)
        .or(wa_id)
        .or(bsuid)
        .unwrap_or_else(|| "Guest".to_owned())
}
