//! Why the desk refuses something.

use std::time::Duration;

use domain::{AssigneeOutOfReach, BadText, ConversationClosed, Message, NoDepartment, NotInRelay};
use persistence::{Failure, StoreError};

/// Why a use case was refused. Its display is a sentence for a person, its [`Error::code`] a word
/// for a program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The session is over, or was never one.
    #[error("Please sign in.")]
    Unauthenticated,
    /// Wrong name or wrong password: which, is not told.
    #[error("The user name or the password is wrong.")]
    BadCredentials,
    /// Too many failed sign-ins.
    #[error("Too many failed sign-ins. Please wait before trying again.")]
    TooManyAttempts {
        /// How long.
        retry_after: Duration,
    },
    /// The role may not do this at all.
    #[error("Only a manager may do this.")]
    Forbidden,
    /// An API key may not do this at all.
    #[error("An API key is good for importing stays, checking in and checking out, and for nothing else.")]
    BeyondApiKey,
    /// There is no such thing, or the caller may not see it.
    #[error("There is no such thing here.")]
    NotFound,
    /// A field says something that cannot be.
    #[error("{}", .0.sentence)]
    Invalid(Field),
    /// The conversation is closed.
    #[error("This conversation is closed. Reopen it first.")]
    ConversationClosed,
    /// The conversation is not with a department.
    #[error("This conversation is not with a department.")]
    NotInRelay,
    /// WhatsApp allows no free text now.
    #[error("The guest last wrote more than 24 hours ago: WhatsApp allows only an approved template now.")]
    WindowClosed,
    /// A file that a guest sent is not fetched yet.
    #[error("This file is still being fetched. Please try again in a moment.")]
    NotThereYet,
    /// WhatsApp does not take a file of this type.
    #[error("WhatsApp does not take files of this kind. It takes {}.", whatsapp::SENDABLE_FILES)]
    UnsupportedFile,
    /// WhatsApp takes a file of this type, but not a large one.
    #[error("WhatsApp takes a file of this kind with at most {} MB. Please send a smaller one.", .most / (1024 * 1024))]
    FileTooLarge {
        /// How many bytes it may have.
        most: usize,
    },
    /// A message that is to be sent once more has neither failed nor been lost.
    #[error("This message has not failed.")]
    NotFailed,
    /// A colleague has written since.
    #[error("A colleague has written since you looked. Read that first.")]
    StaleReply {
        /// All that came after what the sender had seen, oldest first.
        newer: Vec<Message>,
    },
    /// The key came with another request before.
    #[error("This key was used for another request.")]
    IdempotencyMismatch,
    /// There is no department to take the conversation to.
    #[error("You are in no department, so you cannot take this conversation over.")]
    NoDepartment,
    /// The event log does not go on from the caller's cursor.
    #[error("The log does not go on from this cursor. Fetch afresh, and go on from there.")]
    ResyncRequired,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A field, and what is wrong with it.
#[derive(Debug)]
pub struct Field {
    /// Its name in the request.
    pub name: &'static str,
    /// A sentence for a person.
    pub sentence: String,
}

impl Error {
    /// A conversation and a stay were named that do not belong together.
    pub fn not_together() -> Self {
        Self::invalid("stay_id", "This is not the stay of the conversation. Name one of both.")
    }

    /// A fault of a field.
    pub fn invalid(name: &'static str, sentence: impl Into<String>) -> Self {
        Self::Invalid(Field { name, sentence: sentence.into() })
    }

    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::BadCredentials => "bad_credentials",
            Self::TooManyAttempts { .. } => "rate_limited",
            Self::Forbidden | Self::BeyondApiKey => "forbidden",
            Self::NotFound => "not_found",
            Self::Invalid(_) => "invalid",
            Self::ConversationClosed => "conversation_closed",
            Self::NotInRelay => "not_in_relay",
            Self::WindowClosed => "window_closed",
            Self::NotThereYet => "unavailable",
            Self::UnsupportedFile => "unsupported_file",
            Self::FileTooLarge { .. } => "too_large",
            Self::NotFailed => "not_failed",
            Self::StaleReply { .. } => "stale_reply",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::NoDepartment => "no_department",
            Self::ResyncRequired => "resync_required",
            Self::Store(error) if error.may_pass() => "unavailable",
            Self::Store(_) => "internal",
        }
    }

    /// What may be told to anybody: of an inner failure nothing.
    pub fn detail(&self) -> String {
        match self {
            Self::Store(error) if error.may_pass() => "The database is away. Please try again.".to_owned(),
            Self::Store(_) => "Something went wrong on our side.".to_owned(),
            told => told.to_string(),
        }
    }
}

impl Failure for Error {
    fn of_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ConversationClosed> for Error {
    fn from(_: ConversationClosed) -> Self {
        Self::ConversationClosed
    }
}

impl From<NotInRelay> for Error {
    fn from(_: NotInRelay) -> Self {
        Self::NotInRelay
    }
}

impl From<NoDepartment> for Error {
    fn from(_: NoDepartment) -> Self {
        Self::NoDepartment
    }
}

impl From<AssigneeOutOfReach> for Error {
    fn from(_: AssigneeOutOfReach) -> Self {
        Self::invalid("staff_id", "This staff member may not see the conversation.")
    }
}

impl From<(&'static str, BadText)> for Error {
    fn from((name, error): (&'static str, BadText)) -> Self {
        Self::invalid(name, error.to_string())
    }
}
