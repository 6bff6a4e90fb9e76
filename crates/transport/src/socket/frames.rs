//! Events and command results as the text of frames. A frame is serialized once and shared by all its receivers.

use bytestring::ByteString;
use desk::inbox::CountsOfInbox;
use domain::ConversationRef;
use domain::{
    ConversationId, ConversationView, DirectoryPart, HistoryEntry, Message, MessageId, Person, ReadPosition,
    ScheduledMessage, Seq, SessionId, StayId,
    event::{OverdueResponse, StatusChange},
    stay::StayWithConversation,
    text::RequestId,
};
use wire::{
    response::{InboxCountsResponse, MessageResponse},
    socket::{CommandErrorEvent, LoggedEvent, RefusedCommand, SocketEvent, UnsubscribeReason},
};

use crate::limits::HEARTBEAT_INTERVAL;

/// The command that a result or an error replies to.
#[derive(Clone, Debug)]
pub(crate) struct ReplyTo {
    /// The command's request id, set by clients that want an ack.
    pub(crate) request_id: Option<RequestId>,
    pub(crate) command: &'static str,
}

fn frame(event: &SocketEvent) -> ByteString {
    event.frame().into()
}

pub(crate) fn welcome(session: SessionId, epoch: &str, seq: Seq) -> ByteString {
    frame(&SocketEvent::welcome(session, epoch, seq, HEARTBEAT_INTERVAL))
}

pub(crate) fn heartbeat(seq: Seq) -> ByteString {
    frame(&SocketEvent::heartbeat(seq))
}

/// The frame of an event of the log.
pub(crate) fn logged(event: LoggedEvent) -> ByteString {
    frame(&event.into())
}

/// The frame of a message or a note. The frame for sockets of its author (`own`) carries the `client_ref`.
pub(crate) fn message(seq: Seq, message: &Message, own: bool) -> ByteString {
    logged(LoggedEvent::message(seq, message, own))
}

pub(crate) fn message_updated(seq: Seq, message: &Message) -> ByteString {
    logged(LoggedEvent::message_updated(seq, message))
}

pub(crate) fn message_removed(
    seq: Seq,
    conversation: ConversationId,
    stay: Option<StayId>,
    message: MessageId,
) -> ByteString {
    logged(LoggedEvent::message_removed(seq, conversation, stay, message))
}

pub(crate) fn message_status(seq: Seq, change: &StatusChange) -> ByteString {
    logged(LoggedEvent::message_status(seq, change))
}

pub(crate) fn new_conversation(event: &domain::Event, view: &ConversationView) -> ByteString {
    logged(LoggedEvent::new_conversation(event.seq, event.at, view))
}

pub(crate) fn conversation_updated(seq: Seq, view: &ConversationView) -> ByteString {
    logged(LoggedEvent::conversation_updated(seq, view))
}

pub(crate) fn conversation_removed(seq: Seq, conversation: ConversationId, stay: Option<StayId>) -> ByteString {
    logged(LoggedEvent::conversation_removed(seq, conversation, stay))
}

/// The frame of a changed part of the directory. Without `seq`: the change is not in the log.
pub(crate) fn directory_updated(seq: Option<Seq>, what: DirectoryPart) -> ByteString {
    logged(LoggedEvent::directory_updated(seq, what))
}

/// The frame of a changed stay, with or without its conversation.
pub(crate) fn stay_updated(seq: Seq, found: &StayWithConversation, with_conversation: bool) -> ByteString {
    logged(LoggedEvent::stay_updated(seq, found, with_conversation))
}

pub(crate) fn response_overdue(seq: Seq, overdue: &OverdueResponse) -> ByteString {
    logged(LoggedEvent::response_overdue(seq, overdue))
}

pub(crate) fn history_added(seq: Seq, stay: Option<StayId>, entry: &HistoryEntry) -> ByteString {
    logged(LoggedEvent::history_added(seq, stay, entry))
}

pub(crate) fn scheduled_updated(seq: Seq, stay: Option<StayId>, scheduled: &ScheduledMessage) -> ByteString {
    logged(LoggedEvent::scheduled_updated(seq, stay, scheduled))
}

pub(crate) fn typing(stay: Option<StayId>, conversation: ConversationId, person: &Person, typing: bool) -> ByteString {
    frame(&SocketEvent::typing(stay, conversation, person, typing))
}

pub(crate) fn viewing(
    stay: Option<StayId>,
    conversation: ConversationId,
    person: &Person,
    viewing: bool,
) -> ByteString {
    frame(&SocketEvent::viewing(stay, conversation, person, viewing))
}

/// The frame of a read indicator. The frame for sockets of the reader (`own`) carries the number of guest messages read.
pub(crate) fn read(
    stay: Option<StayId>,
    conversation: ConversationId,
    reader: &Person,
    to: ReadPosition,
    own: bool,
) -> ByteString {
    frame(&SocketEvent::read(stay, conversation, reader, to, own))
}

/// The frame of a staff member's changed draft; `None` if it was sent or deleted.
pub(crate) fn draft_updated(
    stay: Option<StayId>,
    conversation: ConversationId,
    draft: Option<&domain::Draft>,
) -> ByteString {
    frame(&SocketEvent::draft_updated(stay, conversation, draft))
}

/// The frame with the numbers of a staff member's inbox.
pub(crate) fn counts(inbox: &CountsOfInbox) -> ByteString {
    frame(&SocketEvent::counts(InboxCountsResponse::new(&inbox.counts, &inbox.departments)))
}

pub(crate) fn unsubscribed(
    stay: Option<StayId>,
    conversation: Option<ConversationId>,
    reason: UnsubscribeReason,
) -> ByteString {
    frame(&SocketEvent::unsubscribed(stay, conversation, reason))
}

/// The frame that ends a subscription that a `resume` named but that is not visible: only the named ids are sent.
pub(crate) fn unsubscribed_not_visible(which: ConversationRef) -> ByteString {
    let reason = UnsubscribeReason::RoutedAway;
    match which {
        ConversationRef::Conversation(id) => unsubscribed(None, Some(id), reason),
        ConversationRef::Stay(id) => unsubscribed(Some(id), None, reason),
        ConversationRef::Both(id, stay) => unsubscribed(Some(stay), Some(id), reason),
    }
}

pub(crate) fn resumed(seq: Seq, replayed: i64) -> ByteString {
    frame(&SocketEvent::resumed(seq, replayed))
}

pub(crate) fn resync_required(epoch: &str, seq: Seq) -> ByteString {
    frame(&SocketEvent::resync_required(epoch, seq))
}

/// The error frame for a `resume` with an invalid cursor, sent after `resync_required` if the client wants a result.
pub(crate) fn cursor_refused(reply_to: &ReplyTo) -> Option<ByteString> {
    reply_to.request_id.as_ref().map(|_| refused(reply_to, &desk::Error::ResyncRequired))
}

/// The ack frame of a command, if the client wants an ack.
pub(crate) fn ack(reply_to: &ReplyTo, seq: Option<Seq>) -> Option<ByteString> {
    reply_to.request_id.as_ref().map(|id| frame(&SocketEvent::ack(id, reply_to.command, seq)))
}

/// The ack frame of a subscription to a conversation, if the client wants an ack.
pub(crate) fn subscribed(reply_to: &ReplyTo, seq: Seq, viewers: &[Person]) -> Option<ByteString> {
    reply_to.request_id.as_ref().map(|id| frame(&SocketEvent::subscribed(id, reply_to.command, seq, viewers)))
}

/// The ack frame of a sent message, if the client wants an ack.
pub(crate) fn sent(reply_to: &ReplyTo, message: &Message) -> Option<ByteString> {
    reply_to.request_id.as_ref().map(|id| frame(&SocketEvent::sent(id, message)))
}

pub(crate) fn pong(reply_to: &ReplyTo) -> ByteString {
    frame(&SocketEvent::pong(reply_to.request_id.as_ref()))
}

/// The error frame for a command that could not be parsed.
pub(crate) fn invalid_command(refused: RefusedCommand) -> ByteString {
    frame(&SocketEvent::from(refused))
}

/// The error frame for a command that desk refused.
pub(crate) fn refused(reply_to: &ReplyTo, error: &desk::Error) -> ByteString {
    let mut result = command_error(reply_to, error.code(), error.detail());
    match error {
        desk::Error::Invalid(field) => {
            result.errors = Some([(field.name.to_owned(), vec![field.sentence.clone()])].into());
        }
        desk::Error::StaleReply { newer } => result.newer = Some(newer.iter().map(MessageResponse::from).collect()),
        _ => {}
    }
    frame(&result.into())
}

pub(crate) fn not_found(reply_to: &ReplyTo) -> ByteString {
    refused(reply_to, &desk::Error::NotFound)
}

/// The error frame for a command whose conversation and stay do not belong together.
pub(crate) fn not_together(reply_to: &ReplyTo) -> ByteString {
    refused(reply_to, &desk::Error::stay_mismatch())
}

/// The error frame for a command that needs a subscription to its conversation.
pub(crate) fn not_subscribed(reply_to: &ReplyTo, which: ConversationRef) -> ByteString {
    let field = if matches!(which, ConversationRef::Stay(_)) { "stay_id" } else { "conversation_id" };
    refused(reply_to, &desk::Error::invalid(field, "Subscribe to this conversation first."))
}

pub(crate) fn too_many_subscriptions(reply_to: &ReplyTo) -> ByteString {
    let detail = "A socket may have at most 1,000 subscriptions.";
    frame(&command_error(reply_to, "too_many_subscriptions", detail.to_owned()).into())
}

pub(crate) fn rate_limited(reply_to: &ReplyTo) -> ByteString {
    let detail = "Too many commands: 50 a second are allowed.";
    frame(&command_error(reply_to, "rate_limited", detail.to_owned()).into())
}

fn command_error(reply_to: &ReplyTo, code: &'static str, detail: String) -> CommandErrorEvent {
    CommandErrorEvent::new(reply_to.request_id.as_ref(), reply_to.command, code, detail)
}
