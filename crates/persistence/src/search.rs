//! Searching without regard to case and accents, alike on both databases.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// What is stored to be searched in.
pub(crate) fn key<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    fold(&parts.collect::<Vec<_>>().join("\n"))
}

/// The pattern that finds a word, for `LIKE … ESCAPE '\'`.
pub(crate) fn pattern(word: &str) -> String {
    let word = fold(word).replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{word}%")
}

fn fold(text: &str) -> String {
    text.nfd().filter(|&c| !is_combining_mark(c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_do_not_count_and_wildcards_are_letters() {
        assert_eq!(key(["Zoë Ångström", "101"].into_iter()), "zoe angstrom\n101");
        assert_eq!(pattern("ÁNG_%\\"), r"%ang\_\%\\%");
    }
}
