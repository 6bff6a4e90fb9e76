//! Staff members, and the effects of a change: sessions, assignments and visible conversations.

use auth::{Caller, Password};
use chrono::{DateTime, Utc};
use domain::{
    Conversation, ConversationRef, DepartmentId, DirectoryPart, EventKind, HotelId, Name, Role, SessionId, Staff,
    StaffId,
};
use persistence::{
    Tx,
    access_revocations::{self, AccessRevocation},
    audit_log::{self, AuditEntry},
    conversations, departments,
    sessions::{self, LiveSession, SessionSelector},
    staff::{self, NewStaffRow},
};

use crate::{
    Desk, Error, KeyedWrite, PageRequest, WriteOutcome, directory,
    existence::{ensure_departments, find_hotel},
    principal::ensure_manager,
    save_conversation::save_with_events,
    sessions::lock_staff,
};

/// The most open conversations from which one transaction removes an assignee.
const MAX_UNASSIGNED_PER_TRANSACTION: i64 = 200;

/// The values of a staff member to be created.
#[derive(Clone, Debug)]
pub struct NewStaffMember {
    /// The user name for sign-in, unique over all hotels.
    pub username: Name,
    /// The displayed name of the staff member.
    pub name: Name,
    pub role: Role,
    /// The departments of the staff member, the main department first.
    pub departments: Vec<DepartmentId>,
    pub password: Password,
    /// Whether the staff member may sign in.
    pub active: bool,
}

/// A change of a staff member; a field that is `None` keeps its value.
#[derive(Clone, Debug, Default)]
pub struct StaffChange {
    pub username: Option<Name>,
    pub name: Option<Name>,
    pub role: Option<Role>,
    pub departments: Option<Vec<DepartmentId>>,
    pub password: Option<Password>,
    pub active: Option<bool>,
}

impl Desk {
    /// Returns the number of staff members and one page of them, oldest first.
    pub async fn list_staff(&self, caller: Caller, page: PageRequest) -> Result<(i64, Vec<Staff>), Error> {
        self.read_as(caller, move |conn, live| {
            let (count, members) = staff::list(conn, live.staff.hotel, page.slice())?;
            page.ensure_exists(count)?;
            Ok((count, members))
        })
        .await
    }

    /// Creates a staff member. Fails with [`Error::Invalid`] if the user name is taken, or a department belongs to
    /// another hotel.
    pub async fn create_staff(
        &self,
        caller: Caller,
        new: NewStaffMember,
        write: KeyedWrite<Staff>,
    ) -> Result<WriteOutcome<Staff>, Error> {
        // The role of the caller is checked before the password is hashed, so that only managers can occupy the server
        // with hashes.
        self.read_as(caller, |_, live| ensure_manager(live)).await?;
        let (new, now) = (self.hash_new_member(new).await?, self.now());
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            let member = create_member(tx, live.staff.hotel, &new, Some(live.staff.id), now)?;
            directory::announce(tx, member.hotel, DirectoryPart::Staff, now);
            Ok(member)
        })
        .await
    }

    /// Changes a staff member. A new password or a deactivation revokes sessions; lost visibility ends
    /// subscriptions and assignments. Fails with [`Error::Invalid`] as [`Desk::create_staff`].
    pub async fn change_staff(
        &self,
        caller: Caller,
        id: StaffId,
        change: StaffChange,
        write: KeyedWrite<Staff>,
    ) -> Result<WriteOutcome<Staff>, Error> {
        let assigned = self
            .read_as(caller, move |conn, live| {
                let is_colleague = staff::find(conn, id)?.is_some_and(|member| member.hotel == live.staff.hotel);
                if !is_colleague {
                    return Err(Error::NotFound);
                }
                ensure_manager(live)?;
                Ok(conversations::open_ids_assigned_to(conn, id, MAX_UNASSIGNED_PER_TRANSACTION)?)
            })
            .await?;
        let locks: Vec<_> = assigned.into_iter().map(ConversationRef::Conversation).collect();
        let (change, lifetimes, now) = (self.hash_change(change).await?, self.lifetimes, self.now());
        let outcome = self
            .write_once(caller, locks, write, move |tx, live| {
                let live = lock_staff(tx, live, id, lifetimes, now)?;
                ensure_manager(&live)?;
                change_member(tx, id, &change, Some(&live), now)
            })
            .await?;
        self.finish_change(caller.hotel, id, Some(caller.staff)).await;
        Ok(outcome)
    }

    /// Creates a staff member for the command line.
    pub async fn create_staff_of(&self, hotel: HotelId, new: NewStaffMember) -> Result<StaffId, Error> {
        let (new, now) = (self.hash_new_member(new).await?, self.now());
        self.write(hotel, vec![], move |tx| {
            find_hotel(tx.conn(), hotel)?;
            let member = create_member(tx, hotel, &new, None, now)?;
            directory::announce(tx, hotel, DirectoryPart::Staff, now);
            Ok(member.id)
        })
        .await
    }

    /// Changes departments or role of a staff member, for the command line.
    pub async fn set_staff(
        &self,
        username: &str,
        departments: Option<Vec<DepartmentId>>,
        role: Option<Role>,
    ) -> Result<StaffId, Error> {
        self.change_by_username(username, StaffChange { departments, role, ..StaffChange::default() }).await
    }

    /// Changes a password and revokes all sessions of the staff member, for the command line.
    pub async fn set_password(&self, username: &str, password: Password) -> Result<StaffId, Error> {
        self.change_by_username(username, StaffChange { password: Some(password), ..StaffChange::default() }).await
    }

    /// Deactivates a staff member, for the command line.
    pub async fn deactivate(&self, username: &str) -> Result<StaffId, Error> {
        self.change_by_username(username, StaffChange { active: Some(false), ..StaffChange::default() }).await
    }

    /// Returns the staff members of all hotels, for the command line.
    pub async fn list_all_staff(&self) -> Result<Vec<Staff>, Error> {
        self.read(|conn| Ok(staff::all(conn)?)).await
    }

    async fn change_by_username(&self, username: &str, change: StaffChange) -> Result<StaffId, Error> {
        let username = username.to_owned();
        let (member, assigned) = self
            .read(move |conn| {
                let found = staff::find_by_username(conn, &username)?;
                let (member, _) =
                    found.ok_or_else(|| Error::invalid("username", "There is no staff member of this user name."))?;
                let assigned = conversations::open_ids_assigned_to(conn, member.id, MAX_UNASSIGNED_PER_TRANSACTION)?;
                Ok((member, assigned))
            })
            .await?;
        let locks: Vec<_> = assigned.into_iter().map(ConversationRef::Conversation).collect();
        let (change, now) = (self.hash_change(change).await?, self.now());
        let id = member.id;
        self.write(member.hotel, locks, move |tx| {
            staff::lock(tx, &[id])?;
            change_member(tx, id, &change, None, now)
        })
        .await?;
        self.finish_change(member.hotel, id, None).await;
        Ok(id)
    }

    /// Does the parts of a staff change that exceed one transaction. The change itself is committed and succeeds;
    /// maintenance repeats what fails here.
    async fn finish_change(&self, hotel: HotelId, id: StaffId, actor: Option<StaffId>) {
        if let Err(error) = self.clear_remaining_assignments(hotel, id, actor).await {
            log::warn!("staff member {id} is still assigned to invisible conversations; retry by maintenance: {error}");
        }
        let desk = self.clone();
        // This runs in the background, because there may be a hundred thousand conversations.
        tokio::spawn(async move {
            if let Err(error) = desk.record_access_losses().await {
                log::warn!("cannot record which conversations staff members lost; retry by maintenance: {error}");
            }
        });
    }

    /// Removes a staff member as assignee, batch by batch, from the open conversations beyond the first batch, which
    /// the change itself has done.
    async fn clear_remaining_assignments(
        &self,
        hotel: HotelId,
        id: StaffId,
        actor: Option<StaffId>,
    ) -> Result<(), Error> {
        if self.read(move |conn| Ok(conversations::open_ids_assigned_to(conn, id, 1)?)).await?.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let clear_batch = move |tx: &mut Tx<'_>| {
            staff::lock(tx, &[id])?;
            let Some(member) = staff::find(tx.conn(), id)? else { return Ok(false) };
            clear_assignments(tx, &member, actor, now)
        };
        while self.write(hotel, vec![], clear_batch).await? {}
        Ok(())
    }

    /// Records, in batches, the closed conversations that staff members no longer see since their departments changed.
    pub async fn record_access_losses(&self) -> Result<(), Error> {
        for loss in self.read(|conn| Ok(access_revocations::list_pending(conn)?)).await? {
            let now = self.now();
            while self.write(loss.hotel, vec![], move |tx| record_access_loss_batch(tx, loss, now)).await? {}
        }
        Ok(())
    }

    async fn hash_new_member(&self, new: NewStaffMember) -> Result<NewStaffRow, Error> {
        let NewStaffMember { username, name, role, departments, password, active } = new;
        let password_hash = self.hash_password(password).await?;
        Ok(NewStaffRow { username, name, role, departments, password_hash, active })
    }

    async fn hash_change(&self, mut change: StaffChange) -> Result<HashedChange, Error> {
        let password_hash = match change.password.take() {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        Ok(HashedChange { change, password_hash })
    }
}

/// A change of a staff member whose new password was replaced by its hash.
struct HashedChange {
    change: StaffChange,
    password_hash: Option<String>,
}

/// Creates a staff member, without an event. `actor` is `None` for the command line.
pub(crate) fn create_member(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &NewStaffRow,
    actor: Option<StaffId>,
    at: DateTime<Utc>,
) -> Result<Staff, Error> {
    ensure_departments(tx.conn(), hotel, &new.departments)?;
    let member = staff::insert(tx, hotel, new, at)?.ok_or_else(username_taken)?;
    audit(tx, &member, actor, AuditedChange { action: "staff_created", before: None, after: Some(&member) }, at)?;
    Ok(member)
}

/// Changes a staff member whose row is locked.
fn change_member(
    tx: &mut Tx<'_>,
    id: StaffId,
    HashedChange { change, password_hash }: &HashedChange,
    initiator: Option<&LiveSession>,
    at: DateTime<Utc>,
) -> Result<Staff, Error> {
    let before = staff::find(tx.conn(), id)?.ok_or(Error::NotFound)?;
    let after = apply_change(&before, change);
    if change.departments.is_some() {
        ensure_departments(tx.conn(), before.hotel, &after.departments)?;
    }
    if before == after && password_hash.is_none() {
        return Ok(after);
    }
    if !staff::save(tx, &after)? {
        return Err(username_taken());
    }
    let actor = initiator.map(|live| live.staff.id);
    if before != after {
        let changed = AuditedChange { action: "staff_changed", before: Some(&before), after: Some(&after) };
        audit(tx, &after, actor, changed, at)?;
    }
    if let Some(hash) = password_hash {
        staff::set_password_hash(tx, id, hash)?;
        audit(tx, &after, actor, AuditedChange { action: "password_set", before: None, after: None }, at)?;
        let own_session = initiator.filter(|live| live.staff.id == id).map(|live| live.id);
        sessions::revoke(tx, all_sessions_except(id, own_session), at)?;
    }
    if !after.active {
        sessions::revoke(tx, SessionSelector::AllOf(id), at)?;
    }
    // `StaffChanged` is the first event: feeds read the new visibility before they send the events below.
    tx.record(after.hotel, at, EventKind::StaffChanged { staff: id });
    record_lost_access(tx, &before, &after, at)?;
    if before != after {
        directory::announce(tx, after.hotel, DirectoryPart::Staff, at);
        directory::announce_wider_reach(tx, &before, &after, at);
    }
    clear_assignments(tx, &after, actor, at)?;
    Ok(after)
}

fn apply_change(before: &Staff, change: &StaffChange) -> Staff {
    let text = |new: &Option<Name>, old: &String| new.as_ref().map_or_else(|| old.clone(), |it| it.as_str().to_owned());
    Staff {
        username: text(&change.username, &before.username),
        name: text(&change.name, &before.name),
        role: change.role.unwrap_or(before.role),
        departments: change.departments.clone().unwrap_or_else(|| before.departments.clone()),
        active: change.active.unwrap_or(before.active),
        ..*before
    }
}

fn all_sessions_except(staff: StaffId, kept: Option<SessionId>) -> SessionSelector {
    kept.map_or(SessionSelector::AllOf(staff), |kept| SessionSelector::OthersOf(staff, kept))
}

/// Records the conversations that a staff member no longer sees: those in relay now, the closed ones in batches later.
fn record_lost_access(tx: &mut Tx<'_>, before: &Staff, after: &Staff, at: DateTime<Utc>) -> Result<(), Error> {
    if after.role == Role::Manager || (before.role, &before.departments) == (after.role, &after.departments) {
        return Ok(());
    }
    let reach_before = before.reach();
    let mut lost = departments::others(tx.conn(), after.hotel, &after.departments)?;
    lost.retain(|department| reach_before.covers(after.hotel, Some(*department)));
    for (conversation, stay) in access_revocations::relay_conversations(tx.conn(), after.hotel, &lost)? {
        tx.record(after.hotel, at, EventKind::ConversationRemoved { conversation, stay, staff: after.id });
    }
    for department in lost {
        access_revocations::insert(tx, AccessRevocation { hotel: after.hotel, staff: after.id, department })?;
    }
    Ok(())
}

/// Records one batch of closed conversations that a staff member no longer sees. Returns whether there may be more.
fn record_access_loss_batch(tx: &mut Tx<'_>, loss: AccessRevocation, at: DateTime<Utc>) -> Result<bool, Error> {
    let member = staff::find(tx.conn(), loss.staff)?;
    if member.is_none_or(|it| it.reach().covers(loss.hotel, Some(loss.department))) {
        access_revocations::delete(tx, loss)?;
        return Ok(false);
    }
    let Some(batch) = access_revocations::take_batch(tx, loss)? else { return Ok(false) };
    for (conversation, stay) in batch.conversations {
        tx.record(loss.hotel, at, EventKind::ConversationRemoved { conversation, stay, staff: loss.staff });
    }
    Ok(batch.has_more)
}

/// Removes a staff member as assignee of open conversations that the staff member no longer sees or can no longer reply
/// to, at most [`MAX_UNASSIGNED_PER_TRANSACTION`]. Returns whether there may be more. Closed conversations are checked
/// on reopening.
fn clear_assignments(tx: &mut Tx<'_>, after: &Staff, actor: Option<StaffId>, at: DateTime<Utc>) -> Result<bool, Error> {
    let assigned = conversations::lock_assigned_out_of_reach(tx, after, MAX_UNASSIGNED_PER_TRANSACTION)?;
    for before in &assigned {
        save_with_events(tx, before, &Conversation { assignee: None, ..before.clone() }, actor, at)?;
    }
    Ok(assigned.len() as i64 == MAX_UNASSIGNED_PER_TRANSACTION)
}

fn username_taken() -> Error {
    Error::invalid("username", "This user name is taken.")
}

struct AuditedChange<'a> {
    action: &'static str,
    before: Option<&'a Staff>,
    after: Option<&'a Staff>,
}

fn audit(
    tx: &mut Tx<'_>,
    member: &Staff,
    actor: Option<StaffId>,
    change: AuditedChange<'_>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let entry = AuditEntry {
        hotel: member.hotel,
        actor: actor.into(),
        action: change.action,
        conversation: None,
        staff: Some(member.id),
        before: change.before.map(audit_text),
        after: change.after.map(audit_text),
    };
    Ok(audit_log::insert(tx, &entry, at)?)
}

/// Returns the text of a staff member for the audit log: role, departments and activity. The audit log contains no
/// names and no secrets.
fn audit_text(member: &Staff) -> String {
    let departments: Vec<String> = member.departments.iter().map(DepartmentId::to_string).collect();
    let active = if member.active { "active" } else { "inactive" };
    format!("{}, departments [{}], {active}", member.role.as_str(), departments.join(" "))
}

#[cfg(test)]
mod tests;
