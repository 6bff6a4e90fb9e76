//! Staff members, and the effects of a change: sessions, assignments and visible conversations.

mod change_source;

pub(crate) use change_source::ChangeSource;

use std::net::IpAddr;

use auth::{Caller, Password};
use chrono::{DateTime, Utc};
use domain::{ConversationRef, DepartmentId, DirectoryPart, EventKind, HotelId, Name, Role, Staff, StaffId, Username};
use persistence::{
    Tx,
    access_revocations::{self, AccessRevocation},
    audit_log::AuditActor,
    conversations, departments,
    sessions::{self, SessionSelector},
    staff::{self, NewStaffRow},
};

use self::change_source::{AuditedChange, audit};
use crate::{
    Desk, Error, KeyedWrite, PageRequest, WriteOutcome, directory,
    existence::{ensure_departments, find_hotel},
    own_password::wrong_current_password,
    passwords::ChosenPassword,
    principal::ensure_manager,
    save_conversation::save_with_events,
    sessions::lock_staff,
    sign_in::ClientFacts,
};

/// The most open conversations from which one transaction removes an assignee.
const MAX_UNASSIGNED_PER_TRANSACTION: i64 = 200;

/// The values of a staff member to be created.
#[derive(Clone, Debug)]
pub struct NewStaffMember {
    /// The user name for sign-in, unique over all hotels.
    pub username: Username,
    /// The displayed name of the staff member.
    pub name: Name,
    pub role: Role,
    /// The departments of the staff member, the main department first.
    pub departments: Vec<DepartmentId>,
    pub password: Password,
    /// Whether the person must choose another password at the first sign-in.
    pub must_change_password: bool,
    /// Whether the staff member may sign in.
    pub active: bool,
}

/// A change of a staff member; a field that is `None` keeps its value.
#[derive(Clone, Debug, Default)]
pub struct StaffChange {
    pub username: Option<Username>,
    pub name: Option<Name>,
    pub role: Option<Role>,
    pub departments: Option<Vec<DepartmentId>>,
    pub password: Option<Password>,
    pub active: Option<bool>,
}

impl StaffChange {
    /// Whether the change may take a manager away from the hotel.
    fn may_remove_manager(&self) -> bool {
        self.role == Some(Role::Staff) || self.active == Some(false)
    }
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
        address: IpAddr,
        write: KeyedWrite<Staff>,
    ) -> Result<WriteOutcome<Staff>, Error> {
        // The role of the caller is checked before the password is hashed, so that only managers can occupy the server
        // with hashes.
        self.read_as(caller, |_, live| ensure_manager(live)).await?;
        if let Some(stored) = self.find_repeated(caller, &write).await? {
            return Ok(WriteOutcome::Replayed(stored));
        }
        let (new, now) = (self.hash_new_member(caller.hotel, new).await?, self.now());
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            let member = create_member(tx, live.staff.hotel, &new, ChangeSource::of(live, address), now)?;
            directory::announce(tx, member.hotel, DirectoryPart::Staff, now);
            Ok(member)
        })
        .await
    }

    /// Changes a staff member. A new password or a deactivation revokes sessions; lost visibility ends
    /// subscriptions and assignments. The caller's own new password needs the current one. Fails with
    /// [`Error::Invalid`] as [`Desk::create_staff`], and with [`Error::LastManager`].
    pub async fn change_staff(
        &self,
        caller: Caller,
        id: StaffId,
        change: StaffChange,
        current_password: Option<String>,
        client: ClientFacts,
        write: KeyedWrite<Staff>,
    ) -> Result<WriteOutcome<Staff>, Error> {
        let (member, assigned) = self
            .read_as(caller, move |conn, live| {
                let member = staff::find(conn, id)?.filter(|member| member.hotel == live.staff.hotel);
                let member = member.ok_or(Error::NotFound)?;
                ensure_manager(live)?;
                Ok((member, conversations::open_ids_assigned_to(conn, id, MAX_UNASSIGNED_PER_TRANSACTION)?))
            })
            .await?;
        if let Some(stored) = self.find_repeated(caller, &write).await? {
            return Ok(WriteOutcome::Replayed(stored));
        }
        let address = client.address;
        let is_own_password = id == caller.staff && change.password.is_some();
        let verified = match (is_own_password, current_password) {
            (false, _) => None,
            (true, Some(current)) => match self.verify_own_password(caller, current, client).await {
                Ok(hash) => Some(hash),
                // A repetition under the same key: the first request has changed the password in the meantime.
                Err(error) => {
                    return self.find_repeated(caller, &write).await?.map(WriteOutcome::Replayed).ok_or(error);
                }
            },
            (true, None) => {
                let sentence = "Please give your current password, too.";
                return Err(Error::invalid("current_password", sentence));
            }
        };
        let locks: Vec<_> = assigned.into_iter().map(ConversationRef::Conversation).collect();
        let change = self.hash_change(&member, change, !is_own_password).await?;
        let (lifetimes, now) = (self.lifetimes, self.now());
        let outcome = self
            .write_once(caller, locks, write, move |tx, live| {
                if change.change.may_remove_manager() {
                    staff::lock_with_managers(tx, live.staff.hotel, &[live.staff.id, id])?;
                }
                let live = lock_staff(tx, live, id, lifetimes, now)?;
                ensure_manager(&live)?;
                if let Some(verified) = &verified
                    && staff::password_hash(tx.conn(), id)? != *verified
                {
                    return Err(wrong_current_password());
                }
                change_member(tx, id, &change, ChangeSource::of(&live, address), now)
            })
            .await?;
        self.finish_change(caller.hotel, id, caller.staff.into()).await;
        Ok(outcome)
    }

    /// Creates a staff member for the command line.
    pub async fn create_staff_of(&self, hotel: HotelId, new: NewStaffMember) -> Result<StaffId, Error> {
        self.read(move |conn| find_hotel(conn, hotel).map(drop)).await?;
        let (new, now) = (self.hash_new_member(hotel, new).await?, self.now());
        self.write(hotel, vec![], move |tx| {
            find_hotel(tx.conn(), hotel)?;
            let member = create_member(tx, hotel, &new, ChangeSource::CommandLine, now)?;
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
        let change = StaffChange { departments, role, ..StaffChange::default() };
        Ok(self.change_by_username(username, change, true).await?.id)
    }

    /// Changes a password and revokes all sessions of the staff member, for the command line. `must_change` is whether
    /// the person must choose another password at the next sign-in.
    pub async fn set_password(&self, username: &str, password: Password, must_change: bool) -> Result<Staff, Error> {
        let change = StaffChange { password: Some(password), ..StaffChange::default() };
        self.change_by_username(username, change, must_change).await
    }

    /// Deactivates a staff member, or activates one again, for the command line.
    pub async fn set_active(&self, username: &str, active: bool) -> Result<StaffId, Error> {
        let change = StaffChange { active: Some(active), ..StaffChange::default() };
        Ok(self.change_by_username(username, change, true).await?.id)
    }

    /// Returns the staff members of all hotels or of one, for the command line.
    pub async fn list_all_staff(&self, hotel: Option<HotelId>) -> Result<Vec<Staff>, Error> {
        self.read(move |conn| {
            if let Some(hotel) = hotel {
                find_hotel(conn, hotel)?;
            }
            Ok(staff::all(conn, hotel)?)
        })
        .await
    }

    async fn change_by_username(
        &self,
        username: &str,
        change: StaffChange,
        must_change_password: bool,
    ) -> Result<Staff, Error> {
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
        let (change, now) = (self.hash_change(&member, change, must_change_password).await?, self.now());
        let (hotel, id) = (member.hotel, member.id);
        let changed = self
            .write(hotel, locks, move |tx| {
                match change.change.may_remove_manager() {
                    true => staff::lock_with_managers(tx, hotel, &[id])?,
                    false => staff::lock(tx, &[id])?,
                }
                change_member(tx, id, &change, ChangeSource::CommandLine, now)
            })
            .await?;
        self.finish_change(hotel, id, AuditActor::CommandLine).await;
        Ok(changed)
    }

    /// Does the parts of a staff change that exceed one transaction. The change itself is committed and succeeds;
    /// maintenance repeats what fails here.
    async fn finish_change(&self, hotel: HotelId, id: StaffId, actor: AuditActor) {
        if let Err(error) = self.clear_remaining_assignments(hotel, id, actor).await {
            log::warn!(
                "hotel {hotel}: staff member {id} is still assigned to invisible conversations; retry by maintenance: \
                 {error}"
            );
        }
        let desk = self.clone();
        // This runs in the background, because there may be a hundred thousand conversations.
        tokio::spawn(async move {
            if let Err(error) = desk.record_access_losses().await {
                log::warn!(
                    "hotel {hotel}: cannot record which conversations staff members lost; retry by maintenance: {error}"
                );
            }
        });
    }

    /// Removes a staff member as assignee, batch by batch, from the open conversations beyond the first batch, which
    /// the change itself has done.
    async fn clear_remaining_assignments(&self, hotel: HotelId, id: StaffId, actor: AuditActor) -> Result<(), Error> {
        let now = self.now();
        loop {
            let next = self.read(move |conn| {
                let Some(member) = staff::find(conn, id)? else { return Ok(Vec::new()) };
                Ok(conversations::ids_assigned_out_of_reach(conn, &member, MAX_UNASSIGNED_PER_TRANSACTION)?)
            });
            // Locked before the staff member, as the lock order wants it.
            let locks: Vec<_> = next.await?.into_iter().map(ConversationRef::Conversation).collect();
            if locks.is_empty() {
                return Ok(());
            }
            let clear_batch = move |tx: &mut Tx<'_>| {
                staff::lock(tx, &[id])?;
                let Some(member) = staff::find(tx.conn(), id)? else { return Ok(()) };
                clear_assignments(tx, &member, actor, now)
            };
            self.write(hotel, locks, clear_batch).await?;
        }
    }

    /// Records, in batches, the closed conversations that staff members no longer see since their departments changed.
    pub async fn record_access_losses(&self) -> Result<(), Error> {
        for loss in self.read(|conn| Ok(access_revocations::list_pending(conn)?)).await? {
            let now = self.now();
            while self.write(loss.hotel, vec![], move |tx| record_access_loss_batch(tx, loss, now)).await? {}
        }
        Ok(())
    }

    async fn hash_new_member(&self, hotel: HotelId, new: NewStaffMember) -> Result<NewStaffRow, Error> {
        let NewStaffMember { username, name, role, departments, password, must_change_password, active } = new;
        let names = vec![username.as_str().to_owned(), name.as_str().to_owned()];
        let password_hash = self.hash_for(hotel, password, names).await?;
        Ok(NewStaffRow { username, name, role, departments, password_hash, must_change_password, active })
    }

    async fn hash_change(
        &self,
        member: &Staff,
        mut change: StaffChange,
        must_change_password: bool,
    ) -> Result<HashedChange, Error> {
        let password_hash = match change.password.take() {
            Some(password) => {
                let after = apply_change(member, &change);
                Some(self.hash_for(member.hotel, password, vec![after.username, after.name]).await?)
            }
            None => None,
        };
        Ok(HashedChange { change, password_hash, must_change_password })
    }

    /// Hashes the password of a staff member, which must not be guessable from these names and that of the hotel.
    async fn hash_for(&self, hotel: HotelId, password: Password, mut names: Vec<String>) -> Result<String, Error> {
        names.push(self.read(move |conn| Ok(find_hotel(conn, hotel)?.name)).await?);
        self.hash_chosen_password(ChosenPassword { field: "password", password, names }).await
    }
}

/// A change of a staff member whose new password was replaced by its hash.
struct HashedChange {
    change: StaffChange,
    password_hash: Option<String>,
    /// Whether the person must choose another password than the new one at the next sign-in.
    must_change_password: bool,
}

/// Creates a staff member, without an event.
pub(crate) fn create_member(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &NewStaffRow,
    source: ChangeSource,
    at: DateTime<Utc>,
) -> Result<Staff, Error> {
    ensure_departments(tx.conn(), hotel, &new.departments)?;
    let member = staff::insert(tx, hotel, new, at)?.ok_or_else(username_taken)?;
    audit(tx, &member, source, AuditedChange { action: "staff_created", before: None, after: Some(&member) }, at)?;
    Ok(member)
}

/// Changes a staff member whose row is locked.
fn change_member(
    tx: &mut Tx<'_>,
    id: StaffId,
    HashedChange { change, password_hash, must_change_password }: &HashedChange,
    source: ChangeSource,
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
    let is_active_manager = |member: &Staff| member.role == Role::Manager && member.active;
    if is_active_manager(&before) && !is_active_manager(&after) && !staff::has_other_manager(tx.conn(), &before)? {
        return Err(Error::LastManager);
    }
    if !staff::save(tx, &after)? {
        return Err(username_taken());
    }
    if before != after {
        let changed = AuditedChange { action: "staff_changed", before: Some(&before), after: Some(&after) };
        audit(tx, &after, source, changed, at)?;
    }
    if let Some(hash) = password_hash {
        staff::set_password_hash(tx, id, hash, *must_change_password)?;
        audit(tx, &after, source, AuditedChange { action: "password_set", before: None, after: None }, at)?;
        sessions::revoke(tx, sessions_to_end(id, source), at)?;
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
    clear_assignments(tx, &after, source.actor(), at)?;
    Ok(after)
}

fn apply_change(before: &Staff, change: &StaffChange) -> Staff {
    let text = |new: Option<&str>, old: &String| new.map_or_else(|| old.clone(), str::to_owned);
    Staff {
        username: text(change.username.as_ref().map(Username::as_str), &before.username),
        name: text(change.name.as_ref().map(Name::as_str), &before.name),
        role: change.role.unwrap_or(before.role),
        departments: change.departments.clone().unwrap_or_else(|| before.departments.clone()),
        active: change.active.unwrap_or(before.active),
        ..*before
    }
}

/// A new password ends all sessions of the person, except the one that has set it.
fn sessions_to_end(id: StaffId, source: ChangeSource) -> SessionSelector {
    match source {
        ChangeSource::Session { staff, session, .. } if staff == id => SessionSelector::OthersOf(id, session),
        _ => SessionSelector::AllOf(id),
    }
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
/// to, at most [`MAX_UNASSIGNED_PER_TRANSACTION`]. Closed conversations are checked on reopening.
fn clear_assignments(tx: &mut Tx<'_>, after: &Staff, actor: AuditActor, at: DateTime<Utc>) -> Result<(), Error> {
    let assigned = conversations::lock_assigned_out_of_reach(tx, after, MAX_UNASSIGNED_PER_TRANSACTION)?;
    for before in &assigned {
        let mut conversation = before.clone();
        conversation.clear_assignee_without_access(None);
        save_with_events(tx, before, &conversation, actor, at)?;
    }
    Ok(())
}

fn username_taken() -> Error {
    Error::invalid("username", "This user name is taken.")
}

#[cfg(test)]
mod tests;
