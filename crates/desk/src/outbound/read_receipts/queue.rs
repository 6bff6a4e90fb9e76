//! The bounded queue of read receipts, which show guests in WhatsApp that staff have read their messages.

use std::collections::{HashMap, VecDeque};

use domain::{ConversationId, MessageId};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Conversations whose read receipt may wait in the queue; beyond this number, the oldest is dropped.
const MAX_WAITING: usize = 256;
/// Conversations whose last sent read receipt is remembered. For other conversations, a receipt may be sent twice.
const MAX_REMEMBERED: usize = 10_000;

/// Read positions of staff that are not sent to WhatsApp as read receipts yet. Only the newest position of a
/// conversation waits.
#[derive(Default)]
pub(crate) struct ReadReceiptQueue {
    waiting: Mutex<VecDeque<(ConversationId, MessageId)>>,
    sent: Mutex<SentReceipts>,
    pushed: Notify,
}

/// The newest message that was marked as read in WhatsApp, of at most [`MAX_REMEMBERED`] conversations.
#[derive(Default)]
struct SentReceipts {
    newest: HashMap<ConversationId, MessageId>,
    order: VecDeque<ConversationId>,
}

impl SentReceipts {
    fn contains(&self, conversation: ConversationId, message: MessageId) -> bool {
        self.newest.get(&conversation).is_some_and(|newest| *newest >= message)
    }

    fn insert(&mut self, conversation: ConversationId, message: MessageId) {
        if self.newest.insert(conversation, message).is_none() {
            self.order.push_back(conversation);
        }
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.newest.remove(&oldest);
        }
    }
}

impl ReadReceiptQueue {
    pub(crate) fn push(&self, conversation: ConversationId, up_to: MessageId) {
        let mut waiting = self.waiting.lock();
        waiting.retain(|(other, _)| *other != conversation);
        if waiting.len() == MAX_WAITING {
            waiting.pop_front();
        }
        waiting.push_back((conversation, up_to));
        drop(waiting);
        self.pushed.notify_one();
    }

    /// Waits until read receipts are queued, and takes all of them.
    pub(crate) async fn next_batch(&self) -> VecDeque<(ConversationId, MessageId)> {
        self.pushed.notified().await;
        self.take_waiting()
    }

    fn take_waiting(&self) -> VecDeque<(ConversationId, MessageId)> {
        std::mem::take(&mut self.waiting.lock())
    }

    pub(crate) fn is_sent(&self, conversation: ConversationId, message: MessageId) -> bool {
        self.sent.lock().contains(conversation, message)
    }

    pub(crate) fn note_sent(&self, conversation: ConversationId, message: MessageId) {
        self.sent.lock().insert(conversation, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_position_waits_and_the_oldest_conversation_is_dropped() {
        let queue = ReadReceiptQueue::default();
        queue.push(ConversationId(1), MessageId(5));
        queue.push(ConversationId(2), MessageId(6));
        queue.push(ConversationId(1), MessageId(7));
        assert_eq!(queue.take_waiting(), [(ConversationId(2), MessageId(6)), (ConversationId(1), MessageId(7))]);
        (0..300).for_each(|n| queue.push(ConversationId(n), MessageId(n)));
        let waiting = queue.take_waiting();
        assert_eq!((waiting.len(), waiting[0].0), (MAX_WAITING, ConversationId(44)));
    }

    #[test]
    fn sent_receipts_are_remembered_for_a_bounded_number_of_conversations() {
        let (mut sent, first) = (SentReceipts::default(), ConversationId(-1));
        sent.insert(first, MessageId(5));
        assert!(sent.contains(first, MessageId(5)) && sent.contains(first, MessageId(4)));
        assert!(!sent.contains(first, MessageId(6)));
        (0..MAX_REMEMBERED as i64).for_each(|n| sent.insert(ConversationId(n), MessageId(n)));
        assert!(!sent.contains(first, MessageId(5)) && sent.contains(ConversationId(0), MessageId(0)));
        assert_eq!((sent.newest.len(), sent.order.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
    }
}
