//! Where a change of a staff member comes from, and its entry in the audit log.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::{DepartmentId, SessionId, Staff, StaffId};
use persistence::{
    Tx,
    audit_log::{self, AuditActor, AuditEntry},
    sessions::LiveSession,
};

use crate::Error;

/// Where a change of a staff member comes from.
#[derive(Clone, Copy)]
pub(crate) enum ChangeSource {
    /// The command line, or the program itself.
    CommandLine,
    /// A session, and the address of the request.
    Session { staff: StaffId, session: SessionId, address: IpAddr },
}

impl ChangeSource {
    pub(super) fn of(live: &LiveSession, address: IpAddr) -> Self {
        Self::Session { staff: live.staff.id, session: live.id, address }
    }

    pub(super) fn actor(self) -> AuditActor {
        match self {
            Self::CommandLine => AuditActor::CommandLine,
            Self::Session { staff, .. } => AuditActor::Staff(staff),
        }
    }

    pub(super) fn address(self) -> Option<IpAddr> {
        match self {
            Self::CommandLine => None,
            Self::Session { address, .. } => Some(address),
        }
    }
}

/// A change of a staff member as it is audited.
pub(super) struct AuditedChange<'a> {
    pub(super) action: &'static str,
    pub(super) before: Option<&'a Staff>,
    pub(super) after: Option<&'a Staff>,
}

/// Stores a change of a staff member in the audit log.
pub(super) fn audit(
    tx: &mut Tx<'_>,
    member: &Staff,
    source: ChangeSource,
    change: AuditedChange<'_>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let entry = AuditEntry {
        hotel: member.hotel,
        actor: source.actor(),
        action: change.action,
        conversation: None,
        staff: Some(member.id),
        before: change.before.map(audit_text),
        after: change.after.map(audit_text),
    };
    Ok(audit_log::insert_from(tx, &entry, source.address(), at)?)
}

/// Returns the text of a staff member for the audit log: role, departments and activity. The audit log contains no
/// names and no secrets.
fn audit_text(member: &Staff) -> String {
    let departments: Vec<String> = member.departments.iter().map(DepartmentId::to_string).collect();
    let active = if member.active { "active" } else { "inactive" };
    format!("{}, departments [{}], {active}", member.role.as_str(), departments.join(" "))
}
