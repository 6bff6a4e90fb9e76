//! Attachments: download a file of a message, send a file to a guest.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    http::header::{
        CONTENT_DISPOSITION, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue,
    },
};
use bytes::Bytes;
use desk::Desk;
use domain::AttachmentId;
use futures_util::stream::{self, Stream};
use wire::response::MessageResponse;

use super::responses::{to_json, write_response};
use crate::{
    endpoint::{Endpoint, get, post},
    problem::HandlerResult,
    request::ApiRequest,
};

/// The size limit of an upload: a file of 16 MiB and the rest of the form.
const MAX_UPLOAD_BYTES: usize = 16 * 1024 * 1024 + 64 * 1024;

const OCTET_STREAM: &str = "application/octet-stream";
/// The media types of attachments that a download keeps. A browser could run a file of another type, or show it as a
/// page of this server, so other types are sent as [`OCTET_STREAM`].
const SAFE_MEDIA_TYPES: [&str; 17] = [
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
    OCTET_STREAM,
];

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/attachments/{id}/", "Download a file of a message.", download_attachment)
            .returns_file(&SAFE_MEDIA_TYPES)
            .problems(&[404]),
        post(
            "/api/message_manager/conversations/{id}/attachments/",
            "Send a file of at most 16 MiB to the guest.",
            send_attachment,
        )
        .idempotent()
        .max_body_bytes(MAX_UPLOAD_BYTES)
        .upload_body()
        .returns::<MessageResponse>(201),
    ]
}

async fn download_attachment(request: ApiRequest) -> HandlerResult {
    let id = AttachmentId(request.id());
    let attachment = request.desk().attachment(request.caller, id).await?;
    let content_type = SAFE_MEDIA_TYPES.into_iter().find(|safe| *safe == attachment.content_type);
    Ok(HttpResponse::Ok()
        .content_type(content_type.unwrap_or(OCTET_STREAM))
        .insert_header((CONTENT_DISPOSITION, download_as(&attachment.name)))
        .insert_header(("Content-Security-Policy", "default-src 'none'; sandbox"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .no_chunking(u64::try_from(attachment.size).unwrap_or_default())
        .streaming(stored_parts(request.desk().clone(), id)))
}

async fn send_attachment(request: ApiRequest) -> HandlerResult {
    let (file, once) = request.write_upload()?.once(to_json::<_, MessageResponse>);
    let outcome = request.desk().send_file(request.caller, request.conversation(), file, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, MessageResponse>)
}

/// Streams the stored parts of an attachment. Each part is read after the previous one has been written to the client.
fn stored_parts(desk: Desk, id: AttachmentId) -> impl Stream<Item = Result<Bytes, desk::Error>> {
    stream::try_unfold(0, move |number| {
        let desk = desk.clone();
        async move { Ok(desk.attachment_part(id, number).await?.map(|part| (Bytes::from(part), number + 1))) }
    })
}

/// The `Content-Disposition` header of a download with this file name, in which control characters and path separators
/// are replaced.
fn download_as(name: &str) -> ContentDisposition {
    let value = name.replace(|it: char| it.is_control() || "/\\".contains(it), "_").into_bytes();
    let name = ExtendedValue { charset: Charset::Ext("UTF-8".to_owned()), language_tag: None, value };
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::FilenameExt(name)],
    }
}
