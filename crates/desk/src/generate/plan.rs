//! What is made up: functions of numbers alone, so that it is the same every time.

use chrono::{DateTime, Days, TimeDelta, Utc};
use domain::{DepartmentId, HotelId, Name, PhoneNumber, Role, Status};
use persistence::{
    bulk::{NewMessage, NewStay},
    staff::NewStaff,
    stays::Booking,
};

use super::{GeneratedHotel, Sizes};
use crate::{Error, hotels::FIRST_DEPARTMENT};

/// Six digits of a telephone number tell a hotel's stays apart.
pub(super) const MOST_STAYS: u32 = 1_000_000;

const DEPARTMENTS: [&str; 8] =
    [FIRST_DEPARTMENT, "Housekeeping", "Restaurant", "Maintenance", "Spa", "Bar", "Concierge", "Security"];
const FIRST_NAMES: [&str; 11] =
    ["Ana", "Bruno", "Chloé", "Dmitri", "Elif", "Farid", "Grace", "Hiro", "Ingrid", "João", "Zoë"];
const LAST_NAMES: [&str; 13] = [
    "Andersson",
    "Brown",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "García",
    "Haddad",
    "Ito",
    "Kowalski",
    "Müller",
    "Okafor",
    "Rossi",
];
const GUEST_LINES: [&str; 7] = [
    "Good morning! Could we have two more towels, please?",
    "What time is breakfast?",
    "The air conditioning in our room makes a strange noise.",
    "Thank you very much!",
    "Is there a table for four tonight at eight?",
    "Could we check out a little later tomorrow?",
    "We have lost a blue umbrella, perhaps at the pool. Has anybody found it?",
];
const STAFF_LINES: [&str; 6] = [
    "Of course, we are on our way.",
    "From seven to half past ten, on the ground floor.",
    "I am sorry about that. Somebody will have a look within the hour.",
    "You are welcome!",
    "That is arranged. We look forward to seeing you.",
    "Let me ask my colleagues, I will come back to you shortly.",
];

/// What is to be made up, and what time it is then.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) sizes: Sizes,
    pub(super) now: DateTime<Utc>,
}

impl Plan {
    /// A stay of a hotel, and where its conversation stands: every second one is routed, to one
    /// department after the other.
    pub(super) fn stay(&self, hotel: HotelId, departments: &[DepartmentId], number: u32) -> Result<NewStay, Error> {
        let n = number as usize;
        let department = n.is_multiple_of(2).then(|| departments[n / 2 % departments.len()]);
        let check_in = self.now.date_naive() - Days::new(u64::from(number % 5));
        let booking = Booking {
            reservation_code: name(&format!("G{hotel}-{number:06}"))?,
            guest_name: name(&format!("{} {}", pick(&FIRST_NAMES, n), pick(&LAST_NAMES, n)))?,
            guest_phone: phone(hotel, number)?,
            room_number: name(&(101 + number).to_string())?,
            check_in,
            check_out: check_in + Days::new(7 + u64::from(number % 14)),
        };
        let messages = self.sizes.messages;
        // The guest begins: of an even number of messages the last but one is theirs.
        let last_of_guest = messages.checked_sub(2 - messages % 2);
        Ok(NewStay {
            booking,
            status: if department.is_some() { Status::Relay } else { Status::Active },
            department,
            guest_messages: i64::from(messages.div_ceil(2)),
            last_guest_message_at: last_of_guest.map(|nth| self.at(number, nth)),
            created_at: self.at(number, 0),
            updated_at: self.at(number, messages.saturating_sub(1)),
        })
    }

    /// A message of a stay's conversation: guest and staff alternate.
    pub(super) fn message(&self, hotel: &GeneratedHotel, stay: u32, nth: u32) -> NewMessage {
        let (by_guest, said) = (nth.is_multiple_of(2), (stay + nth) as usize);
        let of = &hotel.stays[stay as usize];
        NewMessage {
            conversation: of.conversation_id,
            content: if by_guest { pick(&GUEST_LINES, said) } else { pick(&STAFF_LINES, said) },
            author: (!by_guest).then(|| hotel.answers(of.department_id)),
            at: self.at(stay, nth),
            guest_ordinal: i64::from(nth / 2 + 1),
        }
    }

    /// When a message is written: the last one some minutes ago, the others before it.
    fn at(&self, stay: u32, nth: u32) -> DateTime<Utc> {
        let newest = self.now - TimeDelta::minutes(2 + i64::from(stay % 8));
        let later = self.sizes.messages.saturating_sub(1).saturating_sub(nth);
        newest - TimeDelta::seconds(90 * i64::from(later))
    }
}

impl GeneratedHotel {
    /// Who answers there: the department's own member, else the manager.
    fn answers(&self, department: Option<DepartmentId>) -> domain::StaffId {
        let own = |department| self.staff.iter().find(|it| it.department_ids.first() == Some(&department));
        department.and_then(own).unwrap_or(&self.staff[0]).id
    }
}

/// A staff member: the manager, then one for each department alone, then such of two.
pub(super) fn member(hotel: &GeneratedHotel, number: u32, hash: &str) -> Result<NewStaff, Error> {
    let count = hotel.departments.len();
    let (username, departments) = match (number as usize).checked_sub(1) {
        None => ("manager".to_owned(), Vec::new()),
        Some(n) => {
            let more = usize::from(n >= count && count > 1);
            let places = (n..=n + more).map(|it| it % count);
            (format!("staff{number}"), places.map(|place| hotel.departments[place].id).collect())
        }
    };
    let n = number as usize;
    Ok(NewStaff {
        username: name(&format!("{username}.h{}", hotel.id))?,
        name: name(&format!("{} {}", pick(&FIRST_NAMES, n + 3), pick(&LAST_NAMES, n + 5)))?,
        role: if number == 0 { Role::Manager } else { Role::Staff },
        departments,
        password_hash: hash.to_owned(),
        active: true,
    })
}

/// The name of every made-up hotel.
pub(super) fn hotel_name() -> Result<Name, Error> {
    name("Made-up Hotel")
}

/// A department's name, `number` from 0.
pub(super) fn department_name(number: u32) -> Result<Name, Error> {
    match DEPARTMENTS.get(number as usize) {
        Some(known) => name(known),
        None => name(&format!("Department {}", number + 1)),
    }
}

/// No German number begins with a 1 and a 0: these are nobody's.
fn phone(hotel: HotelId, number: u32) -> Result<PhoneNumber, Error> {
    PhoneNumber::parse(&format!("+4910{:05}{number:06}", hotel.0))
        .map_err(|_| Error::invalid("hotels", "The database has too many hotels for unique telephone numbers."))
}

fn pick(from: &[&'static str], number: usize) -> &'static str {
    from[number % from.len()]
}

fn name(text: &str) -> Result<Name, Error> {
    Ok(Name::parse(text).map_err(|error| ("name", error))?)
}
