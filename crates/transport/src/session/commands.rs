//! Runs the commands of a socket, and sends their results.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use bytestring::ByteString;
use desk::{
    Desk, KeyedWrite,
    messages::{MarkedRead, ReadMove},
    reply::TextReply,
};
use domain::{ClientRef, Conversation, ConversationId, ConversationRef, MessageId, ReadPosition};
use futures_util::future::LocalBoxFuture;
use wire::{
    JsonBody,
    request::SendMessageBody,
    socket::{CommandEnvelope, SocketCommand},
};

use crate::{
    feed::{
        registry::FeedHandle,
        requests::{DraftSignal, FeedRequest, ReadIndicator, SocketRequest},
    },
    session::resume::{self, ReplayRequest},
    socket::{
        SocketHandle, SocketState,
        frames::{self, ReplyTo},
        send_queue::CloseCause,
    },
};

/// Starts a command and returns a future with the rest of its work. A send is in the writer's queue when this returns,
/// so sends that are started one after another are stored in that order.
pub(crate) async fn start_command(
    desk: Desk,
    feed: FeedHandle,
    socket: Arc<SocketHandle>,
    envelope: CommandEnvelope,
) -> LocalBoxFuture<'static, ()> {
    let is_counted = !matches!(envelope.command, SocketCommand::Ping);
    socket.counters.commands.fetch_add(is_counted.into(), Relaxed);
    let reply_to = ReplyTo { request_id: envelope.request_id, command: envelope.name };
    match envelope.command {
        SocketCommand::SendMessage { to, body, client_ref } => {
            Box::pin(submit_send(desk, feed, socket, to, body, client_ref, reply_to).await)
        }
        command => Box::pin(run_command(desk, feed, socket, command, reply_to)),
    }
}

/// Queues a reply to a guest at the writer. The returned future waits for the result and sends it to the client.
async fn submit_send(
    desk: Desk,
    feed: FeedHandle,
    socket: Arc<SocketHandle>,
    to: ConversationRef,
    body: SendMessageBody,
    client_ref: Option<ClientRef>,
    reply_to: ReplyTo,
) -> impl Future<Output = ()> + 'static {
    let digest = desk::request_digest(body.canonical_json().as_bytes());
    let client_ref = client_ref.map(|client_ref| (client_ref, digest));
    let reply = TextReply {
        text: body.text,
        seen: body.seen_message_id,
        hold: body.hold,
        reply_to: body.reply_to,
        clears_draft: body.clears_draft == Some(true),
        client_ref,
    };
    let submitted = desk.submit_reply(socket.caller, to, reply).await;
    async move {
        let sent = match submitted {
            Ok(submitted) => submitted.result().await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(sent) => {
                send_result(&socket, frames::sent(&reply_to, &sent.message));
                if sent.has_cleared_draft {
                    publish_draft(&feed, &socket, sent.message.conversation);
                }
            }
            Err(error) => send_refusal(&socket, &reply_to, &error),
        }
    }
}

/// Runs a command until its result is sent. Closes the socket with 1012 if its feed has ended.
async fn run_command(
    desk: Desk,
    feed: FeedHandle,
    socket: Arc<SocketHandle>,
    command: SocketCommand,
    reply_to: ReplyTo,
) {
    let is_feed_running = match command {
        SocketCommand::Subscribe(target) => {
            feed.request_and_wait(&socket, |done| SocketRequest::Subscribe(target, reply_to, done)).await
        }
        SocketCommand::Unsubscribe(target) => {
            feed.request_and_wait(&socket, |done| SocketRequest::Unsubscribe(target, reply_to, done)).await
        }
        SocketCommand::SubscribeToInbox { counts } => set_inbox(&feed, &socket, (true, counts), reply_to).await,
        SocketCommand::UnsubscribeFromInbox => set_inbox(&feed, &socket, (false, false), reply_to).await,
        SocketCommand::Typing { to: which, typing } => {
            feed.request_and_wait(&socket, |done| SocketRequest::Typing { which, typing, reply_to, done }).await
        }
        SocketCommand::Viewing { to: which, viewing } => {
            feed.request_and_wait(&socket, |done| SocketRequest::Viewing { which, viewing, reply_to, done }).await
        }
        SocketCommand::Ping => {
            socket.send(frames::pong(&reply_to));
            true
        }
        SocketCommand::Resume(resume) => {
            let request = ReplayRequest {
                epoch: resume.epoch,
                after: resume.after_seq,
                named: resume.named,
                inbox: resume.inbox,
            };
            resume::resume(&desk, &feed, &socket, request, reply_to).await
        }
        SocketCommand::SendMessage { to, body, client_ref } => {
            submit_send(desk, feed, socket.clone(), to, body, client_ref, reply_to).await.await;
            true
        }
        SocketCommand::MarkRead { to: target, message_id } => {
            mark_read(&desk, &feed, &socket, target, message_id, &reply_to).await
        }
    };
    if !is_feed_running {
        socket.close(CloseCause::Restart);
    }
}

/// Begins or ends the subscription of the inbox, with the numbers of the inbox or without.
async fn set_inbox(
    feed: &FeedHandle,
    socket: &Arc<SocketHandle>,
    (is_wanted, with_counts): (bool, bool),
    reply_to: ReplyTo,
) -> bool {
    feed.request_and_wait(socket, |done| SocketRequest::SetInbox { is_wanted, with_counts, reply_to, done }).await
}

/// Marks messages as read, and publishes the read indicator. Returns `false` if the feed has ended.
async fn mark_read(
    desk: &Desk,
    feed: &FeedHandle,
    socket: &SocketHandle,
    which: ConversationRef,
    message: MessageId,
    reply_to: &ReplyTo,
) -> bool {
    match desk.mark_read(socket.caller, which, ReadMove::UpTo(message), KeyedWrite::without_key()).await {
        Ok(outcome) => {
            send_result(socket, frames::ack(reply_to, None));
            match outcome {
                desk::WriteOutcome::Performed(MarkedRead { conversation, moved_to: Some(position) }) => {
                    publish_read(feed, socket, &conversation, position)
                }
                _ => true,
            }
        }
        Err(error) => {
            send_refusal(socket, reply_to, &error);
            true
        }
    }
}

/// Publishes a read indicator through the feed. Returns `false` if the feed has ended.
fn publish_read(feed: &FeedHandle, socket: &SocketHandle, conversation: &Conversation, position: ReadPosition) -> bool {
    let reader = socket.state().as_ref().map(SocketState::person);
    let Some(reader) = reader else { return true };
    feed.request(FeedRequest::Read(ReadIndicator {
        conversation: conversation.id(),
        stay: conversation.stay(),
        reader,
        position,
        sent_by: Some(socket.id),
    }))
}

/// Publishes through the feed that the sender's draft was cleared. A feed that has ended has no sockets to send it to.
fn publish_draft(feed: &FeedHandle, socket: &SocketHandle, conversation: ConversationId) {
    let writer = socket.caller.staff;
    feed.request(FeedRequest::Draft(DraftSignal { conversation, writer, sent_by: Some(socket.id) }));
}

fn send_result(socket: &SocketHandle, frame: Option<ByteString>) {
    if let Some(frame) = frame {
        socket.send(frame);
    }
}

fn send_refusal(socket: &SocketHandle, reply_to: &ReplyTo, error: &desk::Error) {
    match error {
        desk::Error::Unauthenticated => socket.close(CloseCause::SessionOver),
        // An error of the database is not the client's fault: it does not count as a client error.
        desk::Error::Store(cause) => {
            let (hotel, session) = (socket.caller.hotel, socket.caller.session);
            log::error!("hotel {hotel}, session {session}: command {} failed: {cause}", reply_to.command);
            socket.send(frames::refused(reply_to, error));
        }
        _ => socket.send_client_error(frames::refused(reply_to, error)),
    }
}
