//! How the simulated world behaves. All of it can be changed while it runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happens to free-form messages outside the 24-hour window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// They are accepted, and then fail with 131047, as mostly at Meta.
    Status,
    /// They are refused at once with 131047.
    Http,
    /// They are delivered.
    Off,
}

/// How the simulated world behaves. Times are in milliseconds; a pair is the least and the most, between which
/// each time is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The product's `/webhooks/whatsapp/`; without it nothing is told.
    pub callback: Option<String>,
    /// How long a send is not answered.
    pub reply_ms: [u64; 2],
    /// How long one send in a hundred is not; 0: none.
    pub reply_tail_ms: u64,
    /// After the send: when it is told as sent.
    pub sent_ms: [u64; 2],
    /// After that: when it is told as delivered.
    pub delivered_ms: [u64; 2],
    /// After that: when it is told as read.
    pub read_ms: [u64; 2],
    /// Whether guests tell that they have read.
    pub reads: bool,
    /// How many sends of a hundred meet some fault of all that can be met.
    pub faults: u8,
    /// What happens outside the window.
    pub window: Window,
    /// The HTTP status of rate limits: 400 or 429.
    pub rate_limit_status: u16,
    /// Whether the limit of each pair of number and guest is kept: a burst of 45, then one every 6 s.
    pub pair_limit: bool,
    /// Messages a second of each number, those of guests among them; 0: any.
    pub throughput: usize,
    /// The most updates in one POST, 1,000 at most.
    pub batch: usize,
    /// For how long updates wait for others to go with, where a POST may have several.
    pub linger_ms: u64,
    /// By how much each update may be late: so they come out of order.
    pub shuffle_ms: u64,
    /// How many of a hundred updates come twice: at the same time, later, or in another POST.
    pub duplicates: u8,
    /// For how long an answer of the product is waited.
    pub callback_timeout_ms: u64,
    /// After the second attempt to post: when the third is made. The gap doubles with each, up to six hours.
    pub retry_ms: u64,
    /// Whether statuses have `pricing`.
    pub pricing: bool,
    /// Whether statuses have `conversation`, as up to version 23.
    pub conversation: bool,
    /// Whether statuses have `contacts`.
    pub contacts: bool,
    /// Whether statuses have `biz_opaque_callback_data`.
    pub callback_data: bool,
    /// Whether media of guests have a `url`.
    pub media_url: bool,
}

impl Settings {
    /// As it is in life: answers take a moment, ticks seconds.
    pub fn lifelike() -> Self {
        Self {
            reply_ms: [80, 400],
            reply_tail_ms: 800,
            sent_ms: [200, 1000],
            delivered_ms: [500, 2000],
            read_ms: [3000, 15_000],
            ..Self::immediate()
        }
    }

    /// Everything at once, for tests: nothing waits, nobody reads twice, all is in order.
    pub fn immediate() -> Self {
        Self {
            callback: None,
            reply_ms: [0, 0],
            reply_tail_ms: 0,
            sent_ms: [0, 0],
            delivered_ms: [10, 10],
            read_ms: [10, 10],
            reads: true,
            faults: 0,
            window: Window::Status,
            rate_limit_status: 400,
            pair_limit: true,
            throughput: 80,
            batch: 1,
            linger_ms: 50,
            shuffle_ms: 0,
            duplicates: 0,
            callback_timeout_ms: 10_000,
            retry_ms: 1000,
            pricing: true,
            conversation: false,
            contacts: true,
            callback_data: true,
            media_url: true,
        }
    }

    /// The same with some changed, as JSON.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn with(&self, changes: &Value) -> Result<Self, String> {
        let Value::Object(changes) = changes else { return Err("settings are an object".to_owned()) };
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if let Value::Object(all) = &mut all {
            all.extend(changes.clone());
        }
        let changed: Self = serde_json::from_value(all).map_err(|error| error.to_string())?;
        changed.check()?;
        Ok(changed)
    }

    /// Whether they can be.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (name, [least, most]) in [
            ("reply_ms", self.reply_ms),
            ("sent_ms", self.sent_ms),
            ("delivered_ms", self.delivered_ms),
            ("read_ms", self.read_ms),
        ] {
            if least > most || most > 30 * 24 * 3600 * 1000 {
                return Err(format!("{name} is the least and the most, 30 days at most"));
            }
        }
        if !(1..=1000).contains(&self.batch) {
            return Err("batch is 1 to 1000".to_owned());
        }
        if self.duplicates > 100 || self.faults > 100 {
            return Err("duplicates and faults are 0 to 100".to_owned());
        }
        if !matches!(self.rate_limit_status, 400 | 429) {
            return Err("rate_limit_status is 400 or 429".to_owned());
        }
        match &self.callback {
            Some(url) if !(url.starts_with("http://") || url.starts_with("https://")) => {
                Err("callback is a URL with http or https".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::lifelike()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn some_can_be_changed_and_wrong_ones_are_told() {
        let changed = Settings::immediate().with(&json!({ "window": "http", "batch": 5 })).unwrap();
        assert_eq!(changed, Settings { window: Window::Http, batch: 5, ..Settings::immediate() });
        for wrong in [
            json!({ "windows": "http" }),
            json!({ "batch": 0 }),
            json!({ "reply_ms": [2, 1] }),
            json!({ "callback": "ftp://x" }),
            json!({ "rate_limit_status": 500 }),
            json!([]),
        ] {
            assert!(Settings::immediate().with(&wrong).is_err(), "{wrong}");
        }
    }
}
