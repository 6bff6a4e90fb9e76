//! Which files WhatsApp takes from us: Meta's list of types and sizes.

use crate::content::MediaKind;

/// The most bytes of a picture.
const MOST_IMAGE: usize = 5 * 1024 * 1024;
/// The most bytes of sound and of a video.
const MOST_PLAYED: usize = 16 * 1024 * 1024;
const MOST_DOCUMENT: usize = 100 * 1024 * 1024;

/// The types that WhatsApp takes, for people.
pub const SENDABLE_FILES: &str = "photos (JPEG, PNG), videos (MP4, 3GP), sound (AAC, AMR, MP3, M4A, OGG) and documents \
                                  (PDF, Word, Excel, PowerPoint, plain text)";

/// How WhatsApp takes a file of some type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendableFile {
    /// As what.
    pub kind: MediaKind,
    /// How many bytes it may have.
    pub most: usize,
}

/// How WhatsApp takes a file of this type (in lower case, without parameters), if at all. A larger picture is not
/// taken as a document either: the limit belongs to the type that is uploaded.
pub fn sendable_file(content_type: &str) -> Option<SendableFile> {
    let (kind, most) = match content_type {
        "image/jpeg" | "image/png" => (MediaKind::Image, MOST_IMAGE),
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" => (MediaKind::Audio, MOST_PLAYED),
        "video/mp4" | "video/3gpp" => (MediaKind::Video, MOST_PLAYED),
        "text/plain"
        | "application/pdf"
        | "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint"
        | "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        | "application/vnd.openxmlformats-officedocument.presentationml.presentation" => {
            (MediaKind::Document, MOST_DOCUMENT)
        }
        _ => return None,
    };
    Some(SendableFile { kind, most })
}
