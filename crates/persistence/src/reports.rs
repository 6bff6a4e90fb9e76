//! Reports of messages that are not known yet: a report may be faster than the answer to the sending.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};
use domain::{ConversationId, Delivery, HotelId};

use crate::{
    StoreError, Tx,
    among::among,
    conn::{Conn, on_db},
    read_only::select_sql,
    schema::{early_reports, outbox},
    types::{Ts, UtcTs},
};

/// How long a report waits for its message. One that nobody here sent never comes.
pub const KEPT: TimeDelta = TimeDelta::days(1);

/// Keeps a report, once however often it comes.
///
/// # Errors
/// [`StoreError`].
pub fn keep(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    whatsapp_message_id: &str,
    (delivery, failure): (Delivery, Option<&str>),
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::insert_into(early_reports::table)
        .values((
            early_reports::hotel_id.eq(hotel.0),
            early_reports::whatsapp_message_id.eq(whatsapp_message_id),
            early_reports::delivery.eq(delivery.as_str()),
            early_reports::failure.eq(failure),
            early_reports::received_at.eq(Ts::from(at)),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Takes the reports of a message that is known now, in the order in which they came.
///
/// # Errors
/// [`StoreError`].
pub fn take(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    whatsapp_message_id: &str,
) -> Result<Vec<(Delivery, Option<String>)>, StoreError> {
    let of = early_reports::table
        .filter(early_reports::whatsapp_message_id.eq(whatsapp_message_id).and(early_reports::hotel_id.eq(hotel.0)));
    let rows: Vec<(String, Option<String>)> = on_db!(tx.conn(), |c| of
        .order(early_reports::id)
        .select((early_reports::delivery, early_reports::failure))
        .load(c))?;
    if !rows.is_empty() {
        on_db!(tx.changing(), |c| diesel::delete(of).execute(c))?;
    }
    let read = |(delivery, failure): (String, _)| {
        Ok((delivery.parse().map_err(|()| StoreError::Corrupt("delivery"))?, failure))
    };
    rows.into_iter().map(read).collect()
}

/// A report that waits for a message although that is known: one server kept the report while another stored the
/// answer, and neither saw the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The message's hotel.
    pub hotel: HotelId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// What WhatsApp calls the try that the report is of.
    pub whatsapp_message_id: String,
}

/// The most reports that are looked at together, the last that came: of a number that another system uses as well there
/// may be any number.
const AT_ONCE: i64 = 500;

#[derive(QueryableByName)]
struct MissedRow {
    #[diesel(sql_type = BigInt)]
    hotel_id: i64,
    #[diesel(sql_type = Text)]
    whatsapp_message_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    message_id: Option<i64>,
}

/// The reports since a moment that wait although their message is known. Each is looked up by an index: neither
/// database may think of reading all messages instead.
///
/// # Errors
/// [`StoreError`].
pub fn missed(conn: &mut Conn, since: DateTime<Utc>) -> Result<Vec<Missed>, StoreError> {
    let statement = || {
        sql_query(
            "SELECT r.hotel_id, r.whatsapp_message_id, COALESCE(\
               (SELECT m.id FROM messages m WHERE m.whatsapp_message_id = r.whatsapp_message_id \
                 AND m.whatsapp_message_id IS NOT NULL), \
               (SELECT f.message_id FROM former_tries f WHERE f.whatsapp_message_id = r.whatsapp_message_id \
                 AND f.whatsapp_message_id IS NOT NULL LIMIT 1)\
             ) AS message_id \
             FROM early_reports r WHERE r.received_at >= $1 ORDER BY r.received_at DESC LIMIT $2",
        )
        .bind::<UtcTs, _>(Ts::from(since))
        .bind::<BigInt, _>(AT_ONCE)
    };
    let rows: Vec<MissedRow> = on_db!(conn, |c| select_sql(statement()).load(c))?;
    let known: Vec<i64> = rows.iter().filter_map(|it| it.message_id).collect();
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let sent: Vec<(i64, i64, i64)> = on_db!(conn, |c| outbox::table
        .filter(among(outbox::message_id, &known))
        .select((outbox::message_id, outbox::hotel_id, outbox::conversation_id))
        .load(c))?;
    let missed = |it: MissedRow| {
        let (_, hotel, conversation) =
            sent.iter().find(|(id, hotel, _)| Some(*id) == it.message_id && *hotel == it.hotel_id)?;
        Some(Missed {
            hotel: HotelId(*hotel),
            conversation: ConversationId(*conversation),
            whatsapp_message_id: it.whatsapp_message_id,
        })
    };
    Ok(rows.into_iter().filter_map(missed).collect())
}
