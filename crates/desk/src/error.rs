//! The error of all use cases.

use std::time::Duration;

use domain::{
    Draft, Message, Person,
    conversation::{AssigneeOutOfReach, ConversationClosed, NoDepartment, NotInRelay, SnoozeRefused},
    scheduled::ScheduledMessageDone,
    text::BadText,
};
use persistence::{JobError, StoreError};

/// Why a use case was refused. `Display` is a sentence for staff, [`Error::code`] the stable code for programs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The session is over, or never existed.
    #[error("Please sign in.")]
    Unauthenticated,
    /// A sign-in failed. Does not reveal whether the user name exists.
    #[error("The user name or the password is wrong.")]
    BadCredentials,
    #[error("Too many failed sign-ins. Please wait before trying again.")]
    TooManyAttempts { retry_after: Duration },
    /// More sign-ins wait than the server can check soon.
    #[error("Too many people are signing in at this moment. Please try again in a moment.")]
    TooManySignIns,
    #[error("Please choose a new password first.")]
    PasswordChangeRequired,
    #[error("Only a manager may do this.")]
    Forbidden,
    #[error("Only managers and members of a department that handles stays may do this.")]
    NoStayHandler,
    #[error("An API key may only list, import and cancel stays, check guests in and check guests out.")]
    BeyondApiKey,
    /// The object that the request names is absent, or not visible to the caller.
    #[error("Not found.")]
    NotFound,
    #[error("{}", .0.sentence)]
    Invalid(InvalidField),
    #[error("This conversation is closed. Reopen it first.")]
    ConversationClosed,
    #[error("This conversation is not with a department.")]
    NotInRelay,
    /// The 24-hour window is over: WhatsApp allows no free text.
    #[error("The guest last wrote more than 24 hours ago: WhatsApp allows only an approved template now.")]
    WindowClosed,
    /// The file of a guest's message is not downloaded yet.
    #[error("This file is still being fetched. Please try again in a moment.")]
    NotThereYet,
    #[error("WhatsApp does not accept files of this type. It accepts {}.", whatsapp::SENDABLE_FILES)]
    UnsupportedFile,
    #[error("WhatsApp accepts a file of this type with at most {} MB. Please send a smaller one.", .most / (1024 * 1024))]
    FileTooLarge {
        /// The greatest size that WhatsApp accepts for a file of this type, in bytes.
        most: usize,
    },
    /// Only a failed or unknown message can be retried.
    #[error("This message has not failed.")]
    NotFailed,
    /// The message is not waiting any more, so it cannot be changed or taken back.
    #[error("This message is not waiting any more, so it cannot be changed or taken back.")]
    AlreadySent,
    #[error("Only the colleague who wrote this message may change it.")]
    NotTheSender,
    #[error("A colleague has written in the meantime. Read that first.")]
    StaleReply {
        /// The messages and notes after the one that the sender had seen, oldest first, up to a limit.
        newer: Vec<Message>,
    },
    /// The department cannot be deactivated.
    #[error("{}", .0)]
    DepartmentInUse(&'static str),
    /// The stored draft is not the one from which the client began.
    #[error("Another device has changed this draft in the meantime.")]
    DraftConflict {
        /// The stored draft; `None` if there is none.
        draft: Option<Box<Draft>>,
    },
    #[error("{} already takes care of this conversation.", .assigned_to.name)]
    AlreadyAssigned {
        /// The assignee.
        assigned_to: Person,
    },
    /// The state of the object forbids the change; the value is the sentence for staff.
    #[error("{}", .0)]
    NotAllowedNow(&'static str),
    /// The stay names no guest to whom a message could be sent.
    #[error("This stay has no phone number, so nothing can be sent to the guest. Enter the number first.")]
    NoGuestNumber,
    /// Meta does not accept the template now.
    #[error("WhatsApp has paused or deleted this template. Choose another one.")]
    TemplateUnavailable,
    /// WhatsApp did not answer a request that the use case needs, or refused it.
    #[error("WhatsApp did not answer. Please try again; the server's log names the reason.")]
    WhatsAppUnavailable,
    #[error("This key was used for another request.")]
    IdempotencyMismatch,
    #[error("This is the last active manager of the hotel. Please make somebody else a manager first.")]
    LastManager,
    /// The sender has no department that could take over the conversation.
    #[error("You are in no department, so you cannot take over this conversation.")]
    NoDepartment,
    /// The event log does not continue from the caller's cursor.
    #[error("The event log does not continue from this cursor. Load everything again.")]
    ResyncRequired,
    /// A search was stopped at its time limit.
    #[error("The search took too long. Please search for more words, or in fewer days.")]
    SearchTimeout,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An invalid field of a request, with a sentence for the user.
#[derive(Debug)]
pub struct InvalidField {
    /// The name of the field in the request.
    pub name: &'static str,
    pub sentence: String,
}

impl Error {
    /// Returns the error for a request that names a conversation and a stay that is not the conversation's.
    pub fn stay_mismatch() -> Self {
        Self::invalid("stay_id", "This is not the stay of the conversation. Give only one of the two.")
    }

    pub fn invalid(name: &'static str, sentence: impl Into<String>) -> Self {
        Self::Invalid(InvalidField { name, sentence: sentence.into() })
    }

    /// Returns the stable error code of the API contract.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::BadCredentials => "bad_credentials",
            Self::TooManyAttempts { .. } | Self::TooManySignIns => "rate_limited",
            Self::PasswordChangeRequired => "password_change_required",
            Self::LastManager => "last_manager",
            Self::Forbidden | Self::NoStayHandler | Self::BeyondApiKey | Self::NotTheSender => "forbidden",
            Self::NotFound => "not_found",
            Self::Invalid(_) => "invalid",
            Self::ConversationClosed => "conversation_closed",
            Self::NotInRelay => "not_in_relay",
            Self::WindowClosed => "window_closed",
            Self::NotThereYet | Self::WhatsAppUnavailable => "unavailable",
            Self::UnsupportedFile => "unsupported_file",
            Self::FileTooLarge { .. } => "too_large",
            Self::NotFailed => "not_failed",
            Self::AlreadySent => "already_sent",
            Self::StaleReply { .. } => "stale_reply",
            Self::DepartmentInUse(_) => "department_in_use",
            Self::DraftConflict { .. } => "draft_conflict",
            Self::AlreadyAssigned { .. } => "already_assigned",
            Self::NotAllowedNow(_) => "not_allowed_now",
            Self::NoGuestNumber => "no_guest_number",
            Self::TemplateUnavailable => "template_unavailable",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::NoDepartment => "no_department",
            Self::ResyncRequired => "resync_required",
            Self::SearchTimeout => "search_timeout",
            Self::Store(error) if error.is_temporary() => "unavailable",
            Self::Store(_) => "internal",
        }
    }

    /// Returns the sentence for clients. Reveals nothing about the cause of a database error.
    pub fn detail(&self) -> String {
        match self {
            Self::Store(error) if error.is_temporary() => "The database is unavailable. Please try again.".to_owned(),
            Self::Store(_) => "Something went wrong on our side.".to_owned(),
            refusal => refusal.to_string(),
        }
    }
}

impl JobError for Error {
    fn store_error(&self) -> Option<&StoreError> {
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

impl From<SnoozeRefused> for Error {
    fn from(refusal: SnoozeRefused) -> Self {
        match refusal {
            SnoozeRefused::Closed(closed) => closed.into(),
            SnoozeRefused::TimeOutOfRange => Self::invalid("until", refusal.to_string()),
        }
    }
}

impl From<ScheduledMessageDone> for Error {
    fn from(_: ScheduledMessageDone) -> Self {
        Self::AlreadySent
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
