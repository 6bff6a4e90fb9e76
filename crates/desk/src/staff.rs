//! Staff members, and all that follows when what they may see changes.

use auth::{Caller, Password, PasswordHash};
use chrono::{DateTime, Utc};
use domain::{Conversation, DepartmentId, EventKind, HotelId, Name, Role, SessionId, Staff, StaffId};
use persistence::{
    StoreError, Tx,
    audit::{self, Entry},
    conversations::{self, Which},
    departments, hotels,
    reach_losses::{self, ReachLoss},
    sessions::{self, Live},
    staff::{self, NewStaff},
};

use crate::{Desk, Done, Error, Once, Page, sessions::lock_staff, settle};

/// Open conversations that are taken from a staff member in one transaction.
const AT_ONCE: i64 = 200;

/// A staff member to be.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// The name they sign in with, unique over all hotels.
    pub username: Name,
    /// The name that others see.
    pub name: Name,
    /// What they may do.
    pub role: Role,
    /// Their departments, the first one first.
    pub departments: Vec<DepartmentId>,
    /// Their password.
    pub password: Password,
    /// Whether they may sign in.
    pub active: bool,
}

/// What is to be changed of a staff member; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct StaffChange {
    /// The name they sign in with.
    pub username: Option<Name>,
    /// The name that others see.
    pub name: Option<Name>,
    /// What they may do.
    pub role: Option<Role>,
    /// Their departments, the first one first.
    pub departments: Option<Vec<DepartmentId>>,
    /// Their password.
    pub password: Option<Password>,
    /// Whether they may sign in.
    pub active: Option<bool>,
}

impl Desk {
    /// Lists the hotel's staff: how many there are, and a page of them, first made first.
    ///
    /// # Errors
    /// [`Error::NotFound`] past the last page.
    pub async fn staff(&self, caller: Caller, page: Page) -> Result<(i64, Vec<Staff>), Error> {
        self.ask(caller, move |conn, live| {
            let (count, found) = staff::list(conn, live.staff.hotel, page.slice())?;
            page.refuse_past(count)?;
            Ok((count, found))
        })
        .await
    }

    /// Makes a staff member.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] where the user name is taken, or a department is
    /// not one of the hotel.
    pub async fn create_staff(&self, caller: Caller, new: NewMember, once: Once<Staff>) -> Result<Done<Staff>, Error> {
        // Asked before, too: nobody else makes the server hash passwords.
        self.ask(caller, |_, live| refuse_unless_manager(live)).await?;
        let (new, now) = (self.hashed(new).await?, self.now());
        self.act_once(caller, vec![], once, move |tx, live| {
            refuse_unless_manager(live)?;
            create(tx, live.staff.hotel, &new, Some(live.staff.id), now)
        })
        .await
    }

    /// Changes a staff member. Their sessions, subscriptions and assignments end as they must.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], and [`Error::Invalid`] as at
    /// [`Desk::create_staff`].
    pub async fn change_staff(
        &self,
        caller: Caller,
        id: StaffId,
        change: StaffChange,
        once: Once<Staff>,
    ) -> Result<Done<Staff>, Error> {
        let held = self
            .ask(caller, move |conn, live| {
                let known = staff::find(conn, id)?.is_some_and(|it| it.hotel == live.staff.hotel);
                if !known {
                    return Err(Error::NotFound);
                }
                refuse_unless_manager(live)?;
                Ok(conversations::open_assigned_to(conn, id, AT_ONCE)?)
            })
            .await?;
        let locks: Vec<_> = held.into_iter().map(Which::Conversation).collect();
        let (change, lifetimes, now) = (self.hashed_change(change).await?, self.lifetimes, self.now());
        let done = self
            .act_once(caller, locks, once, move |tx, live| {
                let live = lock_staff(tx, live, id, lifetimes, now)?;
                refuse_unless_manager(&live)?;
                change_member(tx, id, &change, Some(&live), now)
            })
            .await?;
        self.follow_up(caller.hotel, id, Some(caller.staff)).await;
        Ok(done)
    }

    /// Makes a staff member, from the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such hotel, and as at [`Desk::create_staff`].
    pub async fn add_staff(&self, hotel: HotelId, new: NewMember) -> Result<StaffId, Error> {
        let (new, now) = (self.hashed(new).await?, self.now());
        self.store
            .write(hotel, vec![], move |tx| {
                if hotels::find(tx.conn(), hotel)?.is_none() {
                    return Err(Error::invalid("hotel", "There is no such hotel."));
                }
                Ok(create(tx, hotel, &new, None, now)?.id)
            })
            .await
    }

    /// Gives a staff member other departments or another role, from the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such staff member, or no such department.
    pub async fn set_staff(
        &self,
        username: &str,
        departments: Option<Vec<DepartmentId>>,
        role: Option<Role>,
    ) -> Result<StaffId, Error> {
        self.change_by_name(username, StaffChange { departments, role, ..StaffChange::default() }).await
    }

    /// Gives a staff member another password and ends all their sessions, from the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such staff member.
    pub async fn set_password(&self, username: &str, password: Password) -> Result<StaffId, Error> {
        self.change_by_name(username, StaffChange { password: Some(password), ..StaffChange::default() }).await
    }

    /// Shuts a staff member out, from the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such staff member.
    pub async fn deactivate(&self, username: &str) -> Result<StaffId, Error> {
        self.change_by_name(username, StaffChange { active: Some(false), ..StaffChange::default() }).await
    }

    /// All staff members of all hotels, for the command line.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn all_staff(&self) -> Result<Vec<Staff>, Error> {
        self.store.read(|conn| Ok(staff::all(conn)?)).await
    }

    async fn change_by_name(&self, username: &str, change: StaffChange) -> Result<StaffId, Error> {
        let username = username.to_owned();
        let (member, held) = self
            .store
            .read(move |conn| {
                let found = staff::find_by_username(conn, &username)?;
                let (member, _) =
                    found.ok_or_else(|| Error::invalid("username", "There is no staff member of this user name."))?;
                let held = conversations::open_assigned_to(conn, member.id, AT_ONCE)?;
                Ok::<_, Error>((member, held))
            })
            .await?;
        let locks: Vec<_> = held.into_iter().map(Which::Conversation).collect();
        let (change, now) = (self.hashed_change(change).await?, self.now());
        let id = member.id;
        self.store
            .write(member.hotel, locks, move |tx| {
                staff::lock(tx, &[id])?;
                change_member(tx, id, &change, None, now)
            })
            .await?;
        self.follow_up(member.hotel, id, None).await;
        Ok(id)
    }

    /// Takes from a staff member what is left assigned to them after a change, and begins to record what they do not
    /// see any more. The change itself is done, and is answered so: what fails here, the next minute brings.
    async fn follow_up(&self, hotel: HotelId, id: StaffId, actor: Option<StaffId>) {
        if let Err(error) = self.clear_further_assignments(hotel, id, actor).await {
            log::warn!("staff member {id} is left assigned to conversations that they may not see: {error}");
        }
        let desk = self.clone();
        // Beside the request: there may be a hundred thousand of them.
        tokio::spawn(async move {
            if let Err(error) = desk.record_lost_sight().await {
                log::warn!("cannot record yet what staff do not see any more: {error}");
            }
        });
    }

    /// Takes from a staff member, batch by batch, the open conversations that the change itself left to them.
    async fn clear_further_assignments(
        &self,
        hotel: HotelId,
        id: StaffId,
        actor: Option<StaffId>,
    ) -> Result<(), Error> {
        let clear = move |tx: &mut Tx<'_>, now| {
            staff::lock(tx, &[id])?;
            let Some(member) = staff::find(tx.conn(), id)? else { return Ok(false) };
            clear_assignments(tx, &member, actor, now)
        };
        let rest = self.store.read(move |conn| Ok::<_, Error>(conversations::open_assigned_to(conn, id, 1)?)).await?;
        if rest.is_empty() {
            return Ok(());
        }
        let now = self.now();
        while self.store.write(hotel, vec![], move |tx| clear(tx, now)).await? {}
        Ok(())
    }

    /// Records, in batches, which closed conversations staff members do not see any more since they were changed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn record_lost_sight(&self) -> Result<(), Error> {
        for loss in self.store.read(|conn| Ok::<_, Error>(reach_losses::pending(conn)?)).await? {
            let now = self.now();
            while self.store.write(loss.hotel, vec![], move |tx| record_batch(tx, loss, now)).await? {}
        }
        Ok(())
    }

    async fn hashed(&self, new: NewMember) -> Result<NewStaff, Error> {
        let NewMember { username, name, role, departments, password, active } = new;
        Ok(NewStaff { username, name, role, departments, password_hash: self.hash(password).await?, active })
    }

    async fn hashed_change(&self, mut change: StaffChange) -> Result<(StaffChange, Option<String>), Error> {
        let hash = match change.password.take() {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        Ok((change, hash))
    }

    /// Hashes a password, beside the threads that answer requests and not too many at once.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Error> {
        let failed = |why: String| StoreError::Unavailable(format!("cannot hash a password: {why}"));
        let _turn = self.hashing.acquire().await.map_err(|error| failed(error.to_string()))?;
        let hashed = tokio::task::spawn_blocking(move || PasswordHash::of(&password)).await;
        let hash = hashed.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
        Ok(hash.as_str().to_owned())
    }
}

/// Refuses who is no manager.
pub(crate) fn refuse_unless_manager(live: &Live) -> Result<(), Error> {
    if live.staff.role == Role::Manager { Ok(()) } else { Err(Error::Forbidden) }
}

/// Makes a staff member. `actor`: who makes them; nobody: the command line.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &NewStaff,
    actor: Option<StaffId>,
    at: DateTime<Utc>,
) -> Result<Staff, Error> {
    refuse_foreign(tx, hotel, &new.departments)?;
    let made = staff::insert(tx, hotel, new, at)?.ok_or_else(taken)?;
    note(tx, &made, actor, ("staff_created", None, Some(description(&made))), at)?;
    Ok(made)
}

/// Changes a staff member, whose row is locked.
fn change_member(
    tx: &mut Tx<'_>,
    id: StaffId,
    (change, hash): &(StaffChange, Option<String>),
    by: Option<&Live>,
    at: DateTime<Utc>,
) -> Result<Staff, Error> {
    let before = staff::find(tx.conn(), id)?.ok_or(Error::NotFound)?;
    let after = changed(&before, change);
    if change.departments.is_some() {
        refuse_foreign(tx, before.hotel, &after.departments)?;
    }
    if before == after && hash.is_none() {
        return Ok(after);
    }
    if !staff::save(tx, &after)? {
        return Err(taken());
    }
    let actor = by.map(|it| it.staff.id);
    if before != after {
        note(tx, &after, actor, ("staff_changed", Some(description(&before)), Some(description(&after))), at)?;
    }
    if let Some(hash) = hash {
        staff::set_password_hash(tx, id, hash)?;
        note(tx, &after, actor, ("password_set", None, None), at)?;
        let own = by.filter(|it| it.staff.id == id).map(|it| it.id);
        sessions::revoke(tx, all_but(id, own), at)?;
    }
    if !after.active {
        sessions::revoke(tx, sessions::Which::AllOf(id), at)?;
    }
    // First of all: whoever is told the rest must look again who sees it.
    tx.record(after.hotel, at, EventKind::StaffChanged { staff: id });
    tell_lost(tx, &before, &after, at)?;
    clear_assignments(tx, &after, actor, at)?;
    Ok(after)
}

fn changed(before: &Staff, change: &StaffChange) -> Staff {
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

fn all_but(staff: StaffId, own: Option<SessionId>) -> sessions::Which {
    own.map_or(sessions::Which::AllOf(staff), |own| sessions::Which::OthersOf(staff, own))
}

/// Records which conversations they saw before and do not see any more: those in relay now, the closed ones of these
/// departments in batches afterwards.
fn tell_lost(tx: &mut Tx<'_>, before: &Staff, after: &Staff, at: DateTime<Utc>) -> Result<(), Error> {
    if after.role == Role::Manager || (before.role, &before.departments) == (after.role, &after.departments) {
        return Ok(());
    }
    let saw = before.reach();
    let mut lost = departments::others(tx.conn(), after.hotel, &after.departments)?;
    lost.retain(|department| saw.covers(after.hotel, Some(*department)));
    for (conversation, stay) in reach_losses::in_relay_with(tx.conn(), after.hotel, &lost)? {
        tx.record(after.hotel, at, EventKind::ConversationRemoved { conversation, stay, staff: after.id });
    }
    for department in lost {
        reach_losses::insert(tx, ReachLoss { hotel: after.hotel, staff: after.id, department })?;
    }
    Ok(())
}

/// Records a batch of the closed conversations that a staff member does not see any more; whether there may be more.
fn record_batch(tx: &mut Tx<'_>, loss: ReachLoss, at: DateTime<Utc>) -> Result<bool, Error> {
    let member = staff::find(tx.conn(), loss.staff)?;
    if member.is_none_or(|it| it.reach().covers(loss.hotel, Some(loss.department))) {
        reach_losses::delete(tx, loss)?;
        return Ok(false);
    }
    let Some(batch) = reach_losses::take_batch(tx, loss)? else { return Ok(false) };
    for (conversation, stay) in batch.conversations {
        tx.record(loss.hotel, at, EventKind::ConversationRemoved { conversation, stay, staff: loss.staff });
    }
    Ok(batch.more)
}

/// Takes from them, of open conversations, what they do not see any more, or cannot answer any more; at most
/// [`AT_ONCE`]. Whether there may be more. Closed ones are cleared where they are opened again.
fn clear_assignments(tx: &mut Tx<'_>, after: &Staff, actor: Option<StaffId>, at: DateTime<Utc>) -> Result<bool, Error> {
    let held = conversations::lock_assigned_out_of_reach(tx, after, AT_ONCE)?;
    for before in &held {
        settle::save(tx, before, &Conversation { assignee: None, ..before.clone() }, actor, at)?;
    }
    Ok(held.len() as i64 == AT_ONCE)
}

/// Refuses departments that are not of the hotel, or that are named twice.
fn refuse_foreign(tx: &mut Tx<'_>, hotel: HotelId, ids: &[DepartmentId]) -> Result<(), Error> {
    let mut distinct = ids.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < ids.len() {
        return Err(Error::invalid("department_ids", "A department is named twice."));
    }
    if departments::by_ids(tx.conn(), hotel, ids)?.len() < ids.len() {
        return Err(Error::invalid("department_ids", "There is no such department."));
    }
    Ok(())
}

fn taken() -> Error {
    Error::invalid("username", "This user name is taken.")
}

type What = (&'static str, Option<String>, Option<String>);

fn note(
    tx: &mut Tx<'_>,
    member: &Staff,
    actor: Option<StaffId>,
    (action, before, after): What,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let staff = Some(member.id);
    let entry = Entry { hotel: member.hotel, actor: actor.into(), action, conversation: None, staff, before, after };
    Ok(audit::write(tx, &entry, at)?)
}

/// What the audit keeps of a staff member: no names, no secrets.
fn description(member: &Staff) -> String {
    let departments: Vec<String> = member.departments.iter().map(DepartmentId::to_string).collect();
    let active = if member.active { "active" } else { "inactive" };
    format!("{}, departments [{}], {active}", member.role.as_str(), departments.join(" "))
}

#[cfg(test)]
mod tests;
