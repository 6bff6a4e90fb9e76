//! Settings of the simulator's behaviour. All can be changed while the simulator runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Upper limit of all configurable delays: 30 days.
const MAX_DELAY_MS: u64 = 30 * 24 * 3600 * 1000;

/// The treatment of free-form messages outside the 24-hour window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowPolicy {
    /// The message is accepted, then fails by a receipt with 131047, as Meta does in most cases.
    Status,
    /// The message is rejected with 131047 in the HTTP response.
    Http,
    /// The message is delivered as if the 24-hour window were open.
    Off,
}

/// The behaviour of the simulator. Times are in milliseconds. A pair is minimum and maximum of a random time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulatorSettings {
    /// The URL of the product's `/webhooks/whatsapp/`. Without it all webhooks are lost.
    pub callback: Option<String>,
    /// Delay of the response to a send, in milliseconds, as minimum and maximum.
    pub reply_ms: [u64; 2],
    /// Delay of the response to one send in a hundred, in milliseconds. 0 disables it.
    pub reply_tail_ms: u64,
    /// Delay of the receipt `sent` after the send, in milliseconds, as minimum and maximum.
    pub sent_ms: [u64; 2],
    /// Delay of the receipt `delivered` after `sent`, in milliseconds, as minimum and maximum.
    pub delivered_ms: [u64; 2],
    /// Delay of the receipt `read` after `delivered`, in milliseconds, as minimum and maximum.
    pub read_ms: [u64; 2],
    /// `true` if guests have read receipts enabled.
    pub reads: bool,
    /// Percentage of sends with a random fault.
    pub faults: u8,
    pub window: WindowPolicy,
    /// HTTP status of error responses for an exceeded rate limit: 400 or 429.
    pub rate_limit_status: u16,
    /// Enforces Meta's pair rate limit: a burst of 45 messages to a guest, then one every 6 s.
    pub pair_limit: bool,
    /// Limit of messages per second and phone number, sent and received. 0 disables it.
    pub throughput: usize,
    /// Limit of updates in one webhook, up to 1,000.
    pub batch: usize,
    /// Length in milliseconds of the intervals in which updates are collected to share a webhook, if `batch` is more
    /// than 1. 0 disables the collection.
    pub linger_ms: u64,
    /// Maximum random delay of each update in milliseconds, so that updates arrive out of order.
    pub shuffle_ms: u64,
    /// Percentage of updates that are delivered twice, at once or later.
    pub duplicates: u8,
    /// Timeout of a webhook call, in milliseconds.
    pub callback_timeout_ms: u64,
    /// Delay between the second and the third attempt of a webhook, in milliseconds. It doubles with each further
    /// attempt, up to six hours.
    pub retry_ms: u64,
    /// `true` to add `pricing` to receipts.
    pub pricing: bool,
    /// `true` to add `conversation` to receipts, as up to API version 23.
    pub conversation: bool,
    /// `true` to add `contacts` to receipts.
    pub contacts: bool,
    /// `true` to add `biz_opaque_callback_data` to receipts.
    pub callback_data: bool,
    /// `true` to add `url`, the download URL, to the media of guests.
    pub media_url: bool,
    /// `true` to give every guest a business-scoped user id, as WhatsApp does since 2026.
    pub user_ids: bool,
}

impl SimulatorSettings {
    /// Returns settings with realistic delays: responses take a moment, receipts seconds.
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

    /// Returns settings for tests: no delays, no duplicates, no reordering.
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
            window: WindowPolicy::Status,
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
            user_ids: true,
        }
    }

    /// Returns the settings with the requested changes. Fails with a sentence if a change is invalid.
    pub(crate) fn merge(&self, changes: &Value) -> Result<Self, String> {
        let Value::Object(changes) = changes else { return Err("settings must be an object".to_owned()) };
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if let Value::Object(all) = &mut all {
            all.extend(changes.clone());
        }
        let changed: Self = serde_json::from_value(all).map_err(|error| error.to_string())?;
        changed.validate()?;
        Ok(changed)
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        for (name, [min, max]) in [
            ("reply_ms", self.reply_ms),
            ("sent_ms", self.sent_ms),
            ("delivered_ms", self.delivered_ms),
            ("read_ms", self.read_ms),
        ] {
            if min > max || max > MAX_DELAY_MS {
                return Err(format!("{name} must be [minimum, maximum], at most 30 days"));
            }
        }
        if !(1..=1000).contains(&self.batch) {
            return Err("batch must be 1 to 1000".to_owned());
        }
        if self.duplicates > 100 || self.faults > 100 {
            return Err("duplicates and faults must be 0 to 100".to_owned());
        }
        if !matches!(self.rate_limit_status, 400 | 429) {
            return Err("rate_limit_status must be 400 or 429".to_owned());
        }
        match &self.callback {
            Some(url) if !(url.starts_with("http://") || url.starts_with("https://")) => {
                Err("callback must be an http or https URL".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self::lifelike()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn valid_changes_are_merged_and_invalid_ones_refused() {
        let changed = SimulatorSettings::immediate().merge(&json!({ "window": "http", "batch": 5 })).unwrap();
        assert_eq!(
            changed,
            SimulatorSettings { window: WindowPolicy::Http, batch: 5, ..SimulatorSettings::immediate() }
        );
        for invalid in [
            json!({ "windows": "http" }),
            json!({ "batch": 0 }),
            json!({ "reply_ms": [2, 1] }),
            json!({ "callback": "ftp://x" }),
            json!({ "rate_limit_status": 500 }),
            json!([]),
        ] {
            assert!(SimulatorSettings::immediate().merge(&invalid).is_err(), "{invalid}");
        }
    }
}
