//! The file types and sizes that WhatsApp accepts from businesses.

use crate::content::MediaKind;

const MAX_IMAGE_BYTES: usize = 5 * 1024 * 1024;
const MAX_AUDIO_OR_VIDEO_BYTES: usize = 16 * 1024 * 1024;
const MAX_DOCUMENT_BYTES: usize = 100 * 1024 * 1024;

/// The file types that WhatsApp accepts from businesses, as part of a sentence for staff.
pub const SENDABLE_FILES: &str = "photos (JPEG, PNG), videos (MP4, 3GP), sound (AAC, AMR, MP3, M4A, OGG) and documents \
                                  (PDF, Word, Excel, PowerPoint, plain text)";

/// The kind of message in which WhatsApp accepts a file type, and its size limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendableFile {
    pub kind: MediaKind,
    pub max_bytes: usize,
}

/// Returns the kind of message and the size limit for a MIME type (lower case, without parameters), or `None` if
/// WhatsApp does not accept the type.
///
/// The size limit belongs to the MIME type: WhatsApp does not accept a larger image as a document either.
pub fn sendable_file(content_type: &str) -> Option<SendableFile> {
    let (kind, max_bytes) = match content_type {
        "image/jpeg" | "image/png" => (MediaKind::Image, MAX_IMAGE_BYTES),
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" => {
            (MediaKind::Audio, MAX_AUDIO_OR_VIDEO_BYTES)
        }
        "video/mp4" | "video/3gpp" => (MediaKind::Video, MAX_AUDIO_OR_VIDEO_BYTES),
        "text/plain"
        | "application/pdf"
        | "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint"
        | "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        | "application/vnd.openxmlformats-officedocument.presentationml.presentation" => {
            (MediaKind::Document, MAX_DOCUMENT_BYTES)
        }
        _ => return None,
    };
    Some(SendableFile { kind, max_bytes })
}
