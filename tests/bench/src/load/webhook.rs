//! Signed webhook bodies with messages of guests.

use std::fmt::Write;

use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

/// As long as the messages of staff.
const TEXT: &str = "Good evening. Could we have two more towels and a second pillow, please? And is there anywhere nearby \
                    that is open for a late supper?";

/// A webhook and the guests who write to it.
#[derive(Clone, Serialize, Deserialize)]
pub struct WebhookLoad {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Signs the bodies.
    pub secret: String,
    pub phone_number_id: String,
    /// The guests' numbers, digits alone. Guests write in turns.
    pub guests: Vec<String>,
    /// Messages of each body.
    pub messages_per_body: usize,
}

impl WebhookLoad {
    /// The request of this index. Message ids do not repeat.
    pub fn request(&self, n: usize) -> String {
        let now = Utc::now().timestamp();
        let numbers = (n * self.messages_per_body)..((n + 1) * self.messages_per_body);
        let messages: Vec<Value> =
            numbers.map(|n| message(&self.guests[n % self.guests.len()], &format!("wamid.{n}"), now)).collect();
        let value = json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550100000", "phone_number_id": self.phone_number_id },
            "messages": messages,
        });
        let change = json!({ "field": "messages", "value": value });
        let entry = json!({ "id": "104000000000001", "changes": [change] });
        let body = json!({ "object": "whatsapp_business_account", "entry": [entry] }).to_string();
        format!(
            "POST /webhooks/whatsapp/ HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             X-Hub-Signature-256: sha256={}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.signature(&body),
            body.len()
        )
    }

    fn signature(&self, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("a key");
        mac.update(body.as_bytes());
        mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// A guest's text message in a webhook body.
pub fn message(from: &str, id: &str, at: i64) -> Value {
    json!({ "from": from, "id": id, "timestamp": at.to_string(), "type": "text", "text": { "body": TEXT } })
}
