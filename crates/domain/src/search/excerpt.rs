//! The part of a text that a search shows, as HTML.

use std::ops::Range;

/// The most characters of an excerpt, without tags.
const MAX_CHARS: usize = 160;
/// How many characters of it stand before the first word that was searched for.
const CHARS_BEFORE: usize = 40;
const CUT: char = '…';

/// Returns the part of a text around `first`, escaped, with `marks` (places in bytes, in order) in `<mark>`. White space
/// becomes single spaces, and an ellipsis shows where text was cut off.
pub(super) fn excerpt(text: &str, first: usize, marks: &[Range<usize>]) -> String {
    let window = window(text, first);
    let mut html = String::new();
    if window.start > 0 {
        html.push(CUT);
    }
    let mut at = window.start;
    for mark in marks {
        let (start, end) = (mark.start.max(at), mark.end.min(window.end));
        if start < end {
            push_escaped(&mut html, &text[at..start]);
            html.push_str("<mark>");
            push_escaped(&mut html, &text[start..end]);
            html.push_str("</mark>");
            at = end;
        }
    }
    push_escaped(&mut html, &text[at..window.end]);
    let html = html.trim();
    if window.end < text.len() { format!("{html}{CUT}") } else { html.to_owned() }
}

/// Returns the bytes of the excerpt. It begins and ends between words if one ends near.
fn window(text: &str, first: usize) -> Range<usize> {
    let before = text[..first].char_indices().rev();
    let start = before.take(CHARS_BEFORE).last().map_or(first, |(start, _)| start);
    let start = match text[start..first].find(char::is_whitespace) {
        Some(space) if start > 0 => start + space,
        _ => start,
    };
    let end = text[start..].char_indices().nth(MAX_CHARS).map_or(text.len(), |(end, _)| start + end);
    let end = match text[start..end].rfind(char::is_whitespace) {
        Some(space) if end < text.len() && start + space > first => start + space,
        _ => end,
    };
    start..end
}

fn push_escaped(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c if c.is_whitespace() => {
                if !html.ends_with(' ') {
                    html.push(' ');
                }
            }
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::search::SearchQuery;

    fn excerpt(query: &str, text: &str) -> String {
        SearchQuery::parse(query).excerpt(text)
    }

    #[test]
    fn hits_are_marked_and_the_rest_is_escaped() {
        assert_eq!(
            excerpt("towels", "<b>Towels</b> & \"towels\"\n\nplease"),
            "&lt;b&gt;<mark>Towels</mark>&lt;/b&gt; &amp; &quot;<mark>towels</mark>&quot; please"
        );
        assert_eq!(excerpt("mark", "<mark>x</mark>"), "&lt;<mark>mark</mark>&gt;x&lt;/<mark>mark</mark>&gt;");
        assert_eq!(excerpt("\"late checkout\"", "a late, checkout"), "a <mark>late, checkout</mark>");
        assert_eq!(excerpt("早餐", "请送早餐吧"), "请送<mark>早餐</mark>吧");
        assert_eq!(excerpt("cafe", "Cafe\u{301}s Café"), "Cafés <mark>Café</mark>");
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        let text = format!("{} towels {}", "before ".repeat(60), "after ".repeat(60));
        let html = excerpt("towels", &text);
        assert!(html.starts_with("…before") || html.starts_with("… before"), "{html}");
        assert!(html.contains(" <mark>towels</mark> after") && html.ends_with("after…"), "{html}");
        assert!(html.chars().count() < 190);
        let long = excerpt("x", &format!("{} x {}", "a".repeat(4000), "b".repeat(90)));
        assert!(long.contains("<mark>x</mark>") && long.chars().count() < 190, "{long}");
    }

    #[test]
    fn without_a_hit_the_beginning_is_shown() {
        assert_eq!(excerpt("+49 171", "Hello <you>"), "Hello &lt;you&gt;");
    }

    proptest! {
        #[test]
        fn an_excerpt_is_safe_html(query in "\\PC{0,10}", text in "\\PC{0,300}") {
            let html = excerpt(&query, &format!("{text} {query}"));
            let plain = html.replace("<mark>", "").replace("</mark>", "");
            prop_assert!(!plain.contains(['<', '>', '"', '\'']), "{html}");
            prop_assert_eq!(html.matches("<mark>").count(), html.matches("</mark>").count());
        }
    }
}
