//! A generated hotel with its staff members and guests.

use std::{collections::HashMap, ops::Deref, sync::Arc};

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{ApiClient, PASSWORD, TestWorld};

/// A password that a manager gives to a new colleague, who has to change it.
pub const GIVEN_PASSWORD: &str = "given by the manager";

#[derive(Clone, Debug)]
pub struct TestDepartment {
    pub id: i64,
    pub name: String,
}

/// A generated staff member.
#[derive(Clone, Debug)]
pub struct TestMember {
    pub id: i64,
    pub username: String,
    /// `staff` or `manager`.
    pub role: String,
    /// Department ids.
    pub departments: Vec<i64>,
}

/// A generated stay and its conversation.
#[derive(Clone, Debug)]
pub struct TestStay {
    pub id: i64,
    /// The conversation's id.
    pub conversation: i64,
    pub room: String,
    pub phone: String,
    /// The conversation's status and department.
    pub status: String,
    pub department: Option<i64>,
}

impl TestStay {
    /// The path of the conversation, or of a resource below it.
    pub fn path(&self, rest: &str) -> String {
        format!("conversations/{}/{rest}", self.conversation)
    }
}

/// A hotel that belongs to one test. It has a manager without a department, and three departments; each of them has a
/// staff member of its own and a conversation in relay. The other conversations are active.
#[derive(Clone)]
pub struct TestHotel {
    pub id: i64,
    pub world: Arc<TestWorld>,
    pub departments: Vec<TestDepartment>,
    pub staff: Vec<TestMember>,
    pub stays: Vec<TestStay>,
    /// One session of each staff member, by id.
    signed_in: Arc<Mutex<HashMap<i64, StaffClient>>>,
}

impl TestHotel {
    /// Reads a hotel from the output of `generate`.
    pub(crate) fn new(world: Arc<TestWorld>, json: &Value) -> Self {
        Self {
            id: id(&json["id"]),
            world,
            departments: list(&json["departments"], |it| TestDepartment { id: id(&it["id"]), name: text(&it["name"]) }),
            staff: list(&json["staff"], member),
            stays: list(&json["stays"], stay),
            signed_in: Arc::default(),
        }
    }

    /// A client without a token, with an IP address that no other hotel's client has: rate limits count by address.
    pub fn anonymous(&self) -> ApiClient {
        ApiClient::new(&self.world).with("x-forwarded-for", &format!("10.1.{}.{}", self.id / 250, self.id % 250 + 1))
    }

    /// The manager, signed in.
    pub async fn manager(&self) -> StaffClient {
        self.signed_in(&self.staff[0].clone()).await
    }

    /// The staff member of this department alone, signed in.
    pub async fn of(&self, department: usize) -> StaffClient {
        self.signed_in(&self.member_of(department)).await
    }

    /// The staff member of this department alone.
    pub fn member_of(&self, department: usize) -> TestMember {
        let wanted = [self.departments[department].id];
        let found = self.staff.iter().find(|it| it.role == "staff" && it.departments == wanted);
        found.expect("no member of this department alone").clone()
    }

    /// Returns a client for a staff member. All calls share one session.
    pub async fn signed_in(&self, member: &TestMember) -> StaffClient {
        let mut signed_in = self.signed_in.lock().await;
        if let Some(staff) = signed_in.get(&member.id) {
            return staff.clone();
        }
        let staff = self.sign_in(&member.username, PASSWORD).await;
        signed_in.insert(member.id, staff.clone());
        staff
    }

    /// Signs in with a session of its own.
    pub async fn sign_in(&self, username: &str, password: &str) -> StaffClient {
        StaffClient::sign_in(&self.anonymous(), username, password).await
    }

    /// The conversation in relay with this department.
    pub fn relay(&self, department: usize) -> TestStay {
        let wanted = Some(self.departments[department].id);
        let found = self.stays.iter().find(|it| it.status == "relay" && it.department == wanted);
        found.expect("no conversation in relay in this department").clone()
    }

    /// The same, assigned to the department's staff member, so that their reply changes neither department nor assignee.
    pub async fn assigned(&self, department: usize) -> TestStay {
        let stay = self.relay(department);
        let body = json!({ "staff_id": self.member_of(department).id });
        self.manager().await.post(stay.path("assign/"), body).await.is(200);
        stay
    }

    /// An active conversation: 0 or 1.
    pub fn active(&self, index: usize) -> TestStay {
        let mut active = self.stays.iter().filter(|it| it.status == "active");
        assert!(index < 2, "the last one is the fence");
        active.nth(index).expect("no active conversation").clone()
    }

    /// The active conversation that tests do not use otherwise. Events of a hotel arrive in order: a note in the fence
    /// shows a socket that all earlier events have arrived.
    pub fn fence(&self) -> TestStay {
        self.stays.iter().rfind(|it| it.status == "active").expect("no active conversation").clone()
    }

    /// Sends a message as a guest of the demo. Returns the response.
    pub async fn send_guest_message(&self, phone: &str, words: &str) -> Value {
        let body = json!({ "phone": phone, "text": words, "hotel_id": self.id });
        self.anonymous().post("/api/demo/guest_message/", body).await.is(201)
    }

    /// Sends a message as a staff member. Returns the message.
    pub async fn send_message(&self, staff: &StaffClient, stay: &TestStay, words: &str) -> Value {
        staff.post(stay.path("send_message/"), json!({ "text": words })).await.is(201)
    }

    /// Creates a staff member as the manager, and signs them in.
    pub async fn hire(&self, role: &str, departments: &[i64]) -> StaffClient {
        let username = crate::unique("hired");
        let body = json!({
            "username": username, "name": format!("Hired {username}"), "role": role,
            "department_ids": departments, "password": GIVEN_PASSWORD,
        });
        self.manager().await.post("staff/", body).await.is(201);
        self.first_sign_in(&username, GIVEN_PASSWORD).await
    }

    /// Signs in with a password set by a manager, and changes it to [`PASSWORD`].
    pub async fn first_sign_in(&self, username: &str, given: &str) -> StaffClient {
        let staff = self.sign_in(username, given).await;
        let change = json!({ "current_password": given, "new_password": PASSWORD });
        staff.post("/api/auth/password/", change).await.is(204);
        staff
    }

    /// A client of another system of the hotel, with a new API key.
    pub fn system(&self) -> ApiClient {
        let created =
            self.world.run(&["api-key", "create", "--hotel", &self.id.to_string(), "--name", "Booking system"]);
        self.anonymous().bearer(&text(&created.json()["key"]))
    }

    /// A phone number that no guest has.
    pub fn unused_phone(&self) -> String {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("+3468{:07}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Imports stays from CSV with the command line. Returns its output; the exit code tells if a row failed.
    pub fn import(&self, csv: &str) -> Value {
        let file = self.world.folder().join(format!("{}.csv", crate::unique("stays")));
        std::fs::write(&file, csv).unwrap();
        let file = file.display().to_string();
        let output = self.world.run(&["import-stays", &file, "--hotel", &self.id.to_string()]);
        let result: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let failed = result["rows"].as_array().unwrap().iter().any(|it| it["result"] == "failed");
        assert_eq!(output.code, Some(i32::from(failed)), "{output:?}");
        result
    }
}

/// A client that is signed in as a staff member.
#[derive(Clone)]
pub struct StaffClient {
    pub id: i64,
    pub username: String,
    /// The staff member in the response of the sign-in.
    pub me: Value,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The session cookie as a client returns it: `name=value`.
    pub cookie: String,
    /// The device cookie, likewise.
    pub device: String,
    client: ApiClient,
}

impl StaffClient {
    pub async fn sign_in(client: &ApiClient, username: &str, password: &str) -> Self {
        let body = json!({ "username": username, "password": password });
        let response = client.post("/api/auth/login/", body).await;
        let login = response.is(200);
        // The names have a prefix if the public URL is https.
        let cookie = |name: &str| response.cookie(name).or_else(|| response.cookie(&format!("__Host-{name}")));
        let device = cookie("mm_device").expect("no device cookie");
        let cookie = cookie("mm_session").expect("no cookie");
        let access = text(&login["access"]);
        Self {
            id: id(&login["staff"]["id"]),
            username: username.to_owned(),
            me: login["staff"].clone(),
            client: client.bearer(&access),
            access,
            refresh: text(&login["refresh"]),
            cookie,
            device,
        }
    }

    /// The display name.
    pub fn name(&self) -> &str {
        self.me["name"].as_str().unwrap()
    }
}

impl Deref for StaffClient {
    type Target = ApiClient;

    fn deref(&self) -> &ApiClient {
        &self.client
    }
}

fn member(json: &Value) -> TestMember {
    TestMember {
        id: id(&json["id"]),
        username: text(&json["username"]),
        role: text(&json["role"]),
        departments: list(&json["department_ids"], id),
    }
}

fn stay(json: &Value) -> TestStay {
    TestStay {
        id: id(&json["id"]),
        conversation: id(&json["conversation_id"]),
        room: text(&json["room_number"]),
        phone: text(&json["guest_phone"]),
        status: text(&json["status"]),
        department: json["department_id"].as_i64(),
    }
}

fn list<T>(json: &Value, parse: impl Fn(&Value) -> T) -> Vec<T> {
    json.as_array().unwrap_or_else(|| panic!("no list: {json}")).iter().map(parse).collect()
}

fn id(json: &Value) -> i64 {
    json.as_i64().unwrap_or_else(|| panic!("no id: {json}"))
}

fn text(json: &Value) -> String {
    json.as_str().unwrap_or_else(|| panic!("no text: {json}")).to_owned()
}
