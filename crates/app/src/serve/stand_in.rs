//! A demo in which WhatsApp is played within the program.

use std::net::SocketAddr;

use desk::Desk;
use simulator::{Options, Running, Window};
use uuid::Uuid;

use crate::{cli::Failure, settings::Settings};

/// When a guest of the demo reads, after it was delivered, in milliseconds: sooner than in life, since somebody
/// watches.
const READ: [u64; 2] = [1500, 4000];

/// Starts what stands in for the Cloud API, sets everything to it, whatever was set, and sees to it that a hotel
/// has a number. Guests of a demo write past it, so that it leaves the window of 24 hours to the program.
///
/// # Errors
/// A [`Failure`].
pub async fn begin(desk: &Desk, settings: &mut Settings, server: SocketAddr) -> Result<Running, Failure> {
    let usual = Options::default();
    // Nobody else on this machine is to know them.
    let [app_secret, verify_token, access_token] = [(); 3].map(|()| Uuid::new_v4().simple().to_string());
    settings.whatsapp_app_secret = Some(app_secret.clone());
    settings.whatsapp_verify_token = Some(verify_token.clone());
    settings.whatsapp_access_token = Some(access_token.clone());
    let behaviour = simulator::Settings {
        callback: Some(format!("http://{server}/webhooks/whatsapp/")),
        read_ms: READ,
        window: Window::Off,
        ..usual.settings
    };
    let phone_numbers = numbers(desk, usual.phone_numbers).await?;
    let options = Options { app_secret, verify_token, access_token, phone_numbers, settings: behaviour, ..usual };
    let simulated = simulator::start(options)?;
    settings.whatsapp_api_url = simulated.url();
    Ok(simulated)
}

/// The numbers of the hotels; where none has one, the first hotel gets the first of `usual`.
async fn numbers(desk: &Desk, usual: Vec<String>) -> Result<Vec<String>, Failure> {
    let hotels = desk.all_hotels().await?;
    let known: Vec<String> = hotels.iter().filter_map(|it| it.whatsapp_phone_number_id.clone()).collect();
    if !known.is_empty() {
        return Ok(known);
    }
    if let (Some(hotel), Some(number)) = (hotels.first(), usual.first()) {
        desk.set_whatsapp(hotel.id, number.clone()).await?;
    }
    Ok(usual)
}
