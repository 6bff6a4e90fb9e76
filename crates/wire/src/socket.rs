//! What is said over the WebSocket: [`Command`]s in, [`Event`]s out.

mod commands;
mod events;
mod told;

#[cfg(test)]
pub(crate) use commands::COMMANDS;
pub use commands::{Command, Envelope, MOST_NAMED, Refused, Resume, Target, parse_command};
pub use events::{Event, Logged, Reason};
pub use told::{
    Ack, CommandError, ConversationRemoved, ConversationUpdated, Heartbeat, MessageStatus, NewConversation, NewMessage,
    Pong, Read, Resumed, ResyncRequired, Typing, Unsubscribed, Welcome,
};
