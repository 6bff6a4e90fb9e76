//! The settings: from the environment, then from `.env`. Every fault is told, in one line.

mod env;
mod secret;

pub use env::{BadEnvFile, Environment};
pub use secret::{JwtSecret, SecretError};

use std::{fmt, net::IpAddr, net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

use chrono::TimeDelta;
use desk::{DbUrl, Keep, Lifetimes};
use ipnet::IpNet;
use transport::RedisUrl;
use url::Url;

use crate::{log::check_filter, origin};

/// How the program is to run. `.env.example` lists them all.
pub struct Settings {
    /// Where the data is.
    pub database_url: DbUrl,
    /// Where to listen; port 0: any free one.
    pub bind_address: SocketAddr,
    /// Under which address others reach it.
    pub public_url: Option<Url>,
    /// Origins of other pages that may call, as they are compared.
    pub allowed_origins: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Signs tokens.
    pub jwt_secret: Option<JwtSecret>,
    /// By which servers on one database wake each other; without it, through the database.
    pub redis_url: Option<RedisUrl>,
    /// With what Meta signs what it posts to the webhook; without it, nothing is believed.
    pub whatsapp_app_secret: Option<String>,
    /// By which Meta is told that the webhook is ours.
    pub whatsapp_verify_token: Option<String>,
    /// With what messages are sent; without it, they wait.
    pub whatsapp_access_token: Option<String>,
    /// Where the Cloud API is.
    pub whatsapp_api_url: String,
    /// Days after its last use that a session ends.
    pub session_idle_days: i64,
    /// Days after login that a session ends.
    pub session_max_days: i64,
    /// Days that events are kept.
    pub event_retention_days: i64,
    /// Bytes that the bodies of requests may take in memory, all together.
    pub max_body_memory: usize,
    /// Days that what was needed to send a message is kept.
    pub outbox_retention_days: i64,
    /// Days that guests' messages are kept as they came.
    pub raw_message_retention_days: i64,
    /// Days that what was parked is kept once it is settled.
    pub parked_retention_days: i64,
    /// Days that the audit log is kept.
    pub audit_retention_days: i64,
    /// What is logged.
    pub rust_log: String,
    /// By how many seconds the clock is ahead.
    #[cfg(feature = "test-clock")]
    pub test_clock_file: Option<PathBuf>,
    /// How often it is looked for commits that nobody told of, in seconds.
    #[cfg(feature = "test-clock")]
    pub test_compare_seconds: Option<u64>,
}

/// Settings that cannot be. Its display is one line that names each and says what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct BadSettings(Vec<String>);

/// How often it is looked for commits that nobody told of.
const COMPARE: Duration = Duration::from_secs(1);
/// The version of the Cloud API that is spoken.
const API_VERSION: &str = "v25.0";
/// The least and the most megabytes for bodies that may be set: an upload has to fit in, and a table beside it.
const BODY_MEMORY_MB: RangeInclusive<usize> = 32..=65_536;
/// The most days that may be set: ten years.
const MOST_DAYS: i64 = 3650;

impl Settings {
    /// Reads them all; `get` gives a variable's text.
    ///
    /// # Errors
    /// [`BadSettings`] with every fault there is.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadSettings> {
        let mut reader = Reader { get, faults: Vec::new() };
        let data_dir = reader.one("DATA_DIR", "data", |folder| Ok(PathBuf::from(folder)));
        let database_url = reader.maybe("DATABASE_URL", database_url);
        let settings = Self {
            database_url: database_url.unwrap_or_else(|| DbUrl::Sqlite(data_dir.join("message_manager.db"))),
            bind_address: reader.one("BIND_ADDRESS", "127.0.0.1:8080", bind_address),
            public_url: reader.maybe("PUBLIC_URL", public_url),
            allowed_origins: reader.list("ALLOWED_ORIGINS", allowed_origin),
            trusted_proxies: reader.list("TRUSTED_PROXIES", network),
            jwt_secret: reader.maybe("JWT_SECRET", JwtSecret::parse),
            redis_url: reader.maybe("REDIS_URL", redis_url),
            whatsapp_app_secret: reader.maybe("WHATSAPP_APP_SECRET", secret),
            whatsapp_verify_token: reader.maybe("WHATSAPP_VERIFY_TOKEN", secret),
            whatsapp_access_token: reader.maybe("WHATSAPP_ACCESS_TOKEN", access_token),
            whatsapp_api_url: reader.one("WHATSAPP_API_URL", "https://graph.facebook.com", api_url),
            session_idle_days: reader.one("SESSION_IDLE_DAYS", "30", days),
            session_max_days: reader.one("SESSION_MAX_DAYS", "90", days),
            event_retention_days: reader.one("EVENT_RETENTION_DAYS", "7", days),
            max_body_memory: reader.one("MAX_BODY_MEMORY_MB", "256", body_memory),
            outbox_retention_days: reader.one("OUTBOX_RETENTION_DAYS", "90", days),
            raw_message_retention_days: reader.one("RAW_MESSAGE_RETENTION_DAYS", "90", days),
            parked_retention_days: reader.one("PARKED_RETENTION_DAYS", "30", days),
            audit_retention_days: reader.one("AUDIT_RETENTION_DAYS", "1095", days),
            rust_log: reader.one("RUST_LOG", "info", check_filter),
            #[cfg(feature = "test-clock")]
            test_clock_file: reader.maybe("TEST_CLOCK_FILE", |file| Ok(file.into())),
            #[cfg(feature = "test-clock")]
            test_compare_seconds: reader.maybe("TEST_COMPARE_SECONDS", seconds),
        };
        let bound = settings.bind_address.ip();
        if settings.public_url.is_none() && !bound.is_loopback() && reader.faults.is_empty() {
            let fault = format!("PUBLIC_URL is required where BIND_ADDRESS ({bound}) is not loopback");
            reader.faults.push(fault);
        }
        if reader.faults.is_empty() { Ok(settings) } else { Err(BadSettings(reader.faults)) }
    }

    /// How long sessions live.
    pub fn lifetimes(&self) -> Lifetimes {
        Lifetimes { idle: TimeDelta::days(self.session_idle_days), most: TimeDelta::days(self.session_max_days) }
    }

    /// How often it is looked for commits that nobody told of. Tests that are about telling look seldom.
    pub fn compare_every(&self) -> Duration {
        #[cfg(feature = "test-clock")]
        if let Some(seconds) = self.test_compare_seconds {
            return Duration::from_secs(seconds);
        }
        COMPARE
    }

    /// What calls the Cloud API; `None` without an access token.
    ///
    /// # Errors
    /// None that [`Settings::read`] has not told.
    pub fn whatsapp(&self) -> Result<Option<whatsapp::Client>, whatsapp::BadSettings> {
        let token = self.whatsapp_access_token.as_deref();
        token.map(|token| whatsapp::Client::new(&self.whatsapp_api_url, API_VERSION, token)).transpose()
    }

    /// What tells the access token from others, without being it.
    pub fn whatsapp_token_digest(&self) -> String {
        auth::Digest::of(self.whatsapp_access_token.as_deref().unwrap_or_default()).to_string()
    }

    /// How long things are kept.
    pub fn keep(&self) -> Keep {
        Keep {
            events: TimeDelta::days(self.event_retention_days),
            sent: TimeDelta::days(self.outbox_retention_days),
            raw: TimeDelta::days(self.raw_message_retention_days),
            parked: TimeDelta::days(self.parked_retention_days),
            audit: TimeDelta::days(self.audit_retention_days),
            sessions: self.lifetimes(),
        }
    }
}

/// Shows no secret: a database's URL has a password in it.
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

/// Reads one variable after another and collects the faults. What is set to nothing is not set.
struct Reader<G> {
    get: G,
    faults: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    /// One that has a default, which is taken after a fault, too: nobody sees it then.
    fn one<T>(&mut self, name: &str, default: &str, parse: fn(&str) -> Result<T, String>) -> T {
        let read = self.maybe(name, parse);
        match read.map_or_else(|| parse(default), Ok) {
            Ok(value) => value,
            Err(fault) => unreachable!("the default of {name}: {fault}"),
        }
    }

    fn maybe<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = (self.get)(name).filter(|text| !text.trim().is_empty())?;
        parse(text.trim()).map_err(|fault| self.faults.push(format!("{name} {fault}"))).ok()
    }

    fn list<T>(&mut self, name: &str, parse: fn(&str) -> Result<T, String>) -> Vec<T> {
        let words = |text: &str| text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(parse).collect();
        self.maybe(name, words).unwrap_or_default()
    }
}

fn database_url(text: &str) -> Result<DbUrl, String> {
    let told = |error: desk::BadDbUrl| error.to_string().trim_start_matches("DATABASE_URL ").to_owned();
    DbUrl::from_str(text).map_err(told)
}

fn bind_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address and a port, like 127.0.0.1:8080".to_owned())
}

fn public_url(text: &str) -> Result<Url, String> {
    let bare = |url: &Url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && bare(url));
    url.ok_or_else(|| "must be an http or https URL, like https://desk.example.com".to_owned())
}

fn allowed_origin(text: &str) -> Result<String, String> {
    origin::parse(text).ok_or_else(|| format!("must list origins like https://desk.example.com, not {text:?}"))
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
    client_is_possible("https://graph.facebook.com", text)
        .map(|()| text.to_owned())
        .map_err(|_| "must be visible ASCII characters".to_owned())
}

fn api_url(text: &str) -> Result<String, String> {
    client_is_possible(text, "any")
        .map(|()| text.to_owned())
        .map_err(|_| "must be an https URL like https://graph.facebook.com; http is for this machine only".to_owned())
}

/// Whether a client may be made of these. A machine without certificates is no fault of theirs: whoever calls is told.
fn client_is_possible(url: &str, token: &str) -> Result<(), whatsapp::BadSettings> {
    match whatsapp::Client::new(url, API_VERSION, token) {
        Ok(_) | Err(whatsapp::BadSettings::Tls) => Ok(()),
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
    let (least, most) = (BODY_MEMORY_MB.start(), BODY_MEMORY_MB.end());
    megabytes.map(|it| it * 1024 * 1024).ok_or_else(|| format!("must be a number of megabytes, {least} to {most}"))
}

fn days(text: &str) -> Result<i64, String> {
    let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    days.ok_or_else(|| format!("must be a number of days, 1 to {MOST_DAYS}"))
}

#[cfg(test)]
mod tests;
