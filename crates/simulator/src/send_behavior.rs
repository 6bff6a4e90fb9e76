//! The behaviour of the simulator towards one send: response, receipts and delays.

use serde::{Deserialize, Serialize};

use crate::{clock::Millis, graph_error::GraphError};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SendBehavior {
    pub(crate) response: ResponseBehavior,
    pub(crate) script: ReceiptScript,
    /// Additional delay of the response to the send.
    pub(crate) delay: Millis,
    /// `true` if the receipts are delivered before the response.
    pub(crate) has_early_receipts: bool,
    /// `true` if the receipts lack `biz_opaque_callback_data`.
    pub(crate) omits_callback_data: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum ResponseBehavior {
    /// Response 200 with the message id.
    #[default]
    Normal,
    /// An error response. The message is not accepted.
    Rejected(GraphError),
    /// The connection is cut without a response.
    Disconnect { accepted: bool },
    /// The connection stays open without a response.
    Hang { accepted: bool },
    /// A response with this HTTP status, without JSON.
    StatusOnly { status: u16, accepted: bool },
}

impl ResponseBehavior {
    /// Returns `true` if the message is accepted, with or without a normal response.
    pub(crate) fn accepts(&self) -> bool {
        match self {
            Self::Normal => true,
            Self::Rejected(_) => false,
            Self::Disconnect { accepted } | Self::Hang { accepted } | Self::StatusOnly { accepted, .. } => *accepted,
        }
    }
}

/// The receipts that are sent for a message. The names are part of the control API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReceiptScript {
    /// The receipts `sent`, `delivered`, and `read` unless read receipts are disabled.
    #[default]
    Normal,
    /// The receipts `read`, `delivered`, `sent`, in this order.
    Reversed,
    /// The receipts `sent`, `read`, without `delivered`.
    ReadOnly,
    /// Only the receipt `sent`.
    SentOnly,
    /// No receipts.
    Nothing,
    /// The receipts of `Normal`, each twice.
    Twice,
    /// The receipts of `Normal`, and one receipt of an unknown message.
    Unknown,
    /// The receipts of `Normal`, then `played`.
    Played,
    /// The receipt `failed`, with this error code.
    Failed(i64),
    /// The receipts `sent`, then `failed` with this error code.
    SentThenFailed(i64),
    /// The receipts `failed` with this error code, then `delivered`.
    FailedThenDelivered(i64),
}
