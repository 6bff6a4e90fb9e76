//! Who has which conversation of a hotel on screen, on this node and on the others.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, Person, StaffId};

use crate::socket::SocketId;

/// Time after which an entry ends that is not repeated.
const VIEWING_TIMEOUT: TimeDelta = TimeDelta::seconds(90);

/// Where a staff member views a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewedOn {
    /// A socket of this node.
    Socket(SocketId),
    /// Any socket of another node, by the number of the node in its signals.
    Node(u64),
}

struct ViewerEntry {
    on: ViewedOn,
    person: Person,
    until: DateTime<Utc>,
}

/// An entry that has ended, and whether it was the last one of the staff member in the conversation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EndedViewing {
    pub(crate) conversation: ConversationId,
    pub(crate) person: Person,
    /// Whether the staff member now views the conversation nowhere.
    pub(crate) is_gone: bool,
    /// Whether the staff member was viewing on this node and now is not, so that other nodes have to learn of it.
    pub(crate) has_left_node: bool,
}

/// The entries of one hotel, by conversation.
#[derive(Default)]
pub(crate) struct ConversationViewers(HashMap<ConversationId, Vec<ViewerEntry>>);

impl ConversationViewers {
    /// Records that a staff member views a conversation, from now on for 90 s.
    pub(crate) fn begin(&mut self, conversation: ConversationId, on: ViewedOn, person: Person, now: DateTime<Utc>) {
        let entries = self.0.entry(conversation).or_default();
        entries.retain(|entry| !(entry.on == on && entry.person.id == person.id));
        entries.push(ViewerEntry { on, person, until: now + VIEWING_TIMEOUT });
    }

    /// Ends the entries of a conversation that match. Returns them.
    pub(crate) fn end_where(
        &mut self,
        conversation: ConversationId,
        is_over: impl Fn(&ViewedOn, &Person, DateTime<Utc>) -> bool,
    ) -> Vec<EndedViewing> {
        let Some(entries) = self.0.get_mut(&conversation) else { return Vec::new() };
        let is_ended = |entry: &mut ViewerEntry| is_over(&entry.on, &entry.person, entry.until);
        let ended: Vec<ViewerEntry> = entries.extract_if(.., is_ended).collect();
        let views = |person: &Person, on_this_node: bool| {
            entries
                .iter()
                .any(|it| it.person.id == person.id && (!on_this_node || matches!(it.on, ViewedOn::Socket(_))))
        };
        let mut result: Vec<EndedViewing> = Vec::with_capacity(ended.len());
        for ViewerEntry { on, person, .. } in ended {
            let has_left_node = matches!(on, ViewedOn::Socket(_)) && !views(&person, true);
            let is_gone = !views(&person, false);
            match result.iter_mut().find(|it| it.person.id == person.id) {
                Some(known) => known.has_left_node |= has_left_node,
                None => result.push(EndedViewing { conversation, person, is_gone, has_left_node }),
            }
        }
        if entries.is_empty() {
            self.0.remove(&conversation);
        }
        result
    }

    pub(crate) fn end_expired(&mut self, now: DateTime<Utc>) -> Vec<EndedViewing> {
        let conversations: Vec<ConversationId> = self.0.keys().copied().collect();
        conversations.into_iter().flat_map(|it| self.end_where(it, |_, _, until| until <= now)).collect()
    }

    /// Returns who views a conversation, without the staff member who asks, ordered by id.
    pub(crate) fn viewers(&self, conversation: ConversationId, asking: StaffId) -> Vec<Person> {
        let entries = self.0.get(&conversation).into_iter().flatten();
        let mut people: Vec<Person> =
            entries.map(|entry| entry.person.clone()).filter(|person| person.id != asking).collect();
        people.sort_by_key(|person| person.id);
        people.dedup_by_key(|person| person.id);
        people
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: ConversationId = ConversationId(1);

    fn person(id: i64) -> Person {
        Person { id: StaffId(id), name: format!("Person {id}") }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn ids(presence: &ConversationViewers, asking: i64) -> Vec<i64> {
        presence.viewers(THREAD, StaffId(asking)).iter().map(|person| person.id.0).collect()
    }

    #[test]
    fn a_person_views_until_the_last_socket_on_the_last_node_stops() {
        let (here, there) = (ViewedOn::Socket(SocketId(1)), ViewedOn::Node(7));
        let mut presence = ConversationViewers::default();
        presence.begin(THREAD, here, person(1), at(0));
        presence.begin(THREAD, ViewedOn::Socket(SocketId(2)), person(1), at(0));
        presence.begin(THREAD, there, person(1), at(0));
        presence.begin(THREAD, there, person(2), at(0));
        assert_eq!((ids(&presence, 9), ids(&presence, 1)), (vec![1, 2], vec![2]));
        let end = |presence: &mut ConversationViewers, on: ViewedOn| {
            let ended = presence.end_where(THREAD, |entry, it, _| *entry == on && it.id == StaffId(1));
            ended.iter().map(|it| (it.has_left_node, it.is_gone)).collect::<Vec<_>>()
        };
        assert_eq!(end(&mut presence, here), [(false, false)]);
        assert_eq!(end(&mut presence, here), []);
        assert_eq!(end(&mut presence, ViewedOn::Socket(SocketId(2))), [(true, false)]);
        assert_eq!(end(&mut presence, there), [(false, true)]);
        assert_eq!(ids(&presence, 9), [2]);
    }

    #[test]
    fn an_entry_ends_90_seconds_after_its_last_repetition() {
        let mut presence = ConversationViewers::default();
        presence.begin(THREAD, ViewedOn::Node(7), person(2), at(0));
        presence.begin(THREAD, ViewedOn::Socket(SocketId(1)), person(1), at(0));
        presence.begin(THREAD, ViewedOn::Socket(SocketId(1)), person(1), at(60));
        assert_eq!(presence.end_expired(at(89)), []);
        let ended = presence.end_expired(at(90));
        assert_eq!(
            ended.iter().map(|it| (it.person.id.0, it.is_gone, it.has_left_node)).collect::<Vec<_>>(),
            [(2, true, false)]
        );
        assert_eq!(presence.end_expired(at(150)).len(), 1);
        assert!(presence.0.is_empty());
    }
}
