//! Search keys: text matching that ignores case and accents, the same on both databases.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Returns the search key of a conversation: the stored text that searches match.
pub(crate) fn key<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    fold(&parts.collect::<Vec<_>>().join("\n"))
}

/// Returns the pattern that finds a search word in a search key, for `LIKE … ESCAPE '\'`.
pub(crate) fn pattern(word: &str) -> String {
    let word = fold(word).replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{word}%")
}

/// Whether a search key contains a search word.
pub(crate) fn contains(key: &str, word: &str) -> bool {
    key.contains(&fold(word))
}

fn fold(text: &str) -> String {
    text.nfd().filter(|&c| !is_combining_mark(c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_are_ignored_and_wildcards_are_literal() {
        assert_eq!(key(["Zoë Ångström", "101"].into_iter()), "zoe angstrom\n101");
        assert_eq!(pattern("ÁNG_%\\"), r"%ang\_\%\\%");
    }
}
