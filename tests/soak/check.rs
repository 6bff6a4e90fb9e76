//! The checker: it asks the database, not the program, and compares that with what each client saw.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    cluster::Cluster,
    readers::{Reader, Seen},
    report::Report,
    senders::Sent,
    site::{Person, Site},
};

/// A message as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub message: i64,
    pub hotel: i64,
    pub seq: i64,
    pub stay: i64,
    pub content: String,
}

/// What is stored.
pub struct All {
    /// In the order of hotels and `seq`.
    pub messages: Vec<Stored>,
    /// For each stay the places in the log where it came to a department.
    routed: HashMap<i64, BTreeMap<i64, Option<i64>>>,
    /// How many messages are stored, however they came.
    rows: usize,
}

/// Reads it.
pub fn stored(cluster: &Cluster, site: &Site) -> All {
    let number = |word: &str| word.parse::<i64>().unwrap();
    let messages = cluster.database.rows(
        "SELECT m.id, e.hotel_id, e.seq, c.stay_id, m.content FROM messages m \
         JOIN conversations c ON c.id = m.conversation_id JOIN events e ON e.message_id = m.id \
         WHERE m.content LIKE 'soak-%' ORDER BY e.hotel_id, e.seq",
    );
    let messages = messages.into_iter().map(|row| Stored {
        message: number(&row[0]),
        hotel: number(&row[1]),
        seq: number(&row[2]),
        stay: number(&row[3]),
        content: row[4].clone(),
    });
    let begun = site.moving.iter().map(|it| (it.stay.id, BTreeMap::from([(0, Some(it.department))])));
    let mut routed: HashMap<i64, BTreeMap<i64, Option<i64>>> = begun.collect();
    for row in cluster.database.rows(
        "SELECT stay_id, seq, department_after FROM events \
         WHERE kind = 'conversation_updated' AND NOT only_message AND stay_id IS NOT NULL ORDER BY seq",
    ) {
        routed.entry(number(&row[0])).or_default().insert(number(&row[1]), row[2].parse().ok());
    }
    let count = cluster.database.rows("SELECT count(*) FROM messages WHERE content LIKE 'soak-%'");
    All { messages: messages.collect(), routed, rows: number(&count[0][0]) as usize }
}

/// Conversations in which the guest's messages are counted otherwise than they are stored: what is unread would be told
/// wrongly for ever.
pub fn miscounted(cluster: &Cluster) -> Vec<String> {
    let rows = cluster.database.rows(
        "SELECT c.id, c.guest_messages, count(m.id), count(DISTINCT m.guest_ordinal), max(COALESCE(m.guest_ordinal, 0)) \
         FROM conversations c LEFT JOIN messages m ON m.conversation_id = c.id AND m.sender_type = 'guest' \
         GROUP BY c.id, c.guest_messages",
    );
    let wrong = rows.into_iter().filter(|row| row[1..].iter().any(|count| *count != row[1]));
    wrong
        .map(|row| format!("conversation {}: counted, stored, ordinals, the last ordinal: {:?}", row[0], &row[1..]))
        .collect()
}

/// What a reader is to have received of the stays that are always theirs.
fn due<'a>(person: &'a Person, began: i64, all: &'a All) -> impl Iterator<Item = &'a Stored> {
    let theirs: HashSet<i64> = person.stays.iter().map(|it| it.id).collect();
    all.messages.iter().filter(move |it| it.hotel == person.hotel && it.seq > began && theirs.contains(&it.stay))
}

/// Whether a reader has received as many messages as are due, or more.
pub fn has_all(reader: &Reader, all: &All) -> bool {
    let seen = reader.seen();
    let got: HashSet<i64> = seen.messages.iter().map(|it| it.message).collect();
    due(&reader.person, seen.began.unwrap_or_default(), all).all(|it| got.contains(&it.message))
}

/// Compares everything with everything.
pub fn compare(sent: &[Sent], readers: &[Reader], all: &All, report: &mut Report) {
    compare_sent(sent, all, report);
    compare_order(sent, all, report);
    for reader in readers {
        compare_seen(&reader.person, &reader.seen(), all, report);
    }
}

fn compare_sent(sent: &[Sent], all: &All, report: &mut Report) {
    let mut stored: HashMap<&str, Vec<&Stored>> = HashMap::new();
    for it in &all.messages {
        stored.entry(&it.content).or_default().push(it);
    }
    if all.rows != all.messages.len() {
        report.wrong.push(format!("{} messages are stored, and {} events of them", all.rows, all.messages.len()));
    }
    for it in sent {
        *report.messages.entry(it.way).or_default() += 1;
        match stored.get(it.content.as_str()).map(Vec::as_slice) {
            None => report.lost.push(format!("acknowledged, not stored: {}", it.content)),
            Some([one]) if one.message == it.message && one.stay == it.stay => {}
            Some([one]) => report.wrong.push(format!("acknowledged as {}, stored as {one:?}", it.message)),
            Some(many) => report.doubled.push(format!("stored {} times: {}", many.len(), it.content)),
        }
    }
}

/// Messages of one queue are stored in its order: over all stays, since a hotel has one log.
fn compare_order(sent: &[Sent], all: &All, report: &mut Report) {
    let places: HashMap<i64, i64> = all.messages.iter().map(|it| (it.message, it.seq)).collect();
    let mut queues: BTreeMap<&str, BTreeMap<usize, i64>> = BTreeMap::new();
    for it in sent {
        if let (Some((queue, n)), Some(seq)) = (&it.queue, places.get(&it.message)) {
            queues.entry(queue).or_default().insert(*n, *seq);
        }
    }
    for (queue, places) in queues {
        let (first, then) = (places.iter(), places.iter().skip(1));
        let turned = first.zip(then).filter(|((_, before), (_, after))| after < before);
        report.misordered.extend(turned.map(|(before, after)| format!("{queue} wrote {after:?} after {before:?}")));
    }
}

fn compare_seen(person: &Person, seen: &Seen, all: &All, report: &mut Report) {
    let who = &person.username;
    report.deliveries += seen.messages.len();
    report.resumed += seen.resumed;
    report.wrong.extend(seen.wrong.iter().map(|it| format!("{who}: {it}")));
    let known: HashMap<i64, &Stored> = all.messages.iter().map(|it| (it.message, it)).collect();
    let mut got = HashSet::new();
    let mut last = seen.began.unwrap_or_default();
    for it in &seen.messages {
        if !got.insert(it.message) {
            report.doubled.push(format!("{who} received twice: {it:?}"));
        } else if it.seq <= last {
            report.misordered.push(format!("{who} received after {last}: {it:?}"));
        }
        last = last.max(it.seq);
        let Some(stored) = known.get(&it.message) else {
            report.wrong.push(format!("{who} received what is not stored: {it:?}"));
            continue;
        };
        if (stored.seq, stored.stay, &stored.content) != (it.seq, it.stay, &it.content) {
            report.wrong.push(format!("{who} received {it:?}, and stored is {stored:?}"));
        }
        if !may_see(person, it.stay, it.seq, it.until.unwrap_or(i64::MAX), all) {
            report.leaked.push(format!("{who} of {:?} received {it:?}", person.departments));
        }
    }
    let missing = due(person, seen.began.unwrap_or_default(), all).filter(|it| !got.contains(&it.message));
    report.lost.extend(missing.map(|it| format!("{who} did not receive {it:?}")));
}

/// Whether the stay was with one of the person's departments at some moment between two places in the log: what is
/// replayed is shown to whoever may see it then.
fn may_see(person: &Person, stay: i64, from: i64, until: i64, all: &All) -> bool {
    if person.stays.iter().any(|it| it.id == stay) {
        return true;
    }
    let Some(routed) = all.routed.get(&stay) else { return false };
    let at_first = routed.range(..=from).next_back().map(|(_, department)| *department);
    let later = routed.range(from..=until.max(from)).map(|(_, department)| *department);
    at_first.into_iter().chain(later).flatten().any(|department| person.departments.contains(&department))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{readers::Received, senders::Way, site::Stay};

    const THEIRS: i64 = 1;
    const MOVING: i64 = 2;

    /// Three messages of a stay that is theirs, at 11, 12 and 13; and of one that is theirs up to 20, at 14 and 21.
    fn all() -> All {
        let stored = |(message, seq, stay)| Stored { message, hotel: 1, seq, stay, content: format!("soak-{message}") };
        let messages = [(1, 11, THEIRS), (2, 12, THEIRS), (3, 13, THEIRS), (4, 14, MOVING), (5, 21, MOVING)];
        let routed = HashMap::from([(MOVING, BTreeMap::from([(0, Some(1)), (20, Some(2)), (30, Some(1))]))]);
        All { messages: messages.map(stored).to_vec(), routed, rows: 5 }
    }

    /// What the checker says of one who saw these messages, of which a replay, if any, ended at this place.
    fn said(messages: &[i64], replayed_until: Option<i64>) -> Report {
        let (all, mut report) = (all(), Report::default());
        let received = |message: &i64| {
            let it = all.messages.iter().find(|it| it.message == *message).unwrap();
            let until = Some(replayed_until.unwrap_or(it.seq));
            Received { seq: it.seq, message: it.message, stay: it.stay, content: it.content.clone(), until }
        };
        let messages = messages.iter().map(received).collect();
        let seen = Seen { began: Some(10), messages, ..Seen::default() };
        let stays = vec![Stay { id: THEIRS, conversation: THEIRS }];
        compare_seen(&Person::of(1, vec![1], stays, MOVING), &seen, &all, &mut report);
        report
    }

    fn findings(report: &Report) -> [usize; 5] {
        [report.lost.len(), report.doubled.len(), report.misordered.len(), report.leaked.len(), report.wrong.len()]
    }

    #[test]
    fn what_is_well_is_not_complained_of() {
        assert_eq!(findings(&said(&[1, 2, 3, 4], None)), [0; 5]);
        assert_eq!(findings(&said(&[1, 2, 3], None)), [0; 5]);
    }

    #[test]
    fn what_is_lost_doubled_or_misordered_is_found() {
        assert_eq!(findings(&said(&[1, 3], None)), [1, 0, 0, 0, 0]);
        assert_eq!(findings(&said(&[1, 2, 2, 3], None)), [0, 1, 0, 0, 0]);
        assert_eq!(findings(&said(&[2, 1, 3], None)), [0, 0, 1, 0, 0]);
    }

    #[test]
    fn what_leaks_is_found_and_a_replay_shows_what_its_reader_may_see_now() {
        assert_eq!(findings(&said(&[1, 2, 3, 5], None)), [0, 0, 0, 1, 0]);
        assert_eq!(findings(&said(&[1, 2, 3, 5], Some(29))), [0, 0, 0, 1, 0]);
        assert_eq!(findings(&said(&[1, 2, 3, 5], Some(31))), [0; 5]);
    }

    fn sent(content: &str, message: i64, queue: Option<(String, usize)>) -> Sent {
        Sent { way: Way::Socket, content: content.to_owned(), stay: THEIRS, message, queue }
    }

    #[test]
    fn what_was_sent_over_one_socket_is_to_be_stored_in_that_order() {
        let order = |sent_as: [(i64, &str, usize); 3]| {
            let of = |(message, queue, n): (i64, &str, usize)| sent("", message, Some((queue.to_owned(), n)));
            let mut report = Report::default();
            compare_order(&sent_as.map(of), &all(), &mut report);
            findings(&report)
        };
        assert_eq!(order([(1, "a", 0), (2, "a", 1), (3, "a", 3)]), [0; 5]);
        assert_eq!(order([(3, "a", 3), (1, "a", 0), (2, "a", 1)]), [0; 5], "in whatever order it is acknowledged");
        assert_eq!(order([(1, "a", 0), (3, "a", 1), (2, "a", 2)]), [0, 0, 1, 0, 0]);
        assert_eq!(order([(1, "a", 0), (3, "a", 1), (2, "b", 2)]), [0; 5], "another socket is another queue");
    }

    #[test]
    fn what_was_acknowledged_is_to_be_stored_once_and_as_told() {
        let of = |content: &str, message| sent(content, message, None);
        let mut all = all();
        let mut report = Report::default();
        compare_sent(&[of("soak-1", 1), of("soak-2", 7), of("soak-9", 9)], &all, &mut report);
        assert_eq!(findings(&report), [1, 0, 0, 0, 1]);
        all.messages.push(Stored { message: 6, ..all.messages[0].clone() });
        let mut report = Report::default();
        compare_sent(&[of("soak-1", 1)], &all, &mut report);
        assert_eq!(findings(&report), [0, 1, 0, 0, 1], "stored twice, and an event without a row");
    }
}
