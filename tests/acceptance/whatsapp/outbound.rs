//! Messages to guests through WhatsApp: sent once, in order, with a delivery status.

mod answers;
mod crashes;
mod delivery_status;
mod error_codes;
mod order_and_rate_limit;
mod reactions;
mod recipients;
mod service_window;
mod unsent_messages;

use acceptance::{ApiResponse, PASSWORD, StaffClient, Value, WhatsappHotel, json, unique};

/// Delivery statuses in their order.
const RANKS: [&str; 7] = ["held", "queued", "unknown", "sent", "failed", "delivered", "read"];

/// A conversation whose guest has just written, and the manager who replies.
#[derive(Clone)]
struct GuestThread {
    line: WhatsappHotel,
    manager: StaffClient,
    id: i64,
    phone: String,
}

impl GuestThread {
    /// A guest without stay writes; the guest flow is off.
    async fn with(line: &WhatsappHotel, phone: &str) -> Self {
        line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
        line.guest(json!({ "from": phone, "text": "Hello" })).await;
        let manager = line.manager().await;
        let path = format!("conversations/?search={}&status=demo,active,relay", phone.trim_start_matches('+'));
        let found = async || manager.get(&path).await.is(200)["results"][0]["id"].as_i64();
        let id = line.until("the guest's conversation", found).await;
        Self { line: line.clone(), manager, id, phone: phone.to_owned() }
    }

    fn path(&self, rest: &str) -> String {
        format!("conversations/{}/{rest}", self.id)
    }

    /// The manager replies; returns the message id.
    async fn say(&self, text: &str) -> i64 {
        self.try_say(text).await.is(201)["id"].as_i64().unwrap()
    }

    async fn try_say(&self, text: &str) -> ApiResponse {
        self.manager.post(self.path("send_message/"), json!({ "text": text })).await
    }

    /// Signs in again with a new client, after a restart or an expired token.
    async fn back(&self) -> Self {
        let manager = self.line.hotel.sign_in(&self.manager.username, PASSWORD).await;
        Self { manager, ..self.clone() }
    }

    async fn messages(&self) -> Vec<Value> {
        let all = self.manager.get(self.path("messages/?limit=1000")).await.is(200);
        all.as_array().unwrap().clone()
    }

    async fn message(&self, id: i64) -> Value {
        let all = self.messages().await;
        all.into_iter().find(|it| it["id"] == id).expect("no such message")
    }

    /// Waits until a message has this delivery status.
    async fn wait_for_delivery(&self, id: i64, delivery: &str) -> Value {
        let expectation = format!("{} to be {delivery}", self.phone);
        let found = async || Some(self.message(id).await).filter(|it| it["delivery"] == delivery);
        self.line.until(&expectation, found).await
    }

    async fn retry(&self, id: i64) -> ApiResponse {
        self.manager.post_empty(self.path(&format!("messages/{id}/retry/"))).await
    }
}

/// The texts that the simulator accepted, in order.
async fn accepted_texts(line: &WhatsappHotel) -> Vec<String> {
    let text = |it: &Value| it["body"]["text"]["body"].as_str().unwrap_or_default().to_owned();
    line.transcript("send").await.iter().map(text).collect()
}

/// How often the simulator accepted a text.
async fn count_accepted(line: &WhatsappHotel, text: &str) -> usize {
    accepted_texts(line).await.iter().filter(|it| *it == text).count()
}

/// The error codes of refused sends to a number.
async fn refusal_codes(line: &WhatsappHotel, phone: &str) -> Vec<i64> {
    let of = |it: &Value| it["body"].as_str().is_some_and(|body| body.contains(phone.trim_start_matches('+')));
    let all = line.transcript("refusal").await;
    all.iter().filter(|it| of(it)).map(|it| it["code"].as_i64().unwrap()).collect()
}

fn rank(delivery: &Value) -> usize {
    RANKS.iter().position(|it| delivery == it).expect("no such delivery")
}

/// Fails unless the failure is a sentence for people.
#[track_caller]
fn assert_sentence(failure: &Value) {
    let text = failure.as_str().unwrap_or_else(|| panic!("no failure: {failure}"));
    assert!(text.ends_with('.') && text.contains(' ') && !text.contains('{'), "{text}");
}

/// A unique message text.
fn unique_text() -> String {
    unique("to the guest")
}
