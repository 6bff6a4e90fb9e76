//! What a search asks for, and how well a text fits.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
};

use super::{
    excerpt::excerpt,
    pair_term, unit_term,
    units::{FoldedText, Unit},
};

/// The most index terms by which candidates are found, the longest ones, which are the rarest.
const MAX_INDEX_TERMS: usize = 16;
/// How many more words than the search may stand around its words, so that they count as near.
const NEAR_WORDS: usize = 5;

/// A search: words in any order, and phrases in quotes, all of which a text must contain.
///
/// ```
/// use domain::search::SearchQuery;
///
/// let query = SearchQuery::parse("TOWELS \"late checkout\"");
/// assert!(query.closeness("A late check-out").is_none());
/// assert_eq!(query.excerpt("Late checkout & towels?"), "<mark>Late checkout</mark> &amp; <mark>towels</mark>?");
/// ```
#[derive(Clone, Debug, Default)]
pub struct SearchQuery {
    /// Each once, in the order of the text: a word, a run of characters without spaces, or a quoted phrase.
    phrases: Vec<Vec<Unit>>,
}

/// How close to each other a text contains the words of a search; the best is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closeness {
    /// One after the other, in the order of the search. Also the closeness of a single word.
    InOrder,
    /// With few other words between them.
    Near,
    /// Anywhere in the text.
    Apart,
}

/// The places of the phrases in a text.
struct Places {
    /// For each phrase the numbers of the units at which it begins; none is empty.
    of_phrases: Vec<Vec<usize>>,
}

impl SearchQuery {
    /// Reads a search as people type it. Any text is one; without words it finds nothing. A quote that is not closed ends
    /// with the text.
    pub fn parse(text: &str) -> Self {
        let mut phrases: Vec<Vec<Unit>> = Vec::new();
        for (n, part) in text.split(is_quote).enumerate() {
            let units = FoldedText::new(part).units().to_vec();
            let is_quoted = n % 2 == 1;
            for unit in units.iter() {
                match phrases.last_mut() {
                    Some(run) if unit.is_joined && !is_quoted => run.push(unit.clone()),
                    _ if !is_quoted => phrases.push(vec![unit.clone()]),
                    _ => {}
                }
            }
            if is_quoted && !units.is_empty() {
                phrases.push(units);
            }
        }
        let mut known = BTreeSet::new();
        let key = |phrase: &[Unit]| phrase.iter().map(|unit| (unit.text.clone(), unit.is_joined)).collect::<Vec<_>>();
        phrases.retain(|phrase| known.insert(key(phrase)));
        Self { phrases }
    }

    /// Whether the search has no words, so that it finds nothing.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// Returns terms that every fitting text has among its [`index_terms`](super::index_terms).
    pub fn index_terms(&self) -> Vec<String> {
        let mut terms: Vec<String> = self.phrases.iter().flat_map(|phrase| terms_of(phrase)).collect();
        terms.sort_unstable_by(|one, other| (other.chars().count(), one).cmp(&(one.chars().count(), other)));
        terms.dedup();
        terms.truncate(MAX_INDEX_TERMS);
        terms
    }

    /// Returns how close to each other a text contains the words; `None` if it lacks one.
    pub fn closeness(&self, text: &str) -> Option<Closeness> {
        let folded = FoldedText::new(text);
        let places = self.places(folded.units())?;
        let all: Vec<Unit> = self.phrases.iter().flatten().cloned().collect();
        if places.of_phrases[0].iter().any(|place| stands_at(&all, folded.units(), *place)) {
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
        let range = |phrase: &[Unit], place: usize| {
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
        let of_phrase = |phrase: &Vec<Unit>| {
            let begins = by_text.get(phrase[0].text.as_str())?;
            let found: Vec<usize> = begins.iter().copied().filter(|place| stands_at(phrase, units, *place)).collect();
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

/// Returns the index terms that a text with this phrase has.
fn terms_of(phrase: &[Unit]) -> impl Iterator<Item = String> {
    phrase.iter().enumerate().flat_map(|(n, unit)| {
        let next = phrase.get(n + 1).filter(|next| next.is_joined);
        let is_alone = !(unit.is_joined && n > 0) && next.is_none();
        let pair = next.map(|next| pair_term(unit, next));
        is_alone.then(|| unit_term(unit)).into_iter().chain(pair)
    })
}

/// Whether a phrase stands at a place of a text. Characters that are written together must stand together.
fn stands_at(phrase: &[Unit], units: &[Unit], place: usize) -> bool {
    let there = units.get(place..place + phrase.len());
    let is_same = |(n, (wanted, found)): (usize, (&Unit, &Unit))| {
        wanted.text == found.text && (n == 0 || !wanted.is_joined || found.is_joined)
    };
    there.is_some_and(|there| phrase.iter().zip(there).enumerate().all(is_same))
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
        assert_eq!(SearchQuery::parse("x\0y").index_terms(), ["x", "y"]);
        let many: Vec<String> = (0..1000).map(|n| format!("w{n}")).collect();
        assert_eq!(SearchQuery::parse(&many.join(" ")).index_terms().len(), 16);
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
