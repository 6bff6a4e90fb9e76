//! The caller's own password: verification of the present one, and the change.

use auth::{Caller, Password};
use persistence::{
    audit_log::{self, AuditActor, AuditEntry},
    hotels, login_attempts,
    sessions::SessionSelector,
    staff,
};

use crate::{
    Desk, Error,
    hash_queue::HashPriority,
    passwords::{ChosenPassword, verify_password},
    sessions::{lock_staff, revoke_sessions},
    sign_in::{ClientFacts, attempt_key, ensure_attempt_allowed},
};

impl Desk {
    /// Changes the caller's password and revokes the other sessions. Fails with [`Error::Invalid`] if the current
    /// password is wrong, or the new one too weak.
    pub async fn change_password(
        &self,
        caller: Caller,
        current: String,
        new: String,
        client: ClientFacts,
    ) -> Result<(), Error> {
        let address = client.address;
        let verified = self.verify_own_password(caller, current.clone(), client).await?;
        if new == current {
            return Err(Error::invalid("new_password", "This is your present password. Please take another one."));
        }
        let password = Password::parse(new).map_err(|error| Error::invalid("new_password", error.to_string()))?;
        let names = self
            .read_own_session(caller, |conn, live| {
                let hotel = hotels::find(conn, live.staff.hotel)?.ok_or(Error::NotFound)?;
                Ok(vec![live.staff.username.clone(), live.staff.name.clone(), hotel.name])
            })
            .await?;
        let hash = self.hash_chosen_password(ChosenPassword { field: "new_password", password, names }).await?;
        let (lifetimes, now) = (self.lifetimes, self.now());
        self.write_own_session(caller, vec![], move |tx, live| {
            let live = lock_staff(tx, live, live.staff.id, lifetimes, now)?;
            // Another change has replaced the current password since it was verified.
            if staff::password_hash(tx.conn(), live.staff.id)? != verified {
                return Err(wrong_current_password());
            }
            staff::set_password_hash(tx, live.staff.id, &hash, false)?;
            let entry = AuditEntry {
                hotel: live.staff.hotel,
                actor: AuditActor::Staff(live.staff.id),
                action: "password_changed",
                conversation: None,
                staff: Some(live.staff.id),
                before: None,
                after: None,
            };
            audit_log::insert_from(tx, &entry, Some(address), now)?;
            revoke_sessions(tx, &live.staff, SessionSelector::OthersOf(live.staff.id, live.id), now)
        })
        .await
    }

    /// Verifies the caller's present password, which counts as a sign-in, and returns its hash. Fails with
    /// [`Error::Invalid`] if it is wrong.
    pub(crate) async fn verify_own_password(
        &self,
        caller: Caller,
        password: String,
        client: ClientFacts,
    ) -> Result<String, Error> {
        let (now, address) = (self.now(), client.address);
        let (member, hash, attempt) = self
            .read_own_session(caller, move |conn, live| {
                let staff = live.staff.clone();
                let attempt = attempt_key(conn, &staff.username, Some(staff.id), &client, now)?;
                ensure_attempt_allowed(conn, &attempt, now)?;
                let hash = staff::password_hash(conn, staff.id)?;
                Ok((staff, hash, attempt))
            })
            .await?;
        let permit = self.begin_attempt(&attempt, HashPriority::Known).await?;
        if !verify_password(permit, Some(hash.clone()), password).await {
            self.audit_failure("current_password_failed", Some(member), address);
            return Err(wrong_current_password());
        }
        self.write_global(move |tx| Ok(login_attempts::delete_attempts(tx, &attempt)?)).await?;
        Ok(hash)
    }
}

pub(crate) fn wrong_current_password() -> Error {
    Error::invalid("current_password", "This is not your current password.")
}
