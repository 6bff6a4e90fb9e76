//! Truncation of texts to a maximum number of characters.

/// Trims `text` and truncates it to `max_chars` characters, of which the last is then an ellipsis.
pub(crate) fn truncate(text: &str, max_chars: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_truncated_text_is_within_the_limit(text in r"(\PC|\s){0,60}", max_chars in 1..40_usize) {
            let truncated = truncate(&text, max_chars);
            prop_assert!(truncated.chars().count() <= max_chars);
            let kept = truncated.trim_end_matches('…').trim_end();
            prop_assert!(text.trim().starts_with(kept) || text.contains('…'));
        }
    }
}
