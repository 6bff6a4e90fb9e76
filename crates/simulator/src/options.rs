//! Options that are fixed at the start: address, secrets, phone numbers, templates.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
};

use crate::{settings::SimulatorSettings, templates::SimulatedTemplate};

#[derive(Clone)]
pub struct SimulatorOptions {
    /// The address that the simulator listens on, which must be a loopback address. Port 0 selects a free port.
    pub bind: SocketAddr,
    /// The app secret, with which the webhooks are signed.
    pub app_secret: String,
    /// The verify token, sent to the callback to verify the subscription.
    pub verify_token: String,
    /// The access token, required from callers of the Graph API.
    pub access_token: String,
    /// The id of the WhatsApp Business account.
    pub waba_id: String,
    /// The phone number ids of the WhatsApp Business account; at least one.
    pub phone_numbers: Vec<String>,
    /// The approved templates of the account.
    pub templates: Vec<SimulatedTemplate>,
    /// The settings at the start, with the URL of the callback.
    pub settings: SimulatorSettings,
    /// `true` to verify the callback at the start, and to retry until it succeeds.
    pub verify: bool,
    /// Maximum number of transcript entries of each kind.
    pub transcript: usize,
}

impl Default for SimulatorOptions {
    /// Returns options with a free port, well-known secrets, and realistic delays.
    fn default() -> Self {
        Self {
            bind: (Ipv4Addr::LOCALHOST, 0).into(),
            app_secret: "development-app-secret".to_owned(),
            verify_token: "development-verify-token".to_owned(),
            access_token: "development-access-token".to_owned(),
            waba_id: "104000000000001".to_owned(),
            phone_numbers: vec!["105000000000001".to_owned()],
            templates: vec![
                SimulatedTemplate::new("hello_world", "en_US", 0),
                SimulatedTemplate::new("opener", "en", 0),
                SimulatedTemplate::new("pre_arrival", "en", 2),
            ],
            settings: SimulatorSettings::lifelike(),
            verify: false,
            transcript: 50_000,
        }
    }
}

/// The debug output omits the secrets.
impl fmt::Debug for SimulatorOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorOptions")
            .field("bind", &self.bind)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
