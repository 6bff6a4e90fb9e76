//! Messages of the staff WebSocket: commands of clients, events of the server.

pub mod commands;
pub mod event_bodies;
pub mod events;

pub use commands::{CommandEnvelope, RefusedCommand, SocketCommand, parse_command};
pub use event_bodies::{CommandErrorEvent, UnsubscribeReason};
pub use events::{LoggedEvent, SocketEvent};
