//! Meta's times.

use chrono::{DateTime, Utc};

use crate::json::{Fields, Object};

/// From here on it is milliseconds: as seconds it would be in the year 33658.
const LEAST_MILLISECONDS: i64 = 1_000_000_000_000;
/// The first second of the year 10000, which RFC 3339 cannot write.
const END: i64 = 253_402_300_800;

/// The `timestamp` of a message or status: seconds, or milliseconds, since 1970, as a string or a
/// number.
pub(crate) fn timestamp(object: &Object) -> Option<DateTime<Utc>> {
    let number = object.integer("timestamp")?;
    let at = if number >= LEAST_MILLISECONDS {
        DateTime::from_timestamp_millis(number)?
    } else {
        DateTime::from_timestamp(number, 0)?
    };
    (0..END).contains(&at.timestamp()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        let at = |value| timestamp(json!({ "timestamp": value }).as_object().unwrap()).map(|it| it.to_rfc3339());
        for same in [json!("1793000001"), json!(1_793_000_001), json!("1793000001000"), json!(1_793_000_001_000_i64)] {
            assert_eq!(at(same).as_deref(), Some("2026-10-26T07:33:21+00:00"));
        }
        assert_eq!(at(json!("1793000001250")).as_deref(), Some("2026-10-26T07:33:21.250+00:00"));
        for none in [json!(""), json!("soon"), json!(-1), json!(i64::MAX), json!(999_999_999_999_i64), json!(null)] {
            assert_eq!(at(none), None);
        }
    }
}
