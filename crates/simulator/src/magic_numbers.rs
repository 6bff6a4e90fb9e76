//! Magic phone numbers, which select the behaviour towards each send.
//!
//! # Magic numbers
//! `+1999` and eight digits, or `+999` and eight digits. Neither is assigned to a subscriber. Two digits select the
//! kind, and six the error code or behaviour.
//!
//! | number | behaviour towards each send |
//! |---|---|
//! | `+199900` and an error code in six digits | rejected with the code, e.g. `+199900131026` with 131026 |
//! | `+199901` and a code | accepted, then `failed` with the code |
//! | `+199902` and a code | the first two are rejected with the code, later ones succeed |
//! | `+199903` and a code | accepted, `sent`, then `failed` with the code |
//! | `+199904` and a code | accepted, `failed` with the code, then `delivered` |
//! | `+199905` and a code | as 02, with `Retry-After: 2` |
//! | `+199910000001` | accepted, then the connection is cut without a response |
//! | `+199910000002` | accepted, no response (the connection stays open) |
//! | `+199910000003` | the receipts arrive before the response |
//! | `+199910000004` | the receipts arrive in reverse order |
//! | `+199910000005` | `read` without `delivered` |
//! | `+199910000006` | no receipts |
//! | `+199910000007` | each receipt twice |
//! | `+199910000008` | not accepted, and the connection is cut without a response |
//! | `+199910000009` | accepted; the response is 200 without JSON |
//! | `+199910000010` | only the receipt `sent` |
//! | `+199910000011` | accepted, response after 5 s |
//! | `+199910000012` | receipts without `biz_opaque_callback_data` |
//! | `+199910000013` | an additional receipt of an unknown message |
//! | `+199910000014` | `played` after `read` |
//! | `+199910000500`, `…502`, `…503`, `…504` | accepted, response with this HTTP status without JSON |
//! | `+199910001500`, `…1502`, `…1503`, `…1504` | not accepted, response with HTTP status 500, 502, 503 or 504 without JSON |
//!
//! The 24-hour window applies to magic numbers, too: without a message of the guest, a free-form message fails with
//! 131047 instead.

use crate::{
    clock::Millis,
    graph_error::GraphError,
    send_behavior::{ReceiptScript, ResponseBehavior, SendBehavior},
};

const RETRY_AFTER_SECONDS: u64 = 2;
const SLOW_RESPONSE: Millis = 5000;

#[derive(Debug, PartialEq)]
pub(crate) enum MagicNumber {
    EverySend(SendBehavior),
    /// Only the first sends have this behaviour; later sends succeed.
    FirstSends(SendBehavior),
}

/// Parses a phone number in digits, without `+`. Returns `None` for a number that is not magic.
pub(crate) fn parse_magic_number(digits: &str) -> Option<MagicNumber> {
    let rest = digits.strip_prefix("1999").or_else(|| digits.strip_prefix("999"))?;
    if rest.len() != 8 {
        return None;
    }
    let (kind, value) = rest.split_at_checked(2)?;
    let value: i64 = value.parse().ok()?;
    let every = |script| MagicNumber::EverySend(with_script(script));
    Some(match kind {
        "00" => MagicNumber::EverySend(rejected(requested_error(value))),
        "01" => every(ReceiptScript::Failed(value)),
        "02" => MagicNumber::FirstSends(rejected(requested_error(value))),
        "03" => every(ReceiptScript::SentThenFailed(value)),
        "04" => every(ReceiptScript::FailedThenDelivered(value)),
        "05" => {
            let error = GraphError { retry_after: Some(RETRY_AFTER_SECONDS), ..requested_error(value) };
            MagicNumber::FirstSends(rejected(error))
        }
        "10" => MagicNumber::EverySend(numbered_behavior(value)?),
        _ => return None,
    })
}

/// Returns the behaviour of a magic number of kind 10, such as `+199910000001`.
fn numbered_behavior(number: i64) -> Option<SendBehavior> {
    let status_only = |status: i64, accepted| {
        Some(with_response(ResponseBehavior::StatusOnly { status: u16::try_from(status).ok()?, accepted }))
    };
    let normal = SendBehavior::default();
    Some(match number {
        1 => with_response(ResponseBehavior::Disconnect { accepted: true }),
        2 => with_response(ResponseBehavior::Hang { accepted: true }),
        3 => SendBehavior { has_early_receipts: true, ..normal },
        4 => with_script(ReceiptScript::Reversed),
        5 => with_script(ReceiptScript::ReadOnly),
        6 => with_script(ReceiptScript::Nothing),
        7 => with_script(ReceiptScript::Twice),
        8 => with_response(ResponseBehavior::Disconnect { accepted: false }),
        9 => with_response(ResponseBehavior::StatusOnly { status: 200, accepted: true }),
        10 => with_script(ReceiptScript::SentOnly),
        11 => SendBehavior { delay: SLOW_RESPONSE, ..normal },
        12 => SendBehavior { omits_callback_data: true, ..normal },
        13 => with_script(ReceiptScript::Unknown),
        14 => with_script(ReceiptScript::Played),
        500 | 502 | 503 | 504 => status_only(number, true)?,
        1500 | 1502 | 1503 | 1504 => status_only(number - 1000, false)?,
        _ => return None,
    })
}

/// Returns a random fault: any behaviour of a magic number of kind 10, or a temporary or permanent error.
pub(crate) fn random_behavior() -> SendBehavior {
    const NUMBERS: [i64; 22] =
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 500, 502, 503, 504, 1500, 1502, 1503, 1504];
    const TEMPORARY: [i64; 9] = [1, 2, 4, 80007, 130429, 131000, 131016, 131056, 133004];
    const PERMANENT: [i64; 5] = [130472, 131026, 131049, 131050, 131051];
    let choose = |codes: &[i64]| codes.get(rand::random_range(0..codes.len())).copied().unwrap_or_default();
    match rand::random_range(0..8) {
        0 | 1 => rejected(requested_error(choose(&TEMPORARY))),
        2 => rejected(requested_error(choose(&PERMANENT))),
        3 => with_script(ReceiptScript::Failed(choose(&PERMANENT))),
        4 if rand::random() => with_script(ReceiptScript::SentThenFailed(choose(&PERMANENT))),
        4 => with_script(ReceiptScript::FailedThenDelivered(choose(&PERMANENT))),
        _ => numbered_behavior(choose(&NUMBERS)).unwrap_or_default(),
    }
}

pub(crate) fn requested_error(code: i64) -> GraphError {
    GraphError::new(code, "This error was requested from the simulator.")
}

fn rejected(error: GraphError) -> SendBehavior {
    with_response(ResponseBehavior::Rejected(error))
}

fn with_response(response: ResponseBehavior) -> SendBehavior {
    SendBehavior { response, ..SendBehavior::default() }
}

fn with_script(script: ReceiptScript) -> SendBehavior {
    SendBehavior { script, ..SendBehavior::default() }
}
