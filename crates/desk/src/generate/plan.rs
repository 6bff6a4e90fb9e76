//! The generated data as a pure function of sizes and time.

use chrono::{DateTime, Days, TimeDelta, Utc};
use domain::{
    ConversationId, Department, DepartmentId, HotelId, Name, PhoneNumber, Role, StaffId, Status, StayId, Username,
    stay::StayDays,
};
use persistence::{
    bulk_insert::{BulkMessage, BulkStay},
    staff::NewStaffRow,
    stays::Booking,
};

use crate::{Error, hotels::FIRST_DEPARTMENT};

/// The most stays of a generated hotel, because six digits of a phone number distinguish them.
pub(super) const MAX_STAYS: u32 = 1_000_000;

/// How much data to generate.
#[derive(Clone, Copy, Debug)]
pub struct GeneratedSizes {
    pub hotels: u32,
    /// Departments per hotel, at least 1.
    pub departments: u32,
    /// Staff members per hotel, at least 1. The first is the manager.
    pub staff: u32,
    /// Stays per hotel, each with a guest and a conversation; at most 1,000,000.
    pub stays: u32,
    /// Messages per conversation.
    pub messages: u32,
}

#[derive(Clone, Debug)]
pub struct GeneratedHotel {
    pub id: HotelId,
    /// The departments of the generated hotel, Reception first.
    pub departments: Vec<Department>,
    /// The staff members of the generated hotel, the manager first.
    pub staff: Vec<GeneratedStaff>,
    pub stays: Vec<GeneratedStay>,
}

#[derive(Clone, Debug)]
pub struct GeneratedStaff {
    pub id: StaffId,
    pub username: String,
    pub role: Role,
    /// The departments of the staff member, the main department first.
    pub department_ids: Vec<DepartmentId>,
}

#[derive(Clone, Debug)]
pub struct GeneratedStay {
    pub id: StayId,
    pub conversation_id: ConversationId,
    pub room_number: Option<String>,
    pub guest_phone: Option<String>,
    /// Status of the conversation of the generated stay.
    pub status: Status,
    pub department_id: Option<DepartmentId>,
}

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

/// Computes the generated rows from numbers alone, so that every run generates the same data.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) sizes: GeneratedSizes,
    pub(super) now: DateTime<Utc>,
}

impl Plan {
    /// Returns a generated stay with its conversation. Every second conversation is routed, to the departments in turn.
    pub(super) fn stay(&self, hotel: HotelId, departments: &[DepartmentId], number: u32) -> Result<BulkStay, Error> {
        let n = number as usize;
        let department = n.is_multiple_of(2).then(|| departments[n / 2 % departments.len()]);
        let check_in = self.now.date_naive() - Days::new(u64::from(number % 5));
        let days = StayDays::nights(check_in, 7 + u64::from(number % 14));
        let code = parse_name(&format!("G{hotel}-{number:06}"))?;
        let guest_name = parse_name(&format!("{} {}", pick(&FIRST_NAMES, n), pick(&LAST_NAMES, n)))?;
        let booking = Booking {
            guest_phone: Some(phone(hotel, number)?),
            room_number: Some(parse_name(&(101 + number).to_string())?),
            ..Booking::new(code, guest_name, days)
        };
        let messages = self.sizes.messages;
        // The guest writes first, so of an even number of messages the last but one is the guest's.
        let last_of_guest = messages.checked_sub(2 - messages % 2);
        Ok(BulkStay {
            booking,
            status: if department.is_some() { Status::Relay } else { Status::Active },
            department,
            guest_messages: i64::from(messages.div_ceil(2)),
            last_guest_message_at: last_of_guest.map(|nth| self.at(number, nth)),
            // Staff have answered everything but the last of an odd number of messages.
            waiting_since: last_of_guest.filter(|_| messages % 2 == 1).map(|nth| self.at(number, nth)),
            created_at: self.at(number, 0),
            updated_at: self.at(number, messages.saturating_sub(1)),
        })
    }

    /// Returns message number `nth` of a stay's conversation. Guest and staff alternate.
    pub(super) fn message(&self, hotel: &GeneratedHotel, stay: u32, nth: u32) -> BulkMessage {
        let (by_guest, line) = (nth.is_multiple_of(2), (stay + nth) as usize);
        let stay_row = &hotel.stays[stay as usize];
        BulkMessage {
            conversation: stay_row.conversation_id,
            content: if by_guest { pick(&GUEST_LINES, line) } else { pick(&STAFF_LINES, line) },
            author: (!by_guest).then(|| hotel.author_for(stay_row.department_id)),
            at: self.at(stay, nth),
            guest_ordinal: i64::from(nth / 2 + 1),
        }
    }

    /// Returns the time of a generated message: the last one some minutes ago, the others 90 s apart.
    fn at(&self, stay: u32, nth: u32) -> DateTime<Utc> {
        let newest = self.now - TimeDelta::minutes(2 + i64::from(stay % 8));
        let later = self.sizes.messages.saturating_sub(1).saturating_sub(nth);
        newest - TimeDelta::seconds(90 * i64::from(later))
    }
}

impl GeneratedHotel {
    /// Returns the staff member who writes the messages: one of the department, otherwise the manager.
    fn author_for(&self, department: Option<DepartmentId>) -> StaffId {
        let own = |department| self.staff.iter().find(|it| it.department_ids.first() == Some(&department));
        department.and_then(own).unwrap_or(&self.staff[0]).id
    }
}

/// Returns staff member number `number` of a generated hotel: the manager, then one for each department, then members
/// of two departments.
pub(super) fn staff_member(hotel: &GeneratedHotel, number: u32, hash: &str) -> Result<NewStaffRow, Error> {
    let count = hotel.departments.len();
    let (username, departments) = match (number as usize).checked_sub(1) {
        None => ("manager".to_owned(), Vec::new()),
        Some(n) => {
            let more = usize::from(n >= count && count > 1);
            let indexes = (n..=n + more).map(|it| it % count);
            (format!("staff{number}"), indexes.map(|index| hotel.departments[index].id).collect())
        }
    };
    let n = number as usize;
    Ok(NewStaffRow {
        username: Username::parse(&format!("{username}.h{}", hotel.id)).map_err(|error| ("staff", error))?,
        name: parse_name(&format!("{} {}", pick(&FIRST_NAMES, n + 3), pick(&LAST_NAMES, n + 5)))?,
        role: if number == 0 { Role::Manager } else { Role::Staff },
        departments,
        password_hash: hash.to_owned(),
        must_change_password: false,
        active: true,
    })
}

pub(super) fn hotel_name() -> Result<Name, Error> {
    parse_name("Made-up Hotel")
}

pub(super) fn department_name(number: u32) -> Result<Name, Error> {
    match DEPARTMENTS.get(number as usize) {
        Some(known) => parse_name(known),
        None => parse_name(&format!("Department {}", number + 1)),
    }
}

/// Returns a generated phone number. No German number starts with 10, so these numbers are not in use.
fn phone(hotel: HotelId, number: u32) -> Result<PhoneNumber, Error> {
    PhoneNumber::parse(&format!("+4910{:05}{number:06}", hotel.0))
        .map_err(|_| Error::invalid("hotels", "The database has too many hotels for unique telephone numbers."))
}

fn pick(from: &[&'static str], number: usize) -> &'static str {
    from[number % from.len()]
}

fn parse_name(text: &str) -> Result<Name, Error> {
    Ok(Name::parse(text).map_err(|error| ("name", error))?)
}
