//! The command that says whether everything is set up right.

mod report;
mod whatsapp;

use std::{sync::Arc, time::Duration};

use actix_web::rt::{task::spawn_blocking, time::timeout};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use desk::{Checkup, DbUrl, Desk, StoreError};

use self::report::{Report, State};
use super::{Failure, write};
use crate::{
    clock::clock,
    settings::{JwtSecret, Settings},
};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// By how much clocks may differ: what WhatsApp tells is of whole seconds, and answers take a moment.
const APART: TimeDelta = TimeDelta::seconds(5);

/// How a thing is, and a sentence about it.
type Found = (State, String);

/// Says whether everything is set up right.
#[derive(Args)]
pub struct Doctor {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Looks at everything, and tells. Changes nothing.
    ///
    /// # Errors
    /// [`Failure::Unwell`] where something is wrong.
    pub async fn run(self, settings: Result<Settings, Failure>) -> Result<(), Failure> {
        let mut report = Report::default();
        match settings {
            Ok(settings) => look(&mut report, &settings).await,
            Err(failure) => report.note("settings", wrong(failure.in_one_line())),
        }
        let text = if self.json { format!("{}\n", report.json()) } else { report.text() };
        write(text.trim_end())?;
        match report.wrong() {
            0 => Ok(()),
            wrong => Err(Failure::Unwell(wrong)),
        }
    }
}

fn ok(says: impl Into<String>) -> Found {
    (State::Ok, says.into())
}

fn wrong(says: impl Into<String>) -> Found {
    (State::Wrong, says.into())
}

fn not_set(says: impl Into<String>) -> Found {
    (State::NotSet, says.into())
}

fn not_checked(says: impl Into<String>) -> Found {
    (State::NotChecked, says.into())
}

async fn look(report: &mut Report, settings: &Settings) {
    let checkup = database(report, settings).await;
    report.note("JWT_SECRET", jwt_secret(settings));
    report.note("Redis", redis(settings).await);
    report.note("clock", against_the_database(checkup.as_ref()));
    whatsapp::look(report, settings, checkup.as_ref()).await;
}

/// The database; what it says, where it is of use.
async fn database(report: &mut Report, settings: &Settings) -> Option<Checkup> {
    let url = settings.database_url.clone();
    let asked = timeout(PATIENCE, spawn_blocking(move || Desk::is_behind(&url))).await;
    let found = match asked {
        Ok(Ok(Ok(false))) => return checkup(report, settings).await,
        Ok(Ok(Ok(true))) => behind(&settings.database_url),
        Ok(Ok(Err(error))) => wrong(unusable(error)),
        Ok(Err(_)) => wrong("looking at it failed; that is a fault of this program"),
        Err(_) => wrong(format!("no answer within {} s: see whether it runs and is reached", PATIENCE.as_secs())),
    };
    report.note("database", found);
    None
}

fn behind(url: &DbUrl) -> Found {
    match url {
        DbUrl::Sqlite(file) if !file.exists() => wrong(format!(
            "there is no file {}: is this the folder, and the DATABASE_URL, of the server? `message-manager migrate` \
             makes one",
            file.display()
        )),
        _ => wrong("it is behind this program: run `message-manager migrate`, or start the new server"),
    }
}

fn unusable(error: StoreError) -> String {
    let newer = matches!(error, StoreError::Newer(_));
    let told = Failure::from(error).in_one_line();
    if newer {
        format!("{told}: use the newer one")
    } else {
        format!("{told}: check DATABASE_URL, and whether it runs")
    }
}

async fn checkup(report: &mut Report, settings: &Settings) -> Option<Checkup> {
    let secret = JwtSecret::new();
    let (url, lifetimes) = (&settings.database_url, settings.lifetimes());
    let opened = Desk::open(url, secret.as_bytes(), lifetimes, clock(settings), Arc::new(|_| {})).await;
    let asked = match opened {
        Ok(desk) => desk.check_up().await.map_err(Failure::from),
        Err(error) => Err(error.into()),
    };
    let name = match url {
        DbUrl::Sqlite(file) => format!("SQLite, {}", file.display()),
        DbUrl::Postgres(_) => "PostgreSQL".to_owned(),
    };
    match asked {
        Ok(checkup) => {
            report.note("database", ok(format!("{name}, up to date, hotels: {}", checkup.hotels.len())));
            Some(checkup)
        }
        Err(failure) => {
            report.note("database", wrong(failure.in_one_line()));
            None
        }
    }
}

fn jwt_secret(settings: &Settings) -> Found {
    match (&settings.jwt_secret, &settings.database_url) {
        (Some(_), _) => ok("it is set"),
        (None, DbUrl::Sqlite(_)) => not_set("the server makes one, and keeps it beside the database"),
        (None, DbUrl::Postgres(_)) => {
            wrong("it is not set: a server on PostgreSQL does not start without it. Set the same on all of them")
        }
    }
}

async fn redis(settings: &Settings) -> Found {
    match (&settings.redis_url, &settings.database_url) {
        (Some(url), _) => match url.ping().await {
            Ok(()) => ok("it answers"),
            Err(why) => wrong(format!("it does not answer ({why}): check REDIS_URL, and whether it runs")),
        },
        (None, DbUrl::Sqlite(_)) => not_set("one server on SQLite needs none"),
        (None, DbUrl::Postgres(_)) => not_set("servers wake each other through PostgreSQL"),
    }
}

fn against_the_database(checkup: Option<&Checkup>) -> Found {
    match checkup {
        None => not_checked("the database does not tell the time"),
        Some(Checkup { database_now: None, .. }) => ok("the database goes by this machine's"),
        Some(Checkup { now, database_now: Some(there), .. }) => compare(*now, *there, "the database"),
    }
}

/// Compares this machine's clock with another.
fn compare(here: DateTime<Utc>, there: DateTime<Utc>, whose: &str) -> Found {
    let apart = here - there;
    let seconds = apart.num_seconds().abs();
    if apart.abs() <= APART {
        return ok(format!("it agrees with that of {whose}, to {} s", APART.num_seconds()));
    }
    let way = if apart > TimeDelta::zero() { "ahead of" } else { "behind" };
    wrong(format!(
        "it is {seconds} s {way} that of {whose}: set the clocks by NTP. A guest's 24 hours, sessions and retries go \
         by them"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_are_told_and_which_way() {
        let now = Utc::now();
        assert_eq!(compare(now, now + TimeDelta::seconds(5), "X").0, State::Ok);
        let (state, says) = compare(now, now - TimeDelta::seconds(90), "X");
        assert!(state == State::Wrong && says.contains("90 s ahead of that of X"), "{says}");
        assert!(compare(now, now + TimeDelta::seconds(90), "X").1.contains("90 s behind"));
    }
}
