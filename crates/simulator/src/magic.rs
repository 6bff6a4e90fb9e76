//! What a send meets, and the numbers by which that is chosen.
//!
//! # Magic numbers
//! `+1999` and eight digits (there is no area code 999, so these are nobody's; `+999…` is the same): two that say
//! how, and six that say what.
//!
//! | number | what happens to each send to it |
//! |---|---|
//! | `+199900` and an error code in six digits | refused with that code, as `+199900131026` with 131026 |
//! | `+199901` and a code | accepted, then `failed` with it |
//! | `+199902` and a code | the first two are refused with it, then all is well |
//! | `+199903` and a code | accepted, `sent`, then `failed` with it |
//! | `+199904` and a code | accepted, `failed` with it, and then `delivered` all the same |
//! | `+199905` and a code | as 02, with `Retry-After: 2` |
//! | `+199910000001` | accepted, then the connection is cut without an answer |
//! | `+199910000002` | accepted, and never answered |
//! | `+199910000003` | the statuses come before the answer |
//! | `+199910000004` | the statuses come the wrong way round |
//! | `+199910000005` | `read` without `delivered` |
//! | `+199910000006` | no statuses at all |
//! | `+199910000007` | each status twice |
//! | `+199910000008` | the connection is cut, and nothing was accepted |
//! | `+199910000009` | accepted; the answer is 200, and no JSON |
//! | `+199910000010` | `sent`, and nothing more |
//! | `+199910000011` | accepted, answered after 5 s |
//! | `+199910000012` | statuses without `biz_opaque_callback_data` |
//! | `+199910000013` | a status of a message that nobody knows, too |
//! | `+199910000014` | `played` after `read` |
//! | `+199910000500`, `…502`, `…503`, `…504` | accepted, and answered with that HTTP status and no JSON |
//! | `+199910001500`, `…1502`, `…1503`, `…1504` | the same, and nothing was accepted |
//!
//! The guest may write like any other, and has to, for free-form messages to get as far as `failed` by magic.

use serde::{Deserialize, Serialize};

use crate::{clock::Millis, errors::ApiError};

const RETRY_AFTER: u64 = 2;
const SLOW: Millis = 5000;

/// What a send meets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Conduct {
    pub(crate) reply: Reply,
    pub(crate) script: Script,
    /// For how much longer it is not answered.
    pub(crate) slow: Millis,
    /// Whether the statuses come before the answer.
    pub(crate) early: bool,
    /// Whether they come without `biz_opaque_callback_data`.
    pub(crate) bare: bool,
}

/// How it is answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Reply {
    /// As it should be.
    #[default]
    Accepted,
    /// With an error; nothing is accepted.
    Refused(ApiError),
    /// Not: the connection is cut.
    Cut { accepted: bool },
    /// Not, for long.
    Never { accepted: bool },
    /// With an HTTP status, and no JSON.
    Bare { status: u16, accepted: bool },
}

impl Reply {
    /// Whether the message is sent, however that is answered.
    pub(crate) fn accepts(&self) -> bool {
        match self {
            Self::Accepted => true,
            Self::Refused(_) => false,
            Self::Cut { accepted } | Self::Never { accepted } | Self::Bare { accepted, .. } => *accepted,
        }
    }
}

/// Which statuses come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Script {
    /// `sent`, `delivered`, and `read` where guests tell it.
    #[default]
    Normal,
    /// The same, the last first.
    Reversed,
    /// `sent`, `read`.
    ReadOnly,
    /// `sent`.
    SentOnly,
    /// None.
    Nothing,
    /// As normal, each twice.
    Twice,
    /// As normal, and one of a message that nobody knows.
    Unknown,
    /// As normal, and `played`.
    Played,
    /// `failed`.
    Failed(i64),
    /// `sent`, `failed`.
    SentThenFailed(i64),
    /// `failed`, `delivered`.
    FailedThenDelivered(i64),
}

/// What a send can meet that meets something by chance: each that a number can do, and errors that pass, or do not.
pub(crate) fn by_chance() -> Conduct {
    const NUMBERS: [i64; 22] =
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 500, 502, 503, 504, 1500, 1502, 1503, 1504];
    const PASSING: [i64; 9] = [1, 2, 4, 80007, 130429, 131000, 131016, 131056, 133004];
    const LASTING: [i64; 5] = [130472, 131026, 131049, 131050, 131051];
    let one_of = |codes: &[i64]| codes.get(rand::random_range(0..codes.len())).copied().unwrap_or_default();
    let script = |script| Conduct { script, ..Conduct::default() };
    match rand::random_range(0..8) {
        0 | 1 => Conduct { reply: Reply::Refused(asked(one_of(&PASSING))), ..Conduct::default() },
        2 => Conduct { reply: Reply::Refused(asked(one_of(&LASTING))), ..Conduct::default() },
        3 => script(Script::Failed(one_of(&LASTING))),
        4 if rand::random() => script(Script::SentThenFailed(one_of(&LASTING))),
        4 => script(Script::FailedThenDelivered(one_of(&LASTING))),
        _ => conduct(one_of(&NUMBERS)).unwrap_or_default(),
    }
}

/// What a number, in digits, does to each send to it.
#[derive(Debug, PartialEq)]
pub(crate) enum Magic {
    /// To each.
    Always(Conduct),
    /// To the first two.
    AtFirst(Conduct),
}

pub(crate) fn magic(digits: &str) -> Option<Magic> {
    let rest = digits.strip_prefix("1999").or_else(|| digits.strip_prefix("999"))?;
    if rest.len() != 8 {
        return None;
    }
    let (how, what) = rest.split_at_checked(2)?;
    let what: i64 = what.parse().ok()?;
    let refused = |error| Conduct { reply: Reply::Refused(error), ..Conduct::default() };
    let script = |script| Magic::Always(Conduct { script, ..Conduct::default() });
    Some(match how {
        "00" => Magic::Always(refused(asked(what))),
        "01" => script(Script::Failed(what)),
        "02" => Magic::AtFirst(refused(asked(what))),
        "03" => script(Script::SentThenFailed(what)),
        "04" => script(Script::FailedThenDelivered(what)),
        "05" => Magic::AtFirst(refused(ApiError { retry_after: Some(RETRY_AFTER), ..asked(what) })),
        "10" => Magic::Always(conduct(what)?),
        _ => return None,
    })
}

/// What the numbers with 10 do.
fn conduct(what: i64) -> Option<Conduct> {
    let plain = Conduct::default();
    let reply = |reply| Conduct { reply, ..Conduct::default() };
    let script = |script| Conduct { script, ..Conduct::default() };
    Some(match what {
        1 => reply(Reply::Cut { accepted: true }),
        2 => reply(Reply::Never { accepted: true }),
        3 => Conduct { early: true, ..plain },
        4 => script(Script::Reversed),
        5 => script(Script::ReadOnly),
        6 => script(Script::Nothing),
        7 => script(Script::Twice),
        8 => reply(Reply::Cut { accepted: false }),
        9 => reply(Reply::Bare { status: 200, accepted: true }),
        10 => script(Script::SentOnly),
        11 => Conduct { slow: SLOW, ..plain },
        12 => Conduct { bare: true, ..plain },
        13 => script(Script::Unknown),
        14 => script(Script::Played),
        500 | 502 | 503 | 504 => reply(Reply::Bare { status: u16::try_from(what).ok()?, accepted: true }),
        1500 | 1502 | 1503 | 1504 => reply(Reply::Bare { status: u16::try_from(what - 1000).ok()?, accepted: false }),
        _ => return None,
    })
}

pub(crate) fn asked(code: i64) -> ApiError {
    ApiError::new(code, "The simulator was asked for this error.")
}
