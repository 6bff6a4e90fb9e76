//! Departments of the caller's hotel.

use auth::Caller;
use domain::{Department, DepartmentId, HotelId, Name};
use persistence::{Conn, departments, hotels};

use crate::{Desk, Done, Error, Once, Page, staff::refuse_unless_manager};

impl Desk {
    /// Lists the hotel's departments: how many there are, and a page of them, first made first.
    ///
    /// # Errors
    /// [`Error::NotFound`] past the last page.
    pub async fn departments(&self, caller: Caller, page: Page) -> Result<(i64, Vec<Department>), Error> {
        self.ask(caller, move |conn, live| {
            let (count, found) = departments::list(conn, live.staff.hotel, page.slice())?;
            page.refuse_past(count)?;
            Ok((count, found))
        })
        .await
    }

    /// Makes a department.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] where the name is taken.
    pub async fn create_department(
        &self,
        caller: Caller,
        name: Name,
        once: Once<Department>,
    ) -> Result<Done<Department>, Error> {
        let now = self.now();
        self.act_once(caller, vec![], once, move |tx, live| {
            refuse_unless_manager(live)?;
            departments::insert(tx, live.staff.hotel, &name, now)?.ok_or_else(taken)
        })
        .await
    }

    /// Gives a department another name; without one, nothing changes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Invalid`] where the name is taken.
    pub async fn rename_department(
        &self,
        caller: Caller,
        id: DepartmentId,
        name: Option<Name>,
        once: Once<Department>,
    ) -> Result<Done<Department>, Error> {
        self.act_once(caller, vec![], once, move |tx, live| {
            let hotel = live.staff.hotel;
            let mut department = departments::find(tx.conn(), hotel, id)?.ok_or(Error::NotFound)?;
            refuse_unless_manager(live)?;
            if let Some(name) = &name {
                if !departments::rename(tx, hotel, id, name)? {
                    return Err(taken());
                }
                department.name = name.as_str().to_owned();
            }
            Ok(department)
        })
        .await
    }

    /// Makes a department, from the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no such hotel, or the name is taken.
    pub async fn add_department(&self, hotel: HotelId, name: Name) -> Result<DepartmentId, Error> {
        let now = self.now();
        self.store
            .write(hotel, vec![], move |tx| {
                if hotels::find(tx.conn(), hotel)?.is_none() {
                    return Err(Error::invalid("hotel", "There is no such hotel."));
                }
                Ok(departments::insert(tx, hotel, &name, now)?.ok_or_else(taken)?.id)
            })
            .await
    }
}

/// Refuses a department that is not one of the hotel; `field` named it.
pub(crate) fn refuse_foreign(
    conn: &mut Conn,
    hotel: HotelId,
    field: &'static str,
    id: DepartmentId,
) -> Result<(), Error> {
    match departments::find(conn, hotel, id)? {
        Some(_) => Ok(()),
        None => Err(Error::invalid(field, "There is no such department.")),
    }
}

fn taken() -> Error {
    Error::invalid("name", "The hotel has a department of this name already.")
}
