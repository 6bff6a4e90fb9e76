//! Reports of messages that are not known yet: a report may be faster than the answer to the sending.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::{ConversationId, Delivery, HotelId, MessageId};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    read_only::select_sql,
    schema::early_reports,
    types::Ts,
};

/// How long a report waits for its message. One that nobody here sent never comes.
pub(crate) const KEPT: TimeDelta = TimeDelta::days(1);

/// Keeps a report.
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

/// A message that reports wait for although it is known: one server kept the report while another stored the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Its hotel.
    pub hotel: HotelId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
    /// What WhatsApp calls it.
    pub whatsapp_message_id: String,
}

#[derive(QueryableByName)]
struct MissedRow {
    #[diesel(sql_type = BigInt)]
    hotel_id: i64,
    #[diesel(sql_type = BigInt)]
    conversation_id: i64,
    #[diesel(sql_type = BigInt)]
    message_id: i64,
    #[diesel(sql_type = Text)]
    whatsapp_message_id: String,
}

/// The messages that reports wait for although they are known.
///
/// # Errors
/// [`StoreError`].
pub fn missed(conn: &mut Conn) -> Result<Vec<Missed>, StoreError> {
    let rows: Vec<MissedRow> = on_db!(conn, |c| select_sql(sql_query(
        "SELECT DISTINCT o.hotel_id, o.conversation_id, o.message_id, r.whatsapp_message_id FROM early_reports r \
         INNER JOIN messages m ON m.whatsapp_message_id = r.whatsapp_message_id \
         INNER JOIN outbox o ON o.message_id = m.id AND o.hotel_id = r.hotel_id",
    ))
    .load(c))?;
    let missed = |it: MissedRow| Missed {
        hotel: HotelId(it.hotel_id),
        conversation: ConversationId(it.conversation_id),
        message: MessageId(it.message_id),
        whatsapp_message_id: it.whatsapp_message_id,
    };
    Ok(rows.into_iter().map(missed).collect())
}
