//! Those who may come to the door, and what they may want to see.

use std::sync::Arc;

use acceptance::{Client, Hotel, PASSWORD, Staff, World, json};

/// Longer than an access token lives.
const TOKEN_LIFE: i64 = 16 * 60;

/// Someone who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Without any proof.
    Nobody,
    /// With a token that this server never gave.
    BadToken,
    /// With a token that was good until a minute ago.
    Expired,
    /// Of a session that was signed out.
    Revoked,
    /// Of a staff member who was shut out.
    Deactivated,
    /// Of the department that the conversation is routed to.
    Member,
    /// Of another department.
    Colleague,
    /// Of no department.
    Loner,
    /// The hotel's manager.
    Manager,
    /// Of a department of another hotel.
    ForeignStaff,
    /// The manager of another hotel.
    ForeignManager,
    /// With an API key that this server never gave.
    BadKey,
    /// Another system of the hotel, with its API key.
    System,
    /// A system of another hotel.
    ForeignSystem,
}

/// Who is not let in.
pub const OUTSIDE: [Who; 6] = [Who::Nobody, Who::BadToken, Who::BadKey, Who::Expired, Who::Revoked, Who::Deactivated];

/// Who is, and is no staff: they may do very little.
pub const SYSTEMS: [Who; 2] = [Who::ForeignSystem, Who::System];

/// Who is, of staff.
pub const INSIDE: [Who; 6] =
    [Who::ForeignStaff, Who::ForeignManager, Who::Loner, Who::Colleague, Who::Member, Who::Manager];

impl Who {
    /// Whether they are of the other hotel.
    pub fn is_foreign(self) -> bool {
        matches!(self, Self::ForeignStaff | Self::ForeignManager | Self::ForeignSystem)
    }

    /// Whether they manage a hotel.
    pub fn is_manager(self) -> bool {
        matches!(self, Self::Manager | Self::ForeignManager)
    }
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Routed to the first department.
    Relay,
    /// Of a stay, with the flow.
    Unrouted,
    /// Of no stay.
    Demo,
    /// Closed, and still carrying the first department.
    ClosedRouted,
    /// Closed, without department.
    ClosedUnrouted,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Relay, Self::Unrouted, Self::Demo, Self::ClosedRouted, Self::ClosedUnrouted];

    /// Whether it is closed.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::ClosedRouted | Self::ClosedUnrouted)
    }

    /// Whether a department has it.
    pub fn is_routed(self) -> bool {
        matches!(self, Self::Relay | Self::ClosedRouted)
    }

    /// The contract's first table.
    pub fn is_seen_by(self, who: Who) -> bool {
        match who {
            Who::Member | Who::Manager => true,
            Who::Colleague | Who::Loner => !self.is_routed(),
            _ => false,
        }
    }
}

/// A conversation that is asked for, and a message in it.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    /// Its id.
    pub id: i64,
    /// Its stay.
    pub stay: Option<i64>,
    /// A message of its guest.
    pub message: i64,
}

/// All of them, in two hotels of a world of their own (whose clock is put forward).
pub struct Callers {
    /// Where the conversations are.
    pub hotel: Hotel,
    /// Another one.
    pub other: Hotel,
    /// A template of the hotel.
    pub template: i64,
    outside: Vec<(Who, Client)>,
    systems: Vec<(Who, Client)>,
    inside: Vec<(Who, Staff)>,
    with_stay: Thread,
    demo: Thread,
}

impl Callers {
    /// Brings them together.
    pub async fn gather(world: &Arc<World>) -> Self {
        let (hotel, other) = (world.hotel(), world.hotel());
        let expired = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
        world.advance(TOKEN_LIFE);
        let revoked = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
        revoked.post_empty("/api/auth/logout/").await.is(204);
        let manager = hotel.manager().await;
        let deactivated = hotel.hire("manager", &[]).await;
        manager.patch(format!("staff/{}/", deactivated.id), json!({ "active": false })).await.is(200);
        let outside = vec![
            (Who::Nobody, hotel.nobody()),
            (Who::BadToken, hotel.nobody().bearer("no.such.token")),
            (Who::BadKey, hotel.nobody().bearer("mmk_no-such-key")),
            (Who::Expired, (*expired).clone()),
            (Who::Revoked, (*revoked).clone()),
            (Who::Deactivated, (*deactivated).clone()),
        ];
        let systems = vec![(Who::System, hotel.system()), (Who::ForeignSystem, other.system())];
        let template = manager.post("templates/", json!({ "name": "hello", "content": "Hello!" })).await.is(201);
        let template = template["id"].as_i64().unwrap();
        let inside = vec![
            (Who::Member, hotel.of(0).await),
            (Who::Colleague, hotel.of(1).await),
            (Who::Loner, hotel.hire("staff", &[]).await),
            (Who::Manager, manager),
            (Who::ForeignStaff, other.of(0).await),
            (Who::ForeignManager, other.manager().await),
        ];
        let with_stay = thread(&hotel, &hotel.relay(0).phone).await;
        let demo = thread(&hotel, &hotel.new_phone()).await;
        Self { hotel, other, template, outside, systems, inside, with_stay, demo }
    }

    /// How they ask.
    pub fn client(&self, who: Who) -> &Client {
        let mut others = self.outside.iter().chain(&self.systems);
        others.find(|(known, _)| *known == who).map_or_else(|| &**self.staff(who), |(_, client)| client)
    }

    /// One who is let in.
    pub fn staff(&self, who: Who) -> &Staff {
        let found = self.inside.iter().find(|(known, _)| *known == who);
        found.map(|(_, staff)| staff).unwrap_or_else(|| panic!("{who:?} is not let in"))
    }

    /// The hotel that one is of.
    pub fn hotel_of(&self, who: Who) -> &Hotel {
        if who.is_foreign() { &self.other } else { &self.hotel }
    }

    /// Brings a conversation to a place, where nobody is assigned to it.
    pub async fn put(&self, place: Place) -> Thread {
        let it = if place == Place::Demo { self.demo } else { self.with_stay };
        let (manager, path) = (self.client(Who::Manager), format!("conversations/{}/", it.id));
        manager.post_empty(format!("{path}reopen/")).await.is(200);
        // Not in relay: nothing to end.
        let ended = manager.post_empty(format!("{path}end_relay/")).await.status;
        assert!([200, 409].contains(&ended), "{ended}");
        if place.is_routed() {
            let body = json!({ "department_id": self.hotel.departments[0].id });
            manager.post(format!("{path}start_relay/"), body).await.is(200);
        } else {
            manager.post(format!("{path}assign/"), json!({ "staff_id": null })).await.is(200);
        }
        if place.is_closed() {
            manager.post_empty(format!("{path}close/")).await.is(200);
        }
        it
    }
}

async fn thread(hotel: &Hotel, phone: &str) -> Thread {
    let told = hotel.guest_says(phone, "is anybody there?").await;
    let id = |name: &str| told[name].as_i64();
    Thread { id: id("conversation_id").unwrap(), stay: id("stay_id"), message: id("message_id").unwrap() }
}
