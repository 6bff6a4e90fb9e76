//! The hotels, and who works there.

use std::{sync::Arc, time::Duration};

use acceptance::{PASSWORD, Value, http, json};
use reqwest::{Client, Method};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::cluster::Cluster;

/// Tokens are good for 15 minutes.
const TOKEN_LASTS: Duration = Duration::from_secs(600);
/// How long a request is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// All of it.
pub struct Site {
    /// Members of departments: they listen and write.
    pub people: Vec<Arc<Person>>,
    /// A manager of each hotel: they move conversations, and write into those.
    pub managers: Vec<Arc<Person>>,
    /// What is moved, of each hotel.
    pub moving: Vec<Moving>,
}

/// Someone who works in a hotel.
pub struct Person {
    pub username: String,
    pub hotel: i64,
    /// None for a manager.
    pub departments: Vec<i64>,
    /// The stays that stay with these.
    pub stays: Vec<Stay>,
    /// A stay that comes and goes.
    pub moving: i64,
    http: Client,
    token: Mutex<Option<(String, Instant)>>,
}

/// A stay and its conversation.
#[derive(Clone, Copy, Debug)]
pub struct Stay {
    pub id: i64,
    pub conversation: i64,
}

/// A conversation that is moved from department to department.
#[derive(Clone, Debug)]
pub struct Moving {
    pub hotel: i64,
    pub stay: Stay,
    /// Where it is at the beginning.
    pub department: i64,
    pub departments: Vec<i64>,
}

impl Site {
    /// Makes it up in the cluster's database.
    pub fn made(cluster: &Cluster, stays: usize) -> Self {
        let stays = stays.to_string();
        let sizes = ["--hotels", "2", "--departments", "2", "--staff", "5", "--messages", "2", "--stays", &stays];
        let made = cluster.program.run(&[&["generate", "--password", PASSWORD][..], &sizes].concat()).json();
        let mut site = Self { people: vec![], managers: vec![], moving: vec![] };
        for hotel in made["hotels"].as_array().unwrap() {
            site.add(hotel);
        }
        site
    }

    fn add(&mut self, hotel: &Value) {
        let list = |name: &str| hotel[name].as_array().unwrap().clone();
        let number = |value: &Value| value.as_i64().unwrap();
        let stay = |it: &Value| Stay { id: number(&it["id"]), conversation: number(&it["conversation_id"]) };
        let relayed: Vec<Value> = list("stays").into_iter().filter(|it| it["status"] == "relay").collect();
        let (first, fixed) = relayed.split_first().unwrap();
        let moving = Moving {
            hotel: number(&hotel["id"]),
            stay: stay(first),
            department: number(&first["department_id"]),
            departments: list("departments").iter().map(|it| number(&it["id"])).collect(),
        };
        for staff in list("staff") {
            let departments: Vec<i64> = staff["department_ids"].as_array().unwrap().iter().map(number).collect();
            let of_theirs =
                fixed.iter().filter(|it| departments.contains(&number(&it["department_id"]))).map(stay).collect();
            let is_member = !departments.is_empty();
            let mut person = Person::of(moving.hotel, departments, of_theirs, moving.stay.id);
            person.username = staff["username"].as_str().unwrap().to_owned();
            let person = Arc::new(person);
            if is_member { self.people.push(person) } else { self.managers.push(person) }
        }
        self.moving.push(moving);
    }
}

impl Person {
    /// One without a name yet.
    pub fn of(hotel: i64, departments: Vec<i64>, stays: Vec<Stay>, moving: i64) -> Self {
        let http = http().timeout(PATIENCE).no_proxy().build().unwrap();
        Self { username: String::new(), hotel, departments, stays, moving, http, token: Mutex::default() }
    }

    /// A token, from whichever node gives one.
    pub async fn token(&self, cluster: &Cluster) -> String {
        let mut token = self.token.lock().await;
        loop {
            if let Some((token, at)) = &*token
                && at.elapsed() < TOKEN_LASTS
            {
                return token.clone();
            }
            let url = format!("http://{}/api/auth/login/", cluster.any());
            let body = json!({ "username": self.username, "password": PASSWORD }).to_string();
            let asked = self.http.post(url).header("content-type", "application/json").body(body).send().await;
            match asked {
                Ok(answer) if answer.status() == 200 => {
                    let answer: Value =
                        serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default();
                    *token = answer["access"].as_str().map(|it| (it.to_owned(), Instant::now()));
                }
                _ => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Asks any node; status and JSON, or nothing where no whole answer came.
    pub async fn post(&self, cluster: &Cluster, path: &str, key: &str, body: &Value) -> Option<(u16, Value)> {
        let url = format!("http://{}/api/message_manager/{path}", cluster.any());
        let request = self
            .http
            .request(Method::POST, url)
            .bearer_auth(self.token(cluster).await)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body.to_string());
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, serde_json::from_str(&answer.text().await.ok()?).ok()?))
    }
}
