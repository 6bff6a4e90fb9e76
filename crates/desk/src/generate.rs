//! Filling a database with made-up data, for tests and load.

mod plan;

use auth::Password;
use chrono::{DateTime, Utc};
use domain::{ConversationId, Department, DepartmentId, HotelId, Role, StaffId, Status, StayId};
use persistence::{
    Tx,
    bulk::{self, NewMessage},
    departments,
    hotels::{self, Origin},
    staff,
};

use crate::{Desk, Error};
use plan::Plan;

/// Stays of one transaction.
const STAYS_AT_ONCE: u32 = 1_000;
/// Messages of one transaction: a second's work at most.
const MESSAGES_AT_ONCE: u64 = 10_000;

/// How much is made up.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Hotels.
    pub hotels: u32,
    /// Departments of each hotel, at least 1.
    pub departments: u32,
    /// Staff members of each hotel, at least 1: the first is its manager.
    pub staff: u32,
    /// Stays of each hotel, each with its guest and conversation; at most 1,000,000.
    pub stays: u32,
    /// Messages of each conversation.
    pub messages: u32,
}

/// What was made up.
pub struct Generated {
    /// The password of all staff members.
    pub password: String,
    /// The hotels.
    pub hotels: Vec<GeneratedHotel>,
}

/// A made-up hotel.
#[derive(Clone, Debug)]
pub struct GeneratedHotel {
    /// Its id.
    pub id: HotelId,
    /// Its departments, Reception first.
    pub departments: Vec<Department>,
    /// Its staff, the manager first.
    pub staff: Vec<GeneratedStaff>,
    /// Its stays.
    pub stays: Vec<GeneratedStay>,
}

/// A made-up staff member.
#[derive(Clone, Debug)]
pub struct GeneratedStaff {
    /// Their id.
    pub id: StaffId,
    /// The name they sign in with.
    pub username: String,
    /// What they may do.
    pub role: Role,
    /// Their departments, the first one first.
    pub department_ids: Vec<DepartmentId>,
}

/// A made-up stay with its conversation.
#[derive(Clone, Debug)]
pub struct GeneratedStay {
    /// Its id.
    pub id: StayId,
    /// Its conversation's id.
    pub conversation_id: ConversationId,
    /// The room.
    pub room_number: String,
    /// The guest's number.
    pub guest_phone: String,
    /// Where the conversation stands.
    pub status: Status,
    /// Where it is routed.
    pub department_id: Option<DepartmentId>,
}

impl Desk {
    /// Fills the database. The same sizes give the same data, apart from times and what follows
    /// from the hotels' ids; another run adds other hotels. Events are not written.
    ///
    /// # Errors
    /// [`Error::Invalid`] for sizes that cannot be.
    pub async fn generate(&self, sizes: Sizes, password: Password) -> Result<Generated, Error> {
        check(sizes)?;
        let hash = self.hash(password.clone()).await?;
        let plan = Plan { sizes, now: self.now() };
        self.store.write(HotelId(0), vec![], move |tx| note_origin(tx, plan.now)).await?;
        let mut made = Vec::with_capacity(sizes.hotels as usize);
        for _ in 0..sizes.hotels {
            let hash = hash.clone();
            let mut hotel = self.store.write(HotelId(0), vec![], move |tx| make_hotel(tx, plan, &hash)).await?;
            self.make_stays(plan, &mut hotel).await?;
            self.make_messages(plan, &hotel).await?;
            made.push(hotel);
        }
        Ok(Generated { password: password.as_str().to_owned(), hotels: made })
    }

    async fn make_stays(&self, plan: Plan, hotel: &mut GeneratedHotel) -> Result<(), Error> {
        let departments: Vec<DepartmentId> = hotel.departments.iter().map(|it| it.id).collect();
        for first in (0..plan.sizes.stays).step_by(STAYS_AT_ONCE as usize) {
            let numbers = first..plan.sizes.stays.min(first + STAYS_AT_ONCE);
            let new = numbers.map(|number| plan.stay(hotel.id, &departments, number));
            let new = new.collect::<Result<Vec<_>, Error>>()?;
            let (id, to_store) = (hotel.id, new.clone());
            let ids =
                self.store.write(id, vec![], move |tx| Ok::<_, Error>(bulk::insert_stays(tx, id, &to_store)?)).await?;
            hotel.stays.extend(new.into_iter().zip(ids).map(|(it, (id, conversation_id))| GeneratedStay {
                id,
                conversation_id,
                room_number: it.booking.room_number.into_string(),
                guest_phone: it.booking.guest_phone.to_string(),
                status: it.status,
                department_id: it.department,
            }));
        }
        Ok(())
    }

    async fn make_messages(&self, plan: Plan, hotel: &GeneratedHotel) -> Result<(), Error> {
        let each = u64::from(plan.sizes.messages);
        if each == 0 {
            return Ok(());
        }
        let all = hotel.stays.len() as u64 * each;
        let mut first = 0;
        while first < all {
            // A batch may end within a conversation, and hold many.
            let end = all.min(first + MESSAGES_AT_ONCE);
            let batch: Vec<NewMessage> =
                (first..end).map(|it| plan.message(hotel, (it / each) as u32, (it % each) as u32)).collect();
            let complete: Vec<ConversationId> =
                (first / each..end / each).map(|stay| hotel.stays[stay as usize].conversation_id).collect();
            self.store.write(hotel.id, vec![], move |tx| store(tx, &batch, &complete)).await?;
            first = end;
        }
        Ok(())
    }
}

fn store(tx: &mut Tx<'_>, batch: &[NewMessage], complete: &[ConversationId]) -> Result<(), Error> {
    bulk::insert_messages(tx, batch)?;
    for id in complete {
        bulk::note_last_message(tx, *id)?;
    }
    Ok(())
}

fn check(sizes: Sizes) -> Result<(), Error> {
    for (field, size) in [("departments", sizes.departments), ("staff", sizes.staff)] {
        if size == 0 {
            return Err(Error::invalid(field, format!("A hotel needs {field}: at least 1.")));
        }
    }
    if sizes.stays > plan::MOST_STAYS {
        return Err(Error::invalid("stays", format!("At most {} stays a hotel are possible.", plan::MOST_STAYS)));
    }
    Ok(())
}

/// Notes that this program made the database; not where it holds anything else, since a real
/// hotel's must never be served as a demo.
fn note_origin(tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<(), Error> {
    if hotels::all(tx.conn())?.is_empty() || hotels::has_origin(tx.conn())? {
        hotels::note_origin(tx, Origin::Generated, now)?;
    }
    Ok(())
}

fn make_hotel(tx: &mut Tx<'_>, plan: Plan, hash: &str) -> Result<GeneratedHotel, Error> {
    let id = hotels::insert(tx, &plan::hotel_name()?, "UTC", plan.now)?;
    let mut hotel = GeneratedHotel { id, departments: Vec::new(), staff: Vec::new(), stays: Vec::new() };
    for number in 0..plan.sizes.departments {
        let made = departments::insert(tx, id, &plan::department_name(number)?, plan.now)?;
        hotel.departments.push(made.ok_or(Error::NotFound)?);
    }
    for number in 0..plan.sizes.staff {
        let new = plan::member(&hotel, number, hash)?;
        let made = staff::insert(tx, id, &new, plan.now)?;
        let made = made.ok_or_else(|| Error::invalid("staff", format!("The user name {} is taken.", new.username)))?;
        let (username, role, department_ids) = (made.username, made.role, made.departments);
        hotel.staff.push(GeneratedStaff { id: made.id, username, role, department_ids });
    }
    Ok(hotel)
}

#[cfg(test)]
mod tests;
