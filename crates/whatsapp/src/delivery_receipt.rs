//! Delivery receipts: Meta's reports about messages that the hotel sent.

use chrono::{DateTime, Utc};
use domain::{Delivery, GuestIdentity};

use crate::api_error::ApiError;
use crate::error_codes::NO_REASON_SENTENCE;
use crate::json::JsonObject;
use crate::json_fields::JsonFields;
use crate::time::parse_timestamp;

/// A delivery receipt (`statuses` in the webhook). Receipts arrive in any order, repeatedly, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReceipt {
    /// Meta's id of the message that the receipt is about. It is personal data, because it contains the phone number.
    pub wamid: String,
    pub state: ReceiptState,
    /// The time of the reported delivery status, by Meta's clock.
    pub at: DateTime<Utc>,
    /// The callback id of the attempt (`biz_opaque_callback_data`). Meta may omit it.
    pub callback: Option<String>,
    pub error: Option<ApiError>,
    /// The recipient of the message. Number and id may differ from the address that the message was sent to.
    pub recipient: GuestIdentity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptState {
    Sent,
    Delivered,
    /// The guest read the message, or played it if it is a voice message.
    Read,
    /// The delivery failed. A later receipt may nevertheless report the message as delivered.
    Failed,
    Unknown(String),
}

impl DeliveryReceipt {
    /// Parses a delivery receipt. Fails with the reason if a required field is missing.
    pub(crate) fn parse(receipt: &JsonObject) -> Result<Self, &'static str> {
        Ok(Self {
            wamid: receipt.id("id").ok_or("a receipt without id")?,
            state: ReceiptState::parse(receipt.text("status").ok_or("a receipt without status")?),
            at: parse_timestamp(receipt).ok_or("a receipt without timestamp")?,
            callback: receipt.text("biz_opaque_callback_data"),
            error: receipt.objects("errors").find_map(ApiError::parse),
            recipient: GuestIdentity {
                phone: None,
                wa_id: receipt.wa_id("recipient_id"),
                bsuid: receipt.id("recipient_user_id"),
            },
        })
    }

    /// Returns the reason of a failed delivery as a sentence for staff, or `None` if the delivery did not fail.
    pub fn failure(&self) -> Option<String> {
        let reason = || self.error.as_ref().map_or_else(|| NO_REASON_SENTENCE.to_owned(), ApiError::sentence);
        (self.state == ReceiptState::Failed).then(reason)
    }
}

impl ReceiptState {
    fn parse(status: String) -> Self {
        match status.as_str() {
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "read" | "played" => Self::Read,
            "failed" => Self::Failed,
            _ => Self::Unknown(status),
        }
    }

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
