//! Commands about what came from WhatsApp and could not be processed.

use clap::Subcommand;
use desk::{Desk, Parked};
use domain::HotelId;
use serde_json::{Value, json};

use super::{Failure, hotel_id, id};

/// So many are listed at most.
const MOST: i64 = 1000;

/// Commands about what is parked.
#[derive(Subcommand)]
pub enum ParkedCommand {
    /// List it, oldest first, without what it says; at most 1,000
    List {
        /// Only what came after this one
        #[arg(long, value_parser = id)]
        after: Option<i64>,
    },
    /// Show one, with what it says
    Show {
        /// Its id
        #[arg(value_parser = id)]
        id: i64,
    },
    /// Process one once more
    Retry {
        /// Its id
        #[arg(value_parser = id)]
        id: i64,
        /// For this hotel; else for the one that had the number when it came
        #[arg(long, value_parser = hotel_id)]
        hotel: Option<HotelId>,
    },
}

impl ParkedCommand {
    /// Does it; what is to be printed.
    ///
    /// # Errors
    /// A [`Failure`].
    pub async fn run(self, desk: &Desk) -> Result<Value, Failure> {
        Ok(match self {
            Self::List { after } => {
                json!({ "parked": desk.parked(after.unwrap_or(0), MOST).await?.iter().map(listed).collect::<Vec<_>>() })
            }
            Self::Show { id } => {
                let it = desk.find_parked(id).await?;
                let mut shown = listed(&it);
                shown["raw"] = it.raw.into();
                shown
            }
            Self::Retry { id, hotel } => {
                let done = desk.retry_parked(id, hotel).await?;
                json!({ "messages": done.messages, "reports": done.reports, "parked": done.parked })
            }
        })
    }
}

fn listed(it: &Parked) -> Value {
    json!({
        "id": it.id,
        "received_at": wire::Timestamp(it.received_at),
        "reason": it.reason,
        "phone_number_id": it.phone_number_id,
        "hotel_id": it.hotel.map(|it| it.0),
    })
}
