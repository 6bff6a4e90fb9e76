//! Conditional requests: `If-None-Match`.

use actix_web::http::header::{HeaderMap, IF_NONE_MATCH};

/// Whether the client already has the response with this entity tag (with its quotes), so that 304 suffices.
pub fn has_current(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).filter_map(|it| it.to_str().ok());
    let mut tags = values.flat_map(|it| it.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn an_entity_tag_is_found_in_the_list() {
        let has = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(value));
            has_current(&headers, "\"a1\"")
        };
        for good in ["\"a1\"", "W/\"a1\"", "\"b2\", \"a1\"", "*"] {
            assert!(has(good), "{good}");
        }
        for bad in ["", "a1", "\"a\"", "\"a1", "\"b2\",W/\"c3\""] {
            assert!(!has(bad), "{bad}");
        }
        assert!(!has_current(&HeaderMap::new(), "\"a1\""));
    }
}
