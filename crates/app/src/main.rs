//! `message-manager`: server and command line of the shared WhatsApp inbox of a hotel.
//!
//! [`cli`] runs commands. [`server`] starts and stops the server, [`routes`] maps paths to the handlers in [`rest`],
//! and handlers call the use cases of [`desk::Desk`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod app_state;
mod cli;
mod clock;
mod endpoint;
mod error;
mod health;
mod metrics;
mod middleware;
mod openapi;
mod pages;
mod problem;
mod request;
mod rest;
mod routes;
mod server;
mod settings;
mod webhook;

use std::process::exit;

use clap::Parser;

/// The memory allocator is jemalloc, because an idle connection then takes less memory: its two buffers of 8 KiB begin
/// at page boundaries, so only the used pages are resident.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let arguments = cli::CliArguments::parse();
    let result = actix_web::rt::System::new().block_on(cli::run(arguments.command));
    // `exit` is called because returning from main would wait for blocking threads, which a database call can delay.
    match result {
        Ok(()) => exit(0),
        Err(error) => {
            eprintln!("message-manager: {}", error.in_one_line());
            exit(1);
        }
    }
}
