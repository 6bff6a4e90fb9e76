//! Lists of sessions: the caller's own, and those of a colleague for managers.

use std::net::IpAddr;

use auth::Caller;
use domain::{SessionId, StaffId};
use persistence::{
    Conn, Tx,
    audit_log::{self, AuditActor, AuditEntry},
    sessions::{self, LiveSession, SessionSelector},
    staff,
};

pub use persistence::sessions::ListedSession;

use crate::{Desk, Error, KeyedWrite, WriteOutcome, principal::ensure_manager, sessions::revoke_sessions};

/// The most sessions that a list contains.
const MAX_LISTED: i64 = 100;

impl Desk {
    /// Returns the caller's live sessions, last used first.
    pub async fn list_own_sessions(&self, caller: Caller) -> Result<Vec<ListedSession>, Error> {
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.read_own_session(caller, move |conn, live| {
            Ok(sessions::list_of(conn, live.staff.id, lifetimes, now, MAX_LISTED)?)
        })
        .await
    }

    /// Ends one of the caller's sessions, named by its number. A session that has ended already stays so.
    pub async fn end_own_session(&self, caller: Caller, number: i64) -> Result<(), Error> {
        let now = self.now();
        self.write_own_session(caller, vec![], move |tx, live| {
            let session = find_session(tx.conn(), live.staff.id, number)?;
            revoke_sessions(tx, &live.staff, SessionSelector::One(session), now)
        })
        .await
    }

    /// Returns the live sessions of a colleague, last used first, for managers.
    pub async fn list_staff_sessions(&self, caller: Caller, id: StaffId) -> Result<Vec<ListedSession>, Error> {
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.read_as(caller, move |conn, live| {
            ensure_manages(conn, live, id)?;
            Ok(sessions::list_of(conn, id, lifetimes, now, MAX_LISTED)?)
        })
        .await
    }

    /// Ends one session of a colleague, named by its number, or all of them, for managers.
    pub async fn end_staff_sessions(
        &self,
        caller: Caller,
        id: StaffId,
        number: Option<i64>,
        address: IpAddr,
        write: KeyedWrite<()>,
    ) -> Result<WriteOutcome<()>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manages(tx.conn(), live, id)?;
            let member = staff::find(tx.conn(), id)?.ok_or(Error::NotFound)?;
            let selector = match number {
                Some(number) => SessionSelector::One(find_session(tx.conn(), id, number)?),
                None => SessionSelector::AllOf(id),
            };
            audit_end(tx, live, id, address, now)?;
            revoke_sessions(tx, &member, selector, now)
        })
        .await
    }
}

/// Fails unless the staff member is one of the caller's hotel, and the caller a manager.
fn ensure_manages(conn: &mut Conn, live: &LiveSession, id: StaffId) -> Result<(), Error> {
    let is_colleague = staff::find(conn, id)?.is_some_and(|member| member.hotel == live.staff.hotel);
    if !is_colleague {
        return Err(Error::NotFound);
    }
    ensure_manager(live)
}

fn find_session(conn: &mut Conn, staff: StaffId, number: i64) -> Result<SessionId, Error> {
    sessions::find_by_number(conn, staff, number)?.ok_or(Error::NotFound)
}

fn audit_end(
    tx: &mut Tx<'_>,
    live: &LiveSession,
    staff: StaffId,
    address: IpAddr,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<(), Error> {
    let entry = AuditEntry {
        hotel: live.staff.hotel,
        actor: AuditActor::Staff(live.staff.id),
        action: "sessions_ended",
        conversation: None,
        staff: Some(staff),
        before: None,
        after: None,
    };
    Ok(audit_log::insert_from(tx, &entry, Some(address), at)?)
}
