//! Early receipts: delivery receipts that arrive before the response to the send (table `early_reports`).

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};
use domain::{ConversationId, Delivery, HotelId};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::{Ts, UtcTs},
        id_list::among,
        schema::{early_reports, outbox},
    },
    store::{
        connection::{Conn, on_db},
        read_only::select_sql,
    },
};

/// How long an early receipt is kept for its message. A receipt of a message that another system sent never finds one.
pub const RECEIPT_LIFETIME: TimeDelta = TimeDelta::days(1);

/// Stores an early receipt. A redelivered receipt is ignored.
pub fn insert(
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

/// Deletes and returns the early receipts of a WhatsApp message id, in the order of arrival.
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
        Ok((delivery.parse().map_err(|_| StoreError::Corrupt("delivery"))?, failure))
    };
    rows.into_iter().map(read).collect()
}

/// An early receipt that was not applied although its WhatsApp message id is now stored with a message. This happens if
/// one node stores the receipt while another stores the response to the send, and neither transaction sees the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnappliedReceipt {
    pub hotel: HotelId,
    pub conversation: ConversationId,
    /// The WhatsApp message id of the attempt to which the receipt belongs.
    pub whatsapp_message_id: String,
}

/// Maximum number of early receipts that one check reads, newest first. If another system sends by the same WhatsApp
/// number, there may be any number of them.
const MAX_RECEIPTS: i64 = 500;

#[derive(QueryableByName)]
struct UnappliedReceiptRow {
    #[diesel(sql_type = BigInt)]
    hotel_id: i64,
    #[diesel(sql_type = Text)]
    whatsapp_message_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    message_id: Option<i64>,
}

/// Returns early receipts received since `since` whose WhatsApp message id is now stored with a message or with a
/// former attempt. The subqueries force both databases to use an index for each receipt instead of scanning all
/// messages.
pub fn list_unapplied(conn: &mut Conn, since: DateTime<Utc>) -> Result<Vec<UnappliedReceipt>, StoreError> {
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
        .bind::<BigInt, _>(MAX_RECEIPTS)
    };
    let rows: Vec<UnappliedReceiptRow> = on_db!(conn, |c| select_sql(statement()).load(c))?;
    let known: Vec<i64> = rows.iter().filter_map(|it| it.message_id).collect();
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let sent: Vec<(i64, i64, i64)> = on_db!(conn, |c| outbox::table
        .filter(among(outbox::message_id, &known))
        .select((outbox::message_id, outbox::hotel_id, outbox::conversation_id))
        .load(c))?;
    let unapplied = |receipt: UnappliedReceiptRow| {
        let (_, hotel, conversation) =
            sent.iter().find(|(id, hotel, _)| Some(*id) == receipt.message_id && *hotel == receipt.hotel_id)?;
        Some(UnappliedReceipt {
            hotel: HotelId(*hotel),
            conversation: ConversationId(*conversation),
            whatsapp_message_id: receipt.whatsapp_message_id,
        })
    };
    Ok(rows.into_iter().filter_map(unapplied).collect())
}
