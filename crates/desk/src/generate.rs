//! The command `generate`: fills a database with generated data for load tests and demos.

mod plan;

pub use plan::{GeneratedHotel, GeneratedSizes, GeneratedStaff, GeneratedStay};

use auth::Password;
use chrono::{DateTime, Utc};
use domain::{ConversationId, DepartmentId, HotelId, Name};
use persistence::{
    Tx,
    bulk_insert::{self, BulkMessage},
    departments,
    hotels::{self, DatabaseOrigin},
    staff,
};

use crate::{Desk, Error};
use plan::Plan;

const STAYS_PER_TRANSACTION: u32 = 1_000;
/// Generated messages per transaction, so that a transaction lasts at most a second.
const MESSAGES_PER_TRANSACTION: u64 = 10_000;

pub struct Generated {
    /// The password of all generated staff members.
    pub password: String,
    pub hotels: Vec<GeneratedHotel>,
}

impl Desk {
    /// Adds hotels with generated data, without events. The same sizes give the same data, apart from times and from
    /// values that contain the hotel's id. Fails with [`Error::Invalid`] for impossible sizes.
    pub async fn generate(&self, sizes: GeneratedSizes, password: Password) -> Result<Generated, Error> {
        validate(sizes)?;
        let hash = self.hash_password(password.clone()).await?;
        let plan = Plan { sizes, now: self.now() };
        self.write_global(move |tx| mark_as_generated(tx, plan.now)).await?;
        let mut hotels = Vec::with_capacity(sizes.hotels as usize);
        for _ in 0..sizes.hotels {
            let hash = hash.clone();
            let mut hotel = self.write_global(move |tx| create_hotel(tx, plan, &hash)).await?;
            self.create_stays(plan, &mut hotel).await?;
            self.create_messages(plan, &hotel).await?;
            hotels.push(hotel);
        }
        Ok(Generated { password: password.as_str().to_owned(), hotels })
    }

    async fn create_stays(&self, plan: Plan, hotel: &mut GeneratedHotel) -> Result<(), Error> {
        let departments: Vec<DepartmentId> = hotel.departments.iter().map(|it| it.id).collect();
        for first in (0..plan.sizes.stays).step_by(STAYS_PER_TRANSACTION as usize) {
            let numbers = first..plan.sizes.stays.min(first + STAYS_PER_TRANSACTION);
            let new = numbers.map(|number| plan.stay(hotel.id, &departments, number));
            let new = new.collect::<Result<Vec<_>, Error>>()?;
            let (id, to_store) = (hotel.id, new.clone());
            let ids = self.write(id, vec![], move |tx| Ok(bulk_insert::insert_stays(tx, id, &to_store)?)).await?;
            hotel.stays.extend(new.into_iter().zip(ids).map(|(stay, (id, conversation_id))| GeneratedStay {
                id,
                conversation_id,
                room_number: stay.booking.room_number.map(Name::into_string),
                guest_phone: stay.booking.guest_phone.map(|phone| phone.to_string()),
                status: stay.status,
                department_id: stay.department,
            }));
        }
        Ok(())
    }

    async fn create_messages(&self, plan: Plan, hotel: &GeneratedHotel) -> Result<(), Error> {
        let each = u64::from(plan.sizes.messages);
        if each == 0 {
            return Ok(());
        }
        let all = hotel.stays.len() as u64 * each;
        let mut first = 0;
        while first < all {
            // A batch of messages may contain many conversations, and may end within one.
            let end = all.min(first + MESSAGES_PER_TRANSACTION);
            let batch: Vec<BulkMessage> =
                (first..end).map(|it| plan.message(hotel, (it / each) as u32, (it % each) as u32)).collect();
            let complete: Vec<ConversationId> =
                (first / each..end / each).map(|stay| hotel.stays[stay as usize].conversation_id).collect();
            let id = hotel.id;
            self.write(id, vec![], move |tx| store_messages(tx, id, &batch, &complete)).await?;
            first = end;
        }
        Ok(())
    }
}

fn store_messages(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    batch: &[BulkMessage],
    complete: &[ConversationId],
) -> Result<(), Error> {
    bulk_insert::insert_messages(tx, hotel, batch)?;
    for id in complete {
        bulk_insert::set_last_message(tx, *id)?;
    }
    Ok(())
}

fn validate(sizes: GeneratedSizes) -> Result<(), Error> {
    for (field, size) in [("departments", sizes.departments), ("staff", sizes.staff)] {
        if size == 0 {
            return Err(Error::invalid(field, format!("A hotel needs {field}: at least 1.")));
        }
    }
    if sizes.stays > plan::MAX_STAYS {
        return Err(Error::invalid("stays", format!("At most {} stays a hotel are possible.", plan::MAX_STAYS)));
    }
    Ok(())
}

/// Marks the database as generated, unless it contains a real hotel: that must never be served as a demo.
fn mark_as_generated(tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<(), Error> {
    if hotels::all(tx.conn())?.is_empty() || hotels::has_origin(tx.conn())? {
        hotels::record_origin(tx, DatabaseOrigin::Generated, now)?;
    }
    Ok(())
}

fn create_hotel(tx: &mut Tx<'_>, plan: Plan, hash: &str) -> Result<GeneratedHotel, Error> {
    let id = hotels::insert(tx, &plan::hotel_name()?, "UTC", plan.now)?;
    let mut hotel = GeneratedHotel { id, departments: Vec::new(), staff: Vec::new(), stays: Vec::new() };
    for number in 0..plan.sizes.departments {
        let department = departments::insert(tx, id, &plan::department_name(number)?, plan.now)?;
        hotel.departments.push(department.ok_or(Error::NotFound)?);
    }
    for number in 0..plan.sizes.staff {
        let new = plan::staff_member(&hotel, number, hash)?;
        let made = staff::insert(tx, id, &new, plan.now)?;
        let made = made.ok_or_else(|| Error::invalid("staff", format!("The user name {} is taken.", new.username)))?;
        let (username, role, department_ids) = (made.username, made.role, made.departments);
        hotel.staff.push(GeneratedStaff { id: made.id, username, role, department_ids });
    }
    Ok(hotel)
}

#[cfg(test)]
mod tests;
