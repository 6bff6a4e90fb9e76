//! Who runs a use case: a staff session or an API key; and the check for managers.

use auth::Caller;
use domain::{ApiKeyId, HotelId, Role};
use persistence::{audit_log::AuditActor, sessions::LiveSession};

use crate::Error;

/// A staff session or an API key. Only the import of stays, check-in and check-out accept an API key; all other use
/// cases take a [`Caller`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A staff session. Every use case verifies that it is live.
    Staff(Caller),
    ApiKey {
        id: ApiKeyId,
        hotel: HotelId,
    },
}

/// The principal of a running write transaction, after its session was loaded: its hotel, actor in the audit log, and
/// rights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Initiator {
    pub(crate) hotel: HotelId,
    pub(crate) actor: AuditActor,
    can_administer: bool,
}

impl From<&LiveSession> for Initiator {
    fn from(live: &LiveSession) -> Self {
        let can_administer = live.staff.role == Role::Manager;
        Self { hotel: live.staff.hotel, actor: AuditActor::Staff(live.staff.id), can_administer }
    }
}

impl Initiator {
    pub(crate) fn api_key(id: ApiKeyId, hotel: HotelId) -> Self {
        Self { hotel, actor: AuditActor::ApiKey(id), can_administer: true }
    }

    /// Fails with [`Error::Forbidden`] unless the initiator is a manager or an API key.
    pub(crate) fn ensure_can_administer(self) -> Result<(), Error> {
        if self.can_administer { Ok(()) } else { Err(Error::Forbidden) }
    }
}

/// Fails with [`Error::Forbidden`] unless the session belongs to a manager.
pub(crate) fn ensure_manager(live: &LiveSession) -> Result<(), Error> {
    if live.staff.role == Role::Manager { Ok(()) } else { Err(Error::Forbidden) }
}
