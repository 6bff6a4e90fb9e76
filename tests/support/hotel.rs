//! A generated hotel, its people and its guests.

use std::{collections::HashMap, ops::Deref, sync::Arc};

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{Client, PASSWORD, World};

/// A department.
#[derive(Clone, Debug)]
pub struct Department {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// A staff member, as `generate` printed them.
#[derive(Clone, Debug)]
pub struct Member {
    /// Their id.
    pub id: i64,
    /// Their user name.
    pub username: String,
    /// `staff` or `manager`.
    pub role: String,
    /// Their departments.
    pub departments: Vec<i64>,
}

/// A stay and its conversation, as `generate` printed them.
#[derive(Clone, Debug)]
pub struct Stay {
    /// Its id.
    pub id: i64,
    /// Its conversation.
    pub conversation: i64,
    /// Its room.
    pub room: String,
    /// Its guest's number.
    pub phone: String,
    /// Its conversation's status.
    pub status: String,
    /// Its conversation's department.
    pub department: Option<i64>,
}

impl Stay {
    /// The path of its conversation, or of something beneath it.
    pub fn path(&self, rest: &str) -> String {
        format!("conversations/{}/{rest}", self.conversation)
    }
}

/// A hotel that only one test has: a manager without department, three departments with a member
/// of its own each, a conversation in relay in each, and active ones.
#[derive(Clone)]
pub struct Hotel {
    /// Its id.
    pub id: i64,
    /// The world it is in.
    pub world: Arc<World>,
    /// Its departments.
    pub departments: Vec<Department>,
    /// Its staff.
    pub staff: Vec<Member>,
    /// Its stays.
    pub stays: Vec<Stay>,
    signed_in: Arc<Mutex<HashMap<i64, Staff>>>,
}

impl Hotel {
    pub(crate) fn new(world: Arc<World>, it: &Value) -> Self {
        Self {
            id: it["id"].as_i64().unwrap(),
            world,
            departments: list(&it["departments"], |it| Department { id: id(&it["id"]), name: text(&it["name"]) }),
            staff: list(&it["staff"], member),
            stays: list(&it["stays"], stay),
            signed_in: Arc::default(),
        }
    }

    /// Nobody, from an address that only this hotel's tests have.
    pub fn nobody(&self) -> Client {
        Client::new(&self.world).with("x-forwarded-for", &format!("10.1.{}.{}", self.id / 250, self.id % 250 + 1))
    }

    /// Its manager, signed in.
    pub async fn manager(&self) -> Staff {
        self.signed_in(&self.staff[0].clone()).await
    }

    /// The member of one department alone, signed in.
    pub async fn of(&self, department: usize) -> Staff {
        self.signed_in(&self.member_of(department)).await
    }

    /// The member of one department alone.
    pub fn member_of(&self, department: usize) -> Member {
        let wanted = [self.departments[department].id];
        let found = self.staff.iter().find(|it| it.role == "staff" && it.departments == wanted);
        found.expect("no member of this department alone").clone()
    }

    /// A member, signed in; the same session each time.
    pub async fn signed_in(&self, member: &Member) -> Staff {
        let mut known = self.signed_in.lock().await;
        if let Some(staff) = known.get(&member.id) {
            return staff.clone();
        }
        let staff = self.sign_in(&member.username, PASSWORD).await;
        known.insert(member.id, staff.clone());
        staff
    }

    /// A session of its own.
    pub async fn sign_in(&self, username: &str, password: &str) -> Staff {
        Staff::sign_in(&self.nobody(), username, password).await
    }

    /// The conversation in relay of a department.
    pub fn relay(&self, department: usize) -> Stay {
        let wanted = Some(self.departments[department].id);
        let found = self.stays.iter().find(|it| it.status == "relay" && it.department == wanted);
        found.expect("no conversation in relay in this department").clone()
    }

    /// The same, assigned to the department's member: so that an answer moves nothing.
    pub async fn assigned(&self, department: usize) -> Stay {
        let stay = self.relay(department);
        let body = json!({ "staff_id": self.member_of(department).id });
        self.manager().await.post(stay.path("assign/"), body).await.is(200);
        stay
    }

    /// An active conversation: 0 or 1.
    pub fn active(&self, index: usize) -> Stay {
        let mut active = self.stays.iter().filter(|it| it.status == "active");
        // The last is the fence's.
        assert!(index < 2);
        active.nth(index).expect("no active conversation").clone()
    }

    /// The active conversation that tests leave alone: what is written there tells a socket that
    /// all before it has come.
    pub fn fence(&self) -> Stay {
        self.stays.iter().rfind(|it| it.status == "active").expect("no active conversation").clone()
    }

    /// A guest writes; what the simulator answered.
    pub async fn guest_says(&self, phone: &str, words: &str) -> Value {
        let body = json!({ "phone": phone, "text": words, "hotel_id": self.id });
        self.nobody().post("/api/demo/guest_message/", body).await.is(201)
    }

    /// A staff member sends a message; the message.
    pub async fn says(&self, staff: &Staff, stay: &Stay, words: &str) -> Value {
        staff.post(stay.path("send_message/"), json!({ "text": words })).await.is(201)
    }

    /// A new staff member, made by the manager, and signed in.
    pub async fn hire(&self, role: &str, departments: &[i64]) -> Staff {
        let username = crate::unique("hired");
        let body = json!({
            "username": username, "name": format!("Hired {username}"), "role": role,
            "department_ids": departments, "password": PASSWORD,
        });
        self.manager().await.post("staff/", body).await.is(201);
        self.sign_in(&username, PASSWORD).await
    }

    /// Another system of it, with a new API key.
    pub fn system(&self) -> Client {
        let made = self.world.run(&["api-key", "create", "--hotel", &self.id.to_string(), "--name", "Booking system"]);
        self.nobody().bearer(&text(&made.json()["key"]))
    }

    /// A number in this hotel that no stay has.
    pub fn new_phone(&self) -> String {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("+3468{:07}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Imports stays from CSV, by the command line; its answer. The command fails where a row did.
    pub fn import(&self, csv: &str) -> Value {
        let file = self.world.folder().join(format!("{}.csv", crate::unique("stays")));
        std::fs::write(&file, csv).unwrap();
        let file = file.display().to_string();
        let done = self.world.run(&["import-stays", &file, "--hotel", &self.id.to_string()]);
        let answer: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
        let failed = answer["rows"].as_array().unwrap().iter().any(|it| it["result"] == "failed");
        assert_eq!(done.code, Some(i32::from(failed)), "{done:?}");
        answer
    }
}

/// A staff member, signed in.
#[derive(Clone)]
pub struct Staff {
    /// Their id.
    pub id: i64,
    /// Their user name.
    pub username: String,
    /// What the sign-in told of them.
    pub me: Value,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The session cookie, as it is sent back: `name=value`.
    pub cookie: String,
    client: Client,
}

impl Staff {
    /// Signs in.
    pub async fn sign_in(client: &Client, username: &str, password: &str) -> Self {
        let body = json!({ "username": username, "password": password });
        let answer = client.post("/api/auth/login/", body).await;
        let told = answer.is(200);
        let cookie = answer.header("set-cookie").expect("no cookie").split(';').next().unwrap().to_owned();
        let access = text(&told["access"]);
        Self {
            id: id(&told["staff"]["id"]),
            username: username.to_owned(),
            me: told["staff"].clone(),
            client: client.bearer(&access),
            access,
            refresh: text(&told["refresh"]),
            cookie,
        }
    }

    /// Their name, as others see it.
    pub fn name(&self) -> &str {
        self.me["name"].as_str().unwrap()
    }
}

impl Deref for Staff {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

fn member(it: &Value) -> Member {
    Member {
        id: id(&it["id"]),
        username: text(&it["username"]),
        role: text(&it["role"]),
        departments: list(&it["department_ids"], id),
    }
}

fn stay(it: &Value) -> Stay {
    Stay {
        id: id(&it["id"]),
        conversation: id(&it["conversation_id"]),
        room: text(&it["room_number"]),
        phone: text(&it["guest_phone"]),
        status: text(&it["status"]),
        department: it["department_id"].as_i64(),
    }
}

fn list<T>(it: &Value, one: impl Fn(&Value) -> T) -> Vec<T> {
    it.as_array().unwrap_or_else(|| panic!("no list: {it}")).iter().map(one).collect()
}

fn id(it: &Value) -> i64 {
    it.as_i64().unwrap_or_else(|| panic!("no id: {it}"))
}

fn text(it: &Value) -> String {
    it.as_str().unwrap_or_else(|| panic!("no text: {it}")).to_owned()
}
