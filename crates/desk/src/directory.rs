//! Announces changes of the directory: of what clients load once and keep, such as departments, staff and templates.

use chrono::{DateTime, Utc};
use domain::{DirectoryPart, EventKind, HotelId, Role, Staff};
use persistence::Tx;

/// Records that a part of the hotel's directory has changed, for all staff of the hotel. Call it in the transaction of
/// the change.
pub(crate) fn announce(tx: &mut Tx<'_>, hotel: HotelId, what: DirectoryPart, at: DateTime<Utc>) {
    tx.record(hotel, at, EventKind::DirectoryUpdated { what, staff: None });
}

/// Records that a staff member sees more conversations than before, for this staff member only. Does nothing if the
/// change of the staff member adds none.
pub(crate) fn announce_wider_reach(tx: &mut Tx<'_>, before: &Staff, after: &Staff, at: DateTime<Utc>) {
    let sees_all = |member: &Staff| member.role == Role::Manager;
    let has_more = if sees_all(after) {
        !sees_all(before)
    } else {
        !sees_all(before) && after.departments.iter().any(|department| !before.departments.contains(department))
    };
    if has_more {
        let what = DirectoryPart::Reach;
        tx.record(after.hotel, at, EventKind::DirectoryUpdated { what, staff: Some(after.id) });
    }
}
