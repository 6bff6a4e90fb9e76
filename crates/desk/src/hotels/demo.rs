//! A made-up hotel to try the product with.

use auth::Password;
use chrono::{DateTime, Days, TimeDelta, Utc};
use domain::{Conversation, Delivery, Department, EventKind, Hotel, HotelId, Name, PhoneNumber, Role, Staff};
use persistence::{
    Tx, conversations, departments, guests,
    hotels::{self, Origin},
    messages::{Draft, Sender},
    staff::NewStaff,
    stays::{self, Booking},
};

use crate::{Desk, Error, messages::append, receive::today, settle, staff::create};

/// A demo hotel, and how to sign in to it.
pub struct DemoHotel {
    /// The hotel.
    pub hotel: HotelId,
    /// Its name.
    pub name: String,
    /// Who can sign in.
    pub sign_ins: Vec<DemoSignIn>,
    /// The password of all of them. It is kept nowhere.
    pub password: String,
}

/// A staff member of the demo hotel.
#[derive(Clone, Debug)]
pub struct DemoSignIn {
    /// The name they sign in with.
    pub username: String,
    /// The name that others see.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

const HOTEL: &str = "Seaside Hotel";
const MANAGER: (&str, &str) = ("manager", "Hotel Manager");
/// The departments, and who works there.
const DEPARTMENTS: [(&str, &str, &str); 4] = [
    (super::FIRST_DEPARTMENT, "reception", "Reception Staff"),
    ("Housekeeping", "housekeeping", "Housekeeping Staff"),
    ("Restaurant", "restaurant", "Restaurant Staff"),
    ("Maintenance", "maintenance", "Maintenance Staff"),
];

struct Scene {
    guest: &'static str,
    room: &'static str,
    /// Days from today to the arrival, and then to the departure.
    arrives_in: i64,
    nights: u64,
    /// The department's place in [`DEPARTMENTS`].
    department: Option<usize>,
    /// How many minutes ago the last line was said.
    minutes_ago: i64,
    /// What was said: the guest's lines, and the staff's, marked with `true`.
    lines: &'static [(bool, &'static str)],
}

#[rustfmt::skip]
const SCENES: [Scene; 8] = [
    Scene { guest: "Alice Martin", room: "101", arrives_in: -2, nights: 5, department: Some(0), minutes_ago: 4, lines: &[
        (false, "Good morning! Could we check out a little later on Sunday?"),
        (true, "Good morning, Ms Martin. Until what time would you like to stay?"),
        (false, "Two o'clock would be perfect, our train leaves at four."),
    ] },
    Scene { guest: "Bruno Keller", room: "204", arrives_in: -1, nights: 3, department: Some(1), minutes_ago: 9, lines: &[
        (false, "Hello, could we have two more towels, please?"),
        (true, "Of course, they are on their way."),
        (false, "Thank you! And another pillow, if you have one."),
    ] },
    Scene { guest: "Chiara Rossi", room: "305", arrives_in: -3, nights: 7, department: Some(2), minutes_ago: 16, lines: &[
        (false, "Is there a table for four tonight at eight?"),
        (true, "There is, on the terrace. Does anybody have an allergy?"),
        (false, "One of us eats no nuts. Thank you so much!"),
    ] },
    Scene { guest: "David Okafor", room: "112", arrives_in: 0, nights: 2, department: Some(3), minutes_ago: 23, lines: &[
        (false, "The air conditioning in our room makes a strange noise."),
    ] },
    Scene { guest: "Elena Petrova", room: "208", arrives_in: -1, nights: 4, department: None, minutes_ago: 31, lines: &[
        (false, "What is the password of the Wi-Fi?"),
    ] },
    Scene { guest: "Farid Haddad", room: "310", arrives_in: -4, nights: 6, department: None, minutes_ago: 52, lines: &[
        (false, "When does the pool open in the morning?"),
    ] },
    Scene { guest: "Grace Lee", room: "115", arrives_in: 2, nights: 3, department: None, minutes_ago: 75, lines: &[
        (false, "Hi, we arrive late on our first day, around midnight. Is that all right?"),
    ] },
    Scene { guest: "Henrik Larsen", room: "402", arrives_in: 5, nights: 7, department: None, minutes_ago: 0, lines: &[] },
];

impl Desk {
    /// Makes the demo hotel: staff, stays and conversations around now. For an empty database.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn make_demo(&self) -> Result<DemoHotel, Error> {
        let password = Password::generate();
        let (hash, now) = (self.hash(password.clone()).await?, self.now());
        let (hotel, staff) = self.store.write(super::NO_HOTEL, vec![], move |tx| fill(tx, &hash, now)).await?;
        let sign_ins = staff.into_iter().map(|it| DemoSignIn { username: it.username, name: it.name, role: it.role });
        Ok(DemoHotel {
            hotel,
            name: HOTEL.to_owned(),
            sign_ins: sign_ins.collect(),
            password: password.as_str().to_owned(),
        })
    }
}

fn fill(tx: &mut Tx<'_>, hash: &str, now: DateTime<Utc>) -> Result<(HotelId, Vec<Staff>), Error> {
    hotels::note_origin(tx, Origin::Demo, now)?;
    let id = hotels::insert(tx, &name(HOTEL)?, "UTC", now)?;
    let mut staff = vec![employ(tx, id, MANAGER, None, hash, now)?];
    for (title, username, display_name) in DEPARTMENTS {
        let department = departments::insert(tx, id, &name(title)?, now)?.ok_or(Error::NotFound)?;
        staff.push(employ(tx, id, (username, display_name), Some(department), hash, now)?);
    }
    let hotel = hotels::find(tx.conn(), id)?.ok_or(Error::NotFound)?;
    for (number, scene) in (1..).zip(&SCENES) {
        play(tx, &hotel, &staff[1..], number, scene, now)?;
    }
    Ok((id, staff))
}

fn employ(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    (username, display_name): (&str, &str),
    department: Option<Department>,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Staff, Error> {
    let new = NewStaff {
        username: name(username)?,
        name: name(display_name)?,
        role: if department.is_none() { Role::Manager } else { Role::Staff },
        departments: department.into_iter().map(|it| it.id).collect(),
        password_hash: hash.to_owned(),
        active: true,
    };
    create(tx, hotel, &new, None, now)
}

fn play(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    staff: &[Staff],
    number: u32,
    scene: &Scene,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let check_in = today(hotel, now) + TimeDelta::days(scene.arrives_in);
    // Numbers that the British regulator keeps free for films.
    let phone = PhoneNumber::parse(&format!("+4477009000{number:02}"))
        .map_err(|error| Error::invalid("guest_phone", error.to_string()))?;
    let booking = Booking {
        reservation_code: name(&format!("DEMO-{number}"))?,
        guest_name: name(scene.guest)?,
        guest_phone: phone,
        room_number: name(scene.room)?,
        check_in,
        check_out: check_in + Days::new(scene.nights),
    };
    let guest = guests::find_or_insert(tx, hotel.id, &booking.guest_phone, now)?;
    let stay = stays::insert(tx, hotel.id, guest.id, &booking, now)?.ok_or(Error::NotFound)?;
    if scene.lines.is_empty() {
        return Ok(());
    }
    let last = now - TimeDelta::minutes(scene.minutes_ago);
    let begun = last - TimeDelta::minutes(2) * scene.lines.len() as i32;
    let status = stay.unrouted_status(today(hotel, now));
    let mut it = conversations::insert(tx, (hotel.id, guest.id, Some(stay.id)), status, begun)?;
    let kind = EventKind::NewConversation { conversation: it.id, stay: it.stay, department: None };
    tx.record(hotel.id, begun, kind);
    let answers = scene.department.map(|place| &staff[place]);
    if let Some(member) = answers {
        route(tx, &mut it, member, begun)?;
    }
    for ((by_staff, line), nth) in scene.lines.iter().zip(1..) {
        let at = begun + TimeDelta::minutes(2) * nth;
        let sender = match answers.filter(|_| *by_staff) {
            Some(member) => Sender::Staff(member.id, &member.name),
            None => Sender::Guest(scene.guest),
        };
        say(tx, &it, sender, line, at)?;
    }
    Ok(())
}

fn route(tx: &mut Tx<'_>, it: &mut Conversation, member: &Staff, at: DateTime<Utc>) -> Result<(), Error> {
    let before = it.clone();
    it.answer(&member.reach(), None)?;
    // Every department has something that nobody has taken yet.
    it.assignee = None;
    settle::save(tx, &before, it, None, at)
}

fn say(tx: &mut Tx<'_>, it: &Conversation, sender: Sender<'_>, content: &str, at: DateTime<Utc>) -> Result<(), Error> {
    let delivery = matches!(sender, Sender::Staff(..)).then_some(Delivery::Sent);
    let draft =
        Draft { conversation: it.id, content, sender, at, came: None, delivery, internal: false, client_ref: None };
    append(tx, it, &draft).map(drop)
}

fn name(text: &str) -> Result<Name, Error> {
    Ok(Name::parse(text).map_err(|error| ("name", error))?)
}
