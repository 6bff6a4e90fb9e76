//! Who runs a use case: a staff session or an API key; and the check for managers.

use auth::Caller;
use domain::{ApiKeyId, HotelId, Reach, Role};
use persistence::{Conn, audit_log::AuditActor, departments, sessions::LiveSession};

use crate::Error;

/// A staff session or an API key. Only the lists and the import of stays, check-in, check-out and cancellation accept an API
/// key; all other use cases take a [`Caller`].
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
#[derive(Clone, Debug)]
pub(crate) struct Initiator {
    pub(crate) hotel: HotelId,
    pub(crate) actor: AuditActor,
    /// The visibility scope of a staff member; `None` for an API key, which sees no conversation.
    pub(crate) reach: Option<Reach>,
    /// Whether the initiator may handle stays in any case: a manager or an API key.
    always_handles_stays: bool,
}

impl From<&LiveSession> for Initiator {
    fn from(live: &LiveSession) -> Self {
        let always_handles_stays = live.staff.role == Role::Manager;
        let (hotel, actor, reach) = (live.staff.hotel, AuditActor::Staff(live.staff.id), Some(live.staff.reach()));
        Self { hotel, actor, reach, always_handles_stays }
    }
}

impl Initiator {
    pub(crate) fn api_key(id: ApiKeyId, hotel: HotelId) -> Self {
        Self { hotel, actor: AuditActor::ApiKey(id), reach: None, always_handles_stays: true }
    }

    /// Fails with [`Error::NoStayHandler`] unless the initiator is an API key or a stay handler.
    pub(crate) fn ensure_may_handle_stays(&self, conn: &mut Conn) -> Result<(), Error> {
        let departments = self.reach.as_ref().map(|reach| reach.departments.as_slice()).unwrap_or_default();
        if self.always_handles_stays || departments::any_handles_stays(conn, self.hotel, departments)? {
            Ok(())
        } else {
            Err(Error::NoStayHandler)
        }
    }
}

/// Fails with [`Error::NoStayHandler`] unless the session belongs to a stay handler: a manager, or a member of an active
/// department that handles stays. Stay handlers create and change stays and guests.
pub(crate) fn ensure_stay_handler(conn: &mut Conn, live: &LiveSession) -> Result<(), Error> {
    Initiator::from(live).ensure_may_handle_stays(conn)
}

/// Fails with [`Error::Forbidden`] unless the session belongs to a manager.
pub(crate) fn ensure_manager(live: &LiveSession) -> Result<(), Error> {
    if live.staff.role == Role::Manager { Ok(()) } else { Err(Error::Forbidden) }
}
