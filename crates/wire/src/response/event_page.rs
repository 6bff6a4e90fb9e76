//! Response with a page of the event log.

use serde::Serialize;
use utoipa::ToSchema;

use crate::socket::events::LoggedEvent;

/// A page of the hotel's event log with the events that the caller may see.
#[derive(Serialize, ToSchema)]
#[schema(as = Missed)]
pub struct EventPage {
    /// Epoch: the name of the database's history; a restored backup begins another epoch.
    pub epoch: String,
    /// Position up to which the event log was read: the `after_seq` of the next request. Equals the requested
    /// `after_seq` if there are no newer events.
    #[schema(minimum = 0)]
    pub seq: i64,
    /// The events in the order of `seq`, in the same shape as on the WebSocket.
    pub results: Vec<LoggedEvent>,
}
