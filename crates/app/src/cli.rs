//! Command line: one file per group of commands.

mod api_keys;
mod backup;
mod copy;
mod data;
mod doctor;
mod hotels;
mod parked;
#[cfg(feature = "simulator")]
mod simulate;
mod staff;
mod values;

use std::{path::Path, sync::Arc};

use clap::{Parser, Subcommand};
use desk::{DbUrl, Desk};
use serde_json::json;

use self::values::{print_document, print_json, print_text};
use crate::{
    clock::clock,
    error::CliError,
    openapi, server,
    settings::{Environment, JwtSecret, Settings},
};

/// The text of `--version`, from which tests learn whether the binary has a clock that they can advance.
const VERSION: &str = if cfg!(feature = "test-clock") {
    concat!(env!("CARGO_PKG_VERSION"), " (test-clock)")
} else {
    env!("CARGO_PKG_VERSION")
};

/// Shared WhatsApp inbox of a hotel: guests write, staff answer.
#[derive(Parser)]
#[command(name = "message-manager", version = VERSION, about)]
#[command(after_help = "Settings come from the environment, then from .env; .env.example lists them all.")]
pub struct CliArguments {
    #[command(subcommand)]
    pub command: CliCommand,
}

#[derive(Subcommand)]
pub enum CliCommand {
    /// Migrate the database, then serve
    Serve {
        /// Create a demo hotel in an empty database, and simulate guests; on loopback only
        #[arg(long)]
        demo: bool,
        /// Simulate WhatsApp, too, on loopback: replies get delivery receipts, and nothing is sent to Meta
        #[cfg(feature = "simulator")]
        #[arg(long, requires = "demo")]
        simulate_whatsapp: bool,
    },
    /// Migrate the database to the schema of this program
    Migrate {
        /// Only check the schema (exit code 1 if it is outdated)
        #[arg(long)]
        check: bool,
    },
    /// Create, list and configure hotels
    #[command(subcommand)]
    Hotel(hotels::HotelCommand),
    /// Create and list departments
    #[command(subcommand)]
    Department(hotels::DepartmentCommand),
    /// Create, list and change staff members
    #[command(subcommand)]
    Staff(staff::StaffCommand),
    /// Create, list and revoke API keys for other systems of a hotel
    #[command(subcommand)]
    ApiKey(api_keys::ApiKeyCommand),
    /// Import stays from a CSV file
    ImportStays(data::ImportStays),
    /// Fill the database with generated data, for tests and benchmarks
    Generate(data::Generate),
    /// Copy the SQLite database into a new file while servers run
    Backup(backup::Backup),
    /// Replace the SQLite database by a backup; the old database is kept under another name
    Restore(backup::Restore),
    /// Copy a database from SQLite to an empty PostgreSQL or back, while no server runs
    CopyDatabase(copy::CopyDatabase),
    /// List, show and retry webhook updates that could not be processed (dead letters)
    #[command(subcommand)]
    Parked(parked::ParkedCommand),
    /// Check the installation and explain how to fix each fault
    Doctor(doctor::Doctor),
    /// Begin a new epoch of the event log after a database was restored by other tools: clients load everything again
    NewEpoch,
    /// Simulate the WhatsApp Cloud API on loopback, for development without a Meta account
    #[cfg(feature = "simulator")]
    SimulateWhatsapp(simulate::Simulate),
    /// Print the OpenAPI document of the REST interface
    Openapi,
    /// Print the AsyncAPI document of the WebSocket
    Asyncapi,
}

/// Runs a command of the command line and prints its result as JSON.
pub async fn run(command: CliCommand) -> Result<(), CliError> {
    match command {
        CliCommand::Serve {
            demo,
            #[cfg(feature = "simulator")]
            simulate_whatsapp,
        } => {
            #[cfg(not(feature = "simulator"))]
            let simulate_whatsapp = false;
            server::run(settings()?, demo, simulate_whatsapp).await
        }
        CliCommand::Migrate { check } => migrate(check).await,
        CliCommand::Hotel(command) => print_json(&command.run(&open_desk().await?).await?),
        CliCommand::Department(command) => print_json(&command.run(&open_desk().await?).await?),
        CliCommand::Staff(command) => print_json(&command.run(&open_desk().await?).await?),
        CliCommand::ApiKey(command) => print_json(&command.run(&open_desk().await?).await?),
        CliCommand::ImportStays(command) => {
            let imported = command.run(&open_desk().await?).await?;
            print_json(&imported)?;
            match imported.rows.iter().filter(|it| it.result == "failed").count() {
                0 => Ok(()),
                failed => Err(CliError::FailedRows(failed)),
            }
        }
        CliCommand::Generate(command) => print_json(&command.run(&open_desk().await?).await?),
        CliCommand::Backup(command) => print_json(&command.run(&settings()?)?),
        CliCommand::Restore(command) => print_json(&command.run(&settings()?)?),
        CliCommand::CopyDatabase(command) => print_json(&command.run(&settings()?)?),
        CliCommand::Parked(command) => print_json(&command.run(&open_desk().await?).await?),
        CliCommand::Doctor(command) => command.run(settings()).await,
        CliCommand::NewEpoch => print_json(&json!({ "epoch": open_desk().await?.start_new_epoch().await? })),
        #[cfg(feature = "simulator")]
        CliCommand::SimulateWhatsapp(command) => command.run(&environment()?).await,
        CliCommand::Openapi => print_document(&openapi::document()?),
        CliCommand::Asyncapi => print_document(&wire::asyncapi()),
    }
}

async fn migrate(check: bool) -> Result<(), CliError> {
    if !check {
        open_desk_of(&settings()?).await?;
    } else if Desk::has_pending_migrations(&settings()?.database_url)? {
        return Err(CliError::SchemaOutdated);
    }
    print_text("The database is up to date.")
}

fn environment() -> Result<Environment, CliError> {
    Ok(Environment::with_file(Path::new(".env"))?)
}

fn settings() -> Result<Settings, CliError> {
    let environment = environment()?;
    Ok(Settings::read(|name| environment.get(name))?)
}

/// Opens the database for a command. Fails if there is none: a command in the wrong folder must not create an empty one.
async fn open_desk() -> Result<Desk, CliError> {
    let settings = settings()?;
    match &settings.database_url {
        url if Desk::database_exists(url)? => open_desk_of(&settings).await,
        DbUrl::Sqlite(file) => Err(CliError::NoDatabase(file.clone())),
        DbUrl::Postgres(_) => Err(CliError::EmptyPostgres),
    }
}

/// Opens the database, and creates it if necessary. Commands issue no access tokens, so the JWT secret is random. They
/// publish no events either: running servers find the changes in the event log.
async fn open_desk_of(settings: &Settings) -> Result<Desk, CliError> {
    let secret = JwtSecret::generate();
    let (url, lifetimes) = (&settings.database_url, settings.lifetimes());
    Ok(Desk::open(url, secret.as_bytes(), lifetimes, clock(settings), Arc::new(|_| {})).await?)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn error_kind(words: &str) -> ErrorKind {
        CliArguments::try_parse_from(words.split(' ')).err().map(|error| error.kind()).unwrap()
    }

    #[test]
    fn the_command_line_definition_is_consistent() {
        CliArguments::command().debug_assert();
    }

    #[test]
    fn wrong_usage_is_refused() {
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
            "message-manager api-key create --hotel 1 --name N --expires-at tomorrow",
            "message-manager api-key revoke mmk_x",
            "message-manager hotel set 1",
            "message-manager department list",
            "message-manager copy-database sqlite://a.db",
            "message-manager generate --hotels many",
            "message-manager backup",
            "message-manager restore one two",
            "message-manager new-epoch 7",
            "message-manager parked",
            "message-manager parked show x",
            "message-manager simulate-whatsapp --bind 127.0.0.1",
        ] {
            assert_ne!(error_kind(words), ErrorKind::DisplayVersion, "{words}");
        }
        assert_eq!(error_kind("message-manager --version"), ErrorKind::DisplayVersion);
    }

    #[test]
    fn all_commands_of_the_contract_are_parsed() {
        for words in [
            "serve --demo",
            "doctor",
            "doctor --json",
            "migrate --check",
            "hotel create --name N",
            "hotel list",
            "hotel set 1 --whatsapp-phone-number-id P",
            "hotel set 1 --country ES",
            "hotel set 1 --name N --timezone Europe/Madrid --whatsapp-business-account-id 102",
            "department list --hotel 1",
            "staff list --hotel 1",
            "api-key create --hotel 1 --name N --expires-at 2027-01-31T00:00:00Z",
            "api-key list --hotel 1",
            "api-key revoke 7",
            "copy-database sqlite://a.db postgres://b/c",
            "department create --hotel 1 --name N",
            "staff create --hotel 1 --username U --name N --role staff --department 1 --department 2 --password-stdin",
            "staff set U --department 1 --role manager",
            "staff create --hotel 1 --username U --name N --role manager --permanent",
            "staff passwd U --password-stdin",
            "staff passwd U --permanent",
            "staff activate U",
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
            "openapi",
            "asyncapi",
        ] {
            let parsed = CliArguments::try_parse_from(["message-manager"].into_iter().chain(words.split(' ')));
            assert!(parsed.is_ok(), "{words}");
        }
    }

    #[cfg(feature = "simulator")]
    #[test]
    fn whatsapp_can_be_simulated() {
        for words in [
            "serve --demo --simulate-whatsapp",
            "simulate-whatsapp --bind 127.0.0.1:0 --callback http://127.0.0.1/ --phone-number-id 1 --phone-number-id 2",
        ] {
            let parsed = CliArguments::try_parse_from(["message-manager"].into_iter().chain(words.split(' ')));
            assert!(parsed.is_ok(), "{words}");
        }
    }
}
