//! The demo hotel of `--demo`.

use auth::Password;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Conversation, Delivery, Department, DepartmentId, Hotel, HotelId, Name, PhoneNumber, Role, Staff, Username,
    stay::StayDays,
};
use persistence::{
    Conn, Tx, departments, guests,
    hotels::{self, DatabaseOrigin},
    messages::{MessageSender, NewMessage},
    sql::pagination::Slice,
    staff::{self, NewStaffRow},
    stays::{self, Booking},
};

use crate::{
    Desk, Error,
    conversation_for_stay::create_conversation,
    hotel_calendar::today,
    hotels::{FIRST_DEPARTMENT, demo_templates},
    record_message::record_message,
    save_conversation::save_with_events,
    staff::{ChangeSource, create_member},
};

/// The demo hotel that was created, and the sign-ins of its staff.
pub struct DemoHotel {
    pub hotel: HotelId,
    pub name: String,
    pub sign_ins: Vec<DemoSignIn>,
    /// The password of all staff members of the demo hotel, which is stored only as a hash.
    pub password: String,
}

#[derive(Clone, Debug)]
pub struct DemoSignIn {
    pub username: String,
    pub name: String,
    pub role: Role,
    /// The active departments of the staff member.
    pub departments: Vec<Department>,
}

/// The most sign-ins that a demo lists: a generated database may have thousands.
const MAX_SIGN_INS: i64 = 100;

const HOTEL: &str = "Seaside Hotel";
const MANAGER: (&str, &str) = ("manager", "Hotel Manager");
/// Departments of the demo hotel: name, and user name and display name of the staff member.
const DEPARTMENTS: [(&str, &str, &str); 4] = [
    (FIRST_DEPARTMENT, "reception", "Reception Staff"),
    ("Housekeeping", "housekeeping", "Housekeeping Staff"),
    ("Restaurant", "restaurant", "Restaurant Staff"),
    ("Maintenance", "maintenance", "Maintenance Staff"),
];

/// A stay of the demo hotel with its conversation.
struct DemoStay {
    guest: &'static str,
    room: &'static str,
    /// Days from today to the first day of the demo stay; negative if it is in the past.
    arrives_in: i64,
    nights: u64,
    /// The department of the demo conversation, as an index into [`DEPARTMENTS`]; `None` if the conversation is
    /// unrouted.
    department: Option<usize>,
    /// Age of the last message of the demo conversation, in minutes.
    minutes_ago: i64,
    /// Texts of the demo conversation, oldest first; `true` if staff wrote the message, `false` if the guest did.
    messages: &'static [(bool, &'static str)],
}

#[rustfmt::skip]
const STAYS: [DemoStay; 8] = [
    DemoStay { guest: "Ana Rossi", room: "101", arrives_in: -2, nights: 5, department: Some(0), minutes_ago: 4, messages: &[
        (false, "Good morning! Could we check out a little later on Sunday?"),
        (true, "Good morning, Ms Rossi. Until what time would you like to stay?"),
        (false, "Two o'clock would be perfect, our train leaves at four."),
    ] },
    DemoStay { guest: "Bruno Keller", room: "204", arrives_in: -1, nights: 3, department: Some(1), minutes_ago: 9, messages: &[
        (false, "Hello, could we have two more towels, please?"),
        (true, "Of course, they are on their way."),
        (false, "Thank you! And another pillow, if you have one."),
    ] },
    DemoStay { guest: "Chiara Conti", room: "305", arrives_in: -3, nights: 7, department: Some(2), minutes_ago: 16, messages: &[
        (false, "Is there a table for four tonight at eight?"),
        (true, "There is, on the terrace. Does anybody have an allergy?"),
        (false, "One of us eats no nuts. Thank you so much!"),
    ] },
    DemoStay { guest: "David Okafor", room: "112", arrives_in: 0, nights: 2, department: Some(3), minutes_ago: 23, messages: &[
        (false, "The air conditioning in our room makes a strange noise."),
    ] },
    DemoStay { guest: "Elena Petrova", room: "208", arrives_in: -1, nights: 4, department: None, minutes_ago: 31, messages: &[
        (false, "What is the password of the Wi-Fi?"),
    ] },
    DemoStay { guest: "Farid Haddad", room: "310", arrives_in: -4, nights: 6, department: None, minutes_ago: 52, messages: &[
        (false, "When does the pool open in the morning?"),
    ] },
    DemoStay { guest: "Grace Lee", room: "115", arrives_in: 2, nights: 3, department: None, minutes_ago: 75, messages: &[
        (false, "Hi, we arrive late on our first day, around midnight. Is that all right?"),
    ] },
    DemoStay { guest: "Henrik Larsen", room: "402", arrives_in: 5, nights: 7, department: None, minutes_ago: 0, messages: &[] },
];

impl Desk {
    /// Creates the demo hotel in an empty database: staff, stays and conversations around the current time.
    pub async fn create_demo_hotel(&self) -> Result<DemoHotel, Error> {
        let password = Password::generate();
        let (hash, now) = (self.hash_password(password.clone()).await?, self.now());
        let (hotel, staff) = self.write_global(move |tx| create_hotel(tx, &hash, now)).await?;
        let sign_ins = self.read(move |conn| sign_ins(conn, staff)).await?;
        Ok(DemoHotel { hotel, name: HOTEL.to_owned(), sign_ins, password: password.as_str().to_owned() })
    }

    /// Returns the staff members of the first hotel who may sign in, at most `MAX_SIGN_INS`.
    pub async fn demo_sign_ins(&self) -> Result<Vec<DemoSignIn>, Error> {
        self.read(|conn| {
            let Some(hotel) = hotels::all(conn)?.into_iter().next() else { return Ok(Vec::new()) };
            let (_, staff) = staff::list(conn, hotel.id, Slice { offset: 0, limit: MAX_SIGN_INS })?;
            sign_ins(conn, staff)
        })
        .await
    }
}

fn sign_ins(conn: &mut Conn, staff: Vec<Staff>) -> Result<Vec<DemoSignIn>, Error> {
    let active: Vec<Staff> = staff.into_iter().filter(|it| it.active).collect();
    let Some(hotel) = active.first().map(|it| it.hotel) else { return Ok(Vec::new()) };
    let mut ids: Vec<DepartmentId> = active.iter().flat_map(|it| it.departments.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let departments = departments::by_ids(conn, hotel, &ids)?;
    let of = |member: &Staff| {
        let find = |id: &DepartmentId| departments.iter().find(|it| it.id == *id).cloned();
        member.departments.iter().filter_map(find).collect()
    };
    let sign_in = |it: Staff| DemoSignIn { departments: of(&it), username: it.username, name: it.name, role: it.role };
    Ok(active.into_iter().map(sign_in).collect())
}

fn create_hotel(tx: &mut Tx<'_>, hash: &str, now: DateTime<Utc>) -> Result<(HotelId, Vec<Staff>), Error> {
    hotels::record_origin(tx, DatabaseOrigin::Demo, now)?;
    let id = hotels::insert(tx, &parse_name(HOTEL)?, "UTC", now)?;
    let mut staff = vec![create_staff(tx, id, MANAGER, None, hash, now)?];
    for (title, username, display_name) in DEPARTMENTS {
        let department = departments::insert(tx, id, &parse_name(title)?, now)?.ok_or(Error::NotFound)?;
        staff.push(create_staff(tx, id, (username, display_name), Some(department), hash, now)?);
    }
    demo_templates::insert(tx, id)?;
    let hotel = hotels::find(tx.conn(), id)?.ok_or(Error::NotFound)?;
    for (number, stay) in (1..).zip(&STAYS) {
        create_stay(tx, &hotel, &staff[1..], number, stay, now)?;
    }
    Ok((id, staff))
}

/// Creates a staff member of the demo hotel: the one of a department, or the manager.
fn create_staff(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    (username, display_name): (&str, &str),
    department: Option<Department>,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Staff, Error> {
    let new = NewStaffRow {
        username: Username::parse(username).map_err(|error| ("username", error))?,
        name: parse_name(display_name)?,
        role: if department.is_none() { Role::Manager } else { Role::Staff },
        departments: department.into_iter().map(|it| it.id).collect(),
        password_hash: hash.to_owned(),
        must_change_password: false,
        active: true,
    };
    create_member(tx, hotel, &new, ChangeSource::CommandLine, now)
}

/// The telephone number of a guest of the demo hotel.
pub(super) fn demo_phone(number: u32) -> Result<PhoneNumber, Error> {
    // The British regulator reserves these numbers for fiction.
    PhoneNumber::parse(&format!("+4477009000{number:02}"))
        .map_err(|error| Error::invalid("guest_phone", error.to_string()))
}

fn create_stay(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    staff: &[Staff],
    number: u32,
    demo: &DemoStay,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let check_in = today(hotel, now) + TimeDelta::days(demo.arrives_in);
    let (code, guest_name) = (parse_name(&format!("DEMO-{number}"))?, parse_name(demo.guest)?);
    let phone = demo_phone(number)?;
    let guest = guests::find_or_insert(tx, hotel.id, &phone, now)?;
    let booking = Booking {
        guest_phone: Some(phone),
        room_number: Some(parse_name(demo.room)?),
        ..Booking::new(code, guest_name, StayDays::nights(check_in, demo.nights))
    };
    let mut stay = stays::insert(tx, hotel.id, Some(guest.id), &booking, now)?.ok_or(Error::NotFound)?;
    if demo.arrives_in < 0 {
        // The guest is in the house.
        stay.checked_in_at = Some(now + TimeDelta::days(demo.arrives_in));
        stays::save_status(tx, &stay)?;
    }
    if demo.messages.is_empty() {
        return Ok(());
    }
    let last_message = now - TimeDelta::minutes(demo.minutes_ago);
    let started = last_message - TimeDelta::minutes(2) * demo.messages.len() as i32;
    let status = stay.unrouted_status(today(hotel, now));
    let mut conversation = create_conversation(tx, hotel, guest.id, Some(stay.id), status, started)?;
    let assigned = demo.department.map(|index| &staff[index]);
    if let Some(member) = assigned {
        route(tx, &mut conversation, member, started)?;
    }
    for ((by_staff, content), nth) in demo.messages.iter().zip(1..) {
        let at = started + TimeDelta::minutes(2) * nth;
        let sender = match assigned.filter(|_| *by_staff) {
            Some(member) => MessageSender::Staff(member.id, &member.name),
            None => MessageSender::Guest { name: demo.guest, response_due_at: None },
        };
        add_message(tx, &conversation, sender, content, at)?;
    }
    Ok(())
}

/// Routes the conversation to the department of a staff member, without an assignee: every department of the demo has
/// work without an assignee.
fn route(tx: &mut Tx<'_>, conversation: &mut Conversation, member: &Staff, at: DateTime<Utc>) -> Result<(), Error> {
    let before = conversation.clone();
    conversation.take_over(&member.reach(), member.departments.first().copied(), None)?;
    conversation.clear_assignee_without_access(None);
    save_with_events(tx, &before, conversation, None, at)
}

fn add_message(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    sender: MessageSender<'_>,
    content: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let delivery = matches!(sender, MessageSender::Staff(..)).then_some(Delivery::Sent);
    let message = NewMessage {
        conversation: conversation.id(),
        content,
        sender,
        at,
        inbound: None,
        delivery,
        internal: false,
        client_ref: None,
        quote: None,
        send_at: None,
    };
    record_message(tx, conversation, &message).map(drop)
}

fn parse_name(text: &str) -> Result<Name, Error> {
    Ok(Name::parse(text).map_err(|error| ("name", error))?)
}
