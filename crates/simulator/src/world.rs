//! All that the simulator knows.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::{
    Options,
    bounded::BoundedMap,
    clock::{Clock, Millis},
    errors::ApiError,
    faults::Faults,
    guests::Guests,
    limits::Limits,
    media::Media,
    queue::Queue,
    settings::Settings,
    templates::Templates,
    transcript::Transcript,
};

/// POSTs that are under way at once.
const AT_ONCE: usize = 32;
/// Messages that are remembered, to be reacted to or marked read.
const MOST_MESSAGES: usize = 200_000;
/// The display numbers begin with this; a number of the UK that is nobody's.
const FIRST_DISPLAY: u64 = 442_079_460_000;

/// All that the simulator knows.
pub(crate) struct World {
    pub(crate) options: Options,
    /// Under which address it is reached.
    pub(crate) base: String,
    pub(crate) clock: Clock,
    pub(crate) queue: Queue,
    pub(crate) http: reqwest::Client,
    /// One is taken for each POST that is under way.
    pub(crate) wires: Arc<Semaphore>,
    /// Whether the callback has passed its verification.
    pub(crate) verified: AtomicBool,
    state: Mutex<State>,
}

/// What changes.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) account: Account,
    pub(crate) faults: Faults,
    pub(crate) guests: Guests,
    pub(crate) limits: Limits,
    pub(crate) media: Media,
    pub(crate) templates: Templates,
    pub(crate) transcript: Transcript,
    /// Messages of both sides, and whether a guest wrote it.
    pub(crate) messages: BoundedMap<String, bool>,
}

/// What is wrong with the whole account.
pub(crate) struct Account {
    pub(crate) token: String,
    pub(crate) revoked: bool,
    pub(crate) error: Option<i64>,
    /// Until then there is maintenance.
    pub(crate) maintenance: Millis,
}

impl Account {
    /// The error that all sends get.
    pub(crate) fn fault(&self, now: Millis) -> Option<ApiError> {
        if now < self.maintenance {
            return Some(ApiError::new(131057, "The account is in maintenance mode."));
        }
        self.error.map(|code| ApiError::new(code, "The account has this error until it is taken away."))
    }
}

impl World {
    pub(crate) fn new(options: Options, base: String) -> Result<Arc<Self>, reqwest::Error> {
        let builder = || reqwest::Client::builder().redirect(Policy::none()).no_proxy();
        // A machine without certificates can still be posted to without TLS.
        let http = builder().build().or_else(|_| builder().tls_certs_only([]).build())?;
        let account =
            Account { token: options.access_token.clone(), revoked: false, error: None, maintenance: Millis::MIN };
        let state = State {
            settings: options.settings.clone(),
            account,
            faults: Faults::new(),
            guests: Guests::new(),
            limits: Limits::new(),
            media: Media::new(),
            templates: Templates::new(&options.templates),
            transcript: Transcript::new(options.transcript),
            messages: BoundedMap::new(MOST_MESSAGES),
        };
        Ok(Arc::new(Self {
            options,
            base,
            clock: Clock::new(),
            queue: Queue::default(),
            http,
            wires: Arc::new(Semaphore::new(AT_ONCE)),
            verified: AtomicBool::new(false),
            state: Mutex::new(state),
        }))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Notes something in the transcript.
    pub(crate) fn note(&self, kind: &'static str, entry: Value) {
        let now = self.clock.now();
        self.state().transcript.note(kind, now, entry);
    }

    /// Whether a number is the account's.
    pub(crate) fn has_number(&self, number: &str) -> bool {
        self.options.phone_numbers.iter().any(|it| it == number)
    }

    /// The number with an id; that of an id which is not the account's is made up.
    pub(crate) fn display(&self, number: &str) -> String {
        let place = self.options.phone_numbers.iter().position(|it| it == number);
        let place = place.and_then(|it| u64::try_from(it).ok()).unwrap_or(9999);
        (FIRST_DISPLAY + place).to_string()
    }

    /// Notes whether the callback has passed its verification.
    pub(crate) fn set_verified(&self, verified: bool) {
        self.verified.store(verified, Relaxed);
    }
}

/// A time between a least and a most.
pub(crate) fn between([least, most]: [u64; 2]) -> Millis {
    Millis::try_from(rand::random_range(least..=most.max(least))).unwrap_or(Millis::MAX)
}
