//! Away messages: when a guest last got the message that a department is closed.

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_query, sql_types::BigInt};
use domain::{
    DepartmentId, GuestId, HotelId,
    flow::{FlowText, FlowTexts, LANGUAGE_SETTING},
};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::{Ts, UtcTs},
        schema::message_templates,
    },
    store::connection::{Conn, on_db},
};

/// Records that a guest gets the message of a department that has been closed since then. Returns `false` if the guest
/// got it already since the closing.
pub fn record(
    tx: &mut Tx<'_>,
    (hotel, guest, department): (HotelId, GuestId, DepartmentId),
    closed_since: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let statement = || {
        sql_query(
            "INSERT INTO away_messages (hotel_id, guest_id, department_id, sent_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (guest_id, department_id) DO UPDATE SET sent_at = excluded.sent_at \
             WHERE away_messages.sent_at < $5",
        )
        .bind::<BigInt, _>(hotel.0)
        .bind::<BigInt, _>(guest.0)
        .bind::<BigInt, _>(department.0)
        .bind::<UtcTs, _>(Ts::from(at))
        .bind::<UtcTs, _>(Ts::from(closed_since))
    };
    Ok(on_db!(tx.changing(), |c| statement().execute(c))? == 1)
}

/// Merges the rows of two guest rows of the same person: the later message counts.
pub(crate) fn merge(tx: &mut Tx<'_>, from: GuestId, into: GuestId) -> Result<(), StoreError> {
    let statement = || {
        sql_query(
            "INSERT INTO away_messages (hotel_id, guest_id, department_id, sent_at) \
             SELECT hotel_id, $1, department_id, sent_at FROM away_messages WHERE guest_id = $2 \
             ON CONFLICT (guest_id, department_id) DO UPDATE SET sent_at = excluded.sent_at \
             WHERE away_messages.sent_at < excluded.sent_at",
        )
        .bind::<BigInt, _>(into.0)
        .bind::<BigInt, _>(from.0)
    };
    on_db!(tx.changing(), |c| statement().execute(c))?;
    Ok(())
}

/// The templates with which a hotel replaces the built-in message: those of one department, and those of the hotel.
pub struct AwayTexts {
    pub of_department: FlowTexts,
    pub of_hotel: FlowTexts,
}

/// A text template: name, content, department.
type AwayTextRow = (String, String, Option<i64>);

/// Returns the text templates for the message that a department is closed.
pub fn texts(conn: &mut Conn, hotel: HotelId, department: DepartmentId) -> Result<AwayTexts, StoreError> {
    let is_away = message_templates::name.like(format!("{}%", FlowText::Away.as_str()));
    let is_of_hotel = message_templates::department_id.is_null();
    let is_usable = is_of_hotel.or(message_templates::department_id.eq(department.0).assume_not_null());
    let rows: Vec<AwayTextRow> = on_db!(conn, |c| message_templates::table
        .filter(message_templates::hotel_id.eq(hotel.0).and(message_templates::template_type.eq("text")))
        .filter(message_templates::name.eq(LANGUAGE_SETTING).or(is_away.and(is_usable)))
        .select((message_templates::name, message_templates::content, message_templates::department_id))
        .load(c))?;
    let of = |is_wanted: &dyn Fn(&AwayTextRow) -> bool| {
        let wanted = rows.iter().filter(|row| is_wanted(row));
        FlowTexts::new(wanted.map(|(name, content, _)| (name.clone(), content.clone())).collect())
    };
    let is_setting = |name: &str| name == LANGUAGE_SETTING;
    Ok(AwayTexts {
        of_department: of(&|(name, _, department)| !is_setting(name) && department.is_some()),
        of_hotel: of(&|(name, _, department)| is_setting(name) || department.is_none()),
    })
}
