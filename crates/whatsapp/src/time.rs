//! Meta's timestamps.

use chrono::{DateTime, Utc};

use crate::json::JsonObject;
use crate::json_fields::JsonFields;

/// From this number on, a timestamp of Meta is in milliseconds: in seconds it would be in the year 33658.
const MIN_MILLISECONDS: i64 = 1_000_000_000_000;
/// The first second of the year 10000, which RFC 3339 cannot express.
const END_OF_RFC_3339: i64 = 253_402_300_800;

/// Returns the `timestamp` of a message or receipt: seconds or milliseconds since 1970, as a string or a number.
pub(crate) fn parse_timestamp(object: &JsonObject) -> Option<DateTime<Utc>> {
    let number = object.integer("timestamp")?;
    let time = if number >= MIN_MILLISECONDS {
        DateTime::from_timestamp_millis(number)?
    } else {
        DateTime::from_timestamp(number, 0)?
    };
    (0..END_OF_RFC_3339).contains(&time.timestamp()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn seconds_and_milliseconds_are_distinguished() {
        let parse =
            |value| parse_timestamp(json!({ "timestamp": value }).as_object().unwrap()).map(|it| it.to_rfc3339());
        for same in [json!("1793000001"), json!(1_793_000_001), json!("1793000001000"), json!(1_793_000_001_000_i64)] {
            assert_eq!(parse(same).as_deref(), Some("2026-10-26T07:33:21+00:00"));
        }
        assert_eq!(parse(json!("1793000001250")).as_deref(), Some("2026-10-26T07:33:21.250+00:00"));
        for bad in [json!(""), json!("soon"), json!(-1), json!(i64::MAX), json!(999_999_999_999_i64), json!(null)] {
            assert_eq!(parse(bad), None);
        }
    }
}
