//! Faults of sends and file calls: requested by a test, selected by a magic number, or random.

use std::collections::VecDeque;

use serde::Deserialize;

use crate::{
    bounded_map::BoundedMap,
    clock::Millis,
    graph_error::GraphError,
    magic_numbers::{MagicNumber, parse_magic_number, random_behavior, requested_error},
    send_behavior::{ReceiptScript, ResponseBehavior, SendBehavior},
};

const MAX_REQUESTED: usize = 10_000;
/// Maximum number of magic numbers for which sends are counted.
const MAX_COUNTED_NUMBERS: usize = 10_000;
/// The number of rejected sends to a magic number that rejects only the first sends.
const FIRST_REJECTIONS: u32 = 2;
const MAX_DELAY: Millis = 600_000;

/// The channel that reports an error code to the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorChannel {
    /// The error code is in the HTTP response to the call.
    #[default]
    Http,
    /// The error code is in the receipt `failed`.
    Status,
    /// The error code is in the receipt `failed`, which follows the receipt `sent`.
    SentThenStatus,
    /// The error code is in the receipt `failed`, after which the receipt `delivered` follows.
    StatusThenDelivered,
}

/// The calls that a fault applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultTarget {
    #[default]
    Send,
    /// The fault applies to file uploads.
    Upload,
    /// The fault applies to file look-ups and downloads.
    Media,
}

/// A request for a fault of the next calls, by `POST /control/faults/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RequestedFault {
    /// The calls that the fault applies to. File calls only support `code`, `drop`, `hang`, `status` and `slow_ms`.
    on: FaultTarget,
    /// The number of calls that the fault applies to.
    times: u32,
    /// The only recipient that the fault applies to; by default all.
    to: Option<String>,
    /// The error code that the fault reports.
    code: Option<i64>,
    by: ErrorChannel,
    /// The HTTP status of the error response, in place of the usual one for the code.
    http_status: Option<u16>,
    retry_after: Option<u64>,
    /// `true` to cut the connection without a response.
    drop: bool,
    /// `true` to send no response and keep the connection open.
    hang: bool,
    /// The HTTP status of a response without JSON.
    status: Option<u16>,
    /// For `drop`, `hang` or `status`: `true` if the message is accepted nevertheless.
    accepted: bool,
    /// Additional delay of the response, in milliseconds.
    slow_ms: Millis,
    statuses: Option<ReceiptScript>,
    /// `true` to deliver the receipts before the response.
    early: bool,
    without_callback_data: bool,
}

impl Default for RequestedFault {
    fn default() -> Self {
        Self {
            on: FaultTarget::Send,
            times: 1,
            to: None,
            code: None,
            by: ErrorChannel::Http,
            http_status: None,
            retry_after: None,
            drop: false,
            hang: false,
            status: None,
            accepted: true,
            slow_ms: 0,
            statuses: None,
            early: false,
            without_callback_data: false,
        }
    }
}

impl RequestedFault {
    fn behavior(&self) -> SendBehavior {
        let failed = self.code.and_then(|code| match self.by {
            ErrorChannel::Http => None,
            ErrorChannel::Status => Some(ReceiptScript::Failed(code)),
            ErrorChannel::SentThenStatus => Some(ReceiptScript::SentThenFailed(code)),
            ErrorChannel::StatusThenDelivered => Some(ReceiptScript::FailedThenDelivered(code)),
        });
        let response = match (self.code, self.status) {
            (Some(code), _) if self.by == ErrorChannel::Http => {
                let error = requested_error(code);
                let status = self.http_status.unwrap_or(error.status);
                ResponseBehavior::Rejected(GraphError { status, retry_after: self.retry_after, ..error })
            }
            _ if self.drop => ResponseBehavior::Disconnect { accepted: self.accepted },
            _ if self.hang => ResponseBehavior::Hang { accepted: self.accepted },
            (_, Some(status)) => ResponseBehavior::StatusOnly { status, accepted: self.accepted },
            _ => ResponseBehavior::Normal,
        };
        SendBehavior {
            response,
            script: failed.or(self.statuses).unwrap_or_default(),
            delay: self.slow_ms.clamp(0, MAX_DELAY),
            has_early_receipts: self.early,
            omits_callback_data: self.without_callback_data,
        }
    }
}

/// The requested faults, and the number of sends to each magic number.
pub(crate) struct FaultQueue {
    requested: VecDeque<RequestedFault>,
    send_counts: BoundedMap<String, u32>,
}

impl FaultQueue {
    pub(crate) fn new() -> Self {
        Self { requested: VecDeque::new(), send_counts: BoundedMap::new(MAX_COUNTED_NUMBERS) }
    }

    /// Adds a requested fault. Fails with a sentence if the fault is invalid or the queue is full.
    pub(crate) fn add(&mut self, mut fault: RequestedFault) -> Result<(), String> {
        if self.requested.len() >= MAX_REQUESTED {
            return Err(format!("there are {MAX_REQUESTED} faults already"));
        }
        for status in fault.http_status.iter().chain(&fault.status) {
            if !(200..=599).contains(status) {
                return Err("an HTTP status is 200 to 599".to_owned());
            }
        }
        fault.to = fault.to.map(|to| to.chars().filter(char::is_ascii_digit).collect());
        if fault.times > 0 {
            self.requested.push_back(fault);
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.requested.len()
    }

    pub(crate) fn clear(&mut self) {
        self.requested.clear();
    }

    /// Takes the first requested fault that applies to a call. `to` is the recipient of a send, in digits.
    pub(crate) fn take_requested(&mut self, target: FaultTarget, to: &str) -> Option<SendBehavior> {
        let applies = |fault: &RequestedFault| fault.on == target && fault.to.as_deref().is_none_or(|only| only == to);
        let index = self.requested.iter().position(applies)?;
        let fault = self.requested.get_mut(index)?;
        let behavior = fault.behavior();
        fault.times -= 1;
        if fault.times == 0 {
            self.requested.remove(index);
        }
        Some(behavior)
    }

    /// Returns the behaviour towards a send to `to` (digits): a requested fault, else that of the magic number, else a
    /// random fault with the given probability.
    pub(crate) fn next_send_behavior(&mut self, to: &str, fault_percentage: u8) -> SendBehavior {
        if let Some(behavior) = self.take_requested(FaultTarget::Send, to) {
            return behavior;
        }
        match parse_magic_number(to) {
            Some(MagicNumber::EverySend(behavior)) => behavior,
            Some(MagicNumber::FirstSends(behavior)) => {
                let count = self.send_counts.get_or_insert_with(to.to_owned(), || 0);
                *count += 1;
                if *count <= FIRST_REJECTIONS { behavior } else { SendBehavior::default() }
            }
            None if rand::random_range(0..100) < fault_percentage => random_behavior(),
            None => SendBehavior::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(behavior: &SendBehavior) -> Option<i64> {
        match &behavior.response {
            ResponseBehavior::Rejected(error) => Some(error.code),
            _ => None,
        }
    }

    #[test]
    fn every_error_code_has_magic_numbers() {
        let mut faults = FaultQueue::new();
        for wanted in [0, 1, 2, 4, 10, 33, 100, 190, 368, 80007, 130429, 131026, 131047, 131056, 132001, 137000] {
            assert_eq!(code(&faults.next_send_behavior(&format!("199900{wanted:06}"), 0)), Some(wanted));
            assert_eq!(code(&faults.next_send_behavior(&format!("99900{wanted:06}"), 0)), Some(wanted));
            assert_eq!(
                faults.next_send_behavior(&format!("199901{wanted:06}"), 0).script,
                ReceiptScript::Failed(wanted)
            );
        }
        for ordinary in ["447700900123", "1999001310260", "199977131026", "199910000099", "1999"] {
            assert_eq!(faults.next_send_behavior(ordinary, 0), SendBehavior::default(), "{ordinary}");
        }
    }

    #[test]
    fn file_calls_have_their_own_faults() {
        let mut faults = FaultQueue::new();
        faults.add(serde_json::from_value(json!({ "on": "upload", "status": 503 })).unwrap()).unwrap();
        assert_eq!(
            (faults.next_send_behavior("1", 0), faults.take_requested(FaultTarget::Media, "")),
            (SendBehavior::default(), None)
        );
        let behavior = faults.take_requested(FaultTarget::Upload, "").unwrap();
        assert_eq!(behavior.response, ResponseBehavior::StatusOnly { status: 503, accepted: true });
    }

    #[test]
    fn random_faults_have_the_requested_frequency_and_every_kind() {
        let mut faults = FaultQueue::new();
        let mut behaviors =
            |percentage| (0..4000).map(|_| faults.next_send_behavior("447700900123", percentage)).collect::<Vec<_>>();
        let count_faulty =
            |behaviors: &[SendBehavior]| behaviors.iter().filter(|it| **it != SendBehavior::default()).count();
        assert!(count_faulty(&behaviors(0)) == 0 && (200..800).contains(&count_faulty(&behaviors(10))));
        let all = behaviors(100);
        assert_eq!(count_faulty(&all), 4000);
        let any = |is: fn(&SendBehavior) -> bool| all.iter().any(is);
        assert!(
            any(|it| it.response == ResponseBehavior::Disconnect { accepted: true })
                && any(|it| it.response == ResponseBehavior::Disconnect { accepted: false })
        );
        assert!(
            any(|it| it.script == ReceiptScript::Reversed) && any(|it| it.has_early_receipts) && any(|it| it.delay > 0)
        );
        assert!(any(|it| code(it) == Some(131056)) && any(|it| it.script == ReceiptScript::Failed(131026)));
    }

    #[test]
    fn some_magic_numbers_reject_only_the_first_sends() {
        let mut faults = FaultQueue::new();
        let mut codes = || code(&faults.next_send_behavior("199902131000", 0));
        assert_eq!([codes(), codes(), codes()], [Some(131000), Some(131000), None]);
    }

    #[test]
    fn requested_faults_apply_in_order_and_to_their_recipient() {
        let mut faults = FaultQueue::new();
        for fault in [
            json!({ "code": 131000, "times": 2 }),
            json!({ "drop": true, "to": "+44 7700 900123" }),
            json!({ "code": 131026, "by": "status" }),
        ] {
            faults.add(serde_json::from_value(fault).unwrap()).unwrap();
        }
        assert_eq!(code(&faults.next_send_behavior("1", 0)), Some(131000));
        assert_eq!(code(&faults.next_send_behavior("447700900123", 0)), Some(131000));
        assert_eq!(faults.next_send_behavior("1", 0).script, ReceiptScript::Failed(131026));
        assert_eq!(faults.next_send_behavior("1", 0), SendBehavior::default());
        assert_eq!(
            faults.next_send_behavior("447700900123", 0).response,
            ResponseBehavior::Disconnect { accepted: true }
        );
        assert_eq!(faults.len(), 0);
    }
}
