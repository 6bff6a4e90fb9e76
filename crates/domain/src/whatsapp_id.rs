//! WhatsApp message ids (`wamid`s), and their stable part, which is the same on both sides of a chat.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// The base64 decoder for `wamid`s: accepts base64 with and without padding, and ignores unused trailing bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
/// Tag of a string in the binary record of a `wamid`; the byte after the tag is the length of the string.
const STRING_TAG: u8 = 0x18;
/// Minimum length of the message's own id in a `wamid`; a shorter string at the end of the record is a coincidence.
const MIN_OWN_ID_BYTES: usize = 8;

/// The stable part of a WhatsApp message id: the part that is the same on both sides of a chat.
///
/// A `wamid` is the base64 of a record: chat (by number or another id), direction, and the message's own id. The chat
/// of one message differs between a quote and the response to its sending. An id of another structure is returned
/// whole.
pub fn stable_whatsapp_id(id: &str) -> String {
    let record = id.strip_prefix("wamid.").and_then(|it| BASE64.decode(it).ok());
    record.as_deref().and_then(own_id).unwrap_or(id).to_owned()
}

/// The message's own id: the string at the end of the record of a `wamid`.
fn own_id(record: &[u8]) -> Option<&str> {
    // The record ends with a zero byte, or with more of them if the padding was not stripped.
    let end = record.iter().rposition(|byte| *byte != 0)? + 1;
    let record = record.get(..end)?;
    let start = record.windows(2).enumerate().find_map(|(at, head)| match head {
        [STRING_TAG, length] if at + 2 + usize::from(*length) == end => Some(at + 2),
        _ => None,
    })?;
    let own = std::str::from_utf8(record.get(start..)?).ok()?;
    (own.len() >= MIN_OWN_ID_BYTES && own.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a WhatsApp message id for a chat and a direction.
    fn wamid(chat: &str, direction: u8, own: &str) -> String {
        let mut record = vec![0x1c, STRING_TAG, chat.len() as u8];
        record.extend(chat.bytes());
        record.extend([0x15, 0x02, 0x00, direction, STRING_TAG, own.len() as u8]);
        record.extend(own.bytes());
        record.push(0);
        format!("wamid.{}", BASE64.encode(record))
    }

    #[test]
    fn the_own_id_is_found_in_published_ids() {
        for (id, own) in [
            ("wamid.HBgLNjAxNzM1MjYyMzMVAgASGBQzQUI0NkE4NjM1QTU2NjVGOURGQgA=", "3AB46A8635A5665F9DFB"),
            ("wamid.HBgLNjAxNzM1MjYyMzMVAgARGBJCNkY5NTBENEU3ODYxQTM3RUQA", "B6F950D4E7861A37ED"),
        ] {
            assert_eq!(stable_whatsapp_id(id), own);
        }
    }

    #[test]
    fn chat_and_direction_do_not_matter() {
        let own = "3EB0C431C26A1916E07A";
        for chat in ["447700900123", "60173526233", "116973526233777", "US.13491208655302741918"] {
            for direction in [0x11, 0x12] {
                let id = wamid(chat, direction, own);
                assert_eq!(stable_whatsapp_id(&id), own, "{id}");
                assert_eq!(stable_whatsapp_id(id.trim_end_matches('=')), own, "{id}");
            }
        }
        assert_ne!(stable_whatsapp_id(&wamid("447700900123", 0x11, "3EB0C431C26A1916E07B")), own);
    }

    #[test]
    fn ids_of_another_structure_are_returned_whole() {
        for other in
            ["", "wamid.", "wamid.TEST1", "wamid.B01", "gBGGFlA5Fpa", "wamid.!", "wamid.AAAA", "wamid.GAAA", "ä"]
        {
            assert_eq!(stable_whatsapp_id(other), other);
        }
    }
}
