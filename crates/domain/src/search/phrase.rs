//! A part of a search: units that stand side by side.

use std::collections::HashMap;

use super::{IndexTerm, MAX_TERM_CHARS, pair_term, unit_term, units::Unit};

/// A word, a run of characters without spaces, or a quoted phrase; never empty.
#[derive(Clone, Debug)]
pub(super) struct Phrase {
    units: Vec<Unit>,
    /// Whether the last unit is the beginning of a word.
    is_unfinished: bool,
}

impl Phrase {
    pub(super) fn new(units: Vec<Unit>) -> Self {
        Self { units, is_unfinished: false }
    }

    /// Returns the phrase whose last unit is the beginning of a word.
    pub(super) fn unfinished(&self) -> Self {
        Self { units: self.units.clone(), is_unfinished: true }
    }

    /// Returns the units of all phrases, one after the other.
    pub(super) fn joined(phrases: &[Self]) -> Self {
        let units = phrases.iter().flat_map(|phrase| &phrase.units).cloned().collect();
        Self { units, is_unfinished: phrases.last().is_some_and(|last| last.is_unfinished) }
    }

    pub(super) fn len(&self) -> usize {
        self.units.len()
    }

    /// Equal for phrases that fit the same texts.
    pub(super) fn key(&self) -> Vec<(String, bool)> {
        self.units.iter().map(|unit| (unit.text.clone(), unit.is_joined)).collect()
    }

    /// Returns the index terms that a text with this phrase has.
    pub(super) fn index_terms(&self) -> impl Iterator<Item = IndexTerm> {
        self.units.iter().enumerate().flat_map(|(n, unit)| {
            let next = self.units.get(n + 1).filter(|next| next.is_joined);
            let is_alone = !(unit.is_joined && n > 0) && next.is_none();
            let pair = next.map(|next| IndexTerm { text: pair_term(unit, next), is_prefix: false });
            is_alone.then(|| self.term(n)).into_iter().chain(pair)
        })
    }

    /// Returns the index term of a unit. A term of the maximum length is no prefix: it is the term of all longer words.
    fn term(&self, place: usize) -> IndexTerm {
        let text = unit_term(&self.units[place]);
        let is_prefix = self.is_beginning(place) && text.chars().count() < MAX_TERM_CHARS;
        IndexTerm { text, is_prefix }
    }

    /// Returns the numbers of the units of a text at which the phrase begins. `by_text` contains the numbers of its units.
    pub(super) fn places(&self, units: &[Unit], by_text: &HashMap<&str, Vec<usize>>) -> Vec<usize> {
        let stands_at = |place: &usize| self.stands_at(units, *place);
        if self.is_beginning(0) {
            return (0..units.len()).filter(stands_at).collect();
        }
        let begins = by_text.get(self.units[0].text.as_str());
        begins.into_iter().flatten().copied().filter(stands_at).collect()
    }

    /// Whether the phrase stands at a place of a text. Characters that are written together must stand together.
    pub(super) fn stands_at(&self, units: &[Unit], place: usize) -> bool {
        let there = units.get(place..place + self.len());
        let is_same = |(n, (wanted, found)): (usize, (&Unit, &Unit))| {
            let has_text =
                if self.is_beginning(n) { found.text.starts_with(&wanted.text) } else { found.text == wanted.text };
            has_text && (n == 0 || !wanted.is_joined || found.is_joined)
        };
        there.is_some_and(|there| self.units.iter().zip(there).enumerate().all(is_same))
    }

    /// Whether the unit at a place is the beginning of a word.
    fn is_beginning(&self, place: usize) -> bool {
        self.is_unfinished && place + 1 == self.len()
    }
}
