//! Departments of the caller's hotel. They are deactivated, never deleted: closed conversations refer to them.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{ConversationRef, Department, DepartmentId, DirectoryPart, HotelId, Name, hotel::ResponseTarget};
use persistence::{
    Locks, Tx,
    audit_log::AuditActor,
    conversations,
    departments::{self, DepartmentSelector},
    hotels,
    sessions::LiveSession,
};

pub use persistence::departments::DepartmentFields;

use crate::{
    Desk, Error, KeyedWrite, PageRequest, WriteOutcome,
    audited_change::{self, ChangedFields},
    directory,
    existence::{ensure_active_department, find_hotel},
    principal::ensure_manager,
    response_clock::request_refresh,
    save_conversation::save_with_events,
    visibility::assignee_reach,
};

/// A change of a department; a field that is `None` keeps its value.
#[derive(Clone, Debug, Default)]
pub struct DepartmentChange {
    pub fields: DepartmentFields,
    /// The department to which the open conversations of a department that becomes inactive are transferred.
    pub move_to: Option<DepartmentId>,
}

impl Desk {
    /// Returns the number of departments and one page of them, oldest first. Inactive ones are contained only if
    /// `with_inactive`.
    pub async fn list_departments(
        &self,
        caller: Caller,
        with_inactive: bool,
        page: PageRequest,
    ) -> Result<(i64, Vec<Department>), Error> {
        let selector = if with_inactive { DepartmentSelector::All } else { DepartmentSelector::Active };
        self.read_as(caller, move |conn, live| {
            let (count, departments) = departments::list(conn, live.staff.hotel, selector, page.slice())?;
            page.ensure_exists(count)?;
            Ok((count, departments))
        })
        .await
    }

    /// Creates a department. Fails with [`Error::Invalid`] if the name is taken.
    pub async fn create_department(
        &self,
        caller: Caller,
        name: Name,
        fields: DepartmentFields,
        write: KeyedWrite<Department>,
    ) -> Result<WriteOutcome<Department>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            let created = create(tx, live.staff.hotel, &name, live.staff.id.into(), now)?;
            departments::change(tx, live.staff.hotel, created.id, &fields)?;
            departments::find(tx.conn(), live.staff.hotel, created.id)?.ok_or(Error::NotFound)
        })
        .await
    }

    /// Changes a department. Fails with [`Error::Invalid`] if the name is taken, and with [`Error::DepartmentInUse`] if
    /// the department cannot be deactivated: it is the hotel's default, or open conversations are routed to it that
    /// nobody asks to move.
    pub async fn change_department(
        &self,
        caller: Caller,
        id: DepartmentId,
        change: DepartmentChange,
        write: KeyedWrite<Department>,
    ) -> Result<WriteOutcome<Department>, Error> {
        let now = self.now();
        let locks = match change.move_to {
            Some(_) => self.locks_of_open_conversations(caller, id).await?,
            None => Locks::default(),
        };
        let fields = &change.fields;
        // The oldest active department may be the default one.
        let may_set_clocks =
            fields.first_response.is_some() || fields.opening_hours.is_some() || fields.active.is_some();
        let changing = self.write_once(caller, locks, write, move |tx, live| {
            let hotel = live.staff.hotel;
            let before = departments::find(tx.conn(), hotel, id)?.ok_or(Error::NotFound)?;
            ensure_manager(live)?;
            if change.fields.active == Some(false) && before.active {
                vacate(tx, live, id, change.move_to, now)?;
            }
            if !departments::change(tx, hotel, id, &change.fields)? {
                return Err(name_taken());
            }
            let after = departments::find(tx.conn(), hotel, id)?.ok_or(Error::NotFound)?;
            if after != before {
                let minutes = |it: &Department| it.first_response.map(ResponseTarget::minutes);
                let fields = ChangedFields::default()
                    .shown("name", Some(&before.name), Some(&after.name))
                    .shown("active", Some(before.active), Some(after.active))
                    .shown("handles stays", Some(before.handles_stays), Some(after.handles_stays))
                    .shown("minutes to answer", minutes(&before), minutes(&after))
                    .hidden("opening hours", before.opening_hours != after.opening_hours);
                let (by, of) = ((hotel, live.staff.id.into()), format!("department {}", after.name));
                fields.record(tx, by, "department_changed", &of, now)?;
                directory::announce(tx, hotel, DirectoryPart::Departments, now);
            }
            let clock_settings = |it: &Department| (it.first_response, it.opening_hours.clone(), it.active);
            if clock_settings(&after) != clock_settings(&before) {
                request_refresh(tx, hotel, now)?;
            }
            Ok(after)
        });
        let outcome = changing.await?;
        if may_set_clocks {
            self.refresh_clocks(caller.hotel).await;
        }
        Ok(outcome)
    }

    /// Returns the locks of the conversations that are to be moved. Those that are routed to the department meanwhile
    /// are locked later.
    async fn locks_of_open_conversations(&self, caller: Caller, id: DepartmentId) -> Result<Locks, Error> {
        let open = self.read_as(caller, move |conn, live| {
            ensure_manager(live)?;
            departments::find(conn, live.staff.hotel, id)?.ok_or(Error::NotFound)?;
            Ok(conversations::open_ids_of_department(conn, id)?)
        });
        Ok(open.await?.into_iter().map(ConversationRef::Conversation).collect::<Vec<_>>().into())
    }

    /// Returns all departments of a hotel, for the command line.
    pub async fn list_departments_of(&self, hotel: HotelId) -> Result<Vec<Department>, Error> {
        self.read(move |conn| {
            find_hotel(conn, hotel)?;
            Ok(departments::all(conn, hotel)?)
        })
        .await
    }

    /// Creates a department for the command line.
    pub async fn create_department_of(&self, hotel: HotelId, name: Name) -> Result<DepartmentId, Error> {
        let now = self.now();
        self.write(hotel, vec![], move |tx| {
            find_hotel(tx.conn(), hotel)?;
            Ok(create(tx, hotel, &name, AuditActor::CommandLine, now)?.id)
        })
        .await
    }
}

/// Prepares the deactivation of a department: locks it against new conversations, and transfers its open ones.
fn vacate(
    tx: &mut Tx<'_>,
    live: &LiveSession,
    id: DepartmentId,
    move_to: Option<DepartmentId>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    departments::lock_exclusively(tx, id)?;
    let hotel = hotels::find(tx.conn(), live.staff.hotel)?.ok_or(Error::NotFound)?;
    if hotel.default_department == Some(id) {
        return Err(Error::DepartmentInUse("This is the hotel's default department. Choose another default first."));
    }
    if let Some(to) = move_to {
        if to == id {
            return Err(Error::invalid("move_to", "Please choose another department than the one to deactivate."));
        }
        ensure_active_department(tx, hotel.id, "move_to", to)?;
    }
    let open = conversations::lock_open_of_department(tx, id)?;
    if open.is_empty() {
        return Ok(());
    }
    let to = move_to.ok_or(Error::DepartmentInUse(
        "Open conversations are with this department. Name the department that takes them over in `move_to`.",
    ))?;
    for before in open {
        let assignee = match before.assignee() {
            None => None,
            Some(id) => assignee_reach(tx, id)?,
        };
        let mut conversation = before.clone();
        conversation.start_relay(to, assignee.as_ref())?;
        save_with_events(tx, &before, &conversation, Some(live.staff.id), now)?;
    }
    Ok(())
}

fn create(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    name: &Name,
    actor: AuditActor,
    at: DateTime<Utc>,
) -> Result<Department, Error> {
    let department = departments::insert(tx, hotel, name, at)?.ok_or_else(name_taken)?;
    let created = Some(format!("department {name}"));
    audited_change::record(tx, (hotel, actor), "department_created", (None, created), at)?;
    directory::announce(tx, hotel, DirectoryPart::Departments, at);
    Ok(department)
}

fn name_taken() -> Error {
    Error::invalid("name", "The hotel has a department of this name already.")
}
