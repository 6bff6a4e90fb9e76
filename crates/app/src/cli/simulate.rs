//! Command `simulate-whatsapp`: a simulated WhatsApp Cloud API.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use clap::Args;
use simulator::{SimulatorOptions, SimulatorSettings};

use crate::{
    error::CliError,
    settings::{Environment, log_filter::start_logging},
};

const API_URL: &str = "WHATSAPP_API_URL";

#[derive(Args)]
pub struct Simulate {
    /// The loopback address to listen on
    #[arg(long, default_value = "127.0.0.1:8090")]
    bind: SocketAddr,
    /// The webhook that receives guest messages and delivery receipts
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/whatsapp/")]
    callback: String,
    /// A phone number id of the account; can be repeated
    #[arg(long = "phone-number-id", default_value = "105000000000001")]
    phone_number_ids: Vec<String>,
    /// Respond and send delivery receipts at once, without realistic delays
    #[arg(long)]
    quick: bool,
}

impl Simulate {
    /// Runs the simulator until a signal stops the process.
    pub async fn run(self, environment: &Environment) -> Result<(), CliError> {
        start_logging("info,actix_server=warn");
        let settings = if self.quick { SimulatorSettings::immediate() } else { SimulatorSettings::lifelike() };
        let settings = SimulatorSettings { callback: Some(self.callback), ..settings };
        let mut options = SimulatorOptions {
            bind: self.bind,
            phone_numbers: self.phone_number_ids,
            settings,
            verify: true,
            ..SimulatorOptions::default()
        };
        // Only default secrets, which are public, are printed; secrets from the environment are not.
        let mut lines = Vec::new();
        for (name, secret) in [
            ("WHATSAPP_APP_SECRET", &mut options.app_secret),
            ("WHATSAPP_VERIFY_TOKEN", &mut options.verify_token),
            ("WHATSAPP_ACCESS_TOKEN", &mut options.access_token),
        ] {
            match environment.get(name).filter(|text| !text.trim().is_empty()) {
                Some(value) => {
                    *secret = value.trim().to_owned();
                    lines.push(format!("{name} as it is set here"));
                }
                None => lines.push(format!("{name}={secret}")),
            }
        }
        let number = options.phone_numbers.first().cloned().unwrap_or_default();
        Ok(simulator::run_until_signal(options, |address| print_usage(address, &lines, &number)).await?)
    }
}

fn print_usage(address: SocketAddr, secrets: &[String], number: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "This simulates the WhatsApp Cloud API. Start the server with")?;
    writeln!(out, "  {API_URL}=http://{address}")?;
    for secret in secrets {
        writeln!(out, "  {secret}")?;
    }
    writeln!(out, "and set the phone number id of a hotel:")?;
    writeln!(out, "  message-manager hotel set 1 --whatsapp-phone-number-id {number}")?;
    writeln!(out, "Send a message as a guest:")?;
    writeln!(
        out,
        "  curl -H 'content-type: application/json' -d '{{\"from\":\"+447700900123\",\"text\":\"Hello\"}}' \
         http://{address}/control/guest/"
    )?;
    writeln!(out, "listening on http://{address}")?;
    out.flush()
}
