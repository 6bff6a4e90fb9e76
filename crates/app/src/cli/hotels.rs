//! Commands `hotel`, `department` and `api-key`.

use clap::Subcommand;
use desk::Desk;
use domain::{Hotel, HotelId, Name, phone::Country};
use serde_json::{Value, json};

use super::values::{hotel_id, name};
use crate::error::CliError;

#[derive(Subcommand)]
pub enum HotelCommand {
    /// Create a hotel with its first department
    Create {
        /// The name of the hotel
        #[arg(long, value_parser = name)]
        name: Name,
        /// The time zone, an IANA name like Europe/Madrid
        #[arg(long, default_value = "UTC")]
        timezone: String,
    },
    /// List all hotels
    List,
    /// Change settings that only the command line can change
    Set {
        /// The hotel's id
        #[arg(value_parser = hotel_id)]
        hotel: HotelId,
        /// The phone number id in the WhatsApp Cloud API, unique over all hotels
        #[arg(long, required_unless_present_any = ["flow", "country"])]
        whatsapp_phone_number_id: Option<String>,
        /// Whether the guest flow answers automatically: on or off
        #[arg(long, value_parser = on_or_off)]
        flow: Option<bool>,
        /// The country whose rules complete telephone numbers without a country code: two letters, like ES
        #[arg(long, value_parser = country)]
        country: Option<Country>,
    },
}

#[derive(Subcommand)]
pub enum DepartmentCommand {
    /// Create a department
    Create {
        /// The hotel's id
        #[arg(long, value_parser = hotel_id)]
        hotel: HotelId,
        /// The name, unique in the hotel
        #[arg(long, value_parser = name)]
        name: Name,
    },
}

#[derive(Subcommand)]
pub enum ApiKeyCommand {
    /// Create a key for a system that imports stays, checks in and checks out; it is printed only once
    Create {
        /// The hotel's id
        #[arg(long, value_parser = hotel_id)]
        hotel: HotelId,
        /// The purpose of the key
        #[arg(long, value_parser = name)]
        name: Name,
    },
}

impl HotelCommand {
    pub async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        Ok(match self {
            Self::Create { name, timezone } => json!({ "id": desk.create_hotel(name, Some(timezone)).await?.0 }),
            Self::List => json!({ "hotels": desk.list_all_hotels().await?.iter().map(hotel_json).collect::<Vec<_>>() }),
            Self::Set { hotel, whatsapp_phone_number_id, flow, country } => {
                if let Some(number) = whatsapp_phone_number_id {
                    desk.set_whatsapp(hotel, number).await?;
                }
                if let Some(on) = flow {
                    desk.set_flow_enabled(hotel, on).await?;
                }
                if let Some(country) = country {
                    desk.set_country(hotel, country).await?;
                }
                json!({ "id": hotel.0 })
            }
        })
    }
}

impl DepartmentCommand {
    pub async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        let Self::Create { hotel, name } = self;
        Ok(json!({ "id": desk.create_department_of(hotel, name).await?.0 }))
    }
}

impl ApiKeyCommand {
    pub async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        let Self::Create { hotel, name } = self;
        let (id, key) = desk.create_api_key(hotel, name).await?;
        Ok(json!({ "id": id.0, "key": key.as_str() }))
    }
}

fn country(text: &str) -> Result<Country, String> {
    Country::parse(text).map_err(|error| error.to_string())
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off".to_owned()),
    }
}

fn hotel_json(hotel: &Hotel) -> Value {
    json!({
        "id": hotel.id.0,
        "name": hotel.name,
        "timezone": hotel.timezone,
        "default_department_id": hotel.default_department.map(|it| it.0),
        "opener_template_id": hotel.opener_template.map(|it| it.0),
        "whatsapp_phone_number_id": hotel.whatsapp_phone_number_id,
        "flow": hotel.flow,
        "country": hotel.country.map(|it| it.to_string()),
    })
}
