//! The state that all requests and background tasks of a simulator share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use parking_lot::{Mutex, MutexGuard};
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::{
    bounded_map::BoundedMap,
    clock::{Millis, SimulatedClock},
    delivery_queue::DeliveryQueue,
    faults::FaultQueue,
    graph_error::GraphError,
    guests::GuestRegistry,
    media::MediaStore,
    meta_limits::SimulatedRateLimits,
    options::SimulatorOptions,
    settings::SimulatorSettings,
    templates::TemplateStore,
    transcript::Transcript,
};

/// Maximum number of webhook calls in flight.
const MAX_DELIVERIES: usize = 32;
/// Maximum number of message ids kept for reactions and read marks.
const MAX_MESSAGES: usize = 200_000;
/// The display number of the first phone number: an unassigned number of the UK.
const FIRST_DISPLAY_NUMBER: u64 = 442_079_460_000;
/// The offset of the display numbers for phone number ids that are not the account's.
const FOREIGN_NUMBER_OFFSET: u64 = 9999;

/// A running simulator. One `Arc` is shared by the HTTP workers and the delivery task.
pub(crate) struct Simulator {
    pub(crate) options: SimulatorOptions,
    /// The simulator's own URL, without a slash at the end.
    pub(crate) base: String,
    pub(crate) clock: SimulatedClock,
    pub(crate) queue: DeliveryQueue,
    pub(crate) http: reqwest::Client,
    /// One permit per webhook call in flight.
    pub(crate) delivery_permits: Arc<Semaphore>,
    /// `true` after the callback has returned the challenge.
    pub(crate) is_verified: AtomicBool,
    state: Mutex<SimulatorState>,
}

pub(crate) struct SimulatorState {
    pub(crate) settings: SimulatorSettings,
    pub(crate) account: AccountState,
    pub(crate) faults: FaultQueue,
    pub(crate) guests: GuestRegistry,
    pub(crate) rate_limits: SimulatedRateLimits,
    pub(crate) media: MediaStore,
    pub(crate) templates: TemplateStore,
    pub(crate) transcript: Transcript,
    /// The WhatsApp message ids of both directions. The value is `true` if the guest sent the message.
    pub(crate) messages: BoundedMap<String, bool>,
    /// The number of requests in which a default guest wrote.
    pub(crate) default_guest: usize,
}

/// The access token and the faults of the whole account.
pub(crate) struct AccountState {
    pub(crate) token: String,
    pub(crate) is_revoked: bool,
    /// The error code with which all sends and uploads are rejected.
    pub(crate) error: Option<i64>,
    /// The end of the simulated maintenance, during which all sends and uploads are rejected.
    pub(crate) maintenance_until: Millis,
}

impl AccountState {
    /// Returns the error with which all sends and uploads are rejected, or `None` if the account has no fault.
    pub(crate) fn fault(&self, now: Millis) -> Option<GraphError> {
        if now < self.maintenance_until {
            return Some(GraphError::new(131057, "The account is in maintenance mode."));
        }
        self.error.map(|code| GraphError::new(code, "The account has this error until a test clears it."))
    }
}

impl Simulator {
    pub(crate) fn new(options: SimulatorOptions, base: String) -> Result<Arc<Self>, reqwest::Error> {
        let builder = || reqwest::Client::builder().redirect(Policy::none()).no_proxy();
        // A client without trusted certificates still works for callbacks without TLS.
        let http = builder().build().or_else(|_| builder().tls_certs_only([]).build())?;
        let account = AccountState {
            token: options.access_token.clone(),
            is_revoked: false,
            error: None,
            maintenance_until: Millis::MIN,
        };
        let state = SimulatorState {
            settings: options.settings.clone(),
            account,
            faults: FaultQueue::new(),
            guests: GuestRegistry::new(),
            rate_limits: SimulatedRateLimits::new(),
            media: MediaStore::new(),
            templates: TemplateStore::new(&options.templates),
            transcript: Transcript::new(options.transcript),
            messages: BoundedMap::new(MAX_MESSAGES),
            default_guest: 0,
        };
        Ok(Arc::new(Self {
            options,
            base,
            clock: SimulatedClock::new(),
            queue: DeliveryQueue::default(),
            http,
            delivery_permits: Arc::new(Semaphore::new(MAX_DELIVERIES)),
            is_verified: AtomicBool::new(false),
            state: Mutex::new(state),
        }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, SimulatorState> {
        self.state.lock()
    }

    pub(crate) fn settings(&self) -> SimulatorSettings {
        self.lock().settings.clone()
    }

    /// Adds an entry to the transcript.
    pub(crate) fn record(&self, kind: &'static str, entry: Value) {
        let now = self.clock.now();
        self.lock().transcript.record(kind, now, entry);
    }

    pub(crate) fn has_number(&self, phone_number_id: &str) -> bool {
        self.options.phone_numbers.iter().any(|it| it == phone_number_id)
    }

    pub(crate) fn first_number(&self) -> String {
        self.options.phone_numbers.first().cloned().unwrap_or_default()
    }

    /// Returns the display number of a phone number id, also of one that is not the account's.
    pub(crate) fn display_number(&self, phone_number_id: &str) -> String {
        let index = self.options.phone_numbers.iter().position(|it| it == phone_number_id);
        let offset = index.and_then(|it| u64::try_from(it).ok()).unwrap_or(FOREIGN_NUMBER_OFFSET);
        (FIRST_DISPLAY_NUMBER + offset).to_string()
    }

    pub(crate) fn set_verified(&self, is_verified: bool) {
        self.is_verified.store(is_verified, Relaxed);
    }
}
