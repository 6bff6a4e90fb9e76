//! Drop signals: wait for the end of a task or request, however it ends. The waiter wakes when the guard is dropped.

use std::convert::Infallible;

use tokio::sync::oneshot;

/// Keeps the waiters of a [`DropSignal`] waiting until it is dropped.
pub(crate) type DropGuard = oneshot::Sender<Infallible>;

/// The waiting side of a drop signal: completes when its [`DropGuard`] is dropped. No value is ever sent.
pub(crate) type DropSignal = oneshot::Receiver<Infallible>;
