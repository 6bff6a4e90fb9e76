//! Personal settings: a JSON object that the clients of a staff member share. The server interprets no key.

use auth::Caller;
use domain::StaffId;
use persistence::{Conn, staff, staff_settings};

use crate::{Desk, Error, KeyedWrite, WriteOutcome};

/// Greatest size of a staff member's settings, as JSON text in UTF-8.
const MAX_SETTINGS_BYTES: usize = 8 * 1024;

/// Settings before the first change.
pub const NO_SETTINGS: &str = "{}";

impl Desk {
    /// Returns the caller's settings, as the text of a JSON object.
    pub async fn personal_settings(&self, caller: Caller) -> Result<String, Error> {
        self.read_as(caller, |conn, live| stored_settings(conn, live.staff.id)).await
    }

    /// Changes the caller's settings. `merge` makes the new text from the stored one; the staff member is locked, so
    /// that two changes at once lose nothing. Fails with [`Error::Invalid`] if the result is over 8 KiB.
    pub async fn change_personal_settings(
        &self,
        caller: Caller,
        merge: impl Fn(&str) -> String + Send + 'static,
        write: KeyedWrite<String>,
    ) -> Result<WriteOutcome<String>, Error> {
        self.write_once(caller, vec![], write, move |tx, live| {
            staff::lock(tx, &[live.staff.id])?;
            let stored = staff_settings::find(tx.conn(), live.staff.id)?;
            let settings = merge(stored.as_deref().unwrap_or(NO_SETTINGS));
            if settings.len() > MAX_SETTINGS_BYTES {
                return Err(Error::invalid("settings", "Your settings may have at most 8 KiB together."));
            }
            if stored.as_deref() != Some(settings.as_str()) {
                staff_settings::save(tx, live.staff.id, &settings)?;
            }
            Ok(settings)
        })
        .await
    }
}

/// Returns the settings of a staff member, as the text of a JSON object.
pub(crate) fn stored_settings(conn: &mut Conn, staff: StaffId) -> Result<String, Error> {
    Ok(staff_settings::find(conn, staff)?.unwrap_or_else(|| NO_SETTINGS.to_owned()))
}
