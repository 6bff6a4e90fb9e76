//! Commands `import-stays` and `generate`.

use std::path::PathBuf;

use auth::Password;
use clap::Args;
use desk::{
    Desk,
    generate::{Generated, GeneratedHotel, GeneratedSizes},
};
use domain::HotelId;
use serde_json::{Value, json};
use wire::response::ImportResponse;

use super::values::hotel_id;
use crate::{error::CliError, rest::stays::import_result};

#[derive(Args)]
pub struct ImportStays {
    /// A CSV file in UTF-8 with comma or semicolon; its header contains reservation_code, guest_name, guest_phone,
    /// room_number, check_in, check_out
    file: PathBuf,
    /// The hotel's id
    #[arg(long, value_parser = hotel_id)]
    hotel: HotelId,
    /// Print the result of each row without storing anything
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
pub struct Generate {
    /// Number of hotels
    #[arg(long)]
    hotels: u32,
    /// Departments per hotel
    #[arg(long)]
    departments: u32,
    /// Staff members per hotel
    #[arg(long)]
    staff: u32,
    /// Stays per hotel, each with a conversation
    #[arg(long)]
    stays: u32,
    /// Messages per conversation
    #[arg(long)]
    messages: u32,
    /// The password of all staff members
    #[arg(long)]
    password: String,
}

impl ImportStays {
    /// Imports stays and returns the result of each row. Fails if the CSV file cannot be read or is no table of stays.
    pub async fn run(self, desk: &Desk) -> Result<ImportResponse, CliError> {
        let csv = std::fs::read(&self.file).map_err(|error| CliError::ReadFile(self.file, error))?;
        let rows = match self.dry_run {
            true => desk.preview_import(self.hotel, &csv).await?,
            false => desk.import_stays(self.hotel, &csv).await?,
        };
        Ok(import_result(&rows))
    }
}

impl Generate {
    pub async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        let Self { hotels, departments, staff, stays, messages, password } = self;
        let sizes = GeneratedSizes { hotels, departments, staff, stays, messages };
        let Generated { password, hotels } = desk.generate(sizes, Password::parse(password)?).await?;
        Ok(json!({ "password": password, "hotels": hotels.iter().map(hotel_json).collect::<Vec<_>>() }))
    }
}

fn hotel_json(hotel: &GeneratedHotel) -> Value {
    let departments = hotel.departments.iter().map(|it| json!({ "id": it.id.0, "name": it.name }));
    let staff = hotel.staff.iter().map(|member| {
        json!({
            "id": member.id.0,
            "username": member.username,
            "role": member.role.as_str(),
            "department_ids": member.department_ids.iter().map(|it| it.0).collect::<Vec<_>>(),
        })
    });
    let stays = hotel.stays.iter().map(|stay| {
        json!({
            "id": stay.id.0,
            "conversation_id": stay.conversation_id.0,
            "room_number": stay.room_number,
            "guest_phone": stay.guest_phone,
            "status": stay.status.as_str(),
            "department_id": stay.department_id.map(|it| it.0),
        })
    });
    json!({
        "id": hotel.id.0,
        "departments": departments.collect::<Vec<_>>(),
        "staff": staff.collect::<Vec<_>>(),
        "stays": stays.collect::<Vec<_>>(),
    })
}
