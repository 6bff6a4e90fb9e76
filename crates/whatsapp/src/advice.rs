//! What each of Meta's error codes means for the message, the number and the hotel's staff.
//!
//! All that is known of the codes stands in one table, [`row`]. The HTTP status says nothing: Meta
//! has changed it for most codes, and reports the same codes by webhook, too.

use std::time::Duration;

/// What to do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The same message again, later; the number's other messages may wait as well.
    Retry {
        /// How long to wait.
        backoff: Backoff,
        /// How often it is worth it.
        tries: u32,
    },
    /// Too much for this guest in too short a time: the same message again, later. Other guests'
    /// messages need not wait.
    WaitForPair,
    /// The guest's 24 hours are over, by Meta's clock: it goes when the guest writes, or as a template.
    /// Where more than an hour of them is left by ours, once more after a while: Meta is known to err.
    WindowClosed,
    /// Meta did not like the file, or lost it: upload it again and send it once more.
    UploadAgain,
    /// The guest cannot be reached by a business-scoped id with this: send it to the number, if known.
    ByPhone,
    /// It failed for good.
    GiveUp,
    /// It failed for good, and the number is in danger: send less from now on, and tell a person.
    SlowDown,
    /// Nothing goes out from this number any more until a person has acted. The message is as good
    /// as ever and stays queued.
    StopChannel(Stop),
}

/// When a channel that was stopped may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// With another access token, or other rights of it.
    Token,
    /// When Meta is content with the account again (a bill, a registration): nothing tells us, so look
    /// now and then by sending.
    Account,
}

/// How the time between attempts grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt.
    pub first: Duration,
    /// By what each wait is longer than the last.
    pub factor: u32,
    /// No wait is longer.
    pub most: Duration,
}

const fn doubling(first: u64, most: u64) -> Backoff {
    Backoff { first: Duration::from_secs(first), factor: 2, most: Duration::from_secs(most) }
}

/// Meta's own rule for a pair of numbers: 4^n seconds.
const PAIR: Backoff = Backoff { first: Duration::from_secs(1), factor: 4, most: Duration::from_secs(1024) };
/// 1, 4, 16, 64, 256, 1024 and 1024 s: some 40 minutes.
const PAIR_TRIES: u32 = 7;

/// Meta has trouble of its own.
pub(crate) const TROUBLE: Advice = Advice::Retry { backoff: doubling(2, 60), tries: 5 };
/// The number sends too fast.
const THROUGHPUT: Advice = Advice::Retry { backoff: doubling(1, 30), tries: 10 };
/// The number is being moved to other machines.
const MAINTENANCE: Advice = Advice::Retry { backoff: doubling(60, 60), tries: 5 };
/// The app or the account calls too often; counted by the hour.
const CALLS: Advice = Advice::Retry { backoff: doubling(60, 3600), tries: 8 };
const UPLOAD_TRIES: u32 = 1;

impl Advice {
    /// How long to wait before it is sent again, where it was advised so `before` times already: 0 the
    /// first time. `None`: it is not to be sent again. Without jitter: spread it where many may
    /// wait for the same.
    pub fn wait(self, before: u32) -> Option<Duration> {
        let (backoff, tries) = match self {
            Self::Retry { backoff, tries } => (backoff, tries),
            Self::WaitForPair => (PAIR, PAIR_TRIES),
            Self::UploadAgain => (doubling(2, 2), UPLOAD_TRIES),
            Self::WindowClosed | Self::ByPhone | Self::GiveUp | Self::SlowDown | Self::StopChannel(_) => return None,
        };
        (before < tries).then(|| backoff.wait(before))
    }
}

impl Backoff {
    /// How long to wait after `before` waits.
    pub fn wait(self, before: u32) -> Duration {
        self.first.saturating_mul(self.factor.saturating_pow(before)).min(self.most)
    }
}

/// What a code means: what to do, and what to tell the hotel's staff. `None`: the code is not known.
pub(crate) fn row(code: i64) -> Option<(Advice, &'static str)> {
    use Advice::{ByPhone, GiveUp, SlowDown, StopChannel, UploadAgain, WaitForPair, WindowClosed};
    use Stop::{Account, Token};
    Some(match code {
        0 | 190 => {
            (StopChannel(Token), "WhatsApp no longer accepts the hotel's access token. An administrator must renew it.")
        }
        3 | 10 | 200..=299 | 131005 => (
            StopChannel(Token),
            "The hotel's access token may not send WhatsApp messages. An administrator must correct its permissions.",
        ),
        33 | 100 | 131008 | 131009 | 135000 => {
            (GiveUp, "WhatsApp did not accept the form of this message. Please tell your administrator.")
        }
        1 | 2 | 131000 | 131016 | 133004 => {
            (TROUBLE, "WhatsApp had a fault of its own and did not take the message. Please try again later.")
        }
        4 | 80007 => (CALLS, "The hotel has called WhatsApp too often within the hour. Please try again later."),
        130429 => (THROUGHPUT, "The hotel sends faster than WhatsApp allows. Please try again in a moment."),
        131056 => {
            (WaitForPair, "Too many messages went to this guest in a short time. Please try again in a few minutes.")
        }
        131057 => (MAINTENANCE, "WhatsApp is working on the hotel's number. Please try again in a few minutes."),
        131048 => (
            SlowDown,
            "WhatsApp restricts the hotel's number, since too many guests blocked or reported its messages. \
             Please reach the guest in another way, and tell your administrator.",
        ),
        131064 => (
            SlowDown,
            "WhatsApp restricts what the hotel's number may send. Please reach the guest in another way, and tell \
             your administrator.",
        ),
        131047 | 470 => (
            WindowClosed,
            "The guest has not written for 24 hours, so WhatsApp takes only an approved template until they do.",
        ),
        131026 => (
            GiveUp,
            "WhatsApp could not deliver this to the guest: the number may have no WhatsApp, or an old version of it. \
             Please reach them in another way.",
        ),
        131049 => (
            GiveUp,
            "WhatsApp held this message back, since the guest gets many of its kind. Please wait a day before \
             another one.",
        ),
        131050 => (GiveUp, "The guest wants no marketing messages from the hotel."),
        130472 => (
            GiveUp,
            "WhatsApp held this message back because of an experiment of its own. Please reach the guest in another \
             way.",
        ),
        130403 => (GiveUp, "The hotel has blocked this guest on WhatsApp."),
        131021 => (GiveUp, "This is the hotel's own WhatsApp number: a message cannot go from it to itself."),
        131030 => (
            GiveUp,
            "The hotel's WhatsApp number is one for tests, and the guest's number is not on the list of those that it \
             may write to.",
        ),
        131031 | 368 => (
            StopChannel(Account),
            "WhatsApp has locked the hotel's account. An administrator must look into it at Meta.",
        ),
        130497 => (GiveUp, "The hotel may not write to numbers of this country by WhatsApp."),
        131037 => (
            StopChannel(Account),
            "WhatsApp has not approved the name that guests see. An administrator must have it approved at Meta.",
        ),
        131042 => (
            StopChannel(Account),
            "WhatsApp sends nothing for the hotel because of a problem with the payment. An administrator must settle \
             it at Meta.",
        ),
        131045 | 133010 => (
            StopChannel(Account),
            "The hotel's number is not registered with WhatsApp. An administrator must register it.",
        ),
        131051 => (GiveUp, "WhatsApp does not support this kind of message."),
        131052 => (
            GiveUp,
            "WhatsApp could not pass on the guest's file: it may be larger than 100 MB. Please ask them to send it \
             again.",
        ),
        131053 => (UploadAgain, "WhatsApp did not accept the file. Please try again with another format."),
        131060 => (GiveUp, "WhatsApp could not pass on what the guest wrote. Please ask them to send it again."),
        131062 => (ByPhone, "WhatsApp sends this only to a guest's telephone number. Please ask the guest for it."),
        137000 => {
            (GiveUp, "The guest's telephone or WhatsApp has changed. Please make sure who they are, and try again.")
        }
        132000 | 132012 => (
            GiveUp,
            "What was filled in does not fit the template that WhatsApp approved. Please tell your administrator.",
        ),
        132001 => (
            GiveUp,
            "WhatsApp knows no approved template of this name in this language. Please tell your administrator.",
        ),
        132005 => (GiveUp, "The template is too long with what was filled in. Please shorten it."),
        132007 => {
            (GiveUp, "WhatsApp refused the template, since it breaks a rule of theirs. Please tell your administrator.")
        }
        132015 => (
            GiveUp,
            "WhatsApp has paused the template, since guests did not like it. Please use another, and tell your \
             administrator.",
        ),
        132016 => {
            (GiveUp, "WhatsApp has disabled the template for good. Please use another, and tell your administrator.")
        }
        _ => return None,
    })
}

/// For a message that failed without anybody saying why.
pub(crate) const NO_REASON: &str =
    "WhatsApp could not deliver this and gave no reason. Please try again, or reach the guest in another way.";

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(advice: Advice) -> Vec<u64> {
        (0..).map_while(|before| advice.wait(before)).map(|it| it.as_secs()).collect()
    }

    type Fits = fn(Advice) -> bool;

    /// The reference's table, row by row.
    #[test]
    fn each_code_has_its_advice() {
        use Advice::*;
        let table: [(&[i64], Fits); 15] = [
            (&[0, 190], |it| it == StopChannel(Stop::Token)),
            (&[3, 10, 200, 250, 299, 131005], |it| it == StopChannel(Stop::Token)),
            (&[100, 131008, 131009, 135000, 33], |it| it == GiveUp),
            (&[1, 2, 131000, 131016, 133004], |it| seconds(it) == [2, 4, 8, 16, 32]),
            (&[4, 80007], |it| seconds(it) == [60, 120, 240, 480, 960, 1920, 3600, 3600]),
            (&[130429], |it| seconds(it) == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]),
            (&[131056], |it| it == WaitForPair && seconds(it) == [1, 4, 16, 64, 256, 1024, 1024]),
            (&[131057], |it| seconds(it) == [60; 5]),
            (&[131048, 131064], |it| it == SlowDown),
            (&[131047, 470], |it| it == WindowClosed),
            (&[131026, 131049, 131050, 130472, 130403, 131021, 131030, 130497, 131051, 131052, 131060, 137000], |it| {
                it == GiveUp
            }),
            (&[131031, 368, 131037, 131042, 131045, 133010], |it| it == StopChannel(Stop::Account)),
            (&[131053], |it| it == UploadAgain && seconds(it) == [2]),
            (&[131062], |it| it == ByPhone),
            (&[132000, 132001, 132005, 132007, 132012, 132015, 132016], |it| it == GiveUp),
        ];
        for (codes, fits) in table {
            for code in codes {
                let (advice, _) = row(*code).unwrap_or_else(|| panic!("{code}"));
                assert!(fits(advice), "{code}: {advice:?}");
            }
        }
    }

    #[test]
    fn what_is_not_retried_has_no_wait() {
        use Advice::*;
        for advice in [WindowClosed, ByPhone, GiveUp, SlowDown, StopChannel(Stop::Token), StopChannel(Stop::Account)] {
            assert_eq!(advice.wait(0), None);
        }
        assert_eq!(PAIR.wait(u32::MAX), PAIR.most);
    }

    #[test]
    fn each_sentence_is_one_for_people() {
        for code in -1000..200_000 {
            let Some((_, sentence)) = row(code) else { continue };
            assert!(sentence.ends_with('.') && !sentence.contains("  "), "{code}: {sentence}");
            assert!(!sentence.contains(['#', '{']) && sentence.len() < 200, "{code}: {sentence}");
        }
    }

    #[test]
    fn other_codes_are_not_known() {
        for code in [i64::MIN, -1, 5, 199, 300, 1013, 131001, 999_999, i64::MAX] {
            assert_eq!(row(code), None, "{code}");
        }
    }
}
