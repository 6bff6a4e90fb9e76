//! What goes to guests by WhatsApp: once, in order, and how far it has come.

mod codes;
mod crashes;
mod guests;
mod order;
mod ticks;
mod windows;

use acceptance::{Answer, Line, PASSWORD, Staff, Value, json, unique};

/// Deliveries from the first to the last.
const RANKS: [&str; 7] = ["held", "queued", "unknown", "sent", "failed", "delivered", "read"];

/// A guest who has written just now, and the manager who answers.
#[derive(Clone)]
struct Talk {
    line: Line,
    manager: Staff,
    id: i64,
    phone: String,
}

impl Talk {
    /// With a guest of no stay; the flow is silent.
    async fn with(line: &Line, phone: &str) -> Self {
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

    /// The manager answers; the message's id.
    async fn say(&self, words: &str) -> i64 {
        self.try_say(words).await.is(201)["id"].as_i64().unwrap()
    }

    async fn try_say(&self, words: &str) -> Answer {
        self.manager.post(self.path("send_message/"), json!({ "text": words })).await
    }

    /// The same with a new client and session: the server was started again, or much time has passed.
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

    /// Waits until a message has come so far.
    async fn comes_to(&self, id: i64, delivery: &str) -> Value {
        let what = format!("{} to be {delivery}", self.phone);
        let found = async || Some(self.message(id).await).filter(|it| it["delivery"] == delivery);
        self.line.until(&what, found).await
    }

    async fn retry(&self, id: i64) -> Answer {
        self.manager.post_empty(self.path(&format!("messages/{id}/retry/"))).await
    }
}

/// The texts that were accepted, in order.
async fn accepted(line: &Line) -> Vec<String> {
    let text = |it: &Value| it["body"]["text"]["body"].as_str().unwrap_or_default().to_owned();
    line.transcript("send").await.iter().map(text).collect()
}

/// How often a text was accepted.
async fn times(line: &Line, words: &str) -> usize {
    accepted(line).await.iter().filter(|it| *it == words).count()
}

/// The codes with which sends to a number were refused.
async fn refusals(line: &Line, phone: &str) -> Vec<i64> {
    let of = |it: &Value| it["body"].as_str().is_some_and(|body| body.contains(phone.trim_start_matches('+')));
    let all = line.transcript("refusal").await;
    all.iter().filter(|it| of(it)).map(|it| it["code"].as_i64().unwrap()).collect()
}

fn rank(delivery: &Value) -> usize {
    RANKS.iter().position(|it| delivery == it).expect("no such delivery")
}

/// A sentence for a person.
#[track_caller]
fn is_sentence(failure: &Value) {
    let text = failure.as_str().unwrap_or_else(|| panic!("no failure: {failure}"));
    assert!(text.ends_with('.') && text.contains(' ') && !text.contains('{'), "{text}");
}

/// A text that no other test sends.
fn words() -> String {
    unique("to the guest")
}
