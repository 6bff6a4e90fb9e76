//! Ids of messages at WhatsApp.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// With padding or without, and whatever the bits after the last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
/// What stands before a string's length.
const STRING: u8 = 0x18;

/// The part of a WhatsApp message id that does not change with whose view it is told from.
///
/// The id is base64 of a record: whose chat it is in, by number or by another id, which way it went, and last the
/// message's own id. The same message is told with another chat in a quote than in the answer to its sending. An id that
/// is not built like that is stable as a whole.
pub fn stable_whatsapp_id(id: &str) -> String {
    let record = id.strip_prefix("wamid.").and_then(|it| BASE64.decode(it).ok());
    record.as_deref().and_then(own_id).unwrap_or(id).to_owned()
}

/// The string at the end of a record.
fn own_id(record: &[u8]) -> Option<&str> {
    // The end of the record is a zero; padding that was left in would be another.
    let end = record.iter().rposition(|byte| *byte != 0)? + 1;
    let record = record.get(..end)?;
    let start = record.windows(2).enumerate().find_map(|(at, head)| match head {
        [STRING, length] if at + 2 + usize::from(*length) == end => Some(at + 2),
        _ => None,
    })?;
    let own = std::str::from_utf8(record.get(start..)?).ok()?;
    (own.len() >= LEAST && own.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(own)
}

/// An own id is longer; a shorter string at the end is a coincidence.
const LEAST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// An id of a message in somebody's chat.
    fn id(chat: &str, way: u8, own: &str) -> String {
        let mut record = vec![0x1c, STRING, chat.len() as u8];
        record.extend(chat.bytes());
        record.extend([0x15, 0x02, 0x00, way, STRING, own.len() as u8]);
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
    fn whose_view_it_is_makes_no_difference() {
        let own = "3EB0C431C26A1916E07A";
        for chat in ["447700900123", "60173526233", "116973526233777", "US.13491208655302741918"] {
            for way in [0x11, 0x12] {
                let told = id(chat, way, own);
                assert_eq!(stable_whatsapp_id(&told), own, "{told}");
                assert_eq!(stable_whatsapp_id(told.trim_end_matches('=')), own, "{told}");
            }
        }
        assert_ne!(stable_whatsapp_id(&id("447700900123", 0x11, "3EB0C431C26A1916E07B")), own);
    }

    #[test]
    fn what_is_built_otherwise_is_stable_as_a_whole() {
        for other in
            ["", "wamid.", "wamid.TEST1", "wamid.B01", "gBGGFlA5Fpa", "wamid.!", "wamid.AAAA", "wamid.GAAA", "ä"]
        {
            assert_eq!(stable_whatsapp_id(other), other);
        }
    }
}
