//! Responses with sessions of staff members.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::time::Timestamp;

/// A session: one sign-in of a staff member, from login to logout.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffSession)]
pub struct SessionResponse {
    /// Number of the session, with which it is ended.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Time of the sign-in.
    pub created_at: Timestamp,
    /// Time of the last use, as exact as an hour.
    pub last_used_at: Timestamp,
    /// Network address of the sign-in; null for sessions that are older than this field.
    #[schema(required, examples("203.0.113.9"))]
    pub address: Option<String>,
    /// Browser or program of the sign-in, shortened; null if it gave none.
    #[schema(required)]
    pub user_agent: Option<String>,
    /// Whether this is the session of the request.
    pub current: bool,
}

/// The sessions of a staff member.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffSessions)]
pub struct SessionsResponse {
    /// The sessions that are not over, last used first, at most 100.
    pub results: Vec<SessionResponse>,
}

impl SessionResponse {
    /// A session with the times of sign-in and last use; `client` is address and user agent of the sign-in.
    pub fn new(
        id: i64,
        (created_at, last_used_at): (DateTime<Utc>, DateTime<Utc>),
        (address, user_agent): (Option<String>, Option<String>),
        current: bool,
    ) -> Self {
        let (created_at, last_used_at) = (Timestamp(created_at), Timestamp(last_used_at));
        Self { id, created_at, last_used_at, address, user_agent, current }
    }
}
