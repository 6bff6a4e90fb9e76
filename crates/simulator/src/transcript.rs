//! The transcript: a log of sends, rejections, webhooks and other events, which tests read.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::clock::Millis;

/// Maximum number of transcript entries in one response.
const MAX_ENTRIES: usize = 10_000;

/// The kinds of transcript entries.
pub(crate) const SEND: &str = "send";
pub(crate) const REJECTION: &str = "refusal";
pub(crate) const MARK: &str = "mark_read";
pub(crate) const UPLOAD: &str = "upload";
pub(crate) const GUEST: &str = "guest";
pub(crate) const WEBHOOK: &str = "webhook";
pub(crate) const LOST: &str = "lost";

pub(crate) struct Transcript {
    /// Maximum number of entries of each kind. The oldest entries are removed first.
    capacity: usize,
    last_number: u64,
    /// The number and JSON of each transcript entry, by kind.
    entries: BTreeMap<&'static str, VecDeque<(u64, String)>>,
    removed: u64,
}

impl Transcript {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), last_number: 0, entries: BTreeMap::new(), removed: 0 }
    }

    /// Adds an entry to the transcript. It must be an object; number, kind and time are added.
    pub(crate) fn record(&mut self, kind: &'static str, at: Millis, mut entry: Value) {
        self.last_number += 1;
        entry["n"] = self.last_number.into();
        entry["kind"] = kind.into();
        entry["at_ms"] = at.into();
        let entries = self.entries.entry(kind).or_default();
        if entries.len() >= self.capacity {
            entries.pop_front();
            self.removed += 1;
        }
        entries.push_back((self.last_number, entry.to_string()));
    }

    /// Returns the transcript entries after the entry number `after`, the oldest first, as a JSON object.
    pub(crate) fn read(&self, kind: Option<&str>, after: u64, limit: Option<usize>) -> String {
        let limit = limit.unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES);
        let kinds = self.entries.iter().filter(|(name, _)| kind.is_none_or(|it| it == **name));
        let newer = |entries: &'_ VecDeque<(u64, String)>| entries.partition_point(|(n, _)| *n <= after);
        let mut found: Vec<&(u64, String)> =
            kinds.flat_map(|(_, entries)| entries.range(newer(entries)..).take(limit)).collect();
        found.sort_unstable_by_key(|(n, _)| *n);
        found.truncate(limit);
        let next = found.last().map_or(after, |(n, _)| *n);
        let entries: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        format!(r#"{{"entries":[{}],"next":{next},"forgotten":{}}}"#, entries.join(","), self.removed)
    }

    /// Returns the number of transcript entries of each kind.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.entries.iter().map(|(kind, entries)| (*kind, entries.len())).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_are_read_in_pages_and_the_oldest_are_removed() {
        let mut transcript = Transcript::new(2);
        for n in 0..3 {
            transcript.record(SEND, n, json!({ "x": n }));
            transcript.record(MARK, n, json!({}));
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
