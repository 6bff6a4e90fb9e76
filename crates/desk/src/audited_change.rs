//! What the audit log says about a change: the changed fields only, and nothing personal or secret of them.

use chrono::{DateTime, Utc};
use domain::HotelId;
use persistence::{
    Tx,
    audit_log::{self, AuditActor, AuditEntry},
};

use crate::Error;

/// The fields of an object that a change has changed.
#[derive(Default)]
pub(crate) struct ChangedFields {
    before: Vec<String>,
    after: Vec<String>,
}

impl ChangedFields {
    /// Adds a field if its value has changed.
    pub(crate) fn shown<T: PartialEq + ToString>(mut self, name: &str, before: Option<T>, after: Option<T>) -> Self {
        if before != after {
            let text =
                |value: Option<T>| format!("{name}: {}", value.map_or_else(|| "–".to_owned(), |it| it.to_string()));
            self.before.push(text(before));
            self.after.push(text(after));
        }
        self
    }

    /// Adds the name of a field whose values are not stored: they are personal or secret.
    pub(crate) fn hidden(mut self, name: &str, is_changed: bool) -> Self {
        if is_changed {
            self.after.push(format!("{name} changed"));
        }
        self
    }

    /// Stores the entry of a change, if any field has changed. `of` names the object.
    pub(crate) fn record(
        self,
        tx: &mut Tx<'_>,
        (hotel, actor): (HotelId, AuditActor),
        action: &'static str,
        of: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        if self.after.is_empty() {
            return Ok(());
        }
        let text = |fields: &[String]| Some(format!("{of}: {}", fields.join(", ")));
        let before = if self.before.is_empty() { Some(of.to_owned()) } else { text(&self.before) };
        let entry = AuditEntry { before, after: text(&self.after), ..AuditEntry::of_hotel(hotel, actor, action) };
        Ok(audit_log::insert(tx, &entry, at)?)
    }
}

/// Stores the entry of an object that was created (`after`) or deleted (`before`).
pub(crate) fn record(
    tx: &mut Tx<'_>,
    (hotel, actor): (HotelId, AuditActor),
    action: &'static str,
    (before, after): (Option<String>, Option<String>),
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let entry = AuditEntry { before, after, ..AuditEntry::of_hotel(hotel, actor, action) };
    Ok(audit_log::insert(tx, &entry, at)?)
}
