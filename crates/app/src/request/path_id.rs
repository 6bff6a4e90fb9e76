//! Ids in request paths.

use actix_web::HttpRequest;

/// Parses an id of a request path: a positive 64-bit integer in decimal, without a sign or leading zeros.
pub fn parse_id(text: &str) -> Option<i64> {
    // A sign or a leading zero would be another form of the same id.
    let is_canonical = matches!(text.as_bytes(), [b'1'..=b'9', ..]);
    is_canonical.then(|| text.parse().ok()).flatten()
}

/// Whether all parameters of the request path are ids.
pub fn has_valid_ids(request: &HttpRequest) -> bool {
    request.match_info().iter().all(|(_, text)| parse_id(text).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_positive_integers_in_canonical_form() {
        assert_eq!(parse_id("1"), Some(1));
        assert_eq!(parse_id("9223372036854775807"), Some(i64::MAX));
        for bad in ["", "0", "-1", "+1", "01", "1.0", "1e3", "x", " 1", "9223372036854775808", "１"] {
            assert_eq!(parse_id(bad), None, "{bad}");
        }
    }
}
