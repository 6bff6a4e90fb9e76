//! What a file is: its first bytes count before what its sender says.

/// Types that say nothing of a file.
const GENERIC: [&str; 6] = [
    BYTES,
    "binary/octet-stream",
    "application/binary",
    "application/unknown",
    "application/x-download",
    "application/force-download",
];
const BYTES: &str = "application/octet-stream";

/// Other names of types, and those that WhatsApp and browsers know.
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

/// Types whose files begin alike, since they are containers of the same kind: what is given tells them apart.
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
/// Those of [`CONTAINERS`] that name nothing but the container.
const BARE_CONTAINERS: [&str; 2] = ["application/zip", "application/x-ole-storage"];

/// Types of files that are text, and begin like no other text.
const TEXTUAL: [&str; 4] = ["application/pdf", "application/rtf", "text/html", "text/xml"];
/// How much of a file is looked at to see whether it is text.
const LOOKED_AT: usize = 64 * 1024;

/// The type of a file that is said to be of this one (in lower case, without parameters).
pub(crate) fn content_type(given: &str, bytes: &[u8]) -> String {
    let given = known_name(given);
    let is_text = is_text(bytes);
    // Some types are known by two letters only, with which any text may begin.
    let detected = infer::get(bytes).map(|it| known_name(it.mime_type()));
    let detected = detected.filter(|it| !is_text || TEXTUAL.contains(it));
    match detected {
        Some(detected) if GENERIC.contains(&given) => detected,
        Some(detected) if are_told_apart_by_name(detected, given) => given,
        Some(detected) => detected,
        None if GENERIC.contains(&given) && is_text => "text/plain",
        None if GENERIC.contains(&given) => BYTES,
        None => given,
    }
    .to_owned()
}

fn known_name(content_type: &str) -> &str {
    ALIASES.iter().find(|(other, _)| *other == content_type).map_or(content_type, |(_, known)| known)
}

/// Whether a file of the detected type may well be of the given one.
fn are_told_apart_by_name(detected: &str, given: &str) -> bool {
    let of_one_kind = |kind: &&&[&str]| kind.contains(&detected) && kind.contains(&given);
    CONTAINERS.iter().any(|kind| of_one_kind(&kind)) && !BARE_CONTAINERS.contains(&given)
        // Text in which a library sees markup is still what its sender calls it.
        || detected.starts_with("text/") && given.starts_with("text/")
}

fn is_text(bytes: &[u8]) -> bool {
    let is_control = |it: char| it.is_control() && !matches!(it, '\t' | '\n' | '\r' | '\u{c}');
    let beginning = &bytes[..bytes.len().min(LOOKED_AT)];
    let text = match str::from_utf8(beginning) {
        Ok(text) => text,
        // A character may be cut in two at its end.
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&beginning[..error.valid_up_to()]).unwrap_or_default()
        }
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
    fn the_first_bytes_count_before_what_is_said() {
        for (given, bytes, expected) in [
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
            assert_eq!(content_type(given, bytes), expected, "{given}");
        }
    }

    #[test]
    fn what_nobody_knows_is_what_it_is_said_to_be() {
        for (given, bytes, expected) in [
            ("image/jpg", b"made up".as_slice(), "image/jpeg"),
            ("text/csv", b"a,b\n", "text/csv"),
            ("text/calendar", b"BEGIN:VCALENDAR\n", "text/calendar"),
            ("text/html", b"<html></html>", "text/html"),
            (BYTES, "Grüße\n".as_bytes(), "text/plain"),
            (BYTES, b"BMW, blue, in the garage", "text/plain"),
            ("text/plain", b"MZ", "text/plain"),
            ("application/binary", b"\0\x01\x02", BYTES),
        ] {
            assert_eq!(content_type(given, bytes), expected, "{given}");
        }
    }
}
