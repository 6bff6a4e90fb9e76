//! Commands about hotels, their departments, and the keys of their other systems.

use clap::Subcommand;
use desk::Desk;
use domain::{Country, Hotel, HotelId, Name};
use serde_json::{Value, json};

use super::{Failure, hotel_id, name};

/// Commands about hotels.
#[derive(Subcommand)]
pub enum HotelCommand {
    /// Make a hotel, with its first department
    Create {
        /// Its name
        #[arg(long, value_parser = name)]
        name: Name,
        /// Its time zone, an IANA name like Europe/Madrid
        #[arg(long, default_value = "UTC")]
        timezone: String,
    },
    /// List all hotels
    List,
    /// Set what only the command line may set
    Set {
        /// Its id
        #[arg(value_parser = hotel_id)]
        hotel: HotelId,
        /// Its number of the WhatsApp Cloud API, unique over all hotels
        #[arg(long, required_unless_present_any = ["flow", "country"])]
        whatsapp_phone_number_id: Option<String>,
        /// Whether the flow answers its guests: on or off
        #[arg(long, value_parser = on_or_off)]
        flow: Option<bool>,
        /// The country whose rules complete telephone numbers without a country code: two letters, like ES
        #[arg(long, value_parser = country)]
        country: Option<Country>,
    },
}

/// Commands about departments.
#[derive(Subcommand)]
pub enum DepartmentCommand {
    /// Make a department
    Create {
        /// The hotel's id
        #[arg(long, value_parser = hotel_id)]
        hotel: HotelId,
        /// Its name, unique in the hotel
        #[arg(long, value_parser = name)]
        name: Name,
    },
}

/// Commands about API keys.
#[derive(Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key with which another system may import stays, check in and check out; it is printed once
    Create {
        /// The hotel's id
        #[arg(long, value_parser = hotel_id)]
        hotel: HotelId,
        /// What the key is for
        #[arg(long, value_parser = name)]
        name: Name,
    },
}

impl HotelCommand {
    /// Does it; what is to be printed.
    ///
    /// # Errors
    /// A [`Failure`].
    pub async fn run(self, desk: &Desk) -> Result<Value, Failure> {
        Ok(match self {
            Self::Create { name, timezone } => json!({ "id": desk.add_hotel(name, Some(timezone)).await?.0 }),
            Self::List => json!({ "hotels": desk.all_hotels().await?.iter().map(shown).collect::<Vec<_>>() }),
            Self::Set { hotel, whatsapp_phone_number_id, flow, country } => {
                if let Some(number) = whatsapp_phone_number_id {
                    desk.set_whatsapp(hotel, number).await?;
                }
                if let Some(on) = flow {
                    desk.switch_flow(hotel, on).await?;
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
    /// Does it; what is to be printed.
    ///
    /// # Errors
    /// A [`Failure`].
    pub async fn run(self, desk: &Desk) -> Result<Value, Failure> {
        let Self::Create { hotel, name } = self;
        Ok(json!({ "id": desk.add_department(hotel, name).await?.0 }))
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

impl ApiKeyCommand {
    /// Does it; what is to be printed.
    ///
    /// # Errors
    /// A [`Failure`].
    pub async fn run(self, desk: &Desk) -> Result<Value, Failure> {
        let Self::Create { hotel, name } = self;
        let (id, key) = desk.add_api_key(hotel, name).await?;
        Ok(json!({ "id": id.0, "key": key.as_str() }))
    }
}

fn shown(hotel: &Hotel) -> Value {
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
