//! `message-manager`: guests write, hotel staff answer. Here all the crates meet.
//!
//! [`settings`] says how, [`cli`] what is to be done; [`serve`] starts and stops the server, whose
//! addresses are in [`routes`] and whose handlers, given the [`state`], call the desk.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod cli;
mod clock;
mod extract;
mod health;
mod log;
mod metrics;
mod openapi;
mod origin;
mod pages;
mod problem;
mod recent;
mod rest;
mod routes;
mod serve;
mod settings;
mod state;
mod webhook;

use std::process::exit;

use clap::Parser;

/// Its blocks of 8 KiB, of which each connection has two, begin at pages: of an idle one few are touched.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let arguments = cli::Arguments::parse();
    let outcome = actix_web::rt::System::new().block_on(cli::run(arguments.command));
    // Not by returning: that would wait for whatever a database still holds up.
    match outcome {
        Ok(()) => exit(0),
        Err(failure) => {
            eprintln!("message-manager: {}", failure.in_one_line());
            exit(1);
        }
    }
}
