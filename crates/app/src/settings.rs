//! Settings from environment variables and the `.env` file. All faults are reported together, in one line.

pub mod log_filter;
pub mod origins;

mod env;
mod secret;

pub use env::{EnvFileError, Environment};
pub use secret::{JwtSecret, SecretError};

use std::{fmt, net::IpAddr, net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

use chrono::TimeDelta;
use desk::{DbUrl, SessionLifetimes, maintenance::Retention};
use ipnet::IpNet;
use transport::RedisUrl;
use url::Url;

use self::{log_filter::check_log_filter, origins::parse_origin};

/// Validated settings; `.env.example` describes each variable.
pub struct Settings {
    pub database_url: DbUrl,
    /// The address and port on which the server listens; port 0 means any free port.
    pub bind_address: SocketAddr,
    /// The public URL at which browsers and Meta reach the server.
    pub public_url: Option<Url>,
    /// Origins of other web pages that may call the API (CORS), normalized by [`parse_origin`].
    pub allowed_origins: Vec<String>,
    /// The networks of proxies whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The secret that signs access tokens; `None` if the server keeps it in a file beside the SQLite database.
    pub jwt_secret: Option<JwtSecret>,
    /// The URL of Redis as the cluster bus; `None` if nodes signal each other through PostgreSQL.
    pub redis_url: Option<RedisUrl>,
    /// The app secret of the Meta app, which verifies the signatures of webhook calls. Without it, every webhook call
    /// is refused.
    pub whatsapp_app_secret: Option<String>,
    /// The verify token that Meta sends when the webhook is registered.
    pub whatsapp_verify_token: Option<String>,
    /// The access token for calls to the WhatsApp Cloud API. Without it, messages wait in the outbox.
    pub whatsapp_access_token: Option<String>,
    pub whatsapp_api_url: String,
    /// A staff session ends this many days after its last use.
    pub session_idle_days: i64,
    /// A staff session ends this many days after the login, even if it is used.
    pub session_max_days: i64,
    pub event_retention_days: i64,
    /// The memory limit for all request bodies together, in bytes.
    pub max_body_memory: usize,
    pub outbox_retention_days: i64,
    pub raw_message_retention_days: i64,
    /// The number of days for which dead letters are kept after they have been resolved.
    pub parked_retention_days: i64,
    pub audit_retention_days: i64,
    /// The log filter (`RUST_LOG`).
    pub rust_log: String,
    /// A file with the number of seconds by which the test clock is ahead of the system clock.
    #[cfg(feature = "test-clock")]
    pub test_clock_file: Option<PathBuf>,
    #[cfg(feature = "test-clock")]
    pub test_compare_seconds: Option<u64>,
}

/// Error of invalid settings. The message is one line that names each invalid variable with its fault.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct SettingsError(Vec<String>);

/// How often each node compares its feeds with the event logs in the database.
const LOG_COMPARE_INTERVAL: Duration = Duration::from_secs(1);
const CLOUD_API_URL: &str = "https://graph.facebook.com";
const CLOUD_API_VERSION: &str = "v25.0";
/// The range of the memory limit for request bodies, in MB. An upload and an import must fit in at the same time.
const BODY_MEMORY_MB: RangeInclusive<usize> = 32..=65_536;
/// The maximum of settings in days: ten years.
const MAX_DAYS: i64 = 3650;

impl Settings {
    /// Parses all settings; `get` returns the text of an environment variable.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut reader = SettingsReader { get, faults: Vec::new() };
        let data_dir = reader.with_default("DATA_DIR", "data", |folder| Ok(PathBuf::from(folder)));
        let database_url = reader.optional("DATABASE_URL", database_url);
        let settings = Self {
            database_url: database_url.unwrap_or_else(|| DbUrl::Sqlite(data_dir.join("message_manager.db"))),
            bind_address: reader.with_default("BIND_ADDRESS", "127.0.0.1:8080", bind_address),
            public_url: reader.optional("PUBLIC_URL", public_url),
            allowed_origins: reader.list("ALLOWED_ORIGINS", allowed_origin),
            trusted_proxies: reader.list("TRUSTED_PROXIES", network),
            jwt_secret: reader.optional("JWT_SECRET", JwtSecret::parse),
            redis_url: reader.optional("REDIS_URL", redis_url),
            whatsapp_app_secret: reader.optional("WHATSAPP_APP_SECRET", secret),
            whatsapp_verify_token: reader.optional("WHATSAPP_VERIFY_TOKEN", secret),
            whatsapp_access_token: reader.optional("WHATSAPP_ACCESS_TOKEN", access_token),
            whatsapp_api_url: reader.with_default("WHATSAPP_API_URL", CLOUD_API_URL, api_url),
            session_idle_days: reader.with_default("SESSION_IDLE_DAYS", "30", days),
            session_max_days: reader.with_default("SESSION_MAX_DAYS", "90", days),
            event_retention_days: reader.with_default("EVENT_RETENTION_DAYS", "7", days),
            max_body_memory: reader.with_default("MAX_BODY_MEMORY_MB", "256", body_memory),
            outbox_retention_days: reader.with_default("OUTBOX_RETENTION_DAYS", "90", days),
            raw_message_retention_days: reader.with_default("RAW_MESSAGE_RETENTION_DAYS", "90", days),
            parked_retention_days: reader.with_default("PARKED_RETENTION_DAYS", "30", days),
            audit_retention_days: reader.with_default("AUDIT_RETENTION_DAYS", "1095", days),
            rust_log: reader.with_default("RUST_LOG", "info", check_log_filter),
            #[cfg(feature = "test-clock")]
            test_clock_file: reader.optional("TEST_CLOCK_FILE", |file| Ok(file.into())),
            #[cfg(feature = "test-clock")]
            test_compare_seconds: reader.optional("TEST_COMPARE_SECONDS", seconds),
        };
        let bind_ip = settings.bind_address.ip();
        if settings.public_url.is_none() && !bind_ip.is_loopback() && reader.faults.is_empty() {
            let fault = format!("PUBLIC_URL is required if BIND_ADDRESS ({bind_ip}) is not loopback");
            reader.faults.push(fault);
        }
        if reader.faults.is_empty() { Ok(settings) } else { Err(SettingsError(reader.faults)) }
    }

    /// Whether the scheme of the public URL is https.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// The lifetimes of staff sessions, idle and in total.
    pub fn lifetimes(&self) -> SessionLifetimes {
        SessionLifetimes { idle: TimeDelta::days(self.session_idle_days), max: TimeDelta::days(self.session_max_days) }
    }

    /// How often this node compares its feeds with the event logs in the database. Tests of the cluster bus use a long
    /// interval, so that only the bus delivers events.
    pub fn log_compare_interval(&self) -> Duration {
        #[cfg(feature = "test-clock")]
        if let Some(seconds) = self.test_compare_seconds {
            return Duration::from_secs(seconds);
        }
        LOG_COMPARE_INTERVAL
    }

    /// Creates a client of the WhatsApp Cloud API; `None` without an access token. URL and token have been validated,
    /// so this fails only if the machine has no root certificates.
    pub fn whatsapp_client(&self) -> Result<Option<whatsapp::CloudApiClient>, whatsapp::ClientConfigError> {
        let token = self.whatsapp_access_token.as_deref();
        token.map(|token| whatsapp::CloudApiClient::new(&self.whatsapp_api_url, CLOUD_API_VERSION, token)).transpose()
    }

    /// The digest of the WhatsApp access token, which identifies the token without revealing it.
    pub fn whatsapp_token_digest(&self) -> String {
        auth::Digest::of(self.whatsapp_access_token.as_deref().unwrap_or_default()).to_string()
    }

    /// The retention: the ages at which rows of the database are deleted.
    pub fn retention(&self) -> Retention {
        Retention {
            events: TimeDelta::days(self.event_retention_days),
            sent: TimeDelta::days(self.outbox_retention_days),
            raw: TimeDelta::days(self.raw_message_retention_days),
            parked: TimeDelta::days(self.parked_retention_days),
            audit: TimeDelta::days(self.audit_retention_days),
            sessions: self.lifetimes(),
        }
    }
}

/// The debug output of the settings shows no secrets, and so not the URL of the database, which can contain a password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = match &self.database_url {
            DbUrl::Sqlite(_) => "SQLite",
            DbUrl::Postgres(_) => "PostgreSQL",
        };
        f.debug_struct("Settings")
            .field("database", &database)
            .field("bind_address", &self.bind_address)
            .field("public_url", &self.public_url.as_ref().map(|url| url.origin().ascii_serialization()))
            .field("allowed_origins", &self.allowed_origins)
            .field("trusted_proxies", &self.trusted_proxies)
            .finish_non_exhaustive()
    }
}

/// Parses environment variables one after another and collects the faults. An empty variable counts as not set.
struct SettingsReader<G> {
    get: G,
    faults: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> SettingsReader<G> {
    /// Parses a variable that has a default. After a fault the default is returned, too, because the settings are then
    /// refused as a whole.
    fn with_default<T>(&mut self, name: &str, default: &str, parse: fn(&str) -> Result<T, String>) -> T {
        let parsed = self.optional(name, parse);
        match parsed.map_or_else(|| parse(default), Ok) {
            Ok(value) => value,
            Err(fault) => unreachable!("the default of {name}: {fault}"),
        }
    }

    fn optional<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = (self.get)(name).filter(|text| !text.trim().is_empty())?;
        parse(text.trim()).map_err(|fault| self.faults.push(format!("{name} {fault}"))).ok()
    }

    fn list<T>(&mut self, name: &str, parse: fn(&str) -> Result<T, String>) -> Vec<T> {
        let items = |text: &str| text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(parse).collect();
        self.optional(name, items).unwrap_or_default()
    }
}

fn database_url(text: &str) -> Result<DbUrl, String> {
    let fault = |error: desk::InvalidDbUrl| error.to_string().trim_start_matches("DATABASE_URL ").to_owned();
    DbUrl::from_str(text).map_err(fault)
}

fn bind_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address and a port, like 127.0.0.1:8080".to_owned())
}

fn public_url(text: &str) -> Result<Url, String> {
    let is_bare = |url: &Url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && is_bare(url));
    url.ok_or_else(|| "must be an http or https URL, like https://desk.example.com".to_owned())
}

fn allowed_origin(text: &str) -> Result<String, String> {
    parse_origin(text).ok_or_else(|| format!("must list origins like https://desk.example.com, not {text:?}"))
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| format!("must list addresses or networks, not {text:?}"))
}

fn redis_url(text: &str) -> Result<RedisUrl, String> {
    RedisUrl::from_str(text).map_err(|error| error.to_string())
}

fn secret(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn access_token(text: &str) -> Result<String, String> {
    check_client(CLOUD_API_URL, text)
        .map(|()| text.to_owned())
        .map_err(|_| "must be visible ASCII characters".to_owned())
}

fn api_url(text: &str) -> Result<String, String> {
    check_client(text, "any")
        .map(|()| text.to_owned())
        .map_err(|_| "must be an https URL like https://graph.facebook.com; http is for this machine only".to_owned())
}

/// Checks that a `CloudApiClient` can be built from URL and access token. Missing root certificates are no fault
/// of the settings; they are reported when WhatsApp is called.
fn check_client(url: &str, token: &str) -> Result<(), whatsapp::ClientConfigError> {
    match whatsapp::CloudApiClient::new(url, CLOUD_API_VERSION, token) {
        Ok(_) | Err(whatsapp::ClientConfigError::Tls) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(feature = "test-clock")]
fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| "must be a number of seconds".to_owned())
}

fn body_memory(text: &str) -> Result<usize, String> {
    let megabytes = text.parse::<usize>().ok().filter(|it| BODY_MEMORY_MB.contains(it));
    let (min, max) = (BODY_MEMORY_MB.start(), BODY_MEMORY_MB.end());
    megabytes.map(|it| it * 1024 * 1024).ok_or_else(|| format!("must be a number of megabytes, {min} to {max}"))
}

fn days(text: &str) -> Result<i64, String> {
    let days = text.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
    days.ok_or_else(|| format!("must be a number of days, 1 to {MAX_DAYS}"))
}

#[cfg(test)]
mod tests;
