//! The checker. It reads the database directly, not through the product, and compares it with what each client received.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    cluster::SoakCluster,
    readers::{ReaderLog, SoakReader},
    report::SoakReport,
    senders::AcknowledgedMessage,
    site::{SoakSite, SoakStaff},
};

#[derive(Clone, Debug)]
pub struct StoredMessage {
    pub message: i64,
    pub hotel: i64,
    pub seq: i64,
    pub stay: i64,
    pub content: String,
}

/// The messages and routings in the database at the end.
pub struct StoredHistory {
    /// Ordered by hotel and `seq`.
    pub messages: Vec<StoredMessage>,
    /// For each stay: the `seq` of every routing and its department.
    routed: HashMap<i64, BTreeMap<i64, Option<i64>>>,
    /// The number of stored messages, with or without an event.
    rows: usize,
}

pub fn read_stored_history(cluster: &SoakCluster, site: &SoakSite) -> StoredHistory {
    let number = |text: &str| text.parse::<i64>().unwrap();
    let messages = cluster.database.rows(
        "SELECT m.id, e.hotel_id, e.seq, c.stay_id, m.content FROM messages m \
         JOIN conversations c ON c.id = m.conversation_id JOIN events e ON e.message_id = m.id \
         WHERE m.content LIKE 'soak-%' ORDER BY e.hotel_id, e.seq",
    );
    let messages = messages.into_iter().map(|row| StoredMessage {
        message: number(&row[0]),
        hotel: number(&row[1]),
        seq: number(&row[2]),
        stay: number(&row[3]),
        content: row[4].clone(),
    });
    let initial = site.moving.iter().map(|it| (it.stay.id, BTreeMap::from([(0, Some(it.department))])));
    let mut routed: HashMap<i64, BTreeMap<i64, Option<i64>>> = initial.collect();
    for row in cluster.database.rows(
        "SELECT stay_id, seq, department_after FROM events \
         WHERE kind = 'conversation_updated' AND NOT only_message AND stay_id IS NOT NULL ORDER BY seq",
    ) {
        routed.entry(number(&row[0])).or_default().insert(number(&row[1]), row[2].parse().ok());
    }
    let count = cluster.database.rows("SELECT count(*) FROM messages WHERE content LIKE 'soak-%'");
    StoredHistory { messages: messages.collect(), routed, rows: number(&count[0][0]) as usize }
}

/// Returns conversations whose counter of guest messages differs from the stored messages: their unread count would stay
/// wrong.
pub fn find_wrong_guest_counts(cluster: &SoakCluster) -> Vec<String> {
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

/// Returns conversations whose guest waits or waits not, contrary to the stored messages.
pub fn find_wrong_waiting(cluster: &SoakCluster) -> Vec<String> {
    let rows = cluster.database.rows(
        "SELECT c.id FROM conversations c WHERE (c.waiting_since IS NULL) = EXISTS (\
         SELECT 1 FROM messages g WHERE g.conversation_id = c.id AND g.sender_type = 'guest' \
         AND g.guest_ordinal > c.handled_guest_messages AND g.id > COALESCE((\
         SELECT max(a.id) FROM messages a WHERE a.conversation_id = c.id AND a.sender_type = 'staff' \
         AND NOT a.internal AND NOT a.hidden AND a.delivery <> 'failed'), 0))",
    );
    rows.into_iter().map(|row| format!("conversation {}: `waiting_since` is wrong", row[0])).collect()
}

/// Compares the alarms with the conversations whose guests wait: each is raised once, and none is missing. All nodes must
/// have run for 5 s.
pub fn check_alarms(cluster: &SoakCluster, report: &mut SoakReport) {
    let rows = |sql: &str| cluster.database.rows(sql).into_iter();
    let of_conversation = |row: Vec<String>| format!("conversation {}: {}", row[0], row[1..].join(" "));
    let twice = rows(
        "SELECT conversation_id, 'alarm raised', count(*), 'times for one wait' FROM events \
         WHERE kind = 'response_overdue' GROUP BY conversation_id, department_after, waiting_since \
         HAVING count(*) > 1",
    );
    report.duplicated.extend(twice.map(of_conversation));
    let without_event = rows(
        "SELECT a.conversation_id, 'an alarm without event' FROM overdue_alarms a LEFT JOIN events e \
         ON e.conversation_id = a.conversation_id AND e.department_after = a.department_id \
         AND e.waiting_since = a.waiting_since AND e.kind = 'response_overdue' WHERE e.seq IS NULL",
    );
    report.lost.extend(without_event.map(of_conversation));
    let not_raised = rows(
        "SELECT id, 'an alarm that is due was not raised' FROM conversations \
         WHERE overdue_alarm_at < (SELECT max(at) FROM events)",
    );
    report.lost.extend(not_raised.map(of_conversation));
    let raised_for_nobody = rows(
        "SELECT c.id, 'overdue without an alarm' FROM conversations c WHERE c.response_due_at IS NOT NULL \
         AND c.overdue_alarm_at IS NULL AND NOT EXISTS (SELECT 1 FROM overdue_alarms a \
         WHERE a.conversation_id = c.id AND a.waiting_since = c.waiting_since)",
    );
    report.lost.extend(raised_for_nobody.map(of_conversation));
    let without_clock = rows(
        "SELECT id, 'waits without response_due_at' FROM conversations \
         WHERE (waiting_since IS NULL) <> (response_due_at IS NULL)",
    );
    report.wrong.extend(without_clock.map(of_conversation));
    if rows("SELECT 1 FROM overdue_alarms LIMIT 1").next().is_none() {
        report.wrong.push("no alarm was raised".to_owned());
    }
}

/// The messages that a reader must have received: those of the stays that are always visible to them.
fn expected_messages<'a>(
    person: &'a SoakStaff,
    began: i64,
    all: &'a StoredHistory,
) -> impl Iterator<Item = &'a StoredMessage> {
    let own_stays: HashSet<i64> = person.stays.iter().map(|it| it.id).collect();
    all.messages.iter().filter(move |it| it.hotel == person.hotel && it.seq > began && own_stays.contains(&it.stay))
}

pub fn has_received_all(reader: &SoakReader, all: &StoredHistory) -> bool {
    let log = reader.log();
    let received: HashSet<i64> = log.messages.iter().map(|it| it.message).collect();
    expected_messages(&reader.person, log.began.unwrap_or_default(), all).all(|it| received.contains(&it.message))
}

/// Compares acknowledged, stored and received messages and adds the findings to the report.
pub fn compare(sent: &[AcknowledgedMessage], readers: &[SoakReader], all: &StoredHistory, report: &mut SoakReport) {
    check_acknowledged(sent, all, report);
    check_order(sent, all, report);
    for reader in readers {
        check_received(&reader.person, &reader.log(), all, report);
    }
}

fn check_acknowledged(sent: &[AcknowledgedMessage], all: &StoredHistory, report: &mut SoakReport) {
    let mut stored: HashMap<&str, Vec<&StoredMessage>> = HashMap::new();
    for it in &all.messages {
        stored.entry(&it.content).or_default().push(it);
    }
    if all.rows != all.messages.len() {
        report.wrong.push(format!("{} messages are stored with {} events", all.rows, all.messages.len()));
    }
    for it in sent {
        *report.messages.entry(it.path).or_default() += 1;
        match stored.get(it.content.as_str()).map(Vec::as_slice) {
            None => report.lost.push(format!("acknowledged, not stored: {}", it.content)),
            Some([one]) if one.message == it.message && one.stay == it.stay => {}
            Some([one]) => report.wrong.push(format!("acknowledged as {}, stored as {one:?}", it.message)),
            Some(many) => report.duplicated.push(format!("stored {} times: {}", many.len(), it.content)),
        }
    }
}

/// Messages of one queue must be stored in its order, over all stays, because a hotel has one log.
fn check_order(sent: &[AcknowledgedMessage], all: &StoredHistory, report: &mut SoakReport) {
    let seqs: HashMap<i64, i64> = all.messages.iter().map(|it| (it.message, it.seq)).collect();
    let mut queues: BTreeMap<&str, BTreeMap<usize, i64>> = BTreeMap::new();
    for it in sent {
        if let (Some((queue, n)), Some(seq)) = (&it.queue, seqs.get(&it.message)) {
            queues.entry(queue).or_default().insert(*n, *seq);
        }
    }
    for (queue, seqs) in queues {
        let (first, then) = (seqs.iter(), seqs.iter().skip(1));
        let reordered = first.zip(then).filter(|((_, before), (_, after))| after < before);
        report.reordered.extend(reordered.map(|(before, after)| format!("{queue} sent {after:?} after {before:?}")));
    }
}

fn check_received(person: &SoakStaff, log: &ReaderLog, all: &StoredHistory, report: &mut SoakReport) {
    let name = &person.username;
    report.deliveries += log.messages.len();
    report.resumed += log.resumed;
    report.wrong.extend(log.wrong.iter().map(|it| format!("{name}: {it}")));
    let stored: HashMap<i64, &StoredMessage> = all.messages.iter().map(|it| (it.message, it)).collect();
    let mut received = HashSet::new();
    let mut last = log.began.unwrap_or_default();
    for it in &log.messages {
        if !received.insert(it.message) {
            report.duplicated.push(format!("{name} received twice: {it:?}"));
        } else if it.seq <= last {
            report.reordered.push(format!("{name} received after {last}: {it:?}"));
        }
        last = last.max(it.seq);
        let Some(stored) = stored.get(&it.message) else {
            report.wrong.push(format!("{name} received a message that is not stored: {it:?}"));
            continue;
        };
        if (stored.seq, stored.stay, &stored.content) != (it.seq, it.stay, &it.content) {
            report.wrong.push(format!("{name} received {it:?}, but stored is {stored:?}"));
        }
        if !was_visible(person, it.stay, it.seq, it.until.unwrap_or(i64::MAX), all) {
            report.leaked.push(format!("{name} of {:?} received {it:?}", person.departments));
        }
    }
    let missing =
        expected_messages(person, log.began.unwrap_or_default(), all).filter(|it| !received.contains(&it.message));
    report.lost.extend(missing.map(|it| format!("{name} did not receive {it:?}")));
}

/// Returns `true` if the stay was with one of the person's departments at some time between two log positions: a replay
/// sends what is visible at its own time.
fn was_visible(person: &SoakStaff, stay: i64, from: i64, until: i64, all: &StoredHistory) -> bool {
    if person.stays.iter().any(|it| it.id == stay) {
        return true;
    }
    let Some(routed) = all.routed.get(&stay) else { return false };
    let initial = routed.range(..=from).next_back().map(|(_, department)| *department);
    let later = routed.range(from..=until.max(from)).map(|(_, department)| *department);
    initial.into_iter().chain(later).flatten().any(|department| person.departments.contains(&department))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{readers::DeliveredMessage, senders::SendPath, site::SoakStay};

    const OWN: i64 = 1;
    const MOVING: i64 = 2;

    /// Three messages of a stay of the reader's department, at 11, 12 and 13. Two of a stay that is with the department up to
    /// 20 and from 30 on, at 14 and 21.
    fn history() -> StoredHistory {
        let stored =
            |(message, seq, stay)| StoredMessage { message, hotel: 1, seq, stay, content: format!("soak-{message}") };
        let messages = [(1, 11, OWN), (2, 12, OWN), (3, 13, OWN), (4, 14, MOVING), (5, 21, MOVING)];
        let routed = HashMap::from([(MOVING, BTreeMap::from([(0, Some(1)), (20, Some(2)), (30, Some(1))]))]);
        StoredHistory { messages: messages.map(stored).to_vec(), routed, rows: 5 }
    }

    /// Checks a reader who received these messages, in a replay that ended at this position if there is one.
    fn check(messages: &[i64], replayed_until: Option<i64>) -> SoakReport {
        let (all, mut report) = (history(), SoakReport::default());
        let received = |message: &i64| {
            let it = all.messages.iter().find(|it| it.message == *message).unwrap();
            let until = Some(replayed_until.unwrap_or(it.seq));
            DeliveredMessage { seq: it.seq, message: it.message, stay: it.stay, content: it.content.clone(), until }
        };
        let messages = messages.iter().map(received).collect();
        let log = ReaderLog { began: Some(10), messages, ..ReaderLog::default() };
        let stays = vec![SoakStay { id: OWN, conversation: OWN }];
        check_received(&SoakStaff::new(1, vec![1], stays, MOVING), &log, &all, &mut report);
        report
    }

    fn findings(report: &SoakReport) -> [usize; 5] {
        [report.lost.len(), report.duplicated.len(), report.reordered.len(), report.leaked.len(), report.wrong.len()]
    }

    #[test]
    fn a_correct_run_has_no_findings() {
        assert_eq!(findings(&check(&[1, 2, 3, 4], None)), [0; 5]);
        assert_eq!(findings(&check(&[1, 2, 3], None)), [0; 5]);
    }

    #[test]
    fn lost_duplicated_and_reordered_messages_are_found() {
        assert_eq!(findings(&check(&[1, 3], None)), [1, 0, 0, 0, 0]);
        assert_eq!(findings(&check(&[1, 2, 2, 3], None)), [0, 1, 0, 0, 0]);
        assert_eq!(findings(&check(&[2, 1, 3], None)), [0, 0, 1, 0, 0]);
    }

    #[test]
    fn leaks_are_found_and_a_replay_sends_what_is_visible_at_its_time() {
        assert_eq!(findings(&check(&[1, 2, 3, 5], None)), [0, 0, 0, 1, 0]);
        assert_eq!(findings(&check(&[1, 2, 3, 5], Some(29))), [0, 0, 0, 1, 0]);
        assert_eq!(findings(&check(&[1, 2, 3, 5], Some(31))), [0; 5]);
    }

    fn sent(content: &str, message: i64, queue: Option<(String, usize)>) -> AcknowledgedMessage {
        AcknowledgedMessage { path: SendPath::Socket, content: content.to_owned(), stay: OWN, message, queue }
    }

    #[test]
    fn messages_of_one_socket_must_be_stored_in_their_order() {
        let order = |sent_as: [(i64, &str, usize); 3]| {
            let of = |(message, queue, n): (i64, &str, usize)| sent("", message, Some((queue.to_owned(), n)));
            let mut report = SoakReport::default();
            check_order(&sent_as.map(of), &history(), &mut report);
            findings(&report)
        };
        assert_eq!(order([(1, "a", 0), (2, "a", 1), (3, "a", 3)]), [0; 5]);
        assert_eq!(order([(3, "a", 3), (1, "a", 0), (2, "a", 1)]), [0; 5], "in any order of acknowledgement");
        assert_eq!(order([(1, "a", 0), (3, "a", 1), (2, "a", 2)]), [0, 0, 1, 0, 0]);
        assert_eq!(order([(1, "a", 0), (3, "a", 1), (2, "b", 2)]), [0; 5], "another socket is another queue");
    }

    #[test]
    fn acknowledged_messages_must_be_stored_once_and_unchanged() {
        let of = |content: &str, message| sent(content, message, None);
        let mut all = history();
        let mut report = SoakReport::default();
        check_acknowledged(&[of("soak-1", 1), of("soak-2", 7), of("soak-9", 9)], &all, &mut report);
        assert_eq!(findings(&report), [1, 0, 0, 0, 1]);
        all.messages.push(StoredMessage { message: 6, ..all.messages[0].clone() });
        let mut report = SoakReport::default();
        check_acknowledged(&[of("soak-1", 1)], &all, &mut report);
        assert_eq!(findings(&report), [0, 1, 0, 0, 1], "stored twice, and an event without a row");
    }
}
