//! Timestamps in JSON: RFC 3339 in UTC.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// A time in JSON: RFC 3339 in UTC with `Z`, with six fractional digits of a second, or none if they are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp(pub DateTime<Utc>);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.naive_utc();
        write!(f, "{:04}-{:02}-{:02}T", at.year(), at.month(), at.day())?;
        write!(f, "{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())?;
        // In chrono, a leap second has more than 999,999,999 nanoseconds.
        match at.nanosecond() / 1000 % 1_000_000 {
            0 => f.write_str("Z"),
            micros => write!(f, ".{micros:06}Z"),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .pattern(Some(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"))
            .description(Some("RFC 3339 in UTC, with at most six fractional digits of a second."))
            .into()
    }
}

impl ToSchema for Timestamp {
    fn name() -> Cow<'static, str> {
        "Timestamp".into()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn fractional_digits_are_six_or_none() {
        let at = Utc.with_ymd_and_hms(2025, 9, 23, 10, 30, 0).unwrap();
        for (nanos, text) in [
            (0, "2025-09-23T10:30:00Z"),
            (999, "2025-09-23T10:30:00Z"),
            (1_000, "2025-09-23T10:30:00.000001Z"),
            (120_000_000, "2025-09-23T10:30:00.120000Z"),
            (999_999_999, "2025-09-23T10:30:00.999999Z"),
        ] {
            assert_eq!(Timestamp(at.with_nanosecond(nanos).unwrap()).to_string(), text);
        }
    }
}
