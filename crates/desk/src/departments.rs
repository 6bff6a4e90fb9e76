//! Departments of the caller's hotel.

use auth::Caller;
use domain::{Department, DepartmentId, HotelId, Name};
use persistence::departments;

use crate::{Desk, Error, KeyedWrite, PageRequest, WriteOutcome, existence::find_hotel, principal::ensure_manager};

impl Desk {
    /// Returns the number of departments and one page of them, oldest first.
    pub async fn list_departments(&self, caller: Caller, page: PageRequest) -> Result<(i64, Vec<Department>), Error> {
        self.read_as(caller, move |conn, live| {
            let (count, departments) = departments::list(conn, live.staff.hotel, page.slice())?;
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
        write: KeyedWrite<Department>,
    ) -> Result<WriteOutcome<Department>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            departments::insert(tx, live.staff.hotel, &name, now)?.ok_or_else(name_taken)
        })
        .await
    }

    /// Renames a department; if `name` is `None`, changes nothing. Fails with [`Error::Invalid`] if the name is taken.
    pub async fn rename_department(
        &self,
        caller: Caller,
        id: DepartmentId,
        name: Option<Name>,
        write: KeyedWrite<Department>,
    ) -> Result<WriteOutcome<Department>, Error> {
        self.write_once(caller, vec![], write, move |tx, live| {
            let hotel = live.staff.hotel;
            let mut department = departments::find(tx.conn(), hotel, id)?.ok_or(Error::NotFound)?;
            ensure_manager(live)?;
            if let Some(name) = &name {
                if !departments::rename(tx, hotel, id, name)? {
                    return Err(name_taken());
                }
                department.name = name.as_str().to_owned();
            }
            Ok(department)
        })
        .await
    }

    /// Creates a department for the command line.
    pub async fn create_department_of(&self, hotel: HotelId, name: Name) -> Result<DepartmentId, Error> {
        let now = self.now();
        self.write(hotel, vec![], move |tx| {
            find_hotel(tx.conn(), hotel)?;
            Ok(departments::insert(tx, hotel, &name, now)?.ok_or_else(name_taken)?.id)
        })
        .await
    }
}

fn name_taken() -> Error {
    Error::invalid("name", "The hotel has a department of this name already.")
}
