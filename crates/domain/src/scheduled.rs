//! Scheduled messages: what staff have written for the guest and is sent later.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::{
    conversation::{Conversation, Person, Status},
    ids::{ConversationId, GuestId, HotelId, MessageId, ScheduledMessageId, StaffId, StayId, TemplateId},
    staff::Reach,
    text::MessageText,
};

/// The longest time for which a message can be scheduled in advance.
pub const MAX_SCHEDULED_AHEAD: TimeDelta = TimeDelta::days(30);

/// Status of a scheduled message, as clients name it; [`ScheduledState`] adds what belongs to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ScheduledStatus {
    /// The message is sent at its time.
    Pending,
    /// The message is not sent until staff confirm it.
    NeedsReview,
    /// The message was sent: it is stored as a message of the conversation.
    Sent,
    /// Staff have cancelled the message.
    Cancelled,
}

/// Why a scheduled message is not sent until staff confirm it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ReviewReason {
    /// The guest has written before the time of the message.
    GuestWrote,
    /// The conversation is closed.
    Closed,
    /// The conversation has another guest than when the message was written.
    GuestChanged,
    /// The stay of the conversation is cancelled, or its guest has not arrived.
    StayCancelled,
    /// The author is inactive, may not see the conversation any more, or cannot take it over.
    Author,
    /// The template cannot be used any more.
    Template,
    /// The quoted message cannot be quoted any more.
    ReplyTo,
    /// The database was restored from a backup after the time of the message, so it may have been sent already.
    Restored,
}

/// What happens to a scheduled message if the guest writes before its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum IfGuestWrites {
    /// Staff have to confirm it.
    #[default]
    Review,
    /// It is sent all the same.
    Send,
}

named_values!(ScheduledStatus, ReviewReason, IfGuestWrites);

/// State of a scheduled message. Every transition is a method of [`ScheduledMessage`]:
///
/// ```text
/// pending ──record_sent──▶ sent
/// pending ──require_review──▶ needs_review ──confirm──▶ pending
/// pending, needs_review ──cancel──▶ cancelled
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ScheduledState {
    /// The message waits for its time.
    Pending,
    /// The message waits for a confirmation.
    NeedsReview(ReviewReason),
    /// The message was sent, as this message of the conversation.
    Sent(MessageId),
    /// The message was cancelled.
    Cancelled,
}

impl ScheduledState {
    /// The status, without what belongs to it.
    pub fn status(self) -> ScheduledStatus {
        match self {
            Self::Pending => ScheduledStatus::Pending,
            Self::NeedsReview(_) => ScheduledStatus::NeedsReview,
            Self::Sent(_) => ScheduledStatus::Sent,
            Self::Cancelled => ScheduledStatus::Cancelled,
        }
    }

    /// Why the message needs a review.
    pub fn review_reason(self) -> Option<ReviewReason> {
        match self {
            Self::NeedsReview(reason) => Some(reason),
            _ => None,
        }
    }

    /// The message of the conversation as which it was sent.
    pub fn message(self) -> Option<MessageId> {
        match self {
            Self::Sent(message) => Some(message),
            _ => None,
        }
    }
}

/// What a scheduled message contains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ScheduledContent {
    /// Free text. A template of type `text` is rendered when it is scheduled, and is free text from then on.
    Text {
        /// The text.
        text: MessageText,
        /// The message that it quotes.
        reply_to: Option<MessageId>,
        /// Whether it is held until the guest writes, if the 24-hour window is over at its time.
        hold: bool,
    },
    /// A template that Meta has approved, filled at its time.
    Template {
        /// The template. It may have been deleted since.
        template: TemplateId,
        /// The given values of placeholders, by name.
        variables: BTreeMap<String, String>,
    },
}

impl ScheduledContent {
    /// The message that it quotes.
    pub fn reply_to(&self) -> Option<MessageId> {
        match self {
            Self::Text { reply_to, .. } => *reply_to,
            Self::Template { .. } => None,
        }
    }

    /// Whether it is held until the guest writes, if the 24-hour window is over at its time.
    pub fn hold(&self) -> bool {
        matches!(self, Self::Text { hold: true, .. })
    }
}

/// A message that staff have written and that is sent later.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ScheduledMessage {
    /// Id of the scheduled message. The message that is stored at its time has an id of its own.
    pub id: ScheduledMessageId,
    /// The hotel of the conversation.
    pub hotel: HotelId,
    /// The conversation in which it is sent.
    pub conversation: ConversationId,
    /// The present stay of that conversation.
    pub stay: Option<StayId>,
    /// The guest for whom it was written.
    pub guest: GuestId,
    /// The staff member in whose name it is sent.
    pub author: Person,
    /// What it contains.
    pub content: ScheduledContent,
    /// The time at which it is sent.
    pub send_at: DateTime<Utc>,
    /// What happens if the guest writes before.
    pub if_guest_writes: IfGuestWrites,
    /// The present state.
    pub state: ScheduledState,
    /// Number of guest messages in the conversation that it answers: those up to when it was written or confirmed.
    pub answered_guest_messages: i64,
    /// Time when it was written.
    pub created_at: DateTime<Utc>,
    /// Time when it was written or last confirmed.
    pub approved_at: DateTime<Utc>,
}

/// Error: the scheduled message is sent or cancelled, so it cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scheduled message {0} is sent or cancelled")]
pub struct ScheduledMessageDone(pub ScheduledMessageId);

/// Error: a message cannot be scheduled for this time. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSendTime {
    /// The time is not in the future.
    #[error("Please give a time in the future.")]
    Past,
    /// The time is too far in the future.
    #[error("Please give a time within the next 30 days.")]
    TooFar,
}

/// Fails unless a message can be scheduled for this time.
pub fn check_send_time(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), BadSendTime> {
    match at - now {
        ahead if ahead <= TimeDelta::zero() => Err(BadSendTime::Past),
        ahead if ahead > MAX_SCHEDULED_AHEAD => Err(BadSendTime::TooFar),
        _ => Ok(()),
    }
}

/// The facts that decide whether a scheduled message can be sent now.
#[derive(Clone, Copy, Debug)]
pub struct SendingConditions<'a> {
    /// Time when the present epoch of the database began: when it was created, or restored from a backup.
    pub epoch_began_at: DateTime<Utc>,
    /// The conversation as it is now.
    pub conversation: &'a Conversation,
    /// Whether the stay of the conversation is cancelled, or its guest has not arrived.
    pub is_stay_cancelled: bool,
    /// The visibility scope of the author; `None` if the author is inactive.
    pub author: Option<&'a Reach>,
    /// Whether the template can be used; true without a template.
    pub has_usable_template: bool,
    /// Whether the quoted message can be quoted; true without a quote.
    pub has_usable_quote: bool,
}

/// A staff member confirms a scheduled message that needs a review.
#[derive(Clone, Copy, Debug)]
pub struct Confirmation<'a> {
    /// The staff member who confirms it.
    pub by: &'a Person,
    /// The visibility scope of the author; `None` if the author is inactive.
    pub author: Option<&'a Reach>,
    /// The conversation as it is now.
    pub conversation: &'a Conversation,
    /// Number of guest messages in the conversation.
    pub answered_guest_messages: i64,
    /// Time of the confirmation.
    pub at: DateTime<Utc>,
}

fn sees(reach: Option<&Reach>, conversation: &Conversation) -> bool {
    reach.is_some_and(|reach| reach.covers(conversation.hotel(), conversation.department()))
}

impl ScheduledMessage {
    /// Returns what keeps the message from being sent. A cancelled stay comes before the closed conversation, because the
    /// cancellation may have closed it.
    pub fn obstacle(&self, conditions: &SendingConditions<'_>) -> Option<ReviewReason> {
        let conversation = conditions.conversation;
        let was_due_before_epoch = self.send_at.max(self.approved_at) < conditions.epoch_began_at;
        let obstacles = [
            (was_due_before_epoch, ReviewReason::Restored),
            (conditions.is_stay_cancelled, ReviewReason::StayCancelled),
            (conversation.status() == Status::Closed, ReviewReason::Closed),
            (conversation.guest() != self.guest, ReviewReason::GuestChanged),
            (!sees(conditions.author, conversation), ReviewReason::Author),
            (!conditions.has_usable_template, ReviewReason::Template),
            (!conditions.has_usable_quote, ReviewReason::ReplyTo),
        ];
        obstacles.into_iter().find(|(is_there, _)| *is_there).map(|(_, reason)| reason)
    }

    /// Fails if the message is sent or cancelled.
    pub fn ensure_open(&self) -> Result<(), ScheduledMessageDone> {
        match self.state {
            ScheduledState::Pending | ScheduledState::NeedsReview(_) => Ok(()),
            ScheduledState::Sent(_) | ScheduledState::Cancelled => Err(ScheduledMessageDone(self.id)),
        }
    }

    /// Keeps a pending message from being sent until staff confirm it. No effect in any other state.
    pub fn require_review(&mut self, reason: ReviewReason) {
        if self.state == ScheduledState::Pending {
            self.state = ScheduledState::NeedsReview(reason);
        }
    }

    /// Makes a message that needs a review pending again, for the present guest of the conversation. If the author cannot
    /// send it, the confirming person becomes the author. No effect on a pending message.
    ///
    /// Fails if the message is sent or cancelled.
    pub fn confirm(&mut self, confirmation: Confirmation<'_>) -> Result<(), ScheduledMessageDone> {
        self.ensure_open()?;
        if let ScheduledState::NeedsReview(reason) = self.state {
            let Confirmation { by, author, conversation, answered_guest_messages, at } = confirmation;
            if reason == ReviewReason::Author || !sees(author, conversation) {
                self.author = by.clone();
            }
            self.guest = conversation.guest();
            self.answered_guest_messages = answered_guest_messages;
            self.approved_at = at.max(self.approved_at);
            self.state = ScheduledState::Pending;
        }
        Ok(())
    }

    /// Cancels the message.
    ///
    /// Fails if the message is sent or cancelled.
    pub fn cancel(&mut self) -> Result<(), ScheduledMessageDone> {
        self.ensure_open()?;
        self.state = ScheduledState::Cancelled;
        Ok(())
    }

    /// Records that the message was sent, as this message of the conversation. The caller has found it pending.
    pub fn record_sent(&mut self, message: MessageId) {
        self.state = ScheduledState::Sent(message);
    }

    /// Whether the staff member is the author.
    pub fn is_by(&self, staff: StaffId) -> bool {
        self.author.id == staff
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conversation::UncheckedConversation, ids::DepartmentId, staff::Role};

    fn person(id: i64) -> Person {
        Person { id: StaffId(id), name: format!("Person {id}") }
    }

    fn message(state: ScheduledState) -> ScheduledMessage {
        ScheduledMessage {
            id: ScheduledMessageId(1),
            hotel: HotelId(1),
            conversation: ConversationId(1),
            stay: None,
            guest: GuestId(1),
            author: person(1),
            content: ScheduledContent::Text { text: MessageText::parse("Hello").unwrap(), reply_to: None, hold: false },
            send_at: DateTime::UNIX_EPOCH,
            if_guest_writes: IfGuestWrites::Review,
            state,
            answered_guest_messages: 0,
            created_at: DateTime::UNIX_EPOCH,
            approved_at: DateTime::UNIX_EPOCH,
        }
    }

    fn conversation() -> Conversation {
        let stored = UncheckedConversation {
            id: ConversationId(1),
            hotel: HotelId(1),
            guest: GuestId(1),
            stay: None,
            status: Status::Relay,
            department: Some(DepartmentId(1)),
            assignee: None,
            snoozed_until: None,
        };
        stored.try_into().unwrap()
    }

    fn conversation_of(guest: i64) -> Conversation {
        let mut conversation = conversation();
        conversation.give_to_guest(GuestId(guest));
        conversation
    }

    fn reach(department: i64) -> Reach {
        let departments = vec![DepartmentId(department)];
        Reach { staff: StaffId(1), hotel: HotelId(1), role: Role::Staff, departments }
    }

    /// Confirms a message as person 2, for guest 5.
    fn confirm(scheduled: &mut ScheduledMessage, author: Option<&Reach>) -> Result<(), ScheduledMessageDone> {
        scheduled.confirm(Confirmation {
            by: &person(2),
            author,
            conversation: &conversation_of(5),
            answered_guest_messages: 3,
            at: DateTime::UNIX_EPOCH + TimeDelta::hours(1),
        })
    }

    const NEEDS_REVIEW: ScheduledState = ScheduledState::NeedsReview(ReviewReason::GuestWrote);
    const SENT: ScheduledState = ScheduledState::Sent(MessageId(7));

    #[test]
    fn only_open_messages_are_cancelled_and_confirmed() {
        for (before, is_open) in
            [(ScheduledState::Pending, true), (NEEDS_REVIEW, true), (SENT, false), (ScheduledState::Cancelled, false)]
        {
            let (mut cancelled, mut confirmed) = (message(before), message(before));
            assert_eq!(cancelled.cancel().is_ok(), is_open, "{before:?}");
            assert_eq!(confirm(&mut confirmed, Some(&reach(1))).is_ok(), is_open, "{before:?}");
            let expected = |after| if is_open { after } else { before };
            assert_eq!(cancelled.state, expected(ScheduledState::Cancelled));
            assert_eq!(confirmed.state, expected(ScheduledState::Pending));
        }
    }

    #[test]
    fn only_a_pending_message_comes_to_need_a_review() {
        for (before, after) in [
            (ScheduledState::Pending, ScheduledState::NeedsReview(ReviewReason::Closed)),
            (NEEDS_REVIEW, NEEDS_REVIEW),
            (SENT, SENT),
            (ScheduledState::Cancelled, ScheduledState::Cancelled),
        ] {
            let mut scheduled = message(before);
            scheduled.require_review(ReviewReason::Closed);
            assert_eq!(scheduled.state, after);
        }
    }

    #[test]
    fn whoever_confirms_for_an_author_without_access_becomes_the_author() {
        for (reason, author, expected) in [
            (ReviewReason::Author, Some(&reach(1)), 2),
            (ReviewReason::GuestWrote, Some(&reach(1)), 1),
            (ReviewReason::GuestWrote, Some(&reach(2)), 2),
            (ReviewReason::GuestWrote, None, 2),
        ] {
            let mut scheduled = message(ScheduledState::NeedsReview(reason));
            confirm(&mut scheduled, author).unwrap();
            assert_eq!((scheduled.author.id, scheduled.guest), (StaffId(expected), GuestId(5)));
            assert_eq!(scheduled.answered_guest_messages, 3);
            assert!(scheduled.approved_at > scheduled.created_at);
        }
        let mut pending = message(ScheduledState::Pending);
        confirm(&mut pending, None).unwrap();
        assert_eq!(pending, message(ScheduledState::Pending));
    }

    #[test]
    fn every_obstacle_is_found() {
        let (conversation, author, elsewhere) = (conversation(), reach(1), reach(2));
        let fine = SendingConditions {
            epoch_began_at: DateTime::UNIX_EPOCH,
            conversation: &conversation,
            is_stay_cancelled: false,
            author: Some(&author),
            has_usable_template: true,
            has_usable_quote: true,
        };
        let mut closed = conversation.clone();
        closed.close();
        let of_other = conversation_of(2);
        let restored = DateTime::UNIX_EPOCH + TimeDelta::seconds(1);
        for (conditions, expected) in [
            (fine, None),
            (SendingConditions { epoch_began_at: restored, ..fine }, Some(ReviewReason::Restored)),
            (SendingConditions { conversation: &closed, ..fine }, Some(ReviewReason::Closed)),
            (SendingConditions { conversation: &of_other, ..fine }, Some(ReviewReason::GuestChanged)),
            (
                SendingConditions { conversation: &closed, is_stay_cancelled: true, ..fine },
                Some(ReviewReason::StayCancelled),
            ),
            (SendingConditions { author: None, ..fine }, Some(ReviewReason::Author)),
            (SendingConditions { author: Some(&elsewhere), ..fine }, Some(ReviewReason::Author)),
            (SendingConditions { has_usable_template: false, ..fine }, Some(ReviewReason::Template)),
            (SendingConditions { has_usable_quote: false, ..fine }, Some(ReviewReason::ReplyTo)),
        ] {
            assert_eq!(message(ScheduledState::Pending).obstacle(&conditions), expected);
        }
        let mut confirmed = message(ScheduledState::NeedsReview(ReviewReason::Restored));
        confirm(&mut confirmed, Some(&author)).unwrap();
        let now = conversation_of(5);
        let conditions = SendingConditions { epoch_began_at: restored, conversation: &now, ..fine };
        assert_eq!(confirmed.obstacle(&conditions), None);
    }

    #[test]
    fn the_time_is_in_the_next_30_days() {
        let now = DateTime::UNIX_EPOCH;
        for (ahead, expected) in [
            (TimeDelta::seconds(-1), Err(BadSendTime::Past)),
            (TimeDelta::zero(), Err(BadSendTime::Past)),
            (TimeDelta::microseconds(1), Ok(())),
            (MAX_SCHEDULED_AHEAD, Ok(())),
            (MAX_SCHEDULED_AHEAD + TimeDelta::microseconds(1), Err(BadSendTime::TooFar)),
        ] {
            assert_eq!(check_send_time(now + ahead, now), expected);
        }
    }
}
