//! The command line.

mod backup;
mod data;
mod doctor;
mod failure;
mod hotels;
mod parked;
mod simulate;
mod staff;

pub use failure::Failure;

use std::{
    io::{ErrorKind, Write},
    path::Path,
    sync::Arc,
};

use clap::{Parser, Subcommand};
use desk::Desk;
use domain::{DepartmentId, HotelId, Name};
use serde::Serialize;
use serde_json::json;

use crate::{
    clock::clock,
    openapi, serve,
    settings::{Environment, JwtSecret, Settings},
};

/// Guests write, hotel staff answer.
#[derive(Parser)]
#[command(name = "message-manager", version, about)]
#[command(after_help = "Settings come from the environment, then from .env; .env.example lists them all.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Bring the database up to date, then serve
    Serve {
        /// Make a demo hotel in an empty database, and let guests be played; on loopback only
        #[arg(long)]
        demo: bool,
        /// Play WhatsApp, too, on loopback: what staff write gets its ticks; nothing goes to Meta
        #[arg(long, requires = "demo")]
        simulate_whatsapp: bool,
    },
    /// Bring the database up to date
    Migrate {
        /// Only tell whether it is (exit code 1 where it is behind)
        #[arg(long)]
        check: bool,
    },
    /// Make, list and set hotels
    #[command(subcommand)]
    Hotel(hotels::HotelCommand),
    /// Make departments
    #[command(subcommand)]
    Department(hotels::DepartmentCommand),
    /// Make, list and change staff members
    #[command(subcommand)]
    Staff(staff::StaffCommand),
    /// Make keys for other systems of a hotel
    #[command(subcommand)]
    ApiKey(hotels::ApiKeyCommand),
    /// Take in stays from CSV
    ImportStays(data::ImportStays),
    /// Fill the database with made-up data, for tests and load
    Generate(data::Generate),
    /// Copy the SQLite database into a new file, while servers go on
    Backup(backup::Backup),
    /// Put a backup in the place of the SQLite database, which is kept under another name
    Restore(backup::Restore),
    /// List, show and retry what came from WhatsApp and could not be processed
    #[command(subcommand)]
    Parked(parked::ParkedCommand),
    /// Say what is wrong with the set-up, and what to do about it
    Doctor(doctor::Doctor),
    /// Begin another history, after a database was restored by other means: clients fetch afresh
    NewEpoch,
    /// Stand in for the WhatsApp Cloud API, on loopback, for people without a Meta account
    SimulateWhatsapp(simulate::Simulate),
    /// Print the description of the REST interface
    Openapi,
    /// Print the description of the WebSocket
    Asyncapi,
}

/// Does it.
///
/// # Errors
/// A [`Failure`], to be told in one line.
pub async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve { demo, simulate_whatsapp } => serve::run(settings()?, demo, simulate_whatsapp).await,
        Command::Migrate { check } => migrate(check).await,
        Command::Hotel(it) => print(&it.run(&desk().await?).await?),
        Command::Department(it) => print(&it.run(&desk().await?).await?),
        Command::Staff(it) => print(&it.run(&desk().await?).await?),
        Command::ApiKey(it) => print(&it.run(&desk().await?).await?),
        Command::ImportStays(it) => {
            let imported = it.run(&desk().await?).await?;
            print(&imported)?;
            match imported.rows.iter().filter(|it| it.result == "failed").count() {
                0 => Ok(()),
                failed => Err(Failure::Rows(failed)),
            }
        }
        Command::Generate(it) => print(&it.run(&desk().await?).await?),
        Command::Backup(it) => print(&it.run(&settings()?)?),
        Command::Restore(it) => print(&it.run(&settings()?)?),
        Command::Parked(it) => print(&it.run(&desk().await?).await?),
        Command::Doctor(it) => it.run(settings()).await,
        Command::NewEpoch => print(&json!({ "epoch": desk().await?.begin_epoch().await? })),
        Command::SimulateWhatsapp(it) => it.run(&environment()?).await,
        Command::Openapi => print_long(&openapi::document()),
        Command::Asyncapi => print_long(&wire::asyncapi()),
    }
}

async fn migrate(check: bool) -> Result<(), Failure> {
    if !check {
        desk().await?;
    } else if Desk::is_behind(&settings()?.database_url)? {
        return Err(Failure::Behind);
    }
    write("The database is up to date.")
}

fn environment() -> Result<Environment, Failure> {
    Ok(Environment::with_file(Path::new(".env"))?)
}

fn settings() -> Result<Settings, Failure> {
    let environment = environment()?;
    Ok(Settings::read(|name| environment.get(name))?)
}

/// The desk, for a command. It gives out no tokens, so any secret will do; a running server finds
/// what is changed in the log of events.
async fn desk() -> Result<Desk, Failure> {
    let settings = settings()?;
    let secret = JwtSecret::new();
    let (url, lifetimes) = (&settings.database_url, settings.lifetimes());
    Ok(Desk::open(url, secret.as_bytes(), lifetimes, clock(&settings), Arc::new(|_| {})).await?)
}

fn print(answer: &impl Serialize) -> Result<(), Failure> {
    write(&serde_json::to_string(answer)?)
}

fn print_long(document: &impl Serialize) -> Result<(), Failure> {
    write(&serde_json::to_string_pretty(document)?)
}

/// Prints a text. Who has read enough of it, like `head`, may close the pipe.
fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn hotel_id(text: &str) -> Result<HotelId, String> {
    id(text).map(HotelId)
}

fn department_id(text: &str) -> Result<DepartmentId, String> {
    id(text).map(DepartmentId)
}

fn id(text: &str) -> Result<i64, String> {
    text.parse().ok().filter(|id| *id > 0).ok_or_else(|| "an id is a positive number".to_owned())
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn fault(words: &str) -> ErrorKind {
        Arguments::try_parse_from(words.split(' ')).err().map(|error| error.kind()).unwrap()
    }

    #[test]
    fn the_command_line_is_put_together_right() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn wrong_usage_is_told() {
        for words in [
            "message-manager",
            "message-manager nothing",
            "message-manager serve --loud",
            "message-manager serve --simulate-whatsapp",
            "message-manager doctor --all",
            "message-manager hotel create",
            "message-manager hotel set 0 --whatsapp-phone-number-id 1",
            "message-manager staff create --hotel x --username u --name n --role staff",
            "message-manager staff create --hotel 1 --username u --name n --role boss",
            "message-manager staff set u",
            "message-manager import-stays --hotel 1",
            "message-manager api-key create --name N",
            "message-manager generate --hotels many",
            "message-manager backup",
            "message-manager restore one two",
            "message-manager new-epoch 7",
            "message-manager parked",
            "message-manager parked show x",
            "message-manager simulate-whatsapp --bind 127.0.0.1",
        ] {
            assert_ne!(fault(words), ErrorKind::DisplayVersion, "{words}");
        }
        assert_eq!(fault("message-manager --version"), ErrorKind::DisplayVersion);
    }

    #[test]
    fn what_the_contract_says_is_understood() {
        for words in [
            "serve --demo",
            "serve --demo --simulate-whatsapp",
            "doctor",
            "doctor --json",
            "migrate --check",
            "hotel create --name N",
            "hotel list",
            "hotel set 1 --whatsapp-phone-number-id P",
            "hotel set 1 --country ES",
            "department create --hotel 1 --name N",
            "staff create --hotel 1 --username U --name N --role staff --department 1 --department 2 --password-stdin",
            "staff set U --department 1 --role manager",
            "staff passwd U --password-stdin",
            "staff deactivate U",
            "staff list",
            "import-stays FILE --hotel 1",
            "api-key create --hotel 1 --name N",
            "generate --hotels 1 --departments 2 --staff 3 --stays 4 --messages 5 --password P",
            "backup FILE",
            "restore FILE",
            "new-epoch",
            "parked list",
            "parked show 1",
            "parked retry 1 --hotel 2",
            "simulate-whatsapp --bind 127.0.0.1:0 --callback http://127.0.0.1/ --phone-number-id 1 --phone-number-id 2",
            "openapi",
            "asyncapi",
        ] {
            let parsed = Arguments::try_parse_from(["message-manager"].into_iter().chain(words.split(' ')));
            assert!(parsed.is_ok(), "{words}");
        }
    }
}
