//! Attachments. The bytes of a file are stored in parts, so that no file is in memory as a whole.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{Attachment, AttachmentId, ConversationId, HotelId, MessageId, PictureSize};

use crate::{
    StoreError, Tx,
    sql::{
        cached_statement::fixed,
        column_types::Ts,
        id_list::among,
        schema::{attachment_parts, attachments, messages},
    },
    store::connection::{Conn, on_db},
};

/// How long the claim of a download is valid. Every stored part renews it.
const CLAIM_DURATION: TimeDelta = TimeDelta::minutes(5);

/// The values of an attachment that is to be stored.
#[derive(Clone, Debug)]
pub struct NewAttachment<'a> {
    pub message: MessageId,
    pub hotel: HotelId,
    pub name: &'a str,
    /// The media type of the file, without parameters.
    pub content_type: &'a str,
    /// The source from which to download the file. `None`: the bytes are stored in the same transaction.
    pub source: Option<MediaSource<'a>>,
}

/// A file on the servers of WhatsApp, to download.
#[derive(Clone, Copy, Debug)]
pub struct MediaSource<'a> {
    pub media_id: &'a str,
    /// The SHA-256 of the file in hexadecimal digits, if WhatsApp sent it.
    pub sha256: Option<&'a str>,
}

/// Stores the metadata of an attachment. The bytes follow in parts.
pub fn insert(tx: &mut Tx<'_>, new: &NewAttachment<'_>, at: DateTime<Utc>) -> Result<AttachmentId, StoreError> {
    let id: i64 = on_db!(tx.changing(), |c| {
        diesel::update(messages::table.find(new.message.0)).set(messages::has_attachments.eq(true)).execute(c)?;
        diesel::insert_into(attachments::table)
            .values((
                attachments::message_id.eq(new.message.0),
                attachments::hotel_id.eq(new.hotel.0),
                attachments::name.eq(new.name),
                attachments::content_type.eq(new.content_type),
                attachments::size.eq(0),
                attachments::state.eq(if new.source.is_some() { "awaited" } else { "there" }),
                attachments::media_id.eq(new.source.map(|it| it.media_id)),
                attachments::sha256.eq(new.source.and_then(|it| it.sha256)),
                attachments::due_at.eq(Ts::from(at)),
            ))
            .returning(attachments::id)
            .get_result(c)
    })?;
    Ok(AttachmentId(id))
}

/// Stores a part of an attachment, and replaces an earlier part with the same number.
pub fn save_part(tx: &mut Tx<'_>, attachment: AttachmentId, number: i32, bytes: &[u8]) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        diesel::delete(attachment_parts::table.find((attachment.0, number))).execute(c)?;
        diesel::insert_into(attachment_parts::table)
            .values((
                attachment_parts::attachment_id.eq(attachment.0),
                attachment_parts::number.eq(number),
                attachment_parts::bytes.eq(bytes),
            ))
            .execute(c)
    })?;
    Ok(())
}

/// The properties of a file that are stored once its content is complete.
#[derive(Clone, Debug)]
pub struct CompleteFile {
    /// Number of stored parts.
    pub parts: i32,
    /// Size of the file in bytes.
    pub size: i64,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
    pub picture_size: Option<PictureSize>,
}

/// Marks an attachment as complete: all parts are stored.
pub fn mark_complete(tx: &mut Tx<'_>, attachment: AttachmentId, file: &CompleteFile) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        // An earlier attempt may have stored more parts of this file.
        let beyond = attachment_parts::attachment_id.eq(attachment.0).and(attachment_parts::number.ge(file.parts));
        diesel::delete(attachment_parts::table.filter(beyond)).execute(c)?;
        diesel::update(attachments::table.find(attachment.0))
            .set((
                attachments::state.eq("there"),
                attachments::size.eq(file.size),
                attachments::sha256.eq(&file.sha256),
                attachments::width.eq(file.picture_size.map(PictureSize::width)),
                attachments::height.eq(file.picture_size.map(PictureSize::height)),
            ))
            .execute(c)
    })?;
    Ok(())
}

/// The row of a download whose claim still holds: the file is awaited and no other claim followed. A node that was
/// slower than its claim changes nothing.
macro_rules! claimed {
    ($download:expr) => {
        attachments::table
            .find($download.id.0)
            .filter(fixed("attachments.state = 'awaited'").and(attachments::attempts.eq($download.attempts)))
    };
}

/// Stores a downloaded part of an attachment and renews the claim of the download. Returns `false` and stores
/// nothing if the claim is lost.
pub fn save_downloaded_part(
    tx: &mut Tx<'_>,
    download: &PendingDownload,
    (number, bytes): (i32, &[u8]),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let renewed = on_db!(tx.changing(), |c| diesel::update(claimed!(download))
        .set(attachments::due_at.eq(Ts::from(now + CLAIM_DURATION)))
        .execute(c))?;
    if renewed == 1 {
        save_part(tx, download.id, number, bytes)?;
    }
    Ok(renewed == 1)
}

/// Marks a downloaded attachment as complete. Returns `false` and changes nothing if the claim is lost.
pub fn complete_download(tx: &mut Tx<'_>, download: &PendingDownload, file: &CompleteFile) -> Result<bool, StoreError> {
    // Updates the attachment's row first, which locks it.
    let updated =
        on_db!(tx.changing(), |c| diesel::update(claimed!(download)).set(attachments::size.eq(file.size)).execute(c))?;
    if updated == 1 {
        mark_complete(tx, download.id, file)?;
    }
    Ok(updated == 1)
}

/// Marks that the file of a download is lost, and deletes its parts. Does nothing if the claim is lost.
pub fn mark_lost(tx: &mut Tx<'_>, download: &PendingDownload) -> Result<(), StoreError> {
    let lost =
        on_db!(tx.changing(), |c| diesel::update(claimed!(download)).set(attachments::state.eq("lost")).execute(c))?;
    if lost == 1 {
        let parts = attachment_parts::table.filter(attachment_parts::attachment_id.eq(download.id.0));
        on_db!(tx.changing(), |c| diesel::delete(parts).execute(c))?;
    }
    Ok(())
}

/// A download of an attachment, claimed by this node.
#[derive(Clone, Debug)]
pub struct PendingDownload {
    pub id: AttachmentId,
    pub hotel: HotelId,
    pub media_id: String,
    /// The SHA-256 of the file in hexadecimal digits, if WhatsApp sent it.
    pub sha256: Option<String>,
    /// Number of download attempts including this one. Identifies the claim.
    pub attempts: i32,
}

/// Claims due downloads, oldest first, except those of the `excluded` hotels. Other nodes skip claimed downloads.
pub fn claim_downloads(
    tx: &mut Tx<'_>,
    now: DateTime<Utc>,
    limit: i64,
    excluded: &[HotelId],
) -> Result<Vec<PendingDownload>, StoreError> {
    let excluded: Vec<i64> = excluded.iter().map(|it| it.0).collect();
    let due = attachments::table
        .filter(fixed("attachments.state = 'awaited'").and(attachments::due_at.le(Ts::from(now))))
        .filter(attachments::hotel_id.ne_all(&excluded))
        .order(attachments::id)
        .select(attachments::id)
        .limit(limit);
    let ids: Vec<i64> = match tx.conn() {
        Conn::Pg(c) => due.for_update().skip_locked().load(c)?,
        Conn::Sqlite(c) => due.load(c)?,
    };
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    type DownloadColumns = (i64, i64, Option<String>, Option<String>, i32);
    let rows: Vec<DownloadColumns> = on_db!(tx.changing(), |c| {
        diesel::update(attachments::table.filter(attachments::id.eq_any(&ids)))
            .set((
                attachments::due_at.eq(Ts::from(now + CLAIM_DURATION)),
                attachments::attempts.eq(attachments::attempts + 1),
            ))
            .execute(c)?;
        attachments::table
            .filter(attachments::id.eq_any(&ids))
            .order(attachments::id)
            .select((
                attachments::id,
                attachments::hotel_id,
                attachments::media_id,
                attachments::sha256,
                attachments::attempts,
            ))
            .load(c)
    })?;
    let awaited = |(id, hotel, media_id, sha256, attempts): DownloadColumns| {
        let media_id = media_id.ok_or(StoreError::Corrupt("media id"))?;
        Ok(PendingDownload { id: AttachmentId(id), hotel: HotelId(hotel), media_id, sha256, attempts })
    };
    rows.into_iter().map(awaited).collect()
}

/// Postpones the next attempt of a download. Does nothing if the claim is lost.
pub fn defer_download(tx: &mut Tx<'_>, download: &PendingDownload, due: DateTime<Utc>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(claimed!(download))
        .set(attachments::due_at.eq(Ts::from(due)))
        .execute(c))?;
    Ok(())
}

/// The columns of an [`Attachment`].
pub(crate) type AttachmentColumns = (i64, String, String, i64, (Option<i32>, Option<i32>));

pub(crate) fn attachment((id, name, content_type, size, (width, height)): AttachmentColumns) -> Attachment {
    let side = |pixels: Option<i32>| pixels.and_then(|it| u32::try_from(it).ok());
    let picture_size = side(width).zip(side(height)).and_then(|(width, height)| PictureSize::new(width, height));
    Attachment { id: AttachmentId(id), name, content_type, size, picture_size }
}

/// The select expression of [`AttachmentColumns`].
macro_rules! attachment_columns {
    () => {
        (
            attachments::id,
            attachments::name,
            attachments::content_type,
            attachments::size,
            (attachments::width, attachments::height),
        )
    };
}

/// Returns attachments by message, in the order of storing. Lost files are left out.
pub fn of_messages(conn: &mut Conn, messages: &[MessageId]) -> Result<HashMap<MessageId, Vec<Attachment>>, StoreError> {
    let ids: Vec<i64> = messages.iter().map(|it| it.0).collect();
    let rows: Vec<(i64, AttachmentColumns)> = on_db!(conn, |c| attachments::table
        .filter(among(attachments::message_id, &ids))
        .filter(attachments::state.ne("lost"))
        .order(attachments::id)
        .select((attachments::message_id, attachment_columns!()))
        .load(c))?;
    let mut of: HashMap<MessageId, Vec<Attachment>> = HashMap::new();
    for (message, columns) in rows {
        of.entry(MessageId(message)).or_default().push(attachment(columns));
    }
    Ok(of)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentState {
    /// The file is not downloaded yet.
    Awaited,
    Stored,
}

/// An attachment with its conversation, and with what only its download needs.
#[derive(Clone, Debug)]
pub struct FoundAttachment {
    pub attachment: Attachment,
    pub conversation: ConversationId,
    pub state: AttachmentState,
    /// SHA-256 of the bytes in hexadecimal digits; before they are stored, as WhatsApp announced it.
    pub sha256: Option<String>,
}

/// Returns an attachment, unless the file is lost.
pub fn find(conn: &mut Conn, id: AttachmentId) -> Result<Option<FoundAttachment>, StoreError> {
    let row: Option<(AttachmentColumns, String, Option<String>, i64)> = on_db!(conn, |c| attachments::table
        .inner_join(messages::table.on(messages::id.eq(attachments::message_id)))
        .filter(attachments::id.eq(id.0).and(attachments::state.ne("lost")).and(messages::hidden.eq(false)))
        .select((attachment_columns!(), attachments::state, attachments::sha256, messages::conversation_id))
        .first(c)
        .optional())?;
    Ok(row.map(|(columns, state, sha256, conversation)| {
        let state = if state == "there" { AttachmentState::Stored } else { AttachmentState::Awaited };
        FoundAttachment { attachment: attachment(columns), conversation: ConversationId(conversation), state, sha256 }
    }))
}

/// Returns a part of an attachment, or `None` after the last one.
pub fn find_part(conn: &mut Conn, attachment: AttachmentId, number: i32) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(on_db!(conn, |c| attachment_parts::table
        .find((attachment.0, number))
        .select(attachment_parts::bytes)
        .first(c)
        .optional())?)
}
