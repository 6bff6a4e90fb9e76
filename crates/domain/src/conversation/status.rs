//! Status of a conversation.

use strum::{IntoStaticStr, VariantArray, VariantNames};

/// Status of a conversation; [`Conversation`](super::Conversation) lists the transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// The conversation has no known stay; the guest flow replies.
    Demo,
    /// The stay of the conversation has not begun; the guest flow prepares the arrival.
    Checkin,
    /// The stay of the conversation has begun or is over; the guest flow replies.
    Active,
    /// The conversation is routed to a department: staff reply and the guest flow is silent.
    Relay,
    /// The conversation is closed, until the guest writes again or staff reopen it.
    Closed,
}

named_values!(Status);
