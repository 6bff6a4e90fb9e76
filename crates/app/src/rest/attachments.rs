//! Files of messages.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    http::header::{
        CONTENT_DISPOSITION, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue,
    },
};
use bytes::Bytes;
use desk::{Desk, OutgoingFile, Which};
use domain::AttachmentId;
use futures_util::stream::{self, Stream};

use super::{done, messages::message};
use crate::{
    extract::{Call, Target, Write},
    problem::Answer,
};

/// The most bytes of a form with a file: 16 MiB of it, and what is around.
pub const MOST_UPLOADED: usize = 16 * 1024 * 1024 + 64 * 1024;

/// Of whatever kind.
const BYTES: &str = "application/octet-stream";
/// What a browser is told that a file is: what it could run, or show as a page of ours, it is not told.
pub const HARMLESS: [&str; 17] = [
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/gif",
    "audio/aac",
    "audio/amr",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "video/mp4",
    "video/3gpp",
    "application/pdf",
    "text/plain",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    BYTES,
];

/// `GET attachments/{id}/`
pub async fn show(call: Call) -> Answer {
    let id = AttachmentId(call.id().await?);
    let it = call.desk().attachment(call.caller, id).await?;
    let content_type = HARMLESS.into_iter().find(|harmless| *harmless == it.content_type);
    Ok(HttpResponse::Ok()
        .content_type(content_type.unwrap_or(BYTES))
        .insert_header((CONTENT_DISPOSITION, download(&it.name)))
        .insert_header(("Content-Security-Policy", "default-src 'none'; sandbox"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .no_chunking(u64::try_from(it.size).unwrap_or_default())
        .streaming(parts(call.desk().clone(), id)))
}

/// `POST conversations/{id}/attachments/`
pub async fn send(call: Call) -> Answer {
    let id = call.conversation().await?;
    let write: Write<OutgoingFile> = call.write_upload(Target::Conversation(id)).await?;
    let (file, once) = write.once(message);
    let sent = call.desk().send_file(call.caller, Which::Conversation(id), file, once).await?;
    done(StatusCode::CREATED, sent, message)
}

/// The parts of a file, each read when the one before is written.
fn parts(desk: Desk, id: AttachmentId) -> impl Stream<Item = Result<Bytes, desk::Error>> {
    stream::try_unfold(0, move |number| {
        let desk = desk.clone();
        async move { Ok(desk.attachment_part(id, number).await?.map(|part| (Bytes::from(part), number + 1))) }
    })
}

fn download(name: &str) -> ContentDisposition {
    let value = name.replace(|it: char| it.is_control() || "/\\".contains(it), "_").into_bytes();
    let name = ExtendedValue { charset: Charset::Ext("UTF-8".to_owned()), language_tag: None, value };
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::FilenameExt(name)],
    }
}
