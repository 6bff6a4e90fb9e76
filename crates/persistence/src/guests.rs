//! Guests and their identities: lookup, locking and merging.

use chrono::{DateTime, Utc};
use diesel::{PgConnection, prelude::*};
use domain::{Guest, GuestId, GuestIdentity, HotelId, LanguageTag, Name, PhoneNumber, text::has_visible_character};

use crate::{
    StoreError, Tx, away_messages, service_windows,
    sql::{
        column_types::Ts,
        schema::{conversations, guests, outbox, scheduled_messages, stays},
    },
    store::{
        connection::{Conn, on_db},
        read_only::ReadOnly,
    },
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = guests)]
struct GuestRow {
    id: i64,
    hotel_id: i64,
    phone: Option<String>,
    wa_id: Option<String>,
    bsuid: Option<String>,
    profile_name: Option<String>,
}

impl TryFrom<GuestRow> for Guest {
    type Error = StoreError;

    fn try_from(row: GuestRow) -> Result<Self, StoreError> {
        let phone = row.phone.map(|it| PhoneNumber::from_stored(&it).ok_or(StoreError::Corrupt("phone number")));
        Ok(Self {
            id: GuestId(row.id),
            hotel: HotelId(row.hotel_id),
            identity: GuestIdentity { phone: phone.transpose()?, wa_id: row.wa_id, bsuid: row.bsuid },
            profile_name: row.profile_name,
        })
    }
}

/// The condition that a guest of the hotel matches any part of an identity.
macro_rules! known_by {
    ($hotel:expr, $identity:expr) => {{
        // A phone number has up to four equivalent forms.
        const { assert!(PhoneNumber::MAX_EQUIVALENT_FORMS == 4) };
        let alike: Vec<PhoneNumber> = $identity.phone.iter().flat_map(PhoneNumber::equivalent_forms).collect();
        let phone = |n: usize| alike.get(n).map(|it| it.as_str().to_owned());
        let of_hotel = || guests::hotel_id.eq($hotel.0);
        // The hotel is repeated in each term; otherwise SQLite does not use the indexes.
        (of_hotel().and(guests::phone.eq(phone(0))))
            .or(of_hotel().and(guests::phone.eq(phone(1))))
            .or(of_hotel().and(guests::phone.eq(phone(2))))
            .or(of_hotel().and(guests::phone.eq(phone(3))))
            .or(of_hotel().and(guests::wa_id.eq($identity.wa_id.as_deref())))
            .or(of_hotel().and(guests::bsuid.eq($identity.bsuid.as_deref())))
            .assume_not_null()
    }};
}

/// Finds all guests of a hotel that match any part of an identity, best match first: by WhatsApp id, business-scoped
/// id, phone number.
pub fn find_by_identity(conn: &mut Conn, hotel: HotelId, identity: &GuestIdentity) -> Result<Vec<Guest>, StoreError> {
    let rows: Vec<GuestRow> =
        on_db!(conn, |c| guests::table.filter(known_by!(hotel, identity)).select(GuestRow::as_select()).load(c))?;
    let mut found = rows.into_iter().map(Guest::try_from).collect::<Result<Vec<_>, _>>()?;
    let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
    found.sort_by_key(|guest| {
        let by_wa_id = same(&guest.identity.wa_id, &identity.wa_id);
        let by_phone = guest.identity.phone == identity.phone;
        (!by_wa_id, !same(&guest.identity.bsuid, &identity.bsuid), !by_phone, guest.id)
    });
    Ok(found)
}

/// As [`find_by_identity`], and locks the guests and all their conversations until the end of the transaction.
pub fn lock_by_identity(tx: &mut Tx<'_>, hotel: HotelId, identity: &GuestIdentity) -> Result<Vec<Guest>, StoreError> {
    for _ in 0..MAX_LOCK_ATTEMPTS {
        let found = find_by_identity(tx.conn(), hotel, identity)?;
        let is_locked = found.iter().all(|it| tx.has_locked(it.id));
        // SQLite has one writer and no row locks.
        let Conn::Pg(conn) = tx.conn() else { return Ok(found) };
        if is_locked {
            return Ok(found);
        }
        // The guest was created in this transaction, or by another one after the locks of this job were taken. Search
        // again after locking, so that the locked rows are the ones that are returned.
        let known = guests::table.filter(known_by!(hotel, identity)).order(guests::id).select(guests::id);
        let ids: Vec<i64> = known.for_no_key_update().load(conn)?;
        lock_conversations(conn, &ids)?;
        tx.note_locked(ids);
    }
    Err(StoreError::Conflict(diesel::result::Error::RollbackTransaction))
}

/// How often the search for guests is repeated if the matching guests change while the locks are acquired.
const MAX_LOCK_ATTEMPTS: usize = 4;

/// Whether every part of the identity belongs to some guest of the hotel already, so that a message with this identity
/// creates no guest and adds no identifier.
pub fn is_fully_known(conn: &mut Conn, hotel: HotelId, identity: &GuestIdentity) -> Result<bool, StoreError> {
    let found = find_by_identity(conn, hotel, identity)?;
    let has = |part: &Option<String>, of: fn(&Guest) -> &Option<String>| {
        part.is_none() || found.iter().any(|it| of(it) == part)
    };
    let has_phone = identity.phone.as_ref().is_none_or(|phone| {
        let alike = phone.equivalent_forms();
        found.iter().any(|it| it.identity.phone.as_ref().is_some_and(|known| alike.contains(known)))
    });
    Ok(has_phone && has(&identity.wa_id, |it| &it.identity.wa_id) && has(&identity.bsuid, |it| &it.identity.bsuid))
}

pub fn find(conn: &mut Conn, id: GuestId) -> Result<Option<Guest>, StoreError> {
    let row: Option<GuestRow> =
        on_db!(conn, |c| guests::table.find(id.0).select(GuestRow::as_select()).first(c).optional())?;
    row.map(Guest::try_from).transpose()
}

/// A guest with what staff note about the guest.
#[derive(Clone, Debug)]
pub struct GuestDetails {
    pub guest: Guest,
    pub note: Option<String>,
    pub language: Option<LanguageTag>,
    pub created_at: DateTime<Utc>,
}

pub fn details(conn: &mut Conn, id: GuestId) -> Result<Option<GuestDetails>, StoreError> {
    let row: Option<(GuestRow, Option<String>, Option<String>, Ts)> = on_db!(conn, |c| guests::table
        .find(id.0)
        .select((GuestRow::as_select(), guests::note, guests::language, guests::created_at))
        .first(c)
        .optional())?;
    let details = |(row, note, language, created_at): (GuestRow, Option<String>, Option<String>, Ts)| {
        let language = language.map(|it| LanguageTag::parse(&it).map_err(|_| StoreError::Corrupt("language")));
        Ok(GuestDetails { guest: row.try_into()?, note, language: language.transpose()?, created_at: created_at.0 })
    };
    row.map(details).transpose()
}

/// Stores what staff note about a guest.
pub fn set_note_and_language(
    tx: &mut Tx<'_>,
    id: GuestId,
    note: Option<&str>,
    language: Option<&LanguageTag>,
) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(guests::table.find(id.0))
        .set((guests::note.eq(note), guests::language.eq(language.map(LanguageTag::as_str))))
        .execute(c))?;
    Ok(())
}

/// Stores WhatsApp ids that the guest does not have yet. No other guest of the hotel may have them.
pub fn add_whatsapp_ids(
    tx: &mut Tx<'_>,
    id: GuestId,
    wa_id: Option<&str>,
    bsuid: Option<&str>,
) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        if let Some(wa_id) = wa_id {
            let without_id = guests::table.find(id.0).filter(guests::wa_id.is_null());
            diesel::update(without_id).set(guests::wa_id.eq(wa_id)).execute(c)?;
        }
        if let Some(bsuid) = bsuid {
            let without_id = guests::table.find(id.0).filter(guests::bsuid.is_null());
            diesel::update(without_id).set(guests::bsuid.eq(bsuid)).execute(c)?;
        }
        Ok::<_, diesel::result::Error>(())
    })?;
    Ok(())
}

/// Stores a guest, unless a guest matches any part of the identity. If two nodes insert the same guest, the unique
/// indexes decide, and the second node finds the row of the first.
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

/// Finds or creates the guest with this phone number, and locks the guest.
pub fn find_or_insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    phone: &PhoneNumber,
    at: DateTime<Utc>,
) -> Result<Guest, StoreError> {
    let identity = GuestIdentity::from(phone.clone());
    if let Some(known) = lock_by_identity(tx, hotel, &identity)?.into_iter().next() {
        return Ok(known);
    }
    insert(tx, hotel, &identity, at)?;
    lock_by_identity(tx, hotel, &identity)?.into_iter().next().ok_or(StoreError::Corrupt("guest"))
}

/// Replaces the identity of a guest. No other guest of the hotel may match any part of it.
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

/// Moves everything of guest `from` to guest `into` and deletes `from`: both are the same person. Returns `false` and
/// changes nothing if both have a conversation without a stay, because a guest has at most one.
pub fn merge(tx: &mut Tx<'_>, from: GuestId, into: GuestId) -> Result<bool, StoreError> {
    let both = [from.0, into.0];
    let without_stay: i64 = on_db!(tx.conn(), |c| conversations::table
        .filter(conversations::guest_id.eq_any(both).and(conversations::stay_id.is_null()))
        .count()
        .get_result(c))?;
    if without_stay > 1 {
        return Ok(false);
    }
    service_windows::merge(tx, from, into)?;
    merge_notes(tx, from, into)?;
    away_messages::merge(tx, from, into)?;
    on_db!(tx.changing(), |c| {
        diesel::update(stays::table.filter(stays::guest_id.eq(from.0))).set(stays::guest_id.eq(into.0)).execute(c)?;
        diesel::update(stays::table.filter(stays::conversation_lender_id.eq(from.0)))
            .set(stays::conversation_lender_id.eq(into.0))
            .execute(c)?;
        diesel::update(conversations::table.filter(conversations::guest_id.eq(from.0)))
            .set(conversations::guest_id.eq(into.0))
            .execute(c)?;
        // The person is the same, so waiting messages still go to them.
        diesel::update(outbox::table.filter(outbox::guest_id.eq(from.0)))
            .set(outbox::guest_id.eq(into.0))
            .execute(c)?;
        diesel::update(scheduled_messages::table.filter(scheduled_messages::guest_id.eq(from.0)))
            .set(scheduled_messages::guest_id.eq(into.0))
            .execute(c)?;
        diesel::delete(guests::table.find(from.0)).execute(c)
    })?;
    Ok(true)
}

/// Adds the note of guest `from` to that of guest `into`, who also gets the language if none is known. The note may
/// become longer than one that staff may write: nothing of it is lost.
fn merge_notes(tx: &mut Tx<'_>, from: GuestId, into: GuestId) -> Result<(), StoreError> {
    let (Some(former), Some(kept)) = (details(tx.conn(), from)?, details(tx.conn(), into)?) else { return Ok(()) };
    if former.note.is_none() && former.language.is_none() {
        return Ok(());
    }
    let notes: Vec<String> = [kept.note, former.note].into_iter().flatten().collect();
    let note = (!notes.is_empty()).then(|| notes.join("\n"));
    set_note_and_language(tx, into, note.as_deref(), kept.language.or(former.language).as_ref())
}

/// Locks a guest and all conversations of the guest until the end of the transaction. Until then no other transaction
/// selects, adds or moves a conversation of the guest.
pub fn lock_with_conversations(tx: &mut Tx<'_>, guest: GuestId) -> Result<(), StoreError> {
    if tx.has_locked(guest) {
        return Ok(());
    }
    // SQLite has one writer and no row locks.
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    // FOR UPDATE would block inserts of rows that refer to the guest.
    guests::table.find(guest.0).select(guests::id).for_no_key_update().load::<i64>(conn)?;
    lock_conversations(conn, &[guest.0])?;
    tx.note_locked([guest.0]);
    Ok(())
}

fn lock_conversations(conn: &mut ReadOnly<PgConnection>, of: &[i64]) -> Result<(), StoreError> {
    let theirs = conversations::table.filter(conversations::guest_id.eq_any(of)).order(conversations::id);
    theirs.select(conversations::id).for_no_key_update().load::<i64>(conn)?;
    Ok(())
}

/// Stores the name from the guest's WhatsApp profile.
pub fn set_profile_name(tx: &mut Tx<'_>, guest: GuestId, name: &Name) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(guests::table.find(guest.0))
        .set(guests::profile_name.eq(name.as_str()))
        .execute(c))?;
    Ok(())
}

/// The columns that can name a guest: profile name, phone, WhatsApp id, business-scoped id.
pub(crate) type GuestNameColumns = (Option<String>, Option<String>, Option<String>, Option<String>);

/// The name to show for a guest without a booking.
pub(crate) fn display_name((profile_name, phone, wa_id, bsuid): GuestNameColumns) -> String {
    profile_name
        .filter(|name| has_visible_character(name))
        .or(phone)
        .or(wa_id)
        .or(bsuid)
        .unwrap_or_else(|| "Guest".to_owned())
}
