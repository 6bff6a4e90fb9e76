//! Command `parked`: webhook updates that could not be processed (dead letters).

use clap::Subcommand;
use desk::{Desk, inbound::dead_letters::DeadLetter};
use domain::HotelId;
use serde_json::{Value, json};

use super::values::{hotel_id, id};
use crate::error::CliError;

const MAX_LISTED: i64 = 1000;

#[derive(Subcommand)]
pub enum ParkedCommand {
    /// List at most 1,000, oldest first, without their content
    List {
        /// Only those after this id
        #[arg(long, value_parser = id)]
        after: Option<i64>,
    },
    /// Show one with its content
    Show {
        /// The id of the update
        #[arg(value_parser = id)]
        id: i64,
    },
    /// Process one again
    Retry {
        /// The id of the update
        #[arg(value_parser = id)]
        id: i64,
        /// Process it for this hotel instead of the one that had the phone number on arrival
        #[arg(long, value_parser = hotel_id)]
        hotel: Option<HotelId>,
    },
}

impl ParkedCommand {
    pub async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        Ok(match self {
            Self::List { after } => {
                let updates = desk.list_dead_letters(after.unwrap_or(0), MAX_LISTED).await?;
                json!({ "parked": updates.iter().map(summary_json).collect::<Vec<_>>() })
            }
            Self::Show { id } => {
                let update = desk.find_dead_letter(id).await?;
                let mut shown = summary_json(&update);
                shown["raw"] = update.raw.into();
                shown
            }
            Self::Retry { id, hotel } => {
                let result = desk.retry_dead_letter_by_operator(id, hotel).await?;
                json!({ "messages": result.messages, "reports": result.reports, "parked": result.parked })
            }
        })
    }
}

fn summary_json(update: &DeadLetter) -> Value {
    json!({
        "id": update.id,
        "received_at": wire::Timestamp(update.received_at),
        "reason": update.reason,
        "phone_number_id": update.phone_number_id,
        "hotel_id": update.hotel.map(|it| it.0),
    })
}
