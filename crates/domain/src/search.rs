//! Full-text search: the words of a text, the conditions of a search, the rank of a hit, and its excerpt.
//!
//! The databases store the [`index_terms`] of each message and find candidates by the [`SearchQuery::index_terms`] of a
//! search. Whether a candidate really fits is decided here, so that both databases find the same.

mod excerpt;
mod phrase;
mod query;
mod units;

pub use self::query::{Closeness, SearchQuery};

use self::units::{FoldedText, Unit};

/// The most characters of an index term. Longer words are found by their beginning and compared as a whole afterwards.
const MAX_TERM_CHARS: usize = 64;

/// A term of the index by which a search finds candidates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexTerm {
    /// The term, or the beginning of terms.
    pub text: String,
    /// Whether terms that begin with the text fit, too.
    pub is_prefix: bool,
}

/// Returns the terms under which a text is found, each once: its words, and for scripts without spaces each character and
/// each pair of neighbouring characters. Terms consist of letters, digits, marks and emoji only.
pub fn index_terms(text: &str) -> Vec<String> {
    let folded = FoldedText::new(text);
    let units = folded.units();
    let pairs = units.windows(2).filter(|pair| pair[1].is_joined).map(|pair| pair_term(&pair[0], &pair[1]));
    let mut terms: Vec<String> = units.iter().map(unit_term).chain(pairs).collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

fn unit_term(unit: &Unit) -> String {
    unit.text.chars().take(MAX_TERM_CHARS).collect()
}

fn pair_term(one: &Unit, next: &Unit) -> String {
    format!("{}{}", unit_term(one), unit_term(next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_found_by_its_words_and_pairs_of_characters() {
        assert_eq!(index_terms("Two towels, TWO Töwels!"), ["towels", "two"]);
        assert_eq!(index_terms("早餐"), ["早", "早餐", "餐"]);
        assert_eq!(index_terms("- … !"), Vec::<String>::new());
        assert_eq!(index_terms(&"x".repeat(100)), ["x".repeat(64)]);
    }

    proptest! {
        #[test]
        fn terms_contain_nothing_that_a_query_language_understands(text in "\\PC{0,40}|[ -~]{0,40}") {
            for term in index_terms(&text) {
                prop_assert!(!term.is_empty());
                let is_plain = |c: char| !c.is_ascii() || c.is_ascii_lowercase() || c.is_ascii_digit();
                prop_assert!(term.chars().all(|c| is_plain(c) && !c.is_whitespace() && !c.is_control() && c != '·'), "{term:?}");
            }
        }

        #[test]
        fn a_text_fits_a_search_for_itself(text in "\\PC{0,40}") {
            let query = SearchQuery::parse(&text);
            prop_assert!(is_candidate(&query, &text), "{:?}", query.index_terms());
            prop_assert_eq!(query.closeness(&text).is_some(), !query.is_empty());
        }

        #[test]
        fn a_text_fits_a_search_for_the_beginning_of_each_of_its_words(
            text in "\\PC{0,40}|[ -~à-þ]{0,40}|[a-c]{60,80} [a-z]{3,8}",
            chars in 1..80_usize,
        ) {
            for word in FoldedText::new(&text).units().iter().filter(|unit| unit.is_word()) {
                let beginning: String = word.text.chars().take(chars).collect();
                let query = SearchQuery::parse(&beginning);
                let unfinished = query.with_unfinished_last_word();
                prop_assert_eq!(unfinished.is_some(), beginning.chars().count() >= 3, "{:?}", beginning);
                if let Some(query) = unfinished {
                    prop_assert!(is_candidate(&query, &text), "{:?}", query.index_terms());
                    prop_assert!(query.closeness(&text).is_some(), "{beginning:?}");
                    prop_assert!(query.excerpt(&text).contains("<mark>"), "{beginning:?}");
                }
            }
        }
    }

    /// Whether the index proposes the text.
    fn is_candidate(query: &SearchQuery, text: &str) -> bool {
        let terms = index_terms(text);
        let has = |wanted: &IndexTerm| {
            terms.iter().any(|term| *term == wanted.text || wanted.is_prefix && term.starts_with(&wanted.text))
        };
        query.index_terms().iter().all(has)
    }
}
