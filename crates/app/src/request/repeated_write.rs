//! A write that failed before its use case, although an earlier request with its idempotency key may have succeeded.

use desk::{ConversationRef, idempotency::IdempotencyKey};

/// A write with an idempotency key that failed before its use case, for example because its body cannot be parsed.
#[derive(Clone, Debug)]
pub struct RepeatedWrite {
    /// The idempotency key with the digest of the request body. The digest is empty if the body cannot be parsed,
    /// because such a body cannot equal one that was accepted.
    pub key: IdempotencyKey,
    /// The conversation of the reply, if the write is a reply whose idempotency key is stored as client reference of
    /// the message.
    pub reply_in: Option<ConversationRef>,
}
