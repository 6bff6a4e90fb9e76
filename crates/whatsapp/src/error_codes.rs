//! Meta's error codes: the policy for each code (retry, wait, fail, suspend) and the sentence for staff.
//!
//! `lookup` is the only table of codes. The HTTP status is ignored: Meta has changed it for most codes, and webhooks
//! report the same codes without one.

use std::time::Duration;

/// The reaction to an error code of Meta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorPolicy {
    /// Retry the message later. The number's other messages may wait, too.
    Retry { backoff: Backoff, max_retries: u32 },
    /// The limit of messages from this number to this guest is exceeded (Meta's pair rate limit). Retry later; messages
    /// to other guests need not wait.
    RetryForPair,
    /// Meta considers the guest's 24-hour window as closed. Wait until the guest writes, or send a template. Meta is
    /// sometimes wrong: if more than an hour is left by our clock, retry once.
    AwaitWindow,
    /// Meta rejected the file of the message, or lost it. Upload the file again, then retry once.
    Reupload,
    /// A business-scoped id cannot receive this message. Send it to the phone number, if that is stored.
    SendToPhone,
    /// The message fails: it is not retried.
    Fail,
    /// The message fails, and Meta restricts the number because of its quality. Send less, and inform a person.
    FailAndThrottle,
    /// Suspend all sends of the number. The message stays queued.
    SuspendSender(SuspensionCause),
}

/// The condition under which a suspended sender resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspensionCause {
    /// Meta rejected the access token. Sending resumes with another token, or with other permissions of the same one.
    AccessToken,
    /// Meta rejected the account (payment, registration). Sending resumes if Meta accepts the account again. There is
    /// no notification, so probe with one message from time to time.
    Account,
}

/// Exponential backoff of retries. There is no jitter: the caller adds it if many messages wait for the same cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub initial_delay: Duration,
    pub factor: u32,
    pub max_delay: Duration,
}

const fn doubling(initial_seconds: u64, max_seconds: u64) -> Backoff {
    Backoff {
        initial_delay: Duration::from_secs(initial_seconds),
        factor: 2,
        max_delay: Duration::from_secs(max_seconds),
    }
}

/// The backoff that Meta prescribes for the pair rate limit: 4^n seconds.
const PAIR_BACKOFF: Backoff =
    Backoff { initial_delay: Duration::from_secs(1), factor: 4, max_delay: Duration::from_secs(1024) };
/// Maximum retries for the pair rate limit: after 1, 4, 16, 64, 256, 1024 and 1024 s, together about 40 minutes.
const MAX_PAIR_RETRIES: u32 = 7;
const REUPLOAD_BACKOFF: Backoff = doubling(2, 2);
const MAX_REUPLOADS: u32 = 1;

/// The policy for an internal error of Meta.
pub(crate) const INTERNAL_ERROR: ErrorPolicy = ErrorPolicy::Retry { backoff: doubling(2, 60), max_retries: 5 };
/// The policy if the number exceeds its limit of messages per second.
const THROUGHPUT: ErrorPolicy = ErrorPolicy::Retry { backoff: doubling(1, 30), max_retries: 10 };
/// The policy while Meta moves the number to other machines.
const MAINTENANCE: ErrorPolicy = ErrorPolicy::Retry { backoff: doubling(60, 60), max_retries: 5 };
/// The policy if the app or account exceeds its limit of calls per hour.
const CALL_RATE: ErrorPolicy = ErrorPolicy::Retry { backoff: doubling(60, 3600), max_retries: 8 };

impl ErrorPolicy {
    /// Returns the delay before the next attempt, after `retries` retries for the same policy. Returns `None` if the
    /// message is not retried.
    pub fn retry_delay(self, retries: u32) -> Option<Duration> {
        let (backoff, max_retries) = match self {
            Self::Retry { backoff, max_retries } => (backoff, max_retries),
            Self::RetryForPair => (PAIR_BACKOFF, MAX_PAIR_RETRIES),
            Self::Reupload => (REUPLOAD_BACKOFF, MAX_REUPLOADS),
            Self::AwaitWindow | Self::SendToPhone | Self::Fail | Self::FailAndThrottle | Self::SuspendSender(_) => {
                return None;
            }
        };
        (retries < max_retries).then(|| backoff.delay(retries))
    }
}

impl Backoff {
    pub fn delay(self, retries: u32) -> Duration {
        self.initial_delay.saturating_mul(self.factor.saturating_pow(retries)).min(self.max_delay)
    }
}

/// Returns the policy for an error code and the sentence for staff, or `None` if the code is unknown.
pub(crate) fn lookup(code: i64) -> Option<(ErrorPolicy, &'static str)> {
    use ErrorPolicy::{AwaitWindow, Fail, FailAndThrottle, RetryForPair, Reupload, SendToPhone, SuspendSender};
    use SuspensionCause::{AccessToken, Account};
    Some(match code {
        0 | 190 => (
            SuspendSender(AccessToken),
            "WhatsApp no longer accepts the hotel's access token. An administrator must renew it.",
        ),
        3 | 10 | 200..=299 | 131005 => (
            SuspendSender(AccessToken),
            "The hotel's access token may not send WhatsApp messages. An administrator must correct its permissions.",
        ),
        33 | 100 | 131008 | 131009 | 135000 => {
            (Fail, "WhatsApp did not accept the form of this message. Please tell your administrator.")
        }
        1 | 2 | 131000 | 131016 | 133004 => {
            (INTERNAL_ERROR, "WhatsApp had an internal error and did not accept the message. Please try again later.")
        }
        4 | 80007 => (CALL_RATE, "The hotel has called WhatsApp too often within the hour. Please try again later."),
        130429 => (THROUGHPUT, "The hotel sends faster than WhatsApp allows. Please try again in a moment."),
        131056 => {
            (RetryForPair, "Too many messages went to this guest in a short time. Please try again in a few minutes.")
        }
        131057 => (MAINTENANCE, "WhatsApp is working on the hotel's number. Please try again in a few minutes."),
        131048 => (
            FailAndThrottle,
            "WhatsApp restricts the hotel's number, since too many guests blocked or reported its messages. \
             Please reach the guest in another way, and tell your administrator.",
        ),
        131064 => (
            FailAndThrottle,
            "WhatsApp restricts what the hotel's number may send. Please reach the guest in another way, and tell \
             your administrator.",
        ),
        131047 | 470 => (
            AwaitWindow,
            "The guest has not written for 24 hours, so WhatsApp accepts only an approved template until they do.",
        ),
        131026 => (
            Fail,
            "WhatsApp could not deliver this to the guest: the number may have no WhatsApp, or an old version of it. \
             Please reach them in another way.",
        ),
        131049 => (
            Fail,
            "WhatsApp held this message back, since the guest gets many of its kind. Please wait a day before \
             another one.",
        ),
        131050 => (Fail, "The guest wants no marketing messages from the hotel."),
        130472 => (
            Fail,
            "WhatsApp held this message back because of an experiment of its own. Please reach the guest in another \
             way.",
        ),
        130403 => (Fail, "The hotel has blocked this guest on WhatsApp."),
        131021 => (Fail, "This is the hotel's own WhatsApp number: a message cannot go from it to itself."),
        131030 => (
            Fail,
            "The hotel's WhatsApp number is one for tests, and the guest's number is not on the list of those that it \
             may write to.",
        ),
        131031 | 368 => (
            SuspendSender(Account),
            "WhatsApp has locked the hotel's account. An administrator must look into it at Meta.",
        ),
        130497 => (Fail, "The hotel may not write to numbers of this country by WhatsApp."),
        131037 => (
            SuspendSender(Account),
            "WhatsApp has not approved the name that guests see. An administrator must have it approved at Meta.",
        ),
        131042 => (
            SuspendSender(Account),
            "WhatsApp sends nothing for the hotel because of a problem with the payment. An administrator must settle \
             it at Meta.",
        ),
        131045 | 133010 => (
            SuspendSender(Account),
            "The hotel's number is not registered with WhatsApp. An administrator must register it.",
        ),
        131051 => (Fail, "WhatsApp does not support this kind of message."),
        131052 => (
            Fail,
            "WhatsApp could not pass on the guest's file: it may be larger than 100 MB. Please ask them to send it \
             again.",
        ),
        131053 => (Reupload, "WhatsApp did not accept the file. Please try again with another format."),
        131060 => (Fail, "WhatsApp could not pass on what the guest wrote. Please ask them to send it again."),
        131062 => (SendToPhone, "WhatsApp sends this only to a guest's telephone number. Please ask the guest for it."),
        137000 => {
            (Fail, "The guest's telephone or WhatsApp has changed. Please make sure who they are, and try again.")
        }
        132000 | 132012 => {
            (Fail, "The values do not match the template that WhatsApp approved. Please tell your administrator.")
        }
        132001 => {
            (Fail, "WhatsApp has no approved template with this name in this language. Please tell your administrator.")
        }
        132005 => (Fail, "The template is too long with these values. Please shorten them."),
        132007 => {
            (Fail, "WhatsApp refused the template, since it breaks a rule of theirs. Please tell your administrator.")
        }
        132015 => (
            Fail,
            "WhatsApp has paused the template, since guests did not like it. Please use another, and tell your \
             administrator.",
        ),
        132016 => {
            (Fail, "WhatsApp has disabled the template for good. Please use another, and tell your administrator.")
        }
        _ => return None,
    })
}

/// The sentence for staff about a failed message for which Meta reported no error code.
pub(crate) const NO_REASON_SENTENCE: &str =
    "WhatsApp could not deliver this and gave no reason. Please try again, or reach the guest in another way.";

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(policy: ErrorPolicy) -> Vec<u64> {
        (0..).map_while(|retries| policy.retry_delay(retries)).map(|it| it.as_secs()).collect()
    }

    type Check = fn(ErrorPolicy) -> bool;

    /// Compares the policies with Meta's table of error codes, row by row.
    #[test]
    fn each_code_has_its_policy() {
        use ErrorPolicy::*;
        let table: [(&[i64], Check); 15] = [
            (&[0, 190], |it| it == SuspendSender(SuspensionCause::AccessToken)),
            (&[3, 10, 200, 250, 299, 131005], |it| it == SuspendSender(SuspensionCause::AccessToken)),
            (&[100, 131008, 131009, 135000, 33], |it| it == Fail),
            (&[1, 2, 131000, 131016, 133004], |it| seconds(it) == [2, 4, 8, 16, 32]),
            (&[4, 80007], |it| seconds(it) == [60, 120, 240, 480, 960, 1920, 3600, 3600]),
            (&[130429], |it| seconds(it) == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]),
            (&[131056], |it| it == RetryForPair && seconds(it) == [1, 4, 16, 64, 256, 1024, 1024]),
            (&[131057], |it| seconds(it) == [60; 5]),
            (&[131048, 131064], |it| it == FailAndThrottle),
            (&[131047, 470], |it| it == AwaitWindow),
            (
                &[131026, 131049, 131050, 130472, 130403, 131021, 131030, 130497, 131051, 131052, 131060, 137000],
                |policy| policy == Fail,
            ),
            (&[131031, 368, 131037, 131042, 131045, 133010], |it| it == SuspendSender(SuspensionCause::Account)),
            (&[131053], |it| it == Reupload && seconds(it) == [2]),
            (&[131062], |it| it == SendToPhone),
            (&[132000, 132001, 132005, 132007, 132012, 132015, 132016], |it| it == Fail),
        ];
        for (codes, check) in table {
            for code in codes {
                let (policy, _) = lookup(*code).unwrap_or_else(|| panic!("{code}"));
                assert!(check(policy), "{code}: {policy:?}");
            }
        }
    }

    #[test]
    fn policies_without_retry_have_no_delay() {
        use ErrorPolicy::*;
        for policy in [
            AwaitWindow,
            SendToPhone,
            Fail,
            FailAndThrottle,
            SuspendSender(SuspensionCause::AccessToken),
            SuspendSender(SuspensionCause::Account),
        ] {
            assert_eq!(policy.retry_delay(0), None);
        }
        assert_eq!(PAIR_BACKOFF.delay(u32::MAX), PAIR_BACKOFF.max_delay);
    }

    #[test]
    fn each_sentence_is_readable_by_staff() {
        for code in -1000..200_000 {
            let Some((_, sentence)) = lookup(code) else { continue };
            assert!(sentence.ends_with('.') && !sentence.contains("  "), "{code}: {sentence}");
            assert!(!sentence.contains(['#', '{']) && sentence.len() < 200, "{code}: {sentence}");
        }
    }

    #[test]
    fn other_codes_are_unknown() {
        for code in [i64::MIN, -1, 5, 199, 300, 1013, 131001, 999_999, i64::MAX] {
            assert_eq!(lookup(code), None, "{code}");
        }
    }
}
