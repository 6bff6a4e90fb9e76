//! Command `doctor`: checks settings, database, hotels, Redis, clocks and WhatsApp. It changes nothing, except that a
//! suspended sender continues if WhatsApp accepts the access token again.

mod clocks;
mod hotels;
mod report;
mod whatsapp;

use std::{sync::Arc, time::Duration};

use actix_web::rt::{task::spawn_blocking, time::timeout};
use clap::Args;
use desk::{DbUrl, Desk, StoreError, diagnostics::Diagnostics};

use self::{
    clocks::compare_clocks,
    report::{CheckReport, CheckResult, not_checked, not_set, ok, wrong},
};
use super::values::print_text;
use crate::{
    clock::clock,
    error::CliError,
    settings::{JwtSecret, Settings},
};

const DATABASE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Args)]
pub struct Doctor {
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Makes all checks of the installation and prints the report. Fails if a check found a fault.
    pub async fn run(self, settings: Result<Settings, CliError>) -> Result<(), CliError> {
        let mut report = CheckReport::default();
        match settings {
            Ok(settings) => check_all(&mut report, &settings).await,
            Err(error) => report.add("settings", wrong(error.in_one_line())),
        }
        let text = if self.json { format!("{}\n", report.json()) } else { report.text() };
        print_text(text.trim_end())?;
        match report.count_wrong() {
            0 => Ok(()),
            count => Err(CliError::FaultsFound(count)),
        }
    }
}

async fn check_all(report: &mut CheckReport, settings: &Settings) {
    let diagnostics = match check_schema(&settings.database_url).await {
        Ok(()) => load_diagnostics(settings).await,
        Err(fault) => Err(fault),
    };
    let loaded = match diagnostics {
        Ok((desk, diagnostics, result)) => {
            report.add("database", result);
            Some((desk, diagnostics))
        }
        Err(fault) => {
            report.add("database", fault);
            None
        }
    };
    let diagnostics = loaded.as_ref().map(|(_, diagnostics)| diagnostics);
    report.add("JWT_SECRET", check_jwt_secret(settings));
    report.add("proxies", check_proxies(settings));
    report.add("Redis", check_redis(settings).await);
    report.add("clock", check_database_clock(diagnostics));
    if let Some(diagnostics) = diagnostics {
        hotels::check_hotels(report, diagnostics);
    }
    whatsapp::check_all(report, settings, loaded.as_ref()).await;
}

/// Checks that the database responds and has the schema of this program.
async fn check_schema(url: &DbUrl) -> Result<(), CheckResult> {
    let blocking_url = url.clone();
    match timeout(DATABASE_TIMEOUT, spawn_blocking(move || Desk::has_pending_migrations(&blocking_url))).await {
        Ok(Ok(Ok(false))) => Ok(()),
        Ok(Ok(Ok(true))) => Err(outdated_schema(url)),
        Ok(Ok(Err(error))) => Err(wrong(database_fault(error))),
        Ok(Err(_)) => Err(wrong("the check itself failed; please report this as a bug of the program")),
        Err(_) => {
            let seconds = DATABASE_TIMEOUT.as_secs();
            Err(wrong(format!("no response within {seconds} s: check that it runs and can be reached")))
        }
    }
}

fn outdated_schema(url: &DbUrl) -> CheckResult {
    match url {
        DbUrl::Sqlite(file) if !file.exists() => wrong(format!(
            "there is no file {}: are this folder and DATABASE_URL those of the server? `message-manager migrate` \
             creates the file",
            file.display()
        )),
        _ => wrong("it is behind this program: run `message-manager migrate`, or start the new server"),
    }
}

fn database_fault(error: StoreError) -> String {
    let is_newer = matches!(error, StoreError::Newer(_));
    let message = CliError::from(error).in_one_line();
    let next_step = if is_newer { "use the newer program" } else { "check DATABASE_URL, and that the database runs" };
    format!("{message}: {next_step}")
}

/// Opens the database and collects the diagnostics of the installation.
async fn load_diagnostics(settings: &Settings) -> Result<(Desk, Diagnostics, CheckResult), CheckResult> {
    let secret = JwtSecret::generate();
    let (url, lifetimes) = (&settings.database_url, settings.lifetimes());
    let opened = Desk::open(url, secret.as_bytes(), lifetimes, clock(settings), Arc::new(|_| {})).await;
    let desk = opened.map_err(|error| wrong(CliError::from(error).in_one_line()))?;
    let loaded = desk.load_diagnostics().await;
    let diagnostics = loaded.map_err(|error| wrong(CliError::from(error).in_one_line()))?;
    let name = match url {
        DbUrl::Sqlite(file) => format!("SQLite, {}", file.display()),
        DbUrl::Postgres(_) => "PostgreSQL".to_owned(),
    };
    let result = ok(format!("{name}, up to date, hotels: {}", diagnostics.hotels.len()));
    Ok((desk, diagnostics, result))
}

fn check_jwt_secret(settings: &Settings) -> CheckResult {
    match (&settings.jwt_secret, &settings.database_url) {
        (Some(_), _) => ok("it is set"),
        (None, DbUrl::Sqlite(_)) => not_set("the server creates one in a file beside the database"),
        (None, DbUrl::Postgres(_)) => {
            wrong("it is not set: a server on PostgreSQL does not start without it. Set the same secret on all servers")
        }
    }
}

/// A server does no TLS itself, so behind an https URL there is always a proxy, whose address all requests come from.
fn check_proxies(settings: &Settings) -> CheckResult {
    let is_https = settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    match (is_https, settings.trusted_proxies.is_empty()) {
        (true, true) => wrong(
            "PUBLIC_URL is https, so a proxy is in front of the server, but TRUSTED_PROXIES is not set: all clients \
             count as one address, and the failed sign-ins of one lock out all. Set it to the address of the proxy, such \
             as 127.0.0.1",
        ),
        (_, false) => ok("TRUSTED_PROXIES is set"),
        (false, true) => not_set("PUBLIC_URL is not https, so no proxy is expected"),
    }
}

async fn check_redis(settings: &Settings) -> CheckResult {
    match (&settings.redis_url, &settings.database_url) {
        (Some(url), _) => match url.ping().await {
            Ok(()) => ok("it responds"),
            Err(cause) => wrong(format!("it does not respond ({cause}): check REDIS_URL, and that Redis runs")),
        },
        (None, DbUrl::Sqlite(_)) => not_set("one server on SQLite needs none"),
        (None, DbUrl::Postgres(_)) => not_set("servers signal each other through PostgreSQL"),
    }
}

fn check_database_clock(diagnostics: Option<&Diagnostics>) -> CheckResult {
    match diagnostics {
        None => not_checked("the database is not available, so its clock is not compared"),
        Some(Diagnostics { database_now: None, .. }) => ok("the database uses the clock of this machine"),
        Some(Diagnostics { now, database_now: Some(there), .. }) => compare_clocks(*now, *there, "the database"),
    }
}
