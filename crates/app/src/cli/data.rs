//! Commands that bring data in.

use std::path::PathBuf;

use auth::Password;
use clap::Args;
use desk::{Desk, Generated, GeneratedHotel, Sizes};
use domain::HotelId;
use serde_json::{Value, json};

use super::{Failure, hotel_id};
use crate::rest::stays::imported;

/// Takes in stays.
#[derive(Args)]
pub struct ImportStays {
    /// UTF-8, comma or semicolon; the header names reservation_code, guest_name, guest_phone,
    /// room_number, check_in, check_out
    file: PathBuf,
    /// The hotel's id
    #[arg(long, value_parser = hotel_id)]
    hotel: HotelId,
}

/// Makes data up.
#[derive(Args)]
pub struct Generate {
    /// How many hotels
    #[arg(long)]
    hotels: u32,
    /// Departments of each hotel
    #[arg(long)]
    departments: u32,
    /// Staff members of each hotel
    #[arg(long)]
    staff: u32,
    /// Stays of each hotel, each with a conversation
    #[arg(long)]
    stays: u32,
    /// Messages of each conversation
    #[arg(long)]
    messages: u32,
    /// The password of all staff members
    #[arg(long)]
    password: String,
}

impl ImportStays {
    /// Does it; what is to be printed. Rows that failed are told there.
    ///
    /// # Errors
    /// A [`Failure`] where the file is of no use at all.
    pub async fn run(self, desk: &Desk) -> Result<wire::Imported, Failure> {
        let csv = std::fs::read(&self.file).map_err(|error| Failure::File(self.file, error))?;
        let rows = desk.import_stays(self.hotel, &csv).await?;
        Ok(imported(&rows))
    }
}

impl Generate {
    /// Does it; what is to be printed.
    ///
    /// # Errors
    /// A [`Failure`].
    pub async fn run(self, desk: &Desk) -> Result<Value, Failure> {
        let Self { hotels, departments, staff, stays, messages, password } = self;
        let sizes = Sizes { hotels, departments, staff, stays, messages };
        let Generated { password, hotels } = desk.generate(sizes, Password::parse(password)?).await?;
        Ok(json!({ "password": password, "hotels": hotels.iter().map(hotel).collect::<Vec<_>>() }))
    }
}

fn hotel(it: &GeneratedHotel) -> Value {
    let departments = it.departments.iter().map(|it| json!({ "id": it.id.0, "name": it.name }));
    let staff = it.staff.iter().map(|it| {
        json!({
            "id": it.id.0,
            "username": it.username,
            "role": it.role.as_str(),
            "department_ids": it.department_ids.iter().map(|it| it.0).collect::<Vec<_>>(),
        })
    });
    let stays = it.stays.iter().map(|it| {
        json!({
            "id": it.id.0,
            "conversation_id": it.conversation_id.0,
            "room_number": it.room_number,
            "guest_phone": it.guest_phone,
            "status": it.status.as_str(),
            "department_id": it.department_id.map(|it| it.0),
        })
    });
    json!({
        "id": it.id.0,
        "departments": departments.collect::<Vec<_>>(),
        "staff": staff.collect::<Vec<_>>(),
        "stays": stays.collect::<Vec<_>>(),
    })
}
