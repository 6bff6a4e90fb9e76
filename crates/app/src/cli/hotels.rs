//! Commands `hotel` and `department`.

use clap::{ArgGroup, Args, Subcommand};
use desk::{
    Desk,
    hotels::{HotelChange, OperatorHotelChange},
};
use domain::{Hotel, HotelId, Name, phone::Country};
use serde_json::{Value, json};
use wire::response::DepartmentResponse;

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
    /// Change settings of a hotel
    Set(SetHotel),
}

#[derive(Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct SetHotel {
    /// The hotel's id
    #[arg(value_parser = hotel_id)]
    hotel: HotelId,
    /// The phone number id in the WhatsApp Cloud API, unique over all hotels: digits
    #[arg(long, group = "change")]
    whatsapp_phone_number_id: Option<String>,
    /// The id of the WhatsApp Business Account, which has the approved templates: digits
    #[arg(long, group = "change")]
    whatsapp_business_account_id: Option<String>,
    /// Whether the guest flow answers automatically: on or off
    #[arg(long, value_parser = on_or_off, group = "change")]
    flow: Option<bool>,
    /// The name that guests see
    #[arg(long, value_parser = name, group = "change")]
    name: Option<Name>,
    /// The time zone, an IANA name like Europe/Madrid
    #[arg(long, group = "change")]
    timezone: Option<String>,
    /// The country whose rules complete telephone numbers without a country code: two letters, like ES
    #[arg(long, value_parser = country, group = "change")]
    country: Option<Country>,
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
    /// List the departments of a hotel, inactive ones too
    List {
        /// The hotel's id
        #[arg(long, value_parser = hotel_id)]
        hotel: HotelId,
    },
}

impl HotelCommand {
    pub async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        Ok(match self {
            Self::Create { name, timezone } => json!({ "id": desk.create_hotel(name, Some(timezone)).await?.0 }),
            Self::List => json!({ "hotels": desk.list_all_hotels().await?.iter().map(hotel_json).collect::<Vec<_>>() }),
            Self::Set(command) => command.run(desk).await?,
        })
    }
}

impl SetHotel {
    async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        let Self { hotel, whatsapp_phone_number_id, whatsapp_business_account_id, flow, name, timezone, country } =
            self;
        let change = HotelChange { name, timezone, country: country.map(Some), ..HotelChange::default() };
        let of_operator = OperatorHotelChange { whatsapp_phone_number_id, whatsapp_business_account_id, flow };
        desk.set_hotel(hotel, change, of_operator).await?;
        Ok(json!({ "id": hotel.0 }))
    }
}

impl DepartmentCommand {
    pub async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        Ok(match self {
            Self::Create { hotel, name } => json!({ "id": desk.create_department_of(hotel, name).await?.0 }),
            Self::List { hotel } => {
                let departments = desk.list_departments_of(hotel).await?;
                json!({ "departments": departments.iter().map(DepartmentResponse::from).collect::<Vec<_>>() })
            }
        })
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
        "variables": hotel.variables.as_map(),
        "whatsapp_business_account_id": hotel.whatsapp_business_account_id,
    })
}
