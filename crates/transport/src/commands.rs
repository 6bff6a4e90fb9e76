//! Carrying out what a socket commands.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use desk::{Desk, Done, Once, Reply, Which};
use wire::{Command, Envelope, Target};

use crate::{
    frames,
    outbox::Closing,
    replay::{self, Resume},
    requests::{FeedHandle, ReplyTo, Request, Wish},
    seat::Seat,
};

/// Carries a command out, and tells its outcome.
pub(crate) async fn run(desk: Desk, feed: FeedHandle, seat: Arc<Seat>, envelope: Envelope) {
    seat.tally.commands.fetch_add((!matches!(envelope.command, Command::Ping)).into(), Relaxed);
    let to = ReplyTo { request_id: envelope.request_id, command: envelope.name };
    let lives = match envelope.command {
        Command::Subscribe(target) => feed.ask_and_wait(&seat, |done| Wish::Subscribe(which(target), to, done)).await,
        Command::Unsubscribe(target) => {
            feed.ask_and_wait(&seat, |done| Wish::Unsubscribe(which(target), to, done)).await
        }
        Command::SubscribeToInbox => feed.ask_and_wait(&seat, |done| Wish::Inbox { on: true, to, done }).await,
        Command::UnsubscribeFromInbox => feed.ask_and_wait(&seat, |done| Wish::Inbox { on: false, to, done }).await,
        Command::Typing { to: target, typing } => {
            let which = which(target);
            feed.ask_and_wait(&seat, |done| Wish::Typing { which, typing, to, done }).await
        }
        Command::Ping => {
            seat.send(frames::pong(&to));
            true
        }
        Command::Resume(asked) => {
            let asked = Resume {
                epoch: asked.epoch,
                after: asked.after_seq,
                named: asked.named.into_iter().map(which).collect(),
                inbox: asked.inbox,
            };
            replay::resume(&desk, &feed, &seat, asked, to).await
        }
        Command::SendMessage { to: target, body, client_ref } => {
            let digest = desk::fingerprint(wire::Input::fingerprint(&body).as_bytes());
            let client_ref = client_ref.map(|name| (name, digest));
            let reply = Reply { text: body.text, seen: body.seen_message_id, hold: body.hold, client_ref };
            match desk.reply(seat.caller, which(target), reply).await {
                Ok(replied) => tell(&seat, frames::sent(&to, &replied.message)),
                Err(error) => refuse(&seat, &to, &error),
            }
        }
        Command::MarkRead { to: target, message_id } => {
            match desk.mark_read(seat.caller, which(target), message_id, Once::unkeyed()).await {
                Ok(done) => {
                    tell(&seat, frames::ack(&to, None));
                    announce(&feed, &seat, done, message_id)
                }
                Err(error) => refuse(&seat, &to, &error),
            }
        }
    };
    if !lives {
        seat.close(Closing::Restart);
    }
}

fn announce(
    feed: &FeedHandle,
    seat: &Arc<Seat>,
    done: Done<(domain::Conversation, bool)>,
    message: domain::MessageId,
) -> bool {
    let Done::Now((it, true)) = done else { return true };
    let reader = seat.standing().as_ref().map(crate::seat::Standing::person);
    let Some(reader) = reader else { return true };
    feed.ask(Request::Read { conversation: it.id, stay: it.stay, reader, message, by: Some(seat.clone()) })
}

fn tell(seat: &Seat, frame: Option<bytestring::ByteString>) -> bool {
    if let Some(frame) = frame {
        seat.send(frame);
    }
    true
}

fn refuse(seat: &Seat, to: &ReplyTo, error: &desk::Error) -> bool {
    match error {
        desk::Error::Unauthenticated => seat.close(Closing::SessionOver),
        desk::Error::Store(inner) => {
            log::error!("session {}: {} failed: {inner}", seat.caller.session, to.command);
            seat.send(frames::refused(to, error));
        }
        _ => seat.fail(frames::refused(to, error)),
    }
    true
}

fn which(target: Target) -> Which {
    match target {
        Target::Conversation(id) => Which::Conversation(id),
        Target::Stay(id) => Which::Stay(id),
        Target::Both(id, stay) => Which::Both(id, stay),
    }
}
