//! The generated hotels and their staff members.

use std::{sync::Arc, time::Duration};

use acceptance::{PASSWORD, Value, http, json};
use reqwest::{Client, Method};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::cluster::SoakCluster;

/// Access tokens are valid for 15 minutes.
const TOKEN_REFRESH_INTERVAL: Duration = Duration::from_secs(600);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

pub struct SoakSite {
    /// Staff members of departments, who read and send.
    pub people: Vec<Arc<SoakStaff>>,
    /// A manager of each hotel, who moves a conversation and sends in it.
    pub managers: Vec<Arc<SoakStaff>>,
    /// The conversation of each hotel that is moved.
    pub moving: Vec<MovingConversation>,
}

/// A staff member with one cached access token.
pub struct SoakStaff {
    pub username: String,
    pub hotel: i64,
    /// Empty for a manager.
    pub departments: Vec<i64>,
    /// The stays that are always with these departments.
    pub stays: Vec<SoakStay>,
    /// The stay that is moved between departments.
    pub moving: i64,
    http: Client,
    token: Mutex<Option<(String, Instant)>>,
}

/// A stay and its conversation.
#[derive(Clone, Copy, Debug)]
pub struct SoakStay {
    pub id: i64,
    pub conversation: i64,
}

/// A conversation that is moved from department to department.
#[derive(Clone, Debug)]
pub struct MovingConversation {
    pub hotel: i64,
    pub stay: SoakStay,
    /// The first department.
    pub department: i64,
    pub departments: Vec<i64>,
}

impl SoakSite {
    /// Generates the hotels in the cluster's database.
    pub fn generate(cluster: &SoakCluster, stays: usize) -> Self {
        let stays = stays.to_string();
        let sizes = ["--hotels", "2", "--departments", "2", "--staff", "5", "--messages", "3", "--stays", &stays];
        let generated = cluster.program.run(&[&["generate", "--password", PASSWORD][..], &sizes].concat()).json();
        // Every guest waits, and every department has a target: the alarms are due as soon as the clocks are computed.
        cluster.database.rows("UPDATE departments SET first_response_minutes = 1 RETURNING id");
        let refresh =
            "INSERT INTO clock_refreshes (hotel_id, run_at) SELECT id, created_at FROM hotels RETURNING hotel_id";
        cluster.database.rows(refresh);
        let mut site = Self { people: vec![], managers: vec![], moving: vec![] };
        for hotel in generated["hotels"].as_array().unwrap() {
            site.add(hotel);
        }
        site
    }

    fn add(&mut self, hotel: &Value) {
        let list = |name: &str| hotel[name].as_array().unwrap().clone();
        let number = |value: &Value| value.as_i64().unwrap();
        let stay = |it: &Value| SoakStay { id: number(&it["id"]), conversation: number(&it["conversation_id"]) };
        let relayed: Vec<Value> = list("stays").into_iter().filter(|it| it["status"] == "relay").collect();
        let (first, fixed) = relayed.split_first().unwrap();
        let moving = MovingConversation {
            hotel: number(&hotel["id"]),
            stay: stay(first),
            department: number(&first["department_id"]),
            departments: list("departments").iter().map(|it| number(&it["id"])).collect(),
        };
        for staff in list("staff") {
            let departments: Vec<i64> = staff["department_ids"].as_array().unwrap().iter().map(number).collect();
            let own_stays =
                fixed.iter().filter(|it| departments.contains(&number(&it["department_id"]))).map(stay).collect();
            let is_member = !departments.is_empty();
            let mut person = SoakStaff::new(moving.hotel, departments, own_stays, moving.stay.id);
            person.username = staff["username"].as_str().unwrap().to_owned();
            let person = Arc::new(person);
            if is_member { self.people.push(person) } else { self.managers.push(person) }
        }
        self.moving.push(moving);
    }
}

impl SoakStaff {
    /// The user name is set later.
    pub fn new(hotel: i64, departments: Vec<i64>, stays: Vec<SoakStay>, moving: i64) -> Self {
        let http = http().timeout(REQUEST_TIMEOUT).no_proxy().build().unwrap();
        Self { username: String::new(), hotel, departments, stays, moving, http, token: Mutex::default() }
    }

    /// Returns an access token. Signs in at any node, with retries.
    pub async fn token(&self, cluster: &SoakCluster) -> String {
        let mut token = self.token.lock().await;
        loop {
            if let Some((token, at)) = &*token
                && at.elapsed() < TOKEN_REFRESH_INTERVAL
            {
                return token.clone();
            }
            let url = format!("http://{}/api/auth/login/", cluster.any_address());
            let body = json!({ "username": self.username, "password": PASSWORD }).to_string();
            let response = self.http.post(url).header("content-type", "application/json").body(body).send().await;
            match response {
                Ok(response) if response.status() == 200 => {
                    let login: Value =
                        serde_json::from_str(&response.text().await.unwrap_or_default()).unwrap_or_default();
                    *token = login["access"].as_str().map(|it| (it.to_owned(), Instant::now()));
                }
                _ => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// GETs from any node, with retries. Returns the body of the response; `None` without one.
    pub async fn get(&self, cluster: &SoakCluster, path: &str) -> Option<Value> {
        for _ in 0..20 {
            let url = format!("http://{}/api/message_manager/{path}", cluster.any_address());
            let response = self.http.get(url).bearer_auth(self.token(cluster).await).send().await;
            if let Ok(response) = response
                && response.status() == 200
            {
                return serde_json::from_str(&response.text().await.ok()?).ok();
            }
            sleep(Duration::from_millis(200)).await;
        }
        None
    }

    /// POSTs to any node. Returns status and body, or `None` without a complete response.
    pub async fn post(&self, cluster: &SoakCluster, path: &str, key: &str, body: &Value) -> Option<(u16, Value)> {
        let url = format!("http://{}/api/message_manager/{path}", cluster.any_address());
        let request = self
            .http
            .request(Method::POST, url)
            .bearer_auth(self.token(cluster).await)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body.to_string());
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, serde_json::from_str(&response.text().await.ok()?).ok()?))
    }
}
