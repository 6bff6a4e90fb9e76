//! Detects the media type of a file from its content.

/// Declared media types that say nothing about the content of a file.
const GENERIC: [&str; 6] = [
    BYTES,
    "binary/octet-stream",
    "application/binary",
    "application/unknown",
    "application/x-download",
    "application/force-download",
];
const BYTES: &str = "application/octet-stream";

/// Aliases of media types, each with the name that WhatsApp and browsers use.
const ALIASES: [(&str, &str); 19] = [
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/x-png", "image/png"),
    ("image/heif", "image/heic"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/x-mp3", "audio/mpeg"),
    ("audio/mpeg3", "audio/mpeg"),
    ("audio/x-mpeg", "audio/mpeg"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/x-aac", "audio/aac"),
    ("audio/aacp", "audio/aac"),
    ("audio/opus", "audio/ogg"),
    ("application/ogg", "audio/ogg"),
    ("video/3gp", "video/3gpp"),
    ("audio/3gpp", "video/3gpp"),
    ("video/x-m4v", "video/mp4"),
    ("application/x-pdf", "application/pdf"),
    ("application/x-zip-compressed", "application/zip"),
];

/// Groups of media types with the same signature, because they share a container format. The declared type
/// distinguishes them.
const CONTAINERS: [&[&str]; 4] = [
    &["video/mp4", "audio/mp4", "video/3gpp"],
    &["audio/ogg", "video/ogg"],
    &[
        "application/zip",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ],
    &["application/x-ole-storage", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"],
];
/// The plain container formats in [`CONTAINERS`].
const BARE_CONTAINERS: [&str; 2] = ["application/zip", "application/x-ole-storage"];

/// Media types of text formats that have a signature of their own.
const TEXTUAL: [&str; 4] = ["application/pdf", "application/rtf", "text/html", "text/xml"];
/// Bytes at the start of a file that are checked for text.
const TEXT_PREFIX_BYTES: usize = 64 * 1024;

/// Returns the media type of a file. `declared` is in lower case without parameters; the content wins unless it is
/// inconclusive.
pub(crate) fn detect_content_type(declared: &str, bytes: &[u8]) -> String {
    let declared = canonical_name(declared);
    let is_text = is_text(bytes);
    // Some signatures are only two letters long, and any text may start with them.
    let detected = infer::get(bytes).map(|it| canonical_name(it.mime_type()));
    let detected = detected.filter(|it| !is_text || TEXTUAL.contains(it));
    match detected {
        Some(detected) if GENERIC.contains(&declared) => detected,
        Some(detected) if is_specified_by(detected, declared) => declared,
        Some(detected) => detected,
        None if GENERIC.contains(&declared) && is_text => "text/plain",
        None if GENERIC.contains(&declared) => BYTES,
        None => declared,
    }
    .to_owned()
}

fn canonical_name(content_type: &str) -> &str {
    ALIASES.iter().find(|(other, _)| *other == content_type).map_or(content_type, |(_, known)| known)
}

/// Returns whether the declared type is a more specific name of the detected type.
fn is_specified_by(detected: &str, declared: &str) -> bool {
    let share_container = |types: &&&[&str]| types.contains(&detected) && types.contains(&declared);
    CONTAINERS.iter().any(|types| share_container(&types)) && !BARE_CONTAINERS.contains(&declared)
        // Text that resembles markup keeps its declared type.
        || detected.starts_with("text/") && declared.starts_with("text/")
}

fn is_text(bytes: &[u8]) -> bool {
    let is_control = |it: char| it.is_control() && !matches!(it, '\t' | '\n' | '\r' | '\u{c}');
    let prefix = &bytes[..bytes.len().min(TEXT_PREFIX_BYTES)];
    let text = match str::from_utf8(prefix) {
        Ok(text) => text,
        // The prefix may end within a character.
        Err(error) if error.error_len().is_none() => str::from_utf8(&prefix[..error.valid_up_to()]).unwrap_or_default(),
        Err(_) => return false,
    };
    !text.contains(is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\0";
    const PDF: &[u8] = b"%PDF-1.7\n";
    const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";
    const MOV: &[u8] = b"\0\0\0\x14ftypqt  \0\0\0\0qt  ";
    const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0";
    const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

    #[test]
    fn the_signature_wins_over_the_declared_type() {
        for (declared, bytes, expected) in [
            ("image/jpg", JPEG, "image/jpeg"),
            ("image/png", JPEG, "image/jpeg"),
            (BYTES, PDF, "application/pdf"),
            ("text/plain", PDF, "application/pdf"),
            (BYTES, HEIC, "image/heic"),
            ("image/jpeg", HEIC, "image/heic"),
            ("video/mp4", MOV, "video/quicktime"),
            (BYTES, MP4, "video/mp4"),
            ("audio/x-m4a", MP4, "audio/mp4"),
            ("video/3gp", MP4, "video/3gpp"),
            (BYTES, ZIP, "application/zip"),
            ("application/pdf", ZIP, "application/zip"),
            (DOCX, ZIP, DOCX),
        ] {
            assert_eq!(detect_content_type(declared, bytes), expected, "{declared}");
        }
    }

    #[test]
    fn without_a_signature_the_declared_type_is_kept() {
        for (declared, bytes, expected) in [
            ("image/jpg", b"made up".as_slice(), "image/jpeg"),
            ("text/csv", b"a,b\n", "text/csv"),
            ("text/calendar", b"BEGIN:VCALENDAR\n", "text/calendar"),
            ("text/html", b"<html></html>", "text/html"),
            (BYTES, "Grüße\n".as_bytes(), "text/plain"),
            (BYTES, b"BMW, blue, in the garage", "text/plain"),
            ("text/plain", b"MZ", "text/plain"),
            ("application/binary", b"\0\x01\x02", BYTES),
        ] {
            assert_eq!(detect_content_type(declared, bytes), expected, "{declared}");
        }
    }
}
