//! Showing guests that staff have read what they wrote. A courtesy: whatever goes wrong with it, nothing waits for it
//! and nothing is tried again.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use domain::{ConversationId, MessageId};
use persistence::messages;
use tokio::sync::Notify;

use super::Sending;
use crate::Error;

/// More that waits to be shown is forgotten, the oldest first.
const MOST: usize = 256;
/// Of so many conversations it is known what was shown; of others it may be shown again.
const MOST_SHOWN: usize = 10_000;

/// How far staff have read, to be shown to guests.
#[derive(Default)]
pub(crate) struct Marks {
    waiting: Mutex<VecDeque<(ConversationId, MessageId)>>,
    shown: Mutex<Shown>,
    told: Notify,
}

/// What guests were shown last, of the conversations that were shown last: what they wrote and staff have read.
#[derive(Default)]
struct Shown {
    newest: HashMap<ConversationId, MessageId>,
    order: VecDeque<ConversationId>,
}

impl Shown {
    fn has(&self, of: ConversationId, to: MessageId) -> bool {
        self.newest.get(&of).is_some_and(|newest| *newest >= to)
    }

    fn add(&mut self, of: ConversationId, to: MessageId) {
        if self.newest.insert(of, to).is_none() {
            self.order.push_back(of);
        }
        if self.order.len() > MOST_SHOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.newest.remove(&oldest);
        }
    }
}

impl Marks {
    /// Staff have read a conversation up to here.
    pub(crate) fn add(&self, of: ConversationId, to: MessageId) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(conversation, _)| *conversation != of);
        if waiting.len() == MOST {
            waiting.pop_front();
        }
        waiting.push_back((of, to));
        drop(waiting);
        self.told.notify_one();
    }

    fn take(&self) -> VecDeque<(ConversationId, MessageId)> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sending {
    /// Shows guests how far staff have read, for ever.
    pub async fn show_marks(self: Arc<Self>) {
        loop {
            self.desk.marks.told.notified().await;
            for (conversation, to) in self.desk.marks.take() {
                match self.show_mark(conversation, to).await {
                    Ok(()) => {}
                    Err(error) => log::debug!("a guest is not shown what was read: {error}"),
                }
            }
        }
    }

    async fn show_mark(&self, of: ConversationId, to: MessageId) -> Result<(), Error> {
        let newest = move |conn: &mut persistence::Conn| Ok::<_, Error>(messages::newest_heard(conn, of, to)?);
        let Some((message, number, whatsapp_message_id)) = self.desk.store.read(newest).await? else { return Ok(()) };
        let shown = || self.desk.marks.shown.lock().unwrap_or_else(PoisonError::into_inner);
        // Staff who answer move their mark beyond what they had read, and the guest was shown, before.
        if shown().has(of, message) {
            return Ok(());
        }
        match self.client.mark_read(&number, &whatsapp_message_id).await {
            Ok(()) => shown().add(of, message),
            Err(error) => log::debug!("a guest is not shown what was read: {error}"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_conversation_the_newest_counts_and_of_too_many_the_oldest_are_forgotten() {
        let marks = Marks::default();
        marks.add(ConversationId(1), MessageId(5));
        marks.add(ConversationId(2), MessageId(6));
        marks.add(ConversationId(1), MessageId(7));
        assert_eq!(marks.take(), [(ConversationId(2), MessageId(6)), (ConversationId(1), MessageId(7))]);
        (0..300).for_each(|n| marks.add(ConversationId(n), MessageId(n)));
        let left = marks.take();
        assert_eq!((left.len(), left[0].0), (MOST, ConversationId(44)));
    }

    #[test]
    fn what_was_shown_is_known_of_the_last_conversations() {
        let (mut shown, one) = (Shown::default(), ConversationId(-1));
        shown.add(one, MessageId(5));
        assert!(shown.has(one, MessageId(5)) && shown.has(one, MessageId(4)) && !shown.has(one, MessageId(6)));
        (0..MOST_SHOWN as i64).for_each(|n| shown.add(ConversationId(n), MessageId(n)));
        assert!(!shown.has(one, MessageId(5)) && shown.has(ConversationId(0), MessageId(0)));
        assert_eq!((shown.newest.len(), shown.order.len()), (MOST_SHOWN, MOST_SHOWN));
    }
}
