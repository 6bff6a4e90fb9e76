//! The command that stands in for the WhatsApp Cloud API.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use clap::Args;
use simulator::{Options, Settings};

use super::Failure;
use crate::{log::begin, settings::Environment};

/// The setting with which the product is told where the Cloud API is.
const API_URL: &str = "WHATSAPP_API_URL";

/// Stands in for the WhatsApp Cloud API.
#[derive(Args)]
pub struct Simulate {
    /// Where to listen; a loopback address
    #[arg(long, default_value = "127.0.0.1:8090")]
    bind: SocketAddr,
    /// Where guests' messages and statuses are posted
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/whatsapp/")]
    callback: String,
    /// The id of a number of the account; may be given several times
    #[arg(long = "phone-number-id", default_value = "105000000000001")]
    phone_number_ids: Vec<String>,
    /// Answer at once and let ticks turn at once, instead of as in life
    #[arg(long)]
    quick: bool,
}

impl Simulate {
    /// Does it, until a signal ends it.
    ///
    /// # Errors
    /// A [`Failure`] to start.
    pub async fn run(self, environment: &Environment) -> Result<(), Failure> {
        begin("info,actix_server=warn");
        let settings = if self.quick { Settings::immediate() } else { Settings::lifelike() };
        let settings = Settings { callback: Some(self.callback), ..settings };
        let mut options = Options {
            bind: self.bind,
            phone_numbers: self.phone_number_ids,
            settings,
            verify: true,
            ..Options::default()
        };
        // What is shown of each; a secret only where everybody knows it.
        let mut shown = Vec::new();
        for (name, secret) in [
            ("WHATSAPP_APP_SECRET", &mut options.app_secret),
            ("WHATSAPP_VERIFY_TOKEN", &mut options.verify_token),
            ("WHATSAPP_ACCESS_TOKEN", &mut options.access_token),
        ] {
            match environment.get(name).filter(|text| !text.trim().is_empty()) {
                Some(set) => {
                    *secret = set.trim().to_owned();
                    shown.push(format!("{name} as it is set here"));
                }
                None => shown.push(format!("{name}={secret}")),
            }
        }
        let number = options.phone_numbers.first().cloned().unwrap_or_default();
        Ok(simulator::run(options, |address| tell(address, &shown, &number)).await?)
    }
}

/// Says how it is used.
fn tell(address: SocketAddr, secrets: &[String], number: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "This stands in for the WhatsApp Cloud API. Start the server with")?;
    writeln!(out, "  {API_URL}=http://{address}")?;
    for secret in secrets {
        writeln!(out, "  {secret}")?;
    }
    writeln!(out, "and give a hotel the number:")?;
    writeln!(out, "  message-manager hotel set 1 --whatsapp-phone-number-id {number}")?;
    writeln!(out, "A guest writes:")?;
    writeln!(
        out,
        "  curl -H 'content-type: application/json' -d '{{\"from\":\"+447700900123\",\"text\":\"Hello\"}}' \
         http://{address}/control/guest/"
    )?;
    writeln!(out, "listening on http://{address}")?;
    out.flush()
}
