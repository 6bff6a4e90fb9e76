//! Stays in the audit log: room and dates are shown; what concerns the person of the guest is only named.

use chrono::{DateTime, Utc};
use domain::{Name, Stay};
use persistence::{Tx, audit_log::AuditActor};

use crate::{
    Error,
    audited_change::{self, ChangedFields},
};

pub(super) fn record_new(tx: &mut Tx<'_>, actor: AuditActor, stay: &Stay, at: DateTime<Utc>) -> Result<(), Error> {
    let room = stay.room_number.as_ref().map(Name::as_str).unwrap_or("–");
    let created = format!("{}, room {room}, {} to {}", name(stay), stay.days.first(), stay.days.last());
    audited_change::record(tx, (stay.hotel, actor), "stay_created", (None, Some(created)), at)
}

pub(super) fn record_change(
    tx: &mut Tx<'_>,
    actor: AuditActor,
    (before, after): (&Stay, &Stay),
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let room = |stay: &Stay| stay.room_number.as_ref().map(ToString::to_string);
    ChangedFields::default()
        .shown("reservation code", Some(&before.reservation_code), Some(&after.reservation_code))
        .shown("part", Some(before.part.to_string()), Some(after.part.to_string()))
        .shown("room", room(before), room(after))
        .shown("check-in", Some(before.days.first()), Some(after.days.first()))
        .shown("check-out", Some(before.days.last()), Some(after.days.last()))
        .hidden("guest name", before.guest_name != after.guest_name)
        .hidden("phone number", before.guest_phone != after.guest_phone)
        .hidden("e-mail", before.email != after.email)
        .hidden("language", before.language != after.language)
        .hidden("note", before.note != after.note)
        .record(tx, (after.hotel, actor), "stay_changed", &name(before), at)
}

fn name(stay: &Stay) -> String {
    format!("stay {} ({})", stay.id, stay.reservation_code)
}
