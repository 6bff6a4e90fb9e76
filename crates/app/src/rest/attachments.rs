//! Attachments: download a file of a message, send a file to a guest.

use std::ops::Range;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        Method, StatusCode,
        header::{
            ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_SECURITY_POLICY, Charset, ContentDisposition,
            DispositionParam, DispositionType, ETAG, ExtendedValue, X_CONTENT_TYPE_OPTIONS,
        },
    },
};
use bytes::Bytes;
use desk::{
    Desk,
    attachments::{PART_BYTES, ReadableFile},
};
use domain::AttachmentId;
use futures_util::stream::{self, Stream};
use utoipa::openapi::Type;
use wire::response::MessageResponse;

use super::{
    drafts::publish_if_performed,
    responses::{sent_response, to_json},
};
use crate::{
    endpoint::{Endpoint, ParameterValues, get, post},
    problem::{HandlerResult, Problem},
    request::{ApiRequest, RequestedBytes, has_current, requested_bytes},
};

/// The size limit of an upload: a file of 16 MiB and the rest of the form.
const MAX_UPLOAD_BYTES: usize = 16 * 1024 * 1024 + 64 * 1024;

/// The content security policy of files: whatever a file contains, it cannot run scripts, and it belongs to no origin.
/// A browser that shows a picture or film by itself loads it once more, from the same address.
const FILE_POLICY: &str = "default-src 'none'; img-src 'self'; media-src 'self'; sandbox";
/// The one value of `thumbnail`: greatest width and height of a thumbnail in pixels.
const THUMBNAIL_SIDE: &str = "320";

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
        get("/api/message_manager/attachments/{id}/", "Download a file of a message, or show it.", download_attachment)
            .describe(
                "Served as a download, or inline with `inline=true`. `Range` requests get 206. 503 with \
                 `Retry-After` until a guest's file has been fetched from WhatsApp. The session cookie authorises \
                 this call too, so that a page of the same origin can name the file in `<img>` and `<video>`.",
            )
            .security(&["cookie"])
            .query(
                "thumbnail",
                ParameterValues::Number { from: 320, to: Some(320), default: None },
                "`320`: a JPEG of at most 320 pixels a side; 404 if the file is no picture.",
            )
            .query(
                "inline",
                Type::Boolean,
                "Whether a browser shows a picture, sound, film or PDF instead of saving it.",
            )
            .response_header("ETag", "Names the content of the file, for `If-None-Match` and `If-Range`.")
            .returns_file(&SAFE_MEDIA_TYPES)
            .returns_part_of_file(&SAFE_MEDIA_TYPES)
            .returns_nothing(304)
            .problems(&[400, 404, 416]),
        post(
            "/api/message_manager/conversations/{id}/attachments/",
            "Send a file of at most 16 MiB to the guest.",
            send_attachment,
        )
        .describe(
            "One part `file`, and optionally `text`, `seen_message_id`, `reply_to` and `clears_draft`. The type of \
             the file is detected from its content. A type that WhatsApp refuses is 415 `unsupported_file`, a size \
             that WhatsApp refuses 413. Routes and assigns the conversation as `send_message` does.",
        )
        .idempotent()
        .max_body_bytes(MAX_UPLOAD_BYTES)
        .upload_body()
        .returns::<MessageResponse>(201),
    ]
}

async fn download_attachment(request: ApiRequest) -> HandlerResult {
    let mut query = request.query();
    let (is_thumbnail, inline) = (query.optional("thumbnail", thumbnail_side).is_some(), query.flag("inline"));
    let (is_thumbnail, inline) = query.finish((is_thumbnail, inline))?;
    let file = request.desk().attachment(request.caller, AttachmentId(request.id())).await?;
    if is_thumbnail { show_thumbnail(&request, &file).await } else { show_file(&request, &file, inline) }
}

async fn show_thumbnail(request: &ApiRequest, file: &ReadableFile) -> HandlerResult {
    let etag = format!("\"{}-{THUMBNAIL_SIDE}\"", file.digest);
    if has_current(request.http.headers(), &etag) {
        return Ok(file_response(StatusCode::NOT_MODIFIED, &etag).finish());
    }
    let thumbnail = request.desk().thumbnail(file).await?.ok_or(desk::Error::NotFound)?;
    let name = format!("{}.jpg", file.attachment.name);
    let mut response = file_response(StatusCode::OK, &etag);
    Ok(response.content_type("image/jpeg").insert_header(disposition(DispositionType::Inline, &name)).body(thumbnail))
}

fn show_file(request: &ApiRequest, ReadableFile { attachment, digest }: &ReadableFile, inline: bool) -> HandlerResult {
    let (headers, etag) = (request.http.headers(), format!("\"{digest}\""));
    if has_current(headers, &etag) {
        return Ok(file_response(StatusCode::NOT_MODIFIED, &etag).finish());
    }
    let size = u64::try_from(attachment.size).unwrap_or_default();
    // `Range` has a meaning for GET only.
    let requested = match *request.http.method() {
        Method::GET => requested_bytes(headers, size, &etag),
        _ => RequestedBytes::Whole,
    };
    let (status, part) = match requested {
        RequestedBytes::Whole => (StatusCode::OK, 0..size),
        RequestedBytes::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        RequestedBytes::Unsatisfiable => return Err(Problem::range_not_satisfiable(size)),
    };
    let content_type = SAFE_MEDIA_TYPES.into_iter().find(|safe| *safe == attachment.content_type);
    let content_type = content_type.unwrap_or(OCTET_STREAM);
    let is_inline = inline && is_shown_inline(content_type);
    let kind = if is_inline { DispositionType::Inline } else { DispositionType::Attachment };
    let mut response = file_response(status, &etag);
    response.content_type(content_type).insert_header(disposition(kind, &attachment.name));
    if status == StatusCode::PARTIAL_CONTENT {
        response.insert_header((CONTENT_RANGE, format!("bytes {}-{}/{size}", part.start, part.end - 1)));
    }
    response.no_chunking(part.end - part.start);
    Ok(response.streaming(stored_bytes(request.desk().clone(), attachment.id, part)))
}

/// Begins the response with a file, with the headers that also a 304 has. A client keeps the file but asks before it
/// shows the file again: another person may use the browser then, or the conversation may have been transferred.
fn file_response(status: StatusCode, etag: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((ETAG, etag))
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header((CONTENT_SECURITY_POLICY, FILE_POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"));
    response
}

/// Whether a browser shows files of this safe media type by itself.
fn is_shown_inline(content_type: &str) -> bool {
    ["image/", "audio/", "video/", "application/pdf"].iter().any(|it| content_type.starts_with(it))
}

fn thumbnail_side(text: &str) -> Result<(), String> {
    if text == THUMBNAIL_SIDE { Ok(()) } else { Err(format!("Only {THUMBNAIL_SIDE} is possible.")) }
}

async fn send_attachment(request: ApiRequest) -> HandlerResult {
    let (file, once) = request.write_upload()?.once(to_json::<_, MessageResponse>);
    let clears_draft = file.clears_draft;
    let outcome = request.desk().send_file(request.caller, request.conversation(), file, once).await?;
    if clears_draft {
        publish_if_performed(&request, &outcome);
    }
    sent_response(&request, outcome).await
}

/// Streams some bytes of a file. Each stored part is read after the previous one has been written to the client.
fn stored_bytes(desk: Desk, id: AttachmentId, bytes: Range<u64>) -> impl Stream<Item = Result<Bytes, desk::Error>> {
    stream::try_unfold(bytes, move |rest| {
        let desk = desk.clone();
        async move {
            if rest.is_empty() {
                return Ok(None);
            }
            let (number, skipped) = (rest.start / PART_BYTES as u64, (rest.start % PART_BYTES as u64) as usize);
            let number = i32::try_from(number).unwrap_or(i32::MAX);
            let Some(part) = desk.attachment_part(id, number).await?.filter(|it| it.len() > skipped) else {
                return Ok(None);
            };
            let end =
                part.len().min(skipped.saturating_add(usize::try_from(rest.end - rest.start).unwrap_or(usize::MAX)));
            let wanted = Bytes::from(part).slice(skipped..end);
            let rest = rest.start + wanted.len() as u64..rest.end;
            Ok(Some((wanted, rest)))
        }
    })
}

/// The `Content-Disposition` header with this file name, in which control characters and path separators are replaced.
fn disposition(disposition: DispositionType, name: &str) -> ContentDisposition {
    let value = name.replace(|it: char| it.is_control() || "/\\".contains(it), "_").into_bytes();
    let name = ExtendedValue { charset: Charset::Ext("UTF-8".to_owned()), language_tag: None, value };
    ContentDisposition { disposition, parameters: vec![DispositionParam::FilenameExt(name)] }
}
