//! What happened, for whoever tests: what was sent, refused, posted and answered.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::clock::Millis;

/// The most entries in one answer.
const MOST_READ: usize = 10_000;

/// Kinds of entries.
pub(crate) const SEND: &str = "send";
pub(crate) const REFUSAL: &str = "refusal";
pub(crate) const MARK: &str = "mark_read";
pub(crate) const UPLOAD: &str = "upload";
pub(crate) const GUEST: &str = "guest";
pub(crate) const WEBHOOK: &str = "webhook";
pub(crate) const LOST: &str = "lost";

/// The newest entries of each kind, as JSON.
pub(crate) struct Transcript {
    /// Of each kind.
    most: usize,
    last: u64,
    entries: BTreeMap<&'static str, VecDeque<(u64, String)>>,
    forgotten: u64,
}

impl Transcript {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), last: 0, entries: BTreeMap::new(), forgotten: 0 }
    }

    /// Notes what happened: an object, which gets its number, kind and time.
    pub(crate) fn note(&mut self, kind: &'static str, at: Millis, mut entry: Value) {
        self.last += 1;
        entry["n"] = self.last.into();
        entry["kind"] = kind.into();
        entry["at_ms"] = at.into();
        let entries = self.entries.entry(kind).or_default();
        if entries.len() >= self.most {
            entries.pop_front();
            self.forgotten += 1;
        }
        entries.push_back((self.last, entry.to_string()));
    }

    /// The entries after a number, the oldest first, as a JSON object.
    pub(crate) fn read(&self, kind: Option<&str>, after: u64, limit: Option<usize>) -> String {
        let limit = limit.unwrap_or(MOST_READ).min(MOST_READ);
        let kinds = self.entries.iter().filter(|(name, _)| kind.is_none_or(|it| it == **name));
        let newer = |entries: &'_ VecDeque<(u64, String)>| entries.partition_point(|(n, _)| *n <= after);
        let mut found: Vec<&(u64, String)> =
            kinds.flat_map(|(_, entries)| entries.range(newer(entries)..).take(limit)).collect();
        found.sort_unstable_by_key(|(n, _)| *n);
        found.truncate(limit);
        let next = found.last().map_or(after, |(n, _)| *n);
        let entries: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        format!(r#"{{"entries":[{}],"next":{next},"forgotten":{}}}"#, entries.join(","), self.forgotten)
    }

    /// How many entries there are of each kind.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.entries.iter().map(|(kind, entries)| (*kind, entries.len())).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_read_on_from_where_one_was_and_forgets_the_oldest() {
        let mut transcript = Transcript::new(2);
        for n in 0..3 {
            transcript.note(SEND, n, json!({ "x": n }));
            transcript.note(MARK, n, json!({}));
        }
        let read =
            |kind, after, limit| -> Value { serde_json::from_str(&transcript.read(kind, after, limit)).unwrap() };
        let all = read(None, 0, None);
        let numbers: Vec<&Value> = all["entries"].as_array().unwrap().iter().map(|it| &it["n"]).collect();
        assert_eq!(numbers, [3, 4, 5, 6]);
        assert_eq!(all["forgotten"], 2);
        let sends = read(Some(SEND), 3, Some(5));
        assert_eq!(sends["entries"], json!([{ "n": 5, "kind": "send", "at_ms": 2, "x": 2 }]));
        assert_eq!(read(None, 4, Some(1))["next"], 5);
        assert_eq!(read(None, 6, None)["next"], 6);
    }
}
