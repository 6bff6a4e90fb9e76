//! What became of a message to a guest.

use chrono::{DateTime, Utc};
use domain::{Delivery, GuestIdentity};

use crate::advice::NO_REASON;
use crate::api_error::ApiError;
use crate::inbound::wa_id;
use crate::json::{Fields, Object};
use crate::time::timestamp;

/// What became of a message to a guest. They come in any order, again, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// Meta's id of the message: personal data, since it holds the number.
    pub wamid: String,
    /// What became of it.
    pub state: State,
    /// When, by Meta's clock.
    pub at: DateTime<Utc>,
    /// What we called the message when we sent it (`biz_opaque_callback_data`); not to be counted on.
    pub callback: Option<String>,
    /// Why it failed.
    pub error: Option<ApiError>,
    /// To whom it went; neither number nor id need be those that it was sent to.
    pub recipient: GuestIdentity,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It left Meta.
    Sent,
    /// It is on the guest's telephone.
    Delivered,
    /// It was read, or played.
    Read,
    /// It was not delivered; a later report may say that it was after all.
    Failed,
    /// Something that is not known here.
    Unknown(String),
}

impl State {
    fn read(word: String) -> Self {
        match word.as_str() {
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "read" | "played" => Self::Read,
            "failed" => Self::Failed,
            _ => Self::Unknown(word),
        }
    }

    /// How far the message has come by it.
    pub fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Sent => Some(Delivery::Sent),
            Self::Delivered => Some(Delivery::Delivered),
            Self::Read => Some(Delivery::Read),
            Self::Failed => Some(Delivery::Failed),
            Self::Unknown(_) => None,
        }
    }
}

impl StatusReport {
    /// Reads one.
    ///
    /// # Errors
    /// Why it is none.
    pub(crate) fn read(status: &Object) -> Result<Self, &'static str> {
        Ok(Self {
            wamid: status.id("id").ok_or("a status without id")?,
            state: State::read(status.text("status").ok_or("a status without state")?),
            at: timestamp(status).ok_or("a status without time")?,
            callback: status.text("biz_opaque_callback_data"),
            error: status.objects("errors").find_map(ApiError::read),
            recipient: GuestIdentity {
                phone: None,
                wa_id: wa_id(status, "recipient_id"),
                bsuid: status.id("recipient_user_id"),
            },
        })
    }

    /// Why it failed, as a sentence for staff; none where it did not.
    pub fn failure(&self) -> Option<String> {
        let reason = || self.error.as_ref().map_or_else(|| NO_REASON.to_owned(), ApiError::sentence);
        (self.state == State::Failed).then(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(status: &Value) -> Result<StatusReport, &'static str> {
        StatusReport::read(status.as_object().unwrap())
    }

    #[test]
    fn all_of_it_is_read() {
        let delivered = read(&json!({
            "id": "wamid.B01", "status": "delivered", "timestamp": "1793000020", "recipient_id": "+447700900123",
            "recipient_user_id": "GB.70010000000000001", "biz_opaque_callback_data": "out_01J9ZK",
            "pricing": {"billable": false, "pricing_model": "PMP", "type": "free_customer_service"}
        }));
        assert_eq!(
            delivered,
            Ok(StatusReport {
                wamid: "wamid.B01".into(),
                state: State::Delivered,
                at: DateTime::from_timestamp(1_793_000_020, 0).unwrap(),
                callback: Some("out_01J9ZK".into()),
                error: None,
                recipient: GuestIdentity {
                    phone: None,
                    wa_id: Some("447700900123".into()),
                    bsuid: Some("GB.70010000000000001".into()),
                },
            })
        );
        assert_eq!(delivered.unwrap().failure(), None);
    }

    #[test]
    fn a_failure_says_why() {
        let failed =
            |errors: Value| read(&json!({"id": "w", "status": "failed", "timestamp": 1, "errors": errors})).unwrap();
        let told = failed(json!([{"title": "no code"}, {"code": 131047, "title": "Re-engagement message"}]));
        assert_eq!(told.error.as_ref().map(|it| it.code), Some(131047));
        assert!(told.failure().unwrap().contains("24 hours"));
        assert_eq!(failed(json!("x")).failure().as_deref(), Some(NO_REASON));
    }

    #[test]
    fn states_become_deliveries() {
        for (word, delivery) in [
            ("sent", Some(Delivery::Sent)),
            ("delivered", Some(Delivery::Delivered)),
            ("read", Some(Delivery::Read)),
            ("played", Some(Delivery::Read)),
            ("failed", Some(Delivery::Failed)),
            ("deleted", None),
        ] {
            let status = read(&json!({"id": "w", "status": word, "timestamp": "1"})).unwrap();
            assert_eq!(status.state.delivery(), delivery, "{word}");
        }
    }

    #[test]
    fn what_lacks_something_is_refused() {
        for bad in [
            json!({"status": "sent", "timestamp": "1"}),
            json!({"id": "w", "timestamp": "1"}),
            json!({"id": "w", "status": "sent"}),
            json!({"id": ["w"], "status": "sent", "timestamp": "1"}),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
