//! Callers of the access tests, and the states of the conversation that they access.

use std::sync::Arc;

use acceptance::{ApiClient, PASSWORD, StaffClient, TestHotel, TestWorld, json};

/// Longer than the lifetime of an access token, in seconds.
const TOKEN_LIFETIME: i64 = 16 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Without credentials.
    Nobody,
    /// With a token that this server did not issue.
    BadToken,
    Expired,
    /// After logout.
    Revoked,
    /// With a token of a deactivated staff member.
    Deactivated,
    /// StaffClient of the department that the conversation is routed to.
    Member,
    /// StaffClient of another department.
    Colleague,
    /// StaffClient without department.
    Loner,
    Manager,
    ForeignStaff,
    ForeignManager,
    /// With an API key that this server did not issue.
    BadKey,
    /// With an API key of the hotel.
    ApiKey,
    /// With an API key of another hotel.
    ForeignApiKey,
}

/// Callers without valid credentials.
pub const UNAUTHENTICATED: [Who; 6] =
    [Who::Nobody, Who::BadToken, Who::BadKey, Who::Expired, Who::Revoked, Who::Deactivated];

/// Callers with an API key.
pub const API_KEYS: [Who; 2] = [Who::ForeignApiKey, Who::ApiKey];

/// StaffClient.
pub const STAFF: [Who; 6] =
    [Who::ForeignStaff, Who::ForeignManager, Who::Loner, Who::Colleague, Who::Member, Who::Manager];

impl Who {
    pub fn is_of_other_hotel(self) -> bool {
        matches!(self, Self::ForeignStaff | Self::ForeignManager | Self::ForeignApiKey)
    }

    pub fn is_manager(self) -> bool {
        matches!(self, Self::Manager | Self::ForeignManager)
    }
}

impl Who {
    /// Whether the caller is a stay handler of their hotel: the first department handles stays.
    pub fn handles_stays(self) -> bool {
        self.is_manager() || matches!(self, Self::Member | Self::ForeignStaff)
    }
}

/// Status and routing of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadState {
    /// Routed to the first department.
    Relay,
    /// With a stay, in the guest flow.
    Unrouted,
    /// Without a stay, in the guest flow.
    Demo,
    /// Closed, with the first department.
    ClosedRouted,
    ClosedUnrouted,
}

impl ThreadState {
    pub const ALL: [Self; 5] = [Self::Relay, Self::Unrouted, Self::Demo, Self::ClosedRouted, Self::ClosedUnrouted];

    pub fn is_closed(self) -> bool {
        matches!(self, Self::ClosedRouted | Self::ClosedUnrouted)
    }

    pub fn is_routed(self) -> bool {
        matches!(self, Self::Relay | Self::ClosedRouted)
    }

    /// The visibility rule of contract §1.
    pub fn is_visible_to(self, who: Who) -> bool {
        match who {
            Who::Member | Who::Manager => true,
            Who::Colleague | Who::Loner => !self.is_routed(),
            _ => false,
        }
    }
}

/// A conversation, its stay, and a message of its guest.
#[derive(Clone, Copy, Debug)]
/// There are a scheduled message that is pending and one that is cancelled.
pub struct Thread {
    pub id: i64,
    pub stay: Option<i64>,
    pub message: i64,
    pub scheduled: i64,
    pub cancelled: i64,
}

/// One caller of each kind. They need servers of their own, because expiry moves the clock.
pub struct Callers {
    /// The hotel of the conversations.
    pub hotel: TestHotel,
    pub other: TestHotel,
    pub template: i64,
    pub label: i64,
    /// An API key of the hotel that no test uses for calls.
    pub unused_key: i64,
    /// The guest of an active stay of the hotel.
    pub guest: i64,
    unauthenticated: Vec<(Who, ApiClient)>,
    api_keys: Vec<(Who, ApiClient)>,
    staff: Vec<(Who, StaffClient)>,
    with_stay: Thread,
    demo: Thread,
}

impl Callers {
    pub async fn create(world: &Arc<TestWorld>) -> Self {
        let (hotel, other) = (world.hotel(), world.hotel());
        let expired = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
        world.advance(TOKEN_LIFETIME);
        let revoked = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
        revoked.post_empty("/api/auth/logout/").await.is(204);
        let manager = hotel.manager().await;
        let deactivated = hotel.hire("manager", &[]).await;
        manager.patch(format!("staff/{}/", deactivated.id), json!({ "active": false })).await.is(200);
        let unauthenticated = vec![
            (Who::Nobody, hotel.anonymous()),
            (Who::BadToken, hotel.anonymous().bearer("no.such.token")),
            (Who::BadKey, hotel.anonymous().bearer("mmk_no-such-key")),
            (Who::Expired, (*expired).clone()),
            (Who::Revoked, (*revoked).clone()),
            (Who::Deactivated, (*deactivated).clone()),
        ];
        let api_keys = vec![(Who::ApiKey, hotel.system()), (Who::ForeignApiKey, other.system())];
        let template = manager.post("templates/", json!({ "name": "hello", "content": "Hello!" })).await.is(201);
        let template = template["id"].as_i64().unwrap();
        let label = manager.post("labels/", json!({ "name": "VIP", "colour": "red" })).await.is(201);
        let label = label["id"].as_i64().unwrap();
        let unused_key = manager.post("api_keys/", json!({ "name": "Unused" })).await.is(201);
        let unused_key = unused_key["id"].as_i64().unwrap();
        let stays = manager.get("stays/?page_size=100").await.is(200);
        let of_guest = stays["results"].as_array().unwrap().iter().find(|it| it["id"] == hotel.active(0).id);
        let guest = of_guest.expect("no such stay")["guest_id"].as_i64().unwrap();
        let staff = vec![
            (Who::Member, hotel.of(0).await),
            (Who::Colleague, hotel.of(1).await),
            (Who::Loner, hotel.hire("staff", &[]).await),
            (Who::Manager, manager),
            (Who::ForeignStaff, other.of(0).await),
            (Who::ForeignManager, other.manager().await),
        ];
        let with_stay = start_thread(&hotel, &hotel.relay(0).phone).await;
        let demo = start_thread(&hotel, &hotel.unused_phone()).await;
        Self { hotel, other, template, label, unused_key, guest, unauthenticated, api_keys, staff, with_stay, demo }
    }

    pub fn client(&self, who: Who) -> &ApiClient {
        let mut others = self.unauthenticated.iter().chain(&self.api_keys);
        others.find(|(it, _)| *it == who).map_or_else(|| &**self.staff(who), |(_, client)| client)
    }

    pub fn staff(&self, who: Who) -> &StaffClient {
        let found = self.staff.iter().find(|(it, _)| *it == who);
        found.map(|(_, staff)| staff).unwrap_or_else(|| panic!("{who:?} is not staff"))
    }

    pub fn hotel_of(&self, who: Who) -> &TestHotel {
        if who.is_of_other_hotel() { &self.other } else { &self.hotel }
    }

    /// Brings the conversation into this state, without an assignee.
    pub async fn set_state(&self, state: ThreadState) -> Thread {
        let thread = if state == ThreadState::Demo { self.demo } else { self.with_stay };
        let (manager, path) = (self.client(Who::Manager), format!("conversations/{}/", thread.id));
        manager.post_empty(format!("{path}reopen/")).await.is(200);
        // 409 if it is not in relay.
        let ended = manager.post_empty(format!("{path}end_relay/")).await.status;
        assert!([200, 409].contains(&ended), "{ended}");
        if state.is_routed() {
            let body = json!({ "department_id": self.hotel.departments[0].id });
            manager.post(format!("{path}start_relay/"), body).await.is(200);
        } else {
            manager.post(format!("{path}assign/"), json!({ "staff_id": null })).await.is(200);
        }
        if state.is_closed() {
            manager.post_empty(format!("{path}close/")).await.is(200);
        }
        thread
    }
}

async fn start_thread(hotel: &TestHotel, phone: &str) -> Thread {
    let message = hotel.send_guest_message(phone, "is anybody there?").await;
    let id = |name: &str| message[name].as_i64();
    let conversation = id("conversation_id").unwrap();
    let manager = hotel.manager().await;
    let schedule = async || {
        let in_a_week = chrono::Utc::now() + chrono::TimeDelta::days(7);
        let body = json!({ "text": "later", "send_at": in_a_week.to_rfc3339() });
        let path = format!("conversations/{conversation}/scheduled/");
        manager.post(path, body).await.is(201)["id"].as_i64().unwrap()
    };
    let (scheduled, cancelled) = (schedule().await, schedule().await);
    manager.send("DELETE", format!("scheduled/{cancelled}/"), None).await.is(204);
    Thread { id: conversation, stay: id("stay_id"), message: id("message_id").unwrap(), scheduled, cancelled }
}
