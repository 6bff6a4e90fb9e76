//! Events as the text of frames, which all receivers of one share.

use bytestring::ByteString;
use desk::Which;
use domain::{ConversationId, ConversationView, Message, MessageId, Person, Seq, SessionId, StatusChange, StayId};
use wire::{CommandError, Event, Logged, Refused};

use crate::{limits::HEARTBEAT, requests::ReplyTo};

pub(crate) use wire::Reason;

fn frame(event: &Event) -> ByteString {
    event.frame().into()
}

pub(crate) fn welcome(session: SessionId, epoch: &str, seq: Seq) -> ByteString {
    frame(&Event::welcome(session, epoch, seq, HEARTBEAT))
}

pub(crate) fn heartbeat(seq: Seq) -> ByteString {
    frame(&Event::heartbeat(seq))
}

/// What the log tells.
pub(crate) fn logged(event: Logged) -> ByteString {
    frame(&event.into())
}

/// A message or a note. `own`: for the sockets of its author.
pub(crate) fn message(seq: Seq, stay: Option<StayId>, message: &Message, own: bool) -> ByteString {
    logged(Logged::message(seq, stay, message, own))
}

/// A message to a guest came further, or failed.
pub(crate) fn message_status(seq: Seq, change: &StatusChange) -> ByteString {
    logged(Logged::message_status(seq, change))
}

pub(crate) fn new_conversation(event: &domain::Event, view: &ConversationView) -> ByteString {
    logged(Logged::new_conversation(event.seq, event.at, view))
}

pub(crate) fn conversation_updated(seq: Seq, view: &ConversationView) -> ByteString {
    logged(Logged::conversation_updated(seq, view))
}

pub(crate) fn conversation_removed(seq: Seq, conversation: ConversationId, stay: Option<StayId>) -> ByteString {
    logged(Logged::conversation_removed(seq, conversation, stay))
}

pub(crate) fn typing(stay: Option<StayId>, conversation: ConversationId, who: &Person, typing: bool) -> ByteString {
    frame(&Event::typing(stay, conversation, who, typing))
}

pub(crate) fn read(stay: Option<StayId>, conversation: ConversationId, who: &Person, to: MessageId) -> ByteString {
    frame(&Event::read(stay, conversation, who, to))
}

pub(crate) fn unsubscribed(stay: Option<StayId>, conversation: Option<ConversationId>, why: Reason) -> ByteString {
    frame(&Event::unsubscribed(stay, conversation, why))
}

/// As [`unsubscribed`], for what was named and is not in sight.
pub(crate) fn unsubscribed_named(which: Which, why: Reason) -> ByteString {
    match which {
        Which::Conversation(id) => unsubscribed(None, Some(id), why),
        Which::Stay(id) => unsubscribed(Some(id), None, why),
        Which::Both(id, stay) => unsubscribed(Some(stay), Some(id), why),
    }
}

pub(crate) fn resumed(seq: Seq, replayed: i64) -> ByteString {
    frame(&Event::resumed(seq, replayed))
}

pub(crate) fn resync_required(epoch: &str, seq: Seq) -> ByteString {
    frame(&Event::resync_required(epoch, seq))
}

/// That a `resume` was not done, beside the event that says what to do, if its client asked for an
/// outcome.
pub(crate) fn cursor_refused(to: &ReplyTo) -> Option<ByteString> {
    to.request_id.as_ref().map(|_| refused(to, &desk::Error::ResyncRequired))
}

/// The acknowledgement of a command, if its client asked for one.
pub(crate) fn ack(to: &ReplyTo, seq: Option<Seq>) -> Option<ByteString> {
    to.request_id.as_ref().map(|id| frame(&Event::ack(id, to.command, seq)))
}

/// The acknowledgement of a sent message, if its client asked for one.
pub(crate) fn sent(to: &ReplyTo, message: &Message) -> Option<ByteString> {
    to.request_id.as_ref().map(|id| frame(&Event::sent(id, message)))
}

pub(crate) fn pong(to: &ReplyTo) -> ByteString {
    frame(&Event::pong(to.request_id.as_ref()))
}

/// A command that was not understood.
pub(crate) fn not_understood(refused: Refused) -> ByteString {
    frame(&Event::from(refused))
}

/// A command that the desk refused.
pub(crate) fn refused(to: &ReplyTo, error: &desk::Error) -> ByteString {
    let mut told = CommandError::new(to.request_id.as_ref(), to.command, error.code(), error.detail());
    match error {
        desk::Error::Invalid(field) => {
            told.errors = Some([(field.name.to_owned(), vec![field.sentence.clone()])].into());
        }
        desk::Error::StaleReply { newer } => told.newer = Some(newer.iter().map(wire::Message::from).collect()),
        _ => {}
    }
    frame(&told.into())
}

pub(crate) fn not_found(to: &ReplyTo) -> ByteString {
    refused(to, &desk::Error::NotFound)
}

/// The conversation and the stay that were named do not belong together.
pub(crate) fn not_together(to: &ReplyTo) -> ByteString {
    refused(to, &desk::Error::not_together())
}

pub(crate) fn too_many_subscriptions(to: &ReplyTo) -> ByteString {
    let detail = "A socket may have at most 1,000 subscriptions.";
    let told = CommandError::new(to.request_id.as_ref(), to.command, "too_many_subscriptions", detail.to_owned());
    frame(&told.into())
}

/// More commands than a socket may give.
pub(crate) fn rate_limited(to: &ReplyTo) -> ByteString {
    let detail = "Too many commands: 50 a second are allowed.";
    frame(&CommandError::new(to.request_id.as_ref(), to.command, "rate_limited", detail.to_owned()).into())
}
