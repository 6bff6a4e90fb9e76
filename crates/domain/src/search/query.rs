//! What a search asks for, and how well a text fits.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    ops::Range,
};

use strum::{IntoStaticStr, VariantArray, VariantNames};

use super::{
    IndexTerm,
    excerpt::excerpt,
    phrase::Phrase,
    units::{FoldedText, Unit},
};

/// The most index terms by which candidates are found, the longest ones, which are the rarest.
const MAX_INDEX_TERMS: usize = 16;
/// How many more words than the search may stand around its words, so that they count as near.
const NEAR_WORDS: usize = 5;
/// The fewest characters of a word that may be unfinished: shorter ones begin too many words.
const MIN_UNFINISHED_CHARS: usize = 3;

/// A search: words in any order, and phrases in quotes, all of which a text must contain.
///
/// ```
/// use domain::search::SearchQuery;
///
/// let query = SearchQuery::parse("TOWELS \"late checkout\"");
/// assert!(query.closeness("A late check-out").is_none());
/// assert_eq!(query.excerpt("Late checkout & towels?"), "<mark>Late checkout</mark> &amp; <mark>towels</mark>?");
///
/// let query = SearchQuery::parse("more tow");
/// assert!(query.closeness("More towels?").is_none());
/// let unfinished = query.with_unfinished_last_word().unwrap();
/// assert_eq!(unfinished.excerpt("More towels?"), "<mark>More</mark> <mark>towels</mark>?");
/// ```
#[derive(Clone, Debug, Default)]
pub struct SearchQuery {
    /// Each once, in the order of the text: a word, a run of characters without spaces, or a quoted phrase.
    phrases: Vec<Phrase>,
    /// Whether the last phrase is the word with which the text ends, outside quotes, and is long enough.
    may_be_unfinished: bool,
}

/// How close to each other a text contains the words of a search; the best is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Closeness {
    /// One after the other, in the order of the search. Also the closeness of a single word.
    InOrder,
    /// With few other words between them.
    Near,
    /// Anywhere in the text.
    Apart,
}

named_values!(Closeness);

/// The places of the phrases in a text.
struct Places {
    /// For each phrase the numbers of the units at which it begins; none is empty.
    of_phrases: Vec<Vec<usize>>,
}

impl SearchQuery {
    /// Reads a search as people type it. Any text is one; without words it finds nothing. A quote that is not closed ends
    /// with the text.
    pub fn parse(text: &str) -> Self {
        let mut phrases: Vec<Phrase> = Vec::new();
        let mut may_be_unfinished = false;
        for (n, part) in text.split(is_quote).enumerate() {
            let units = FoldedText::new(part).units().to_vec();
            let is_quoted = n % 2 == 1;
            if let Some(last) = units.last() {
                may_be_unfinished = !is_quoted && last.is_word() && last.text.chars().count() >= MIN_UNFINISHED_CHARS;
            }
            if is_quoted && !units.is_empty() {
                phrases.push(Phrase::new(units));
            } else {
                phrases.extend(units.chunk_by(|_, next| next.is_joined).map(|run| Phrase::new(run.to_vec())));
            }
        }
        let mut known = HashSet::new();
        let mut is_last_new = false;
        phrases.retain(|phrase| {
            is_last_new = known.insert(phrase.key());
            is_last_new
        });
        // A last word that the search contains before must occur as it is.
        Self { phrases, may_be_unfinished: may_be_unfinished && is_last_new }
    }

    /// Returns the search for texts with a word that begins with the last word of this one. `None` if that word is
    /// quoted or too short, or is an emoji or a character of a script without spaces.
    pub fn with_unfinished_last_word(&self) -> Option<Self> {
        let (last, before) = self.phrases.split_last().filter(|_| self.may_be_unfinished)?;
        let phrases = before.iter().cloned().chain([last.unfinished()]).collect();
        Some(Self { phrases, may_be_unfinished: false })
    }

    /// Whether the search has no words, so that it finds nothing.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// Returns terms that every fitting text has among its [`index_terms`](super::index_terms).
    pub fn index_terms(&self) -> Vec<IndexTerm> {
        let mut terms: Vec<IndexTerm> = self.phrases.iter().flat_map(Phrase::index_terms).collect();
        terms.sort_by_cached_key(|term| (Reverse(term.text.chars().count()), term.clone()));
        terms.dedup();
        terms.truncate(MAX_INDEX_TERMS);
        terms
    }

    /// Returns how close to each other a text contains the words; `None` if it lacks one.
    pub fn closeness(&self, text: &str) -> Option<Closeness> {
        let folded = FoldedText::new(text);
        let places = self.places(folded.units())?;
        let all = Phrase::joined(&self.phrases);
        if places.of_phrases[0].iter().any(|place| all.stands_at(folded.units(), *place)) {
            return Some(Closeness::InOrder);
        }
        let (first, last) = self.nearest(&places);
        Some(if last - first < all.len() + NEAR_WORDS { Closeness::Near } else { Closeness::Apart })
    }

    /// Returns the part of a text around the words, as HTML: the words in `<mark>`, everything else escaped. If the text
    /// does not fit, its beginning.
    pub fn excerpt(&self, text: &str) -> String {
        let folded = FoldedText::new(text);
        let Some(places) = self.places(folded.units()) else { return excerpt(folded.source(), 0, &[]) };
        let (first, _) = self.nearest(&places);
        let range = |phrase: &Phrase, place: usize| {
            folded.units()[place].bytes.start..folded.units()[place + phrase.len() - 1].bytes.end
        };
        let of_all = self.phrases.iter().zip(&places.of_phrases);
        let mut marks: Vec<Range<usize>> =
            of_all.flat_map(|(phrase, found)| found.iter().map(move |place| range(phrase, *place))).collect();
        marks.sort_unstable_by_key(|mark| (mark.start, mark.end));
        excerpt(folded.source(), folded.units()[first].bytes.start, &marks)
    }

    fn places(&self, units: &[Unit]) -> Option<Places> {
        if self.is_empty() {
            return None;
        }
        let mut by_text: HashMap<&str, Vec<usize>> = HashMap::with_capacity(units.len());
        for (n, unit) in units.iter().enumerate() {
            by_text.entry(&unit.text).or_default().push(n);
        }
        let of_phrase = |phrase: &Phrase| {
            let found = phrase.places(units, &by_text);
            (!found.is_empty()).then_some(found)
        };
        Some(Places { of_phrases: self.phrases.iter().map(of_phrase).collect::<Option<_>>()? })
    }

    /// Returns the first and the last unit of the shortest part of a text that contains all phrases.
    fn nearest(&self, places: &Places) -> (usize, usize) {
        let mut all: Vec<(usize, usize)> = Vec::new();
        for (phrase, found) in places.of_phrases.iter().enumerate() {
            all.extend(found.iter().map(|place| (*place, phrase)));
        }
        all.sort_unstable();
        let mut counts = vec![0_usize; self.phrases.len()];
        let (mut missing, mut from, mut best) = (counts.len(), 0, (0, usize::MAX));
        for (place, phrase) in &all {
            counts[*phrase] += 1;
            missing -= usize::from(counts[*phrase] == 1);
            while missing == 0 {
                let (first, of) = all[from];
                let last = place + self.phrases[*phrase].len() - 1;
                if last - first < best.1 - best.0 {
                    best = (first, last);
                }
                counts[of] -= 1;
                missing += usize::from(counts[of] == 0);
                from += 1;
            }
        }
        best
    }
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '＂')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(query: &str, text: &str) -> bool {
        SearchQuery::parse(query).closeness(text).is_some()
    }

    #[test]
    fn words_fit_in_any_order_without_case_and_accents() {
        assert!(fits("POOL cafe", "Café at the pool"));
        assert!(!fits("pool bar", "Café at the pool"));
        assert!(!fits("towel", "towels"));
        assert!(fits("towels towels", "Towels"));
    }

    #[test]
    fn a_quoted_phrase_fits_only_as_it_is() {
        assert!(fits("\"late checkout\"", "A LATE, checkout"));
        assert!(!fits("\"late checkout\"", "checkout late"));
        assert!(fits("“late checkout” pool", "pool: late checkout"));
        assert!(fits("\"late check", "a late check"));
        assert!(!fits("\"late check", "check late"));
    }

    #[test]
    fn characters_without_spaces_fit_side_by_side() {
        assert!(fits("早餐", "请送早餐"));
        assert!(!fits("早餐", "餐早"));
        assert!(!fits("早餐", "早 餐"));
        assert!(fits("早 餐", "餐和早"));
        assert!(fits("\"早 餐\"", "早餐"));
        assert!(fits("수건", "수건을 주세요"));
        assert!(fits("อาหารเช้า", "ขออาหารเช้าครับ"));
    }

    #[test]
    fn any_text_is_a_search() {
        for text in ["", "\"", "\"\"", "AND OR NOT *", "a:b^2 -c (d)", "'; DROP TABLE x", "\0", "\u{202e}", "%_\\"] {
            let query = SearchQuery::parse(text);
            assert_eq!(query.is_empty(), query.index_terms().is_empty(), "{text:?}");
        }
        assert!(SearchQuery::parse("!? - ..").is_empty());
        assert_eq!(whole_terms("x\0y"), ["x", "y"]);
    }

    #[test]
    fn the_longest_words_are_the_index_terms() {
        let many: Vec<String> = (1..=20).map(|n| "a".repeat(n)).collect();
        let longest: Vec<&String> = many.iter().rev().take(16).collect();
        assert_eq!(whole_terms(&many.join(" ")).iter().collect::<Vec<_>>(), longest);
    }

    fn whole_terms(query: &str) -> Vec<String> {
        let terms = SearchQuery::parse(query).index_terms();
        assert!(terms.iter().all(|term| !term.is_prefix));
        terms.into_iter().map(|term| term.text).collect()
    }

    fn fits_unfinished(query: &str, text: &str) -> bool {
        SearchQuery::parse(query).with_unfinished_last_word().unwrap().closeness(text).is_some()
    }

    #[test]
    fn the_last_word_may_be_unfinished() {
        assert!(fits_unfinished("towel", "Two towels"));
        assert!(fits_unfinished("towel", "Two towel"));
        assert!(fits_unfinished("two TÖW", "Towels? Two."));
        assert!(fits_unfinished("\"late check\" tow!", "towels and a late check"));
        assert!(fits_unfinished("早餐 tow", "早餐 towels"));
        assert!(!fits_unfinished("tow two", "towels, two"));
        assert!(!fits_unfinished("two tow", "two bath-robes, a stowaway"));
        assert!(!fits_unfinished("two tow", "twofold towels"));
    }

    #[test]
    fn a_quoted_short_or_repeated_word_an_emoji_and_a_single_character_are_finished() {
        for query in [
            "\"towel\"",
            "\"towel",
            "tow \"bar",
            "to",
            "towel at",
            "towel 👍",
            "早餐",
            "tow 早",
            "tow tow",
            "수건을",
            "ที่",
            "",
        ] {
            assert!(SearchQuery::parse(query).with_unfinished_last_word().is_none(), "{query}");
        }
        for query in ["tow", "tow \"", "tow\"\"", "早餐tow", "\"bar\" tow", "tow bar tow2", "ÉTÉ", "204"] {
            let query = SearchQuery::parse(query).with_unfinished_last_word().unwrap();
            assert!(query.with_unfinished_last_word().is_none());
        }
    }

    #[test]
    fn only_the_last_index_term_is_a_prefix_unless_it_is_as_long_as_terms_may_be() {
        let terms = |query: &str| SearchQuery::parse(query).with_unfinished_last_word().unwrap().index_terms();
        let term = |text: &str, is_prefix| IndexTerm { text: text.to_owned(), is_prefix };
        assert_eq!(terms("breakfast tow"), [term("breakfast", false), term("tow", true)]);
        assert_eq!(terms(&"x".repeat(63)), [term(&"x".repeat(63), true)]);
        for count in [64, 65, 100] {
            let word = "x".repeat(count);
            assert_eq!(terms(&word), [term(&"x".repeat(64), false)]);
            assert!(fits_unfinished(&word, &format!("{word}y")));
            assert!(!fits_unfinished(&format!("{word}z"), &format!("{word}y")));
        }
    }

    #[test]
    fn an_unfinished_word_is_marked_as_a_whole_and_counts_as_near_or_in_order() {
        let query = SearchQuery::parse("late check").with_unfinished_last_word().unwrap();
        assert_eq!(
            query.excerpt("Is late checkout, checkouts ok?"),
            "Is <mark>late</mark> <mark>checkout</mark>, <mark>checkouts</mark> ok?"
        );
        assert_eq!(query.closeness("is late checkout ok"), Some(Closeness::InOrder));
        assert_eq!(query.closeness("checkout, but a bit late"), Some(Closeness::Near));
        assert_eq!(query.closeness(&format!("late {} checkout", "and ".repeat(20))), Some(Closeness::Apart));
    }

    #[test]
    fn words_in_order_are_best_and_near_ones_better_than_far_ones() {
        let query = SearchQuery::parse("late checkout");
        assert_eq!(query.closeness("is late checkout ok"), Some(Closeness::InOrder));
        assert_eq!(query.closeness("checkout, but a bit late"), Some(Closeness::Near));
        let far = format!("late {} checkout", "and ".repeat(20));
        assert_eq!(query.closeness(&far), Some(Closeness::Apart));
        assert!(Closeness::InOrder < Closeness::Near && Closeness::Near < Closeness::Apart);
        assert_eq!(SearchQuery::parse("late").closeness(&far), Some(Closeness::InOrder));
    }
}
