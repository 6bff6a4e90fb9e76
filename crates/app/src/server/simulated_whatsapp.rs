//! Simulated WhatsApp Cloud API inside the server process, for a demo (`--simulate-whatsapp`).

use std::net::SocketAddr;

use desk::{
    Desk,
    hotels::{HotelChange, OperatorHotelChange},
};
use simulator::{RunningSimulator, SimulatorOptions, WindowPolicy};
use uuid::Uuid;

use crate::{error::CliError, settings::Settings};

/// The shortest and longest delay between delivery and reading by a simulated guest, in milliseconds. Shorter than in
/// reality, because people watch a demo.
const READ_DELAY_MS: [u64; 2] = [1500, 4000];

/// Starts the simulator and points all WhatsApp settings to it, so that a demo never calls Meta. If no hotel has a
/// WhatsApp number, the first one gets a number, and the account of the simulator.
///
/// The simulator does not check the 24-hour window, because guests of a demo write without it.
pub async fn start(desk: &Desk, settings: &mut Settings, server: SocketAddr) -> Result<RunningSimulator, CliError> {
    let defaults = SimulatorOptions::default();
    // The secrets are random, so that no other process on this machine can sign webhook calls.
    let [app_secret, verify_token, access_token] = [(); 3].map(|()| Uuid::new_v4().simple().to_string());
    settings.whatsapp_app_secret = Some(app_secret.clone());
    settings.whatsapp_verify_token = Some(verify_token.clone());
    settings.whatsapp_access_token = Some(access_token.clone());
    let behaviour = simulator::SimulatorSettings {
        callback: Some(format!("http://{server}/webhooks/whatsapp/")),
        read_ms: READ_DELAY_MS,
        window: WindowPolicy::Off,
        ..defaults.settings
    };
    let phone_numbers = phone_numbers(desk, defaults.phone_numbers).await?;
    set_missing_account(desk, &defaults.waba_id).await?;
    let options =
        SimulatorOptions { app_secret, verify_token, access_token, phone_numbers, settings: behaviour, ..defaults };
    let simulator = simulator::start_simulator(options)?;
    settings.whatsapp_api_url = simulator.url();
    Ok(simulator)
}

/// Returns the WhatsApp phone number ids of all hotels. If no hotel has one, the first hotel gets the first id of
/// `defaults`.
async fn phone_numbers(desk: &Desk, defaults: Vec<String>) -> Result<Vec<String>, CliError> {
    let hotels = desk.list_all_hotels().await?;
    let of_hotels: Vec<String> = hotels.iter().filter_map(|it| it.whatsapp_phone_number_id.clone()).collect();
    if !of_hotels.is_empty() {
        return Ok(of_hotels);
    }
    if let (Some(hotel), Some(number)) = (hotels.first(), defaults.first()) {
        desk.set_whatsapp(hotel.id, number.clone()).await?;
    }
    Ok(defaults)
}

/// Gives the account of the simulator to the first hotel, unless a hotel has an account, so that its templates can be
/// read.
async fn set_missing_account(desk: &Desk, account: &str) -> Result<(), CliError> {
    let hotels = desk.list_all_hotels().await?;
    let is_missing = hotels.iter().all(|hotel| hotel.whatsapp_business_account_id.is_none());
    if let Some(hotel) = hotels.first().filter(|_| is_missing) {
        let account = OperatorHotelChange {
            whatsapp_business_account_id: Some(account.to_owned()),
            ..OperatorHotelChange::default()
        };
        desk.set_hotel(hotel.id, HotelChange::default(), account).await?;
    }
    Ok(())
}
